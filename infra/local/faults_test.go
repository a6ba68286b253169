package local_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"dialtone/events/sample/onboarding"
	"dialtone/infra/local"
	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/httpretry"
	"dialtone/shared/ledger"
	"dialtone/shared/logattr"
)

// TestFaults plays hires, one in ten of them reported by two sources, against
// vendors that lose answers, throttle, break off, mix up tickets and evict
// applications. `make prove` plays 500.
func TestFaults(t *testing.T) {
	org := organisation(hires)
	sim, err := local.Simulate(org, local.Latency{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	makeTrouble(t, sim)
	settings := sim.Settings()
	settings.WebexRate = 1000
	logs := &lockedBuffer{}
	stack, err := local.Open(t.Context(), local.Options{
		Path: filepath.Join(t.TempDir(), "dialtone.db"), Settings: settings,
		Backoff: httpretry.Backoff{Base: 20 * time.Millisecond, Cap: 500 * time.Millisecond},
		Logger:  slog.New(logattr.Handler(logs, slog.LevelDebug)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Close() })

	var keys []command.Key
	for n := 1; n <= hires; n++ {
		body := hire(fmt.Sprint("hire-", n), n, org.Webex.Sites[n%3].ID)
		c, err := command.Decode(body)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, c.Key)
		send(t, stack, body)
		if n%10 == 0 {
			// Another source reports the same hire: a request of its own.
			again := bytes.Replace(body, []byte(`"hr"`), []byte(`"hr-mirror"`), 1)
			c, _ := command.Decode(again)
			keys = append(keys, c.Key)
			send(t, stack, again)
		}
	}
	runUntilDone(t, stack, keys)
	checkHires(t, stack.Ledger, sim, org, keys)
	checkQuiet(t, logs.String())
}

// makeTrouble is far beyond what any vendor does on a bad day.
func makeTrouble(t *testing.T, sim *local.Simulation) {
	t.Helper()
	evicted := simkit.Fault{Status: 410, Code: "Gone", Subcode: "TooManyApplications", Rate: 0.01}
	gone := simkit.Fault{Status: 404, Code: "NotFound", Subcode: "ApplicationNotFound", Rate: 0.03}
	wrongPool := simkit.Fault{
		Status: 500, HTML: true, Rate: 0.03,
		Header: map[string]string{"X-Ms-diagnostics": `28032;source="pool";reason="The web ticket is invalid."`},
	}
	on := func(f simkit.Fault, operation string) simkit.Fault { f.Operation = operation; return f }
	_, err := sim.Skype.Script().Add(
		simkit.Fault{Operation: "changeNumber", ResetAfter: true, Rate: 0.2},
		simkit.Fault{Operation: "changeNumber", ResetBefore: true, Rate: 0.1},
		simkit.Fault{Operation: "changeNumber", Apply: true, HTML: true, Rate: 0.05},
		on(evicted, "phones"), on(gone, "phones"), on(gone, "changeNumber"), on(wrongPool, "phones"), on(wrongPool, "applications"),
		simkit.Fault{Operation: "phones", HTML: true, Rate: 0.05},
		simkit.Fault{Operation: "phones", Truncate: 80, Rate: 0.05},
		simkit.Fault{Operation: "applications", Apply: true, Truncate: 40, Rate: 0.03},
		simkit.Fault{Operation: "applications", Status: 429, Header: map[string]string{"Retry-After": "1"}, Rate: 0.02},
		simkit.Fault{Operation: "token", Status: 503, HTML: true, Rate: 0.03},
		simkit.Fault{Operation: "deleteApplication", ResetBefore: true, Rate: 0.05},
	)
	if err != nil {
		t.Fatal(err)
	}
	_, err = sim.Webex.Script().Add(
		simkit.Fault{Status: 429, Header: map[string]string{"Retry-After": "1"}, Rate: 0.03},
		simkit.Fault{Operation: webexsim.OpNumbers, HTML: true, Rate: 0.05},
		simkit.Fault{Operation: webexsim.OpAvailableNumbers, Truncate: 200, Rate: 0.05},
	)
	if err != nil {
		t.Fatal(err)
	}
}

func organisation(users int) onboarding.Organisation {
	org := onboarding.Organisation{UCWA: onboarding.UCWA{Users: users, Domain: "contoso.test"}}
	for _, l := range webexsim.DefaultLocations(300) {
		org.Webex.Sites = append(org.Webex.Sites, onboarding.Site{Name: l.Name, ID: webexsim.LocationID(l.Name), Numbers: l.Numbers})
	}
	return org
}

func hire(id string, n int, location string) []byte {
	body, _ := json.Marshal(map[string]any{
		"specversion": "1.0", "source": "hr", "id": id, "type": command.TypeAssign,
		"data": map[string]any{"user": fmt.Sprintf("user%05d@contoso.test", n), "locationId": location},
	})
	return body
}

func send(t *testing.T, stack *local.Stack, body []byte) {
	t.Helper()
	if _, err := stack.Send(t.Context(), body); err != nil {
		t.Fatal(err)
	}
}

// runUntilDone runs the stack until every request has its outcome.
func runUntilDone(t *testing.T, stack *local.Stack, keys []command.Key) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- stack.Run(ctx) }()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for left := keys; len(left) > 0; {
		r, _, err := stack.Ledger.Request(t.Context(), left[0])
		if err != nil {
			t.Fatal(err)
		}
		if r.Outcome != nil {
			left = left[1:]
			continue
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("%d requests without an end; the first: %s after %d tries: %s", len(left), r.State, r.Attempts, r.Problem)
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

// checkHires holds the vendors and the ledger against the four zeros: no wrong
// number, no shared number, no visible change beyond one, nothing lost.
func checkHires(t *testing.T, l *ledger.Ledger, sim *local.Simulation, org onboarding.Organisation, keys []command.Key) {
	t.Helper()
	owner := map[e164.Number]string{}
	for _, key := range keys {
		r, _, err := l.Request(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		a, err := r.Outcome.Assigned()
		if err != nil {
			f, _ := r.Outcome.Failed()
			t.Errorf("%s: %s: %s", key, f.Class, f.Reason)
			continue
		}
		if o := owner[a.Number]; o != "" && o != string(a.User) {
			t.Errorf("%s and %s share %s", o, a.User, a.Number)
		}
		owner[a.Number] = string(a.User)
		u, _ := sim.Skype.User(string(a.User))
		if !e164.Same(u.Phones["work"].Number, string(a.Number)) {
			t.Errorf("%s: published %q, outcome %q", a.User, u.Phones["work"].Number, a.Number)
		}
		if u.ChangeCount != 1 {
			t.Errorf("%s: %d visible changes", a.User, u.ChangeCount)
		}
		n, _ := sim.Webex.Number(string(a.Number))
		if n.Kind != webexsim.KindStandard || n.State != "ACTIVE" || n.LocationID != a.LocationID {
			t.Errorf("%s: number is %s, %s, of %s", a.User, n.Kind, n.State, n.Location)
		}
	}
	if len(owner) != org.UCWA.Users {
		t.Errorf("%d numbers for %d people", len(owner), org.UCWA.Users)
	}
}

// checkQuiet looks for what no log line may show: a phone number, a ticket, a
// password.
func checkQuiet(t *testing.T, logs string) {
	t.Helper()
	if logs == "" {
		t.Error("nothing was logged")
	}
	for _, secret := range []string{`\+\d{9}`, `cwt=`, `pw-user`, `Bearer `} {
		if at := regexp.MustCompile(secret).FindStringIndex(logs); at != nil {
			t.Errorf("log shows %s: %s", secret, logs[max(0, at[0]-60):min(len(logs), at[1]+20)])
		}
	}
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
