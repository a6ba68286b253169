package ledger

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"time"

	"dialtone/shared/sipaddr"
)

// ContactsShards is into how many lists the enrolled are divided, so that no
// list takes more writes than a store gives to one: at 1,000 a second each it
// is enough for some ten million users.
const ContactsShards = 64

// ContactsShard returns the list that a user is in, from 0.
func ContactsShard(user sipaddr.User) int { return int(userHash(user) % ContactsShards) }

// ContactsShare returns a user's own number from 0 up to 1, always the same and
// spread evenly over users, to tell apart when each is due.
func ContactsShare(user sipaddr.User) float64 {
	return float64(userHash(user)>>11) / (1 << 53)
}

func userHash(user sipaddr.User) uint64 {
	sum := sha256.Sum256([]byte(user))
	return binary.BigEndian.Uint64(sum[:])
}

func shardIndex(shard int) string { return fmt.Sprintf("contacts/%d", shard) }

// Place is where a subscription stands among all that are due: by time, then by
// user. Places compare as texts.
func (c Contacts) Place() string { return c.Due.UTC().Format(sortableTime) + "/" + string(c.User) }

// PlaceAfter is the place after all who are due until a time, and before the
// rest.
func PlaceAfter(t time.Time) string { return t.UTC().Format(sortableTime) + "0" } // "0" comes after "/"

// ContactsDue yields the subscriptions of a shard that are due until a time, by
// their places. It reads those and no others, a page at a time, and may miss
// what was written in the last second.
func (l *Ledger) ContactsDue(ctx context.Context, shard int, until time.Time) iter.Seq2[Contacts, error] {
	return list[Contacts](ctx, l, shardIndex(shard), "", PlaceAfter(until))
}

// KindSweep is the kind of the one [Sweep] item.
const KindSweep Kind = "sweep"

// Sweep is how far the schedule has come in handing out who is due: the one item
// that it writes. A user was handed out if the place is not beyond At and was
// taken before Start. The zero value: no run yet.
type Sweep struct {
	Write string    `json:"write"`          // random, new with each: two runs never write the same bytes, so neither takes the other's write for its own
	Start time.Time `json:"start,omitzero"` // of the run
	At    string    `json:"at,omitempty"`   // place of the last who was handed out
	Slot  time.Time `json:"slot,omitzero"`  // until when deliveries are planned, if the run could not hand out all; zero: it could

	version int64
}

func sweepKey() Key { return Key{KindSweep, "contacts"} }

func (Sweep) item() Item { return Item{Key: sweepKey()} }

// Sweep reads how far the schedule of contacts has come.
func (l *Ledger) Sweep(ctx context.Context) (Sweep, error) {
	r, err := read[Sweep](ctx, l, sweepKey())
	r.state.version = r.version
	return r.state, err
}

// SaveSweep writes down how far the schedule has come since known was read. It
// fails with [ErrFenced] when another run has written: that one goes on.
func (l *Ledger) SaveSweep(ctx context.Context, known, next Sweep) (Sweep, error) {
	next.Write, next.Start, next.Slot = rand.Text(), wall(next.Start), wall(next.Slot)
	written, current, err := put(ctx, l.store, sweepKey(), record[Sweep]{known.version, next})
	if err == nil && !written {
		err = ErrFenced
	}
	if err == nil {
		current = record[Sweep]{known.version + 1, next}
	}
	current.state.version = current.version
	return current.state, err
}
