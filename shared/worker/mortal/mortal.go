// Package mortal lets processes die, for tests of what the next one finds: a
// process has a ledger and a network, and after one of its side effects nothing
// that it does reaches anybody any more.
package mortal

import (
	"context"
	"errors"
	"iter"
	"net/http"
	"sync"

	"dialtone/shared/ledger"
)

// Life is a process that dies after one of its side effects: a write to the
// ledger or a call to a vendor, counted from 1; after none, it dies before the
// first. From then on nothing it does reaches anybody.
type Life struct {
	// Dies is the step after which it does; negative: never.
	Dies int
	// End stops what the process waits for. Required before the first step; set
	// anew for each piece of work.
	End context.CancelFunc

	mu   sync.Mutex
	step int
	dead bool
}

// ErrDead is what a dead process gets of everything it tries.
var ErrDead = errors.New("the process is dead")

// act runs one side effect of the process.
func (l *Life) act(effect func() error) error {
	l.mu.Lock()
	l.dead = l.dead || l.Dies == 0
	l.step++
	last, dead := l.step == l.Dies, l.dead
	l.dead = dead || last
	l.mu.Unlock()
	if dead {
		l.End()
		return ErrDead
	}
	err := effect()
	if last {
		l.End()
		return ErrDead
	}
	return err
}

// IsDead reports whether it has died.
func (l *Life) IsDead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// Transport makes each call a side effect of the process.
func (l *Life) Transport(t http.RoundTripper) http.RoundTripper { return mortalTransport{t, l} }

type mortalTransport struct {
	http.RoundTripper
	life *Life
}

func (m mortalTransport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	dead := m.life.act(func() error { resp, err = m.RoundTripper.RoundTrip(r); return nil })
	if dead != nil {
		if resp != nil {
			_ = resp.Body.Close()
		}
		return nil, dead
	}
	return resp, err
}

// Store makes each write a side effect of the process. A dead one reads nothing.
func (l *Life) Store(s ledger.Store) ledger.Store { return mortalStore{s, l} }

type mortalStore struct {
	ledger.Store
	life *Life
}

func (m mortalStore) Put(ctx context.Context, i ledger.Item) (err error) {
	if dead := m.life.act(func() error { err = m.Store.Put(ctx, i); return nil }); dead != nil {
		return dead
	}
	return err
}

func (m mortalStore) Get(ctx context.Context, k ledger.Key) (ledger.Item, error) {
	if m.life.IsDead() {
		return ledger.Item{}, ErrDead
	}
	return m.Store.Get(ctx, k)
}

func (m mortalStore) List(ctx context.Context, index, from, to string) iter.Seq2[ledger.Item, error] {
	if m.life.IsDead() {
		return func(yield func(ledger.Item, error) bool) { yield(ledger.Item{}, ErrDead) }
	}
	return m.Store.List(ctx, index, from, to)
}
