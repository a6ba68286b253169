package setsimring

import (
	"context"
	"fmt"

	"dialtone/shared/outcome"
	"dialtone/shared/ringtarget"
	"dialtone/shared/ucwa"
)

// verb is what a step does; those with a target are the beginning of the link's
// name.
type verb string

const (
	forwardAtOnce   verb = "immediateForwardTo"
	ringToo         verb = "simultaneousRingTo"
	sendUnanswered  verb = "unansweredCallTo"
	turnOff         verb = "turnOffCallForwarding"
	activate        verb = "activeSetting"
	handle          verb = "unansweredCallHandling"
	limit           verb = "activePeriod"
	delayRing       verb = "simultaneousRingSettings"
	delayUnanswered verb = "unansweredCallSettings"
)

// none is the delay of a step that says nothing of it.
const none = -1

// step is one change of call forwarding. Steps can be compared.
type step struct {
	do     verb
	target string // Contact, Team, Delegates or Voicemail; of activate, handle and limit: the value
	uri    string // of a Contact
	delay  int    // in seconds, or none
}

// towards is the step that makes a way of forwarding lead where it is wanted.
func towards(do verb, want outcome.ForwardTarget) step {
	s := step{do: do, target: want.Target, uri: want.URI, delay: none}
	if want.RingDelaySeconds != nil && (do == sendUnanswered || do == ringToo && want.Target != string(ucwa.ToContact)) {
		s.delay = *want.RingDelaySeconds
	}
	return s
}

// offered reports whether the user may take the step, as far as links tell.
func (s step) offered(cf ucwa.CallForwarding) bool {
	switch s.do {
	case forwardAtOnce, ringToo, sendUnanswered:
		return s.linked(cf) && s.writable()
	case turnOff:
		return cf.CanTurnOff()
	}
	return true // a PUT has no link of its own
}

func (s step) linked(cf ucwa.CallForwarding) bool {
	switch string(s.do) + s.target {
	case "immediateForwardToContact":
		return cf.CanForwardToContact()
	case "immediateForwardToDelegates":
		return cf.CanForwardToDelegates()
	case "immediateForwardToVoicemail":
		return cf.CanForwardToVoicemail()
	case "simultaneousRingToContact":
		return cf.CanRingContact()
	case "simultaneousRingToTeam":
		return cf.CanRingTeam()
	case "simultaneousRingToDelegates":
		return cf.CanRingDelegates()
	case "unansweredCallToContact":
		return cf.CanUnansweredToContact()
	case "unansweredCallToVoicemail":
		return cf.CanUnansweredToVoicemail()
	}
	return false
}

// writable reports whether the target is in a form that can be sent. A server
// may keep others, such as a number without its country.
func (s step) writable() bool {
	if s.target != string(ucwa.ToContact) {
		return true
	}
	_, err := ringtarget.Parse(s.uri)
	return err == nil
}

// take makes the call.
func (s step) take(ctx context.Context, app *ucwa.Application, cf ucwa.CallForwarding) error {
	switch s.do {
	case forwardAtOnce:
		return s.forward(ctx, app, cf)
	case ringToo:
		return s.ring(ctx, app, cf)
	case sendUnanswered:
		if s.target == string(ucwa.ToVoicemail) {
			return app.UnansweredToVoicemail(ctx, cf, s.seconds())
		}
		return app.UnansweredToContact(ctx, cf, s.uri, s.seconds())
	case turnOff:
		return app.TurnOffForwarding(ctx, cf)
	case activate:
		return app.UpdateCallForwarding(ctx, cf, ucwa.ForwardingUpdate{Active: ucwa.ForwardingState(s.target)})
	case handle:
		return app.UpdateCallForwarding(ctx, cf, ucwa.ForwardingUpdate{Unanswered: ucwa.UnansweredHandling(s.target)})
	case limit:
		return app.UpdateCallForwarding(ctx, cf, ucwa.ForwardingUpdate{Period: ucwa.ActivePeriod(s.target)})
	case delayRing:
		return app.UpdateRingDelay(ctx, cf.Ring, s.delay)
	case delayUnanswered:
		return app.UpdateRingDelay(ctx, cf.NoAnswer, s.delay)
	}
	return fmt.Errorf("no such step: %s", s.do)
}

func (s step) forward(ctx context.Context, app *ucwa.Application, cf ucwa.CallForwarding) error {
	switch ucwa.ForwardTarget(s.target) {
	case ucwa.ToDelegates:
		return app.ForwardToDelegates(ctx, cf)
	case ucwa.ToVoicemail:
		return app.ForwardToVoicemail(ctx, cf)
	}
	return app.ForwardToContact(ctx, cf, s.uri)
}

func (s step) ring(ctx context.Context, app *ucwa.Application, cf ucwa.CallForwarding) error {
	switch ucwa.ForwardTarget(s.target) {
	case ucwa.ToTeam:
		return app.RingTeam(ctx, cf, s.seconds())
	case ucwa.ToDelegates:
		return app.RingDelegates(ctx, cf, s.seconds())
	}
	return app.RingContact(ctx, cf, s.uri)
}

func (s step) seconds() *int {
	if s.delay == none {
		return nil
	}
	return &s.delay
}

// on foretells what a step makes of the settings. What is not active is taken to
// lose its target, which servers may do or not.
func (s step) on(f outcome.Forwarding) outcome.Forwarding {
	to := outcome.ForwardTarget{Target: s.target, URI: s.uri, RingDelaySeconds: s.seconds()}
	switch s.do {
	case forwardAtOnce:
		f.Immediate = to
		return activated(f, ucwa.ImmediateForward)
	case ringToo:
		f.Ring = keepDelay(to, f.Ring)
		return activated(f, ucwa.SimultaneousRing)
	case sendUnanswered:
		f.NoAnswer, f.Unanswered = keepDelay(to, f.NoAnswer), string(ucwa.UnansweredEnabled)
	case turnOff:
		f.NoAnswer.Target, f.NoAnswer.URI, f.Unanswered = string(ucwa.ToVoicemail), "", string(ucwa.UnansweredEnabled)
		return activated(f, ucwa.NotForwarding)
	case activate:
		return activated(f, ucwa.ForwardingState(s.target))
	case handle:
		f.Unanswered = s.target
	case limit:
		f.Period = s.target
	case delayRing:
		f.Ring.RingDelaySeconds = s.seconds()
	case delayUnanswered:
		f.NoAnswer.RingDelaySeconds = s.seconds()
	}
	return f
}

// activated makes a way of forwarding the active one. While all calls are
// forwarded none is unanswered; how they are handled otherwise is not shown then.
func activated(f outcome.Forwarding, state ucwa.ForwardingState) outcome.Forwarding {
	was := f.Active
	f.Active = string(state)
	if state != ucwa.ImmediateForward {
		f.Immediate.Target, f.Immediate.URI = string(ucwa.ToNobody), ""
	}
	if state != ucwa.SimultaneousRing {
		f.Ring.Target, f.Ring.URI = string(ucwa.ToNobody), ""
	}
	switch {
	case state == ucwa.ImmediateForward:
		f.Unanswered = string(ucwa.UnansweredDisabled)
	case was == string(ucwa.ImmediateForward):
		f.Unanswered = ""
	}
	return f
}

// keepDelay gives a target the delay that stood before, unless it has its own.
func keepDelay(to, before outcome.ForwardTarget) outcome.ForwardTarget {
	if to.RingDelaySeconds == nil {
		to.RingDelaySeconds = before.RingDelaySeconds
	}
	return to
}
