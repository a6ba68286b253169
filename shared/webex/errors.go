package webex

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"dialtone/shared/failure"
)

// system is the name of this vendor in outcomes.
const system = "webex"

// Error is why a call has no result. Every error of this package's calls is
// one, used by pointer; find it with errors.AsType[*Error]. It holds no token,
// and phone numbers only as their last four digits.
type Error struct {
	Operation  string        // "availableNumbers", "numbers" or "refreshToken"
	Method     string        // HTTP method, empty when it did not come to a request
	URL        string        // of the request, with phone numbers masked
	Status     int           // HTTP status, 0 when no answer arrived
	ErrorCodes []int         // Webex error codes, the most detailed first
	Message    string        // one line for people, in Webex's words where it gave any
	TrackingID string        // for Cisco's support; Webex's own, or else the one that was sent
	RetryAfter time.Duration // least wait before the next call; 0: the caller's own backoff
	Class      failure.Class // what it means for the request that needed the call
	Remedy     Remedy        // what would help; the client has already tried it
	Err        error         // cause, nil when the answer says it all
}

// Remedy is what can turn a failed call into a successful one.
type Remedy string

// The remedies. The client applies them itself, within its bounds.
const (
	None         Remedy = ""             // nothing: the same call will fail again
	Retry        Remedy = "retry"        // the same call again, later
	RefreshToken Remedy = "refreshToken" // the same call with a new token, once
	HalvePage    Remedy = "halvePage"    // the call with half the page size
)

// Error renders operation, request, answer and cause on one line.
func (e *Error) Error() string {
	parts := []string{strings.TrimSpace(system + " " + e.Operation)}
	if e.Method != "" {
		parts = append(parts, e.Method+" "+e.URL)
	}
	if e.Status != 0 {
		parts = append(parts, strings.TrimSpace(fmt.Sprintf("%d %s", e.Status, http.StatusText(e.Status))))
	}
	if e.Message != "" {
		parts = append(parts, e.Message)
	}
	if len(e.ErrorCodes) > 0 {
		parts = append(parts, fmt.Sprintf("codes %v", e.ErrorCodes))
	}
	if e.TrackingID != "" {
		parts = append(parts, "tracking id "+e.TrackingID)
	}
	if e.Err != nil {
		parts = append(parts, mask(e.Err.Error()))
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Upstream returns what Webex answered, as outcomes and dead letters carry it.
func (e *Error) Upstream() failure.Upstream {
	u := failure.Upstream{System: system, Operation: e.Operation, Status: e.Status, TrackingID: e.TrackingID}
	if len(e.ErrorCodes) > 0 {
		u.Code = strconv.Itoa(e.ErrorCodes[0])
	}
	return u
}

// withoutToken turns a 401 into what it is after no new token could be had: as
// final, or as passing, as that failure.
func (e *Error) withoutToken(cause error) *Error {
	e.Class, e.Err = failure.Unavailable, cause
	if why, ok := errors.AsType[*Error](cause); ok {
		e.Class, e.RetryAfter = why.Class, why.RetryAfter
	}
	return e
}

// tokenFailure is the error of a call that has no token to be made with.
func tokenFailure(operation string, cause error) *Error {
	e := &Error{Operation: operation, Message: "no access token", Class: failure.Unavailable, Remedy: Retry, Err: cause}
	if why, ok := errors.AsType[*Error](cause); ok {
		e.Class, e.Remedy, e.RetryAfter = why.Class, why.Remedy, why.RetryAfter
	}
	return e
}

// failed is the error of a request without a usable answer. What was done with
// it is unknown, but these requests change nothing.
func failed(operation, method string, u *url.URL, cause error) *Error {
	e := &Error{Class: failure.Unavailable, Remedy: Retry, Err: withoutURL(cause)}
	if ours, ok := errors.AsType[*Error](cause); ok {
		cp := *ours
		e = &cp
	} else if f := failure.As(cause); f != nil { // the transport's own: it sent nothing
		e.RetryAfter = f.RetryAfter
	}
	e.Operation, e.Method, e.URL = operation, method, redact(u)
	return e
}

// refusal is the error of an answer that is not a 200.
func refusal(operation, method string, u *url.URL, resp *http.Response, body []byte) *Error {
	said := parseErrorBody(body)
	codes := append(said.codes, sparkCodes(resp.Header)...)
	class, remedy := classify(resp.StatusCode, len(sparkCodes(resp.Header)) > 0)
	e := &Error{
		Operation: operation, Method: method, URL: redact(u), Status: resp.StatusCode,
		ErrorCodes: compact(codes), Message: said.message, TrackingID: trackingID(resp.Header),
		RetryAfter: retryAfter(resp), Class: class, Remedy: remedy,
	}
	if said.trackingID != "" && strings.HasPrefix(e.TrackingID, trackingPrefix) {
		e.TrackingID = said.trackingID // Webex's own is what its support can find
	}
	return e
}

// classify is the table of the operation's page ("Webex: Get Person Primary
// Available Phone Numbers", response codes) for a GET. wrapped says that the
// answer carried cisco-spark-error-codes: a gateway error that wraps a business
// error, which is final if it comes back.
func classify(status int, wrapped bool) (failure.Class, Remedy) {
	switch status {
	case http.StatusOK:
		return "", None
	case http.StatusUnauthorized:
		return failure.Denied, RefreshToken
	case http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		return failure.Denied, None
	case http.StatusConflict:
		return failure.Conflict, None
	case http.StatusRequestTimeout, http.StatusLocked, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusServiceUnavailable:
		return failure.Unavailable, Retry
	case http.StatusBadGateway:
		if wrapped {
			return failure.Invalid, Retry
		}
		return failure.Unavailable, Retry
	case http.StatusGatewayTimeout:
		return failure.Unavailable, HalvePage
	}
	if status >= 400 && status < 500 {
		return failure.Invalid, None
	}
	return failure.Unavailable, None // not the API speaking: a redirect, a 202, a 501
}

// sparkCodes returns the codes of a business error behind a gateway error.
func sparkCodes(h http.Header) []int {
	var codes []int
	for _, v := range h.Values("Cisco-Spark-Error-Codes") {
		for field := range strings.FieldsFuncSeq(v, func(r rune) bool { return r < '0' || r > '9' }) {
			if code, err := strconv.Atoi(field); err == nil {
				codes = append(codes, code)
			}
		}
	}
	return codes
}

// decided reports whether err says that this package, or a transport that sends
// nothing for now, and not the network ended the try.
func decided(err error) bool {
	e, ours := errors.AsType[*Error](err)
	return ours && e.Err == nil || errors.Is(err, failure.ErrPaused)
}

// compact drops repeated codes and keeps the order.
func compact(codes []int) []int {
	var kept []int
	for _, c := range codes {
		if !slices.Contains(kept, c) {
			kept = append(kept, c)
		}
	}
	return kept
}

// withoutURL drops the request's URL, which has phone numbers in its query,
// from an error of net/http.
func withoutURL(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

func redact(u *url.URL) string { return mask(u.Redacted()) }

// long is a run of nine or more digits, with the separators people write.
var long = regexp.MustCompile(`[0-9](?:[ ()-]{0,2}[0-9]){8,}`)

// mask hides all but the last four digits of what can be a phone number.
func mask(s string) string {
	return long.ReplaceAllStringFunc(s, func(digits string) string { return "…" + digits[len(digits)-4:] })
}
