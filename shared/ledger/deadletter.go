package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
)

// KindDeadLetter is the kind of [DeadLetter] items.
const KindDeadLetter Kind = "deadletter"

// DeadLetterState says what was made of a dead letter.
type DeadLetterState string

// The states of a dead letter. Those that are replayed or discarded are settled:
// they are kept for a while to be looked at, and are in a list of their own.
const (
	LetterWaiting   DeadLetterState = "waiting"   // for a person
	LetterReplaying DeadLetterState = "replaying" // somebody replays it, or was interrupted: replaying it once more goes on from there
	LetterReplayed  DeadLetterState = "replayed"  // back on its queue
	LetterDiscarded DeadLetterState = "discarded" // the request stays failed
)

// DeadLetter is the record of a message that will not be tried again by itself:
// the message as it was received, and why it ended here. The queue is only how
// it came; this record is what operators list, mend and replay.
type DeadLetter struct {
	Request command.Key    `json:"request"`
	Type    string         `json:"type,omitempty"`
	User    sipaddr.User   `json:"user,omitempty"`
	Queue   string         `json:"queue"`         // name of the queue it was sent to
	Body    string         `json:"body"`          // as received, or as it was mended; no longer than a command may be
	Cut     bool           `json:"cut,omitempty"` // the body was longer, and so no command
	Failure outcome.Failed `json:"failure"`
	At      time.Time      `json:"at"` // of the failure; tells the failures of one request apart
	Tries   Tries          `json:"tries,omitzero"`

	// Sent is when the message came to the dead-letter queue, by the clock of the
	// queue; zero when it did not say.
	Sent time.Time `json:"sent,omitzero"`

	State    DeadLetterState `json:"state,omitempty"`    // as written; see [DeadLetter.Settled]
	Replays  int             `json:"replays,omitempty"`  // that were begun
	Fixed    bool            `json:"fixed,omitempty"`    // Body was mended after the failure
	Original string          `json:"original,omitempty"` // the body before it was mended the first time
	Decided  Decision        `json:"decided,omitzero"`   // on what is made of it
	Expires  time.Time       `json:"expires,omitzero"`   // once settled
}

// Decision is what an operator decided about a dead letter, for those who come
// after: who, when and why.
type Decision struct {
	By     string    `json:"by,omitempty"`
	At     time.Time `json:"at,omitzero"` // set by the ledger
	Reason string    `json:"reason,omitempty"`
}

// ErrReplaying reports that the replay of a dead letter was begun and not ended:
// what it sends is on its queue, or may be.
var ErrReplaying = errors.New("ledger: a replay was begun and not ended; replay it again to go on")

// Settled reports whether nobody has to do anything about the dead letter.
func (d DeadLetter) Settled() bool {
	return d.State == LetterReplayed || d.State == LetterDiscarded
}

// Location returns the Webex location that the body names, "" if none.
func (d DeadLetter) Location() string {
	var body struct {
		Data struct {
			LocationID string `json:"locationId"`
		} `json:"data"`
	}
	if json.Unmarshal([]byte(d.Body), &body) != nil {
		return ""
	}
	return body.Data.LocationID
}

func deadLetterKey(k command.Key) Key { return Key{KindDeadLetter, k.Hash()} }

// The lists of dead letters, by the time of the failure.
const (
	lettersOpen    = "deadletters"
	lettersSettled = "deadletters/settled"
)

func (d DeadLetter) item() Item {
	item := Item{
		Key: deadLetterKey(d.Request), Index: lettersOpen, Expires: d.Expires,
		Sort: d.At.UTC().Format(sortableTime) + "/" + d.Request.Hash()[:16],
	}
	if d.Settled() {
		item.Index = lettersSettled
	}
	return item
}

// DeadLetter reads the dead letter of a request; found is false if it has none.
func (l *Ledger) DeadLetter(ctx context.Context, key command.Key) (d DeadLetter, found bool, err error) {
	r, err := read[DeadLetter](ctx, l, deadLetterKey(key))
	return r.state, r.version > 0, err
}

// DeadLetters yields the dead letters that wait for a person, of failures from a
// time on, oldest first.
func (l *Ledger) DeadLetters(ctx context.Context, from time.Time) iter.Seq2[DeadLetter, error] {
	return l.FindDeadLetters(ctx, DeadLetterFilter{From: from})
}

// DeadLetterFilter chooses dead letters; a zero field chooses all.
type DeadLetterFilter struct {
	Settled    bool      // those that are settled, instead of those that are not
	From, To   time.Time // of the failure, inclusive. Nothing else is read from the store
	Class      failure.Class
	LocationID string
	User       sipaddr.User
	Type       string
}

// Chooses reports whether a dead letter has what the filter asks for, apart from
// its time and state.
func (f DeadLetterFilter) Chooses(d DeadLetter) bool {
	return (f.Class == "" || f.Class == d.Failure.Class) &&
		(f.User == "" || f.User == d.User) &&
		(f.Type == "" || f.Type == d.Type) &&
		(f.LocationID == "" || f.LocationID == d.Location())
}

