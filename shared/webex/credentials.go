package webex

import (
	"encoding/json"
	"log/slog"
	"math"
	"time"
)

// Credentials are what a service app or integration signs in with, in the form
// in which they are kept as a secret. AccessToken alone is enough for as long
// as it lives. Printed or logged they hide everything.
type Credentials struct {
	ClientID     string `json:"clientId,omitempty"`
	ClientSecret string `json:"clientSecret,omitempty"`
	RefreshToken string `json:"refreshToken,omitempty"`
	AccessToken  string `json:"accessToken,omitempty"`
	// ExpiresAt is the end of AccessToken. Zero: not known; it is then used
	// until Webex refuses it.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
	// IssuedAt is the beginning of AccessToken. Zero: not known.
	IssuedAt time.Time `json:"issuedAt,omitzero"`
}

// unknownIssueMargin is how long before its end a token of unknown age is renewed.
const unknownIssueMargin = 24 * time.Hour

// String hides the credentials.
func (Credentials) String() string { return "webex credentials" }

// GoString hides the credentials.
func (c Credentials) GoString() string { return c.String() }

// LogValue hides the credentials.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// valid reports whether the access token can be used at now and is not the one
// that was refused.
func (c Credentials) valid(now time.Time, rejected string) bool {
	return c.AccessToken != "" && c.AccessToken != rejected && (c.ExpiresAt.IsZero() || now.Before(c.ExpiresAt))
}

// Due reports whether it is time at now to renew the access token: after half of
// its life, or a day before its end when its age is not known. It never is
// without a refresh token, or when its end is not known.
func (c Credentials) Due(now time.Time) bool {
	switch {
	case c.RefreshToken == "" || c.ExpiresAt.IsZero():
		return false
	case c.IssuedAt.IsZero():
		return !now.Before(c.ExpiresAt.Add(-unknownIssueMargin))
	}
	return !now.Before(c.IssuedAt.Add(c.ExpiresAt.Sub(c.IssuedAt) / 2))
}

// grant is what a refresh depends on. Credentials with another grant deserve
// another try after Webex found one dead.
type grant struct{ clientID, clientSecret, refreshToken string }

func (c Credentials) grant() grant { return grant{c.ClientID, c.ClientSecret, c.RefreshToken} }

// renewed returns the credentials after a refresh that answered with t.
func (c Credentials) renewed(t tokenWire, now time.Time) Credentials {
	now = now.UTC().Round(0) // without the monotonic clock, which stands still while a function is frozen
	c.AccessToken, c.IssuedAt, c.ExpiresAt = t.AccessToken, now, time.Time{}
	if t.RefreshToken != "" {
		c.RefreshToken = t.RefreshToken
	}
	if life, err := t.ExpiresIn.Float64(); err == nil && life > 0 {
		c.ExpiresAt = now.Add(time.Duration(min(life, math.MaxInt32)) * time.Second)
	}
	return c
}

// tokenWire is the answer of the token endpoint, as far as it matters.
type tokenWire struct {
	AccessToken  string      `json:"access_token"`
	RefreshToken string      `json:"refresh_token"`
	ExpiresIn    json.Number `json:"expires_in"` // seconds
}
