package main

import (
	"context"
	"encoding/json"
	"iter"
	"sync"
	"sync/atomic"

	"dialtone/shared/ledger"
)

// meter counts what is asked of a store.
type meter struct {
	ledger.Store
	gets, puts, lists, listed atomic.Int64
}

// operations are counts of a meter.
type operations struct{ gets, puts, lists, listed int64 }

func (o operations) total() int64 { return o.gets + o.puts + o.lists }

func (o operations) since(before operations) operations {
	return operations{o.gets - before.gets, o.puts - before.puts, o.lists - before.lists, o.listed - before.listed}
}

func (o operations) plus(d operations) operations {
	return operations{o.gets + d.gets, o.puts + d.puts, o.lists + d.lists, o.listed + d.listed}
}

func (m *meter) count() operations {
	return operations{m.gets.Load(), m.puts.Load(), m.lists.Load(), m.listed.Load()}
}

// Get implements [ledger.Store].
func (m *meter) Get(ctx context.Context, key ledger.Key) (ledger.Item, error) {
	m.gets.Add(1)
	return m.Store.Get(ctx, key)
}

// Put implements [ledger.Store].
func (m *meter) Put(ctx context.Context, item ledger.Item) error {
	m.puts.Add(1)
	return m.Store.Put(ctx, item)
}

// List implements [ledger.Store].
func (m *meter) List(ctx context.Context, index, from, to string) iter.Seq2[ledger.Item, error] {
	m.lists.Add(1)
	return func(yield func(ledger.Item, error) bool) {
		for item, err := range m.Store.List(ctx, index, from, to) {
			m.listed.Add(1)
			if !yield(item, err) {
				return
			}
		}
	}
}

// step is one thing that the handler did to a single item.
type step struct {
	write bool
	item  ledger.Item // a read one has its Key only
}

// recorder takes note of every step and counts lists.
type recorder struct {
	ledger.Store
	mu    sync.Mutex
	steps []step
	lists int
}

func (r *recorder) note(s step) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps = append(r.steps, s)
}

// Get implements [ledger.Store].
func (r *recorder) Get(ctx context.Context, key ledger.Key) (ledger.Item, error) {
	r.note(step{item: ledger.Item{Key: key}})
	return r.Store.Get(ctx, key)
}

// Put implements [ledger.Store].
func (r *recorder) Put(ctx context.Context, item ledger.Item) error {
	r.note(step{write: true, item: item})
	return r.Store.Put(ctx, item)
}

// List implements [ledger.Store].
func (r *recorder) List(ctx context.Context, index, from, to string) iter.Seq2[ledger.Item, error] {
	r.mu.Lock()
	r.lists++
	r.mu.Unlock()
	return r.Store.List(ctx, index, from, to)
}

// reservations counts the writes that pin a number on a person or claim it,
// those that lose to another writer too.
type reservations struct {
	ledger.Store
	pins, claims atomic.Int64
}

// Put implements [ledger.Store].
func (r *reservations) Put(ctx context.Context, item ledger.Item) error {
	switch item.Key.Kind {
	case ledger.KindNumber:
		var n ledger.Number
		if json.Unmarshal(item.Data, &n) == nil && n.State == ledger.Reserved {
			r.claims.Add(1)
		}
	case ledger.KindPerson:
		var p ledger.Person
		if json.Unmarshal(item.Data, &p) == nil && pinned(p) {
			r.pins.Add(1)
		}
	}
	return r.Store.Put(ctx, item)
}

func pinned(p ledger.Person) bool {
	for _, line := range p.Lines {
		if line.State == ledger.LinePinned {
			return true
		}
	}
	return false
}
