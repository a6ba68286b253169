package webex

import (
	"context"
	"log/slog"
)

// TokenSource gives the bearer token of each request: a [StaticToken] or a
// [Refresher]. Safe for concurrent use.
type TokenSource interface {
	// Token returns a token that is believed to be good.
	Token(ctx context.Context) (string, error)
	// Refresh returns a token other than rejected, which Webex has just refused
	// with a 401. It is called at most once for a request.
	Refresh(ctx context.Context, rejected string) (string, error)
}

const refreshOperation = "refreshToken"

// StaticToken is a token that is never renewed, such as the one the developer
// portal gives for tests. Once Webex refuses it, calls fail as denied.
func StaticToken(token string) TokenSource { return static{token} }

type static struct{ token string }

func (s static) Token(context.Context) (string, error) {
	if s.token == "" {
		return "", denied("the access token is empty", nil)
	}
	return s.token, nil
}

func (s static) Refresh(context.Context, string) (string, error) {
	return "", denied("the access token was refused and can't be renewed", nil)
}

// String hides the token from logs.
func (static) String() string { return "static token" }

// GoString hides the token from logs.
func (s static) GoString() string { return s.String() }

// LogValue hides the token from logs.
func (s static) LogValue() slog.Value { return slog.StringValue(s.String()) }
