package outcome

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/contactlist"
	"dialtone/shared/failure"
	"dialtone/shared/sipaddr"
)

// Types about contacts and groups. The last is a notice: it answers no request,
// and there are many for one user.
const (
	TypeContactsSubscribed   = "dialtone.contacts.subscribed.v1"
	TypeContactsUnsubscribed = "dialtone.contacts.unsubscribed.v1"
	TypeContactsRefreshed    = "dialtone.contacts.refreshed.v1"
	TypeContactsChanged      = "dialtone.contacts.changed.v1"
)

// Subscription is a subscription to contacts and groups as it was found or as it
// stands. State is UCWA's text (UCWA 2.0: SubscriptionState), such as
// "Connected"; "Disconnected" where there is none.
type Subscription struct {
	State   string    `json:"state"`
	Expires time.Time `json:"expires,omitzero"` // by dialtone's clock, UTC; zero: not known, or none
}

// ContactsSubscribed is the data of [TypeContactsSubscribed].
type ContactsSubscribed struct {
	Request         command.Key  `json:"request"`
	User            sipaddr.User `json:"user"`
	DurationMinutes int          `json:"durationMinutes"`
	Before          Subscription `json:"before"`
	After           Subscription `json:"after"`
	Contacts        int          `json:"contacts"` // on the list from which changes count
	Groups          int          `json:"groups"`
	Verified        string       `json:"verified"`
}

// ContactsUnsubscribed is the data of [TypeContactsUnsubscribed].
type ContactsUnsubscribed struct {
	Request            command.Key  `json:"request"`
	User               sipaddr.User `json:"user"`
	Enrolled           bool         `json:"enrolled"` // false: there was nothing to end
	Before             Subscription `json:"before"`
	After              Subscription `json:"after"`
	ApplicationDeleted bool         `json:"applicationDeleted"` // false: there was none any more
	Verified           string       `json:"verified"`
}

// ContactsRefreshed is the data of [TypeContactsRefreshed]: each user of the
// request is in one of the lists.
type ContactsRefreshed struct {
	Request   command.Key    `json:"request"`
	Refreshed []sipaddr.User `json:"refreshed,omitempty"` // whose subscription lives on
	Restarted []sipaddr.User `json:"restarted,omitempty"` // whose subscription had ended, and was started again
	Skipped   []sipaddr.User `json:"skipped,omitempty"`   // who were not due, or are not enrolled
	Postponed []Setback      `json:"postponed,omitempty"` // who are tried again later
	Parked    []Setback      `json:"parked,omitempty"`    // who are given up until they are subscribed again
}

// Setback is why nothing came of one user of a request.
type Setback struct {
	User   sipaddr.User  `json:"user"`
	Class  failure.Class `json:"class"`
	Reason string        `json:"reason"`
	Next   time.Time     `json:"next,omitzero"` // the next try, UTC; zero: none
}

// ContactsChanged is the data of [TypeContactsChanged]: what has changed on a
// user's contact list between two looks at it.
type ContactsChanged struct {
	User  sipaddr.User `json:"user"`
	Seq   int64        `json:"seq"`   // counts the changes of the user's list, from 1, rising; part of the event's id
	Since time.Time    `json:"since"` // of the look before, UTC
	At    time.Time    `json:"at"`    // of this look, UTC; part of the event's id

	AddedContacts   []contactlist.Contact `json:"addedContacts,omitempty"`
	RemovedContacts []contactlist.Contact `json:"removedContacts,omitempty"`
	RenamedContacts []contactlist.Renamed `json:"renamedContacts,omitempty"`
	MovedContacts   []contactlist.Moved   `json:"movedContacts,omitempty"`
	AddedGroups     []contactlist.Group   `json:"addedGroups,omitempty"`
	RemovedGroups   []contactlist.Group   `json:"removedGroups,omitempty"`
	RenamedGroups   []contactlist.Renamed `json:"renamedGroups,omitempty"`
}

// With returns the data with all that has changed.
func (c ContactsChanged) With(d contactlist.Changes) ContactsChanged {
	c.AddedContacts, c.RemovedContacts, c.RenamedContacts = d.AddedContacts, d.RemovedContacts, d.RenamedContacts
	c.MovedContacts = d.MovedContacts
	c.AddedGroups, c.RemovedGroups, c.RenamedGroups = d.AddedGroups, d.RemovedGroups, d.RenamedGroups
	return c
}

// NewContactsChanged makes the event for one change. Its ID depends on the user,
// Seq and the second of At alone: make it again with the same, and consumers see
// a repeat. Whoever makes it keeps it with the list that it leads to.
func NewContactsChanged(c ContactsChanged) Event {
	c.Since, c.At = c.Since.UTC(), c.At.UTC()
	raw, err := json.Marshal(c)
	if err != nil {
		panic(fmt.Sprintf("outcome %s: %v", TypeContactsChanged, err)) // a year beyond 9999
	}
	user := sha256.Sum256([]byte(c.User))
	return Event{
		SpecVersion: "1.0", ID: hex.EncodeToString(user[:]) + "/" + strconv.FormatInt(c.Seq, 10) + "/" + c.At.Format(time.RFC3339),
		Source: Source, Type: TypeContactsChanged,
		Time: c.At, Subject: string(c.User), DataContentType: "application/json", Data: raw,
	}
}

// ContactsSubscribed decodes the data of a [TypeContactsSubscribed] event.
func (e Event) ContactsSubscribed() (ContactsSubscribed, error) {
	return decode[ContactsSubscribed](e, TypeContactsSubscribed)
}

// ContactsUnsubscribed decodes the data of a [TypeContactsUnsubscribed] event.
func (e Event) ContactsUnsubscribed() (ContactsUnsubscribed, error) {
	return decode[ContactsUnsubscribed](e, TypeContactsUnsubscribed)
}

// ContactsRefreshed decodes the data of a [TypeContactsRefreshed] event.
func (e Event) ContactsRefreshed() (ContactsRefreshed, error) {
	return decode[ContactsRefreshed](e, TypeContactsRefreshed)
}

// ContactsChanged decodes the data of a [TypeContactsChanged] event.
func (e Event) ContactsChanged() (ContactsChanged, error) {
	return decode[ContactsChanged](e, TypeContactsChanged)
}
