package ledger

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
)

// KindLock is the kind of the items behind [Lock].
const KindLock Kind = "lock"

// Lock is the right of one worker to do something by itself, among all
// processes, until a time: whoever comes after that may take it over, so that a
// crash holds nobody up for longer. It is advice, not a wall: work that can
// outlive it must bear the fence, or be harmless when done late.
type Lock struct{ at record[lock] }

// Name returns what was locked.
func (k *Lock) Name() string { return k.at.state.Name }

// Fence counts the times the name was locked, from 1: what is done under a
// lower fence comes late.
func (k *Lock) Fence() int64 { return k.at.state.Fence }

// Until returns the time from which others may take the lock over.
func (k *Lock) Until() time.Time { return k.at.state.Until }

// LockedError reports that somebody else holds a lock.
type LockedError struct {
	Name  string
	Until time.Time // when it may be taken over, at the latest
}

// Error names the lock and the end of its time.
func (e *LockedError) Error() string {
	return fmt.Sprintf("ledger: %s is locked until %s", e.Name, e.Until.UTC().Format(time.RFC3339))
}

// Lock takes the lock of a name until the given time. It does not wait.
// Errors: [*LockedError] while somebody else holds it, also another goroutine of
// this process; or the store's.
func (l *Ledger) Lock(ctx context.Context, name string, until time.Time) (*Lock, error) {
	want := lock{Name: name, Owner: l.owner, Holder: rand.Text(), Until: until.UTC()}
	r, err := change(ctx, l, lockKey(name), record[lock]{}, func(k lock) (lock, error) {
		return k.taken(want, l.exclusive, time.Now())
	})
	if err != nil {
		return nil, err
	}
	return &Lock{at: r}, nil
}

// Extend moves the end of a lock's time, earlier or later. It fails with
// [ErrFenced] if somebody else has taken the lock over since; a lock whose time
// is over, but which nobody took, is held anew.
func (l *Ledger) Extend(ctx context.Context, k *Lock, until time.Time) error {
	r, err := change(ctx, l, lockKey(k.Name()), k.at, func(now lock) (lock, error) {
		return now.extended(k.at.state, until.UTC())
	})
	if err == nil {
		k.at = r
	}
	return err
}

// Unlock gives a lock back. One that somebody else has taken over meanwhile
// stays theirs, which is no error.
func (l *Ledger) Unlock(ctx context.Context, k *Lock) error {
	_, err := change(ctx, l, lockKey(k.Name()), k.at, func(now lock) (lock, error) {
		return now.released(k.at.state)
	})
	return err
}

// lock is the record of one name. It is never deleted: the fence must not start
// again.
type lock struct {
	Name   string    `json:"name"`
	Fence  int64     `json:"fence"`
	Owner  string    `json:"owner,omitempty"`  // process, see [Options]
	Holder string    `json:"holder,omitempty"` // random; "": nobody
	Until  time.Time `json:"until,omitzero"`
}

func lockKey(name string) Key { return Key{KindLock, name} }

func (k lock) item() Item { return Item{Key: lockKey(k.Name)} }

func (k lock) taken(want lock, exclusive bool, now time.Time) (lock, error) {
	orphaned := exclusive && k.Owner != want.Owner
	if k.Holder != "" && now.Before(k.Until) && !orphaned {
		return k, &LockedError{Name: k.Name, Until: k.Until}
	}
	want.Fence = k.Fence + 1
	return want, nil
}

func (k lock) extended(mine lock, until time.Time) (lock, error) {
	if k.Holder != mine.Holder || k.Fence != mine.Fence {
		return k, ErrFenced
	}
	if k.Until.Equal(until) {
		return k, errUnchanged
	}
	k.Until = until
	return k, nil
}

func (k lock) released(mine lock) (lock, error) {
	if _, err := k.extended(mine, mine.Until); errors.Is(err, ErrFenced) {
		return k, errUnchanged
	}
	return lock{Name: k.Name, Fence: k.Fence}, nil
}