// FindDeadLetters yields the dead letters that a filter chooses, oldest first.
func (l *Ledger) FindDeadLetters(ctx context.Context, f DeadLetterFilter) iter.Seq2[DeadLetter, error] {
	index, from, to := lettersOpen, "", ""
	if f.Settled {
		index = lettersSettled
	}
	if !f.From.IsZero() {
		from = f.From.UTC().Format(sortableTime)
	}
	if !f.To.IsZero() {
		to = f.To.UTC().Format(sortableTime) + "/g" // behind the hash of any key
	}
	return func(yield func(DeadLetter, error) bool) {
		for d, err := range list[DeadLetter](ctx, l, index, from, to) {
			if err == nil && !f.Chooses(d) {
				continue
			}
			if !yield(d, err) {
				return
			}
		}
	}
}

// Bury keeps a dead letter. The latest failure of a request stands: one that is
// recorded again, or that comes after a later one, changes nothing. At should be
// the time of the request's recorded outcome; see [Ledger.Reopen].
func (l *Ledger) Bury(ctx context.Context, d DeadLetter) error {
	_, err := change(ctx, l, deadLetterKey(d.Request), record[DeadLetter]{}, func(old DeadLetter) (DeadLetter, error) {
		return old.buried(d)
	})
	return err
}

func (d DeadLetter) buried(next DeadLetter) (DeadLetter, error) {
	if d.Request != (command.Key{}) && !next.At.After(d.At) {
		return d, errUnchanged
	}
	next.At, next.State = next.At.UTC(), LetterWaiting
	next.Replays, next.Original, next.Decided = d.Replays, d.Original, d.Decided
	return next, nil
}

// StartReplay writes down that a dead letter is replayed, and lets its request be
// worked on again. The caller then sends the body of the dead letter that is
// returned, under its request key and its number of replays, and calls
// [Ledger.EndReplay]. Whoever was interrupted calls StartReplay again and repeats
// it all: the number of replays stays the same, so that the queue can tell.
//
// want is the dead letter as read. With another Body, and the Type and User in
// it, it is replayed mended; the caller has made sure that it is a command of the
// same request. Errors: an [ErrChanged] that says how it stands, if it is settled
// or its request has failed again since it was read; [ErrReplaying] if another
// body is being replayed; or the store's.
func (l *Ledger) StartReplay(ctx context.Context, want DeadLetter, by Decision) (DeadLetter, error) {
	r, err := change(ctx, l, deadLetterKey(want.Request), record[DeadLetter]{}, func(d DeadLetter) (DeadLetter, error) {
		return d.replaying(want, by, time.Now())
	})
	if err != nil {
		return r.state, err
	}
	return r.state, l.Reopen(ctx, want.Request, r.state.At, r.state.Fixed)
}

func (d DeadLetter) replaying(want DeadLetter, by Decision, now time.Time) (DeadLetter, error) {
	if err := d.stands(want); err != nil {
		return d, err
	}
	if d.State == LetterReplaying {
		if d.Body != want.Body {
			return d, fmt.Errorf("another body of it is on its way: %w", ErrReplaying)
		}
		return d, errUnchanged
	}
	if d.Body != want.Body {
		d.Original = cmp.Or(d.Original, d.Body)
		d.Body, d.Type, d.User, d.Fixed = want.Body, want.Type, want.User, true
	}
	d.State = LetterReplaying
	d.Replays++
	return d.decided(by, now), nil
}

// EndReplay settles a dead letter that was sent; started is what
// [Ledger.StartReplay] returned. One whose request has failed again by then waits
// for a person again, which is no error.
func (l *Ledger) EndReplay(ctx context.Context, started DeadLetter) error {
	_, err := change(ctx, l, deadLetterKey(started.Request), record[DeadLetter]{}, func(d DeadLetter) (DeadLetter, error) {
		if d.Request == (command.Key{}) || d.State != LetterReplaying || d.Replays != started.Replays {
			return d, errUnchanged
		}
		d.State = LetterReplayed
		return d.expiring(time.Now().Add(l.retention)), nil
	})
	return err
}

// Discard settles a dead letter for good. Its request stays failed, with its
// outcome. Errors: as of [Ledger.StartReplay]; [ErrReplaying] also when the same
// body is being replayed.
func (l *Ledger) Discard(ctx context.Context, known DeadLetter, by Decision) error {
	_, err := change(ctx, l, deadLetterKey(known.Request), record[DeadLetter]{}, func(d DeadLetter) (DeadLetter, error) {
		if err := d.stands(known); err != nil {
			return d, err
		}
		if d.State == LetterReplaying {
			return d, ErrReplaying
		}
		now := time.Now()
		d.State = LetterDiscarded
		return d.decided(by, now).expiring(now.Add(l.retention)), nil
	})
	return err
}

// stands refuses a decision on what is not, or not any more, as it was known.
func (d DeadLetter) stands(known DeadLetter) error {
	switch {
	case d.Request == (command.Key{}):
		return fmt.Errorf("there is no such dead letter: %w", ErrChanged)
	case !d.At.Equal(known.At):
		return fmt.Errorf("the request failed again at %s: %w", d.At.Format(time.RFC3339), ErrChanged)
	case d.Settled():
		return fmt.Errorf("the dead letter was %s at %s by %s: %w", d.State, d.Decided.At.Format(time.RFC3339), cmp.Or(d.Decided.By, "somebody"), ErrChanged)
	}
	return nil
}

func (d DeadLetter) decided(by Decision, now time.Time) DeadLetter {
	by.At = now.UTC()
	d.Decided = by
	return d
}

func (d DeadLetter) expiring(at time.Time) DeadLetter {
	d.Expires = at.UTC().Truncate(time.Second)
	return d
}
