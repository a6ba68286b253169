package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
)

// The kinds of what is kept beside a [Contacts] item.
const (
	KindApplication Kind = "application"
	KindContactList Kind = "contactlist"
)

// KeptApplication is how a user's application is gone on with in another
// process. The ledger understands none of it. The zero value is none.
type KeptApplication struct {
	User        sipaddr.User    `json:"user"`
	Fence       int64           `json:"fence"`                 // of the lease it was written under
	Application json.RawMessage `json:"application,omitempty"` // the client's own record, as json.Marshal writes it, without secrets and without what changes at each contact
	Pool        string          `json:"pool,omitempty"`        // host that it lives on, for operators
	SignIn      []byte          `json:"signIn,omitempty"`      // sealed, and sealed anew only for another sign-in: no two boxes are the same
	SignInUntil time.Time       `json:"signInUntil,omitzero"`  // from then on SignIn is of no use
	Forget      time.Time       `json:"forget,omitzero"`
}

func applicationKey(u sipaddr.User) Key { return Key{KindApplication, string(u)} }

func (k KeptApplication) item() Item { return Item{Key: applicationKey(k.User), Expires: k.Forget} }

func (k KeptApplication) same(o KeptApplication) bool {
	return bytes.Equal(k.Application, o.Application) && k.Pool == o.Pool &&
		bytes.Equal(k.SignIn, o.SignIn) && k.SignInUntil.Equal(o.SignInUntil)
}

// KeptApplication reads what was kept of a user's application; found is false
// if there is nothing. A sign-in whose time is over is left out.
func (l *Ledger) KeptApplication(ctx context.Context, user sipaddr.User) (k KeptApplication, found bool, err error) {
	r, err := read[KeptApplication](ctx, l, applicationKey(user))
	k = r.state
	if !time.Now().Before(k.SignInUntil) {
		k.SignIn, k.SignInUntil = nil, time.Time{}
	}
	return k, len(k.Application) > 0, err
}

// KeepApplication keeps what is needed to go on with a user's application. Of k,
// User and Fence do not count. What is kept already costs no write. It fails
// with [ErrFenced] when somebody with a later lease has written.
func (l *Ledger) KeepApplication(ctx context.Context, lease *ContactsLease, k KeptApplication) error {
	if !json.Valid(k.Application) {
		return fmt.Errorf("keep application: its record is not JSON")
	}
	k.Forget, k.SignInUntil = time.Time{}, wall(k.SignInUntil)
	return l.keepApplication(ctx, lease, k)
}

// DropApplication forgets what was kept of a user's application, which is gone.
// It fails with [ErrFenced] when somebody with a later lease has written.
func (l *Ledger) DropApplication(ctx context.Context, lease *ContactsLease) error {
	return l.keepApplication(ctx, lease, KeptApplication{Forget: time.Now().UTC().Add(l.retention).Truncate(time.Second)})
}

func (l *Ledger) keepApplication(ctx context.Context, lease *ContactsLease, k KeptApplication) error {
	k.User, k.Fence = lease.User(), lease.Fence()
	known, err := read[KeptApplication](ctx, l, applicationKey(k.User))
	if err != nil {
		return err
	}
	_, err = change(ctx, l, applicationKey(k.User), known, func(stands KeptApplication) (KeptApplication, error) {
		switch {
		case stands.Fence > k.Fence:
			return stands, ErrFenced
		case stands.same(k):
			return stands, errUnchanged
		}
		return k, nil
	})
	return err
}

// ContactList is a user's contacts and groups as last seen, and the event that
// told of them. The event is a write ahead: it is kept with the list that it
// leads to, so that whoever comes after a crash tells the same under the same
// ID. The order is
//
//	read -> announce Event, if any -> save the next list with its event -> announce that
//
// where announcing twice is free of harm. The zero value is none.
type ContactList struct {
	User        sipaddr.User    `json:"user"`
	Seq         int64           `json:"seq"`                   // counts the lists that were saved, from 1
	Fingerprint string          `json:"fingerprint,omitempty"` // of List
	List        json.RawMessage `json:"list,omitempty"`        // the ledger does not understand it
	Event       *outcome.Event  `json:"event,omitempty"`       // nil: the first list, which is no news
	At          time.Time       `json:"at"`

	version int64
}

func contactListKey(u sipaddr.User) Key { return Key{KindContactList, string(u)} }

func (c ContactList) item() Item { return Item{Key: contactListKey(c.User)} }

// ContactList reads the list of a user; Seq is 0 if there is none.
func (l *Ledger) ContactList(ctx context.Context, user sipaddr.User) (ContactList, error) {
	r, err := read[ContactList](ctx, l, contactListKey(user))
	r.state.User, r.state.version = user, r.version
	return r.state, err
}

// SaveContactList replaces the list that known is. Of next, Fingerprint, List
// (as json.Marshal writes it, or none), Event and At count; Seq goes on from that of known.
// It fails with [ErrFenced] when the list is not as known any more.
//
// A list of 250 contacts has some 25 KB; one of more than 350 KB, event
// included, fits no store.
func (l *Ledger) SaveContactList(ctx context.Context, known, next ContactList) (ContactList, error) {
	next.User, next.Seq, next.At = known.User, known.Seq+1, wall(next.At)
	from := record[ContactList]{known.version, known}
	r, err := change(ctx, l, contactListKey(known.User), from, func(stands ContactList) (ContactList, error) {
		if stands.Seq != known.Seq {
			return stands, ErrFenced
		}
		return next, nil
	})
	r.state.version = r.version
	return r.state, err
}
