// Package webexcloud makes the Webex client of a deployment from its settings: with
// its credentials kept in a secret, its share of the rate, and calls that stop
// while Webex is down.
package webexcloud

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"dialtone/shared/breaker"
	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/webex"
	"dialtone/shared/webexsecret"
)

// Settings say which Webex to work with, and as whom. The variables are those of
// [Read].
type Settings struct {
	BaseURL   string  // "": https://webexapis.com/v1
	Secret    string  // name of the secret with the credentials
	Org       string  // "": the token's
	Rate      float64 // requests a second, of the whole deployment
	AllowHTTP bool    // plain http to other machines
}

// Read reads the settings; problems are left with the reader.
func Read(r *env.Reader) Settings {
	return Settings{
		BaseURL:   r.URLOr("WEBEX_BASE_URL", ""),
		Secret:    r.StringOr("WEBEX_SECRET_ID", "webex"),
		Org:       r.StringOr("WEBEX_ORG_ID", ""),
		Rate:      r.FloatOr("WEBEX_RATE", 1.5, 0.01, 1000),
		AllowHTTP: r.BoolOr(env.AllowHTTP, false),
	}
}

// Surroundings are what the client needs beside its settings. All are required but
// Processes, Network and Logger.
type Surroundings struct {
	Ledger    *ledger.Ledger
	Secrets   webexsecret.Secrets
	Processes int               // that share the rate; zero: this one alone
	Network   http.RoundTripper // carries all calls. Nil: http.DefaultTransport
	Logger    *slog.Logger      // nil: no log
}

// Connect makes the client, and the breaker that its calls go through. It makes no
// call; its error reports every problem.
func (s Settings) Connect(w Surroundings) (*webex.Client, *breaker.Transport, error) {
	paused, err := breaker.New(breaker.Config{Vendor: "webex", Ledger: w.Ledger, Base: w.Network, Logger: w.Logger})
	keeper, keeperErr := webexsecret.New(webexsecret.Config{Secrets: w.Secrets, Name: s.Secret, Ledger: w.Ledger, Logger: w.Logger})
	if err := errors.Join(err, keeperErr); err != nil {
		return nil, nil, err
	}
	calls := &http.Client{Transport: paused}
	tokens, err := webex.NewRefresher(webex.RefresherConfig{
		BaseURL: s.BaseURL, AllowHTTP: s.AllowHTTP, HTTP: calls, Secrets: keeper, Logger: w.Logger,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("webex token: %w", err)
	}
	client, err := webex.New(webex.Config{
		BaseURL: s.BaseURL, OrgID: s.Org, HTTP: calls, Tokens: tokens,
		Rate: s.Rate / float64(max(1, w.Processes)), AllowHTTP: s.AllowHTTP, Logger: w.Logger,
	})
	return client, paused, err
}
