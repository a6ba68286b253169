package ucwa

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/httpretry"
)

const (
	maxBody  = 4 << 20         // bytes of an answer; a thousand contacts have some 1.5 MB
	maxTries = 3               // of a call that can be repeated without harm
	maxPause = 2 * time.Second // longest Retry-After that is waited for; more is the caller's
)

var errTooLarge = fmt.Errorf("body over %d bytes: %w", maxBody, ErrUnreadable)

// request is one call of an operation.
type request struct {
	operation string
	method    string
	url       *url.URL
	input     payload // nil: no body
	ifMatch   string  // version that a PUT replaces, unquoted
	effect    effect
	yields    bool          // success must carry a resource
	once      bool          // not repeated, because there is another way to go on
	token     string        // empty: no Authorization
	mediaType string        // asked for; empty: that of the configured format
	timeout   time.Duration // of each exchange; 0: the call timeout
}

// exchange makes a call, and again where that is safe and may help.
func (c *Client) exchange(ctx context.Context, r request) (*resource, error) {
	for n := 1; ; n++ {
		res, err := c.attempt(ctx, r)
		e := As(err)
		if e == nil || n == maxTries || r.once || r.effect == changes || !e.passing() {
			return res, err
		}
		if !pause(ctx, e, n) {
			return nil, err
		}
	}
}

// pause waits before the next try and reports false where it is not worth it:
// a wait that belongs to the caller, or that the deadline cuts off.
func pause(ctx context.Context, e *Error, n int) bool {
	if e.Status == http.StatusTooManyRequests && e.RetryAfter == 0 || e.RetryAfter > maxPause {
		return false
	}
	wait := e.RetryAfter + httpretry.Backoff{Base: 100 * time.Millisecond, Cap: time.Second}.Delay(n)
	if deadline, ok := ctx.Deadline(); ok && time.Now().Add(wait).After(deadline) {
		return false
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// attempt makes a call once, within the call timeout.
func (c *Client) attempt(ctx context.Context, r request) (*resource, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(r.timeout, c.cfg.CallTimeout))
	defer cancel()
	req, err := c.newRequest(ctx, r)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	rep, err := transmit(c.cfg.HTTP, req)
	e := describe(r.operation, req, rep)
	c.log(ctx, e, time.Since(start))
	switch {
	case err != nil:
		return nil, e.lost(r.effect, rep.sent, err)
	case rep.status < 200 || rep.status > 299:
		return nil, e.judge(r.effect, rep)
	}
	res, err := r.accept(rep)
	if err != nil {
		return nil, e.unread(r.effect, err)
	}
	return res, nil
}

func (c *Client) newRequest(ctx context.Context, r request) (*http.Request, error) {
	if err := c.cfg.checkScheme(r.url); err != nil {
		return nil, refused(r.operation, failure.Denied, fmt.Errorf("link %w", err))
	}
	body, err := r.body(c.cfg.Format)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.url.String(), bytes.NewReader(body))
	if err != nil {
		return nil, refused(r.operation, failure.Denied, fmt.Errorf("link is not usable: %w", ErrUntrusted))
	}
	req.Header.Set("Accept", orDefault(r.mediaType, c.cfg.Format.mediaType()))
	req.Header.Set("User-Agent", c.cfg.UserAgent)
	if len(body) > 0 {
		req.Header.Set("Content-Type", c.cfg.Format.mediaType()+"; charset=utf-8")
	}
	if r.ifMatch != "" {
		req.Header.Set("If-Match", `"`+r.ifMatch+`"`)
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	return req, nil
}

func (r request) body(f Format) ([]byte, error) {
	if r.input == nil {
		return nil, nil
	}
	body, err := r.input.encode(f)
	if err != nil {
		return nil, refused(r.operation, failure.Invalid, fmt.Errorf("encode input: %w", err))
	}
	return body, nil
}

// accept reads the answer of a successful call. A call that yields nothing
// must not answer with a page for people: then something in front of UCWA did.
func (r request) accept(rep reply) (*resource, error) {
	switch {
	case rep.bodyErr != nil:
		return nil, rep.bodyErr
	case !r.yields && (len(rep.body) == 0 || formatOf(rep.contentType()) != unknownFormat):
		return newResource(), nil
	}
	res, err := decode(rep.contentType(), rep.body)
	if err != nil {
		return nil, err
	}
	res.settle(r.url)
	res.etag = bareETag(rep.header.Get("ETag"))
	return res, nil
}

func (c *Client) log(ctx context.Context, e *Error, took time.Duration) {
	host, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(e.URL, "https://"), "http://"), "/")
	c.cfg.Logger.LogAttrs(ctx, slog.LevelDebug, "ucwa call",
		slog.String("operation", e.Operation), slog.String("method", e.Method), slog.String("host", host),
		slog.Int("status", e.Status), slog.String("server", e.Server),
		slog.String("diagnostics", e.Diagnostics), slog.Duration("took", took))
}

