package setsimring_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

func bubble(t *testing.T, f func(t *testing.T)) { synctest.Test(t, f) }

func to(target string) ucwasim.Destination { return ucwasim.Destination{Target: target} }

func toContact(uri string) ucwasim.Destination {
	return ucwasim.Destination{Target: "Contact", Contact: uri}
}

// TestRestored: whatever stood comes back, in both dialects, where the server
// keeps targets that are not active and where it does not.
func TestRestored(t *testing.T) {
	t.Parallel()
	delayed := func(d ucwasim.Destination, seconds int) ucwasim.Destination { d.RingDelay = seconds; return d }
	for name, f := range map[string]ucwasim.Forwarding{
		"nothing":                 {},
		"to delegates":            toDelegates(),
		"to a contact":            {ActiveSetting: "ImmediateForward", Immediate: toContact("sip:carol@contoso.test")},
		"to voicemail":            {ActiveSetting: "ImmediateForward", Immediate: to("Voicemail"), UnansweredCallHandling: "Disabled"},
		"rings the team":          {ActiveSetting: "SimultaneousRing", SimultaneousRing: delayed(to("Team"), 25)},
		"rings delegates at once": {ActiveSetting: "SimultaneousRing", SimultaneousRing: to("Delegates")},
		"rings another":           {ActiveSetting: "SimultaneousRing", SimultaneousRing: delayed(toContact("tel:+14255550177"), 5)},
		"unanswered to a contact": {Unanswered: delayed(toContact("tel:+14255550188"), 45)},
		"unanswered to nobody":    {Unanswered: delayed(to("None"), 45), UnansweredCallHandling: "Disabled", ActivePeriod: "Workhours"},
	} {
		for config, c := range map[string]ucwasim.Config{
			"captured": {}, "generated": {Dialect: ucwasim.Generated, BareForwardingTargets: true},
		} {
			t.Run(name+", "+config, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, c)
				before := s.set(f)
				s.enabled(enable("1", mobile))
				o := s.disabled(disable("2"))
				if !o.Restored || o.Verified != outcome.ReadBack || len(o.NotRestored) > 0 || s.calls().Forwarding != before {
					t.Errorf("%q\nleaves %+v\nof     %+v", o.NotRestored, s.calls().Forwarding, before)
				}
				if n := s.calls().ChangeCount; n != 2 {
					t.Errorf("%d visible changes: %+v", n, s.calls().Changes)
				}
				if s.record().State != ledger.SimRingOff || s.open() != 0 {
					t.Errorf("record %+v, %d applications open", s.record(), s.open())
				}
			})
		}
	}
}

// TestNotRestored: what cannot be put back is named, and the rest is put back.
func TestNotRestored(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		config  ucwasim.Config
		before  ucwasim.Forwarding
		prepare func(s *site) // between enable and disable
		names   string
		active  string
	}{
		"the delegates are gone": {
			before:  toDelegates(),
			prepare: func(s *site) { s.policy(ucwasim.ForwardingPolicy{TeamMembers: 1}) },
			names:   "calls are not forwarded to the delegates again: the user has no delegates", active: "None",
		},
		"no team any more, by 409": {
			config:  ucwasim.Config{UnconfiguredStatus: 409},
			before:  ucwasim.Forwarding{ActiveSetting: "SimultaneousRing", SimultaneousRing: to("Team")},
			prepare: func(s *site) { s.policy(ucwasim.ForwardingPolicy{}) },
			names:   "calls do not ring at the team again: the user has no team", active: "None",
		},
		"policy": {
			before: ucwasim.Forwarding{ActiveSetting: "ImmediateForward", Immediate: toContact(another)},
			prepare: func(s *site) {
				s.policy(ucwasim.ForwardingPolicy{NoForwarding: true})
			},
			names: "calls are not forwarded to the contact again: Skype for Business does not offer it", active: "None",
		},
		"a number that cannot be set": {
			before: ucwasim.Forwarding{ActiveSetting: "ImmediateForward", Immediate: toContact("tel:1234")},
			names:  "in a form that cannot be set", active: "None",
		},
		"a stored target": {
			config: ucwasim.Config{KeepForwardingTargets: true},
			before: ucwasim.Forwarding{SimultaneousRing: to("Team")},
			names:  "the stored target of simultaneous ring", active: "None",
		},
		"no PUT": {
			before: ucwasim.Forwarding{Unanswered: ucwasim.Destination{Target: "Contact", Contact: another, RingDelay: 35}, UnansweredCallHandling: "Disabled"},
			prepare: func(s *site) {
				s.fault(rejected("putCallForwardingSettings", 405, "MethodNotAllowed", ""))
			},
			names: "the handling of unanswered calls is Enabled, not Disabled", active: "None",
		},
		"accepted without effect": {
			before: toDelegates(),
			prepare: func(s *site) {
				s.fault(simkit.Fault{Operation: "immediateForwardToDelegates", Status: 204})
			},
			names: "accepted the change without effect", active: "None",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, c.config)
			before := s.set(c.before)
			s.enabled(enable("1", mobile))
			if c.prepare != nil {
				c.prepare(s)
			}
			o := s.disabled(disable("2"))
			if !o.Restored || len(o.NotRestored) != 1 || !strings.Contains(o.NotRestored[0], c.names) {
				t.Errorf("not restored: %q, want %q", o.NotRestored, c.names)
			}
			now := s.calls()
			if now.ActiveSetting != c.active || now.Unanswered != before.Unanswered || now.ActivePeriod != before.ActivePeriod {
				t.Errorf("left %+v of %+v", now.Forwarding, before)
			}
		})
	}
}

