package ucwa

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dialtone/shared/failure"
)

// Remedy tells the caller of a failed operation what may help.
type Remedy int

const (
	// None: nothing helps; the same request will be refused again.
	None Remedy = iota
	// Retry: nothing was applied; try again after Error.RetryAfter or, when
	// that is zero, after a backoff of the caller's own.
	Retry
	// Verify: the change may or may not have been applied; read before
	// anything else is done.
	Verify
	// Reauthenticate: the server refused a token that was just renewed.
	// Nothing was applied; the next call signs in afresh.
	Reauthenticate
	// Recreate: the application is gone and nothing was applied; Open again.
	Recreate
	// Rediscover: the user's location is stale and nothing was applied. The
	// client has dropped it; Open again looks it up.
	Rediscover
	// Refresh: the resource has changed or moved and nothing was applied;
	// read it again and use the fresh links.
	Refresh
)

// String returns the remedy in lower case, for logs.
func (r Remedy) String() string {
	names := [...]string{"none", "retry", "verify", "reauthenticate", "recreate", "rediscover", "refresh"}
	if r < 0 || int(r) >= len(names) {
		return fmt.Sprintf("remedy(%d)", int(r))
	}
	return names[r]
}

// Causes that a caller can tell apart with errors.Is.
var (
	// ErrMissingLink: the server offers no link for the operation, which means
	// that the user may not do it (UCWA 2.0: Hypermedia). No call was made.
	ErrMissingLink = errors.New("the server offers no such link to this user")
	// ErrUnreadable: the answer is not a UCWA document: HTML, empty,
	// truncated, over 4 MiB, or of another content type.
	ErrUnreadable = errors.New("unreadable answer")
	// ErrUntrusted: a link or redirect leads where no request may go.
	ErrUntrusted = errors.New("target is not trusted")
	// ErrWrongUser: the sign-in belongs to somebody else.
	ErrWrongUser = errors.New("signed in as another user")
	// ErrGrantNotOffered: the pool does not take the configured way to sign in.
	ErrGrantNotOffered = errors.New("the pool does not offer this grant")
)

// Subcodes of UCWA that callers act on (UCWA 2.0: ErrorSubcode).
const (
	// NormalizationFailed (400): the server cannot make sense of the number.
	NormalizationFailed = "NormalizationFailed"
	// ApplicationNotFound (404): the application is gone.
	ApplicationNotFound = "ApplicationNotFound"
	// TooManyApplications (410): evicted by a newer sign-in of the same user.
	// Creating it again at once can evict the user's own phone: its remedy is
	// Retry, not Recreate.
	TooManyApplications = "TooManyApplications"
	// PGetReplaced (409): another request took over the event channel, so
	// another process runs the application.
	PGetReplaced = "PGetReplaced"
	// NoTeamMembersConfigured (403 or 409): the user has no team to ring.
	NoTeamMembersConfigured = "NoTeamMembersConfigured"
	// NoDelegatesConfigured (403 or 409): the user has no delegates.
	NoDelegatesConfigured = "NoDelegatesConfigured"
)

// Error is a failed operation. Used by pointer; not changed after it was
// returned. Texts from the server have runs of nine or more digits masked, so
// an Error may be logged.
type Error struct {
	Operation   string        // discover, challenge, token, createApplication, phones, changeNumber, ...
	Method      string        // HTTP method; empty when no call was made
	URL         string        // without query, digits masked; empty when no call was made
	Status      int           // HTTP status; 0 when no answer arrived
	Code        string        // UCWA code, or the error of the token endpoint
	Subcode     string        // UCWA subcode, if any
	Message     string        // in the application's culture; for people only
	Diagnostics string        // X-Ms-diagnostics
	Server      string        // X-MS-Server-Fqdn: the front end that answered
	RetryAfter  time.Duration // from Retry-After; zero when not given
	Class       failure.Class // for the outcome of the request
	Remedy      Remedy        // for the caller
	Err         error         // cause, may be nil

	header http.Header // of the answer, for challenges and redirects
	sent   bool        // no answer arrived, but the request may have
}

// Error renders operation, call, answer and cause on one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("ucwa " + e.Operation)
	if e.Method != "" {
		b.WriteString(": " + e.Method + " " + e.URL)
	}
	if e.Status != 0 {
		fmt.Fprintf(&b, ": status %d", e.Status)
	}
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	if e.Subcode != "" {
		b.WriteString("/" + e.Subcode)
	}
	for _, s := range []string{e.Message, e.Diagnostics} {
		if s != "" {
			b.WriteString(": " + s)
		}
	}
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Upstream returns what the server answered, for outcomes and support.
func (e *Error) Upstream() failure.Upstream {
	return failure.Upstream{
		System: "ucwa", Operation: e.Operation, Status: e.Status,
		Code: e.Code, Subcode: e.Subcode, Diagnostics: e.Diagnostics,
	}
}

// As returns the first *Error in err's chain, or nil.
func As(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return nil
}

// passing reports whether the client itself may repeat a call that can be
// repeated without harm. Evictions and pending operations are left to the
// caller's pace.
func (e *Error) passing() bool {
	s := e.Status
	repairable := s == 408 || s == 429 || s >= 500 || s < 300
	if _, badCertificate := errors.AsType[*tls.CertificateVerificationError](e.Err); badCertificate {
		return false
	}
	return repairable && (e.Remedy == Retry || e.Remedy == Rediscover) && !errors.Is(e.Err, errTooLarge)
}

// stale reports whether the failure is one of the reasons to forget where the
// user's applications are (UCWA 2.0: Root URL names 403, 502 and connection
// errors; the others are our reading).
func (e *Error) stale() bool {
	switch {
	case errors.Is(e.Err, failure.ErrPaused):
		return false // nobody was asked
	case e.Remedy == Rediscover, e.Status == 502, e.Status == 0 && e.Method != "":
		return true
	case e.Status == 403:
		return e.Remedy != Reauthenticate && e.Operation != "token" // a refused sign-in is final
	}
	return e.Status == 500 && e.Remedy == Reauthenticate
}

// as returns the same failure with another meaning for the caller. Those who
// waited for the same answer keep theirs.
func (e *Error) as(class failure.Class, r Remedy) *Error {
	other := *e
	other.Class, other.Remedy = class, r
	return &other
}

// refused is a failure that the client finds without asking the server.
func refused(operation string, class failure.Class, err error) *Error {
	return &Error{Operation: operation, Class: class, Err: err}
}

// missing answers an operation for which resource carries no link.
func missing(operation, resource, rel string) *Error {
	return refused(operation, failure.Denied, fmt.Errorf("%s has no %s: %w", resource, rel, ErrMissingLink))
}

// redactURL keeps what helps to find a call in a server log.
func redactURL(u *url.URL) string {
	if u == nil {
		return ""
	}
	return maskDigits(u.Scheme + "://" + u.Host + u.EscapedPath())
}

// maskDigits hides all but the last four of nine or more digits in a row:
// whatever a server quotes may be a phone number.
func maskDigits(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		n := 0
		for i+n < len(s) && s[i+n] >= '0' && s[i+n] <= '9' {
			n++
		}
		switch {
		case n == 0:
			b.WriteByte(s[i])
			n = 1
		case n >= 9:
			b.WriteString("…" + s[i+n-4:i+n])
		default:
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	return b.String()
}
