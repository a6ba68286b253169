package ledger

import (
	"context"
	"iter"
	"time"

	"dialtone/shared/sipaddr"
)

// Session is what is remembered of a user's sign-ins across processes.
type Session struct {
	User    sipaddr.User `json:"user"`
	Refused Refusal      `json:"refused,omitzero"`
	Expires time.Time    `json:"expires,omitzero"`
}

// Refusal records that a user's credentials were refused: until then nobody
// tries again, unless the secret has changed, since repeated tries lock
// directory accounts. The zero value is no refusal.
type Refusal struct {
	Until       time.Time `json:"until"`
	Fingerprint string    `json:"fingerprint"` // of the secret that was refused, never the secret
	Reason      string    `json:"reason"`
}

func sessionKey(u sipaddr.User) Key { return Key{KindSession, string(u)} }

func (s Session) item() Item { return Item{Key: sessionKey(s.User), Expires: s.Expires} }

// Refused returns the refusal in force for a user with the given secret;
// found is false when a sign-in may be tried.
func (l *Ledger) Refused(ctx context.Context, user sipaddr.User, fingerprint string) (r Refusal, found bool, err error) {
	rec, err := read[Session](ctx, l, sessionKey(user))
	r = rec.state.Refused
	return r, err == nil && r.Fingerprint == fingerprint && time.Now().Before(r.Until), err
}

// Refuse records that a user's credentials were refused.
func (l *Ledger) Refuse(ctx context.Context, user sipaddr.User, r Refusal) error {
	r.Until = r.Until.UTC()
	_, err := change(ctx, l, sessionKey(user), record[Session]{}, func(s Session) (Session, error) {
		if s.Refused == r {
			return s, errUnchanged
		}
		s.User, s.Refused = user, r
		s.Expires = r.Until.Truncate(time.Second).Add(time.Second)
		return s, nil
	})
	return err
}

// Pool names a location whose numbers the ledger keeps.
type Pool struct {
	LocationID string    `json:"locationId"`
	Since      time.Time `json:"since"`
}

func (p Pool) item() Item {
	return Item{Key: Key{KindPool, p.LocationID}, Index: "pools", Sort: p.LocationID}
}

// OpenPool makes a location known to [Ledger.Pools]. Opening it again is free of harm.
func (l *Ledger) OpenPool(ctx context.Context, locationID string) error {
	_, err := change(ctx, l, Key{KindPool, locationID}, record[Pool]{}, func(p Pool) (Pool, error) {
		if p.LocationID != "" {
			return p, errUnchanged
		}
		return Pool{LocationID: locationID, Since: time.Now().UTC()}, nil
	})
	return err
}

// Pools yields the locations whose numbers the ledger keeps, ascending.
func (l *Ledger) Pools(ctx context.Context) iter.Seq2[Pool, error] {
	return list[Pool](ctx, l, "pools", "", "")
}
