package changenumber

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/explain"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

// work is one request for a number, in progress.
type work struct {
	h     *Handler
	pools *pools
	lease *ledger.Lease
	key   command.Key
	want  command.Assign
	log   *slog.Logger

	person ledger.Person
	phone  *publishedPhone
}

// maxRefused bounds how many numbers a vendor may refuse before we give up.
const maxRefused = 3

func (w *work) holder() ledger.Holder {
	return ledger.Holder{User: w.want.User, PhoneType: w.want.PhoneType, Request: w.key, Fence: w.lease.Fence()}
}

// assign brings the user to the wanted state, or says why not.
func (w *work) assign(ctx context.Context) (outcome.Assigned, error) {
	var err error
	if w.person, err = w.h.cfg.Ledger.Person(ctx, w.want.User); err != nil {
		return outcome.Assigned{}, err
	}
	line, found := w.person.Line(w.want.PhoneType)
	if found && line.State == ledger.LineAssigned && line.Request == w.key {
		return w.recorded(line), nil // all was done but for the record
	}
	mine := found && line.State == ledger.LinePinned && line.Request == w.key
	if err := w.look(ctx, !mine && w.chooses(line, found)); err != nil {
		return outcome.Assigned{}, err
	}
	defer w.phone.close(ctx)
	if line, found, err = w.standing(ctx); err != nil {
		return outcome.Assigned{}, err
	}
	switch {
	case w.foreign(line, found):
		return w.keepForeign(ctx)
	case w.want.DryRun:
		return w.plan(ctx, line, found)
	case found && line.State == ledger.LineAssigned && !w.chooses(line, found):
		return w.keep(ctx, line)
	case found && line.Request != w.key && !w.chooses(line, found):
		if w.person, err = w.h.cfg.Ledger.Adopt(ctx, w.person, w.want.PhoneType, w.key); err != nil {
			return outcome.Assigned{}, err
		}
	}
	return w.change(ctx)
}

// chooses reports that the user's line, if any, is not the one to go on with: a
// number must be chosen.
func (w *work) chooses(line ledger.Line, found bool) bool {
	return !found || w.want.Replace && line.Number != w.want.Number
}

// foreign reports that the phone shows a number which is not that of the
// user's line, and which is to stay.
func (w *work) foreign(line ledger.Line, found bool) bool {
	if w.want.Replace || w.phone.number() == "" {
		return false
	}
	return !found || line.State == ledger.LineAssigned && !w.phone.shows(line.Number, nil)
}

// look reads the user's phone and, if a number will be needed, gets the pool
// of candidates ready meanwhile.
func (w *work) look(ctx context.Context, needNumber bool) error {
	poolErr, err := both(func() error {
		if !needNumber {
			return nil
		}
		return w.pools.of(w.want).prepare(ctx)
	}, func() (err error) {
		w.phone, err = openPhone(ctx, w.h.cfg.UCWA, w.want.User, w.want.PhoneType, w.log)
		return err
	})
	if err != nil {
		return err
	}
	// A user who has a number already needs no pool: that it offers nothing
	// counts only if something must be chosen from it.
	if f := failure.As(poolErr); f != nil && f.Class.Permanent() {
		return nil
	}
	if poolErr != nil {
		w.phone.close(ctx)
	}
	return poolErr
}

// both runs two steps side by side and returns when both have. A panic of either
// is the caller's, who answers for this message alone.
func both(a, b func() error) (errA, errB error) {
	var aside sync.WaitGroup
	var panicked any
	aside.Go(func() {
		defer func() { panicked = recover() }()
		errA = a()
	})
	defer aside.Wait() // also when b panics
	errB = b()
	aside.Wait()
	if panicked != nil {
		panic(panicked)
	}
	return errA, errB
}

// change pins, claims and publishes numbers until one stands, then confirms it.
func (w *work) change(ctx context.Context) (outcome.Assigned, error) {
	for range maxRefused {
		line, err := w.reserve(ctx)
		if err == nil {
			err = w.phone.publish(ctx, line.Number, w.want.IncludeInContactCard)
		}
		if err == nil {
			return w.confirm(ctx, line)
		}
		if !numberRefused(err) || w.phone.shows(line.Number, nil) {
			return outcome.Assigned{}, w.abandon(ctx, err)
		}
		if err := w.park(ctx, line.Number); err != nil {
			return outcome.Assigned{}, err
		}
	}
	return outcome.Assigned{}, w.abandon(ctx, &failure.Error{
		Class:  failure.Conflict,
		Reason: "Skype for Business refused every number that was tried",
		Advice: "Check the dial plan of the user and of the location's numbers, then replay the request.",
	})
}

// confirm writes down what was read back, while the application is deleted.
func (w *work) confirm(ctx context.Context, line ledger.Line) (outcome.Assigned, error) {
	result := w.result(line, outcome.ReadBack)
	_, err := both(func() error { w.phone.close(ctx); return nil }, func() (err error) {
		if _, err = w.h.cfg.Ledger.Confirm(ctx, line.Number, w.holder()); err != nil {
			return err
		}
		if result.Replaced, err = w.release(ctx, line); err != nil {
			return err
		}
		w.person, err = w.h.cfg.Ledger.Settle(ctx, w.person, w.want.PhoneType, w.key)
		return err
	})
	return result, err
}

