package httpretry

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Transport sends a request through Base and sends it again while that can help.
//
// Repeated are GET, HEAD and OPTIONS, and requests whose context was marked with
// [Repeatable]; a body must be rewindable (http.Request.GetBody). Everything
// else is sent exactly once. Which answers call for a repetition is decided by
// Retry. Between tries it waits for a jittered [Backoff] delay, or for the
// server's Retry-After plus that jitter, and gives up at once, returning the
// last response or error untouched, when the wait would exceed MaxWait or reach
// the context's deadline. A wait ends early when the context does; the
// context's error is then returned.
//
// The zero value is ready to use. Safe for concurrent use; fields must not
// change after the first request. It starts no goroutines.
type Transport struct {
	// Base sends a single try. Nil: http.DefaultTransport.
	Base http.RoundTripper
	// Tries is the most times a request is sent, the first included.
	// 0: 4. 1 or less than 0: never repeat.
	Tries int
	// Backoff spaces the tries. The zero value: see its doc.
	Backoff Backoff
	// MaxWait is the longest single wait. 0: 2 s. Less than 0: never wait, so
	// that only the first try is made.
	MaxWait time.Duration
	// Retry reports whether a try that was safe to repeat should be repeated.
	// It must not read the response's body. Nil: [Temporary].
	Retry func(Try) bool
}

// Try is one finished try of a request. Either Response or Err is set.
type Try struct {
	Request  *http.Request
	Response *http.Response
	Err      error
	Number   int // 1 for the first
}

const (
	defaultTries   = 4
	defaultMaxWait = 2 * time.Second
	// drainLimit bounds what is read of a discarded body to save its connection.
	drainLimit = 64 << 10
)

// Temporary reports whether another try can help: after a network error, 423,
// 429, 502, 503 and 504, and after a 500 on the first try only. An ended context
// and a server certificate that does not verify are final.
func Temporary(t Try) bool {
	if t.Err != nil {
		_, badCert := errors.AsType[*tls.CertificateVerificationError](t.Err)
		return !badCert && t.Request.Context().Err() == nil
	}
	switch t.Response.StatusCode {
	case http.StatusLocked, http.StatusTooManyRequests,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	case http.StatusInternalServerError:
		return t.Number == 1
	}
	return false
}

type repeatableKey struct{}

// Repeatable marks the requests made with the returned context as safe to send
// more than once, whatever their method. Use it for a POST or DELETE whose
// repetition changes nothing more.
func Repeatable(ctx context.Context) context.Context {
	return context.WithValue(ctx, repeatableKey{}, true)
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	retry := t.Retry
	if retry == nil {
		retry = Temporary
	}
	tries := cmp.Or(t.Tries, defaultTries)
	if !repeatable(req) {
		tries = 1
	}
	for n := 1; ; n++ {
		resp, err := t.base().RoundTrip(req)
		if n >= tries || succeeded(resp) || !retry(Try{req, resp, err, n}) {
			return resp, err
		}
		wait, worthwhile := t.wait(req.Context(), resp, n)
		if !worthwhile {
			return resp, err
		}
		next, rewindErr := rewind(req)
		if rewindErr != nil {
			return resp, err
		}
		req = next
		discard(resp)
		if err := pause(req.Context(), wait); err != nil {
			closeBody(req)
			return nil, fmt.Errorf("wait before try %d: %w", n+1, err)
		}
	}
}

// CloseIdleConnections passes on the request of http.Client.CloseIdleConnections.
func (t *Transport) CloseIdleConnections() {
	if c, ok := t.base().(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

func (t *Transport) base() http.RoundTripper {
	if t.Base == nil {
		return http.DefaultTransport
	}
	return t.Base
}

// wait returns how long to wait after try number n, and whether that is worth it.
func (t *Transport) wait(ctx context.Context, resp *http.Response, n int) (time.Duration, bool) {
	now, longest := time.Now(), cmp.Or(t.MaxWait, defaultMaxWait)
	wait := t.Backoff.Delay(n)
	if resp != nil {
		if after, told := RetryAfter(resp.Header, now); told {
			// The jitter spreads the crowd, but must not turn a wait that fits
			// into one that does not.
			wait = after + min(wait, max(longest-after, 0))
		}
	}
	if wait > longest {
		return 0, false
	}
	deadline, bounded := ctx.Deadline()
	return wait, !bounded || now.Add(wait).Before(deadline)
}

func repeatable(req *http.Request) bool {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return false
	}
	switch req.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	marked, _ := req.Context().Value(repeatableKey{}).(bool)
	return marked
}

// succeeded spares Retry from looking at answers that need no second try.
func succeeded(resp *http.Response) bool { return resp != nil && resp.StatusCode < 400 }

// rewind returns a request like req whose body starts anew. The caller's own
// request is never changed, as http.RoundTripper demands.
func rewind(req *http.Request) (*http.Request, error) {
	next := req.Clone(req.Context())
	if req.GetBody == nil {
		return next, nil
	}
	body, err := req.GetBody()
	if err != nil {
		return nil, fmt.Errorf("rewind body: %w", err)
	}
	next.Body = body
	return next, nil
}

// discard empties and closes a body so that its connection can be used again.
func discard(resp *http.Response) {
	if resp == nil {
		return
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, drainLimit))
	_ = resp.Body.Close()
}

// closeBody keeps RoundTripper's promise for a request that is not sent.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

func pause(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
