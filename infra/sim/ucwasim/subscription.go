package ucwasim

import (
	"errors"
	"fmt"
	"net/http"
	"time"
)

// SubscriptionConfig is how contacts-and-groups subscriptions behave where the
// pages leave it open. The zero value reads them literally.
type SubscriptionConfig struct {
	// CapNew cuts a new subscription at 30 minutes too; false: only a sum of the
	// remaining and the asked duration, so that a new one may have 60.
	CapNew bool
	// ConnectDelay is how long a new subscription is Connecting, and
	// DisconnectDelay how long a stopped one is Disconnecting; 0: until the answer
	// is written.
	ConnectDelay, DisconnectDelay time.Duration
	// Warning is how long before the expiry a subscription is updated, below 10
	// minutes; 0: 5 minutes. The real lead is not published.
	Warning time.Duration
	// ContactUpdates sends an updated event for a renamed contact, of which the
	// pages do not speak; false: nothing tells of it.
	ContactUpdates bool
}

// Bounds of a contacts-and-groups subscription (UCWA 2.0:
// startOrRefreshSubscriptionToContactsAndGroups).
const (
	shortestSubscription = 10 // minutes
	longestSubscription  = 60 // minutes
	subscriptionCap      = 30 * time.Minute
	defaultWarning       = 5 * time.Minute
)

func (c SubscriptionConfig) withDefaults() SubscriptionConfig {
	setDefault(&c.Warning, defaultWarning)
	return c
}

func (c SubscriptionConfig) validate() error {
	var errs []error
	if c.ConnectDelay < 0 || c.DisconnectDelay < 0 {
		errs = append(errs, fmt.Errorf("ucwasim: config: Subscriptions: ConnectDelay is %v and DisconnectDelay %v, must not be negative",
			c.ConnectDelay, c.DisconnectDelay))
	}
	if c.Warning < 0 || c.Warning >= shortestSubscription*time.Minute {
		errs = append(errs, fmt.Errorf("ucwasim: config: Subscriptions: Warning is %v, must be from 0 to below 10m", c.Warning))
	}
	return errors.Join(errs...)
}

// lifetime is how long a subscription lasts that had some time remaining (0: it is
// new) when asked was asked for. Literally, a refresh can shorten.
func (c SubscriptionConfig) lifetime(remaining, asked time.Duration) time.Duration {
	if remaining <= 0 && !c.CapNew {
		return asked
	}
	return min(max(remaining, 0)+asked, subscriptionCap)
}

// Values of SubscriptionState.
const (
	disconnected  = "Disconnected"
	connecting    = "Connecting"
	connected     = "Connected"
	disconnecting = "Disconnecting"
)

// subscription is the contacts-and-groups subscription of an application, which
// then has a channel; nil: Disconnected.
type subscription struct {
	connects time.Time
	warns    time.Time // zero: it has
	expires  time.Time
	stops    time.Time // when a stopped one becomes Disconnected; zero: not stopped
}

func (s *subscription) state(now time.Time) string {
	switch {
	case s == nil || !s.expires.After(now) || !s.stops.IsZero() && !s.stops.After(now):
		return disconnected
	case !s.stops.IsZero():
		return disconnecting
	case s.connects.After(now):
		return connecting
	default:
		return connected
	}
}

// extend starts or refreshes.
func (s *subscription) extend(asked time.Duration, now time.Time, c SubscriptionConfig) {
	s.expires = now.Add(c.lifetime(s.expires.Sub(now), asked))
	s.warns = s.expires.Add(-c.Warning)
	if s.warns.Before(now) {
		s.warns = now
	}
}

// subscribe starts or refreshes the subscription of an application.
func (u *user) subscribe(a *application, asked time.Duration, c *Config) {
	now := time.Now()
	if a.subscription == nil {
		u.subscriptions.Started++
		a.open(&c.Events)
		a.subscription = &subscription{connects: now.Add(c.Subscriptions.ConnectDelay)}
	} else {
		u.subscriptions.Refreshed++
	}
	a.subscription.extend(asked, now, c.Subscriptions)
	a.wake()
}

