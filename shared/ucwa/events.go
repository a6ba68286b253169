package ucwa

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"dialtone/shared/failure"
)

// Limits of an event request (UCWA 2.0: events).
const (
	minAggregation = 5 * time.Second
	minHold        = 180 * time.Second // also what the server takes without a timeout
	maxHold        = 1800 * time.Second
	holdMargin     = 30 * time.Second // for the answer to arrive
)

// Channel is a place in the event channel of an application (UCWA 2.0: events).
// It has no secrets and can be kept as JSON for as long as the application
// lives. The zero value is the beginning.
//
// Going on from a place tells the server that everything before it was
// received: keep the next one only when what came with it has been dealt with.
type Channel struct {
	// Next is the URL of the next request, as the server made it.
	Next string `json:"next,omitempty"`
	// Fresh: the server does not know the times of [PollOptions] yet. The
	// beginning is always fresh.
	Fresh bool `json:"fresh,omitempty"`
}

// PollOptions are the times of an event request. The server remembers the first
// three, so they are sent at the beginning and after the channel was reset. The
// zero value leaves all to the server.
type PollOptions struct {
	// Low and Medium are for how long the server may collect events of low and
	// medium priority, in whole seconds from 5 to 1800. Zero: the server's
	// own, 15 and 5 seconds. Higher priorities are told at once.
	Low, Medium time.Duration
	// Timeout is after how long the server answers that there was nothing, in
	// whole seconds from 180 to 1800. Zero: the server's own, 180 seconds.
	Timeout time.Duration
	// Wait is for how long this client waits before it hangs up, which is no
	// failure. Zero: until the server answers, or should have. What the server
	// makes of one that hangs up is not documented; nothing is acknowledged.
	Wait time.Duration
}

// EventType says what happened to a resource.
type EventType string

// The types that resources have (UCWA 2.0: Event channel details).
const (
	Added   EventType = "added"
	Updated EventType = "updated"
	Deleted EventType = "deleted"
)

// Event tells that something happened to a contact or group. It says that the
// list is to be read again rather than what is on it: one event can stand for
// several changes (UCWA 2.0: Events in UCWA).
type Event struct {
	Type EventType
	Rel  string // contact, group, distributionGroup, ...
	// Href is the resource as the server wrote it, good for the life of the
	// application; it may be gone.
	Href string
	In   string // rel of the collection that it came to or went from; may be empty
}

// Batch is what one event request brought.
type Batch struct {
	// Next is where to go on.
	Next Channel
	// Events are those about contacts and groups, in their order. Those of
	// other senders and resources are left out.
	Events []Event
	// Expiring: the subscription to contacts and groups is about to expire
	// (UCWA 2.0: myContactsAndGroupsSubscription).
	Expiring bool
	// Reset: the server has dropped the subscription after a long silence.
	// Start it again and compare the lists, for events may be lost.
	Reset bool
	// Resynced: the server did not know the place; Next leads to what was not
	// acknowledged. Compare the lists.
	Resynced bool
	// Pending: the wait was over before the server had anything to tell. Next
	// is the place that was asked.
	Pending bool
}

// Poll makes one event request from a place of the channel and waits for its
// answer (UCWA 2.0: events, Event channel details). Call it from one process at
// a time: a second request takes the channel from the first.
//
// A request that fails in passing is repeated a few times from the same place,
// and may be again by the caller: nothing was acknowledged. Errors are
// [*Error]s: invalid for the options; Retry with subcode [PGetReplaced] when
// another process reads the channel; Recreate when the application is gone,
// which was confirmed; Refresh when the place is, begin at the zero Channel then.
//
// A proxy, or an HTTP client with a timeout of its own, must allow for the wait.
func (a *Application) Poll(ctx context.Context, from Channel, opts PollOptions) (Batch, error) {
	const operation = "events"
	if err := opts.check(); err != nil {
		return Batch{}, refused(operation, failure.Invalid, err)
	}
	from, err := a.begin(ctx, from)
	if err != nil {
		return Batch{}, err
	}
	u, err := a.eventsURL(from, opts)
	if err != nil {
		return Batch{}, err
	}
	ctx, hangUp := context.WithCancelCause(ctx)
	defer hangUp(nil)
	if opts.Wait > 0 {
		// Cancelled rather than timed out: whoever watches the host must not
		// take the end of our patience for a fault of the host.
		defer time.AfterFunc(opts.Wait, func() { hangUp(errHungUp) }).Stop()
	}
	doc, err := a.callBelow(ctx, request{
		operation: operation, method: http.MethodGet, url: u, yields: true,
		mediaType: a.client.cfg.Format.eventType(), timeout: opts.hold(),
	})
	if e := As(err); e != nil && e.sent && e.Operation == operation && errors.Is(context.Cause(ctx), errHungUp) {
		return Batch{Next: from, Pending: true}, nil
	}
	if err != nil {
		return Batch{}, err
	}
	return batchOf(operation, doc)
}

