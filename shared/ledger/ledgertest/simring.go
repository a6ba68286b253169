package ledgertest

import (
	"errors"
	"reflect"
	"sync/atomic"
	"testing"

	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/ringtarget"
)

func simRingTests() map[string]run {
	return map[string]run{
		"simring-life":          simRingLife,
		"simring-resume":        simRingResume,
		"simring-race-to-pin":   simRingRace,
		"simring-late-writer":   simRingLate,
		"simring-taken-over":    simRingTakenOver,
		"simring-pin-withdrawn": simRingWithdrawn,
		"simring-set-beside":    simRingBeside,
		"simring-broken-off":    simRingBrokenOff,
	}
}

const (
	homePhone = ringtarget.Target("tel:+12055550001")
	carPhone  = ringtarget.Target("tel:+12055550002")
)

// forwarded is call forwarding as people find it; ringing, as dialtone leaves it.
func forwarded() outcome.Forwarding {
	return outcome.Forwarding{Active: "ImmediateForward", Immediate: outcome.ForwardTarget{Target: "Delegates"}, NoAnswer: outcome.ForwardTarget{RingDelaySeconds: new(20)}}
}

func ringing(t ringtarget.Target) outcome.Forwarding {
	return outcome.Forwarding{Active: "SimultaneousRing", Ring: outcome.ForwardTarget{Target: "Contact", URI: string(t)}}
}

func (s *subject) simRing(t *testing.T) ledger.SimRing {
	t.Helper()
	r, err := s.ledger().SimRing(t.Context(), s.user("ada"))
	if err != nil || r.User != s.user("ada") {
		t.Fatalf("sim ring: %q, %v", r.User, err)
	}
	return r
}

// mark is what request id says ahead of a change of settings that it found so.
func (s *subject) mark(id string, fence int64, target ringtarget.Target, found outcome.Forwarding) ledger.SimRing {
	return ledger.SimRing{Request: s.key(id), Fence: fence, Target: target, Before: found, Restore: true}
}

func (s *subject) ring(t *testing.T, id string, target ringtarget.Target, found outcome.Forwarding) ledger.SimRing {
	t.Helper()
	r, err := s.ledger().PinSimRing(t.Context(), s.simRing(t), s.mark(id, 1, target, found))
	must(t, err)
	r, err = s.ledger().SettleSimRing(t.Context(), r, outcome.SimRingEnabled{Request: s.key(id), Target: target, Managed: true})
	must(t, err)
	return r
}

func simRingLife(t *testing.T, s *subject) {
	l := s.ledger()
	if r := s.simRing(t); r.State != "" || r.Rings(ringing(homePhone)) {
		t.Fatalf("from the start: %+v", r)
	}
	r := s.ring(t, "1", homePhone, forwarded())
	if again := s.simRing(t); !reflect.DeepEqual(again, r) {
		t.Errorf("settled\n%+v, the ledger has\n%+v", r, again)
	}
	if r.State != ledger.SimRingEnabled || r.Original.Immediate.Target != "Delegates" || !r.Rings(ringing(homePhone)) || r.Rings(forwarded()) || r.Enabled.Request != s.key("1") {
		t.Errorf("enabled: %+v", r)
	}
	r, err := l.RecallSimRing(t.Context(), r, s.mark("2", 1, "", ringing(homePhone)))
	must(t, err)
	if r.State != ledger.SimRingRestoring || !r.Restore || r.Original.Active != "ImmediateForward" || !r.Before.RingsAt(homePhone) {
		t.Errorf("recalled: %+v", r)
	}
	done := outcome.SimRingDisabled{Request: s.key("2"), Restored: true}
	for range 2 {
		r, err = l.EndSimRing(t.Context(), r, done)
		must(t, err)
	}
	if r = s.simRing(t); r.State != ledger.SimRingOff || r.Disabled.Request != s.key("2") || r.Enabled.Request != s.key("1") || r.Rings(ringing(homePhone)) || r.Original.Active != "" {
		t.Errorf("off: %+v", r)
	}
	if r = s.ring(t, "3", carPhone, outcome.Forwarding{Active: "None"}); r.Original.Active != "None" || !r.Expires.IsZero() {
		t.Errorf("enabled again: %+v", r)
	}
}

