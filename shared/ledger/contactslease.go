package ledger

import (
	"context"
	"crypto/rand"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/sipaddr"
)

// ContactsLease is the right of one worker to contact a user's application,
// until a time.
type ContactsLease struct{ at record[Contacts] }

// Contacts returns the subscription as it stood when the lease was taken.
func (k *ContactsLease) Contacts() Contacts { return k.at.state }

// User returns whose it is.
func (k *ContactsLease) User() sipaddr.User { return k.at.state.User }

// Fence returns the lease's place among all leases of the user, from 1.
func (k *ContactsLease) Fence() int64 { return k.at.state.Fence }

// Until returns the end of the lease. Every call to the vendor must end before it.
func (k *ContactsLease) Until() time.Time { return k.at.state.LeaseUntil }

// TakeContacts takes the lease of a user who is due by a time, such as the end
// of the period that the order was made for. A zero due takes the lease in any
// state and at any time, to subscribe or unsubscribe. It does not wait.
//
// Errors: [ErrNotEnrolled]; [*NotDueError], which makes of a repeated order a
// read; [*LockedError] while another worker holds the lease; or the store's. End
// the lease with one of [Ledger.ContactsAlive], [Ledger.PostponeContacts],
// [Ledger.ParkContacts] and [Ledger.StopContacts].
func (l *Ledger) TakeContacts(ctx context.Context, user sipaddr.User, due, until time.Time) (*ContactsLease, error) {
	want := Contacts{User: user, Due: due, Owner: l.owner, Lease: rand.Text(), LeaseUntil: wall(until)}
	known, err := read[Contacts](ctx, l, contactsKey(user)) // nobody is taken unread, so a guess would be lost
	if err != nil {
		return nil, err
	}
	r, err := change(ctx, l, contactsKey(user), known, func(c Contacts) (Contacts, error) {
		return c.taken(want, l.exclusive, time.Now())
	})
	if err != nil {
		return nil, err
	}
	return &ContactsLease{at: r}, nil
}

func (c Contacts) taken(want Contacts, exclusive bool, now time.Time) (Contacts, error) {
	orphaned := exclusive && c.Owner != want.Owner
	switch {
	case c.State == "":
		return c, ErrNotEnrolled
	case !want.Due.IsZero() && (!c.State.Enrolled() || c.Due.After(want.Due)):
		return c, &NotDueError{User: c.User, State: c.State, Due: c.Due}
	case c.Lease != "" && now.Before(c.LeaseUntil) && !orphaned:
		return c, &LockedError{Name: "contacts of " + string(c.User), Until: c.LeaseUntil}
	}
	c.Fence++
	c.Owner, c.Lease, c.LeaseUntil = want.Owner, want.Lease, want.LeaseUntil
	return c, nil
}

// ContactsContact is what a contact with a user's application came to.
type ContactsContact struct {
	Expires time.Time // of the subscription; [Ledger.ContactsAlive] needs it
	Due     time.Time // of the next contact
	List    string    // fingerprint of the contact list, once everything about it was told; "": as before
}

// ContactsAlive writes down that the subscription was started or refreshed, and
// gives the lease back. It fails with [ErrFenced] when the lease was taken over.
func (l *Ledger) ContactsAlive(ctx context.Context, lease *ContactsLease, k ContactsContact) error {
	return l.endContacts(ctx, lease, func(c Contacts, now time.Time) Contacts {
		c.State, c.Alive, c.Expires = ContactsAlive, now, wall(k.Expires)
		c.Failures, c.Failing, c.Problem = 0, time.Time{}, ""
		if k.List != "" {
			c.List = k.List
		}
		return c.dueAt(k.Due, now)
	})
}

// ContactsSetback is why a contact with a user's application led to nothing.
type ContactsSetback struct {
	Due     time.Time // of the next try
	Problem string    // for operators
	Lapsed  bool      // the subscription, or its application, is known to be gone
	Excused bool      // not the user's failure, such as a vendor's outage: it is not counted
}

// PostponeContacts writes down that the user is due again later, and gives the
// lease back. It fails with [ErrFenced] when the lease was taken over.
func (l *Ledger) PostponeContacts(ctx context.Context, lease *ContactsLease, s ContactsSetback) error {
	return l.endContacts(ctx, lease, func(c Contacts, now time.Time) Contacts {
		c.Problem = cut(s.Problem, longestProblem)
		if !s.Excused {
			c.Failures++
			if c.Failing.IsZero() {
				c.Failing = now
			}
		}
		if c.State != ContactsSubscribing && (s.Lapsed || c.StateAt(now) == ContactsLapsed) {
			c.State, c.Expires = ContactsLapsed, time.Time{}
		}
		return c.dueAt(s.Due, now)
	})
}

// ParkContacts gives up on a user: nobody is sent until the user is enrolled
// again. It fails with [ErrFenced] when the lease was taken over.
func (l *Ledger) ParkContacts(ctx context.Context, lease *ContactsLease, problem string) error {
	return l.endContacts(ctx, lease, func(c Contacts, now time.Time) Contacts {
		c.Problem = cut(problem, longestProblem)
		return c.ended(ContactsParked, now)
	})
}

// StopContacts writes down that a user was unsubscribed by a request. It fails
// with [ErrFenced] when the lease was taken over. What is stopped is forgotten
// when finished requests are.
func (l *Ledger) StopContacts(ctx context.Context, lease *ContactsLease, by command.Key) error {
	return l.endContacts(ctx, lease, func(c Contacts, now time.Time) Contacts {
		c.Request, c.Failures, c.Failing, c.Problem = by, 0, time.Time{}, ""
		c = c.ended(ContactsStopped, now)
		c.Forget = now.Add(l.retention).Truncate(time.Second)
		return c
	})
}

// endContacts moves a subscription under its lease, which ends with it.
func (l *Ledger) endContacts(ctx context.Context, lease *ContactsLease, step func(Contacts, time.Time) Contacts) error {
	mine := lease.at.state
	r, err := change(ctx, l, contactsKey(mine.User), lease.at, func(c Contacts) (Contacts, error) {
		if c.Fence != mine.Fence || c.Lease != mine.Lease {
			return c, ErrFenced
		}
		c = step(c, wall(time.Now()))
		c.Owner, c.Lease, c.LeaseUntil = "", "", time.Time{}
		return c, nil
	})
	if err == nil {
		lease.at = r
	}
	return err
}

func (c Contacts) dueAt(due, now time.Time) Contacts {
	c.Due, c.DueSet = wall(due), now
	return c
}

func (c Contacts) ended(s ContactsState, now time.Time) Contacts {
	c.State, c.Since = s, now
	c.Due, c.DueSet, c.Expires, c.List = time.Time{}, time.Time{}, time.Time{}, ""
	return c
}
