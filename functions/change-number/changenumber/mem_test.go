package changenumber_test

import (
	"context"
	"iter"
	"slices"
	"strings"
	"sync"

	"dialtone/shared/ledger"
)

type mem struct {
	mu sync.Mutex
	m  map[ledger.Key]ledger.Item
}

func (m *mem) Get(_ context.Context, k ledger.Key) (ledger.Item, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, ok := m.m[k]
	if !ok {
		return ledger.Item{Key: k}, nil
	}
	return i, nil
}

func (m *mem) Put(_ context.Context, i ledger.Item) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	cur := m.m[i.Key]
	if cur.Version != i.Version {
		return &ledger.ChangedError{Current: cur}
	}
	i.Version++
	m.m[i.Key] = i
	return nil
}

func (m *mem) List(_ context.Context, index, from, to string) iter.Seq2[ledger.Item, error] {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []ledger.Item
	for _, i := range m.m {
		if i.Index == index && i.Sort >= from && (to == "" || i.Sort <= to) {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(a, b ledger.Item) int { return strings.Compare(a.Sort, b.Sort) })
	return func(yield func(ledger.Item, error) bool) {
		for _, i := range all {
			if !yield(i, nil) {
				return
			}
		}
	}
}
