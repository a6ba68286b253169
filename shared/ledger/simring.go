package ledger

import (
	"context"
	"slices"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/outcome"
	"dialtone/shared/ringtarget"
	"dialtone/shared/sipaddr"
)

// Simultaneous ringing is one item a user, and each change of it begins with a
// write ahead, so that the state before it is on record and whoever comes after
// a crash knows whose work stands:
//
//	enable:  pin target -> (change and read back) -> settled
//	disable: recall -> (restore and read back) -> ended
//
// What dialtone set is told from what a person set by reading: see
// [SimRing.Rings], and Left for what a person sets beside it.

// KindSimRing is the kind of [SimRing] items.
const KindSimRing Kind = "simring"

// SimRingState says how far a user's simultaneous ringing has come.
type SimRingState string

// The states of simultaneous ringing. A user who never had it has none.
const (
	SimRingChanging  SimRingState = "changing"  // the target is being set; it may or may not ring
	SimRingEnabled   SimRingState = "enabled"   // read back
	SimRingRestoring SimRingState = "restoring" // it is being ended; what stood before may be there in part
	SimRingOff       SimRingState = "off"
)

// SimRing is the record of a user's simultaneous ringing as far as dialtone has
// to do with it. The zero value is none.
type SimRing struct {
	User    sipaddr.User        `json:"user"`
	State   SimRingState        `json:"state,omitempty"`
	Request command.Key         `json:"request,omitzero"` // that works on it or brought it here
	Fence   int64               `json:"fence,omitempty"`  // of the lease that works on it
	Since   time.Time           `json:"since,omitzero"`
	Target  ringtarget.Target   `json:"target,omitempty"`  // that dialtone set, or is setting
	Earlier []ringtarget.Target `json:"earlier,omitempty"` // what dialtone set before and may ring still, newest first

	Before   outcome.Forwarding `json:"before"`            // as Request found it
	Original outcome.Forwarding `json:"original"`          // before dialtone's first change, with what a person has set beside it since; disabling restores it
	Left     outcome.Forwarding `json:"left,omitzero"`     // how dialtone left the settings, and how the next request found them; zero: not read back
	Restore  bool               `json:"restore,omitempty"` // Original is to come back and may be there in part; false while restoring: the ringing ends and no more

	Enabled  outcome.SimRingEnabled  `json:"enabled,omitzero"`  // the last answer to an enable that changed something
	Disabled outcome.SimRingDisabled `json:"disabled,omitzero"` // the same of a disable
	Expires  time.Time               `json:"expires,omitzero"`  // once off

	version int64
}

// Rings reports whether dialtone's doing is in effect: calls ring at a target
// that it set, or was about to set.
func (s SimRing) Rings(f outcome.Forwarding) bool {
	if s.State == "" || s.State == SimRingOff {
		return false
	}
	at := func(t ringtarget.Target) bool { return f.RingsAt(t) }
	return at(s.Target) || slices.ContainsFunc(s.Earlier, at)
}

func simRingKey(u sipaddr.User) Key { return Key{KindSimRing, string(u)} }

func (s SimRing) item() Item { return Item{Key: simRingKey(s.User), Expires: s.Expires} }

// SimRing reads a user's simultaneous ringing; there is none of an unknown user.
func (l *Ledger) SimRing(ctx context.Context, user sipaddr.User) (SimRing, error) {
	r, err := read[SimRing](ctx, l, simRingKey(user))
	r.state.User, r.state.version = user, r.version
	return r.state, err
}

// PinSimRing writes down the target that is about to be set, before anybody is
// told. known is the record as last read; of want, Request, Fence, Target,
// Before and Restore count. Original stays where dialtone's earlier target rings
// still, and where it was being restored and want.Restore says that want.Before
// is a part of that; otherwise want.Before becomes it. The same request may pin
// again, under a later lease.
//
// It fails with [ErrFenced] when the record is not as known any more, or this
// request has pinned under a later lease.
func (l *Ledger) PinSimRing(ctx context.Context, known, want SimRing) (SimRing, error) {
	return l.simRing(ctx, known, func(s SimRing, now time.Time) (SimRing, error) {
		return s.pinned(known, want, now)
	})
}

