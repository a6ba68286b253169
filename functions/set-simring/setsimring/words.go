package setsimring

import (
	"fmt"

	"dialtone/shared/outcome"
	"dialtone/shared/ucwa"
)

func activeWords(now outcome.Forwarding, g goal) string {
	switch ucwa.ForwardingState(g.Active) {
	case ucwa.ImmediateForward:
		return "calls are not forwarded to " + nameOf(g.Immediate) + " again"
	case ucwa.SimultaneousRing:
		return "calls do not ring at " + nameOf(g.Ring) + " again"
	}
	if now.Active == string(ucwa.ImmediateForward) {
		return "calls are forwarded to " + nameOf(now.Immediate)
	}
	return "simultaneous ring is not off"
}

func unansweredWords(now outcome.Forwarding, g goal) string {
	text := fmt.Sprintf("unanswered calls go to %s, not to %s", nameOf(now.NoAnswer), nameOf(g.NoAnswer))
	if now.NoAnswer.LeadsTo(g.NoAnswer) {
		text = fmt.Sprintf("calls count as unanswered after %d seconds, not after %d", *now.NoAnswer.RingDelaySeconds, *g.NoAnswer.RingDelaySeconds)
	}
	if now.Active == string(ucwa.ImmediateForward) {
		text += ": it cannot be set while all calls are forwarded"
	}
	return text
}

func handlingWords(now outcome.Forwarding, g goal) string {
	return fmt.Sprintf("the handling of unanswered calls is %s, not %s", now.Unanswered, g.Unanswered)
}

func periodWords(now outcome.Forwarding, g goal) string {
	return fmt.Sprintf("the period of call forwarding is %s, not %s", now.Period, g.Period)
}

func ringDelayWords(now outcome.Forwarding, g goal) string {
	return fmt.Sprintf("the delay of simultaneous ring is %d seconds, not %d", *now.Ring.RingDelaySeconds, *g.Ring.RingDelaySeconds)
}

func idleForwardWords(now outcome.Forwarding, g goal) string {
	return fmt.Sprintf("the stored target of forwarding, which is off as before, is %s and not %s: it cannot be set without forwarding calls",
		nameOf(now.Immediate), nameOf(g.Immediate))
}

func idleRingWords(now outcome.Forwarding, g goal) string {
	return fmt.Sprintf("the stored target of simultaneous ring, which is off, is %s and not %s: it cannot be set without calls ringing there",
		nameOf(now.Ring), nameOf(g.Ring))
}

// nameOf names a target without a number or an address.
func nameOf(t outcome.ForwardTarget) string {
	switch ucwa.ForwardTarget(t.Target) {
	case ucwa.ToNobody, "":
		return "nobody"
	case ucwa.ToContact:
		return "the contact"
	case ucwa.ToTeam:
		return "the team"
	case ucwa.ToDelegates:
		return "the delegates"
	case ucwa.ToVoicemail:
		return "voicemail"
	}
	return t.Target
}
