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
	"dialtone/shared/ringtarget"
	"dialtone/shared/sipaddr"
)

// Source is the CloudEvents source of every outcome.
const Source = "dialtone"

// Outcome types.
const (
	TypeAssigned        = "dialtone.number.assigned.v1"
	TypeReleased        = "dialtone.number.released.v1"
	TypeSimRingEnabled  = "dialtone.simring.enabled.v1"
	TypeSimRingDisabled = "dialtone.simring.disabled.v1"
	TypeFailed          = "dialtone.request.failed.v1"
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
	ReadBack = "read-back" // changed, then read and compared
	AsFound  = "as-found"  // read; nothing had to be changed
	PlanOnly = "plan-only" // dry run: read, nothing changed
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

// Released is the data of [TypeReleased].
type Released struct {
	Request    command.Key       `json:"request"`
	User       sipaddr.User      `json:"user"`
	PhoneType  command.PhoneType `json:"phoneType"`
	Number     e164.Number       `json:"number,omitempty"`     // that was given back; empty when dialtone had assigned none
	LocationID string            `json:"locationId,omitempty"` // of that number
	RestsUntil time.Time         `json:"restsUntil,omitzero"`  // end of its quarantine, UTC
	Before     Phone             `json:"before,omitzero"`      // zero with After: there was nothing to take back, and nobody was asked
	After      Phone             `json:"after,omitzero"`
	Restored   bool              `json:"restored"` // what stood before dialtone's first change is published again
	Verified   string            `json:"verified"`
	DryRun     bool              `json:"dryRun,omitempty"`
}

// Forwarding is a user's call-forwarding settings as found or as they stand.
// The texts of Active, Period and Unanswered and of the targets are UCWA's
// (UCWA 2.0: callForwardingSettings), such as "SimultaneousRing" and "Contact".
type Forwarding struct {
	Active     string        `json:"active"`               // None, ImmediateForward or SimultaneousRing
	Period     string        `json:"period,omitempty"`     // Always or Workhours
	Unanswered string        `json:"unanswered,omitempty"` // Enabled or Disabled: what happens to unanswered calls
	Immediate  ForwardTarget `json:"immediateForward"`
	Ring       ForwardTarget `json:"simultaneousRing"`
	NoAnswer   ForwardTarget `json:"unansweredCall"`
}

// RingsAt reports whether calls ring at the target besides the user's phones.
func (f Forwarding) RingsAt(t ringtarget.Target) bool {
	return f.Active == "SimultaneousRing" && f.Ring.Target == "Contact" && t != "" && ringtarget.Same(f.Ring.URI, string(t))
}

// ForwardTarget is where one kind of forwarding leads.
type ForwardTarget struct {
	Target           string `json:"target"`                     // None, Contact, Team, Delegates or Voicemail
	URI              string `json:"uri,omitempty"`              // of a Contact: tel: or sip:
	RingDelaySeconds *int   `json:"ringDelaySeconds,omitempty"` // nil: the server gave none
}

// LeadsTo reports whether calls go to the same as by the other, whatever the
// delays.
func (t ForwardTarget) LeadsTo(other ForwardTarget) bool {
	return t.Target == other.Target && (t.Target != "Contact" || ringtarget.Same(t.URI, other.URI))
}

// SimRingEnabled is the data of [TypeSimRingEnabled].
type SimRingEnabled struct {
	Request  command.Key       `json:"request"`
	User     sipaddr.User      `json:"user"`
	Target   ringtarget.Target `json:"target"`
	Managed  bool              `json:"managed"` // false: it rang there already, by other means
	Before   Forwarding        `json:"before"`
	After    Forwarding        `json:"after"`
	Verified string            `json:"verified"`
	DryRun   bool              `json:"dryRun,omitempty"`
}

// SimRingDisabled is the data of [TypeSimRingDisabled].
type SimRingDisabled struct {
	Request     command.Key  `json:"request"`
	User        sipaddr.User `json:"user"`
	Before      Forwarding   `json:"before"`
	After       Forwarding   `json:"after"`
	Restored    bool         `json:"restored"`              // what dialtone's change displaced stands again, but for NotRestored
	NotRestored []string     `json:"notRestored,omitempty"` // what could not be put back, in words
	Verified    string       `json:"verified"`
	DryRun      bool         `json:"dryRun,omitempty"`
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

// New makes the event for a request. data is the type that belongs to typ.
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

// Released decodes the data of a [TypeReleased] event.
func (e Event) Released() (Released, error) { return decode[Released](e, TypeReleased) }

// SimRingEnabled decodes the data of a [TypeSimRingEnabled] event.
func (e Event) SimRingEnabled() (SimRingEnabled, error) {
	return decode[SimRingEnabled](e, TypeSimRingEnabled)
}

// SimRingDisabled decodes the data of a [TypeSimRingDisabled] event.
func (e Event) SimRingDisabled() (SimRingDisabled, error) {
	return decode[SimRingDisabled](e, TypeSimRingDisabled)
}

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
