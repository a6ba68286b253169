package webex

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Config says which Webex to talk to, as whom, and how fast.
// Tokens is required; everything else has a default.
type Config struct {
	// BaseURL of the API, without the operation's path. Empty:
	// https://webexapis.com/v1. The government cloud has
	// https://api-usgov.webex.com/v1. Plain http only on a loopback address, or
	// with AllowHTTP.
	BaseURL string
	// OrgID is the organisation every call is about unless its options name
	// another; at most 128 characters. Empty: the token's own, which for a
	// partner's token is the partner and not the customer.
	OrgID string
	// HTTP sends the requests. Its Transport is used below the client's own
	// retries, its CheckRedirect is not used: redirects are not followed, since
	// they would carry the token along. Nil: a client with
	// http.DefaultTransport.
	HTTP *http.Client
	// Tokens gives the bearer tokens. Required.
	Tokens TokenSource
	// Rate is how many requests a second all callers of the client make
	// together in the long run, retries included. 0: 1.5.
	Rate float64
	// Burst is how many requests may be made at once after a quiet time. 0: 10.
	Burst int
	// AllowHTTP permits plain http to addresses that are not loopback.
	AllowHTTP bool
	// CallTimeout bounds one request with its token, waits and repetitions. A
	// page that is fetched again in a smaller size is a request of its own.
	// 0: 10 s.
	CallTimeout time.Duration
	// MaxWait is the longest single wait inside a request, for the rate limit, a
	// Retry-After or a backoff. What would take longer is returned instead, as
	// an *Error with RetryAfter. 0: 2 s.
	MaxWait time.Duration
	// Logger hears of each try (debug) and of odd answers (warn). It is given
	// no token and no phone number. Nil: nothing is logged.
	Logger *slog.Logger
}

const (
	defaultBaseURL     = "https://webexapis.com/v1"
	defaultRate        = 1.5
	defaultBurst       = 10
	defaultCallTimeout = 10 * time.Second
	defaultMaxWait     = 2 * time.Second
	longestID          = 128 // characters of an orgId or locationId
)

// withDefaults fills in what was left zero.
func (c Config) withDefaults() Config {
	c.BaseURL = cmp.Or(c.BaseURL, defaultBaseURL)
	c.Rate = cmp.Or(c.Rate, defaultRate)
	c.Burst = cmp.Or(c.Burst, defaultBurst)
	c.CallTimeout = cmp.Or(c.CallTimeout, defaultCallTimeout)
	c.MaxWait = cmp.Or(c.MaxWait, defaultMaxWait)
	c.HTTP = cmp.Or(c.HTTP, &http.Client{})
	c.Logger = cmp.Or(c.Logger, slog.New(slog.DiscardHandler))
	return c
}

// check reports every bad field at once, of a Config with its defaults.
func (c Config) check() (base *url.URL, err error) {
	base, err = parseBase(c.BaseURL, c.AllowHTTP)
	problems := []error{err}
	report := func(bad bool, format string, args ...any) {
		if bad {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	report(c.Tokens == nil, "no Tokens given")
	report(len(c.OrgID) > longestID, "OrgID has %d characters, at most %d are allowed", len(c.OrgID), longestID)
	report(!(c.Rate > 0), "Rate %v is not a positive number of requests per second", c.Rate)
	report(c.Burst < 1, "Burst %d is less than 1", c.Burst)
	report(c.CallTimeout < 0, "CallTimeout %v is negative", c.CallTimeout)
	report(c.MaxWait < 0, "MaxWait %v is negative", c.MaxWait)
	return base, errors.Join(problems...)
}

// parseBase accepts an absolute http(s) URL that a token may be sent to.
func parseBase(raw string, allowHTTP bool) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(raw, "/"))
	switch {
	case err != nil: // the error would quote the URL, which may hold a password
		return nil, errors.New("BaseURL is not a URL")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		return nil, errors.New("BaseURL must start with https:// and name a host")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("BaseURL must have no user, query or fragment")
	case u.Scheme == "http" && !allowHTTP && !loopback(u.Hostname()):
		return nil, errors.New("BaseURL is plain http to a host that is not loopback: use https, or set AllowHTTP")
	}
	return u, nil
}

func loopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}
