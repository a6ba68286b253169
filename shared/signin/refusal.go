package signin

import (
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/httpretry"
	"dialtone/shared/ucwa"
)

// refusal is an answer of a service that gives out tokens, other than a token.
type refusal struct {
	system     string // "broker" or "oauth"
	status     int    // 0: no answer
	code       string // OAuth error code; "": none
	message    string // in the service's words; "": none
	retryAfter time.Duration
	err        error // cause; nil: the answer says it all
}

// words are the sentences for people.
type words struct{ reason, advice string }

// class is what the answer means for the request. 4xx is final, since a refused
// sign-in that is tried again can lock the account; what passes is known.
func (r refusal) class() failure.Class {
	switch s := r.status; {
	case s == 0, s < 400, s >= 500, s == http.StatusRequestTimeout, s == http.StatusTooEarly, s == http.StatusTooManyRequests:
		return failure.Unavailable
	case r.code == "server_error", r.code == "temporarily_unavailable":
		return failure.Unavailable
	case r.code == "invalid_request", r.code == "invalid_scope":
		return failure.Invalid
	}
	return failure.Denied
}

// error makes the typed errors of the refusal: a [*ucwa.Error] with the code,
// around a [*failure.Error] with the words for people and the upstream status.
func (r refusal) error(w words) error {
	class, remedy := r.class(), ucwa.None
	if f := failure.As(r.err); f != nil { // the transport's own: it sent nothing
		r.retryAfter = f.RetryAfter
	}
	if !class.Permanent() {
		remedy = ucwa.Retry
	}
	f := &failure.Error{
		Class: class, Reason: w.reason, Advice: w.advice, RetryAfter: r.retryAfter, Err: r.err,
		Upstream: &failure.Upstream{System: r.system, Operation: "token", Status: r.status, Code: r.code},
	}
	return &ucwa.Error{Operation: "token", Code: r.code, Message: r.message, Class: class, Remedy: remedy, RetryAfter: r.retryAfter, Err: f}
}

// retryAfter is the wait that an answer asks for; 0 when it does not.
func retryAfter(h http.Header) time.Duration {
	d, _ := httpretry.RetryAfter(h, time.Now())
	return d
}

// code returns s if it is an OAuth error code and not something to keep out of
// logs.
func code(s string) string {
	const longest = 64
	if len(s) > longest || strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && r != '_' }) {
		return ""
	}
	return s
}

// secure reports whether credentials may be sent to the URL.
func secure(raw string, allowHTTP bool) bool {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	return u.Scheme == "https" || u.Scheme == "http" && (allowHTTP || loopback(u.Hostname()))
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// direct returns a copy of hc that follows no redirect: credentials go where
// they were meant to go, or nowhere.
func direct(hc *http.Client) *http.Client {
	var c http.Client
	if hc != nil {
		c = *hc
	}
	c.Jar = nil
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c
}

// withoutURL drops the request's URL from an error of net/http: a query can hold
// secrets.
func withoutURL(err error) error {
	if e, ok := err.(*url.Error); ok {
		return e.Err
	}
	return err
}
