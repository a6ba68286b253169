package ucwa

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// Format is the representation that the client asks for and sends.
// Answers are decoded by their own content type, whatever was asked for.
type Format int

// The two formats (UCWA 2.0: Payload Format).
const (
	JSON Format = iota // application/json, the default
	XML                // application/xml
)

func (f Format) mediaType() string {
	if f == XML {
		return "application/xml"
	}
	return "application/json"
}

const (
	defaultCallTimeout = 10 * time.Second
	maxInputLength     = 100 // culture, endpointId, userAgent (UCWA 2.0: applications)
	// idleConnsPerHost keeps the connections of a whole batch of users open:
	// one deployment has few pools, and all users of a pool share its host.
	idleConnsPerHost = 64
)

// Config says how a [Client] reaches and presents itself to UCWA. The zero
// value of each field but Tokens is usable.
type Config struct {
	// HTTP carries the requests; its cookie jar and redirect policy are not
	// used. A timeout of its own must allow for the wait of an event request.
	// Nil: a client without one that keeps connections open.
	HTTP *http.Client
	// DiscoveryURL is the Autodiscover root for all users. Empty:
	// https://lyncdiscoverinternal.<domain>/ and then
	// https://lyncdiscover.<domain>/ of the user's domain.
	DiscoveryURL string
	// Tokens signs users in. Required.
	Tokens TokenSource
	// Service names this service, at most 100 characters; default "dialtone".
	// User and service together identify the application, so two deployments
	// that serve the same users need two names.
	Service string
	// UserAgent names the program to the server, at most 100 characters;
	// default "dialtone". Server policy may refuse names.
	UserAgent string
	// Culture is the language of server messages, at most 100 characters;
	// default "en-US".
	Culture string
	// Format is JSON (the default) or XML.
	Format Format
	// AllowHTTP accepts plain http from any host. Without it plain http is
	// accepted from loopback addresses only.
	AllowHTTP bool
	// TrustedDomains lists domains (and single hosts) outside the user's own
	// domain to which a discovery answer that did not come over https may
	// redirect. Each entry stands for itself and everything below it.
	TrustedDomains []string
	// CallTimeout bounds each HTTP exchange but event requests, and each token
	// request; default 10 s. The caller's context bounds the whole operation.
	CallTimeout time.Duration
	// Logger gets one debug line for each exchange, without tokens, paths or
	// numbers. Nil: nothing is logged.
	Logger *slog.Logger
}

// withDefaults returns the configuration with every empty field filled in.
func (c Config) withDefaults() Config {
	c.HTTP = plainClient(c.HTTP)
	c.Service = orDefault(c.Service, "dialtone")
	c.UserAgent = orDefault(c.UserAgent, "dialtone")
	c.Culture = orDefault(c.Culture, "en-US")
	if c.CallTimeout == 0 {
		c.CallTimeout = defaultCallTimeout
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// validate reports every problem of a configuration with defaults filled in.
func (c Config) validate() error {
	var problems []error
	if c.Tokens == nil {
		problems = append(problems, errors.New("no Tokens: give a TokenSource, such as a PasswordGrant"))
	}
	if c.DiscoveryURL != "" {
		if err := c.checkDiscoveryURL(); err != nil {
			problems = append(problems, fmt.Errorf("DiscoveryURL %w", err))
		}
	}
	for _, f := range []struct{ name, value string }{
		{"Service", c.Service}, {"UserAgent", c.UserAgent}, {"Culture", c.Culture},
	} {
		if n := utf8.RuneCountInString(f.value); n > maxInputLength {
			problems = append(problems, fmt.Errorf("%s has %d characters: at most %d", f.name, n, maxInputLength))
		}
	}
	if c.Format != JSON && c.Format != XML {
		problems = append(problems, fmt.Errorf("unknown Format %d: JSON or XML", c.Format))
	}
	if c.CallTimeout < 0 {
		problems = append(problems, fmt.Errorf("CallTimeout %s is negative", c.CallTimeout))
	}
	for _, d := range c.TrustedDomains {
		if strings.Trim(d, ". ") == "" || strings.ContainsAny(d, "/:@*") {
			problems = append(problems, fmt.Errorf("TrustedDomains entry %q is not a domain: write it as contoso.com", d))
		}
	}
	return errors.Join(problems...)
}

func (c Config) checkDiscoveryURL() error {
	u, err := url.Parse(c.DiscoveryURL)
	switch {
	case err != nil:
		return errors.New("is not a URL")
	case u.Host == "" || u.User != nil:
		return errors.New("must be https://host/ without user information")
	}
	return c.checkScheme(u)
}

// checkScheme refuses a URL over which no request may be sent.
func (c Config) checkScheme(u *url.URL) error {
	switch {
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && (c.AllowHTTP || loopback(u)):
		return nil
	case u.Scheme == "http":
		return fmt.Errorf("uses plain http to %s, which is not a loopback address: %w", u.Host, ErrUntrusted)
	}
	return fmt.Errorf("has scheme %q: %w", u.Scheme, ErrUntrusted)
}

func loopback(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return strings.EqualFold(u.Hostname(), "localhost") || ip != nil && ip.IsLoopback()
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// plainClient returns a copy of hc that neither follows redirects nor keeps
// cookies: a redirect is judged before it is followed, and a cookie of one
// user must not ride on a request for another.
func plainClient(hc *http.Client) *http.Client {
	var c http.Client
	if hc != nil {
		c = *hc
	} else if t, ok := http.DefaultTransport.(*http.Transport); ok {
		t = t.Clone()
		t.MaxIdleConnsPerHost = idleConnsPerHost
		c.Transport = t
	}
	c.Jar = nil
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}
