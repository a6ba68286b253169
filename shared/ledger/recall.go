package ledger

import (
	"context"
	"maps"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/outcome"
)

// Taking a number back is a sequence like that of giving it, and starts with a
// write ahead on the person as well:
//
//	recall line -> (change and read back) -> numbers released -> line vacated
//
// A line that is recalled wraps all that stood on the phone. It can be put back
// for as long as the phone shows one of its numbers and that number is still the
// person's; otherwise the way is ahead, and whoever meets it may go it.

// Recall writes down that the line which known has is to be taken back, before
// anybody is told. Of line, Number, LocationID, Request, Fence and Before count.
// The same request may recall again, under a later lease; what the first found
// stays. A recall of another request is taken over.
//
// It fails with [ErrFenced] when the line is not as known any more, or was
// recalled under a later lease.
func (l *Ledger) Recall(ctx context.Context, known Person, t command.PhoneType, line Line) (Person, error) {
	from := known.Lines[t]
	return l.person(ctx, known, func(p Person, now time.Time) (Person, error) {
		return p.recalled(t, from, line, now)
	})
}

// Reinstate takes back the recall that known has and that led to no change:
// what it wraps stands again. A line that is not recalled any more, by another
// request, or under a later lease, stays as it is.
func (l *Ledger) Reinstate(ctx context.Context, known Person, t command.PhoneType) (Person, error) {
	recall := known.Lines[t]
	return l.person(ctx, known, func(p Person, _ time.Time) (Person, error) {
		return p.reinstated(t, recall)
	})
}

// Vacate takes the recalled line off the person and keeps the answer to the
// request that recalled it. Release the numbers of the line first. It fails
// with [ErrFenced] when the recall is not that request's any more, or was made
// again under a later lease.
func (l *Ledger) Vacate(ctx context.Context, known Person, t command.PhoneType, done outcome.Released) (Person, error) {
	recall := known.Lines[t]
	return l.person(ctx, known, func(p Person, _ time.Time) (Person, error) {
		return p.vacated(t, recall, done)
	})
}

func (p Person) recalled(t command.PhoneType, from, line Line, now time.Time) (Person, error) {
	old, found := p.Lines[t]
	switch {
	case !found:
		return p, ErrFenced
	case old.State == LineReleasing && old.Request == line.Request:
		return p.recalledAgain(t, old, line.Fence)
	case old.State != from.State || old.Number != from.Number || old.Request != from.Request || old.Fence != from.Fence:
		return p, ErrFenced
	}
	next := Line{
		State: LineReleasing, Number: line.Number, LocationID: line.LocationID, Request: line.Request, Fence: line.Fence,
		Since: now, Before: line.Before, Original: old.Original, Previous: &old,
	}
	if old.State == LineReleasing {
		next.Previous = old.Previous
	}
	return p.with(t, next), nil
}

func (p Person) recalledAgain(t command.PhoneType, line Line, fence int64) (Person, error) {
	switch {
	case line.Fence > fence:
		return p, ErrFenced
	case line.Fence == fence:
		return p, errUnchanged
	}
	line.Fence = fence
	return p.with(t, line), nil
}

func (p Person) reinstated(t command.PhoneType, recall Line) (Person, error) {
	line := p.Lines[t]
	if line.State != LineReleasing || line.Request != recall.Request || line.Fence > recall.Fence || line.Previous == nil {
		return p, errUnchanged
	}
	return p.with(t, *line.Previous), nil
}

func (p Person) vacated(t command.PhoneType, recall Line, done outcome.Released) (Person, error) {
	line := p.Lines[t]
	switch {
	case p.Released[t].Request == done.Request && line.Request != done.Request:
		return p, errUnchanged
	case line.State != LineReleasing || line.Request != done.Request || line.Fence > recall.Fence:
		return p, ErrFenced
	}
	p = p.without(t)
	p.Released = maps.Clone(p.Released)
	if p.Released == nil {
		p.Released = map[command.PhoneType]outcome.Released{}
	}
	p.Released[t] = done
	return p, nil
}
