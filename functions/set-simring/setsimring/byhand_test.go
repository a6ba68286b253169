package setsimring_test

import (
	"testing"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/ledger"
)

// TestNotOursAnyMore: what a person has set since stays, but that nothing rings
// elsewhere.
func TestNotOursAnyMore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		byHand ucwasim.Forwarding
		active string
	}{
		"turned off":      {ucwasim.Forwarding{ActivePeriod: "Workhours"}, "None"},
		"forwarded":       {ucwasim.Forwarding{ActiveSetting: "ImmediateForward", Immediate: to("Voicemail")}, "ImmediateForward"},
		"rings elsewhere": {ucwasim.Forwarding{ActiveSetting: "SimultaneousRing", SimultaneousRing: to("Team"), Unanswered: toContact(another)}, "None"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, ucwasim.Config{})
			s.set(toDelegates())
			s.enabled(enable("1", mobile))
			want := s.set(c.byHand)
			o := s.disabled(disable("2"))
			now := s.calls().Forwarding
			if want.ActiveSetting = c.active; c.active == "None" {
				want.SimultaneousRing = now.SimultaneousRing
			}
			if o.Restored || len(o.NotRestored) > 0 || now != want {
				t.Errorf("%+v leaves %+v, want %+v", o, now, want)
			}
			if s.record().State != ledger.SimRingOff {
				t.Errorf("record %+v", s.record())
			}
		})
	}
}

// TestSettingsBesideStay: what a person sets beside dialtone's target is theirs,
// also when the target is moved later. What the target displaced comes back.
func TestSettingsBesideStay(t *testing.T) {
	t.Parallel()
	for name, moves := range map[string]func(s *site){
		"at rest":        func(*site) {},
		"moved":          func(s *site) { s.enabled(enable("2", another)) },
		"moved and back": func(s *site) { s.enabled(enable("2", another)); s.enabled(enable("3", mobile)) },
		"not moved": func(s *site) {
			s.fault(simkit.Fault{Operation: "simultaneousRingToContact", Status: 403, Code: "Forbidden", Subcode: "None", Times: 1})
			s.refused(enable("2", another))
		},
		"moved, in two deliveries": func(s *site) {
			s.fault(simkit.Fault{Operation: "simultaneousRingToContact", Status: 503, Times: 1})
			if back := s.deliver(enable("2", another)); len(back) != 1 {
				t.Error("the move was not broken off")
			}
			s.enabled(enable("2", another))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, ucwasim.Config{})
			want := s.set(toDelegates())
			s.enabled(enable("1", mobile))
			beside := s.calls().Forwarding
			beside.ActivePeriod, beside.Unanswered.RingDelay, beside.SimultaneousRing.RingDelay = "Always", 50, 3
			s.set(beside)
			moves(s)
			want.ActivePeriod, want.Unanswered.RingDelay, want.SimultaneousRing.RingDelay = "Always", 50, 3
			plan := s.disabled(body("dialtone.simring.disable.v1", "plan", data{"dryRun": true}))
			o := s.disabled(disable("end"))
			if !o.Restored || len(o.NotRestored) > 0 || s.calls().Forwarding != want {
				t.Errorf("%q leaves %+v, want %+v", o.NotRestored, s.calls().Forwarding, want)
			}
			if plan.After.Period != "Always" || *plan.After.NoAnswer.RingDelaySeconds != 50 || len(plan.NotRestored) > 0 {
				t.Errorf("planned %+v", plan)
			}
		})
	}
}

// TestEnabledAfterAChangeByHand: the hand's work is what comes back.
func TestEnabledAfterAChangeByHand(t *testing.T) {
	t.Parallel()
	s := newSite(t, ucwasim.Config{})
	s.set(toDelegates())
	s.enabled(enable("1", mobile))
	byHand := s.set(ucwasim.Forwarding{ActiveSetting: "ImmediateForward", Immediate: ucwasim.Destination{Target: "Voicemail"}})
	s.enabled(enable("2", another))
	if o := s.disabled(disable("3")); !o.Restored || s.calls().Forwarding != byHand {
		t.Errorf("%+v leaves %+v", o, s.calls().Forwarding)
	}
}

// TestSetByHandWhileRestoring: what a person has set since a restoring was broken
// off is not restored over.
func TestSetByHandWhileRestoring(t *testing.T) {
	t.Parallel()
	s := newSite(t, ucwasim.Config{})
	s.set(toDelegates())
	s.enabled(enable("1", mobile))
	s.fault(simkit.Fault{Operation: "immediateForwardToDelegates", Status: 503, Times: 1})
	if back := s.deliver(disable("2")); len(back) != 1 {
		t.Fatal("the restoring was not broken off")
	}
	byHand := s.set(ucwasim.Forwarding{ActiveSetting: "ImmediateForward", Immediate: toContact(another)})
	if o := s.disabled(disable("2")); o.Restored || len(o.NotRestored) > 0 || s.calls().Forwarding != byHand {
		t.Errorf("%+v leaves %+v", o, s.calls().Forwarding)
	}
}
