package audit_test

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dialtone/infra/audit"
	"dialtone/infra/local"
	"dialtone/infra/sim/simkit"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
)

// drifts are all ways to drift apart, each with what finds it and whether it can
// be repaired.
func (w *world) drifts() (want []string, lasting []string) {
	w.Helper()
	l, spare := w.stack.Ledger, w.spare(6)
	expect := func(repaired bool, kind audit.Kind, n e164.Number, u sipaddr.User) {
		line := fmt.Sprintln(kind, n, u)
		want = append(want, line)
		if !repaired {
			lasting = append(lasting, line)
		}
	}
	w.phone(user(1), "work", "")
	expect(true, audit.AssignedButGone, w.numberOf(user(1)), user(1))

	w.phone(user(2), "work", "tel:+15550001111")
	expect(false, audit.ChangedByHand, w.numberOf(user(2)), user(2))

	w.own(w.numberOf(user(3)), "Grace", "Hopper")
	expect(false, audit.OwnerDisagrees, w.numberOf(user(3)), user(3))

	four, five := w.numberOf(user(4)), w.numberOf(user(5))
	w.send(command.TypeRelease, user(4))
	w.send(command.TypeRelease, user(5))
	w.work()
	w.own(four, "Grace", "Hopper")
	expect(true, audit.QuarantinedButUsed, four, user(4))
	w.phone(user(5), "mobile", string(five))
	expect(false, audit.QuarantinedButUsed, five, user(5))

	w.check(w.sim.Skype.SetPassword(string(user(6)), "changed"))
	w.sim.Skype.ExpireTokens(string(user(6)))
	expect(false, audit.NotReadable, "", user(6))

	stray := ledger.Holder{User: user(7), PhoneType: command.Mobile, Request: command.Key{Source: "test", ID: "late"}, Fence: 2}
	_, err := l.Claim(w.Context(), spare[0], home, stray)
	w.check(err)
	expect(true, audit.ReservedWithoutLine, spare[0], user(7))

	_, err = l.Claim(w.Context(), spare[1], home, stray)
	w.check(err)
	_, err = l.Unclaim(w.Context(), spare[1], stray)
	w.check(err)
	w.own(spare[1], "Grace", "Hopper")
	expect(true, audit.FreeButOwned, spare[1], "")

	w.phone(user(8), "mobile", spare[2].Tel())
	expect(true, audit.FreeButOwned, spare[2], user(8))

	_, err = l.Park(w.Context(), spare[3], home, stray, "somebody said so", time.Time{})
	w.check(err)
	expect(false, audit.ParkedForGood, spare[3], "")

	w.line(user(9), command.Home, spare[4], false)
	w.phone(user(9), "home", spare[4].Tel())
	expect(true, audit.LineWithoutNumber, spare[4], user(9))

	w.line(user(10), command.Home, "+4940999999999", true)
	w.phone(user(10), "home", "+4940999999999")
	expect(false, audit.AssignedButGone, "+4940999999999", user(10))
	return want, lasting
}

// line gives a user's phone a line, with or without its number.
func (w *world) line(u sipaddr.User, t command.PhoneType, n e164.Number, claimed bool) {
	w.Helper()
	l, h := w.stack.Ledger, ledger.Holder{User: u, PhoneType: t, Request: command.Key{Source: "test", ID: "line " + string(n)}}
	p, err := l.Person(w.Context(), u)
	w.check(err)
	p, err = l.Pin(w.Context(), p, t, ledger.Line{Number: n, LocationID: home, Request: h.Request, Before: outcome.Phone{Type: t}}, false)
	w.check(err)
	if claimed {
		_, err = l.Claim(w.Context(), n, home, h)
		w.check(err)
		_, err = l.Confirm(w.Context(), n, h)
		w.check(err)
	}
	_, err = l.Settle(w.Context(), p, t, h.Request)
	w.check(err)
}

