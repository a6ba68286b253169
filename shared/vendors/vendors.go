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
	"dialtone/shared/vendors/skype"
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
	cloud, pools := webexcloud.Read(r), skype.Read(r)
	return Settings{
		WebexBaseURL: cloud.BaseURL, WebexSecret: cloud.Secret, WebexOrg: cloud.Org, WebexRate: cloud.Rate,
		DiscoveryURL: pools.DiscoveryURL, Auth: pools.Auth, SecretPrefix: pools.SecretPrefix, BrokerURL: pools.BrokerURL,
		AllowHTTP: cloud.AllowHTTP,
	}
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
	var problems [2]error
	c.Webex, c.cloud, problems[0] = s.webex(w)
	c.UCWA, c.skype, problems[1] = s.ucwa(w)
	return c, errors.Join(problems[:]...)
}

// ConnectWebex makes the client of Webex alone, as Connect does.
func (s Settings) ConnectWebex(w Surroundings) (*webex.Client, error) {
	client, _, err := s.webex(w)
	return client, err
}

// ConnectUCWA makes the client of Skype for Business alone, as Connect does.
// ready is [Clients.Ready] for commands that need nobody else.
func (s Settings) ConnectUCWA(w Surroundings) (client *ucwa.Client, ready func(context.Context, command.Command) error, err error) {
	c := Clients{}
	c.UCWA, c.skype, err = s.ucwa(w)
	return c.UCWA, c.Ready, err
}

// Ready returns nil unless a vendor is paused that the command needs: then a
// [*failure.Error] that matches [failure.ErrPaused] and says when to come back.
// Ask before work begins that would be in vain.
func (c Clients) Ready(ctx context.Context, cmd command.Command) error {
	if _, assigns := cmd.Data.(command.Assign); assigns && c.cloud != nil {
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

func (s Settings) ucwa(w Surroundings) (*ucwa.Client, *breaker.Transport, error) {
	pools := skype.Settings{
		DiscoveryURL: s.DiscoveryURL, Auth: s.Auth, SecretPrefix: s.SecretPrefix, BrokerURL: s.BrokerURL, AllowHTTP: s.AllowHTTP,
	}
	return pools.Connect(skype.Surroundings{
		Ledger: w.Ledger, Secrets: w.Secrets, Service: w.Service, Network: w.Network, Logger: w.Logger,
	})
}
