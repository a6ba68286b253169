// Package failure names why a request could not be fulfilled, in the words
// that outcomes, dead letters and operators share.
//
// The vendor clients map every answer they can get to a [Class]; the functions
// decide from it whether to try again, to settle by reading, or to give up with
// a reason that a person understands.
package failure

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Class is the kind of a failure. The zero value is not a class.
type Class string

const (
	// Invalid: the request itself is wrong (a field, an unknown location).
	Invalid Class = "invalid"
	// Denied: a system refuses this user or this change for good (no enterprise
	// voice, directory-owned phone, wrong password, wrong person).
	Denied Class = "denied"
	// Conflict: every number tried was taken or refused by a vendor.
	Conflict Class = "conflict"
	// Exhausted: nothing usable is left in the pool of the location.
	Exhausted Class = "exhausted"
	// Unavailable: a vendor cannot answer now and nothing was applied.
	Unavailable Class = "unavailable"
	// Unknown: a change may or may not have been applied; only reading settles it.
	Unknown Class = "unknown"
)

// Permanent reports whether trying the same request again cannot help.
// Such a request is dead-lettered on first sight.
func (c Class) Permanent() bool {
	switch c {
	case Invalid, Denied, Conflict, Exhausted:
		return true
	}
	return false
}

// ErrPaused is in the chain of a failure of a call that was not made, because
// the vendor is known not to answer. Nothing was sent, and Error.RetryAfter says
// when another call may be: that wait needs no backoff on top, however often it
// was met before.
var ErrPaused = errors.New("calls are paused, nothing was sent")

// Upstream is what a vendor answered, for operators and support tickets.
// The zero value means that no vendor was asked.
type Upstream struct {
	System      string `json:"system"`                // "ucwa" or "webex"
	Operation   string `json:"operation,omitempty"`   // client operation, such as "changeNumber"
	Status      int    `json:"status,omitempty"`      // HTTP status, 0 when no answer arrived
	Code        string `json:"code,omitempty"`        // vendor error code
	Subcode     string `json:"subcode,omitempty"`     // UCWA subcode
	TrackingID  string `json:"trackingId,omitempty"`  // Webex TrackingID
	Diagnostics string `json:"diagnostics,omitempty"` // UCWA X-Ms-diagnostics
}

// Error is a failure that a person can act on. Wrap the cause in Err; Reason
// says what happened and Advice what to do, each in one sentence without
// phone numbers, tokens or passwords. Used by pointer.
type Error struct {
	Class      Class
	Reason     string
	Advice     string
	Upstream   *Upstream     // nil when no vendor was involved
	RetryAfter time.Duration // least wait before the next try; zero: caller's backoff
	Err        error         // cause, may be nil
}

// Error renders class, reason and cause on one line.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s", e.Class, e.Reason)
	if e.Err != nil {
		fmt.Fprintf(&b, ": %v", e.Err)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// As returns the first *Error in err's chain, or nil.
func As(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return nil
}
