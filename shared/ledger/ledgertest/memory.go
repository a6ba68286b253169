package ledgertest

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"sync"
	"time"

	"dialtone/shared/ledger"
)

// Memory is a [ledger.Store] that forgets: the model that real stores are
// measured against, and a store for tests that need no file. It keeps to the
// wall clock, so it works in a testing/synctest bubble.
type Memory struct {
	mu    sync.Mutex
	items map[ledger.Key]ledger.Item
}

// NewMemory returns an empty store.
func NewMemory() *Memory { return &Memory{items: map[ledger.Key]ledger.Item{}} }

// Get implements [ledger.Store].
func (m *Memory) Get(ctx context.Context, key ledger.Key) (ledger.Item, error) {
	if err := ctx.Err(); err != nil {
		return ledger.Item{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.live(key), nil
}

// Put implements [ledger.Store].
func (m *Memory) Put(ctx context.Context, item ledger.Item) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if stands := m.live(item.Key); stands.Version != item.Version {
		return &ledger.ChangedError{Current: stands}
	}
	item.Version++
	item.Data = slices.Clone(item.Data)
	if !item.Expires.IsZero() {
		item.Expires = time.Unix(item.Expires.Unix(), 0).UTC()
	}
	m.items[item.Key] = item
	return nil
}

// List implements [ledger.Store].
func (m *Memory) List(ctx context.Context, index, from, to string) iter.Seq2[ledger.Item, error] {
	return func(yield func(ledger.Item, error) bool) {
		if err := ctx.Err(); err != nil {
			yield(ledger.Item{}, err)
			return
		}
		for _, item := range m.listed(index, from, to) {
			if !yield(item, nil) {
				return
			}
		}
	}
}

func (m *Memory) listed(index, from, to string) []ledger.Item {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []ledger.Item
	for key, item := range m.items {
		if item.Index == index && index != "" && item.Sort >= from && (to == "" || item.Sort <= to) && m.live(key).Version > 0 {
			found = append(found, m.live(key))
		}
	}
	slices.SortFunc(found, func(a, b ledger.Item) int { return cmp.Compare(a.Sort, b.Sort) })
	return found
}

// live returns a copy of an item that counts.
func (m *Memory) live(key ledger.Key) ledger.Item {
	item := m.items[key]
	if !item.Expires.IsZero() && !time.Now().Before(item.Expires) {
		return ledger.Item{}
	}
	item.Data = slices.Clone(item.Data)
	return item
}

// Call is one call of a store.
type Call struct {
	Op  string     // "get", "put" or "list"
	Key ledger.Key // of get and put
	N   int        // counts the calls of this view from 0
}

// Around returns a view of a store whose every call passes through around,
// which may fail before or after it calls do, or hold it up. What it returns
// is what the caller sees. around may be called by many goroutines at once.
func Around(s ledger.Store, around func(c Call, do func() error) error) ledger.Store {
	return &view{store: s, around: around}
}

type view struct {
	store  ledger.Store
	around func(Call, func() error) error

	mu    sync.Mutex
	calls int
}

func (v *view) call(op string, key ledger.Key, do func() error) error {
	v.mu.Lock()
	c := Call{Op: op, Key: key, N: v.calls}
	v.calls++
	v.mu.Unlock()
	return v.around(c, do)
}

func (v *view) Get(ctx context.Context, key ledger.Key) (item ledger.Item, err error) {
	err = v.call("get", key, func() (err error) {
		item, err = v.store.Get(ctx, key)
		return err
	})
	if err != nil {
		return ledger.Item{}, err
	}
	return item, nil
}

func (v *view) Put(ctx context.Context, item ledger.Item) error {
	return v.call("put", item.Key, func() error { return v.store.Put(ctx, item) })
}

func (v *view) List(ctx context.Context, index, from, to string) iter.Seq2[ledger.Item, error] {
	return func(yield func(ledger.Item, error) bool) {
		var items []ledger.Item
		err := v.call("list", ledger.Key{}, func() (err error) {
			items, err = all(v.store.List(ctx, index, from, to))
			return err
		})
		for _, item := range items {
			if err == nil && !yield(item, nil) {
				return
			}
		}
		if err != nil {
			yield(ledger.Item{}, err)
		}
	}
}

func all[T any](seq iter.Seq2[T, error]) ([]T, error) {
	var found []T
	for v, err := range seq {
		if err != nil {
			return nil, err
		}
		found = append(found, v)
	}
	return found, nil
}

// stripped answers as a store that does not see what stands in the way.
func stripped(s ledger.Store) ledger.Store {
	return Around(s, func(_ Call, do func() error) error {
		err := do()
		if errors.Is(err, ledger.ErrChanged) {
			return ledger.ErrChanged
		}
		return err
	})
}

// echoing answers every write as if its own repetition had come second: what a
// client sees that repeats a write after its first answer got lost.
func echoing(s ledger.Store) ledger.Store {
	return Around(s, func(c Call, do func() error) error {
		err := do()
		if c.Op != "put" || err != nil {
			return err
		}
		stands, err := s.Get(context.Background(), c.Key)
		if err != nil {
			return err
		}
		return &ledger.ChangedError{Current: stands}
	})
}
