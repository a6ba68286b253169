package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
)

func (t *terminal) simCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "sim",
		Short: "Run a simulator of one vendor, alone",
		Long: "Run a simulator of one vendor until interrupted. One JSON line on standard output says where it\n" +
			"listens once it is ready. The control address takes fault scripts and shows state and requests;\n" +
			"see infra/sim/ucwasim/README.md and infra/sim/webexsim/README.md.",
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(t.simUCWA(), t.simWebex())
	return c
}

// simFlags are common to both simulators.
type simFlags struct {
	listen, control, dialect string
	tls                      bool
	users                    int
	seed                     uint64
	latencyMin, latencyMax   time.Duration
}

func (f *simFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.listen, "listen", "127.0.0.1:0", "address of the simulated API")
	c.Flags().StringVar(&f.control, "control", "127.0.0.1:0", "address of the control API")
	c.Flags().BoolVar(&f.tls, "tls", false, "serve https with a certificate made at start")
	c.Flags().IntVar(&f.users, "users", 200, "generated users (ucwa), or numbers at each site (webex)")
	c.Flags().Uint64Var(&f.seed, "seed", 0, "seed of everything random")
	c.Flags().StringVar(&f.dialect, "dialect", "captured", "wire form of the answers: captured or generated")
	c.Flags().DurationVar(&f.latencyMin, "latency-min", 0, "least time for an answer")
	c.Flags().DurationVar(&f.latencyMax, "latency-max", 0, "longest time for an answer")
}

// check names every bad flag at once.
func (f *simFlags) check() error {
	var problems []error
	if f.dialect != "captured" && f.dialect != "generated" {
		problems = append(problems, fmt.Errorf("--dialect %q is not a dialect: use captured or generated", f.dialect))
	}
	if f.users < 0 {
		problems = append(problems, fmt.Errorf("--users %d is negative: give 0 or more", f.users))
	}
	if f.latencyMax == 0 {
		f.latencyMax = f.latencyMin
	}
	if f.latencyMin < 0 || f.latencyMax < f.latencyMin {
		problems = append(problems, fmt.Errorf("--latency-min %s and --latency-max %s are not a range: give 0 <= min <= max", f.latencyMin, f.latencyMax))
	}
	if err := errors.Join(problems...); err != nil {
		return exitError{exitUsage, err}
	}
	return nil
}

func (t *terminal) simUCWA() *cobra.Command {
	var f simFlags
	c := &cobra.Command{
		Use:     "ucwa",
		Short:   "A Skype for Business Server as far as a UCWA client sees it",
		Long:    "Users are user00001@contoso.test with password pw-user00001, and so on.",
		Example: "  dialtone sim ucwa --listen 127.0.0.1:8443 --tls --users 1000",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			run, err := ucwasim.Start(ucwasim.Config{
				Users: f.users, Seed: f.seed, Dialect: ucwasim.Dialect(f.dialect), TLS: f.tls,
				Listen: f.listen, ControlListen: f.control, MinLatency: f.latencyMin, MaxLatency: f.latencyMax,
			})
			if err != nil {
				return err
			}
			defer run.Close()
			ready := map[string]string{"discovery": run.DiscoveryURL, "control": run.ControlURL}
			if f.tls {
				ready["certificate"] = string(run.CertificatePEM)
			}
			return t.serveUntilDone(c.Context(), ready)
		},
	}
	f.add(c)
	return c
}

func (t *terminal) serveUntilDone(ctx context.Context, ready any) error {
	if err := json.NewEncoder(t.out).Encode(ready); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

func (t *terminal) simWebex() *cobra.Command {
	var f simFlags
	c := &cobra.Command{
		Use:     "webex",
		Short:   "The number APIs of Webex Calling",
		Long:    "Three sites, each with --users numbers that a person can get and some of every other kind.",
		Example: "  dialtone sim webex --listen 127.0.0.1:8081 --control 127.0.0.1:8082 --users 5000",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			cloud, err := webexsim.New(webexsim.Config{
				Seed: f.seed, Dialect: webexsim.Dialect(f.dialect), Locations: webexsim.DefaultLocations(f.users),
				MinLatency: f.latencyMin, MaxLatency: f.latencyMax,
			})
			if err != nil {
				return err
			}
			return t.hostWebex(c.Context(), f, cloud)
		},
	}
	f.add(c)
	return c
}

func (t *terminal) hostWebex(ctx context.Context, f simFlags, cloud *webexsim.Server) error {
	ready := webexReady{AccessToken: webexsim.DefaultToken().AccessToken}
	for _, l := range cloud.Locations() {
		ready.LocationIDs = append(ready.LocationIDs, l.ID)
	}
	var secure *tls.Config
	if f.tls {
		host, _, err := net.SplitHostPort(f.listen)
		if err != nil {
			return exitError{exitUsage, fmt.Errorf("--listen %w: give host:port", err)}
		}
		var pem []byte
		if secure, pem, err = simkit.TLS(host); err != nil {
			return err
		}
		ready.Certificate = string(pem)
	}
	api, err := serve(cloud.Handler(), f.listen, secure)
	if err != nil {
		return err
	}
	defer api.Close()
	control, err := serve(cloud.Control(), f.control, nil)
	if err != nil {
		return err
	}
	defer control.Close()
	ready.BaseURL, ready.Control = api.Addr+"/v1", control.Addr
	return t.serveUntilDone(ctx, ready)
}

// webexReady is the line that says where the simulator listens.
type webexReady struct {
	BaseURL     string   `json:"baseUrl"`
	Control     string   `json:"control"`
	LocationIDs []string `json:"locationIds"`
	AccessToken string   `json:"accessToken"`
	Certificate string   `json:"certificate,omitempty"`
}

// serve starts a server; its Addr is then the URL that it is reached at.
func serve(h http.Handler, addr string, secure *tls.Config) (*http.Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, err
	}
	s := &http.Server{Handler: h, TLSConfig: secure, ReadHeaderTimeout: 10 * time.Second}
	if secure == nil {
		s.Addr = "http://" + l.Addr().String()
		go func() { _ = s.Serve(l) }()
	} else {
		s.Addr = "https://" + l.Addr().String()
		go func() { _ = s.ServeTLS(l, "", "") }()
	}
	return s, nil
}