// simRingResume: a request that goes on under a later lease keeps what it found
// first, as long as its change may be what it sees now.
func simRingResume(t *testing.T, s *subject) {
	l := s.ledger()
	r, err := l.PinSimRing(t.Context(), s.simRing(t), s.mark("1", 1, homePhone, forwarded()))
	must(t, err)
	r, err = l.PinSimRing(t.Context(), r, s.mark("1", 2, homePhone, ringing(homePhone)))
	must(t, err)
	if r.Before.Active != "ImmediateForward" || r.Original.Active != "ImmediateForward" || r.Fence != 2 {
		t.Errorf("resumed: %+v", r)
	}
	r, err = l.PinSimRing(t.Context(), r, s.mark("1", 3, homePhone, outcome.Forwarding{Active: "None"})) // set by hand meanwhile
	must(t, err)
	if r.Original.Active != "None" {
		t.Errorf("resumed after a change by hand: %+v", r)
	}
	r, err = l.RecallSimRing(t.Context(), r, s.mark("2", 1, "", ringing(homePhone)))
	must(t, err)
	r, err = l.RecallSimRing(t.Context(), r, s.mark("2", 2, "", forwarded()))
	must(t, err)
	if !r.Before.RingsAt(homePhone) || !r.Restore || r.Fence != 2 {
		t.Errorf("recall resumed: %+v", r)
	}
}

func simRingRace(t *testing.T, s *subject) {
	known := s.simRing(t)
	var won atomic.Int32
	s.race(func(w int) {
		_, err := s.ledger().PinSimRing(t.Context(), known, s.mark(string(rune('a'+w)), 1, homePhone, forwarded()))
		switch {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, ledger.ErrFenced):
			t.Errorf("pin: %v", err)
		}
	})
	if won.Load() != 1 {
		t.Errorf("%d pins at once", won.Load())
	}
}

func simRingLate(t *testing.T, s *subject) {
	l := s.ledger()
	first, err := l.PinSimRing(t.Context(), s.simRing(t), s.mark("1", 1, homePhone, forwarded()))
	must(t, err)
	second, err := l.PinSimRing(t.Context(), first, s.mark("1", 2, homePhone, forwarded()))
	must(t, err)
	_, err = l.PinSimRing(t.Context(), first, s.mark("1", 1, homePhone, forwarded()))
	fenced(t, "pin under the first lease", err)
	_, err = l.SettleSimRing(t.Context(), first, outcome.SimRingEnabled{Request: s.key("1")})
	fenced(t, "settle under the first lease", err)
	if r, err := l.UnpinSimRing(t.Context(), first); err != nil || r.State != ledger.SimRingChanging {
		t.Errorf("unpinned under the first lease: %+v, %v", r, err)
	}
	recalled, err := l.RecallSimRing(t.Context(), second, s.mark("2", 1, "", ringing(homePhone)))
	must(t, err)
	_, err = l.SettleSimRing(t.Context(), second, outcome.SimRingEnabled{Request: s.key("1")})
	fenced(t, "settle after a recall", err)
	_, err = l.RecallSimRing(t.Context(), second, s.mark("3", 1, "", ringing(homePhone)))
	fenced(t, "recall of what was recalled since", err)
	_, err = l.RecallSimRing(t.Context(), recalled, s.mark("2", 2, "", ringing(homePhone)))
	must(t, err)
	_, err = l.EndSimRing(t.Context(), recalled, outcome.SimRingDisabled{Request: s.key("2")})
	fenced(t, "end under the first lease", err)
}

// simRingTakenOver: what others left is gone on from; what stood first stays.
func simRingTakenOver(t *testing.T, s *subject) {
	l := s.ledger()
	s.ring(t, "1", homePhone, forwarded())
	r, err := l.PinSimRing(t.Context(), s.simRing(t), s.mark("2", 1, carPhone, ringing(homePhone))) // and is never heard of again
	must(t, err)
	if !r.Rings(ringing(homePhone)) || !r.Rings(ringing(carPhone)) || r.Original.Active != "ImmediateForward" {
		t.Errorf("moved: %+v", r)
	}
	r, err = l.RecallSimRing(t.Context(), r, s.mark("3", 1, "", ringing(carPhone))) // broken off as well
	must(t, err)
	r, err = l.PinSimRing(t.Context(), r, s.mark("4", 1, homePhone, outcome.Forwarding{Active: "None"}))
	must(t, err)
	if r.Original.Active != "ImmediateForward" || r.Before.Active != "None" || len(r.Earlier) != 0 || !r.Restore {
		t.Errorf("enabled while restoring: %+v", r)
	}
	r, err = l.SettleSimRing(t.Context(), r, outcome.SimRingEnabled{Request: s.key("4"), After: ringing(homePhone)})
	must(t, err)
	r, err = l.RecallSimRing(t.Context(), r, s.mark("5", 1, "", ringing("tel:+12055550009"))) // by hand
	must(t, err)
	if r.Restore {
		t.Errorf("what a person set is to be restored over: %+v", r)
	}
}

