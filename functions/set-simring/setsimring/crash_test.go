package setsimring_test

import (
	"cmp"
	"fmt"
	"testing"
	"testing/synctest"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/worker/mortal"
)

func toDelegates() ucwasim.Forwarding {
	return ucwasim.Forwarding{
		ActiveSetting: "ImmediateForward", ActivePeriod: "Workhours", Immediate: ucwasim.Destination{Target: "Delegates"},
		SimultaneousRing: ucwasim.Destination{RingDelay: 15},
		Unanswered:       ucwasim.Destination{Target: "Contact", Contact: "tel:+14255550111", RingDelay: 30},
	}
}

// TestCrashAtEverySideEffect lets the process die after its side effects in turn,
// every other one or, in `make prove`, each, and hands the message to a new one.
func TestCrashAtEverySideEffect(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		done    []string // before
		left    string   // never ended, after those; "": none
		crash   string
		changes int // visible ones that the request may make
		rings   string
	}{
		"enable":                     {nil, "", enable("1", mobile), 1, mobile},
		"move":                       {[]string{enable("1", mobile)}, "", enable("2", another), 1, another},
		"rings there already":        {[]string{enable("1", mobile)}, "", enable("2", mobile), 0, mobile},
		"disable":                    {[]string{enable("1", mobile)}, "", disable("2"), 1, ""},
		"disable after a move":       {[]string{enable("1", mobile), enable("2", another)}, "", disable("3"), 1, ""},
		"disable twice":              {[]string{enable("1", mobile), disable("2")}, "", disable("3"), 0, ""},
		"again":                      {[]string{enable("1", mobile), disable("2")}, "", enable("3", mobile), 1, mobile},
		"enable after one left":      {nil, enable("1", another), enable("2", mobile), 1, mobile},
		"disable after one left":     {nil, enable("1", another), disable("2"), 0, ""},
		"disable after a left move":  {[]string{enable("1", mobile)}, enable("2", another), disable("3"), 1, ""},
		"enable after left disable":  {[]string{enable("1", mobile)}, disable("2"), enable("3", mobile), 0, mobile},
		"disable after left disable": {[]string{enable("1", mobile)}, disable("2"), disable("3"), 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			alive, want := false, ""
			for step := 0; !alive && step < 100; step += deathStride {
				synctest.Test(t, func(t *testing.T) {
					l := &mortal.Life{Dies: step}
					got := crashOnce(t, l, c.done, c.left, c.crash, c.changes, c.rings)
					if want = cmp.Or(want, got); got != want {
						t.Errorf("death after step %d changes the answer\nfrom %s\nto   %s", step, want, got)
					}
					alive = !l.IsDead() // it lived through all its steps
				})
			}
			if !alive {
				t.Error("the request never ends")
			}
		})
	}
}

func crashOnce(t *testing.T, l *mortal.Life, done []string, left, last string, changes int, rings string) (answer string) {
	t.Helper()
	s := newSite(t, ucwasim.Config{})
	before := s.set(toDelegates())
	for _, b := range done {
		s.done(b)
	}
	if left != "" {
		for _, o := range []string{"simultaneousRingToContact", "immediateForwardToDelegates"} {
			s.fault(simkit.Fault{Operation: o, Status: 503, Times: 1})
		}
		if back := s.deliver(left); len(back) != 1 {
			t.Fatal("the left request has ended")
		}
		s.skype.Script().Clear()
	}
	count := s.calls().ChangeCount
	s.life = l
	s.restart()
	s.deliver(last)
	s.life = nil
	s.restart()
	first := s.done(last)
	where := fmt.Sprintf("death after step %d", l.Dies)
	if again := s.done(last); string(again.Data) != string(first.Data) {
		t.Errorf("%s: two answers: %s, %s", where, first.Data, again.Data)
	}
	now := s.calls()
	if got := now.ChangeCount - count; got != changes {
		t.Errorf("%s: %d visible changes, want %d", where, got, changes)
	}
	if rings == "" && now.Forwarding != before {
		t.Errorf("%s: %+v, want %+v", where, now.Forwarding, before)
	}
	if rings != "" && (now.ActiveSetting != "SimultaneousRing" || now.SimultaneousRing.Contact != rings) {
		t.Errorf("%s: rings at %+v", where, now.SimultaneousRing)
	}
	if rings != "" { // and the way back is not lost
		if s.disabled(disable("end")); s.calls().Forwarding != before {
			t.Errorf("%s: disabled: %+v, want %+v", where, s.calls().Forwarding, before)
		}
	}
	if len(s.queue.letters) > 0 {
		t.Errorf("%s: dead letter %v", where, s.queue.letters[0].Attributes)
	}
	return string(first.Data)
}
