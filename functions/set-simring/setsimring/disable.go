package setsimring

import (
	"context"

	"dialtone/shared/command"
	"dialtone/shared/explain"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/ucwa"
	"dialtone/shared/visit"
)

// disabling is one request to end simultaneous ringing.
type disabling struct {
	job
	want command.DisableSimRing

	refused map[step]string // for good, with the reason
	idle    map[step]int    // times that a step was accepted
	last    *failure.Error  // of the last step that was refused
}

const (
	// disableRounds bounds how many steps one delivery takes.
	disableRounds = 24

	// patience is how often a step may be accepted without showing.
	patience = 2
)

// disable ends simultaneous ringing and restores what stood before it, as far
// as dialtone changed it and can, or says why the ringing does not end.
func (d *disabling) disable(ctx context.Context) (outcome.SimRingDisabled, error) {
	if err := d.load(ctx); err != nil {
		return outcome.SimRingDisabled{}, err
	}
	if d.record.Disabled.Request == d.Command.Key {
		return d.record.Disabled, nil // all was done but for the record of the request
	}
	if err := d.open(ctx); err != nil {
		return outcome.SimRingDisabled{}, err
	}
	defer d.visit.Close(ctx)
	switch {
	case d.nothingToDo():
		return d.leave(ctx)
	case d.want.DryRun:
		return d.plan(), nil
	}
	return d.end(ctx)
}

// nothingToDo reports that nothing rings elsewhere and no restoring was broken
// off that is to go on.
func (d *disabling) nothingToDo() bool {
	switch {
	case d.found.Active == string(ucwa.SimultaneousRing):
		return false
	case d.record.State == ledger.SimRingRestoring && d.record.Request == d.Command.Key:
		return false
	}
	return !(d.record.Restore && d.want.Restore)
}

// leave answers for settings that stay as they are. What dialtone once set is
// gone from them, so the record ends as well.
func (d *disabling) leave(ctx context.Context) (outcome.SimRingDisabled, error) {
	done := d.answer(d.found, goal{Forwarding: d.found}, outcome.AsFound)
	if d.want.DryRun || d.record.State == "" || d.record.State == ledger.SimRingOff {
		return done, nil
	}
	var err error
	d.record, err = d.ledger.EndSimRing(ctx, d.record, done)
	return done, err
}

// goalOf is where the record leads, once it is recalled. What stood before is no
// goal any more when a person has set something else meanwhile.
func (d *disabling) goalOf(r ledger.SimRing) goal {
	switch {
	case !r.Restore:
		return silenced(r.Before)
	case setByHand(d.found, r):
		return silenced(d.found)
	}
	return goal{Forwarding: r.Original, restore: true}
}

// recall is what the write ahead says.
func (d *disabling) recall() ledger.SimRing {
	mark := d.mark()
	mark.Restore = d.want.Restore
	return mark
}

// end recalls the record, takes step after step, and records what stands.
func (d *disabling) end(ctx context.Context) (done outcome.SimRingDisabled, err error) {
	if d.record, err = d.ledger.RecallSimRing(ctx, d.record, d.recall()); err != nil {
		return done, err
	}
	g := d.goalOf(d.record)
	if err := d.visit.Settle(ctx, disableRounds, d.steps(g)); err != nil {
		return done, err
	}
	if d.now.Active == string(ucwa.SimultaneousRing) && !g.reached(d.now) {
		return done, d.stillRings()
	}
	done = d.answer(d.record.Before, g, outcome.ReadBack)
	d.record, err = d.ledger.EndSimRing(ctx, d.record, done)
	return done, err
}

// steps takes the way to the goal. What is refused for good is not tried again:
// the rest is restored all the same.
func (d *disabling) steps(g goal) func() visit.Change {
	return func() visit.Change {
		s, more := g.next(d.now, d.can)
		if !more {
			return nil
		}
		return func(ctx context.Context, app *ucwa.Application) error {
			err := s.take(ctx, app, d.offer)
			if err == nil {
				d.idle[s]++
			}
			if e := ucwa.As(err); e != nil && e.Remedy == ucwa.None && e.Class.Permanent() {
				d.last = explain.Error(err)
				d.refused[s] = d.last.Reason
				return nil
			}
			return err
		}
	}
}

func (d *disabling) can(s step) bool {
	return s.offered(d.offer) && d.refused[s] == "" && d.idle[s] < patience
}

// why says what stands against a step.
func (d *disabling) why(s step) string {
	switch {
	case !s.writable():
		return "its number or address is in a form that cannot be set"
	case !s.offered(d.offer):
		return "Skype for Business does not offer it to the user"
	case d.refused[s] != "":
		return d.refused[s]
	}
	return "Skype for Business accepted the change without effect"
}

// plan answers a dry run.
func (d *disabling) plan() outcome.SimRingDisabled {
	g := d.goalOf(d.record.Recalled(d.recall()))
	d.now = g.foresee(d.now, d.can)
	return d.answer(d.found, g, outcome.PlanOnly)
}

func (d *disabling) answer(before outcome.Forwarding, g goal, verified string) outcome.SimRingDisabled {
	return outcome.SimRingDisabled{
		Request: d.Command.Key, User: d.Command.User, Before: before, After: d.now,
		Restored: g.restore, NotRestored: g.missing(d.now, d.why), Verified: verified, DryRun: d.want.DryRun,
	}
}

// stillRings fails: no way to end the ringing is left.
func (d *disabling) stillRings() error {
	f := &failure.Error{
		Class:  failure.Denied,
		Reason: "simultaneous ring cannot be turned off for this user",
		Advice: "See the upstream answer, remove the obstacle or let the user turn it off, then replay the request.",
	}
	if d.last != nil {
		f.Upstream, f.Err = d.last.Upstream, d.last.Err
	}
	return f
}
