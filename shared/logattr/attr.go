// Package logattr holds the words of dialtone's logs: each slog key once, with
// one constructor, and a handler that lets no token, password or phone number
// out, whatever it is given.
package logattr

import (
	"log/slog"
	"time"

	"dialtone/shared/e164"
	"dialtone/shared/failure"
	"dialtone/shared/sipaddr"
)

// Keys of log attributes.
const (
	KeyMessageID     = "message_id"
	KeyMessageType   = "message_type"
	KeyRequestSource = "request_source"
	KeyRequestID     = "request_id"
	KeyUser          = "user"
	KeyLocation      = "location"
	KeyNumber        = "number"
	KeyTrackingID    = "tracking_id"
	KeySystem        = "system"
	KeyOperation     = "operation"
	KeyStatus        = "status"
	KeyAttempt       = "attempt"
	KeyWait          = "wait"
	KeyClass         = "class"
	KeyError         = "error"
	KeyAdvice        = "advice"
)

// MessageID is the id that the queue gave a message.
func MessageID(id string) slog.Attr { return slog.String(KeyMessageID, id) }

// MessageType is the CloudEvents type of a message.
func MessageType(t string) slog.Attr { return slog.String(KeyMessageType, t) }

// RequestSource is the CloudEvents source of a request.
func RequestSource(source string) slog.Attr { return slog.String(KeyRequestSource, source) }

// RequestID is the CloudEvents id of a request.
func RequestID(id string) slog.Attr { return slog.String(KeyRequestID, id) }

// User is the person that a request is about.
func User(u sipaddr.User) slog.Attr { return slog.String(KeyUser, string(u)) }

// Location is the Webex id of a location.
func Location(id string) slog.Attr { return slog.String(KeyLocation, id) }

// Number is a phone number, of which only the last four digits are logged.
func Number(n e164.Number) slog.Attr { return slog.String(KeyNumber, n.Masked()) }

// TrackingID is the id under which a vendor knows a call (Webex: TrackingID).
func TrackingID(id string) slog.Attr { return slog.String(KeyTrackingID, id) }

// System is the vendor that was called: "ucwa" or "webex".
func System(name string) slog.Attr { return slog.String(KeySystem, name) }

// Operation is the client operation that was called, such as "changeNumber".
func Operation(name string) slog.Attr { return slog.String(KeyOperation, name) }

// Status is an HTTP status; 0 means that no answer arrived.
func Status(code int) slog.Attr { return slog.Int(KeyStatus, code) }

// Attempt is the receive count of a message, 1 for the first.
func Attempt(n int) slog.Attr { return slog.Int(KeyAttempt, n) }

// Wait is how long something is put off.
func Wait(d time.Duration) slog.Attr { return slog.Duration(KeyWait, d) }

// Class is the kind of a failure.
func Class(c failure.Class) slog.Attr { return slog.String(KeyClass, string(c)) }

// Error is the text of err, cleaned as [Clean] does. A nil err is an empty
// attribute, which handlers leave out.
func Error(err error) slog.Attr {
	if err == nil {
		return slog.Attr{}
	}
	return slog.String(KeyError, textOf(err))
}

// Advice is what a person should do about err, cleaned as [Clean] does. It is an
// empty attribute when err says nothing of that.
func Advice(err error) slog.Attr {
	f := failure.As(err)
	if f == nil || f.Advice == "" {
		return slog.Attr{}
	}
	return slog.String(KeyAdvice, Clean(f.Advice))
}

// technical reports whether the key holds an identifier of a machine, in which
// digits are part of the name; see [Clean] for what still leaves it.
func technical(key string) bool {
	switch key {
	case KeyMessageID, KeyRequestSource, KeyRequestID, KeyTrackingID, KeyLocation,
		"requestId": // of the invocation, as aws-lambda-go's handler writes it
		return true
	}
	return false
}
