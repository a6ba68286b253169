package ucwasim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"dialtone/infra/sim/simkit"
)

// Running is a deployment with open ports. DiscoveryURL is also the first pool.
type Running struct {
	*Server
	DiscoveryURL string // root of discovery, with a slash at the end
	ControlURL   string // of the control API, without
	PlainURL     string // of the port that redirects to https; empty without Config.PlainListen
	// CertificatePEM is the certificate to trust; nil without Config.TLS.
	CertificatePEM []byte

	servers []*http.Server
}

// Start makes a deployment and opens its ports. Config.DiscoveryURL and PoolURLs
// are those of the ports unless they are given. Close it.
func Start(c Config) (*Running, error) {
	c = c.withDefaults()
	run := &Running{}
	ports, err := run.open(&c)
	if err != nil {
		return nil, err
	}
	run.Server, err = New(c)
	if err != nil {
		ports.close()
		return nil, err
	}
	run.DiscoveryURL = run.config.DiscoveryURL + "/"
	for _, l := range ports.pools {
		run.serve(l, run.Handler())
	}
	run.serve(ports.control, run.Control())
	if ports.plain != nil {
		run.serve(ports.plain, run.Handler())
	}
	return run, nil
}

// Close ends every connection, hanging ones too, and frees the ports.
func (r *Running) Close() error {
	r.Script().Clear()
	var errs []error
	for _, s := range r.servers {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}

func (r *Running) serve(l net.Listener, h http.Handler) {
	s := &http.Server{Handler: h, ReadHeaderTimeout: time.Minute}
	r.servers = append(r.servers, s)
	go func() { _ = s.Serve(l) }() // ends with Close; before that a listener does not fail by itself
}

// ports are the listeners of a deployment.
type ports struct {
	pools          []net.Listener
	control, plain net.Listener
}

func (p *ports) close() {
	for _, l := range append(p.pools, p.control, p.plain) {
		if l != nil {
			_ = l.Close() // nothing was served yet
		}
	}
}

// open listens and fills in the addresses of the config.
func (r *Running) open(c *Config) (*ports, error) {
	p := &ports{}
	err := r.openPools(c, p)
	if err == nil {
		p.control, err = listen(c.ControlListen)
	}
	if err == nil {
		r.ControlURL = "http://" + p.control.Addr().String()
		err = r.openPlain(c, p)
	}
	if err != nil {
		p.close()
		return nil, fmt.Errorf("ucwasim: start: %w", err)
	}
	return p, nil
}

func (r *Running) openPools(c *Config, p *ports) error {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		return err
	}
	secure, err := r.secure(c, host)
	if err != nil {
		return err
	}
	address, given := c.Listen, len(c.PoolURLs) > 0
	for range c.Pools {
		l, err := listen(address)
		if err != nil {
			return err
		}
		scheme := "http://"
		if secure != nil {
			scheme = "https://"
			p.pools = append(p.pools, tls.NewListener(l, secure))
		} else {
			p.pools = append(p.pools, l)
		}
		if !given {
			c.PoolURLs = append(c.PoolURLs, scheme+l.Addr().String())
		}
		address = net.JoinHostPort(host, "0")
	}
	if c.DiscoveryURL == "" {
		c.DiscoveryURL = c.PoolURLs[0]
	}
	return nil
}

func (r *Running) openPlain(c *Config, p *ports) error {
	if c.PlainListen == "" {
		return nil
	}
	l, err := listen(c.PlainListen)
	if err != nil {
		return err
	}
	p.plain, c.RedirectHTTP = l, true
	r.PlainURL = "http://" + l.Addr().String()
	return nil
}

func listen(address string) (net.Listener, error) {
	var lc net.ListenConfig
	return lc.Listen(context.Background(), "tcp", address)
}

// secure returns the TLS settings, nil without TLS.
func (r *Running) secure(c *Config, host string) (*tls.Config, error) {
	if !c.TLS {
		return nil, nil
	}
	settings, certPEM, err := simkit.TLS(host)
	r.CertificatePEM = certPEM
	return settings, err
}
