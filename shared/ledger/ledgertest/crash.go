package ledgertest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/sipaddr"
)

// crashTests stop a worker before each of the calls that it makes, to the store
// or to the phones, and let another go on.
func crashTests() map[string]run {
	all := map[string]run{}
	for _, sc := range []scenario{
		{name: "plain", rival: true},
		{name: "first-number-is-taken", blind: true, before: func(t *testing.T, s *subject) {
			s.claim(t, 0, s.holder("0", "mia"))
		}},
		{name: "first-number-is-refused", rival: true, refuse: []int{0}},
		{name: "all-numbers-are-refused", refuse: []int{0, 1, 2}},
		{name: "user-is-denied", rival: true, deny: true},
		{name: "replace", rival: true, replace: true, before: func(t *testing.T, s *subject) { s.owns(t, 0) }},
		{name: "replace-refused", replace: true, refuse: []int{1, 2}, before: func(t *testing.T, s *subject) { s.owns(t, 0) }},
		{name: "has-a-number", before: func(t *testing.T, s *subject) { s.owns(t, 0) }},
		{name: "another-request-pinned", rival: true, before: func(t *testing.T, s *subject) {
			s.pin(t, s.person(t, "ada"), 1, "0", false)
			s.claim(t, 1, s.holder("0", "ada"))
		}},
		{name: "replace-of-another-pin", replace: true, before: func(t *testing.T, s *subject) {
			s.owns(t, 0)
			s.pin(t, s.person(t, "ada"), 1, "0", true)
			s.claim(t, 1, s.holder("0", "ada"))
		}},
		{name: "back-from-quarantine", replace: true, deny: true, blind: true, before: func(t *testing.T, s *subject) {
			s.owns(t, 2)
			s.claim(t, 0, s.holder("0", "ada"))
			_, err := s.release(t, 0, s.holder("0", "ada"), soon())
			must(t, err)
		}},
		{name: "release", rival: true, takes: true, shows: true, before: func(t *testing.T, s *subject) { s.owns(t, 0) }},
		{name: "release-denied", takes: true, shows: true, deny: true, before: func(t *testing.T, s *subject) { s.owns(t, 0) }},
		{name: "release-of-nothing", takes: true},
		{name: "release-of-what-was-wiped", takes: true, before: func(t *testing.T, s *subject) { s.owns(t, 0) }},
		{name: "assign-after-an-applied-release", rival: true, before: func(t *testing.T, s *subject) {
			s.owns(t, 0)
			s.recall(t, s.person(t, "ada"), "0", 1)
		}},
		{name: "release-of-a-chain", takes: true, shows: true, before: func(t *testing.T, s *subject) {
			s.owns(t, 0)
			s.pin(t, s.person(t, "ada"), 1, "0", true)
			s.claim(t, 1, s.holder("0", "ada"))
		}},
		{name: "release-after-a-dead-one", takes: true, shows: true, before: func(t *testing.T, s *subject) {
			s.owns(t, 0)
			s.recall(t, s.person(t, "ada"), "0", 1)
		}},
		{name: "assign-after-a-dead-release", rival: true, shows: true, before: func(t *testing.T, s *subject) {
			s.owns(t, 0)
			s.recall(t, s.person(t, "ada"), "0", 1)
		}},
	} {
		all[sc.name+"/then-resumed"] = sc.thenResumed
		if sc.rival {
			all[sc.name+"/after-another-user"] = sc.afterAnotherUser
		}
	}
	return all
}

var errCrash = errors.New("crash")

// scenario is what a worker meets that assigns a number to ada, out of three, or
// takes hers back.
type scenario struct {
	name    string
	rival   bool // is worth playing with another user in between
	before  func(*testing.T, *subject)
	replace bool
	takes   bool // her number back, instead of assigning one
	shows   bool // number 0 is on ada's phone
	blind   bool
	deny    bool
	refuse  []int // indices of numbers
}

// owns gives ada a number that was assigned before.
func (s *subject) owns(t *testing.T, i int) {
	t.Helper()
	p := s.pin(t, s.person(t, "ada"), i, "earlier", false)
	s.claim(t, i, s.holder("earlier", "ada"))
	_, err := s.ledger().Confirm(t.Context(), s.number(i), s.holder("earlier", "ada"))
	must(t, err)
	s.settle(t, p, "earlier")
}

// stage is one performance of a scenario, on names of its own.
type stage struct {
	scenario
	*subject
	phones *Phones
	runs   int
}

func (sc scenario) stage(t *testing.T, s *subject, name string) *stage {
	st := &stage{scenario: sc, subject: &subject{Options: s.Options, store: s.store, ns: s.ns + name}, phones: &Phones{}}
	for _, i := range sc.refuse {
		st.phones.Refuse(st.number(i), true)
	}
	st.phones.Deny(st.user("ada"), sc.deny)
	if sc.before != nil {
		sc.before(t, st.subject)
	}
	if sc.shows {
		st.phones.Set(st.user("ada"), st.number(0))
	}
	return st
}

