package ledger

import (
	"context"
	"fmt"
	"time"
)

// Unpark frees a number that was parked until an operator frees it. known is the
// number as the operator saw it; who decided and why stays in its Reason until
// somebody claims it.
//
// Errors: [*TakenError] if it is not parked, or for a time only, in which there
// may be a rest; [ErrChanged] when it is not as known any more; or the store's.
func (l *Ledger) Unpark(ctx context.Context, known Number, by Decision) (Number, error) {
	return l.number(ctx, known.Number, func(n Number, now time.Time) (Number, error) {
		return n.unparked(known, by, now)
	})
}

func (n Number) unparked(known Number, by Decision, now time.Time) (Number, error) {
	switch {
	case n.State != known.State || n.Request != known.Request || !n.Since.Equal(known.Since):
		return n, ErrChanged
	case !n.ParkedForGood():
		return n, &TakenError{State: n.State, Request: n.Request}
	}
	return Number{
		Number: n.Number, LocationID: n.LocationID, State: Free, Request: n.Request, Since: now,
		Reason: fmt.Sprintf("freed by %s: %s", by.By, by.Reason),
	}, nil
}

// ParkedForGood reports whether nobody gets the number until an operator frees it.
func (n Number) ParkedForGood() bool { return n.State == Parked && n.RestsUntil.IsZero() }