// release puts the numbers that the line displaced to rest and returns them.
func (w *work) release(ctx context.Context, line ledger.Line) (resting []e164.Number, err error) {
	until := time.Now().Add(w.h.cfg.Quarantine)
	for old := line.Previous; old != nil; old = old.Previous {
		if old.Number == line.Number {
			continue
		}
		n, err := w.h.cfg.Ledger.Release(ctx, old.Number, w.holder(), until)
		if err != nil {
			return nil, err
		}
		if n.State == ledger.Quarantined && n.User == w.want.User { // a pin may stand on what somebody else has
			resting = append(resting, old.Number)
		}
	}
	return resting, nil
}

// keep answers for a user who has a number of ours already, and publishes it
// again where it was wiped from the phone.
func (w *work) keep(ctx context.Context, line ledger.Line) (outcome.Assigned, error) {
	how := outcome.AsFound
	if !w.phone.shows(line.Number, w.want.IncludeInContactCard) {
		if err := w.phone.publish(ctx, line.Number, w.want.IncludeInContactCard); err != nil {
			return outcome.Assigned{}, err
		}
		how = outcome.ReadBack
	}
	result := w.result(line, how)
	result.Before = w.phone.found
	return result, nil
}

// keepForeign answers for a number that dialtone did not assign. If the pool
// offers that number as free, it is set aside: it is in use here.
func (w *work) keepForeign(ctx context.Context) (outcome.Assigned, error) {
	n, _, _ := e164.FromTel(w.phone.number())
	if n != "" && !w.want.DryRun {
		if err := w.setAside(ctx, n); err != nil {
			return outcome.Assigned{}, err
		}
	}
	return outcome.Assigned{
		Request: w.key, User: w.want.User, LocationID: w.want.LocationID, PhoneType: w.want.PhoneType,
		Number: n, Before: w.phone.found, After: w.phone.now(), Verified: outcome.AsFound, DryRun: w.want.DryRun,
	}, nil
}

func (w *work) setAside(ctx context.Context, n e164.Number) error {
	offered, err := w.pools.of(w.want).offers(ctx, n)
	if err != nil || !offered {
		return err
	}
	_, err = w.h.cfg.Ledger.Park(ctx, n, w.want.LocationID, w.holder(), "published for a user by other means", time.Time{})
	return err
}

// plan answers a dry run: what would be chosen, with nothing written or changed.
func (w *work) plan(ctx context.Context, line ledger.Line, found bool) (outcome.Assigned, error) {
	if w.chooses(line, found) {
		c, err := w.pools.of(w.want).take(ctx)
		if err != nil {
			return outcome.Assigned{}, err
		}
		line = ledger.Line{Number: c.number, LocationID: w.want.LocationID, Tracking: c.tracking}
	}
	if err := w.phone.mayChange(); err != nil && !w.phone.shows(line.Number, w.want.IncludeInContactCard) {
		return outcome.Assigned{}, err
	}
	result := w.result(line, outcome.PlanOnly)
	result.Before = w.phone.found
	result.After.Number = line.Number.Tel()
	if card := w.want.IncludeInContactCard; card != nil {
		result.After.IncludeInContactCard = *card
	}
	return result, nil
}

// recorded answers from the ledger for a change that an earlier delivery
// finished and read back, but could not record.
func (w *work) recorded(line ledger.Line) outcome.Assigned {
	after := outcome.Phone{Type: w.want.PhoneType, Number: line.Number.Tel(), IncludeInContactCard: line.Before.IncludeInContactCard}
	if w.want.IncludeInContactCard != nil {
		after.IncludeInContactCard = *w.want.IncludeInContactCard
	}
	return outcome.Assigned{
		Request: w.key, User: w.want.User, LocationID: line.LocationID, PhoneType: w.want.PhoneType,
		Number: line.Number, Managed: true, Before: line.Before, After: after, Verified: outcome.ReadBack, TrackingIDs: line.Tracking,
	}
}

func (w *work) result(line ledger.Line, how string) outcome.Assigned {
	return outcome.Assigned{
		Request: w.key, User: w.want.User, LocationID: line.LocationID, PhoneType: w.want.PhoneType,
		Number: line.Number, Managed: true, Before: line.Before, After: w.phone.now(), Verified: how,
		DryRun: w.want.DryRun, TrackingIDs: line.Tracking,
	}
}

// abandon takes back pin and claim if the failure is final and the phone shows
// something else. Anything else keeps them: the next delivery, or the next
// request of this user, goes on from the same number.
func (w *work) abandon(ctx context.Context, cause error) error {
	line, found := w.person.Line(w.want.PhoneType)
	mine := found && line.State == ledger.LinePinned && line.Request == w.key
	if !mine || !explain.Error(cause).Class.Permanent() || w.phone.shows(line.Number, nil) {
		return cause
	}
	_, err := w.h.cfg.Ledger.Unclaim(ctx, line.Number, w.holder())
	if err == nil {
		w.person, err = w.h.cfg.Ledger.Unpin(ctx, w.person, w.want.PhoneType, w.key)
	}
	return cmp.Or(err, cause)
}

// park sets a number aside that the user's pool refused.
func (w *work) park(ctx context.Context, n e164.Number) error {
	_, err := w.h.cfg.Ledger.Park(ctx, n, w.want.LocationID, w.holder(), "Skype for Business refused it", time.Now().Add(parkedFor))
	return err
}

// isTaken reports that somebody else has the number.
func isTaken(err error) bool {
	_, taken := errors.AsType[*ledger.TakenError](err)
	return taken
}