func simRingWithdrawn(t *testing.T, s *subject) {
	l := s.ledger()
	r, err := l.PinSimRing(t.Context(), s.simRing(t), s.mark("1", 1, homePhone, forwarded()))
	must(t, err)
	for range 2 {
		r, err = l.UnpinSimRing(t.Context(), r)
		must(t, err)
		if r.State != ledger.SimRingOff || r.Rings(ringing(homePhone)) {
			t.Errorf("withdrawn: %+v", r)
		}
	}
	s.ring(t, "2", homePhone, forwarded())
	r, err = l.PinSimRing(t.Context(), s.simRing(t), s.mark("3", 1, carPhone, ringing(homePhone)))
	must(t, err)
	r, err = l.UnpinSimRing(t.Context(), r)
	must(t, err)
	if r.State != ledger.SimRingEnabled || r.Target != homePhone || r.Original.Active != "ImmediateForward" || r.Enabled.Request != s.key("2") {
		t.Errorf("move withdrawn: %+v", r)
	}
}

// simRingBeside: what a person sets beside the target is theirs, and told once from
// what dialtone's change displaced.
func simRingBeside(t *testing.T, s *subject) {
	l := s.ledger()
	at := func(target ringtarget.Target, period string, delay int) outcome.Forwarding {
		f := ringing(target)
		f.Period, f.NoAnswer.RingDelaySeconds = period, new(delay)
		return f
	}
	first := forwarded() // unanswered after 20 seconds
	first.Period = "Always"
	r, err := l.PinSimRing(t.Context(), s.simRing(t), s.mark("1", 1, homePhone, first))
	must(t, err)
	r, err = l.SettleSimRing(t.Context(), r, outcome.SimRingEnabled{Request: s.key("1"), After: at(homePhone, "Workhours", 5)}) // both displaced
	must(t, err)
	r, err = l.PinSimRing(t.Context(), r, s.mark("2", 1, carPhone, at(homePhone, "Workhours", 40))) // the delay by hand
	must(t, err)
	r, err = l.PinSimRing(t.Context(), r, s.mark("2", 2, carPhone, at(carPhone, "Always", 40))) // displaced by the move, perhaps
	must(t, err)
	r, err = l.UnpinSimRing(t.Context(), r)
	must(t, err)
	r, err = l.RecallSimRing(t.Context(), r, s.mark("3", 1, "", at(homePhone, "Workhours", 40)))
	must(t, err)
	if r.Original.Active != "ImmediateForward" || r.Original.Period != "Always" || *r.Original.NoAnswer.RingDelaySeconds != 40 {
		t.Errorf("to come back: %+v", r.Original)
	}
}

// simRingBrokenOff: what was being restored stays to be, whatever becomes of the
// requests that come in between.
func simRingBrokenOff(t *testing.T, s *subject) {
	l, nothing := s.ledger(), outcome.Forwarding{Active: "None"}
	s.ring(t, "1", homePhone, forwarded())
	r, err := l.RecallSimRing(t.Context(), s.simRing(t), s.mark("2", 1, "", ringing(homePhone)))
	must(t, err)
	for fence := range int64(2) {
		r, err = l.PinSimRing(t.Context(), r, s.mark("3", fence+1, carPhone, nothing))
		must(t, err)
		if r.State != ledger.SimRingChanging || !r.Restore || r.Original.Active != "ImmediateForward" {
			t.Errorf("pinned: %+v", r)
		}
	}
	if next := r.Recalled(s.mark("4", 1, "", nothing)); !next.Restore || next.Original.Active != "ImmediateForward" {
		t.Errorf("recalled: %+v", next)
	}
	r, err = l.UnpinSimRing(t.Context(), r)
	must(t, err)
	if r.State != ledger.SimRingRestoring || !r.Restore || r.Original.Active != "ImmediateForward" || !r.Expires.IsZero() || r.Rings(ringing(carPhone)) {
		t.Errorf("withdrawn: %+v", r)
	}
	set := s.mark("5", 1, carPhone, outcome.Forwarding{Active: "ImmediateForward"})
	set.Restore = false // by hand
	r, err = l.PinSimRing(t.Context(), r, set)
	must(t, err)
	if r.Restore || r.Original.Immediate.Target != "" {
		t.Errorf("pinned over what a person has set: %+v", r)
	}
}