// TestDrift makes every drift, finds exactly these, repairs what can be repaired,
// and finds the rest the second time, with at most one change that a user sees.
func TestDrift(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 12)
	if found := w.audit(w.config(), audit.Mender{}); len(found) > 0 {
		t.Fatalf("in a sound world: %v", found)
	}
	want, lasting := w.drifts()
	slices.Sort(want)
	slices.Sort(lasting)

	w.sim.Skype.Script().Forget()
	kinds, err := audit.ParseKinds("all")
	w.check(err)
	before := w.changes()
	planned := w.audit(w.config(), audit.Mender{Kinds: kinds, DryRun: true})
	if got := brief(planned); got != strings.Join(want, "") {
		t.Fatalf("found\n%swant\n%s", got, strings.Join(want, ""))
	}
	if got := len(w.sim.Skype.Script().Requests(simkit.Filter{Operation: "token", User: string(user(6))})); got != 1 {
		t.Errorf("%d sign-ins of the user whose password is wrong, want 1", got)
	}
	found := w.audit(w.config(), audit.Mender{Kinds: kinds})
	if got := brief(found); got != strings.Join(want, "") {
		t.Fatalf("a dry run changed something: found\n%swant\n%s", got, strings.Join(want, ""))
	}
	repaired := len(want) - len(lasting)
	if got := results(planned); !maps.Equal(got, map[audit.Result]int{audit.WouldRepair: repaired}) {
		t.Errorf("dry run: %v", got)
	}
	if got := results(found); !maps.Equal(got, map[audit.Result]int{audit.Repaired: repaired}) {
		t.Errorf("results: %v, %+v", got, found)
	}
	w.work()
	for u, n := range w.changes() {
		if n > before[u]+1 || n > before[u] && u != string(user(1)) {
			t.Errorf("%s saw %d changes", u, n-before[u])
		}
	}
	if got := brief(w.audit(w.config(), audit.Mender{Kinds: kinds})); got != strings.Join(lasting, "") {
		t.Errorf("after the repair found\n%swant\n%s", got, strings.Join(lasting, ""))
	}
	for u, state := range w.sim.Skype.Users() {
		if a := state.Applications; a.Leaked()+a.Running > 0 {
			t.Errorf("user %d: applications %+v", u, a)
		}
	}
}

// TestWithoutPhones: nobody is signed in, and what Webex alone tells is found.
func TestWithoutPhones(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 10)
	want, _ := w.drifts()
	want = slices.DeleteFunc(want, func(s string) bool { // what phones tell
		return strings.Contains(s, string(user(1))) || strings.Contains(s, string(user(2))) || strings.Contains(s, string(user(5))) ||
			strings.Contains(s, string(user(6))) || strings.Contains(s, string(user(8)))
	})
	slices.Sort(want)
	w.sim.Skype.Script().Forget()
	cfg := w.config()
	cfg.UCWA = nil
	if got := brief(w.audit(cfg, audit.Mender{})); got != strings.Join(want, "") {
		t.Errorf("found\n%swant\n%s", got, strings.Join(want, ""))
	}
	if calls := w.sim.Skype.Script().Counts(); len(calls) > 0 {
		t.Errorf("calls to Skype for Business: %v", calls)
	}
	if got := brief(w.audit(audit.Config{Ledger: cfg.Ledger, Webex: cfg.Webex}, audit.Mender{})); strings.Contains(got, string(audit.ReservedWithoutLine)) {
		t.Errorf("a claim of this minute is drift: %s", got)
	}
}

// TestBesideWorkers audits while the same users are worked on: what is under way
// is no drift.
func TestBesideWorkers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 8)
	for round := range 4 {
		for n := range 8 {
			typ := command.TypeAssign
			if (n+round)%3 == 2 {
				typ = command.TypeRelease
			}
			w.send(typ, user(n+1))
		}
	}
	cfg := w.config()
	cfg.Grace = time.Hour
	audits := 0
	w.workWhile(func() {
		audits++
		if found := w.audit(cfg, audit.Mender{}); len(found) > 0 {
			t.Errorf("audit %d: %+v", audits, found)
		}
	})
	if audits < 3 {
		t.Errorf("%d audits only", audits)
	}
}

// TestResume stops an audit after every few cases, in the middle of users and
// numbers, and goes on with another one: together they find what one finds.
func TestResume(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 12)
	w.drifts()
	whole := w.audit(w.config(), audit.Mender{})
	path := filepath.Join(t.TempDir(), "new", "audit")
	_, err := audit.Resume(path, "all")
	if !errors.Is(err, audit.ErrNoJournal) {
		t.Errorf("without a journal: %v", err)
	}
	j, err := audit.Begin(path, "all")
	w.check(err)
	first := j.Audit
	runs := 0
	for done := false; !done; runs++ {
		a, err := audit.New(w.config())
		w.check(err)
		done = w.some(a, j, 5)
		w.check(j.Close())
		tear(t, path)
		if _, err := audit.Resume(path, "one location"); err == nil || !strings.Contains(err.Error(), "(all)") {
			t.Errorf("of another scope: %v", err)
		}
		j, err = audit.Resume(path, "all")
		w.check(err)
	}
	if runs < 3 || j.Audit != first {
		t.Errorf("%d runs of audit %s, at first %s", runs, j.Audit, first)
	}
	if got := brief(j.Findings); got != brief(whole) {
		t.Errorf("in parts\n%sin one run\n%s", got, brief(whole))
	}
	w.check(j.End())
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the journal of a complete audit is there: %v", err)
	}
}

