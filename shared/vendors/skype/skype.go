// Package skype makes the Skype for Business client of a deployment from its
// settings: with users' credentials as the deployment has them, and calls that
// stop for a pool while it is down.
package skype

import (
	"log/slog"
	"net/http"

	"dialtone/shared/breaker"
	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/signin"
	"dialtone/shared/ucwa"
)

// Settings say which Skype for Business to work with, and as whom. The variables
// are those of [Read].
type Settings struct {
	DiscoveryURL string // "": by the user's domain
	Auth         string // one of signin's ways
	SecretPrefix string // of the secrets with users' credentials
	BrokerURL    string // for signin.AuthBroker
	AllowHTTP    bool   // plain http to other machines
}

// Read reads the settings; problems are left with the reader.
func Read(r *env.Reader) Settings {
	s := Settings{
		DiscoveryURL: r.URLOr("UCWA_DISCOVERY_URL", ""),
		Auth:         r.OneOfOr("UCWA_AUTH", signin.AuthPassword, signin.AuthPassword, signin.AuthBroker, signin.AuthOAuth),
		SecretPrefix: r.StringOr("UCWA_SECRET_PREFIX", "ucwa/"),
		AllowHTTP:    r.BoolOr(env.AllowHTTP, false),
	}
	if s.Auth == signin.AuthBroker {
		s.BrokerURL = r.URL("UCWA_BROKER_URL")
	}
	return s
}

// Surroundings are what the client needs beside its settings. Ledger and Secrets
// are required.
type Surroundings struct {
	Ledger  *ledger.Ledger
	Secrets signin.Vault

	// Service is the name of this program to Skype for Business. Two programs that
	// work on the same users at a time need two, or one ends the other's
	// applications. "": the client's default.
	Service string

	Network http.RoundTripper // carries all calls. Nil: connections of its own
	Logger  *slog.Logger      // nil: no log
}

// Connect makes the client, and the breaker that its calls go through. It makes no
// call; its error reports every problem.
func (s Settings) Connect(w Surroundings) (*ucwa.Client, *breaker.Transport, error) {
	if w.Network == nil {
		w.Network = connections()
	}
	paused, err := breaker.New(breaker.Config{
		Vendor: "ucwa", Ledger: w.Ledger, Base: w.Network, PerUser: true, Alive: ucwa.WrongPool, Logger: w.Logger,
	})
	if err != nil {
		return nil, nil, err
	}
	calls := &http.Client{Transport: paused}
	tokens, err := signin.FromSettings(signin.Settings{
		Auth: s.Auth, SecretPrefix: s.SecretPrefix, BrokerURL: s.BrokerURL, AllowHTTP: s.AllowHTTP,
		Secrets: w.Secrets, Ledger: w.Ledger, HTTP: calls,
	})
	if err != nil {
		return nil, nil, err
	}
	client, err := ucwa.New(ucwa.Config{
		DiscoveryURL: s.DiscoveryURL, HTTP: calls, AllowHTTP: s.AllowHTTP, Tokens: tokens, Service: w.Service, Logger: w.Logger,
	})
	return client, paused, err
}

// connections keeps as many as users are worked on at a time; the default keeps
// two for each host and would open a new one for most calls.
func connections() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	return t
}
