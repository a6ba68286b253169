package ucwasim

import (
	"errors"
	"fmt"
	"time"
)

// ChannelConfig is how event channels behave where the pages leave it open or
// tests cannot wait so long. The zero value is as documented.
type ChannelConfig struct {
	// ShortPolls allows low, medium and timeout from 0 instead of from 5, 5 and 180
	// seconds.
	ShortPolls bool
	// Low, Medium and Timeout are used until a request names others: how long events
	// of that priority wait for company, and after how long an empty answer is
	// given; 0: 15, 5 and 180 seconds.
	Low, Medium, Timeout time.Duration
	// Gap ends an application that sent no event request for so long after the last
	// one was released; 0: 15 minutes. Config.IdleTimeout is for those that never
	// sent one.
	Gap time.Duration
	// ResumeAfter drops subscriptions and queued events after such a gap, so that
	// the next event request is answered with resume. It has no effect from Gap on;
	// 0: never. The real time is not published.
	ResumeAfter time.Duration
	// ParkAbandoned keeps an event request whose caller hung up waiting for its
	// events or its timeout, and what it is released with is lost until it is asked
	// for again; false: it is released at once. Which is true is not published.
	ParkAbandoned bool
	// LeanEvents leaves resources out of events, so that callers must follow links.
	LeanEvents bool
}

// Bounds of the parameters of an event request, in seconds (UCWA 2.0: events).
const (
	shortestHold = 5
	shortestPoll = 180
	longestWait  = 1800

	defaultLow    = 15 * time.Second
	defaultMedium = shortestHold * time.Second
	defaultPoll   = shortestPoll * time.Second
	never         = 100 * 365 * 24 * time.Hour
)

func (c ChannelConfig) withDefaults() ChannelConfig {
	setDefault(&c.Low, defaultLow)
	setDefault(&c.Medium, defaultMedium)
	setDefault(&c.Timeout, defaultPoll)
	setDefault(&c.Gap, defaultIdle)
	setDefault(&c.ResumeAfter, never)
	return c
}

func (c ChannelConfig) validate() error {
	var errs []error
	for _, d := range []struct {
		name string
		time.Duration
	}{{"Low", c.Low}, {"Medium", c.Medium}, {"Timeout", c.Timeout}, {"Gap", c.Gap}, {"ResumeAfter", c.ResumeAfter}} {
		if d.Duration < 0 {
			errs = append(errs, fmt.Errorf("ucwasim: config: Events: %s is %v, must not be negative", d.name, d.Duration))
		}
	}
	return errors.Join(errs...)
}

// priority says how long an event may wait for company. There is no wait for high
// ones.
type priority uint8

const (
	high priority = iota
	medium
	low
)

// kind is what happened to a resource.
type kindOfEvent string

const (
	added   kindOfEvent = "added"
	updated kindOfEvent = "updated"
	deleted kindOfEvent = "deleted"
)

// event is a change of a resource as it was then: a package is repeated as it is.
type event struct {
	at       time.Time
	priority priority
	kind     kindOfEvent
	rel      string
	id, name string // of the contact (its URI) or group
}

func contactEvent(k kindOfEvent, c Contact) event {
	return event{kind: k, rel: "contact", id: c.URI, name: c.Name}
}

func groupEvent(k kindOfEvent, g Group) event {
	e := event{kind: k, rel: g.rel(), id: g.ID, name: g.Name}
	if g.common() {
		e.priority = low
	}
	return e
}

// notify tells every application of the user that has a connected subscription.
func (u *user) notify(e event) {
	e.at = time.Now()
	for _, a := range u.apps {
		if a.subscription.state(e.at) == connected {
			a.channel.push(e)
		}
	}
}

// channel is the event channel of an application (UCWA 2.0: Event channel
// details). A package is what one event request was released with. It has the ack
// of that request, and is kept until a request with the following ack arrives.
type channel struct {
	ack    int     // of the latest package; 0: there was none
	sent   []event // the latest package
	resume bool    // the latest package is a resume
	acked  bool    // the latest package has been acknowledged, and is gone

	queue                []event
	poll                 *poll
	released             time.Time // when the last event request was; zero: none yet
	low, medium, timeout time.Duration
	reset                bool // the next package is a resume
}

