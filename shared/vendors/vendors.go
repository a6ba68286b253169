// Package vendors makes the clients of Webex and Skype for Business from the
// settings of a deployment, the same way on AWS and on one machine.
package vendors

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/signin"
	"dialtone/shared/ucwa"
	"dialtone/shared/webex"
	"dialtone/shared/webexsecret"
)

// Settings say which Webex and which Skype for Business to work with, and as
// whom. The variables are those of [Read].
type Settings struct {
	WebexBaseURL string  // "": https://webexapis.com/v1
	WebexSecret  string  // name of the secret with Webex's credentials
	WebexOrg     string  // "": the token's
	WebexRate    float64 // requests a second, of the whole deployment

	DiscoveryURL string // "": by the user's domain
	Auth         string // one of signin's ways
	SecretPrefix string // of the secrets with users' credentials
	BrokerURL    string // for signin.AuthBroker

	AllowHTTP bool // plain http to other machines
}

// Read reads the settings; problems are left with the reader.
func Read(r *env.Reader) Settings {
	s := Settings{
		WebexBaseURL: r.URLOr("WEBEX_BASE_URL", ""),
		WebexSecret:  r.StringOr("WEBEX_SECRET_ID", "webex"),
		WebexOrg:     r.StringOr("WEBEX_ORG_ID", ""),
		WebexRate:    r.FloatOr("WEBEX_RATE", 1.5, 0.01, 1000),
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

// Surroundings are what clients need beside their settings. Ledger and Secrets
// are required.
type Surroundings struct {
	Ledger    *ledger.Ledger
	Secrets   signin.Vault
	Processes int          // that share the Webex rate; zero: this one alone
	Logger    *slog.Logger // nil: no log
}

// Clients are the clients of both vendors.
type Clients struct {
	Webex *webex.Client
	UCWA  *ucwa.Client
}

// Connect makes the clients. It makes no call; its error reports every problem.
func (s Settings) Connect(w Surroundings) (Clients, error) {
	client := &http.Client{Transport: transport()}
	cloud, err1 := s.webex(w, client)
	skype, err2 := s.ucwa(w, client)
	return Clients{Webex: cloud, UCWA: skype}, errors.Join(err1, err2)
}

func (s Settings) webex(w Surroundings, client *http.Client) (*webex.Client, error) {
	keeper, err := webexsecret.New(webexsecret.Config{Secrets: w.Secrets, Name: s.WebexSecret, Ledger: w.Ledger, Logger: w.Logger})
	if err != nil {
		return nil, err
	}
	tokens, err := webex.NewRefresher(webex.RefresherConfig{
		BaseURL: s.WebexBaseURL, AllowHTTP: s.AllowHTTP, HTTP: client, Secrets: keeper, Logger: w.Logger,
	})
	if err != nil {
		return nil, fmt.Errorf("webex token: %w", err)
	}
	return webex.New(webex.Config{
		BaseURL: s.WebexBaseURL, OrgID: s.WebexOrg, HTTP: client, Tokens: tokens,
		Rate: s.WebexRate / float64(max(1, w.Processes)), AllowHTTP: s.AllowHTTP, Logger: w.Logger,
	})
}

func (s Settings) ucwa(w Surroundings, client *http.Client) (*ucwa.Client, error) {
	tokens, err := signin.FromSettings(signin.Settings{
		Auth: s.Auth, SecretPrefix: s.SecretPrefix, BrokerURL: s.BrokerURL, AllowHTTP: s.AllowHTTP,
		Secrets: w.Secrets, Ledger: w.Ledger, HTTP: client,
	})
	if err != nil {
		return nil, err
	}
	return ucwa.New(ucwa.Config{
		DiscoveryURL: s.DiscoveryURL, HTTP: client, AllowHTTP: s.AllowHTTP, Tokens: tokens, Logger: w.Logger,
	})
}

// transport keeps as many connections as users are worked on at a time; the
// default keeps two for each host and would open a new one for most calls.
func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	return t
}
