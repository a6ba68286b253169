// Package outcome is what dialtone answers: one CloudEvents 1.0 event for each
// request, kept in the ledger and published on the bus. Outcomes may carry
// phone numbers; logs may not.
package outcome

import (
	"encoding/json"
	"fmt"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/failure"
	"dialtone/shared/sipaddr"
)

// Source is the CloudEvents source of every outcome.
const Source = "dialtone"

// Outcome types.
const (
	TypeAssigned = "dialtone.number.assigned.v1"
	TypeFailed   = "dialtone.request.failed.v1"
)

// Event is an outcome as it is stored and published. Its ID depends on the
// request alone, so that a consumer can drop repeats.
type Event struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Time            time.Time       `json:"time"` // UTC
	Subject         string          `json:"subject,omitempty"`
	DataContentType string          `json:"datacontenttype"`
	Data            json.RawMessage `json:"data"`
}

// Phone is a published phone as it was found or as it stands.
type Phone struct {
	Type                 command.PhoneType `json:"type"`
	Number               string            `json:"number"` // as stored; "" when none is published
	IncludeInContactCard bool              `json:"includeInContactCard"`
}

// How a success was verified.
const (
	ReadBack  = "read-back"  // changed, then read and compared
	AsFound   = "as-found"   // read; nothing had to be changed
	PlanOnly  = "plan-only"  // dry run: read, nothing changed
	NoRequest = "not-needed" // answered from the ledger
)

// Assigned is the data of [TypeAssigned].
type Assigned struct {
	Request     command.Key       `json:"request"`
	User        sipaddr.User      `json:"user"`
	LocationID  string            `json:"locationId"`
	PhoneType   command.PhoneType `json:"phoneType"`
	Number      e164.Number       `json:"number,omitempty"` // empty when the standing number is not E.164: see After
	Managed     bool              `json:"managed"`          // false: a number that dialtone did not assign, kept
	Before      Phone             `json:"before"`
	After       Phone             `json:"after"`
	Replaced    []e164.Number     `json:"replaced,omitempty"` // numbers that now rest in quarantine
	Verified    string            `json:"verified"`
	DryRun      bool              `json:"dryRun,omitempty"`
	TrackingIDs []string          `json:"trackingIds,omitempty"` // Webex TrackingID values behind the choice
}

// Failed is the data of [TypeFailed].
type Failed struct {
	Request     command.Key       `json:"request"`
	RequestType string            `json:"requestType,omitempty"`
	User        sipaddr.User      `json:"user,omitempty"`
	Class       failure.Class     `json:"class"`
	Reason      string            `json:"reason"` // what happened
	Advice      string            `json:"advice"` // what a person should do
	Upstream    *failure.Upstream `json:"upstream,omitempty"`
	Attempts    int               `json:"attempts"`
}

// New makes the event for a request. data is an [Assigned] or a [Failed].
// It panics only if data cannot be encoded, which those types always can.
func New(typ string, key command.Key, user sipaddr.User, at time.Time, data any) Event {
	raw, err := json.Marshal(data)
	if err != nil {
		panic(fmt.Sprintf("outcome %s: %v", typ, err))
	}
	return Event{
		SpecVersion: "1.0", ID: key.Hash() + "/" + typ, Source: Source, Type: typ,
		Time: at.UTC(), Subject: string(user), DataContentType: "application/json", Data: raw,
	}
}

// Failure makes the [TypeFailed] event for an error. An error without a
// [*failure.Error] in its chain becomes class unknown.
func Failure(c command.Command, err error, attempts int, at time.Time) Event {
	f := failure.As(err)
	if f == nil {
		f = &failure.Error{
			Class: failure.Unknown, Reason: "an internal error stopped the request",
			Advice: "Look up the request in the logs by its id, then replay it.",
		}
	}
	return New(TypeFailed, c.Key, c.User, at, Failed{
		Request: c.Key, RequestType: c.Type, User: c.User, Class: f.Class,
		Reason: f.Reason, Advice: f.Advice, Upstream: f.Upstream, Attempts: attempts,
	})
}

// Assigned decodes the data of a [TypeAssigned] event.
func (e Event) Assigned() (Assigned, error) { return decode[Assigned](e, TypeAssigned) }

// Failed decodes the data of a [TypeFailed] event.
func (e Event) Failed() (Failed, error) { return decode[Failed](e, TypeFailed) }

func decode[T any](e Event, typ string) (T, error) {
	var v T
	if e.Type != typ {
		return v, fmt.Errorf("outcome is %s, not %s", e.Type, typ)
	}
	if err := json.Unmarshal(e.Data, &v); err != nil {
		return v, fmt.Errorf("decode %s: %w", typ, err)
	}
	return v, nil
}