// errHungUp ends an event request whose wait is over.
var errHungUp = errors.New("the wait for events is over")

// eventType is the media type to ask for events in: in XML only the precise one
// brings them (UCWA 2.0: Event channel details).
func (f Format) eventType() string {
	if f == XML {
		return "application/vnd.microsoft.com.ucwa+xml"
	}
	return f.mediaType()
}

// check reports every problem at once.
func (o PollOptions) check() error {
	var problems []error
	for _, f := range []struct {
		name       string
		value, min time.Duration
	}{{"Low", o.Low, minAggregation}, {"Medium", o.Medium, minAggregation}, {"Timeout", o.Timeout, minHold}} {
		if f.value != 0 && (f.value < f.min || f.value > maxHold || f.value%time.Second != 0) {
			problems = append(problems, fmt.Errorf("%s is %s: give whole seconds from %d to %d, or nothing for the server's own",
				f.name, f.value, f.min/time.Second, maxHold/time.Second))
		}
	}
	if o.Wait < 0 {
		problems = append(problems, fmt.Errorf("%s is %s: give a positive time, or nothing to wait for the server", "Wait", o.Wait))
	}
	return errors.Join(problems...)
}

// hold is how long the answer may take.
func (o PollOptions) hold() time.Duration { return max(o.Timeout, minHold) + holdMargin }

// begin returns the place where the zero Channel is, and any other as it is.
func (a *Application) begin(ctx context.Context, from Channel) (Channel, error) {
	if from.Next != "" {
		return from, nil
	}
	docs, err := a.whole(ctx)
	if err != nil {
		return Channel{}, err
	}
	u, err := docs.events()
	if err != nil {
		return Channel{}, err
	}
	return Channel{Next: u.String(), Fresh: true}, nil
}

// events returns where the channel begins.
func (d *documents) events() (*url.URL, error) {
	return part{"application", d.application}.follow("events", "events")
}

// eventsURL returns the URL of a place, with the times where they are news.
func (a *Application) eventsURL(from Channel, opts PollOptions) (*url.URL, error) {
	u, err := resolve(a.self, from.Next)
	switch {
	case err != nil:
		return nil, &Error{Operation: "events", Class: failure.Unavailable, Remedy: Refresh, Err: fmt.Errorf("place: %w", err)}
	case from.Fresh:
		return opts.tell(u), nil
	}
	return u, nil
}

// tell adds the times to the query of an event request. The rest of it is the
// server's and stays as it is, to the byte.
func (o PollOptions) tell(u *url.URL) *url.URL {
	times := url.Values{}
	for name, d := range map[string]time.Duration{"low": o.Low, "medium": o.Medium, "timeout": o.Timeout} {
		if d != 0 {
			times.Set(name, strconv.Itoa(int(d/time.Second)))
		}
	}
	var query []string
	for _, pair := range strings.Split(u.RawQuery, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if pair != "" && !times.Has(name) {
			query = append(query, pair)
		}
	}
	if len(times) > 0 {
		query = append(query, times.Encode())
	}
	told := *u
	told.RawQuery = strings.Join(query, "&")
	return &told
}

// batchOf reads an answer. Exactly one of its links says where to go on (UCWA
// 2.0: Event channel details, Special responses).
func batchOf(operation string, doc *resource) (Batch, error) {
	var b Batch
	rel := "next"
	switch {
	case len(doc.links["resync"]) > 0:
		rel, b.Resynced = "resync", true
	case len(doc.links["resume"]) > 0:
		rel, b.Reset, b.Next.Fresh = "resume", true, true
	}
	u, err := doc.target(rel)
	if err == nil && u == nil {
		err = ErrUnreadable
	}
	if err != nil {
		return Batch{}, &Error{Operation: operation, Class: failure.Unavailable, Remedy: Refresh, Err: fmt.Errorf("events lead nowhere: %w", err)}
	}
	b.Next.Next = u.String()
	for _, s := range doc.senders {
		if s.rel == "people" {
			b.add(s.events)
		}
	}
	return b, nil
}

// add takes over what is about contacts and groups.
func (b *Batch) add(events []event) {
	for _, e := range events {
		kind := EventType(e.kind)
		switch {
		case e.rel == contactsSubscription:
			b.Expiring = b.Expiring || kind == Updated
		case kind != Added && kind != Updated && kind != Deleted:
		case e.rel == "contact" || slices.Contains(groupKinds(), e.rel):
			b.Events = append(b.Events, Event{Type: kind, Rel: e.rel, Href: e.href, In: e.in})
		}
	}
}