// unsubscribe is a stop, which takes some time.
func (u *user) unsubscribe(a *application, delay time.Duration) {
	if s := a.subscription; s != nil && s.stops.IsZero() {
		u.subscriptions.Stopped++
		s.stops = time.Now().Add(delay)
		if delay <= 0 {
			a.subscription = nil
		}
	}
}

// lapse ends a subscription that nobody refreshed in time.
func (u *user) lapse(a *application, now time.Time) {
	s := a.subscription
	switch {
	case s == nil:
	case !s.stops.IsZero():
		if !s.stops.After(now) {
			a.subscription = nil
		}
	case !s.expires.After(now):
		a.subscription = nil
		u.subscriptions.Lapsed++
	}
}

// drop ends a subscription whose application or channel is no more.
func (u *user) drop(a *application) {
	if s := a.subscription; s != nil && s.stops.IsZero() {
		u.subscriptions.Dropped++
	}
	a.subscription = nil
}

// warn tells that the subscription is about to expire (UCWA 2.0:
// myContactsAndGroupsSubscription).
func (a *application) warn(now time.Time) {
	s := a.subscription
	if s == nil || s.warns.IsZero() || s.warns.After(now) || !s.stops.IsZero() {
		return
	}
	a.channel.push(event{at: s.warns, priority: medium, kind: updated, rel: subscriptionRel})
	s.warns = time.Time{}
}

const (
	subscriptionRel = "myContactsAndGroupsSubscription"
	startRel        = "startOrRefreshSubscriptionToContactsAndGroups"
	stopRel         = "stopSubscriptionToContactsAndGroups"
)

// subscriptionResource offers what makes sense in the state and what policy
// allows.
func (c *call) subscriptionResource(state string) *resource {
	self := c.href(c.server.config.Dialect.subscriptionPath())
	r := &resource{rel: subscriptionRel, href: self}
	r.add("state", state)
	if c.user.PeoplePolicy.refusesSubscribing() != "" || state == disconnecting {
		return r
	}
	r.addLink(startRel, self+"/"+startRel)
	if state != disconnected {
		r.addLink(stopRel, self+"/"+stopRel)
	}
	return r
}

// refusesSubscribing says why the subscription may not be started, refreshed and
// stopped; empty: it may.
func (p PeoplePolicy) refusesSubscribing() string {
	switch {
	case p.ReadOnlyContactList:
		return "The user does not have sufficient privileges to modify the contact list."
	case p.NoDelegates:
		return "The user does not have sufficient privileges to access or set delegates."
	case p.NoDistributionGroups:
		return "The user does not have sufficient privileges to access or expand distribution groups."
	}
	return ""
}

func getSubscription(c *call) {
	if c.user.PeoplePolicy.NoPendingContacts {
		c.forbid("The user does not have sufficient privileges to access pending contacts.")
		return
	}
	c.answer(http.StatusOK, c.subscriptionResource(c.app.subscription.state(time.Now())))
}

// postStart starts or refreshes. Its answer says Connecting, also of a
// subscription that is Connected and stays so (UCWA 2.0:
// startOrRefreshSubscriptionToContactsAndGroups).
func postStart(c *call) {
	if !c.maySubscribe() {
		return
	}
	minutes := 0
	if !c.readForm(func(f *form) {
		minutes = f.whole("duration", shortestSubscription, longestSubscription)
	}) {
		return
	}
	if c.app.subscription.state(time.Now()) == disconnecting {
		c.improper()
		return
	}
	c.user.subscribe(c.app, time.Duration(minutes)*time.Minute, &c.server.config)
	c.answer(http.StatusCreated, c.subscriptionResource(connecting))
}

// postStop ends the subscription. One that is not there is not in the proper
// state for it, which is assumed.
func postStop(c *call) {
	if !c.maySubscribe() {
		return
	}
	switch c.app.subscription.state(time.Now()) {
	case disconnected, disconnecting:
		c.improper()
		return
	}
	c.user.unsubscribe(c.app, c.server.config.Subscriptions.DisconnectDelay)
	c.done()
}

func (c *call) maySubscribe() bool {
	why := c.user.PeoplePolicy.refusesSubscribing()
	if why != "" {
		c.forbid(why)
	}
	return why == ""
}

func (c *call) improper() {
	c.fail(fail(http.StatusConflict, "Conflict", "None", "The resource is not in the proper state to accept the request."))
}
