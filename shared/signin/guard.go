package signin

import (
	"context"
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
	print, err := g.Fingerprint(ctx, r.User)
	if err != nil {
		return ucwa.Token{}, err
	}
	refusal, refused, err := g.Ledger.Refused(ctx, r.User, print)
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
		if err := g.Ledger.Refuse(ctx, r.User, ledger.Refusal{Until: time.Now().Add(restAfterRefusal), Fingerprint: print, Reason: e.Code}); err != nil {
			return ucwa.Token{}, err
		}
	}
	return t, err
}
