package ledger

import (
	"testing"
	"time"
)

func TestPauseTransitions(t *testing.T) {
	later := after.Add(time.Hour)
	free := Pause{Name: "v/h", Fence: 4, Expires: after}
	due := Pause{Name: "v/h", Since: before, Until: now, Reason: "status 503", Fence: 4, Probes: 2, Holder: "other"}
	edit := func(p Pause, do func(*Pause)) Pause { do(&p); return p }
	held := due
	held.Until = after
	probe := held // the one that was granted
	asked := edit(held, func(p *Pause) { p.Until, p.Reason = later.Add(time.Hour), "Retry-After" })
	suspend := func(until time.Time) func(Pause) (Pause, error) {
		return func(p Pause) (Pause, error) { return p.suspended("v/h", until, "new", now) }
	}
	ask := func(p Pause) (Pause, error) { return p.probed("me", later, now) }
	resume := func(p Pause) (Pause, error) { return p.resumed(probe, now) }
	prolong := func(p Pause) (Pause, error) { return p.prolonged(probe, later, "new") }
	for _, c := range []struct {
		name string
		at   Pause
		do   func(Pause) (Pause, error)
		want Pause // the zero value: unchanged
	}{
		{"suspend what was never paused", Pause{}, suspend(after), Pause{Name: "v/h", Since: now, Until: after, Reason: "new", Fence: 1}},
		{"suspend what is free", free, suspend(after), Pause{Name: "v/h", Since: now, Until: after, Reason: "new", Fence: 5}},
		{"suspend for longer", held, suspend(later), edit(held, func(p *Pause) { p.Until, p.Reason = later, "new" })},
		{"suspend for less", held, suspend(now), Pause{}},
		{"suspend for as long", held, suspend(after), Pause{}},
		{"suspend what is due", due, suspend(after), edit(due, func(p *Pause) { p.Until, p.Reason = after, "new" })},
		{"probe what is free", free, ask, Pause{}},
		{"probe what was never paused", Pause{}, ask, Pause{}},
		{"probe too early", held, ask, Pause{}},
		{"probe at the moment", due, ask, edit(due, func(p *Pause) { p.Until, p.Holder, p.Fence, p.Probes = later, "me", 5, 3 })},
		{"resume after my probe", probe, resume, Pause{Name: "v/h", Fence: 4, Expires: now.Add(pauseKept)}},
		{"resume after another's", edit(probe, func(p *Pause) { p.Fence = 5 }), resume, Pause{}},
		{"resume what was asked for meanwhile", asked, resume, Pause{}},
		{"prolong what was asked for meanwhile", asked, prolong, Pause{}},
		{"resume what is free", free, resume, Pause{}},
		{"prolong after my probe", probe, prolong, edit(probe, func(p *Pause) { p.Until, p.Reason = later, "new" })},
		{"prolong after another's", edit(probe, func(p *Pause) { p.Fence = 5 }), prolong, Pause{}},
		{"prolong what is free", free, prolong, Pause{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.do(c.at)
			switch {
			case c.want == Pause{}:
				if word("", err) != "=" || got != c.at {
					t.Errorf("got %+v, %v, want it unchanged", got, err)
				}
			case err != nil || got != c.want:
				t.Errorf("got %+v, %v, want %+v", got, err, c.want)
			}
		})
	}
}
