package ledger

import (
	"context"
	"fmt"
	"iter"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/sipaddr"
)

// NumberState says what may be done with a number.
type NumberState string

// The states of a number. A number that the ledger has never seen is free.
const (
	Free        NumberState = "free"
	Reserved    NumberState = "reserved"    // pinned for a person, the change under way
	Assigned    NumberState = "assigned"    // published for a person, read back
	Quarantined NumberState = "quarantined" // released, resting until RestsUntil
	Parked      NumberState = "parked"      // a vendor refused it; until RestsUntil, or until an operator frees it
)

// Number is the record of one number of a location's pool.
type Number struct {
	Number     e164.Number       `json:"number"`
	LocationID string            `json:"locationId"`
	State      NumberState       `json:"state"`
	User       sipaddr.User      `json:"user,omitempty"` // the holder; in quarantine the last one
	PhoneType  command.PhoneType `json:"phoneType,omitempty"`
	Request    command.Key       `json:"request,omitzero"` // the request that brought it to this state
	Fence      int64             `json:"fence,omitempty"`  // Reserved: of the lease that claimed it
	Since      time.Time         `json:"since"`
	AssignedAt time.Time         `json:"assignedAt,omitzero"` // Quarantined: when it had been assigned; zero: not known
	RestsUntil time.Time         `json:"restsUntil,omitzero"` // Quarantined and Parked; Reserved: the rest that a failed claim goes back to
	Reason     string            `json:"reason,omitempty"`    // Parked: why; Free: why an operator freed it
}

// Holder is whom a number is claimed for, and by which request.
type Holder struct {
	User      sipaddr.User
	PhoneType command.PhoneType
	Request   command.Key
	Fence     int64 // see [Lease.Fence]; keeps what an earlier lease wrote late from undoing a later claim
}

func numberKey(n e164.Number) Key { return Key{KindNumber, string(n)} }

func (n Number) item() Item {
	return Item{Key: numberKey(n.Number), Index: "location/" + n.LocationID, Sort: string(n.Number)}
}

// TakenError reports that a number is not to be had. It names no person.
type TakenError struct {
	State   NumberState
	Request command.Key // the request that holds it
}

// Error names the state that stands in the way.
func (e *TakenError) Error() string { return fmt.Sprintf("ledger: number is %s", e.State) }

// Claim reserves a number for its holder: if it is free, if its rest is over,
// or if it is this person's already. An assigned number stays as it is; a
// reserved one is this request's and lease's from now on.
// Errors: [*TakenError], [ErrFenced] when a later lease has claimed it, or the store's.
func (l *Ledger) Claim(ctx context.Context, number e164.Number, locationID string, h Holder) (Number, error) {
	return l.number(ctx, number, func(n Number, now time.Time) (Number, error) {
		return n.claimed(number, locationID, h, now)
	})
}

// Confirm makes a claimed number assigned. It fails with [ErrFenced] when the
// number is not this person's any more, or was claimed again since.
func (l *Ledger) Confirm(ctx context.Context, number e164.Number, h Holder) (Number, error) {
	return l.number(ctx, number, func(n Number, now time.Time) (Number, error) {
		return n.confirmed(h, now)
	})
}

// Unclaim takes back a claim that was never published: the number is free, or
// goes on with the rest that it was claimed from. A number that is not reserved
// by this request and lease stays as it is.
func (l *Ledger) Unclaim(ctx context.Context, number e164.Number, h Holder) (Number, error) {
	return l.number(ctx, number, func(n Number, now time.Time) (Number, error) {
		return n.unclaimed(h, now)
	})
}

// Park sets a number aside that a vendor refuses, or that is in use by other
// means; until zero means until an operator frees it, and a rest is never cut
// short. A number that is assigned, or that h could neither claim nor has
// claimed, stays as it is, but that a park for a time becomes one for good.
func (l *Ledger) Park(ctx context.Context, number e164.Number, locationID string, h Holder, reason string, until time.Time) (Number, error) {
	return l.number(ctx, number, func(n Number, now time.Time) (Number, error) {
		return n.parked(number, locationID, h, reason, until.UTC(), now)
	})
}

// Release puts a person's number into quarantine until the given time. The same
// person may claim it back at once, others only after. A number that is not
// this person's stays as it is, and so does one that a request claimed after
// known was read: read known before the line that gives the number up is pinned
// or recalled, and what a worker writes late takes nothing from a later one.
func (l *Ledger) Release(ctx context.Context, known Number, h Holder, until time.Time) (Number, error) {
	return l.number(ctx, known.Number, func(n Number, now time.Time) (Number, error) {
		return n.released(known.Request, h, until.UTC(), now)
	})
}

