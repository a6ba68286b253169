package ledger_test

import (
	"context"
	"fmt"
	"iter"
	"testing"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
)

// counted is a store that counts what its lists give out.
type counted struct {
	ledger.Store
	lists, items int
}

func (c *counted) List(ctx context.Context, index, from, to string) iter.Seq2[ledger.Item, error] {
	c.lists++
	return func(yield func(ledger.Item, error) bool) {
		for item, err := range c.Store.List(ctx, index, from, to) {
			c.items++
			if !yield(item, err) {
				return
			}
		}
	}
}

// TestSearchReadsItsTimeOnly: a time is looked for by the index; what failed
// before and after, and what is settled, is not read.
func TestSearchReadsItsTimeOnly(t *testing.T) {
	t.Parallel()
	const many = 10_000
	store, began := &counted{Store: ledgertest.NewMemory()}, time.Now().UTC().Truncate(time.Second)
	l := ledger.New(store, ledger.Options{})
	at := func(i int) time.Time { return began.Add(time.Duration(i) * time.Second) }
	for i := range many {
		d := ledger.DeadLetter{Request: command.Key{Source: "hr", ID: fmt.Sprint(i)}, Body: "{}", At: at(i)}
		err := l.Bury(t.Context(), d)
		if err == nil && i%2 == 1 {
			err = l.Discard(t.Context(), d, ledger.Decision{Reason: "every other"})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		filter      ledger.DeadLetterFilter
		found, read int
	}{
		{ledger.DeadLetterFilter{From: at(1000), To: at(1019)}, 10, 10},
		{ledger.DeadLetterFilter{From: at(many - 20)}, 10, 10},
		{ledger.DeadLetterFilter{To: at(19)}, 10, 10},
		{ledger.DeadLetterFilter{To: at(19), Settled: true}, 10, 10},
		{ledger.DeadLetterFilter{To: at(19), User: "ada@contoso.test"}, 0, 10},
		{ledger.DeadLetterFilter{}, many / 2, many / 2},
	} {
		store.lists, store.items = 0, 0
		found := 0
		for _, err := range l.FindDeadLetters(t.Context(), c.filter) {
			if err != nil {
				t.Fatal(err)
			}
			found++
		}
		if found != c.found || store.items != c.read || store.lists != 1 {
			t.Errorf("%+v: found %d, read %d in %d lists; want %d, %d, 1", c.filter, found, store.items, store.lists, c.found, c.read)
		}
	}
}
