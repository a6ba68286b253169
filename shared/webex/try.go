package webex

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/httpretry"
)

const (
	// bodyLimit is the most that is read of an answer, in bytes. A page of 2000
	// numbers has about 400 KiB.
	bodyLimit = 8 << 20
	// trackingPrefix marks the request ids that dialtone makes up.
	trackingPrefix = "DIALTONE_"
	trackingHeader = "TrackingID"
)

// try sends one try of a request: when its turn has come, under a TrackingID of
// its own. It reads the answer whole, so that a body that breaks off counts as a
// network error, which is worth another try.
type try struct {
	base http.RoundTripper
	gate *gate
	log  *slog.Logger
}

// RoundTrip implements http.RoundTripper.
func (t *try) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := t.gate.pass(req.Context()); err != nil {
		return nil, err
	}
	req, start := req.Clone(req.Context()), time.Now()
	sent := newTrackingID()
	req.Header.Set(trackingHeader, sent)
	resp, err := t.exchange(req)
	if err != nil {
		err = withoutURL(err)
		t.log.DebugContext(req.Context(), "webex: no answer", "path", req.URL.Path, "sent_tracking_id", sent,
			"duration", time.Since(start), "error", mask(err.Error()))
		return nil, noAnswer(err, sent)
	}
	if wait, asked := pauseAskedBy(resp); asked {
		t.gate.pause(wait)
	}
	stamp(resp, sent)
	t.log.DebugContext(req.Context(), "webex: answer", "path", req.URL.Path, "status", resp.StatusCode,
		"tracking_id", trackingID(resp.Header), "sent_tracking_id", sent, "duration", time.Since(start))
	return resp, nil
}

// newTrackingID names one try, for Cisco's support and our logs.
func newTrackingID() string { return trackingPrefix + rand.Text() }

// stamp puts the id that was sent into an answer that has none of its own.
func stamp(resp *http.Response, sent string) {
	if trackingID(resp.Header) == "" {
		resp.Header.Set(trackingHeader, sent)
	}
}

// noAnswer is the error of a try that ended without a usable answer.
func noAnswer(err error, sent string) error {
	if e, ours := errors.AsType[*Error](err); ours {
		return e
	}
	e := &Error{Class: failure.Unavailable, Remedy: Retry, TrackingID: sent, Err: err}
	if f := failure.As(err); f != nil { // the transport's own: it sent nothing
		e.TrackingID, e.RetryAfter = "", f.RetryAfter
	}
	return e
}

// notJSON is the error of a 200 that a proxy made up or that was cut short.
func notJSON(resp *http.Response, body []byte) *Error {
	return &Error{
		Class: failure.Unavailable, Remedy: Retry, Status: resp.StatusCode, TrackingID: trackingID(resp.Header),
		Message: parseErrorBody(body).message, Err: errors.New("the answer is not complete JSON"),
	}
}

// exchange sends req and puts the whole body into the response.
func (t *try) exchange(req *http.Request) (*http.Response, error) {
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	body, err := readBody(resp)
	if resp.StatusCode == http.StatusOK {
		if err != nil {
			return nil, err
		}
		if !json.Valid(trimBOM(body)) {
			return nil, notJSON(resp, body)
		}
	}
	resp.Body = whole{bytes.NewReader(body), body} // of a refusal, what arrived is enough
	return resp, nil
}

// whole is a body that was read already: a page is large enough for a second
// copy to be felt.
type whole struct {
	*bytes.Reader
	data []byte
}

// Close implements io.Closer.
func (whole) Close() error { return nil }

// CloseIdleConnections passes on the request of http.Client.CloseIdleConnections.
func (t *try) CloseIdleConnections() {
	if c, ok := t.base.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// readBody reads and closes the body of resp. What arrived before an error is
// returned along with it.
func readBody(resp *http.Response) ([]byte, error) {
	if w, read := resp.Body.(whole); read {
		return w.data, nil
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit+1))
	if err != nil {
		return body, fmt.Errorf("read answer: %w", err)
	}
	if len(body) > bodyLimit {
		return body[:bodyLimit], &Error{
			Class: failure.Unavailable, Message: fmt.Sprintf("the answer is longer than %d bytes", bodyLimit),
			TrackingID: trackingID(resp.Header), Status: resp.StatusCode,
		}
	}
	return body, nil
}

// pauseAskedBy returns how long an answer asks all callers to stay away.
func pauseAskedBy(resp *http.Response) (time.Duration, bool) {
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusLocked, http.StatusServiceUnavailable:
		wait := retryAfter(resp)
		return wait, wait > 0
	}
	return 0, false
}

// retryAfter returns the least wait before the request may be repeated. A 429
// has one even when it does not say so.
func retryAfter(resp *http.Response) time.Duration {
	wait, said := httpretry.RetryAfter(resp.Header, time.Now())
	if !said && resp.StatusCode == http.StatusTooManyRequests {
		return unsaidRetryAfter
	}
	return wait
}

// trackingID finds the header in whatever case it arrived.
func trackingID(h http.Header) string {
	if id := h.Get(trackingHeader); id != "" {
		return id
	}
	for name, values := range h {
		if strings.EqualFold(name, trackingHeader) && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}
