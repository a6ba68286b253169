package ledgertest

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"sync"
	"testing"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
)

func numberTests() map[string]run {
	return map[string]run{
		"number-claim-and-confirm":         claimAndConfirm,
		"number-taken":                     numberTaken,
		"number-race-to-claim-one":         raceToClaimOne,
		"number-race-to-claim-from-a-pool": raceToClaimFromPool,
		"number-unclaim":                   unclaim,
		"number-release-and-rest":          releaseAndRest,
		"number-rest-is-not-cut-short":     restIsNotCutShort,
		"number-park":                      park,
		"number-late-writer":               lateNumberWriter,
		"number-held":                      heldNumbers,
		"number-list":                      listNumbers,
	}
}

func (s *subject) claim(t *testing.T, i int, h ledger.Holder) ledger.Number {
	t.Helper()
	n, err := s.ledger().Claim(t.Context(), s.number(i), s.location(), h)
	must(t, err)
	return n
}

func (s *subject) taken(t *testing.T, i int, h ledger.Holder, want ledger.NumberState) {
	t.Helper()
	_, err := s.ledger().Claim(t.Context(), s.number(i), s.location(), h)
	if e, ok := errors.AsType[*ledger.TakenError](err); !ok || e.State != want {
		t.Errorf("claim: %v, want that it is %s", err, want)
	}
}

// kept reads a number that must be in the given state, for user ("": nobody).
func (s *subject) kept(t *testing.T, i int, want ledger.NumberState, user string) ledger.Number {
	t.Helper()
	n, found, err := s.ledger().Number(t.Context(), s.number(i))
	must(t, err)
	if user != "" {
		user = string(s.user(user))
	}
	if !found || n.State != want || string(n.User) != user {
		t.Fatalf("number %d: found %t, %s of %q; want %s of %q", i, found, n.State, n.User, want, user)
	}
	return n
}

// release reads the i-th number and puts it to rest.
func (s *subject) release(t *testing.T, i int, h ledger.Holder, until time.Time) (ledger.Number, error) {
	t.Helper()
	known, _, err := s.ledger().Number(t.Context(), s.number(i))
	must(t, err)
	return s.ledger().Release(t.Context(), known, h, until)
}

// twice repeats a step, which must change nothing more.
func twice(t *testing.T, what string, step func() (ledger.Number, error)) ledger.Number {
	t.Helper()
	first, err := step()
	must(t, err)
	second, err := step()
	if err != nil || !reflect.DeepEqual(first, second) {
		t.Errorf("%s again: %v\n%+v, was\n%+v", what, err, second, first)
	}
	return second
}

func claimAndConfirm(t *testing.T, s *subject) {
	l, h := s.ledger(), s.holder("1", "ada")
	if _, found, err := l.Number(t.Context(), s.number(1)); found || err != nil {
		t.Fatalf("an unknown number is found: %t, %v", found, err)
	}
	_, err := l.Confirm(t.Context(), s.number(1), h)
	fenced(t, "confirm without a claim", err)
	n := twice(t, "claim", func() (ledger.Number, error) {
		return l.Claim(t.Context(), s.number(1), s.location(), h)
	})
	if n.State != ledger.Reserved || n.Number != s.number(1) || n.LocationID != s.location() || n.PhoneType != command.Work || n.Request != h.Request {
		t.Errorf("claimed: %+v", n)
	}
	s.kept(t, 1, ledger.Reserved, "ada")
	n = twice(t, "confirm", func() (ledger.Number, error) { return l.Confirm(t.Context(), s.number(1), h) })
	if n.State != ledger.Assigned || n.LocationID != s.location() || n.Request != h.Request {
		t.Errorf("confirmed: %+v", n)
	}
	s.kept(t, 1, ledger.Assigned, "ada")
	if n := s.claim(t, 1, s.holder("2", "ada")); n.State != ledger.Assigned {
		t.Errorf("claimed by a later request of its owner: %s, want still assigned", n.State)
	}
}

