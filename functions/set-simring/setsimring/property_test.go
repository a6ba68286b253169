package setsimring_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/ledger"
)

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", propertyChecks); err != nil { // -rapid.checks still overrides it
		panic(err)
	}
	os.Exit(m.Run())
}

// TestEnableAndDisableLeaveNothing plays enables and disables with whatever goes
// wrong, from any settings under any policy, and holds the end against the
// beginning: the same, but for what a person has set beside, or every difference is
// named.
func TestEnableAndDisableLeaveNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		rapid.Check(timeless{t}, func(t *rapid.T) {
			s := newSite(t, ucwasim.Config{
				KeepForwardingTargets: rapid.Bool().Draw(t, "keeps targets"),
				BareForwardingTargets: rapid.Bool().Draw(t, "bare targets"),
				UnconfiguredStatus:    rapid.SampledFrom([]int{403, 409}).Draw(t, "unconfigured"),
				Dialect:               rapid.SampledFrom([]ucwasim.Dialect{ucwasim.Captured, ucwasim.Generated}).Draw(t, "dialect"),
			})
			s.policy(drawPolicy(t))
			before := s.set(drawForwarding(t))
			enables := rapid.IntRange(1, 3).Draw(t, "enables")
			for i := range enables {
				target := rapid.SampledFrom([]string{mobile, another}).Draw(t, "target")
				s.despite(t, enable(fmt.Sprint("on ", i), target))
				if now := s.calls(); now.ActiveSetting != "SimultaneousRing" || now.SimultaneousRing.Contact != target {
					t.Fatalf("enabled, but %+v", now)
				}
				before = s.setBeside(t, before)
			}
			count := s.calls().ChangeCount
			if count > enables {
				t.Fatalf("%d visible changes by %d enables", count, enables)
			}
			s.policy(drawPolicy(t))
			s.despite(t, disable("off"))
			o := s.disabled(disable("off")) // answered from the ledger
			now := s.calls()
			if made := now.ChangeCount - count; made > 6 {
				t.Fatalf("%d visible changes by one disable", made)
			}
			if !o.Restored || s.record().State != ledger.SimRingOff {
				t.Fatalf("not restored: %+v, record %+v", o, s.record())
			}
			named := strings.Join(o.NotRestored, "; ")
			for _, word := range differences(before, now.Forwarding) {
				if !strings.Contains(named, word) {
					t.Fatalf("%q is not named in %q:\n%+v\n%+v", word, named, before, now.Forwarding)
				}
			}
			if len(o.NotRestored) > len(differences(before, now.Forwarding)) {
				t.Fatalf("%q names what is as before:\n%+v\n%+v", named, before, now.Forwarding)
			}
			if letters := s.queue.letters; len(letters) > 0 {
				t.Fatalf("dead letter %v", letters[0].Attributes)
			}
			if s.open() > 0 {
				t.Fatalf("an application is left open")
			}
		})
	})
}

// setBeside changes what stands beside the target by hand, perhaps, and returns
// what is to come back then.
func (s *site) setBeside(t *rapid.T, before ucwasim.Forwarding) ucwasim.Forwarding {
	now, hand := s.calls().Forwarding, drawForwarding(t)
	if rapid.Bool().Draw(t, "period by hand") && hand.ActivePeriod != now.ActivePeriod {
		now.ActivePeriod, before.ActivePeriod = hand.ActivePeriod, hand.ActivePeriod
	}
	if rapid.Bool().Draw(t, "unanswered by hand") && hand.Unanswered.Target != now.Unanswered.Target {
		delay := now.Unanswered.RingDelay
		now.Unanswered, now.Unanswered.RingDelay = hand.Unanswered, delay
		before.Unanswered.Target, before.Unanswered.Contact = hand.Unanswered.Target, hand.Unanswered.Contact
	}
	if rapid.Bool().Draw(t, "delay by hand") && hand.SimultaneousRing.RingDelay != now.SimultaneousRing.RingDelay {
		now.SimultaneousRing.RingDelay, before.SimultaneousRing.RingDelay = hand.SimultaneousRing.RingDelay, hand.SimultaneousRing.RingDelay
	}
	s.set(now)
	return before
}

// timeless is a test in a bubble, where a deadline means nothing.
type timeless struct{ rapid.TB }

// despite delivers a message, to a new process each time, until it is done. Two
// of its deliveries meet trouble.
func (s *site) despite(t *rapid.T, body string) {
	for range 2 {
		s.fault(drawFault(t))
		if rapid.Bool().Draw(t, "twice") {
			s.fault(drawFault(t))
		}
		s.deliver(body)
		s.skype.Script().Clear()
		s.restart()
	}
	for range 3 {
		if back := s.deliver(body); len(back) == 0 {
			break
		}
	}
	s.done(body)
}

