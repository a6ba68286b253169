// Package vendors makes the clients of Webex and Skype for Business from the
// settings of a deployment, the same way on AWS and on one machine.
package vendors

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"dialtone/shared/breaker"
	"dialtone/shared/command"
	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/signin"
	"dialtone/shared/ucwa"
	"dialtone/shared/vendors/webexcloud"
	"dialtone/shared/webex"
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
	cloud := webexcloud.Read(r)
	s := Settings{
		WebexBaseURL: cloud.BaseURL,
		WebexSecret:  cloud.Secret,
		WebexOrg:     cloud.Org,
		WebexRate:    cloud.Rate,
		AllowHTTP:    cloud.AllowHTTP,
		DiscoveryURL: r.URLOr("UCWA_DISCOVERY_URL", ""),
		Auth:         r.OneOfOr("UCWA_AUTH", signin.AuthPassword, signin.AuthPassword, signin.AuthBroker, signin.AuthOAuth),
		SecretPrefix: r.StringOr("UCWA_SECRET_PREFIX", "ucwa/"),
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

	// Service is the name of this program to Skype for Business. Two programs that
	// work on the same users at a time need two, or one ends the other's
	// applications. "": that of the functions.
	Service string

	Network http.RoundTripper // carries all calls. Nil: connections of its own
}

// Clients are the clients of both vendors. A host of either that fails again and
// again is paused for all processes that share the ledger: see package breaker.
type Clients struct {
	Webex *webex.Client
	UCWA  *ucwa.Client

	cloud, skype *breaker.Transport
}

// Connect makes the clients. It makes no call; its error reports every problem.
func (s Settings) Connect(w Surroundings) (c Clients, err error) {
	if w.Network == nil {
		w.Network = transport()
	}
	var problems [2]error
	c.Webex, c.cloud, problems[0] = s.webex(w)
	c.skype, err = breaker.New(breaker.Config{
		Vendor: "ucwa", Ledger: w.Ledger, Base: w.Network, PerUser: true, Alive: ucwa.WrongPool, Logger: w.Logger,
	})
	if err != nil {
		return c, errors.Join(problems[0], err)
	}
	c.UCWA, problems[1] = s.ucwa(w, &http.Client{Transport: c.skype})
	return c, errors.Join(problems[:]...)
}

// ConnectWebex makes the client of Webex alone, as Connect does.
func (s Settings) ConnectWebex(w Surroundings) (*webex.Client, error) {
	if w.Network == nil {
		w.Network = transport()
	}
	client, _, err := s.webex(w)
	return client, err
}

// Ready returns nil unless a vendor is paused that the command needs: then a
// [*failure.Error] that matches [failure.ErrPaused] and says when to come back.
// Ask before work begins that would be in vain.
func (c Clients) Ready(ctx context.Context, cmd command.Command) error {
	if _, assigns := cmd.Data.(command.Assign); assigns {
		if err := c.cloud.Ready(ctx, c.Webex.BaseURL()); err != nil {
			return err
		}
	}
	return c.skype.Ready(ctx, c.UCWA.Next(cmd.User)...)
}

func (s Settings) webex(w Surroundings) (*webex.Client, *breaker.Transport, error) {
	cloud := webexcloud.Settings{BaseURL: s.WebexBaseURL, Secret: s.WebexSecret, Org: s.WebexOrg, Rate: s.WebexRate, AllowHTTP: s.AllowHTTP}
	return cloud.Connect(webexcloud.Surroundings{
		Ledger: w.Ledger, Secrets: w.Secrets, Processes: w.Processes, Network: w.Network, Logger: w.Logger,
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
		DiscoveryURL: s.DiscoveryURL, HTTP: client, AllowHTTP: s.AllowHTTP, Tokens: tokens, Service: w.Service, Logger: w.Logger,
	})
}

// transport keeps as many connections as users are worked on at a time; the
// default keeps two for each host and would open a new one for most calls.
func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	return t
}
