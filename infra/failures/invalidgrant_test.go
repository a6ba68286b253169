package failures_test

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/infra/failures"
	"dialtone/infra/sim/simkit"
	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
)

// TestInvalidGrant: a wrong password costs one token request, and the directory
// sees no second one for 30 minutes, from any request of the user and any
// process, unless the secret has changed. Other users are not held up.
func TestInvalidGrant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := openFile(t)
		defer file.Close()
		w := newWorld(t, file, failures.Row{}, command.NumbersQueue)
		defer w.stop()
		refusal := simkit.Fault{Operation: "token", User: person, Status: 400, Code: "invalid_grant"}
		if _, err := w.skype.Script().Add(refusal); err != nil {
			t.Fatal(err)
		}
		w.denied(t, "first", person, "refused the user's name or password")
		w.signIns(t, 1)

		w.later(t, 25*time.Minute)
		w.denied(t, "second", person, "refused a short while ago") // by another process, which knows it from the ledger
		w.signIns(t, 1)
		w.done(t, w.bodyFor(failures.Assign, "other", "user00002@contoso.test"))

		w.later(t, 6*time.Minute)
		w.denied(t, "third", person, "refused the user's name or password")
		w.signIns(t, 2)

		w.skype.Script().Clear()
		w.denied(t, "fourth", person, "refused a short while ago")
		w.signIns(t, 2)
		w.mendSecret(t)
		w.done(t, w.bodyFor(failures.Assign, "fifth", person))
		w.signIns(t, 3)
	})
}

// denied sends a request that must be dead-lettered at first sight.
func (w *world) denied(t testing.TB, id, user, why string) {
	t.Helper()
	key := w.send(t, w.bodyFor(failures.Assign, id, user))
	<-w.ends
	w.settled()
	r, _, err := w.Ledger.Request(t.Context(), key)
	if err != nil || r.State != ledger.Failed {
		t.Fatalf("request %s is %q, %v: %s", id, r.State, err, r.Problem)
	}
	f, err := r.Outcome.Failed()
	if err != nil {
		t.Fatal(err)
	}
	if f.Class != failure.Denied || !strings.Contains(f.Reason, why) || f.Attempts != 1 {
		t.Errorf("request %s: %s: %s, after %d tries, want denied: %s, after 1", id, f.Class, f.Reason, f.Attempts, why)
	}
}

// signIns wants so many token requests of the person so far.
func (w *world) signIns(t testing.TB, want int) {
	t.Helper()
	if got := len(w.skype.Script().Requests(simkit.Filter{Operation: "token", User: person})); got != want {
		t.Errorf("%d token requests, want %d", got, want)
	}
}

// mendSecret stores credentials that differ from those that were refused.
func (w *world) mendSecret(t testing.TB) {
	t.Helper()
	raw, err := json.Marshal(map[string]string{"username": "sip:" + person, "password": "pw-user00001"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.secrets.Save(t.Context(), "ucwa/"+person, raw); err != nil {
		t.Fatal(err)
	}
}