func numberTaken(t *testing.T, s *subject) {
	l := s.ledger()
	s.claim(t, 1, s.holder("1", "ada"))
	eva, mobile := s.holder("2", "eva"), s.holder("1", "ada")
	mobile.PhoneType = command.Mobile
	for range 2 {
		before, _, err := l.Number(t.Context(), s.number(1))
		must(t, err)
		for _, other := range []ledger.Holder{eva, mobile} {
			s.taken(t, 1, other, before.State)
			_, err = l.Confirm(t.Context(), s.number(1), other)
			fenced(t, "confirm of another's number", err)
			_, err = l.Unclaim(t.Context(), s.number(1), other)
			must(t, err)
			_, err = s.release(t, 1, other, over())
			must(t, err)
			_, err = l.Park(t.Context(), s.number(1), s.location(), other, "refused", over())
			must(t, err)
		}
		if after, _, _ := l.Number(t.Context(), s.number(1)); !reflect.DeepEqual(after, before) {
			t.Errorf("others changed\n%+v to\n%+v", before, after)
		}
		_, err = l.Confirm(t.Context(), s.number(1), s.holder("1", "ada"))
		must(t, err)
	}
}

func raceToClaimOne(t *testing.T, s *subject) {
	for round := range s.Rounds {
		var mu sync.Mutex
		var owners []string
		s.race(func(w int) {
			user := fmt.Sprint("user", w)
			_, err := s.ledger().Claim(t.Context(), s.number(round), s.location(), s.holder(user, user))
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				owners = append(owners, user)
			} else if _, ok := errors.AsType[*ledger.TakenError](err); !ok {
				t.Errorf("claim: %v", err)
			}
		})
		if len(owners) != 1 {
			t.Fatalf("%d owners of one number, want 1", len(owners))
		}
		s.kept(t, round, ledger.Reserved, owners[0])
	}
}

// raceToClaimFromPool lets all workers try all numbers in the same order, in a
// pool that is too small for them.
func raceToClaimFromPool(t *testing.T, s *subject) {
	pool := 1 + s.Workers/10
	got := make([]e164.Number, s.Workers)
	s.race(func(w int) {
		user := fmt.Sprint("user", w)
		for i := range pool {
			n, err := s.ledger().Claim(t.Context(), s.number(i), s.location(), s.holder(user, user))
			if err == nil {
				got[w] = n.Number
				return
			}
			if _, ok := errors.AsType[*ledger.TakenError](err); !ok {
				t.Errorf("claim: %v", err)
				return
			}
		}
	})
	owner := map[e164.Number]int{}
	for w, n := range got {
		if before, shared := owner[n]; shared && n != "" {
			t.Errorf("users %d and %d both have %s", before, w, n)
		}
		owner[n] = w
	}
	delete(owner, "") // those who found none
	if len(owner) != min(pool, s.Workers) {
		t.Errorf("%d numbers of %d were given out", len(owner), pool)
	}
	for n, w := range owner {
		if kept, _, err := s.ledger().Number(t.Context(), n); err != nil || kept.User != s.user(fmt.Sprint("user", w)) {
			t.Errorf("the ledger gives %s to %s, %v; the claim went to user%d", n, kept.User, err, w)
		}
	}
}

func unclaim(t *testing.T, s *subject) {
	l, h := s.ledger(), s.holder("1", "ada")
	s.claim(t, 1, h)
	twice(t, "unclaim", func() (ledger.Number, error) { return l.Unclaim(t.Context(), s.number(1), h) })
	s.kept(t, 1, ledger.Free, "")
	_, err := l.Confirm(t.Context(), s.number(1), h)
	fenced(t, "confirm after unclaim", err)
	s.claim(t, 1, s.holder("2", "eva"))
	_, err = l.Unclaim(t.Context(), s.number(1), h)
	must(t, err)
	s.kept(t, 1, ledger.Reserved, "eva")
	_, err = l.Confirm(t.Context(), s.number(1), s.holder("2", "eva"))
	must(t, err)
	_, err = l.Unclaim(t.Context(), s.number(1), s.holder("2", "eva"))
	must(t, err)
	s.kept(t, 1, ledger.Assigned, "eva") // it was published
}

