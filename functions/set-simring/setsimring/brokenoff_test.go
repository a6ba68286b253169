package setsimring_test

import (
	"testing"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
)

// brokenOff leaves a restoring in its middle: nothing rings elsewhere any more, and
// what stood first is not there yet.
func brokenOff(t *testing.T, s *site) (before ucwasim.Forwarding) {
	t.Helper()
	before = s.set(toDelegates())
	s.enabled(enable("1", mobile))
	s.fault(simkit.Fault{Operation: "immediateForwardToDelegates", Status: 403, Code: "Forbidden", Subcode: "None"})
	s.fault(simkit.Fault{Operation: "callForwardingSettings", Status: 503, After: 2})
	if back := s.deliver(disable("2")); len(back) != 1 || s.calls().ActiveSetting != "None" {
		t.Fatalf("the restoring was not broken off in its middle: %+v", s.calls())
	}
	s.skype.Script().Clear()
	return before
}

// TestRestoringBrokenOff: whatever comes after it, what stood first is not
// forgotten, and not mistaken for what is there of it.
func TestRestoringBrokenOff(t *testing.T) {
	t.Parallel()
	unavailable := simkit.Fault{Operation: "simultaneousRingToContact", Status: 503, Times: 1}
	denied := simkit.Fault{Operation: "simultaneousRingToContact", Status: 403, Code: "Forbidden", Subcode: "None", Times: 1}
	left := func(s *site) { // an enable that has pinned its target and not set it
		s.fault(unavailable)
		if back := s.deliver(enable("3", another)); len(back) != 1 {
			s.t.Fatalf("the enable has ended")
		}
	}
	for name, then := range map[string]func(s *site){
		"resumed":                         func(*site) {},
		"enabled":                         func(s *site) { s.enabled(enable("3", another)) },
		"enabled in two deliveries":       func(s *site) { left(s); s.enabled(enable("3", another)) },
		"an enable left":                  left,
		"an enable left, another is done": func(s *site) { left(s); s.enabled(enable("4", mobile)) },
		"an enable denied":                func(s *site) { s.fault(denied); s.refused(enable("3", another)) },
		"an enable denied, another is done": func(s *site) {
			s.fault(denied)
			s.refused(enable("3", another))
			s.enabled(enable("4", mobile))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, ucwasim.Config{})
			before := brokenOff(t, s)
			then(s)
			if o := s.disabled(disable("2")); !o.Restored || len(o.NotRestored) > 0 || s.calls().Forwarding != before {
				t.Errorf("%+v leaves %+v, want %+v", o, s.calls().Forwarding, before)
			}
		})
	}
}

// TestRestoringBrokenOffThenSetByHand: an enable takes what a person has set since
// for what stood first.
func TestRestoringBrokenOffThenSetByHand(t *testing.T) {
	t.Parallel()
	s := newSite(t, ucwasim.Config{})
	brokenOff(t, s)
	byHand := s.set(ucwasim.Forwarding{ActiveSetting: "ImmediateForward", Immediate: to("Voicemail")})
	s.enabled(enable("3", another))
	if s.disabled(disable("4")); s.calls().Forwarding != byHand {
		t.Errorf("left %+v, want %+v", s.calls().Forwarding, byHand)
	}
}