// poll is an event request that waits.
type poll struct {
	ack       int
	priority  int
	until     time.Time
	wake      chan struct{} // something has changed
	replaced  bool
	abandoned bool // the caller has hung up
}

func newPoll() *poll { return &poll{wake: make(chan struct{}, 1)} }

func (p *poll) signal() {
	select {
	case p.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// open returns the channel of an application, made when it is first needed.
func (a *application) open(c *ChannelConfig) *channel {
	if a.channel == nil {
		a.channel = &channel{low: c.Low, medium: c.Medium, timeout: c.Timeout}
	}
	return a.channel
}

// wake lets a waiting event request look at what has changed.
func (a *application) wake() {
	if a.channel != nil && a.channel.poll != nil {
		a.channel.poll.signal()
	}
}

// push queues an event. A repeated update of the same resource is one with the
// latest content.
func (ch *channel) push(e event) {
	if !ch.coalesce(e) {
		ch.queue = append(ch.queue, e)
	}
	if ch.poll != nil {
		ch.poll.signal()
	}
}

func (ch *channel) coalesce(e event) bool {
	for i := len(ch.queue) - 1; i >= 0 && e.kind == updated; i-- {
		q := &ch.queue[i]
		if q.rel == e.rel && q.id == e.id {
			q.name = e.name
			return true
		}
	}
	return false
}

// due is when the waiting event request must be released: at its timeout, or
// earlier for the most urgent event. The others leave with it.
func (ch *channel) due() time.Time {
	at := ch.poll.until
	if ch.reset {
		return ch.released
	}
	for _, e := range ch.queue {
		leaves := e.at.Add([...]time.Duration{0, ch.medium, ch.low}[e.priority])
		if leaves.Before(at) {
			at = leaves
		}
	}
	return at
}

// take makes p the waiting event request in the place of one of the same or a
// lower priority, or returns false when there is one of a higher.
func (ch *channel) take(p *poll) bool {
	if old := ch.poll; old != nil {
		if old.priority > p.priority {
			return false
		}
		old.replaced = true
		old.signal()
	}
	ch.poll = p
	return true
}

// knows reports whether an ack is that of the latest package, unless it has been
// acknowledged, or the following one, which acknowledges it.
func (ch *channel) knows(ack int) bool {
	return ack == ch.ack+1 || ch.repeats(ack)
}

func (ch *channel) repeats(ack int) bool {
	return ack == ch.ack && ack > 0 && !ch.acked
}

// resync is the ack to go on with for a caller who has lost it: that of the latest
// package, or the following one when that has been acknowledged.
func (ch *channel) resync() int {
	if ch.ack == 0 || ch.acked {
		return ch.ack + 1
	}
	return ch.ack
}

// acknowledge forgets the latest package.
func (ch *channel) acknowledge() {
	ch.acked, ch.sent = true, nil
}

// pack releases the waiting event request with everything that is queued.
func (ch *channel) pack(at time.Time) {
	ch.ack, ch.sent, ch.queue = ch.poll.ack, ch.queue, nil
	ch.acked, ch.resume, ch.reset = false, ch.reset, false
	ch.release(at)
}

func (ch *channel) release(at time.Time) {
	ch.poll, ch.released = nil, at
}

// forget drops everything after a long silence (UCWA 2.0: Events in UCWA).
func (ch *channel) forget(c *ChannelConfig) {
	ch.acknowledge()
	ch.queue, ch.reset = nil, true
	ch.low, ch.medium, ch.timeout = c.Low, c.Medium, c.Timeout
	if ch.poll != nil {
		ch.poll.signal()
	}
}

// opened reports whether an event request was ever sent.
func (ch *channel) opened() bool {
	return ch != nil && (ch.poll != nil || !ch.released.IsZero())
}

// lastHeard is when the last event request was or will be released at the latest.
func (ch *channel) lastHeard() time.Time {
	if ch.poll != nil {
		return ch.poll.until
	}
	return ch.released
}

// settle releases an event request whose caller is gone when it is due.
func (ch *channel) settle(now time.Time) {
	if ch == nil || ch.poll == nil || !ch.poll.abandoned {
		return
	}
	if due := ch.due(); !due.After(now) {
		ch.pack(due)
	}
}
