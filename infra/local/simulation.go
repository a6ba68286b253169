package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"dialtone/events/sample/onboarding"
	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/numberpool"
	"dialtone/shared/signin"
	"dialtone/shared/sipaddr"
	"dialtone/shared/vendors"
)

// Simulation is both vendors, simulated in this process on loopback ports.
type Simulation struct {
	Skype *ucwasim.Running
	Webex *webexsim.Server

	settings Settings
	server   *http.Server
}

// Latency bounds the time that a simulated vendor takes for each answer.
type Latency struct{ Min, Max time.Duration }

// Simulate starts both vendors for an organisation.
func Simulate(org onboarding.Organisation, l Latency) (*Simulation, error) {
	cloud, err := webexsim.New(webexConfig(org.Webex, l))
	if err != nil {
		return nil, fmt.Errorf("simulate Webex: %w", err)
	}
	port, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("simulate Webex: %w", err)
	}
	s := &Simulation{Webex: cloud, server: &http.Server{Handler: cloud.Handler(), ReadHeaderTimeout: 10 * time.Second}}
	go func() { _ = s.server.Serve(port) }()
	if s.Skype, err = ucwasim.Start(skypeConfig(org.UCWA, l)); err != nil {
		return nil, errors.Join(fmt.Errorf("simulate Skype for Business: %w", err), s.server.Close())
	}
	s.settings = Settings{
		Settings: vendors.Settings{
			WebexBaseURL: "http://" + port.Addr().String() + "/v1", WebexSecret: "webex", WebexRate: 50,
			DiscoveryURL: s.Skype.DiscoveryURL, SecretPrefix: "ucwa/",
		},
		UCWAConcurrency: defaultConcurrency, Quarantine: 30 * 24 * time.Hour, Thresholds: numberpool.DefaultThresholds(), Secrets: simulatedSecrets{},
	}
	return s, nil
}

// Settings lead to the simulated vendors.
func (s *Simulation) Settings() Settings { return s.settings }

// LightFaults makes a few calls go wrong, as they do on any day: lost answers,
// throttling, a web server's error page. It is the same few for every run.
func (s *Simulation) LightFaults() error {
	_, err := s.Skype.Script().Add(
		simkit.Fault{Name: "answer lost", Operation: "changeNumber", ResetAfter: true, Rate: 0.05},
		simkit.Fault{Name: "web server error page", Operation: "phones", Status: 503, HTML: true, Rate: 0.02},
		simkit.Fault{Name: "application evicted", Operation: "phones", Status: 404, Code: "NotFound", Subcode: "ApplicationNotFound", Rate: 0.02},
		simkit.Fault{Name: "torn answer", Operation: "applications", Apply: true, Truncate: 100, Rate: 0.02},
	)
	if err != nil {
		return err
	}
	_, err = s.Webex.Script().Add(
		simkit.Fault{Name: "throttled", Status: 429, Header: map[string]string{"Retry-After": "1"}, Rate: 0.05},
	)
	return err
}

// Close ends the simulation with every connection to it.
func (s *Simulation) Close() error { return errors.Join(s.Skype.Close(), s.server.Close()) }

func webexConfig(w onboarding.Webex, l Latency) webexsim.Config {
	sites := webexsim.DefaultLocations(0)
	var locations []webexsim.Location
	for _, site := range w.Sites {
		i := slices.IndexFunc(sites, func(d webexsim.Location) bool { return d.Name == site.Name })
		location := webexsim.Location{Name: site.Name, Prefix: "+1555"}
		if i >= 0 {
			location = sites[i]
		}
		location.ID, location.Numbers = site.ID, site.Numbers
		locations = append(locations, location)
	}
	return webexsim.Config{
		Seed: w.Seed, PageLimit: w.PageLimit, Locations: locations, MinLatency: l.Min, MaxLatency: l.Max,
	}
}

func skypeConfig(u onboarding.UCWA, l Latency) ucwasim.Config {
	return ucwasim.Config{
		Users: u.Users, Domain: u.Domain, MinLatency: l.Min, MaxLatency: l.Max,
		Each: func(_ int, user *ucwasim.User) {
			user.NoEnterpriseVoice = slices.Contains(u.NoEnterpriseVoice, user.URI)
			for _, ad := range u.ADOwned {
				if ad.User == user.URI {
					user.ADOwned = ad.PhoneTypes
				}
			}
			if p, found := u.Passwords[user.URI]; found {
				user.Password = p
			}
		},
	}
}

// simulatedSecrets knows the simulated administrator's token and the passwords
// that generated users have unless the organisation changed them.
type simulatedSecrets struct{}

func (simulatedSecrets) Secret(_ context.Context, name string) ([]byte, error) {
	if name == "webex" {
		return json.Marshal(map[string]string{"accessToken": webexsim.DefaultToken().AccessToken})
	}
	user := sipaddr.User(strings.TrimPrefix(name, "ucwa/"))
	if user.Domain() == "" {
		return nil, signin.ErrNoSecret
	}
	return json.Marshal(map[string]string{"username": string(user), "password": "pw-" + user.LocalPart()})
}

func (simulatedSecrets) Save(context.Context, string, []byte) error {
	return errors.New("simulated secrets do not change")
}
