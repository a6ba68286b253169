package ledger

import (
	"context"
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
