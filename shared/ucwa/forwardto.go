package ucwa

import (
	"context"
	"fmt"

	"dialtone/shared/failure"
	"dialtone/shared/ringtarget"
)

// The actions on call forwarding, by their links' rels.
const (
	ringToContact       = "simultaneousRingToContact"
	ringToTeam          = "simultaneousRingToTeam"
	ringToDelegates     = "simultaneousRingToDelegates"
	forwardToContact    = "immediateForwardToContact"
	forwardToDelegates  = "immediateForwardToDelegates"
	forwardToVoicemail  = "immediateForwardToVoicemail"
	unansweredToContact = "unansweredCallToContact"
	unansweredToMail    = "unansweredCallToVoicemail"
	resetUnanswered     = "resetUnansweredCallSettings"
	turnOff             = "turnOffCallForwarding"
)

// CanRingContact reports whether the server offers [Application.RingContact].
func (cf CallForwarding) CanRingContact() bool { return cf.Ring.offers(ringToContact) }

// CanRingTeam reports whether the server offers [Application.RingTeam].
func (cf CallForwarding) CanRingTeam() bool { return cf.Ring.offers(ringToTeam) }

// CanRingDelegates reports whether the server offers [Application.RingDelegates].
func (cf CallForwarding) CanRingDelegates() bool { return cf.Ring.offers(ringToDelegates) }

// CanForwardToContact reports whether the server offers [Application.ForwardToContact].
func (cf CallForwarding) CanForwardToContact() bool { return cf.Immediate.offers(forwardToContact) }

// CanForwardToDelegates reports whether the server offers [Application.ForwardToDelegates].
func (cf CallForwarding) CanForwardToDelegates() bool { return cf.Immediate.offers(forwardToDelegates) }

// CanForwardToVoicemail reports whether the server offers [Application.ForwardToVoicemail].
func (cf CallForwarding) CanForwardToVoicemail() bool { return cf.Immediate.offers(forwardToVoicemail) }

// CanUnansweredToContact reports whether the server offers [Application.UnansweredToContact].
func (cf CallForwarding) CanUnansweredToContact() bool {
	return cf.NoAnswer.offers(unansweredToContact)
}

// CanUnansweredToVoicemail reports whether the server offers [Application.UnansweredToVoicemail].
func (cf CallForwarding) CanUnansweredToVoicemail() bool { return cf.NoAnswer.offers(unansweredToMail) }

// CanResetUnanswered reports whether the server offers [Application.ResetUnanswered].
func (cf CallForwarding) CanResetUnanswered() bool { return cf.NoAnswer.offers(resetUnanswered) }

// CanTurnOff reports whether the server offers [Application.TurnOffForwarding].
func (cf CallForwarding) CanTurnOff() bool { return cf.offers(turnOff) }

// RingContact lets incoming calls ring at a number or person besides the
// user's phones (UCWA 2.0: simultaneousRingToContact). The target is one that
// [ringtarget.Parse] takes; it is sent in canonical form. Forwarding at once is
// given up for it. Nothing announces the change: read
// [Application.CallForwarding] and [Application.ForwardContact] to see what
// stands.
//
// It is sent at most once, except after an answer that shows that it was not
// looked at (401, wrong pool). Errors are [*Error]s: invalid for a target that
// cannot be sent; denied with [ErrMissingLink] where the server does not offer
// the action; denied (403) when the user is not enabled for enterprise voice
// or, here, for simultaneous ring; unknown with [Verify] when it may or may not
// have been applied.
func (a *Application) RingContact(ctx context.Context, cf CallForwarding, target string) error {
	return a.forward(ctx, cf.Ring, ringToContact, forwardInput{target: &target})
}

// RingTeam lets incoming calls ring at the user's team, ringDelay seconds
// later: 0 to 55, nil leaves it to the server (UCWA 2.0:
// simultaneousRingToTeam). Errors are those of [Application.RingContact]; denied
// with subcode [NoTeamMembersConfigured] when the user has no team.
func (a *Application) RingTeam(ctx context.Context, cf CallForwarding, ringDelay *int) error {
	return a.forward(ctx, cf.Ring, ringToTeam, forwardInput{ringDelay: ringDelay})
}

// RingDelegates lets incoming calls ring at the user's delegates, ringDelay
// seconds later: 0 to 55, nil leaves it to the server (UCWA 2.0:
// simultaneousRingToDelegates). Errors are those of [Application.RingContact];
// denied with subcode [NoDelegatesConfigured] when the user has none.
func (a *Application) RingDelegates(ctx context.Context, cf CallForwarding, ringDelay *int) error {
	return a.forward(ctx, cf.Ring, ringToDelegates, forwardInput{ringDelay: ringDelay})
}

