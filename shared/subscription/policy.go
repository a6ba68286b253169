package subscription

import (
	"errors"
	"fmt"
	"time"
)

// Policy says when the applications of all users are contacted. A schedule runs
// every Run and hands out, each with its own delay, those who become due before
// its next run; a run that does not happen makes them late by up to Run.
//
//	contact     earliest      latest                              ends
//	   |-----------|<- Window ->|<---- Misses x Run ---->|<-Margin->|
//
// The zero value of a field is its default.
type Policy struct {
	// Run is the period of the schedule; default 5 minutes.
	Run time.Duration
	// Misses is how many runs in a row may fail without a loss; default 1.
	// Negative: none.
	Misses int
	// Margin is kept for what lies between being handed out and the server's
	// answer: the queue, retries, and the spreading of a catch-up; default 2
	// minutes.
	Margin time.Duration
	// Window is over how long contacts are spread; default 2 minutes. It is cut
	// where a life is too short for it.
	Window time.Duration
}

func (p Policy) withDefaults() Policy {
	if p.Run == 0 {
		p.Run = 5 * time.Minute
	}
	switch {
	case p.Misses == 0:
		p.Misses = 1
	case p.Misses < 0:
		p.Misses = 0
	}
	if p.Margin == 0 {
		p.Margin = 2 * time.Minute
	}
	if p.Window == 0 {
		p.Window = 2 * time.Minute
	}
	return p
}

// Check reports every problem of a policy at once: it must leave time between
// two contacts even of the shortest subscription.
func (p Policy) Check() error {
	var problems []error
	for _, f := range []struct {
		name  string
		value time.Duration
	}{{"Run", p.Run}, {"Margin", p.Margin}, {"Window", p.Window}} {
		if f.value < 0 {
			problems = append(problems, fmt.Errorf("%s is %s: give a positive time", f.name, f.value))
		}
	}
	p = p.withDefaults()
	if kept := p.Margin + time.Duration(p.Misses)*p.Run; len(problems) == 0 && kept >= MinDuration {
		problems = append(problems, fmt.Errorf("%s of the %s that the shortest subscription lives are kept: lower Margin, Misses or Run",
			kept, MinDuration))
	}
	return errors.Join(problems...)
}

// End is how long after a contact something ends that it kept alive: the
// subscription, which has lifetime left then, or the application.
func End(lifetime time.Duration) time.Duration { return min(lifetime, ChannelGap) }

// Due returns the span after a contact within which the next one is due, for a
// subscription that has lifetime left at the contact. A life that is too short
// for the policy makes both zero: at once.
func (p Policy) Due(lifetime time.Duration) (earliest, latest time.Duration) {
	p = p.withDefaults()
	latest = max(0, End(lifetime)-p.Margin-time.Duration(p.Misses)*p.Run)
	return max(0, latest-p.Window), latest
}

// Next returns when the application is due after a contact at that time, with
// lifetime left then. The share of a user, from 0 to 1, picks the moment within
// the span of [Policy.Due], so that users who were handed out together drift
// apart; anything else is taken for the nearer end.
func (p Policy) Next(contact time.Time, lifetime time.Duration, share float64) time.Time {
	earliest, latest := p.Due(lifetime)
	share = min(max(share, 0), 1)
	return contact.Add(earliest + time.Duration(share*float64(latest-earliest)))
}

// Loss is what happens to a user whose next contact comes late.
type Loss struct {
	// Silence is the longest time between the two contacts.
	Silence time.Duration
	// Application: it has ended, and the subscription and all events with it.
	// The next contact creates both again and finds by comparison what changed.
	Application bool
	// Subscription: it has lapsed, by its own life or with its application.
	// Events between then and its new start are lost.
	Subscription bool
}

// Missed returns what it costs the least lucky user, one who was due at the
// latest and just after a run, when that many runs in a row do not happen. The
// margin is taken as used up.
func (p Policy) Missed(runs int, lifetime time.Duration) Loss {
	p = p.withDefaults()
	_, latest := p.Due(lifetime)
	l := Loss{Silence: latest + time.Duration(max(0, runs))*p.Run + p.Margin}
	l.Application = l.Silence > ChannelGap
	l.Subscription = l.Application || l.Silence > lifetime
	return l
}
