// Package ledger is dialtone's memory: which request stands where, which
// number belongs to whom, and what each person's phones were before.
//
// The rules are pure transitions (request.go, number.go, person.go): a state
// and an event in, the next state or a refusal out. [Ledger] runs them against
// a [Store] that knows single-item conditional writes only. A change to several
// items is a sequence of such writes that starts with a pin on the person, so
// that whoever comes after a crash resumes from the pin and repeats each step
// without harm:
//
//	begin request -> pin person -> claim number -> (change and read back)
//	             -> number assigned -> person assigned -> request done
//
// Whoever resumes pins and claims again under the fence of the new lease, so
// that a write of the old one that comes late finds nothing to undo.
//
// A Ledger is safe for concurrent use. Time is the wall clock.
package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
)

// Ledger runs the transitions against a store.
type Ledger struct {
	store     Store
	owner     string
	exclusive bool
	retention time.Duration
}

// Options of [New]; the zero value works.
type Options struct {
	// Owner names this process in leases. Empty: one name for all, which is
	// right where every worker gets its own fencing token anyway.
	Owner string
	// Exclusive states that no process but Owner works on this ledger, so that
	// the leases of any other owner belong to the dead and are taken over at once.
	Exclusive bool
	// Retention is how long a finished request is remembered. Zero: 90 days.
	// It must exceed the longest time a message can stay on a queue.
	Retention time.Duration
}

// New returns a ledger on the store.
func New(store Store, o Options) *Ledger {
	if o.Retention == 0 {
		o.Retention = 90 * 24 * time.Hour
	}
	return &Ledger{store: store, owner: o.Owner, exclusive: o.Exclusive, retention: o.Retention}
}

// entity is a state that knows where it is kept.
type entity interface {
	item() Item // Key, Index, Sort and Expires; no Version, no Data
}

// record is a state with the version it was read at; version 0 is absent.
type record[T entity] struct {
	version int64
	state   T
}

// errUnchanged is a transition's way to say that there is nothing to write.
var errUnchanged = errors.New("unchanged")

// races bounds how often one change may lose to other writers of its item.
const races = 32

// change moves an item through step. known is the item as the caller believes
// it to stand (absent, mostly): a right guess saves the read. step is repeated
// on what really stands there, so it must be pure, and it may refuse only what
// was read, never a guess. The record that stands at the end is returned also
// when step refuses.
func change[T entity](ctx context.Context, l *Ledger, key Key, known record[T], step func(T) (T, error)) (record[T], error) {
	guess := true
	for range races {
		next, err := step(known.state)
		if err != nil && guess {
			guess = false
			if known, err = read[T](ctx, l, key); err != nil {
				return known, err
			}
			continue
		}
		if errors.Is(err, errUnchanged) {
			return known, nil
		}
		if err != nil {
			return known, err
		}
		written, current, err := put(ctx, l.store, key, record[T]{known.version, next})
		if err != nil {
			return known, err
		}
		if written {
			return record[T]{known.version + 1, next}, nil
		}
		known, guess = current, false
	}
	return known, fmt.Errorf("%s: %w %d times in a row", key.Kind, ErrChanged, races)
}

// put writes r over its version. When another write came first it returns the
// record that stands instead - unless that is the very one we wanted, which is
// how a repeated request of a store's own client looks to us.
func put[T entity](ctx context.Context, s Store, key Key, r record[T]) (written bool, current record[T], err error) {
	item, err := encode(r)
	if err != nil {
		return false, current, err
	}
	err = s.Put(ctx, item)
	if err == nil {
		return true, r, nil
	}
	if !errors.Is(err, ErrChanged) {
		return false, current, fmt.Errorf("write %s: %w", key.Kind, err)
	}
	var stands Item
	if c, ok := errors.AsType[*ChangedError](err); ok {
		stands = c.Current
	} else if stands, err = s.Get(ctx, key); err != nil {
		return false, current, fmt.Errorf("read %s: %w", key.Kind, err)
	}
	if stands.Version == r.version+1 && bytes.Equal(stands.Data, item.Data) {
		return true, r, nil
	}
	current, err = decode[T](stands)
	return false, current, err
}

func encode[T entity](r record[T]) (Item, error) {
	item := r.state.item()
	item.Version = r.version
	data, err := json.Marshal(r.state)
	if err != nil {
		return Item{}, fmt.Errorf("encode %s: %w", item.Key.Kind, err)
	}
	item.Data = data
	return item, nil
}

func decode[T entity](item Item) (record[T], error) {
	r := record[T]{version: item.Version}
	if item.Version == 0 {
		return r, nil
	}
	if err := json.Unmarshal(item.Data, &r.state); err != nil {
		return r, fmt.Errorf("decode %s: %w", item.Key.Kind, err)
	}
	return r, nil
}

func read[T entity](ctx context.Context, l *Ledger, key Key) (record[T], error) {
	item, err := l.store.Get(ctx, key)
	if err != nil {
		return record[T]{}, fmt.Errorf("read %s: %w", key.Kind, err)
	}
	return decode[T](item)
}

func list[T entity](ctx context.Context, l *Ledger, index, from, to string) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for item, err := range l.store.List(ctx, index, from, to) {
			var r record[T]
			if err == nil {
				r, err = decode[T](item)
			}
			if !yield(r.state, err) || err != nil {
				return
			}
		}
	}
}
