package ledger

import (
	"cmp"
	"context"
	"iter"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
)

// LineState says how far a person's line has come.
type LineState string

// The states of a line.
const (
	LinePinned    LineState = "pinned"    // the number is chosen; the change may or may not be applied
	LineAssigned  LineState = "assigned"  // read back
	LineReleasing LineState = "releasing" // the number is to be taken back; see [Ledger.Recall]
)

// Line is the number of one of a person's phones, and what was there before.
type Line struct {
	State      LineState     `json:"state"`
	Number     e164.Number   `json:"number"`
	LocationID string        `json:"locationId"`
	Request    command.Key   `json:"request"`         // the request that works on it or brought it here
	Fence      int64         `json:"fence,omitempty"` // of the lease that works on it, unless assigned; see [Ledger.Pin]
	Since      time.Time     `json:"since"`
	Vetted     time.Time     `json:"vetted,omitzero"`       // when Webex last called the number usable
	Tracking   []string      `json:"trackingIds,omitempty"` // Webex answers behind the choice
	Before     outcome.Phone `json:"before"`                // the phone as this request found it
	Original   outcome.Phone `json:"original"`              // the phone before dialtone's first change; release restores it
	Previous   *Line         `json:"previous,omitempty"`    // the line that is displaced or taken back, until its number rests
	Replaced   []e164.Number `json:"replaced,omitempty"`    // LineAssigned: what its request put to rest
}

// Chain yields the line and the lines under it, newest first.
func (l Line) Chain() iter.Seq[Line] {
	return func(yield func(Line) bool) {
		for at := &l; at != nil && yield(*at); at = at.Previous {
		}
	}
}

// Shown reports whether what a phone shows is the number of the line or of one
// under it.
func (l Line) Shown(number string) bool {
	for line := range l.Chain() {
		if number != "" && e164.Same(number, string(line.Number)) {
			return true
		}
	}
	return false
}

// Person is the record of one user's lines.
type Person struct {
	User     sipaddr.User                           `json:"user"`
	Lines    map[command.PhoneType]Line             `json:"lines,omitempty"`
	Released map[command.PhoneType]outcome.Released `json:"released,omitempty"` // what was taken back last; a later line leaves it
	Updated  time.Time                              `json:"updated"`
	version  int64
}

// Line returns the line of a phone; found is false when there is none.
func (p Person) Line(t command.PhoneType) (line Line, found bool) {
	line, found = p.Lines[t]
	return line, found
}

func personKey(u sipaddr.User) Key { return Key{KindPerson, string(u)} }

func (p Person) item() Item { return Item{Key: personKey(p.User)} }

// Person reads a user's lines. An unknown user has none.
func (l *Ledger) Person(ctx context.Context, user sipaddr.User) (Person, error) {
	r, err := read[Person](ctx, l, personKey(user))
	r.state.User, r.state.version = user, r.version
	return r.state, err
}

// StandingError reports that the phone already has a line which a pin would
// overwrite: a number that stays unless a replace is asked for, or the pin of
// another request, or a line that is being taken back.
type StandingError struct{ Line Line }

// Error names the state of the line in the way.
func (e *StandingError) Error() string {
	return "ledger: the phone has a line already: " + string(e.Line.State)
}

// Pin writes down the number chosen for a phone before anybody is told. known
// is the person as last read. The same request may pin again, which moves it to
// another candidate, but not away from a number that was confirmed. With replace
// the line that stands is displaced: its number stays this person's until
// [Ledger.Settle], and a number that was set by hand over it becomes the new
// line's Original.
//
// A worker that resumes a pin should pin the same number again, with the Fence
// of its own lease, before it goes on: what the earlier lease writes late has no
// effect from then on.
//
// Errors: [*StandingError]; [ErrFenced] when this request has pinned under a
// later lease, or a number that known does not have; or the store's.
func (l *Ledger) Pin(ctx context.Context, known Person, t command.PhoneType, line Line, replace bool) (Person, error) {
	line.State = LinePinned
	from, found := known.Lines[t]
	if found && from.State == LinePinned && from.Request == line.Request && from.Number != line.Number {
		if confirmed, err := l.confirmed(ctx, known.User, t, from); err != nil || confirmed {
			return known, cmp.Or(err, error(&StandingError{Line: from}))
		}
	}
	return l.person(ctx, known, func(p Person, now time.Time) (Person, error) {
		return p.pinned(t, from.Number, line, replace, now)
	})
}

// confirmed reports whether the number of a pin was read back already. Then the
// pin is to be settled: the line it displaced may have lost its number since.
func (l *Ledger) confirmed(ctx context.Context, u sipaddr.User, t command.PhoneType, pin Line) (bool, error) {
	if pin.Previous != nil && pin.Previous.Number == pin.Number {
		return false, nil // it was this person's before
	}
	r, err := read[Number](ctx, l, numberKey(pin.Number))
	return r.state.State == Assigned && r.state.HeldBy(Holder{User: u, PhoneType: t}), err
}

