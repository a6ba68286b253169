package ledger_test

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
)

// Many workers of two processes take turns: never two at once, every fence once.
func TestLockIsHeldByOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := ledgertest.NewMemory()
		var mu sync.Mutex
		inside, fences := 0, map[int64]bool{}
		var workers sync.WaitGroup
		for i := range 16 {
			l := ledger.New(store, ledger.Options{Owner: string(rune('a' + i%2))})
			workers.Go(func() {
				k := await(t, l)
				mu.Lock()
				inside++
				if inside != 1 || fences[k.Fence()] || k.Name() != "turn" || !time.Now().Before(k.Until()) {
					t.Errorf("%d hold %s with fence %d at once", inside, k.Name(), k.Fence())
				}
				fences[k.Fence()] = true
				mu.Unlock()
				time.Sleep(time.Second)
				mu.Lock()
				inside--
				mu.Unlock()
				if err := l.Unlock(t.Context(), k); err != nil {
					t.Error(err)
				}
			})
		}
		workers.Wait()
		if len(fences) != 16 {
			t.Errorf("%d fences, want 16", len(fences))
		}
	})
}

// await takes the lock when it can be had; whoever holds it says until when.
func await(t *testing.T, l *ledger.Ledger) *ledger.Lock {
	for {
		k, err := l.Lock(t.Context(), "turn", time.Now().Add(10*time.Second))
		if err == nil {
			return k
		}
		if held, ok := errors.AsType[*ledger.LockedError](err); !ok || held.Until.Before(time.Now()) || held.Name != "turn" {
			t.Errorf("lock: %v", err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// A holder who vanished holds nobody up after its time, and comes back fenced.
func TestLockOfTheDead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := ledger.New(ledgertest.NewMemory(), ledger.Options{})
		dead, err := l.Lock(t.Context(), "turn", time.Now().Add(10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		heir := await(t, l)
		if waited := time.Since(began); waited < 10*time.Second || waited > 11*time.Second {
			t.Errorf("waited %s", waited)
		}
		if err := l.Extend(t.Context(), dead, time.Now().Add(time.Minute)); !errors.Is(err, ledger.ErrFenced) {
			t.Errorf("the dead extends: %v", err)
		}
		if err := l.Unlock(t.Context(), dead); err != nil {
			t.Errorf("the dead unlocks: %v", err)
		}
		until := time.Now().Add(time.Minute)
		if err := l.Extend(t.Context(), heir, until); err != nil || !heir.Until().Equal(until) {
			t.Errorf("the heir extends to %s: %v", heir.Until(), err)
		}
		if _, err := l.Lock(t.Context(), "other", until); err != nil {
			t.Errorf("another name: %v", err)
		}
		if err := l.Unlock(t.Context(), heir); err != nil {
			t.Error(err)
		}
		if again := await(t, l); again.Fence() != 3 || dead.Fence() != 1 {
			t.Errorf("fences %d and %d", dead.Fence(), again.Fence())
		}
	})
}