func releaseAndRest(t *testing.T, s *subject) {
	l, h, until := s.ledger(), s.holder("1", "ada"), soon()
	s.claim(t, 1, h)
	_, err := l.Confirm(t.Context(), s.number(1), h)
	must(t, err)
	n := twice(t, "release", func() (ledger.Number, error) {
		return s.release(t, 1, s.holder("2", "ada"), until)
	})
	if s.kept(t, 1, ledger.Quarantined, "ada"); !n.RestsUntil.Equal(until) {
		t.Errorf("rests until %s, want %s", n.RestsUntil, until)
	}
	s.taken(t, 1, s.holder("3", "eva"), ledger.Quarantined)
	s.claim(t, 1, s.holder("4", "ada")) // the same person may have it back
	_, err = l.Confirm(t.Context(), s.number(1), s.holder("4", "ada"))
	must(t, err)
	_, err = s.release(t, 1, s.holder("5", "ada"), over())
	must(t, err)
	s.claim(t, 1, s.holder("6", "eva")) // rested
	s.kept(t, 1, ledger.Reserved, "eva")
}

// restIsNotCutShort claims numbers back from quarantine in vain.
func restIsNotCutShort(t *testing.T, s *subject) {
	l, rest := s.ledger(), soon()
	h := s.holder("2", "ada")
	for i, inVain := range []func() (ledger.Number, error){
		func() (ledger.Number, error) { return l.Unclaim(t.Context(), s.number(0), h) },
		func() (ledger.Number, error) {
			return l.Park(t.Context(), s.number(1), s.location(), h, "refused", over())
		},
		func() (ledger.Number, error) { return s.release(t, 2, h, over()) },
	} {
		s.claim(t, i, s.holder("1", "ada"))
		_, err := s.release(t, i, s.holder("1", "ada"), rest)
		must(t, err)
		s.claim(t, i, h)
		n, err := inVain()
		if err != nil || !n.RestsUntil.Equal(rest) {
			t.Errorf("%s until %s, %v; want a rest until %s", n.State, n.RestsUntil, err, rest)
		}
		s.taken(t, i, s.holder("3", "eva"), n.State)
	}
}

func park(t *testing.T, s *subject) {
	l, h := s.ledger(), s.holder("1", "ada")
	parkAs := func(i int, h ledger.Holder, until time.Time) func() (ledger.Number, error) {
		return func() (ledger.Number, error) {
			return l.Park(t.Context(), s.number(i), s.location(), h, "refused", until)
		}
	}
	s.claim(t, 1, h)
	n := twice(t, "park", parkAs(1, h, soon()))
	if s.kept(t, 1, ledger.Parked, ""); n.Reason != "refused" {
		t.Errorf("parked because %q", n.Reason)
	}
	s.taken(t, 1, h, ledger.Parked)
	s.taken(t, 1, s.holder("2", "eva"), ledger.Parked)

	twice(t, "park for good", parkAs(2, ledger.Holder{Request: h.Request}, time.Time{})) // a free one, for nobody
	s.taken(t, 2, h, ledger.Parked)

	_, err := parkAs(3, h, over())()
	must(t, err)
	s.claim(t, 3, s.holder("2", "eva")) // its time is over

	s.claim(t, 4, h)
	_, err = l.Confirm(t.Context(), s.number(4), h)
	must(t, err)
	_, err = parkAs(4, h, soon())()
	must(t, err)
	s.kept(t, 4, ledger.Assigned, "ada")
}

