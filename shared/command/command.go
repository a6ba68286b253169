// Package command is what dialtone can be asked to do: the messages on its
// queues, each a CloudEvents 1.0 JSON object in structured mode.
//
// [Decode] reads a body strictly and reports every problem at once, by field.
// The schemas of the same messages for other languages are in events/schema.
package command

import (
	"crypto/sha256"
	"encoding/hex"
	"time"

	"dialtone/shared/e164"
	"dialtone/shared/ringtarget"
	"dialtone/shared/sipaddr"
)

// MaxBody is the largest body that is read, in bytes. Larger ones are invalid.
const MaxBody = 64 << 10

// Message types. A type names its version; a new meaning gets a new type.
const (
	TypeAssign         = "dialtone.number.assign.v1"
	TypeRelease        = "dialtone.number.release.v1"
	TypeEnableSimRing  = "dialtone.simring.enable.v1"
	TypeDisableSimRing = "dialtone.simring.disable.v1"

	TypeSubscribeContacts   = "dialtone.contacts.subscribe.v1"
	TypeUnsubscribeContacts = "dialtone.contacts.unsubscribe.v1"
	TypeRefreshContacts     = "dialtone.contacts.refresh.v1"
)

// Types returns the types of all messages that [Decode] reads.
func Types() []string {
	return []string{
		TypeAssign, TypeRelease, TypeEnableSimRing, TypeDisableSimRing,
		TypeSubscribeContacts, TypeUnsubscribeContacts, TypeRefreshContacts,
	}
}

// Key identifies a request through retries, redrives and replays: the source
// and id of its CloudEvent. The zero value is no request.
type Key struct {
	Source string `json:"source"`
	ID     string `json:"id"`
}

// String returns source and id on one line, unambiguous for people.
func (k Key) String() string { return k.Source + " " + k.ID }

// Hash returns 64 hexadecimal digits that stand for the key: the deduplication
// id on a FIFO queue and the item id in the ledger.
func (k Key) Hash() string {
	h := sha256.New()
	h.Write([]byte(k.Source))
	h.Write([]byte{0})
	h.Write([]byte(k.ID))
	return hex.EncodeToString(h.Sum(nil))
}

// Unreadable returns the key of a body that names none: stable, so that the
// same broken body, sent again, is the same request.
func Unreadable(body []byte) Key {
	sum := sha256.Sum256(body)
	return Key{Source: "urn:dialtone:unreadable", ID: hex.EncodeToString(sum[:])}
}

// Command is one decoded message.
type Command struct {
	Key  Key
	Type string
	Time time.Time    // the event's own time; zero when it gives none
	User sipaddr.User // whom it is about; also the message group on a FIFO queue. "" of a [RefreshContacts], which is about many
	Data Data
}

// Data is the type-specific part of a Command: [Assign], [Release],
// [EnableSimRing], [DisableSimRing], [SubscribeContacts], [UnsubscribeContacts]
// or [RefreshContacts].
//
// The JSON of these types is no message but what requests are told apart by:
// fields at their zero value stay out of it, so that requests under way remain
// themselves when a later version has more fields.
type Data interface{ command() }

// PhoneType says which of a user's four published phones is meant.
type PhoneType string

// The phone types of UCWA's phone resource, folded to lower case.
const (
	Work   PhoneType = "work"
	Mobile PhoneType = "mobile"
	Home   PhoneType = "home"
	Other  PhoneType = "other"
)

// LicenseType is the Webex Calling licence that the number must fit.
type LicenseType string

// The licence types of Webex's available-numbers operation.
const (
	Professional LicenseType = "Webex Calling Professional"
	Standard     LicenseType = "Webex Calling Standard"
)

// Assign asks for a number from the pool of a location, published for the user.
type Assign struct {
	User                 sipaddr.User `json:",omitzero"`
	LocationID           string       `json:",omitzero"` // Webex location the number must come from
	LicenseType          LicenseType  `json:",omitzero"` // Professional unless given
	OrgID                string       `json:",omitzero"` // empty: the organisation of the deployment
	Number               e164.Number  `json:",omitzero"` // empty: any number of the pool
	PhoneType            PhoneType    `json:",omitzero"` // Work unless given
	IncludeInContactCard *bool        `json:",omitzero"` // nil: left as it is
	Replace              bool         `json:",omitzero"` // false: a user who already has a number keeps it
	DryRun               bool         `json:",omitzero"` // true: everything but the change
}

// Release asks to take back the number that dialtone gave to one of a user's
// phones: what stood there before is published again, or nothing is.
type Release struct {
	User      sipaddr.User `json:",omitzero"`
	PhoneType PhoneType    `json:",omitzero"` // Work unless given
	DryRun    bool         `json:",omitzero"` // true: everything but the change
}

// EnableSimRing asks that calls to the user ring a second phone or contact at
// the same time.
type EnableSimRing struct {
	User   sipaddr.User      `json:",omitzero"`
	Target ringtarget.Target `json:",omitzero"` // what rings as well
	DryRun bool              `json:",omitzero"` // true: everything but the change
}

// DisableSimRing asks to end simultaneous ringing.
type DisableSimRing struct {
	User    sipaddr.User `json:",omitzero"`
	Restore bool         `json:",omitzero"` // true unless given: the settings before dialtone's change come back
	DryRun  bool         `json:",omitzero"` // true: everything but the change
}

// DefaultDurationMinutes is the duration of a subscription unless one is given.
const DefaultDurationMinutes = 30

// SubscribeContacts asks that changes of the user's contacts and groups be
// told from now on, until they are unsubscribed.
type SubscribeContacts struct {
	User            sipaddr.User `json:",omitzero"`
	DurationMinutes int          `json:",omitzero"` // asked for at each refresh: 10 to 60, 30 unless given
}

// UnsubscribeContacts asks to end that.
type UnsubscribeContacts struct {
	User            sipaddr.User `json:",omitzero"`
	DurationMinutes int          `json:",omitzero"` // without effect: the data of a subscription can be sent again as it was
}

// RefreshContacts asks to contact the applications of users whose subscription
// is due. What is not due is left alone.
type RefreshContacts struct {
	Users []sipaddr.User `json:",omitzero"` // 1 to [MaxRefresh], each once
}

// MaxRefresh is how many users one [RefreshContacts] may have.
const MaxRefresh = 100

func (Assign) command()         {}
func (Release) command()        {}
func (EnableSimRing) command()  {}
func (DisableSimRing) command() {}

func (SubscribeContacts) command()   {}
func (UnsubscribeContacts) command() {}
func (RefreshContacts) command()     {}
