package ucwasim

import (
	"fmt"
	"math"
	"net/http"
	"time"
)

const eventsPath = "/events"

func (c *call) eventsHref(ack int) string {
	return c.href(fmt.Sprintf("%s?ack=%d", eventsPath, ack))
}

// getEvents is the pending GET (UCWA 2.0: events, Event channel details).
func getEvents(c *call) {
	if c.format.media == servedXML { // assumed: the vendor's type is what XML events need
		c.fail(fail(http.StatusNotAcceptable, "NotAcceptable", "", "Events are written as JSON or application/vnd.microsoft.com.ucwa+xml."))
		return
	}
	ch := c.app.open(&c.server.config.Events)
	p := newPoll()
	if !c.readPoll(p, ch) {
		return
	}
	c.user.channels.Polls++
	if !ch.take(p) { // assumed: a lower priority is answered as the replaced one would be
		c.user.channels.Replaced++
		c.fail(replaced())
		return
	}
	switch {
	case !ch.knows(p.ack):
		ch.release(time.Now())
		c.user.channels.Resyncs++
		c.answerEvents(eventPackage{self: p.ack, rel: "resync", next: ch.resync()})
	case ch.repeats(p.ack):
		ch.release(time.Now())
		c.user.channels.Repeated++
		c.answerEvents(ch.latest())
	default:
		ch.acknowledge()
		c.await(p, ch)
	}
}

// readPoll reads the parameters of an event request. Low, medium and timeout are
// remembered (UCWA 2.0: events).
func (c *call) readPoll(p *poll, ch *channel) bool {
	hold, wait := shortestHold, shortestPoll
	if c.server.config.Events.ShortPolls {
		hold, wait = 0, 0
	}
	var low, medium, timeout *int
	if !c.readQuery(func(f *form) {
		low, medium = f.number("low", hold, longestWait), f.number("medium", hold, longestWait)
		timeout = f.number("timeout", wait, longestWait)
		if n := f.number("ack", 0, math.MaxInt); n != nil {
			p.ack = *n
		}
		if n := f.number("priority", math.MinInt32, math.MaxInt32); n != nil {
			p.priority = *n
		}
	}) {
		return false
	}
	setSeconds(&ch.low, low)
	setSeconds(&ch.medium, medium)
	setSeconds(&ch.timeout, timeout)
	p.until = time.Now().Add(ch.timeout)
	return true
}

func setSeconds(d *time.Duration, n *int) {
	if n != nil {
		*d = time.Duration(*n) * time.Second
	}
}

// await answers when the request is released: with events, empty, or with why it
// cannot go on. The user is not locked while it waits.
func (c *call) await(p *poll, ch *channel) {
	for {
		now := time.Now()
		c.user.settle(now, &c.server.config)
		switch {
		case c.app.gone != nil:
			c.fail(c.app.gone)
		case p.replaced:
			c.giveWay()
		case c.r.Context().Err() != nil:
			c.hangUp(p, ch, now)
		case !ch.due().After(now):
			ch.pack(now)
			c.user.channels.Packages++
			c.user.channels.Events += len(ch.sent)
			c.answerEvents(ch.latest())
		default:
			c.sleep(p, c.app.next(&c.server.config))
			continue
		}
		return
	}
}

// sleep waits for something to happen.
func (c *call) sleep(p *poll, until time.Time) {
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	c.user.mu.Unlock()
	defer c.user.mu.Lock()
	select {
	case <-p.wake:
	case <-timer.C:
	case <-c.r.Context().Done():
	}
}

// noticeHangUp is how long a replaced event request waits for the news that its
// caller had hung up before: who tries again is faster than that news at times.
const noticeHangUp = 50 * time.Millisecond

// giveWay answers an event request that another one has replaced, unless nobody
// is there to see it.
func (c *call) giveWay() {
	c.sleep(newPoll(), time.Now().Add(noticeHangUp))
	if c.r.Context().Err() != nil {
		c.user.channels.Abandoned++
		panic(http.ErrAbortHandler)
	}
	c.user.channels.Replaced++
	c.fail(replaced())
}

func replaced() *failure {
	return fail(http.StatusConflict, "Conflict", "PGetReplaced", "Another pending GET has replaced this one.")
}

// hangUp ends a call without an answer, because its caller has gone.
func (c *call) hangUp(p *poll, ch *channel, now time.Time) {
	c.user.channels.Abandoned++
	if p.abandoned = c.server.config.Events.ParkAbandoned; !p.abandoned {
		ch.release(now)
	}
	panic(http.ErrAbortHandler)
}
