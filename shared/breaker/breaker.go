// Package breaker keeps a vendor that is down from being called, by all
// processes together.
//
// [Transport] is an http.RoundTripper below a vendor's client. For each host, of
// a vendor's pool, token server or discovery, it counts failed calls in a row.
// Enough of them pause the host: the pause is one item of the ledger, which every
// process reads. While it lasts each call is refused before anything is sent,
// with a [failure.Error] that matches [failure.ErrPaused] and says when to come
// back. Then exactly one call of one process goes through, the probe: when it
// succeeds calls are free again, and when it fails the next probe is due after a
// quarter of the outage's age, 5 s to 40 min.
//
// Closed, open and half-open are states of the ledger's item, not of a process.
// What a process has of its own is the count of failures, by gobreaker.
package breaker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/ledger"
)

// Config describes a [Transport]. Vendor and Ledger are required.
type Config struct {
	// Vendor is the first part of the names of its pauses, such as "webex"; the
	// second is host:port.
	Vendor string
	// Ledger keeps the pauses for all processes.
	Ledger *ledger.Ledger
	// Base sends what is let through. Nil: http.DefaultTransport.
	Base http.RoundTripper
	// PerUser says that calls carry credentials of different users, so that 429
	// and 500 may be about one of them: repeated for the same credentials they
	// count once, and a Retry-After with 503 makes a pause longer, up to 40 min, but
	// begins none. Without PerUser all calls carry the same ones, and a Retry-After
	// of 5 s or more with 429 or 503 pauses the host at once, for up to a day.
	PerUser bool
	// Alive tells of an answer with one of the failing statuses that it is no
	// sign of an outage. Nil: none is.
	Alive func(*http.Response) bool
	// Failures in a row pause the host. 0: 5.
	Failures int
	// Logger hears of pauses and of their ends. Nil: nothing is logged.
	Logger *slog.Logger
}

const defaultFailures = 5

// Transport refuses calls to hosts that are paused and sends the others. It is
// safe for concurrent use and starts no goroutines.
type Transport struct {
	cfg Config

	mu    sync.Mutex
	gates map[string]*gate // by host:port
}

// New returns a transport. It reads nothing yet; its error reports every problem.
func New(cfg Config) (*Transport, error) {
	var problems []error
	if cfg.Vendor == "" || strings.ContainsAny(cfg.Vendor, "/ ") {
		problems = append(problems, fmt.Errorf("field Vendor is %q, want a name without blanks and /", cfg.Vendor))
	}
	if cfg.Ledger == nil {
		problems = append(problems, errors.New("field Ledger is missing"))
	}
	if cfg.Failures < 0 {
		problems = append(problems, fmt.Errorf("field Failures is %d, want 1 or more, or 0 for %d", cfg.Failures, defaultFailures))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("breaker config: %w", err)
	}
	if cfg.Base == nil {
		cfg.Base = http.DefaultTransport
	}
	if cfg.Alive == nil {
		cfg.Alive = func(*http.Response) bool { return false }
	}
	if cfg.Failures == 0 {
		cfg.Failures = defaultFailures
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Transport{cfg: cfg, gates: map[string]*gate{}}, nil
}

// RoundTrip implements http.RoundTripper. The error of a call that is refused is
// a [*failure.Error] that matches [failure.ErrPaused]; every other answer and
// error is the base's own.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	g := t.gate(req.URL)
	pass, err := g.admit(req.Context())
	if err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, err
	}
	settled := false
	defer func() { // also when the base panics
		if !settled {
			g.settle(req, pass, verdict{sign: silent})
		}
	}()
	start := time.Now()
	resp, err := t.cfg.Base.RoundTrip(req)
	settled = true
	g.settle(req, pass, t.cfg.judge(req, resp, err, time.Since(start)))
	return resp, err
}

// Ready returns nil if a call to one of the targets would be let through now.
// Otherwise it is the error of the target that is due first; without targets it is
// nil. It takes no probe, but when one is due it lets only one caller of this
// process believe so. Ask it before work begins that would be in vain.
func (t *Transport) Ready(ctx context.Context, targets ...*url.URL) error {
	var soonest *failure.Error
	for _, u := range targets {
		refused := t.gate(u).refusal(ctx)
		if refused == nil {
			return nil
		}
		if soonest == nil || refused.RetryAfter < soonest.RetryAfter {
			soonest = refused
		}
	}
	if soonest == nil {
		return nil
	}
	return soonest
}

// CloseIdleConnections passes on the request of http.Client.CloseIdleConnections.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.cfg.Base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (t *Transport) gate(u *url.URL) *gate {
	host := authority(u)
	t.mu.Lock()
	defer t.mu.Unlock()
	g, known := t.gates[host]
	if !known {
		g = newGate(&t.cfg, t.cfg.Vendor+"/"+host)
		t.gates[host] = g
	}
	return g
}

// authority is host and port: a host may serve http where its https does not work.
func authority(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80"}[u.Scheme]
	}
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
