package schedulerefresh

import (
	"cmp"
	"container/heap"
	"context"
	"iter"

	"dialtone/shared/ledger"
)

// due yields everybody who is due, of all shards, in the order of their places.
// It holds one page of each shard.
func (r *run) due(ctx context.Context) iter.Seq2[ledger.Contacts, error] {
	lists := make([]iter.Seq2[ledger.Contacts, error], ledger.ContactsShards)
	for shard := range lists {
		lists[shard] = r.cfg.Ledger.ContactsDue(ctx, shard, r.through)
	}
	return merged(lists)
}

// merged yields what is in several lists, each in the order of places, in that
// order. It ends with the first error.
func merged(lists []iter.Seq2[ledger.Contacts, error]) iter.Seq2[ledger.Contacts, error] {
	return func(yield func(ledger.Contacts, error) bool) {
		var fronts fronts
		for _, list := range lists {
			next, stop := iter.Pull2(list)
			defer stop()
			if c, err, found := next(); err != nil {
				yield(c, err)
				return
			} else if found {
				fronts = append(fronts, front{c, next})
			}
		}
		heap.Init(&fronts)
		for len(fronts) > 0 {
			f := &fronts[0]
			if !yield(f.first, nil) {
				return
			}
			c, err, found := f.next()
			switch {
			case err != nil:
				yield(c, err)
				return
			case found:
				f.first = c
				heap.Fix(&fronts, 0)
			default:
				heap.Pop(&fronts)
			}
		}
	}
}

// front is the first of a list, and how to go on.
type front struct {
	first ledger.Contacts
	next  func() (ledger.Contacts, error, bool)
}

// fronts is a heap of lists by the place of their first.
type fronts []front

func (f fronts) Len() int { return len(f) }

func (f fronts) Less(i, j int) bool {
	a, b := &f[i].first, &f[j].first
	return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.User, b.User)) < 0
}

func (f fronts) Swap(i, j int) { f[i], f[j] = f[j], f[i] }

// Push is never called: lists only end.
func (f *fronts) Push(x any) { *f = append(*f, x.(front)) }

// Pop removes the last.
func (f *fronts) Pop() any {
	last := len(*f) - 1
	x := (*f)[last]
	*f = (*f)[:last]
	return x
}