// perform runs a worker of a new process that knows the earlier ones to be
// dead. It crashes before the call with the number crashAt, counted from 0,
// which is as good as after the one before: a worker whose write was applied
// without an answer knows nothing of it. It returns the number of calls made.
func (st *stage) perform(t *testing.T, user string, crashAt int) (calls int, err error) {
	t.Helper()
	crashed := false
	around := func(_ Call, do func() error) error {
		if crashed || calls == crashAt {
			crashed = true
			return errCrash
		}
		calls++
		return do()
	}
	st.runs++
	w := &Worker{
		Ledger: ledger.New(Around(st.store, around), ledger.Options{Owner: fmt.Sprint("run ", st.runs), Exclusive: true}),
		Phones: st.phones, Numbers: []e164.Number{st.number(0), st.number(1), st.number(2)},
		Lease: time.Hour, Rest: time.Hour, Blind: st.blind, Around: around,
	}
	if st.takes {
		return calls, w.Work(t.Context(), st.releaseOf("1", user))
	}
	return calls, w.Work(t.Context(), st.assign("1", user, func(a *command.Assign) { a.Replace = st.replace }))
}

const noCrash = -1

func (sc scenario) thenResumed(t *testing.T, s *subject) {
	want := sc.stage(t, s, "whole")
	calls, err := want.perform(t, "ada", noCrash)
	must(t, err)
	wanted := want.end(t)
	t.Logf("%d calls; ends with\n%s", calls, wanted)
	s.each(calls, func(call int) {
		st := sc.stage(t, s, fmt.Sprint("crash", call))
		for range 2 { // the one who goes on crashes as well, wherever that is by then
			if _, err := st.perform(t, "ada", call); err != nil && !errors.Is(err, errCrash) {
				t.Errorf("crash before call %d: %v", call, err)
			}
		}
		if _, err := st.perform(t, "ada", noCrash); err != nil {
			t.Errorf("resume after the crash before call %d: %v", call, err)
		}
		if got := st.end(t); got != wanted {
			t.Errorf("crash before call %d ends with\n%swant\n%s", call, got, wanted)
		}
	})
}

// afterAnotherUser lets eva take a number between the crash and the resumption.
func (sc scenario) afterAnotherUser(t *testing.T, s *subject) {
	calls, err := sc.stage(t, s, "whole").perform(t, "ada", noCrash)
	must(t, err)
	s.each(calls, func(call int) {
		st := sc.stage(t, s, fmt.Sprint("crash", call))
		if _, err := st.perform(t, "ada", call); err != nil && !errors.Is(err, errCrash) {
			t.Errorf("crash before call %d: %v", call, err)
		}
		if err := st.other(t); err != nil {
			t.Errorf("eva after the crash before call %d: %v", call, err)
		}
		if _, err := st.perform(t, "ada", noCrash); err != nil {
			t.Errorf("resume after the crash before call %d: %v", call, err)
		}
		st.sound(t)
	})
}

// other runs a request of eva's to its end.
func (st *stage) other(t *testing.T) error {
	w := &Worker{
		Ledger: st.ledger(), Phones: st.phones, Numbers: []e164.Number{st.number(0), st.number(1), st.number(2)},
		Lease: time.Hour, Rest: time.Hour, Blind: true,
	}
	return w.Work(t.Context(), st.assign("2", "eva"))
}

// sound fails the test if anything does not agree once all work is done.
func (st *stage) sound(t *testing.T) {
	t.Helper()
	st.eventually(t, func() string {
		problems, err := Audit(t.Context(), st.ledger(), st.location(), st.user("ada"), st.user("eva"))
		must(t, err)
		problems = slices.DeleteFunc(problems, func(p string) bool { return strings.Contains(p, "for "+string(st.user("mia"))) })
		return strings.Join(append(problems, st.phones.Problems()...), "\n")
	})
	changes := map[sipaddr.User]int{}
	for _, c := range st.phones.Changes() {
		if changes[c.User]++; changes[c.User] > 1 {
			t.Errorf("the phone of %s was changed %d times", c.User, changes[c.User])
		}
	}
}

// end renders what stands in the ledger and on the phone, without names, times
// and counts of attempts, which differ from stage to stage.
func (st *stage) end(t *testing.T) string {
	t.Helper()
	st.sound(t)
	var b strings.Builder
	r, _, err := st.ledger().Request(t.Context(), st.key("1"))
	must(t, err)
	fmt.Fprintf(&b, "request %s, owner %q", r.State, r.Owner)
	if r.Outcome != nil {
		fmt.Fprintf(&b, ", %s %s", r.Outcome.Type, r.Outcome.Data)
	}
	line, found := st.person(t, "ada").Line(command.Work)
	fmt.Fprintf(&b, "\nline %t", found)
	for at := &line; at != nil; at = at.Previous {
		fmt.Fprintf(&b, ", %s %s by %s, before %s, originally %s", at.State, at.Number, at.Request, at.Before.Number, at.Original.Number)
	}
	for i := range 3 {
		n, _, err := st.ledger().Number(t.Context(), st.number(i))
		must(t, err)
		fmt.Fprintf(&b, "\nnumber %d %s of %s by %s, rests %t, %s", i, n.State, n.User, n.Request, time.Now().Before(n.RestsUntil), n.Reason)
	}
	fmt.Fprintf(&b, "\nphone %s, changed %d times\n", st.phones.Shows(st.user("ada")), len(st.phones.Changes()))
	names := strings.NewReplacer(st.ns, "", string(st.number(0))[:12], "number ")
	return names.Replace(b.String())
}