// Adopt makes a line that another request pinned the business of this one,
// with the same number: the user gets one number, whoever asked first.
// It fails with [ErrFenced] when the line is not as known any more.
func (l *Ledger) Adopt(ctx context.Context, known Person, t command.PhoneType, request command.Key) (Person, error) {
	want := known.Lines[t]
	return l.person(ctx, known, func(p Person, _ time.Time) (Person, error) {
		return p.adopted(t, want, request)
	})
}

// Settle makes the line that known has pinned assigned, read back. It fails
// with [ErrFenced] when the pin is not this request's any more, was moved to
// another number or pinned again under a later lease. The line's Previous is
// gone afterwards: release its numbers first, and name those that now rest.
func (l *Ledger) Settle(ctx context.Context, known Person, t command.PhoneType, request command.Key, resting ...e164.Number) (Person, error) {
	pin := known.Lines[t]
	return l.person(ctx, known, func(p Person, now time.Time) (Person, error) {
		return p.settled(t, pin, request, resting, now)
	})
}

// Unpin takes back the pin that known has and that led to no change: the line
// it displaced, if any, stands again. A line that is not pinned by this request,
// or to another number, or again under a later lease, stays as it is, and so
// does one whose number was confirmed.
func (l *Ledger) Unpin(ctx context.Context, known Person, t command.PhoneType, request command.Key) (Person, error) {
	pin := known.Lines[t]
	if confirmed, err := l.confirmed(ctx, known.User, t, pin); err != nil || confirmed {
		return known, err
	}
	return l.person(ctx, known, func(p Person, _ time.Time) (Person, error) {
		return p.unpinned(t, pin, request)
	})
}

func (l *Ledger) person(ctx context.Context, known Person, step func(Person, time.Time) (Person, error)) (Person, error) {
	r, err := change(ctx, l, personKey(known.User), record[Person]{known.version, known}, func(p Person) (Person, error) {
		now := time.Now().UTC()
		next, err := step(p, now)
		next.User, next.Updated = known.User, now
		return next, err
	})
	r.state.User, r.state.version = known.User, r.version
	return r.state, err
}

// pinned puts the line on the phone; from is the number it was on as the caller knows it.
func (p Person) pinned(t command.PhoneType, from e164.Number, line Line, replace bool, now time.Time) (Person, error) {
	old, found := p.Lines[t]
	line.Since = now
	switch {
	case !found:
		line.Original = line.Before
	case old.State == LinePinned && old.Request == line.Request:
		if old.Fence > line.Fence || old.Number != line.Number && old.Number != from {
			return p, ErrFenced
		}
		line.Before, line.Original, line.Previous = old.Before, old.Original, old.Previous
	case !replace || old.Request == line.Request || old.State == LineReleasing:
		return p, &StandingError{Line: old}
	default:
		line.Original, line.Previous = old.Original, &old
		if line.Before.Number != "" && !old.Shown(line.Before.Number) {
			line.Original = line.Before // set by hand since
		}
	}
	return p.with(t, line), nil
}

func (p Person) adopted(t command.PhoneType, want Line, request command.Key) (Person, error) {
	line, found := p.Lines[t]
	switch {
	case !found || line.Number != want.Number || line.State == LineReleasing:
		return p, ErrFenced
	case line.Request == request:
		return p, errUnchanged
	case line.Request != want.Request:
		return p, ErrFenced
	}
	line.Request, line.Fence = request, 0
	return p.with(t, line), nil
}

func (p Person) settled(t command.PhoneType, pin Line, request command.Key, resting []e164.Number, now time.Time) (Person, error) {
	line := p.Lines[t]
	switch {
	case line.Request != request || line.Number != pin.Number || line.Fence > pin.Fence || line.State == LineReleasing:
		return p, ErrFenced
	case line.State == LineAssigned && line.Previous == nil:
		return p, errUnchanged
	}
	line.State, line.Previous, line.Fence, line.Since = LineAssigned, nil, 0, now
	line.Replaced = resting
	return p.with(t, line), nil
}

func (p Person) unpinned(t command.PhoneType, pin Line, request command.Key) (Person, error) {
	line := p.Lines[t]
	switch {
	case line.State != LinePinned || line.Request != request || line.Number != pin.Number || line.Fence > pin.Fence:
		return p, errUnchanged
	case line.Previous != nil:
		return p.with(t, *line.Previous), nil
	}
	return p.without(t), nil
}

// with returns the person with one line set; the maps of p are not touched.
func (p Person) with(t command.PhoneType, line Line) Person {
	p = p.without(t)
	p.Lines[t] = line
	return p
}

func (p Person) without(t command.PhoneType) Person {
	lines := make(map[command.PhoneType]Line, len(p.Lines)+1)
	for k, v := range p.Lines {
		if k != t {
			lines[k] = v
		}
	}
	p.Lines = lines
	return p
}
