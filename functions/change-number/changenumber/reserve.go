package changenumber

import (
	"context"
	"errors"
	"time"

	"dialtone/shared/ledger"
)

// freshFor is how long Webex's word that a number is usable is believed. A pin
// that waited longer is asked for again before its number is published.
const freshFor = 15 * time.Minute

// reserve pins and claims a number: the one that this request pinned before,
// or candidates of the pool until one can be claimed.
func (w *work) reserve(ctx context.Context) (ledger.Line, error) {
	line, found := w.person.Line(w.typ)
	if found && line.State == ledger.LinePinned && line.Request == w.key {
		line, err := w.pin(ctx, line)
		if err != nil {
			return line, err
		}
		if ok, err := w.resume(ctx, line); ok || err != nil {
			return line, err
		}
	}
	for {
		c, err := w.next(ctx)
		if err != nil {
			return line, err
		}
		line, err = w.claim(ctx, c)
		if !isTaken(err) {
			return line, err
		}
	}
}

// resume claims the number of an earlier pin, if it is still to be had. A number
// that the phone shows already needs no second opinion.
func (w *work) resume(ctx context.Context, line ledger.Line) (ok bool, err error) {
	_, err = w.h.cfg.Ledger.Claim(ctx, line.Number, line.LocationID, w.holder())
	if isTaken(err) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if w.phone.shows(line.Number, nil) || time.Since(line.Vetted) < freshFor {
		return true, nil
	}
	v, err := w.pools.of(w.want).vet(ctx, w.holder(), line.Number)
	if err != nil || len(v) == 1 {
		return err == nil, err
	}
	_, err = w.h.cfg.Ledger.Unclaim(ctx, line.Number, w.holder())
	return false, err
}

// claim pins the candidate on the person, then claims it: the choice is on
// record before anybody is told.
func (w *work) claim(ctx context.Context, c candidate) (ledger.Line, error) {
	line, err := w.pin(ctx, ledger.Line{
		Number: c.number, LocationID: w.want.LocationID, Request: w.key,
		Vetted: c.vetted, Tracking: c.tracking, Before: w.phone.found,
	})
	if err != nil {
		return line, err
	}
	_, err = w.h.cfg.Ledger.Claim(ctx, c.number, w.want.LocationID, w.holder())
	return line, err
}

// pin pins the line under this lease, so that nothing which an earlier one
// writes late moves it.
func (w *work) pin(ctx context.Context, line ledger.Line) (ledger.Line, error) {
	var err error
	line.Fence = w.lease.Fence()
	w.person, err = w.h.cfg.Ledger.Pin(ctx, w.person, w.typ, line, w.want.Replace)
	if _, standing := errors.AsType[*ledger.StandingError](err); standing {
		err = ledger.ErrFenced // another request of this user was first: start over
	}
	line, _ = w.person.Line(w.typ)
	return line, err
}
