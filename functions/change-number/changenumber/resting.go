package changenumber

import (
	"context"

	"dialtone/shared/failure"
)

// hopes reports that this user gave a number of the location back and may get
// that very one again: no other is asked for.
func (w *work) hopes(found bool) bool {
	last := w.person.Released[w.typ]
	return !found && last.Number != "" && last.LocationID == w.want.LocationID && w.want.Number == ""
}

// waiting returns the number that rests for the user as a candidate, if it does
// still, Webex still offers it for the licence, and its inventory calls it
// usable; else nil.
func (w *work) waiting(ctx context.Context) (*candidate, error) {
	last := w.person.Released[w.typ]
	if !w.want.Replace && w.phone.number() != "" && !w.phone.shows(last.Number, nil) {
		return nil, nil // what the phone shows will stay
	}
	n, _, err := w.h.cfg.Ledger.Number(ctx, last.Number)
	if err != nil || n.LocationID != w.want.LocationID || !w.resting(n) && !n.HeldBy(w.holder()) {
		return nil, err
	}
	named := w.want
	named.Number = n.Number
	c, err := w.pools.of(named).take(ctx)
	if f := failure.As(err); f != nil && f.Class.Permanent() {
		return nil, nil // not offered any more: any other will do
	}
	return &c, err
}

// next returns a number to try: first the one that rests for the user.
func (w *work) next(ctx context.Context) (candidate, error) {
	if c := w.back; c != nil {
		w.back = nil
		return *c, nil
	}
	return w.pools.of(w.want).take(ctx)
}