func drawFault(t *rapid.T) simkit.Fault {
	f := rapid.SampledFrom([]simkit.Fault{
		{ResetAfter: true},
		{ResetBefore: true},
		{Status: 503},
		{Status: 504, Apply: true},
		{Status: 412, Code: "PreconditionFailed"},
		{Status: 409, Code: "Conflict", Subcode: "AnotherOperationPending"},
		{Status: 404, Code: "NotFound", Subcode: "ApplicationNotFound"},
		{Status: 410, Code: "Gone", Subcode: "TooManyApplications"},
		{Status: 410, Code: "Gone", Subcode: "CannotRedirect"},
	}).Draw(t, "fault")
	f.Operation = rapid.SampledFrom([]string{
		"simultaneousRingToContact", "callForwardingSettings", "putCallForwardingSettings", "contact", "simultaneousRingToTeam",
		"immediateForwardToDelegates", "immediateForwardToContact", "immediateForwardToVoicemail", "simultaneousRingToDelegates",
	}).Draw(t, "operation")
	f.Times, f.After = 1, rapid.IntRange(0, 2).Draw(t, "after")
	return f
}

func drawPolicy(t *rapid.T) ucwasim.ForwardingPolicy {
	return ucwasim.ForwardingPolicy{
		NoForwarding: rapid.Bool().Draw(t, "no forwarding"), NoDelegation: rapid.Bool().Draw(t, "no delegation"),
		Delegates: rapid.IntRange(0, 1).Draw(t, "delegates"), TeamMembers: rapid.IntRange(0, 1).Draw(t, "team"),
	}
}

func drawForwarding(t *rapid.T) ucwasim.Forwarding {
	contacts := []string{"tel:+14255550100", "tel:+1-425-555-0101", "sip:Carol@contoso.test", "tel:5550102"}
	destination := func(name string, low, high int, targets ...string) ucwasim.Destination {
		d := ucwasim.Destination{Target: rapid.SampledFrom(targets).Draw(t, name)}
		if d.Target == "Contact" {
			d.Contact = rapid.SampledFrom(contacts).Draw(t, name+" contact")
		}
		if high > 0 {
			d.RingDelay = rapid.IntRange(low, high).Draw(t, name+" delay")
		}
		return d
	}
	f := ucwasim.Forwarding{
		ActivePeriod:           rapid.SampledFrom([]string{"Always", "Workhours"}).Draw(t, "period"),
		ActiveSetting:          rapid.SampledFrom([]string{"None", "ImmediateForward", "SimultaneousRing"}).Draw(t, "active"),
		UnansweredCallHandling: rapid.SampledFrom([]string{"Enabled", "Disabled"}).Draw(t, "handling"),
		Immediate:              destination("immediate", 0, 0, "None", "Contact", "Delegates", "Voicemail"),
		SimultaneousRing:       destination("ring", 0, 55, "None", "Contact", "Delegates", "Team"),
		Unanswered:             destination("unanswered", 5, 60, "None", "Contact", "Voicemail"),
	}
	if f.ActiveSetting == "ImmediateForward" && f.Immediate.Target == "None" || f.ActiveSetting == "SimultaneousRing" && f.SimultaneousRing.Target == "None" {
		f.ActiveSetting = "None"
	}
	return f
}

// differences are words for what is not as it was. Targets are compared as the
// server keeps them, which may be without what only people need.
func differences(before, now ucwasim.Forwarding) (all []string) {
	same := func(a, b ucwasim.Destination) bool {
		return a.Target == b.Target && strings.EqualFold(strings.ReplaceAll(a.Contact, "-", ""), strings.ReplaceAll(b.Contact, "-", ""))
	}
	note := func(differs bool, word string) {
		if differs {
			all = append(all, word)
		}
	}
	at := func(f ucwasim.Forwarding, setting string) bool { return f.ActiveSetting == setting }
	switch {
	case !at(now, before.ActiveSetting):
		all = append(all, "again")
	case at(before, "ImmediateForward"):
		note(!same(before.Immediate, now.Immediate), "again")
	case at(before, "SimultaneousRing"):
		note(!same(before.SimultaneousRing, now.SimultaneousRing), "again")
	}
	note(!at(before, "ImmediateForward") && !same(before.Immediate, now.Immediate), "stored target of forwarding")
	note(!at(before, "SimultaneousRing") && !same(before.SimultaneousRing, now.SimultaneousRing), "stored target of simultaneous ring")
	note(before.SimultaneousRing.RingDelay != now.SimultaneousRing.RingDelay, "delay of simultaneous ring")
	note(!same(before.Unanswered, now.Unanswered) || before.Unanswered.RingDelay != now.Unanswered.RingDelay, "unanswered")
	note(!at(before, "ImmediateForward") && before.UnansweredCallHandling != now.UnansweredCallHandling, "handling")
	note(before.ActivePeriod != now.ActivePeriod, "period")
	return slices.Compact(all)
}