// ForwardToContact sends incoming calls to a number or person at once
// (UCWA 2.0: immediateForwardToContact). Target and errors are those of
// [Application.RingContact].
func (a *Application) ForwardToContact(ctx context.Context, cf CallForwarding, target string) error {
	return a.forward(ctx, cf.Immediate, forwardToContact, forwardInput{target: &target})
}

// ForwardToDelegates sends incoming calls to the user's delegates at once
// (UCWA 2.0: immediateForwardToDelegates). Errors are those of
// [Application.RingDelegates].
func (a *Application) ForwardToDelegates(ctx context.Context, cf CallForwarding) error {
	return a.forward(ctx, cf.Immediate, forwardToDelegates, forwardInput{})
}

// ForwardToVoicemail sends incoming calls to voicemail at once (UCWA 2.0:
// immediateForwardToVoicemail). Errors are those of [Application.RingContact];
// denied (403) also when the user has no voicemail.
func (a *Application) ForwardToVoicemail(ctx context.Context, cf CallForwarding) error {
	return a.forward(ctx, cf.Immediate, forwardToVoicemail, forwardInput{})
}

// UnansweredToContact sends calls that nobody answers to a number or person
// after ringDelay seconds: 5 to 60, nil leaves it to the server (UCWA 2.0:
// unansweredCallToContact). Target and errors are those of
// [Application.RingContact]; denied (403) also while calls are forwarded at once.
func (a *Application) UnansweredToContact(ctx context.Context, cf CallForwarding, target string, ringDelay *int) error {
	return a.forward(ctx, cf.NoAnswer, unansweredToContact, forwardInput{target: &target, ringDelay: ringDelay})
}

// UnansweredToVoicemail sends calls that nobody answers to voicemail after
// ringDelay seconds: 5 to 60, nil leaves it to the server (UCWA 2.0:
// unansweredCallToVoicemail). Errors are those of [Application.UnansweredToContact].
func (a *Application) UnansweredToVoicemail(ctx context.Context, cf CallForwarding, ringDelay *int) error {
	return a.forward(ctx, cf.NoAnswer, unansweredToMail, forwardInput{ringDelay: ringDelay})
}

// ResetUnanswered sends calls that nobody answers where the server does by
// default: to voicemail, or nowhere for a user without it (UCWA 2.0:
// resetUnansweredCallSettings). Errors are those of [Application.RingContact].
func (a *Application) ResetUnanswered(ctx context.Context, cf CallForwarding) error {
	return a.forward(ctx, cf.NoAnswer, resetUnanswered, forwardInput{})
}

// TurnOffForwarding ends forwarding at once and simultaneous ring; calls nobody
// answers go to voicemail (UCWA 2.0: turnOffCallForwarding). Errors are those of
// [Application.RingContact].
func (a *Application) TurnOffForwarding(ctx context.Context, cf CallForwarding) error {
	return a.post(ctx, cf.part, turnOff, nil)
}

func (a *Application) forward(ctx context.Context, f Forward, action string, in forwardInput) error {
	fields, err := in.fields(f.name)
	if err != nil {
		return refused(action, failure.Invalid, err)
	}
	return a.post(ctx, f.part, action, fields)
}

// forwardInput is what an action takes; nil is not sent.
type forwardInput struct {
	target    *string
	ringDelay *int
}

// fields checks the values before anything is sent: the server has no
// documented answer to a target that is not well formed.
func (in forwardInput) fields(settings string) (input, error) {
	var out input
	if in.target != nil {
		t, err := ringtarget.Parse(*in.target)
		if err != nil {
			return nil, fmt.Errorf("target %w", err)
		}
		out = append(out, field{"target", string(t)})
	}
	if in.ringDelay != nil {
		if err := checkDelay(settings, *in.ringDelay); err != nil {
			return nil, err
		}
		out = append(out, field{"ringDelay", *in.ringDelay})
	}
	return out, nil
}

// checkDelay refuses a delay that the settings do not take (UCWA 2.0:
// simultaneousRingSettings, unansweredCallSettings). What was not read has no
// limits; it has no links either.
func checkDelay(settings string, seconds int) error {
	var low, high int
	switch settings {
	case simultaneousRing:
		low, high = 0, 55
	case unansweredCall:
		low, high = 5, 60
	case immediateForward:
		return fmt.Errorf("ringDelay does not apply to %s: leave it out", settings)
	default:
		return nil
	}
	if seconds < low || seconds > high {
		return fmt.Errorf("ringDelay is %d seconds: give %d to %d", seconds, low, high)
	}
	return nil
}
