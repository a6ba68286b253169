package failures_test

import (
	"encoding/json"
	"slices"
	"testing"

	"dialtone/infra/failures"
	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
)

// play is a command in the world, with what must come of it.
type play struct {
	command failures.Command
	body    []byte
	before  ucwasim.UserState
	untold  int // applications that may stay open: the answer that names them never came
}

// prepare brings the user to where the command has something to do.
func (w *world) prepare(t testing.TB, c scene) play {
	t.Helper()
	p := play{command: c.command, body: w.body(c.command, c.String())}
	switch c.command {
	case failures.Release:
		w.done(t, w.body(failures.Assign, "before "+c.String()))
	case failures.Disable:
		w.done(t, w.body(failures.Enable, "before "+c.String()))
	}
	if c.command == failures.Release || c.command == failures.Disable {
		w.restart(t) // with nothing remembered, as the commands that come first
	}
	p.before, _ = w.skype.User(person)
	w.skype.Script().Forget()
	w.webex.Script().Forget()
	w.logs.Reset()
	return p
}

func typeOf(name failures.Command) string {
	return map[failures.Command]string{
		failures.Assign: command.TypeAssign, failures.Release: command.TypeRelease,
		failures.Enable: command.TypeEnableSimRing, failures.Disable: command.TypeDisableSimRing,
	}[name]
}

func (w *world) body(name failures.Command, id string) []byte { return w.bodyFor(name, id, person) }

func (w *world) bodyFor(name failures.Command, id, user string) []byte {
	data := map[string]any{"user": user}
	switch name {
	case failures.Assign:
		data["locationId"] = w.home
	case failures.Enable:
		data["target"] = target
	}
	body, err := json.Marshal(map[string]any{"specversion": "1.0", "source": "desk", "id": id, "type": typeOf(name), "data": data})
	if err != nil {
		panic(err)
	}
	return body
}

func (w *world) send(t testing.TB, body []byte) command.Key {
	t.Helper()
	c, err := command.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Send(t.Context(), body); err != nil {
		t.Fatal(err)
	}
	return c.Key
}

// done sends a command that must succeed at once.
func (w *world) done(t testing.TB, body []byte) {
	t.Helper()
	key := w.send(t, body)
	<-w.ends
	w.settled()
	if r, _, err := w.Ledger.Request(t.Context(), key); err != nil || r.State != ledger.Done {
		t.Fatalf("%s is %s, %v: %s", key, r.State, err, r.Problem)
	}
}

// succeeds waits until the command is done.
func (w *world) succeeds(t testing.TB, key command.Key) {
	t.Helper()
	for range 10 {
		<-w.ends
		w.settled()
		if r, _, err := w.Ledger.Request(t.Context(), key); err != nil || r.State == ledger.Done {
			return
		}
	}
	r, _, err := w.Ledger.Request(t.Context(), key)
	t.Fatalf("the vendor is well again, and the request is %s, %v: %s", r.State, err, r.Problem)
}

// changes is how often the user's phone and call forwarding were changed since.
func (p play) changes(u ucwasim.UserState) int {
	return u.ChangeCount + u.Forwarding.ChangeCount - p.before.ChangeCount - p.before.Forwarding.ChangeCount
}

func rings(u ucwasim.UserState) bool {
	return u.Forwarding.ActiveSetting == "SimultaneousRing" && u.Forwarding.SimultaneousRing.Contact == target
}

// checkDone wants the command's work at the vendor and in the ledger, after one change.
func (p play) checkDone(t testing.TB, w *world) {
	t.Helper()
	u := p.closed(t, w)
	if n := p.changes(u); n != 1 {
		t.Errorf("%d visible changes, want 1", n)
	}
	phone := u.Phones["work"].Number
	switch p.command {
	case failures.Assign:
		if n := p.owned(t, w, ledger.Assigned); phone == "" || !e164.Same(phone, string(n)) {
			t.Errorf("the phone shows %q, the ledger has %q", phone, n)
		}
	case failures.Release:
		if n := p.owned(t, w, ledger.Quarantined); phone != "" || !e164.Same(p.before.Phones["work"].Number, string(n)) {
			t.Errorf("the phone shows %q, %q rests", phone, n)
		}
	case failures.Enable:
		if !rings(u) {
			t.Errorf("does not ring: %+v", u.Forwarding.Forwarding)
		}
	case failures.Disable:
		if rings(u) {
			t.Error("rings on")
		}
	}
}

// checkWaiting wants one change at most, and no number with somebody else.
func (p play) checkWaiting(t testing.TB, w *world) {
	t.Helper()
	if n := p.changes(p.closed(t, w)); n > 1 {
		t.Errorf("%d visible changes while it waits", n)
	}
	p.owned(t, w, ledger.Reserved, ledger.Assigned, ledger.Quarantined)
}

// checkRefused wants everything as it was.
func (p play) checkRefused(t testing.TB, w *world) {
	t.Helper()
	u := p.closed(t, w)
	if n := p.changes(u); n != 0 {
		t.Errorf("%d visible changes of a command that was refused", n)
	}
	switch p.command {
	case failures.Assign:
		if n := p.owned(t, w); n != "" {
			t.Errorf("%s is held", n)
		}
	case failures.Release:
		if n := p.owned(t, w, ledger.Assigned); !e164.Same(p.before.Phones["work"].Number, string(n)) {
			t.Errorf("the user has %q", n)
		}
	}
}

// closed returns the user's state, and wants no application left open but one
// that the client was never told of.
func (p play) closed(t testing.TB, w *world) ucwasim.UserState {
	t.Helper()
	u, _ := w.skype.User(person)
	if u.Applications.Running > p.untold {
		t.Errorf("%d applications left open", u.Applications.Running)
	}
	return u
}

// owned returns the one number that the user has in one of the states, and wants
// none in another but parked or free.
func (p play) owned(t testing.TB, w *world, states ...ledger.NumberState) (owned e164.Number) {
	t.Helper()
	for n, err := range w.Ledger.Numbers(t.Context(), w.home) {
		switch {
		case err != nil:
			t.Fatal(err)
		case n.State == ledger.Parked || n.State == ledger.Free:
		case n.User != person || owned != "" || !slices.Contains(states, n.State):
			t.Errorf("a number is %s, of %s", n.State, n.User)
		default:
			owned = n.Number
		}
	}
	return owned
}