func TestDisableWithoutEnable(t *testing.T) {
	t.Parallel()
	s := newSite(t, ucwasim.Config{})
	if o := s.disabled(disable("1")); o.Restored || o.Verified != outcome.AsFound || s.calls().ChangeCount != 0 || s.record().State != "" {
		t.Errorf("%+v", o)
	}
	s.set(ucwasim.Forwarding{ActiveSetting: "SimultaneousRing", SimultaneousRing: to("Team"), Unanswered: toContact(another), ActivePeriod: "Workhours"})
	o := s.disabled(disable("2"))
	if now := s.calls(); o.Restored || len(o.NotRestored) > 0 || o.Verified != outcome.ReadBack || now.ActiveSetting != "None" || now.Unanswered.Contact != another || now.ActivePeriod != "Workhours" {
		t.Errorf("%+v leaves %+v", o, now)
	}
}

// TestNoPutTurnsAllOff: what turnOffCallForwarding resets is set again.
func TestNoPutTurnsAllOff(t *testing.T) {
	t.Parallel()
	s := newSite(t, ucwasim.Config{})
	s.set(ucwasim.Forwarding{
		ActiveSetting: "SimultaneousRing", SimultaneousRing: to("Team"),
		Unanswered: ucwasim.Destination{Target: "Contact", Contact: another, RingDelay: 35},
	})
	s.fault(rejected("putCallForwardingSettings", 405, "MethodNotAllowed", ""))
	o := s.disabled(disable("1"))
	if now := s.calls(); now.ActiveSetting != "None" || now.Unanswered.Contact != another || now.Unanswered.RingDelay != 35 || len(o.NotRestored) > 0 {
		t.Errorf("%+v leaves %+v", o, now)
	}
	s.set(ucwasim.Forwarding{ActiveSetting: "SimultaneousRing", SimultaneousRing: to("Team"), Unanswered: toContact("tel:1234")})
	o = s.disabled(disable("2"))
	if len(o.NotRestored) == 0 || !strings.Contains(o.NotRestored[0], "unanswered calls go to voicemail, not to the contact") {
		t.Errorf("not restored: %q", o.NotRestored)
	}
}

// TestNoWayToEndIt: a disable that leaves calls ringing is no success.
func TestNoWayToEndIt(t *testing.T) {
	t.Parallel()
	s := newSite(t, ucwasim.Config{})
	before := s.set(ucwasim.Forwarding{})
	s.enabled(enable("1", mobile))
	for _, o := range []string{"putCallForwardingSettings", "turnOffCallForwarding"} {
		s.fault(rejected(o, 403, "Forbidden", "None"))
	}
	if a := s.refused(disable("2")); a["class"] != "denied" || !strings.Contains(a["reason"], "cannot be turned off") {
		t.Errorf("%v", a)
	}
	s.skype.Script().Clear()
	if o := s.disabled(disable("3")); !o.Restored || s.calls().Forwarding != before {
		t.Errorf("%+v leaves %+v", o, s.calls().Forwarding)
	}
}

func TestDisableWithoutRestore(t *testing.T) {
	t.Parallel()
	s := newSite(t, ucwasim.Config{})
	s.set(toDelegates())
	s.enabled(enable("1", mobile))
	o := s.disabled(body("dialtone.simring.disable.v1", "2", data{"restore": false}))
	now := s.calls()
	if o.Restored || now.ActiveSetting != "None" || now.Unanswered.Contact != "tel:+14255550111" || now.ActivePeriod != "Workhours" {
		t.Errorf("%+v leaves %+v", o, now)
	}
	if o := s.disabled(disable("3")); o.Restored || s.calls().ChangeCount != now.ChangeCount {
		t.Errorf("disabled again: %+v", o)
	}
}

func TestDisableDryRun(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gone  bool // the delegates
		want  string
		names int
	}{
		"all comes back": {false, "ImmediateForward", 0},
		"no link":        {true, "None", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, ucwasim.Config{})
			s.set(toDelegates())
			s.enabled(enable("1", mobile))
			if c.gone {
				s.policy(ucwasim.ForwardingPolicy{NoDelegation: true})
			}
			was := s.calls()
			o := s.disabled(body("dialtone.simring.disable.v1", "2", data{"dryRun": true}))
			if !o.DryRun || o.Verified != outcome.PlanOnly || !o.Restored || o.After.Active != c.want || len(o.NotRestored) != c.names {
				t.Errorf("%+v", o)
			}
			if s.calls().ChangeCount != was.ChangeCount || s.record().State != ledger.SimRingEnabled {
				t.Errorf("changed: %+v, record %+v", s.calls(), s.record())
			}
		})
	}
}

// TestReordered: a disable that overtakes its enable leaves the enable in
// effect; the next disable brings everything back.
func TestReordered(t *testing.T) {
	t.Parallel()
	s := newSite(t, ucwasim.Config{})
	before := s.set(toDelegates())
	s.disabled(disable("2"))
	s.enabled(enable("1", mobile))
	s.enabled(enable("1", mobile))
	s.disabled(disable("2")) // delivered again: answered from the ledger
	if !s.enabled(enable("3", mobile)).Managed || s.calls().ChangeCount != 1 {
		t.Errorf("%+v", s.calls())
	}
	for range 2 {
		s.disabled(disable("4"))
	}
	if s.calls().Forwarding != before || s.calls().ChangeCount != 2 {
		t.Errorf("%+v", s.calls())
	}
	s.enabled(enable("5", another))
	if s.disabled(disable("6")); s.calls().Forwarding != before {
		t.Errorf("%+v", s.calls().Forwarding)
	}
}
