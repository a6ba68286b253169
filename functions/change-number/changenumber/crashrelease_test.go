package changenumber_test

import (
	"testing"
	"testing/synctest"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/worker/mortal"
)

const foreign = "tel:+4989555123"

// TestCrashOfARelease does what [TestCrashAtEverySideEffect] does with releases,
// and with what comes after one.
func TestCrashOfARelease(t *testing.T) {
	first := []deed{assigning(data{"number": "+12055000003"})}
	over := []deed{byHand(foreign), assigning(data{"replace": true})}
	applied := &simkit.Fault{Apply: true, Status: 504} // and not to be read back
	for name, c := range map[string]crash{
		"plain":               {before: first, last: releasing(nil), changes: 1, whole: true, check: gaveBack("", outcome.ReadBack)},
		"original comes back": {before: over, last: releasing(nil), changes: 1, check: gaveBack(foreign, outcome.ReadBack)},
		"changed by hand":     {before: append(first, byHand(foreign)), last: releasing(nil), check: gaveBack(foreign, outcome.AsFound)},
		"nothing to release":  {last: releasing(nil)},
		"dry run":             {before: first, last: releasing(data{"dryRun": true})},
		"second release":      {before: append(first, releasing(nil)), last: releasing(nil)},

		"of a chain":                 {before: over, left: assigning(data{"replace": true}), last: releasing(nil), changes: 1, check: gaveBack(foreign, outcome.ReadBack)},
		"of a chain, newest shown":   {before: over, left: assigning(data{"replace": true}), trouble: applied, last: releasing(nil), changes: 1, check: gaveBack(foreign, outcome.ReadBack)},
		"of a pin alone":             {left: assigning(nil), last: releasing(nil), check: gaveBack("", outcome.AsFound)},
		"of a pin alone, shown":      {left: assigning(nil), trouble: applied, last: releasing(nil), changes: 1, check: gaveBack("", outcome.ReadBack)},
		"after a failed one":         {before: first, left: releasing(nil), last: releasing(nil), changes: 1, check: gaveBack("", outcome.ReadBack)},
		"after one that was applied": {before: over, left: releasing(nil), trouble: applied, last: releasing(nil), check: gaveBack(foreign, outcome.AsFound)},

		"assign, back again":                  {before: append(first, releasing(nil)), last: assigning(nil), changes: 1, check: hasAgain},
		"assign, replace, back again":         {before: append(first, releasing(nil)), last: assigning(data{"replace": true}), changes: 1, check: hasAgain},
		"assign after a failed release":       {before: first, left: releasing(nil), last: assigning(nil), check: hasAgain},
		"assign after an applied release":     {before: first, left: releasing(nil), trouble: applied, last: assigning(nil), changes: 1, check: hasAgain},
		"assign, keeping what was put back":   {before: over, left: releasing(nil), trouble: applied, last: assigning(nil), check: keepsForeign},
		"replace after a failed release":      {before: first, left: releasing(nil), last: assigning(data{"replace": true}), changes: 1, check: replacedOne},
		"dry run after an applied release":    {before: first, left: releasing(nil), trouble: applied, last: assigning(data{"dryRun": true}), open: true, check: plansAgain},
		"wish for the same after the release": {before: append(first, releasing(nil)), last: assigning(data{"number": "+12055000003"}), changes: 1, check: hasAgain},
	} {
		t.Run(name, c.everywhere)
	}
}

// gaveBack wants a whole answer, however often the request began anew.
func gaveBack(shows, verified string) func(*testing.T, *site, outcome.Event) {
	return func(t *testing.T, s *site, answer outcome.Event) {
		r, err := answer.Released()
		n := s.number(r.Number)
		if err != nil || r.Number == "" || r.LocationID != s.home || r.Verified != verified || r.After.Number != shows ||
			n.State != ledger.Quarantined || !n.RestsUntil.Equal(r.RestsUntil) {
			t.Errorf("outcome %+v, %v; number %+v", r, err, n)
		}
		if verified == outcome.ReadBack && (!r.Restored || e164.Same(r.Before.Number, shows)) {
			t.Errorf("outcome %+v", r)
		}
		s.shows(1, shows)
	}
}

// hasAgain wants the number that the user had first.
func hasAgain(t *testing.T, s *site, answer outcome.Event) {
	if a, err := answer.Assigned(); err != nil || a.Number != "+12055000003" || !a.Managed {
		t.Errorf("outcome %+v, %v", a, err)
	}
	s.shows(1, "+12055000003")
}

func keepsForeign(t *testing.T, s *site, answer outcome.Event) {
	if a, err := answer.Assigned(); err != nil || a.Managed || a.After.Number != foreign {
		t.Errorf("outcome %+v, %v", a, err)
	}
	s.shows(1, foreign)
}

// plansAgain wants the same of a plan.
func plansAgain(t *testing.T, s *site, answer outcome.Event) {
	if a, err := answer.Assigned(); err != nil || a.Number != "+12055000003" || a.Verified != outcome.PlanOnly {
		t.Errorf("outcome %+v, %v", a, err)
	}
	s.shows(1, "")
}

// afterDeath lets a release of the first user's number die after each of its
// side effects in turn, and then fn look at what is left.
func afterDeath(t *testing.T, fn func(t *testing.T, s *site, body string, had e164.Number)) {
	t.Helper()
	alive := false
	for step := 0; !alive && step < 100; step++ {
		synctest.Test(t, func(t *testing.T) {
			s := smallSite(t)
			a := s.done(s.assign("1", 1, nil))
			l := &mortal.Life{Dies: step}
			s.life = l
			s.restart()
			body := s.release("2", 1, nil)
			s.deliver(body)
			alive = !l.IsDead()
			s.life = nil
			s.restart()
			if fn(t, s, body, a.Number); t.Failed() {
				t.Logf("the release died after step %d", step)
			}
		})
	}
}

// TestAssignAfterADeadRelease: whatever a release left behind that never came to
// an end, the user has the number again. If the release comes back all the same,
// it makes its change once at most.
func TestAssignAfterADeadRelease(t *testing.T) {
	afterDeath(t, func(t *testing.T, s *site, body string, had e164.Number) {
		changed := s.skypeUser(1).ChangeCount - 1
		if a := s.done(s.assign("3", 1, nil)); a.Number != had || !a.Managed {
			t.Errorf("outcome %+v", a)
		}
		s.shows(1, string(had))
		s.agree("after the assign")
		before := s.skypeUser(1).ChangeCount
		r := s.released(body)
		if changed += s.skypeUser(1).ChangeCount - before; changed != 1 || r.Number != had || !r.Restored || r.RestsUntil.IsZero() {
			t.Errorf("%d changes by the release, outcome %+v", changed, r)
		}
		s.agree("after the release")
	})
}

// TestPhoneIsLeftAloneOnceNumbersRest: a release that died after the phone was
// restored has made its one change, whatever the phone shows by now.
func TestPhoneIsLeftAloneOnceNumbersRest(t *testing.T) {
	met := 0
	afterDeath(t, func(t *testing.T, s *site, body string, had e164.Number) {
		if s.number(had).State != ledger.Quarantined {
			return
		}
		met++
		s.set(1, ucwasim.Phone{Number: had.Tel()}) // by hand
		before := s.skypeUser(1).ChangeCount
		r := s.released(body)
		if now := s.skypeUser(1).ChangeCount; now != before || r.Number != had || r.RestsUntil.IsZero() {
			t.Errorf("%d more changes, outcome %+v", now-before, r)
		}
	})
	if met == 0 {
		t.Error("no step was the one that this is about")
	}
}
