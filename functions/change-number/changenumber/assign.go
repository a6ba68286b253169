package changenumber

import (
	"cmp"
	"context"
	"errors"
	"slices"
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
	job
	pools *pools
	want  command.Assign

	held map[e164.Number]ledger.Number // on the line as it was found
	back *candidate                    // the number that rests for this user, until it is tried
}

// maxRefused bounds how many numbers a vendor may refuse before we give up.
const maxRefused = 3

// assign brings the user to the wanted state, or says why not.
func (w *work) assign(ctx context.Context) (outcome.Assigned, error) {
	var err error
	if w.person, err = w.h.cfg.Ledger.Person(ctx, w.user); err != nil {
		return outcome.Assigned{}, err
	}
	line, found := w.person.Line(w.typ)
	if found && line.State == ledger.LineAssigned && line.Request == w.key {
		return w.recorded(line), nil // all was done but for the record
	}
	mine := found && line.State == ledger.LinePinned && line.Request == w.key
	if err := w.look(ctx, !mine && !w.hopes(found) && w.chooses(line, found)); err != nil {
		return outcome.Assigned{}, err
	}
	defer w.phone.close(ctx)
	if line, found, err = w.standing(ctx); err != nil {
		return outcome.Assigned{}, err
	}
	if w.hopes(found) {
		if w.back, err = w.waiting(ctx); err != nil {
			return outcome.Assigned{}, err
		}
	}
	return w.goOn(ctx, line, found)
}

