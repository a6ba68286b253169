package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
)

// restAfterRefusal is how long refused credentials are left alone: repeated
// tries lock directory accounts.
const restAfterRefusal = 30 * time.Minute

// timeToRemember bounds the write of a refusal.
const timeToRemember = time.Second

// Guard asks Source for tokens, except for credentials that were refused less
// than 30 minutes ago by any process: those are denied without a call, unless
// the secret has changed since.
type Guard struct {
	Source      ucwa.TokenSource
	Ledger      *ledger.Ledger
	Fingerprint func(context.Context, sipaddr.User) (string, error)
}

// Token implements [ucwa.TokenSource].
func (g *Guard) Token(ctx context.Context, r ucwa.TokenRequest) (ucwa.Token, error) {
	secret, err := g.Fingerprint(ctx, r.User)
	if err != nil {
		return ucwa.Token{}, err
	}
	refusal, refused, err := g.Ledger.Refused(ctx, r.User, secret)
	if err != nil {
		return ucwa.Token{}, err
	}
	if refused {
		return ucwa.Token{}, &failure.Error{
			Class:  failure.Denied,
			Reason: "the user's credentials were refused a short while ago: " + refusal.Reason,
			Advice: fmt.Sprintf("Correct the user's secret, then replay the request; unchanged credentials are not tried before %s.", refusal.Until.UTC().Format(time.RFC3339)),
		}
	}
	t, err := g.Source.Token(ctx, r)
	if e := ucwa.As(err); e != nil && e.Code == "invalid_grant" {
		err = errors.Join(err, g.remember(ctx, r.User, secret, e.Code))
	}
	return t, err
}

// remember writes a refusal down, also when the request's time is up: what is
// forgotten is tried again.
func (g *Guard) remember(ctx context.Context, user sipaddr.User, secret, reason string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeToRemember)
	defer cancel()
	return g.Ledger.Refuse(ctx, user, ledger.Refusal{Until: time.Now().Add(restAfterRefusal), Fingerprint: secret, Reason: reason})
}