// reply is an HTTP answer, read whole.
type reply struct {
	status  int
	header  http.Header
	body    []byte
	bodyErr error // the body is cut off or too large
	sent    bool  // the request may have reached the server
}

func (r reply) contentType() string { return r.header.Get("Content-Type") }

// transmit sends one request and reads its answer.
func transmit(hc *http.Client, req *http.Request) (reply, error) {
	if err := req.Context().Err(); err != nil {
		return reply{}, err
	}
	var line line
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), line.trace()))
	resp, err := hc.Do(req)
	if err != nil {
		return reply{sent: line.maySend()}, withoutURL(err)
	}
	defer resp.Body.Close()
	rep := reply{status: resp.StatusCode, header: resp.Header, sent: true}
	rep.body, err = io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		rep.bodyErr = fmt.Errorf("body cut off: %w: %w", ErrUnreadable, err)
	case len(rep.body) > maxBody:
		rep.body, rep.bodyErr = nil, errTooLarge
	}
	return rep, nil
}

// withoutURL strips the URL that net/http puts into its errors.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// line watches whether a request got a connection. As long as it is still
// waiting for one, nothing was sent. A transport that reports nothing is taken
// to have sent the request.
type line struct{ dialing atomic.Bool }

func (l *line) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { l.dialing.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { l.dialing.Store(false) },
	}
}

func (l *line) maySend() bool { return !l.dialing.Load() }

// describe starts an Error with what is known of an exchange.
func describe(operation string, req *http.Request, rep reply) *Error {
	after, _ := httpretry.RetryAfter(rep.header, time.Now())
	return &Error{
		Operation: operation, Method: req.Method, URL: redactURL(req.URL),
		Status: rep.status, RetryAfter: after,
		Diagnostics: maskDigits(rep.header.Get("X-Ms-Diagnostics")),
		Server:      rep.header.Get("X-Ms-Server-Fqdn"),
	}
}

// lost completes an Error for a call without an answer.
func (e *Error) lost(effect effect, sent bool, err error) *Error {
	v := verdict{failure.Unavailable, Retry}
	if f := failure.As(err); f != nil { // the transport's own: it sent nothing
		e.RetryAfter = f.RetryAfter
	} else if sent {
		v = unsettled(effect)
	}
	e.Class, e.Remedy, e.Err, e.sent = v.class, v.remedy, err, sent
	return e
}

// unread completes an Error for a success whose body cannot be used.
func (e *Error) unread(effect effect, err error) *Error {
	v := unsettled(effect)
	e.Class, e.Remedy, e.Err = v.class, v.remedy, err
	return e
}

// judge completes an Error for an answer other than success. A body that
// cannot be read takes nothing from what the status says.
func (e *Error) judge(effect effect, rep reply) *Error {
	if res, err := decode(rep.contentType(), rep.body); err == nil {
		e.Code, e.Subcode = maskDigits(res.text("code")), maskDigits(res.text("subcode"))
		e.Message = maskDigits(res.text("message"))
	} else if rep.status >= 400 && rep.status != http.StatusUnauthorized {
		e.Err = err
	}
	v := classify(answer{
		effect: effect, status: rep.status, contentType: rep.contentType(),
		code: e.Code, subcode: e.Subcode, diagnostics: e.Diagnostics,
	})
	e.Class, e.Remedy = v.class, v.remedy
	e.header = rep.header
	return e
}