// goOn brings the user to the wanted state from where the line stands.
func (w *work) goOn(ctx context.Context, line ledger.Line, found bool) (outcome.Assigned, error) {
	var err error
	switch {
	case w.foreign(line, found):
		return w.keepForeign(ctx)
	case w.want.DryRun:
		return w.plan(ctx, line, found)
	case found && line.State == ledger.LineAssigned && !w.chooses(line, found):
		return w.keep(ctx, line)
	case found && line.Request != w.key && !w.chooses(line, found):
		if w.person, err = w.h.cfg.Ledger.Adopt(ctx, w.person, w.typ, w.key); err != nil {
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
// user's line, nor the one that rests for them, and which is to stay.
func (w *work) foreign(line ledger.Line, found bool) bool {
	if w.want.Replace || w.phone.number() == "" || w.back != nil && w.phone.shows(w.back.number, nil) {
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
		w.phone, err = openPhone(ctx, w.h.cfg.UCWA, w.user, w.typ, w.log)
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

// change pins, claims and publishes numbers until one stands, then confirms it.
func (w *work) change(ctx context.Context) (outcome.Assigned, error) {
	if err := w.prepare(ctx); err != nil {
		return outcome.Assigned{}, err
	}
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

// prepare looks at what a change will displace.
func (w *work) prepare(ctx context.Context) (err error) {
	line, found := w.person.Line(w.typ)
	if found {
		w.held, err = w.numbers(ctx, line)
	}
	if err != nil {
		return err
	}
	return w.displace(ctx, line)
}

// displace sets aside a number that a replace is to take off the phone and that
// dialtone did not assign: nobody gets it, so that a release can put it back.
func (w *work) displace(ctx context.Context, line ledger.Line) error {
	n, ext, international := e164.FromTel(w.phone.found.Number)
	if !w.want.Replace || !international || ext != "" || n == w.want.Number || line.Shown(string(n)) {
		return nil
	}
	if w.back != nil && w.back.number == n {
		return nil
	}
	return w.setAside(ctx, n)
}

// confirm writes down what was read back, while the application is deleted.
func (w *work) confirm(ctx context.Context, line ledger.Line) (outcome.Assigned, error) {
	result := w.result(line, outcome.ReadBack)
	err := w.finish(ctx, func() (err error) {
		if _, err = w.h.cfg.Ledger.Confirm(ctx, line.Number, w.holder()); err != nil {
			return err
		}
		if result.Replaced, err = w.restDisplaced(ctx, line); err != nil {
			return err
		}
		w.person, err = w.h.cfg.Ledger.Settle(ctx, w.person, w.typ, w.key, result.Replaced...)
		return err
	})
	return result, err
}

// restDisplaced puts the numbers that the line displaced to rest and returns
// those that do, by this request, now or already.
func (w *work) restDisplaced(ctx context.Context, line ledger.Line) (resting []e164.Number, err error) {
	for old := line.Previous; old != nil; old = old.Previous {
		if old.Number == line.Number || slices.Contains(resting, old.Number) {
			continue
		}
		known, read := w.held[old.Number]
		if !read {
			return nil, ledger.ErrFenced // displaced since it was looked at
		}
		n, err := w.rest(ctx, known, w.key)
		if err != nil {
			return nil, err
		}
		if w.resting(n) { // a pin may stand on what somebody else has
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
		Request: w.key, User: w.user, LocationID: w.want.LocationID, PhoneType: w.typ,
		Number: n, Before: w.phone.found, After: w.phone.now(), Verified: outcome.AsFound, DryRun: w.want.DryRun,
	}, nil
}

func (w *work) setAside(ctx context.Context, n e164.Number) error {
	offered, err := w.pools.of(w.want).offers(ctx, n)
	if err != nil || !offered {
		return err
	}
	_, err = w.h.cfg.Ledger.Park(ctx, n, w.want.LocationID, w.holder(), usedElsewhere, time.Time{})
	return err
}

// plan answers a dry run: what would be chosen, with nothing written or changed.
func (w *work) plan(ctx context.Context, line ledger.Line, found bool) (outcome.Assigned, error) {
	if w.chooses(line, found) {
		c, err := w.planned(ctx)
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

// planned returns the number that would be tried first. The one that a replace
// takes off the phone is none: in earnest it is set aside before.
func (w *work) planned(ctx context.Context) (candidate, error) {
	free := func(c candidate) bool { return !w.want.Replace || w.want.Number != "" || !w.phone.shows(c.number, nil) }
	resting := w.back != nil
	c, err := w.next(ctx)
	if err != nil || resting || free(c) {
		return c, err
	}
	if c, err = w.next(ctx); err == nil && !free(c) {
		err = w.pools.of(w.want).exhausted()
	}
	return c, err
}

// recorded answers from the ledger for a change that an earlier delivery
// finished and read back, but could not record.
func (w *work) recorded(line ledger.Line) outcome.Assigned {
	after := outcome.Phone{Type: w.typ, Number: line.Number.Tel(), IncludeInContactCard: line.Before.IncludeInContactCard}
	if w.want.IncludeInContactCard != nil {
		after.IncludeInContactCard = *w.want.IncludeInContactCard
	}
	return outcome.Assigned{
		Request: w.key, User: w.user, LocationID: line.LocationID, PhoneType: w.typ,
		Number: line.Number, Managed: true, Before: line.Before, After: after, Replaced: line.Replaced, Verified: outcome.ReadBack, TrackingIDs: line.Tracking,
	}
}

func (w *work) result(line ledger.Line, how string) outcome.Assigned {
	return outcome.Assigned{
		Request: w.key, User: w.user, LocationID: line.LocationID, PhoneType: w.typ,
		Number: line.Number, Managed: true, Before: line.Before, After: w.phone.now(), Verified: how,
		DryRun: w.want.DryRun, TrackingIDs: line.Tracking,
	}
}

// abandon takes back pin and claim if the failure is final and the phone shows
// something else. Anything else keeps them: the next delivery, or the next
// request of this user, goes on from the same number.
func (w *work) abandon(ctx context.Context, cause error) error {
	line, found := w.person.Line(w.typ)
	mine := found && line.State == ledger.LinePinned && line.Request == w.key
	if !mine || !explain.Error(cause).Class.Permanent() || w.phone.shows(line.Number, nil) {
		return cause
	}
	_, err := w.h.cfg.Ledger.Unclaim(ctx, line.Number, w.holder())
	if err == nil {
		w.person, err = w.h.cfg.Ledger.Unpin(ctx, w.person, w.typ, w.key)
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