// SettleSimRing makes the target that known has pinned enabled, read back, and
// keeps the answer. It fails with [ErrFenced] when the pin is not this request's
// any more, or was made again under a later lease.
func (l *Ledger) SettleSimRing(ctx context.Context, known SimRing, answer outcome.SimRingEnabled) (SimRing, error) {
	return l.simRing(ctx, known, func(s SimRing, now time.Time) (SimRing, error) {
		return s.settled(known, answer, now)
	})
}

// UnpinSimRing takes back the pin that known has and that led to no change: an
// earlier target stands again, and what was being restored is still to be. A record
// that has moved on stays as it is.
func (l *Ledger) UnpinSimRing(ctx context.Context, known SimRing) (SimRing, error) {
	return l.simRing(ctx, known, func(s SimRing, now time.Time) (SimRing, error) {
		return s.unpinned(known, now.Add(l.retention))
	})
}

// RecallSimRing writes down that the ringing is about to end, before anybody is
// told; what becomes of the record is [SimRing.Recalled]. known is the record as
// last read. The same request may recall again, under a later lease, and goes on
// with what it found first.
//
// It fails like [Ledger.PinSimRing].
func (l *Ledger) RecallSimRing(ctx context.Context, known, want SimRing) (SimRing, error) {
	return l.simRing(ctx, known, func(s SimRing, now time.Time) (SimRing, error) {
		return s.recalled(known, want, now)
	})
}

// EndSimRing records that the ringing has ended, with the answer. It fails with
// [ErrFenced] when the record is not as known any more.
func (l *Ledger) EndSimRing(ctx context.Context, known SimRing, answer outcome.SimRingDisabled) (SimRing, error) {
	return l.simRing(ctx, known, func(s SimRing, now time.Time) (SimRing, error) {
		return s.ended(known, answer, now, now.Add(l.retention))
	})
}

func (l *Ledger) simRing(ctx context.Context, known SimRing, step func(SimRing, time.Time) (SimRing, error)) (SimRing, error) {
	r, err := change(ctx, l, simRingKey(known.User), record[SimRing]{known.version, known}, func(s SimRing) (SimRing, error) {
		next, err := step(s, time.Now().UTC())
		next.User = known.User
		return next, err
	})
	r.state.User, r.state.version = known.User, r.version
	return r.state, err
}

// late reports that a write comes after one that it does not know of.
func (s SimRing) late(known, want SimRing) bool {
	if s.Request == want.Request && s.Fence > want.Fence {
		return true
	}
	return s.State != known.State || s.Request != known.Request || s.Fence != known.Fence
}

func (s SimRing) pinned(known, want SimRing, now time.Time) (SimRing, error) {
	if s.State == SimRingChanging && s.Request == want.Request && s.Fence == want.Fence {
		return s, errUnchanged
	}
	if s.late(known, want) {
		return s, ErrFenced
	}
	next, rings := s, s.Rings(want.Before)
	next.State, next.Request, next.Fence, next.Since = SimRingChanging, want.Request, want.Fence, now
	next.Target, next.Earlier, next.Restore, next.Expires = want.Target, nil, s.Restore && want.Restore, time.Time{}
	if rings {
		next.Earlier = s.others(want.Target)
		next.Original, next.Left = s.owed(want.Before)
	}
	switch {
	case !rings && !next.Restore:
		next.Before, next.Original, next.Left = want.Before, want.Before, outcome.Forwarding{}
	case s.State == SimRingChanging && s.Request == want.Request: // what it found first stays
	default:
		next.Before = want.Before
	}
	return next, nil
}

// others returns all targets of dialtone's but one, newest first.
func (s SimRing) others(but ringtarget.Target) []ringtarget.Target {
	var all []ringtarget.Target
	for _, t := range append([]ringtarget.Target{s.Target}, s.Earlier...) {
		if t != but && !slices.Contains(all, t) {
			all = append(all, t)
		}
	}
	return all
}

