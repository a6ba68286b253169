package ucwa

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/subscription"
)

// SubscriptionState says whether a subscription brings events. The server may
// send others than the four constants; they are kept as sent.
type SubscriptionState string

// The states (UCWA 2.0: SubscriptionState).
const (
	Disconnected  SubscriptionState = "Disconnected"  // no events
	Connecting    SubscriptionState = "Connecting"    // being set up: what a start or refresh answers
	Connected     SubscriptionState = "Connected"     // events flow
	Disconnecting SubscriptionState = "Disconnecting" // about to stop
)

// Rels of the subscription, which also name its operations.
const (
	contactsSubscription = "myContactsAndGroupsSubscription"
	startOrRefresh       = "startOrRefreshSubscriptionToContactsAndGroups"
	stopSubscription     = "stopSubscriptionToContactsAndGroups"
)

// Subscription is the subscription of an application to the contacts and groups
// of its user (UCWA 2.0: myContactsAndGroupsSubscription). What it brings are
// events on the application's event channel; it ends with the application. It
// has no secrets and can be kept as JSON for as long as the application lives.
// The zero value offers nothing.
type Subscription struct {
	State SubscriptionState `json:"state,omitempty"` // Disconnected when absent
	// Expires is when it ends unless it is refreshed, by this machine's clock
	// and on the early side; zero when not known: the server does not tell.
	Expires time.Time `json:"expires,omitzero"`
	// Refresh and Stop are where these lead, empty where the server does not
	// offer them.
	Refresh string `json:"refresh,omitempty"`
	Stop    string `json:"stop,omitempty"`
}

// ContactsSubscription reads the subscription to contacts and groups, which is
// there also when it was never started (UCWA 2.0:
// myContactsAndGroupsSubscription). It fails as denied with [ErrMissingLink]
// when the server offers none, and without it when the user may not see the
// contact list.
func (a *Application) ContactsSubscription(ctx context.Context) (Subscription, error) {
	doc, err := a.getPeople(ctx, contactsSubscription)
	if err != nil {
		return Subscription{}, err
	}
	return subscriptionOf(contactsSubscription, doc)
}

func subscriptionOf(operation string, doc *resource) (s Subscription, err error) {
	s.State = oneOf(doc.text("state"), Disconnected, Connecting, Connected, Disconnecting)
	for rel, into := range map[string]*string{startOrRefresh: &s.Refresh, stopSubscription: &s.Stop} {
		u, err := doc.target(rel)
		if err != nil {
			return Subscription{}, refused(operation, failure.Denied, err)
		}
		if u != nil {
			*into = u.String()
		}
	}
	return s, nil
}

// RefreshSubscription starts the subscription, or refreshes one that lives, for
// whole minutes from 10 to 60 (UCWA 2.0:
// startOrRefreshSubscriptionToContactsAndGroups). The result says until when it
// can be relied on, see [subscription.Planned]; read the subscription again when
// the result does not offer what is wanted.
//
// It can be repeated without harm. Errors are [*Error]s: invalid for the
// duration, without a call; denied when the user may not change the contact
// list, set delegates or expand distribution groups, or with [ErrMissingLink];
// Retry or Refresh while the subscription is not in a state to take it;
// Recreate when the application is gone, which was confirmed.
func (a *Application) RefreshSubscription(ctx context.Context, s Subscription, d time.Duration) (Subscription, error) {
	if err := subscription.CheckDuration(d); err != nil {
		return Subscription{}, refused(startOrRefresh, failure.Invalid, fmt.Errorf("duration %w", err))
	}
	if s.Refresh == "" && s.State == Disconnecting {
		return Subscription{}, &Error{
			Operation: startOrRefresh, Class: failure.Unavailable, Remedy: Refresh, Err: errors.New("the subscription is about to stop: read it again later"),
		}
	}
	asked := time.Now()
	doc, err := a.postSubscription(ctx, startOrRefresh, s.Refresh, input{{"duration", int(d / time.Minute)}})
	if err != nil {
		return Subscription{}, err
	}
	now, err := subscriptionOf(startOrRefresh, doc)
	if err != nil {
		return Subscription{}, err
	}
	now.Expires = asked.Add(subscription.Planned(s.left(asked), d)).UTC().Round(0)
	return now, nil
}

// left returns how long the subscription lives from a time on, at least.
func (s Subscription) left(from time.Time) time.Duration {
	if s.Expires.IsZero() {
		return 0
	}
	return s.Expires.Sub(from)
}

// StopSubscription stops the subscription (UCWA 2.0:
// stopSubscriptionToContactsAndGroups). It can be repeated without harm: one
// that has stopped counts as stopped, and so does that of an application that is
// gone. Other errors are those of [Application.RefreshSubscription].
func (a *Application) StopSubscription(ctx context.Context, s Subscription) error {
	if s.Stop == "" && s.stopped() {
		return nil
	}
	_, err := a.postSubscription(ctx, stopSubscription, s.Stop, nil)
	switch e := As(err); {
	case e == nil:
		return err
	case gone(err):
		return nil
	case e.Status == http.StatusConflict && e.Remedy == Retry: // perhaps stopped by a request whose answer was lost
		if now, readErr := a.ContactsSubscription(ctx); readErr == nil && now.stopped() {
			return nil
		}
	}
	return err
}

// stopped reports whether the subscription has ended or is about to.
func (s Subscription) stopped() bool { return s.State == Disconnected || s.State == Disconnecting }

// postSubscription does what a link of the subscription offers.
func (a *Application) postSubscription(ctx context.Context, rel, href string, in input) (*resource, error) {
	if href == "" {
		return nil, missing(rel, contactsSubscription, rel)
	}
	u, err := resolve(a.self, href)
	if err != nil {
		return nil, refused(rel, failure.Denied, fmt.Errorf("link %w", err))
	}
	doc, err := a.callBelow(ctx, request{
		operation: rel, method: http.MethodPost, url: u, input: in, effect: settles, yields: rel == startOrRefresh,
	})
	return doc, unready(err)
}

// unready makes a passing failure of 409 without a subcode: of the two meanings
// that its pages give, "not in the proper state" and "unsupported", only the
// first can be of a link that the server offers.
func unready(err error) error {
	e := As(err)
	if e != nil && e.Status == http.StatusConflict && (e.Subcode == "" || strings.EqualFold(e.Subcode, "None")) {
		return e.as(failure.Unavailable, Retry)
	}
	return err
}

// getPeople reads a resource that people leads to.
func (a *Application) getPeople(ctx context.Context, rel string) (*resource, error) {
	people, err := a.people(ctx)
	if err != nil {
		return nil, err
	}
	u, err := follow(rel, people, "people", rel)
	if err != nil {
		return nil, err
	}
	return a.callBelow(ctx, request{operation: rel, method: http.MethodGet, url: u, yields: true})
}

// people returns what leads to contacts and groups (UCWA 2.0: people).
func (a *Application) people(ctx context.Context) (*resource, error) {
	if docs := a.known.Load(); docs.people != nil {
		return docs.people, nil
	}
	docs, err := a.whole(ctx)
	if err != nil {
		return nil, err
	}
	if docs.people != nil {
		return docs.people, nil
	}
	doc, err := a.get(ctx, "people", docs.application, "application")
	if err != nil {
		return nil, err
	}
	a.known.Store(&documents{docs.application, docs.me, doc})
	return doc, nil
}
