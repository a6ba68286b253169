package changenumber

import (
	"cmp"
	"context"
	"strings"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/explain"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

// release is one request to take a number back, in progress.
type release struct {
	job
	want command.Release
}

// release brings the user's phone back to what it was before dialtone, puts the
// number to rest, or says why not. Nobody is asked about a user who has no
// number of ours: the account may be disabled by now.
func (r *release) release(ctx context.Context) (outcome.Released, error) {
	var err error
	if r.person, err = r.h.cfg.Ledger.Person(ctx, r.user); err != nil {
		return outcome.Released{}, err
	}
	if done := r.person.Released[r.typ]; done.Request == r.key {
		return done, nil // all was done but for the record
	}
	line, found := r.person.Line(r.typ)
	if !found {
		return outcome.Released{Request: r.key, User: r.user, PhoneType: r.typ, Verified: outcome.AsFound, DryRun: r.want.DryRun}, nil
	}
	known, err := r.numbers(ctx, line)
	if err != nil {
		return outcome.Released{}, err
	}
	if r.phone, err = openPhone(ctx, r.h.cfg.UCWA, r.user, r.typ, r.log); err != nil {
		return outcome.Released{}, err
	}
	defer r.phone.close(ctx)
	if line.State != ledger.LineReleasing && line.Shown(r.phone.number()) {
		err = r.phone.mayChange()
	}
	switch {
	case err != nil:
		return outcome.Released{}, err
	case r.want.DryRun:
		return r.plan(ctx, line, known)
	}
	return r.takeBack(ctx, line, known)
}

// takeBack recalls the line, restores the phone and gives up the numbers.
func (r *release) takeBack(ctx context.Context, line ledger.Line, known map[e164.Number]ledger.Number) (done outcome.Released, err error) {
	if line, err = r.recall(ctx, line); err != nil {
		return done, err
	}
	if !recalled(line, known) {
		if err := r.restore(ctx, line); err != nil {
			return done, r.abandon(ctx, line, err)
		}
	}
	err = r.finish(ctx, func() (err error) {
		done, err = r.vacate(ctx, line, known)
		return err
	})
	return done, err
}

// recall writes down what is about to happen, with the phone as it was found.
func (r *release) recall(ctx context.Context, line ledger.Line) (ledger.Line, error) {
	given := r.given(line)
	given.Request, given.Fence, given.Before = r.key, r.lease.Fence(), r.phone.found
	var err error
	r.person, err = r.h.cfg.Ledger.Recall(ctx, r.person, r.typ, given)
	line, _ = r.person.Line(r.typ)
	return line, err
}

// given is the line whose number counts as the one that is given back: the one
// on the phone, else the one that was read back last, else the newest.
func (r *release) given(line ledger.Line) ledger.Line {
	best := line
	if line.State == ledger.LineReleasing {
		return line // was chosen
	}
	for at := range line.Chain() {
		if r.phone.shows(at.Number, nil) {
			return at
		}
		if at.State == ledger.LineAssigned {
			best = at
		}
	}
	return best
}

// restore takes numbers of the line off the phone and puts back what was there
// before dialtone's first change. A phone that shows anything else was changed by
// hand and is left alone, and so is what cannot be put back: then the number is
// cleared.
func (r *release) restore(ctx context.Context, line ledger.Line) error {
	if !line.Shown(r.phone.number()) {
		return nil
	}
	before, err := r.mayStand(ctx, line)
	if err != nil {
		return err
	}
	err = r.phone.putBack(ctx, before, line)
	if before.Number != "" && numberRefused(err) {
		before.Number = ""
		err = r.phone.putBack(ctx, before, line)
	}
	return err
}

// mayStand returns what is to be put back on the phone. The number is set aside
// so that it is nobody else's from now on; one that somebody else was given
// meanwhile is not published a second time.
func (r *release) mayStand(ctx context.Context, line ledger.Line) (outcome.Phone, error) {
	o := original(line)
	cleared := outcome.Phone{IncludeInContactCard: o.IncludeInContactCard}
	n, ext, international := e164.FromTel(o.Number)
	if !international || ext != "" {
		return o, nil // a number inside somebody's telephone system
	}
	known, _, err := r.h.cfg.Ledger.Number(ctx, n)
	if err != nil {
		return cleared, err
	}
	if r.want.DryRun {
		if known.User != "" && !r.resting(known) {
			o = cleared
		}
		return o, nil
	}
	known, err = r.h.cfg.Ledger.Park(ctx, n, cmp.Or(known.LocationID, line.LocationID), r.holder(), usedElsewhere, time.Time{})
	if known.State != ledger.Parked {
		o = cleared
	}
	return o, err
}

const usedElsewhere = "published for a user by other means"

// original is what a release puts back: the phone before dialtone's first
// change, but no number that the same release takes away.
func original(line ledger.Line) outcome.Phone {
	o := line.Original
	if line.Shown(o.Number) {
		o.Number = ""
	}
	return o
}

// restored reports that a phone shows what it showed before. A number that was
// never international may have been normalised as it was put back.
func restored(before, after outcome.Phone) bool {
	if e164.Same(before.Number, after.Number) {
		return before.Number == "" || before.IncludeInContactCard == after.IncludeInContactCard
	}
	if _, _, international := e164.FromTel(before.Number); international || before.Number == "" {
		return false
	}
	n, _, normalised := e164.FromTel(after.Number)
	national := strings.TrimLeft(digits(before.Number), "0")
	return normalised && national != "" && strings.HasSuffix(string(n), national)
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r < '0' || r > '9' {
			return -1
		}
		return r
	}, s)
}

// plan answers a dry run.
func (r *release) plan(ctx context.Context, line ledger.Line, known map[e164.Number]ledger.Number) (outcome.Released, error) {
	given, after := r.given(line), r.phone.now()
	if line.Shown(after.Number) && !recalled(line, known) {
		back, err := r.mayStand(ctx, line)
		if err != nil {
			return outcome.Released{}, err
		}
		after.Number, after.IncludeInContactCard = back.Number, back.IncludeInContactCard
	}
	n := known[given.Number]
	plan := outcome.Released{
		Request: r.key, User: r.user, PhoneType: r.typ, Number: given.Number, LocationID: given.LocationID,
		RestsUntil: r.h.restsUntil(n.LocationID), Before: r.phone.found, After: after,
		Restored: restored(original(line), after), Verified: outcome.PlanOnly, DryRun: true,
	}
	if r.resting(n) {
		plan.RestsUntil = n.RestsUntil
	}
	return plan, nil
}

// abandon lets the line stand again if the failure is final and the phone still
// shows its number. Anything else keeps the recall: the next delivery, or the
// next request of this user, goes on from it.
func (r *release) abandon(ctx context.Context, line ledger.Line, cause error) error {
	if !explain.Error(cause).Class.Permanent() || !line.Shown(r.phone.number()) {
		return cause
	}
	var err error
	r.person, err = r.h.cfg.Ledger.Reinstate(ctx, r.person, r.typ)
	return cmp.Or(err, cause)
}