// lateNumberWriter writes under a lease after another has claimed the number.
func lateNumberWriter(t *testing.T, s *subject) {
	l, old, now := s.ledger(), s.holder("1", "ada"), s.holder("1", "ada")
	old.Fence, now.Fence = 1, 2
	s.claim(t, 1, old)
	s.claim(t, 1, now)
	before := s.kept(t, 1, ledger.Reserved, "ada")
	_, err := l.Claim(t.Context(), s.number(1), s.location(), old)
	fenced(t, "late claim", err)
	_, err = l.Confirm(t.Context(), s.number(1), old)
	fenced(t, "late confirm", err)
	_, err = l.Unclaim(t.Context(), s.number(1), old)
	must(t, err)
	_, err = l.Park(t.Context(), s.number(1), s.location(), old, "late", over())
	must(t, err)
	if after := s.kept(t, 1, ledger.Reserved, "ada"); !reflect.DeepEqual(after, before) {
		t.Errorf("a late writer changed\n%+v to\n%+v", before, after)
	}
	_, err = l.Confirm(t.Context(), s.number(1), now)
	must(t, err)
}

func heldNumbers(t *testing.T, s *subject) {
	l, ada := s.ledger(), s.holder("1", "ada")
	s.claim(t, 1, ada)
	s.claim(t, 2, ada)
	_, err := l.Confirm(t.Context(), s.number(2), ada)
	must(t, err)
	for i, until := range map[int]time.Time{3: soon(), 4: over()} {
		s.claim(t, i, ada)
		_, err := s.release(t, i, ada, until)
		must(t, err)
	}
	for i, until := range map[int]time.Time{5: soon(), 6: over(), 7: {}} {
		_, err := l.Park(t.Context(), s.number(i), s.location(), ada, "refused", until)
		must(t, err)
	}
	s.claim(t, 8, ada)
	_, err = l.Unclaim(t.Context(), s.number(8), ada)
	must(t, err)

	all := map[int]ledger.NumberState{1: ledger.Reserved, 2: ledger.Assigned, 3: ledger.Quarantined, 5: ledger.Parked, 7: ledger.Parked}
	back := maps.Clone(all)
	for _, i := range []int{1, 2, 3} { // hers, or may be claimed back
		delete(back, i)
	}
	s.held(t, 0, 9, s.holder("2", "eva"), all)
	s.held(t, 0, 9, ada, back)
	s.held(t, 0, 9, ledger.Holder{}, all)
	s.held(t, 2, 3, s.holder("2", "eva"), map[int]ledger.NumberState{2: ledger.Assigned, 3: ledger.Quarantined})
	s.held(t, 6, 6, s.holder("2", "eva"), nil)
}

func (s *subject) held(t *testing.T, from, to int, h ledger.Holder, want map[int]ledger.NumberState) {
	t.Helper()
	numbers := map[e164.Number]ledger.NumberState{}
	for i, state := range want {
		numbers[s.number(i)] = state
	}
	s.eventually(t, func() string {
		got, err := s.ledger().Held(t.Context(), s.location(), s.number(from), s.number(to), h)
		must(t, err)
		if maps.Equal(got, numbers) {
			return ""
		}
		return fmt.Sprintf("held from %d to %d: %v, want %v", from, to, got, numbers)
	})
}

func listNumbers(t *testing.T, s *subject) {
	var want []e164.Number
	for i := range 5 {
		s.claim(t, 4-i, s.holder("1", "ada"))
		want = append(want, s.number(i))
	}
	_, err := s.ledger().Claim(t.Context(), s.number(9), s.location()+"-other", s.holder("1", "ada"))
	must(t, err)
	s.eventually(t, func() string {
		numbers, err := all(s.ledger().Numbers(t.Context(), s.location()))
		must(t, err)
		var got []e164.Number
		for _, n := range numbers {
			got = append(got, n.Number)
		}
		if !reflect.DeepEqual(got, want) {
			return fmt.Sprintf("numbers of the location: %v, want %v", got, want)
		}
		return ""
	})
}
