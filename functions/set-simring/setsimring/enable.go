package setsimring

import (
	"cmp"
	"context"

	"dialtone/shared/command"
	"dialtone/shared/explain"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/ucwa"
	"dialtone/shared/visit"
)

// enabling is one request to let calls ring elsewhere too.
type enabling struct {
	job
	want command.EnableSimRing
}

// enableRounds bounds how often one delivery tries to settle what a change did.
const enableRounds = 4

// enable lets the user's calls ring at the target too, or says why not.
func (e *enabling) enable(ctx context.Context) (outcome.SimRingEnabled, error) {
	if err := e.load(ctx); err != nil {
		return outcome.SimRingEnabled{}, err
	}
	if e.record.Enabled.Request == e.Command.Key {
		return e.record.Enabled, nil // all was done but for the record of the request
	}
	if err := e.open(ctx); err != nil {
		return outcome.SimRingEnabled{}, err
	}
	defer e.visit.Close(ctx)
	rings := e.found.RingsAt(e.want.Target)
	switch {
	case rings && !e.underWay():
		return e.answer(e.found, e.found, outcome.AsFound, e.record.Rings(e.found)), nil
	case !rings && !e.way().offered(e.offer):
		return outcome.SimRingEnabled{}, notOffered()
	case e.want.DryRun:
		return e.answer(e.found, e.way().on(e.found), outcome.PlanOnly, true), nil
	}
	return e.ring(ctx)
}

// underWay reports that a change was begun, of whatever request, and not
// settled: the record must be, even if it rings already.
func (e *enabling) underWay() bool {
	switch e.record.State {
	case ledger.SimRingChanging, ledger.SimRingRestoring:
		return !e.want.DryRun
	}
	return false
}

// way is the one step that there is to do.
func (e *enabling) way() step {
	return step{do: ringToo, target: string(ucwa.ToContact), uri: string(e.want.Target), delay: none}
}

// ring pins the target, sets it unless it rings there already, and settles.
func (e *enabling) ring(ctx context.Context) (outcome.SimRingEnabled, error) {
	mark := e.mark()
	mark.Target, mark.Restore = e.want.Target, !setByHand(e.found, e.record)
	var err error
	if e.record, err = e.ledger.PinSimRing(ctx, e.record, mark); err != nil {
		return outcome.SimRingEnabled{}, err
	}
	if err := e.visit.Settle(ctx, enableRounds, e.next); err != nil {
		return outcome.SimRingEnabled{}, e.abandon(ctx, err)
	}
	verified := outcome.ReadBack
	if e.record.Before.RingsAt(e.want.Target) {
		verified = outcome.AsFound
	}
	done := e.answer(e.record.Before, e.now, verified, true)
	e.record, err = e.ledger.SettleSimRing(ctx, e.record, done)
	return done, err
}

func (e *enabling) next() visit.Change {
	if e.now.RingsAt(e.want.Target) {
		return nil
	}
	return func(ctx context.Context, app *ucwa.Application) error {
		return e.way().take(ctx, app, e.offer)
	}
}

// abandon takes the pin back if the failure is final and the target does not
// ring. Anything else keeps it: the next delivery, or the next request of this
// user, goes on from it.
func (e *enabling) abandon(ctx context.Context, cause error) error {
	if !explain.Error(cause).Class.Permanent() || e.now.RingsAt(e.want.Target) {
		return cause
	}
	var err error
	e.record, err = e.ledger.UnpinSimRing(ctx, e.record)
	return cmp.Or(err, cause)
}

func (e *enabling) answer(before, after outcome.Forwarding, verified string, managed bool) outcome.SimRingEnabled {
	return outcome.SimRingEnabled{
		Request: e.Command.Key, User: e.Command.User, Target: e.want.Target, Managed: managed,
		Before: before, After: after, Verified: verified, DryRun: e.want.DryRun,
	}
}

// notOffered is what the client says of a link that is missing, before anything
// is written.
func notOffered() error {
	return &ucwa.Error{Operation: string(ringToo) + string(ucwa.ToContact), Class: failure.Denied, Err: ucwa.ErrMissingLink}
}
