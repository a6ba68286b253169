package ledger

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/sipaddr"
)

// Who is subscribed to the changes of a contact list has three items, since one
// write is paid by its size:
//
//	Contacts         small, in the list of its shard by the time it is due;
//	                 written twice for each contact: lease, result
//	KeptApplication  how to go on with the user's application; written when
//	                 that changed
//	ContactList      the contacts and groups last seen, and the event that told
//	                 of them; written when they changed
//
// One worker does all of it, under the lease of the first item:
//
//	enrol -> take -> (vendor) -> keep application -> save list, announce -> alive | postponed | parked | stopped
//
// A worker that dies leaves the user due: it is handed out again, and whoever
// takes it repeats what was done without harm.

// KindContacts is the kind of [Contacts] items.
const KindContacts Kind = "contacts"

// ContactsState says how a user's subscription to contacts and groups stands.
type ContactsState string

// The states of a subscription. The first three are handed out when due.
const (
	ContactsSubscribing ContactsState = "subscribing" // enrolled; no subscription was started yet
	ContactsAlive       ContactsState = "alive"
	ContactsLapsed      ContactsState = "lapsed"  // it has ended against our will, and is started again when due
	ContactsStopped     ContactsState = "stopped" // unsubscribed; remembered for a while
	ContactsParked      ContactsState = "parked"  // given up; enrol the user again
)

// Enrolled reports whether a subscription is to be kept alive.
func (s ContactsState) Enrolled() bool {
	return s == ContactsSubscribing || s == ContactsAlive || s == ContactsLapsed
}

// Contacts is a user's subscription to contacts and groups as far as it is
// remembered. The zero value is none. Keep it below 1 KB: it is written 400
// times a day.
type Contacts struct {
	User            sipaddr.User  `json:"user"`
	State           ContactsState `json:"state,omitempty"` // as written; see [Contacts.StateAt]
	Request         command.Key   `json:"request,omitzero"`
	DurationMinutes int           `json:"durationMinutes,omitempty"` // wanted at each refresh, 10 to 60
	Since           time.Time     `json:"since,omitzero"`            // enrolled, stopped or parked

	// Due is when the user's application is to be contacted next, DueSet when
	// that was decided.
	Due    time.Time `json:"due,omitzero"`
	DueSet time.Time `json:"dueSet,omitzero"`

	Alive   time.Time `json:"alive,omitzero"`   // last success
	Expires time.Time `json:"expires,omitzero"` // of the subscription, by this machine's clock; zero: none
	List    string    `json:"list,omitempty"`   // fingerprint of the contact list last seen and told of

	// Failures in a row since Failing, with what the last one was.
	Failures int       `json:"failures,omitempty"`
	Failing  time.Time `json:"failing,omitzero"`
	Problem  string    `json:"problem,omitempty"`

	Fence      int64     `json:"fence,omitempty"` // counts the leases
	Owner      string    `json:"owner,omitempty"` // process, see [Options]
	Lease      string    `json:"lease,omitempty"` // random, new with each lease; "": nobody works on it
	LeaseUntil time.Time `json:"leaseUntil,omitzero"`

	Forget time.Time `json:"forget,omitzero"` // of a stopped one
}

// StateAt returns the state at a time: a subscription that nobody refreshed
// lapses without a word.
func (c Contacts) StateAt(t time.Time) ContactsState {
	if c.State == ContactsAlive && !c.Expires.IsZero() && !t.Before(c.Expires) {
		return ContactsLapsed
	}
	return c.State
}

// ErrNotEnrolled reports that a user was never enrolled, or has been forgotten.
var ErrNotEnrolled = errors.New("ledger: the user is not enrolled")

// NotDueError reports that there is nothing to do for a user: another delivery
// of the same order was faster, or the subscription was stopped or parked.
type NotDueError struct {
	User  sipaddr.User
	State ContactsState
	Due   time.Time // zero unless the user is enrolled
}

// Error names the user and when there is something to do.
func (e *NotDueError) Error() string {
	if !e.State.Enrolled() {
		return fmt.Sprintf("ledger: contacts of %s are %s", e.User, e.State)
	}
	return fmt.Sprintf("ledger: contacts of %s are due at %s", e.User, e.Due.UTC().Format(time.RFC3339))
}

func contactsKey(u sipaddr.User) Key { return Key{KindContacts, string(u)} }

func (c Contacts) item() Item {
	i := Item{Key: contactsKey(c.User), Expires: c.Forget}
	switch {
	case c.State.Enrolled():
		i.Index, i.Sort = shardIndex(ContactsShard(c.User)), c.Place()
	case c.State != "":
		i.Index, i.Sort = "contacts/"+string(c.State), c.Since.UTC().Format(sortableTime)+"/"+string(c.User)
	}
	return i
}

// Contacts reads a user's subscription; found is false if there is none.
func (l *Ledger) Contacts(ctx context.Context, user sipaddr.User) (c Contacts, found bool, err error) {
	r, err := read[Contacts](ctx, l, contactsKey(user))
	return r.state, r.version > 0, err
}

// AllContacts yields the subscriptions of all users: those that are kept alive,
// by shard and due time, then those that are parked and stopped.
func (l *Ledger) AllContacts(ctx context.Context) iter.Seq2[Contacts, error] {
	return func(yield func(Contacts, error) bool) {
		indexes := make([]string, 0, ContactsShards+2)
		for shard := range ContactsShards {
			indexes = append(indexes, shardIndex(shard))
		}
		for _, index := range append(indexes, "contacts/"+string(ContactsParked), "contacts/"+string(ContactsStopped)) {
			for c, err := range list[Contacts](ctx, l, index, "", "") {
				if !yield(c, err) || err != nil {
					return
				}
			}
		}
	}
}

// Enrolment is the wish that a subscription be kept alive.
type Enrolment struct {
	Request         command.Key
	DurationMinutes int       // 10 to 60
	Due             time.Time // of the first contact; moves only who is due later
}

// EnrolContacts has a user's subscription kept alive from now on. Who is
// enrolled already stays as far as it has come, with the new duration. Who was
// stopped or parked begins anew. The same request may enrol again.
func (l *Ledger) EnrolContacts(ctx context.Context, user sipaddr.User, e Enrolment) (Contacts, error) {
	r, err := change(ctx, l, contactsKey(user), record[Contacts]{}, func(c Contacts) (Contacts, error) {
		return c.enrolled(user, e, wall(time.Now()))
	})
	return r.state, err
}

func (c Contacts) enrolled(user sipaddr.User, e Enrolment, now time.Time) (Contacts, error) {
	if c.State.Enrolled() && c.Request == e.Request && c.DurationMinutes == e.DurationMinutes {
		return c, errUnchanged
	}
	if !c.State.Enrolled() {
		c = Contacts{
			User: user, State: ContactsSubscribing, Since: now,
			Fence: c.Fence, Owner: c.Owner, Lease: c.Lease, LeaseUntil: c.LeaseUntil,
		}
	}
	c.Request, c.DurationMinutes = e.Request, e.DurationMinutes
	if c.Due.IsZero() || e.Due.Before(c.Due) {
		c.Due, c.DueSet = wall(e.Due), now
	}
	return c, nil
}