func (s SimRing) settled(known SimRing, answer outcome.SimRingEnabled, now time.Time) (SimRing, error) {
	switch {
	case s.Request != known.Request || s.Fence > known.Fence || s.Target != known.Target:
		return s, ErrFenced
	case s.State == SimRingEnabled:
		return s, errUnchanged
	case s.State != SimRingChanging:
		return s, ErrFenced
	}
	s.State, s.Since, s.Earlier, s.Enabled = SimRingEnabled, now, nil, answer
	s.Left, s.Restore = answer.After, false
	return s, nil
}

func (s SimRing) unpinned(known SimRing, expires time.Time) (SimRing, error) {
	if s.State != SimRingChanging || s.Request != known.Request || s.Fence > known.Fence {
		return s, errUnchanged
	}
	s.Target = ""
	if len(s.Earlier) > 0 {
		s.Target, s.Earlier = s.Earlier[0], s.Earlier[1:]
	}
	switch {
	case s.Restore:
		s.State = SimRingRestoring
	case s.Target != "":
		s.State = SimRingEnabled
	default:
		s = s.off(expires)
	}
	return s, nil
}

func (s SimRing) recalled(known, want SimRing, now time.Time) (SimRing, error) {
	mine := s.State == SimRingRestoring && s.Request == want.Request
	if mine && s.Fence == want.Fence {
		return s, errUnchanged
	}
	if s.late(known, want) {
		return s, ErrFenced
	}
	next := s.Recalled(want)
	if !mine {
		next.Since = now
	}
	return next, nil
}

// Recalled is the record when the ringing is about to end; of want, Request,
// Fence, Before and Restore count. Original comes back only where Restore is set
// and dialtone's doing is in effect, or its restoring was under way.
func (s SimRing) Recalled(want SimRing) SimRing {
	next := s
	next.State, next.Request, next.Fence, next.Expires = SimRingRestoring, want.Request, want.Fence, time.Time{}
	if s.State == SimRingRestoring && s.Request == want.Request {
		return next
	}
	next.Before = want.Before
	switch rings := s.Rings(want.Before); {
	case rings || s.Restore:
		next.Restore = want.Restore
		if rings {
			next.Original, next.Left = s.owed(want.Before)
		}
	default:
		next.Restore, next.Original = false, want.Before
	}
	return next
}

// owed is what is to come back when dialtone's target rings and all else is as
// found: what stood first, but for what a person has set beside the target since.
// left is what that is told by the next time. As long as a change is not read
// back, nobody can tell whose doing a difference is: then all is owed.
func (s SimRing) owed(found outcome.Forwarding) (owed, left outcome.Forwarding) {
	owed, left = s.Original, s.Left
	if s.State != SimRingEnabled || left.Active == "" {
		return owed, left
	}
	if found.Period != left.Period {
		owed.Period = found.Period
	}
	if found.Unanswered != left.Unanswered {
		owed.Unanswered = found.Unanswered
	}
	if !found.NoAnswer.LeadsTo(left.NoAnswer) {
		owed.NoAnswer.Target, owed.NoAnswer.URI = found.NoAnswer.Target, found.NoAnswer.URI
	}
	byHand := func(to *outcome.ForwardTarget, found, left outcome.ForwardTarget) {
		if a, b := found.RingDelaySeconds, left.RingDelaySeconds; a != nil && b != nil && *a != *b {
			to.RingDelaySeconds = a
		}
	}
	byHand(&owed.NoAnswer, found.NoAnswer, left.NoAnswer)
	byHand(&owed.Ring, found.Ring, left.Ring)
	return owed, found
}

func (s SimRing) ended(known SimRing, answer outcome.SimRingDisabled, now, expires time.Time) (SimRing, error) {
	switch {
	case s.State == SimRingOff && s.Disabled.Request == answer.Request:
		return s, errUnchanged
	case s.late(known, known):
		return s, ErrFenced
	}
	s = s.off(expires)
	s.Request, s.Since, s.Disabled = answer.Request, now, answer
	return s, nil
}

// off forgets all but the answers, which are kept for as long as a request may
// be delivered again.
func (s SimRing) off(expires time.Time) SimRing {
	return SimRing{
		User: s.User, State: SimRingOff, Request: s.Request, Fence: s.Fence, Since: s.Since,
		Enabled: s.Enabled, Disabled: s.Disabled, Expires: expires.UTC().Truncate(time.Second),
	}
}