// some notes a few steps; done is true when there were no more.
func (w *world) some(a *audit.Auditor, j *audit.Journal, atMost int) (done bool) {
	for step, err := range a.Run(w.Context(), j.At) {
		w.check(err)
		if atMost == 0 {
			return false
		}
		atMost--
		w.check(j.Note(step.At, step.Findings))
	}
	return true
}

// tear leaves a line in a file that a crash cut off.
func tear(t *testing.T, path string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err == nil {
		_, err = file.WriteString(`{"at":{"loca`)
	}
	if err = errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestOutage: a vendor that is gone for longer than an audit waits ends it, and is
// not told as a fault of the users.
func TestOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 24)
	away := simkit.Fault{Name: "away", Status: 503, Header: map[string]string{"Retry-After": "600"}}
	cfg := w.config()
	cfg.Patience = time.Millisecond
	a, err := audit.New(cfg)
	w.check(err)
	at, steps := audit.Position{}, 0
	for step, err := range a.Run(t.Context(), at) {
		if err != nil {
			if f := failure.As(err); f == nil || f.Class != failure.Unavailable {
				t.Errorf("without Skype for Business: %v", err)
			}
			break
		}
		if len(step.Findings) > 0 {
			t.Errorf("found %+v", step.Findings)
		}
		if at, steps = step.At, steps+1; steps == 2 {
			_, err := w.sim.Skype.Script().Add(away)
			w.check(err)
		}
	}
	if steps < 2 || steps >= 24 {
		t.Fatalf("%d of 24 cases, and no outage", steps)
	}
	if _, err := w.sim.Webex.Script().Add(away); err != nil {
		t.Fatal(err)
	}
	for _, err := range a.Run(t.Context(), at) {
		if err == nil || !strings.Contains(err.Error(), "list Webex's numbers") {
			t.Errorf("without Webex: %v", err)
		}
	}
}

// TestSetAside: a number that was set aside because a phone shows it is no finding
// for as long as the phone does. Its user is known by the request that stays with
// it; that of one whose request is forgotten is seen on the phone, also when an
// audit goes on in between.
func TestSetAside(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2, func(s *local.Settings) { s.Quarantine = 1 })
	number := w.numberOf(user(2))
	w.send(command.TypeRelease, user(2))
	w.work()
	w.phone(user(2), "work", string(number))
	fixed := w.audit(w.config(), audit.Mender{Kinds: []audit.Kind{audit.FreeButOwned}})
	if got := brief(fixed); got != fmt.Sprintln(audit.FreeButOwned, number, user(2)) || fixed[0].Result != audit.Repaired {
		t.Fatalf("found %s, %+v", got, fixed)
	}
	forgotten := w.spare(1)[0]
	_, err := w.stack.Ledger.Park(t.Context(), forgotten, home, ledger.Holder{Request: command.Key{Source: "test", ID: "forgotten"}}, "long ago", time.Time{})
	w.check(err)
	w.phone(user(1), "mobile", string(forgotten))
	at := audit.Position{}
	for range 2 {
		a, err := audit.New(w.config())
		w.check(err)
		for step, err := range a.Run(t.Context(), at) {
			w.check(err)
			if len(step.Findings) > 0 {
				t.Errorf("found %+v", step.Findings)
			}
			if strings.Contains(step.At.Case, string(user(2))) {
				at = step.At // all users are behind
			}
		}
	}
	w.phone(user(1), "mobile", "")
	w.phone(user(2), "work", "")
	if got, want := brief(w.audit(w.config(), audit.Mender{})), fmt.Sprintln(audit.ParkedForGood, number, "")+fmt.Sprintln(audit.ParkedForGood, forgotten, ""); len(got) != len(want) {
		t.Errorf("nobody shows them any more: found\n%swant\n%s", got, want)
	}
}

// TestSomeAway: users of one pool that does not answer are findings, as long as
// others can be asked.
func TestSomeAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 6)
	want := ""
	for n := 1; n <= 4; n++ {
		_, err := w.sim.Skype.Script().Add(simkit.Fault{User: string(user(n)), Operation: "applications", Status: 504})
		w.check(err)
		want += fmt.Sprintln(audit.NotReadable, "", user(n))
	}
	cfg := w.config()
	cfg.Patience = time.Millisecond
	if got := brief(w.audit(cfg, audit.Mender{})); got != want {
		t.Errorf("found\n%swant\n%s", got, want)
	}
}