// Held returns the numbers between from and to (inclusive) of a location that
// h could not claim now.
func (l *Ledger) Held(ctx context.Context, locationID string, from, to e164.Number, h Holder) (map[e164.Number]NumberState, error) {
	held := map[e164.Number]NumberState{}
	now := time.Now()
	for n, err := range list[Number](ctx, l, "location/"+locationID, string(from), string(to)) {
		if err != nil {
			return nil, fmt.Errorf("list held numbers: %w", err)
		}
		if !n.HeldBy(h) && !n.claimable(h, now) {
			held[n.Number] = n.State
		}
	}
	return held, nil
}

// Numbers yields all numbers of a location that the ledger knows, ascending.
func (l *Ledger) Numbers(ctx context.Context, locationID string) iter.Seq2[Number, error] {
	return list[Number](ctx, l, "location/"+locationID, "", "")
}

// Number reads one number; found is false if the ledger does not know it, and n
// has nothing but the number then.
func (l *Ledger) Number(ctx context.Context, number e164.Number) (n Number, found bool, err error) {
	r, err := read[Number](ctx, l, numberKey(number))
	r.state.Number = number
	return r.state, r.version > 0, err
}

func (l *Ledger) number(ctx context.Context, number e164.Number, step func(Number, time.Time) (Number, error)) (Number, error) {
	r, err := change(ctx, l, numberKey(number), record[Number]{}, func(n Number) (Number, error) {
		return step(n, time.Now().UTC())
	})
	return r.state, err
}

func (n Number) claimed(number e164.Number, locationID string, h Holder, now time.Time) (Number, error) {
	switch {
	case n.claimedBy(h) && n.Fence == h.Fence, n.HeldBy(h) && n.State == Assigned:
		return n, errUnchanged
	case n.HeldBy(h) && n.Request == h.Request && n.Fence > h.Fence:
		return n, ErrFenced
	case !n.HeldBy(h) && !n.claimable(h, now):
		return n, &TakenError{State: n.State, Request: n.Request}
	}
	next := Number{
		Number: number, LocationID: locationID, State: Reserved,
		User: h.User, PhoneType: h.PhoneType, Request: h.Request, Fence: h.Fence, Since: now,
	}
	if now.Before(n.RestsUntil) {
		next.RestsUntil = n.RestsUntil
	}
	return next, nil
}

func (n Number) confirmed(h Holder, now time.Time) (Number, error) {
	switch {
	case n.HeldBy(h) && n.State == Assigned:
		return n, errUnchanged
	case !n.claimedBy(h):
		return n, ErrFenced
	}
	n.State, n.Request, n.Fence, n.Since, n.RestsUntil = Assigned, h.Request, 0, now, time.Time{}
	return n, nil
}

func (n Number) unclaimed(h Holder, now time.Time) (Number, error) {
	if !n.claimedBy(h) {
		return n, errUnchanged
	}
	if now.Before(n.RestsUntil) {
		n.State, n.Fence, n.Since = Quarantined, 0, now
		return n, nil
	}
	return Number{Number: n.Number, LocationID: n.LocationID, State: Free, Request: h.Request, Since: now}, nil
}

func (n Number) parked(number e164.Number, locationID string, h Holder, reason string, until, now time.Time) (Number, error) {
	forGood := n.State == Parked && !n.RestsUntil.IsZero() && until.IsZero()
	if !n.claimedBy(h) && !n.claimable(h, now) && !forGood {
		return n, errUnchanged
	}
	if !until.IsZero() {
		until = later(until, n.RestsUntil)
	}
	return Number{
		Number: number, LocationID: locationID, State: Parked, Request: h.Request,
		Since: now, RestsUntil: until, Reason: reason,
	}, nil
}

func (n Number) released(claimed command.Key, h Holder, until, now time.Time) (Number, error) {
	if !n.HeldBy(h) || n.Request != claimed {
		return n, errUnchanged
	}
	if n.State == Assigned {
		n.AssignedAt = n.Since
	}
	n.State, n.Request, n.Fence, n.Since = Quarantined, h.Request, 0, now
	n.RestsUntil = later(until, n.RestsUntil)
	return n, nil
}

// HeldBy reports whether the number is reserved for or assigned to this
// person's phone, by whichever request.
func (n Number) HeldBy(h Holder) bool {
	return (n.State == Reserved || n.State == Assigned) && n.User == h.User && n.PhoneType == h.PhoneType
}

// claimedBy reports whether the number is reserved by this very request, and
// not under a later lease.
func (n Number) claimedBy(h Holder) bool {
	return n.State == Reserved && n.HeldBy(h) && n.Request == h.Request && n.Fence <= h.Fence
}

// claimable reports whether h could claim the number at that time.
func (n Number) claimable(h Holder, now time.Time) bool {
	switch n.State {
	case "", Free:
		return true
	case Quarantined:
		return n.User == h.User && h.User != "" || !now.Before(n.RestsUntil)
	case Parked:
		return !n.RestsUntil.IsZero() && !now.Before(n.RestsUntil)
	}
	return false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
