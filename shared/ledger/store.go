package ledger

import (
	"context"
	"errors"
	"iter"
	"time"
)

// Kind separates the families of items in one table.
type Kind string

// The kinds of item.
const (
	KindRequest Kind = "request"
	KindNumber  Kind = "number"
	KindPerson  Kind = "person"
	KindSession Kind = "session"
	KindPool    Kind = "pool"
)

// Key names one item.
type Key struct {
	Kind Kind
	ID   string
}

// Item is what a [Store] keeps. Data is a JSON object that only this package
// reads and writes.
type Item struct {
	Key     Key
	Version int64     // counts writes from 1; 0: absent
	Index   string    // the list the item is in; "": none
	Sort    string    // its place in that list, compared bytewise
	Expires time.Time // zero: never. Whole seconds count
	Data    []byte
}

// Store is a table of items with conditional writes on single items. There are
// no multi-item transactions: half the price on DynamoDB, and every emulator
// can prove it. Implementations pass ledgertest and are safe for concurrent use.
//
// An item whose Expires has passed MUST be reported as absent by Get and List,
// and Put MUST treat it as absent, whether or not it was deleted yet.
type Store interface {
	// Get reads one item, consistently: it MUST see every Put that returned.
	// An absent item has Version 0 and no error.
	Get(ctx context.Context, key Key) (Item, error)

	// Put writes the item with Version+1 if the stored version is still
	// item.Version, and MUST be durable when it returns nil. Otherwise it
	// returns an error that matches [ErrChanged]; a [*ChangedError] when the
	// store saw what stands there. Any other error leaves it unknown whether
	// the item was written.
	Put(ctx context.Context, item Item) error

	// List yields the items of an index with from <= Sort <= to, ascending.
	// An empty to means no upper bound. It MAY miss writes of the last second.
	List(ctx context.Context, index, from, to string) iter.Seq2[Item, error]
}

// ErrChanged reports that an item is no longer as the caller believed.
var ErrChanged = errors.New("ledger: item has changed")

// ChangedError is an [ErrChanged] that carries the item as it stands
// (Version 0: absent).
type ChangedError struct{ Current Item }

// Error says that the item has changed.
func (*ChangedError) Error() string { return ErrChanged.Error() }

// Is makes errors.Is(err, ErrChanged) true.
func (*ChangedError) Is(target error) bool { return target == ErrChanged }
