package ucwa

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"dialtone/shared/ringtarget"
)

// ForwardingState says what happens to a user's incoming calls. The server may
// send others than the three constants; they are kept as sent.
type ForwardingState string

// The states (UCWA 2.0: callForwardingSettings, CallForwardingState).
const (
	NotForwarding    ForwardingState = "None"
	ImmediateForward ForwardingState = "ImmediateForward" // calls go elsewhere and do not ring here
	SimultaneousRing ForwardingState = "SimultaneousRing" // calls ring here and elsewhere
)

// ActivePeriod says when call forwarding holds.
type ActivePeriod string

// The periods (UCWA 2.0: callForwardingSettings). Work hours are those of the
// user's Exchange calendar.
const (
	Always    ActivePeriod = "Always"
	WorkHours ActivePeriod = "Workhours"
)

// UnansweredHandling says whether unanswered calls go elsewhere.
type UnansweredHandling string

// Both ways (UCWA 2.0: callForwardingSettings). The server disables it while
// calls are forwarded at once.
const (
	UnansweredEnabled  UnansweredHandling = "Enabled"
	UnansweredDisabled UnansweredHandling = "Disabled"
)

// ForwardTarget is the kind of target of one way of forwarding.
type ForwardTarget string

// The kinds. Which of them a way of forwarding knows differs (UCWA 2.0:
// immediateForwardSettings, simultaneousRingSettings, unansweredCallSettings).
const (
	ToNobody    ForwardTarget = "None"
	ToContact   ForwardTarget = "Contact" // a number or person: read it with ForwardContact
	ToTeam      ForwardTarget = "Team"
	ToDelegates ForwardTarget = "Delegates"
	ToVoicemail ForwardTarget = "Voicemail"
)

// The resources below callForwardingSettings; each is also its link's rel.
const (
	forwarding       = "callForwardingSettings"
	immediateForward = "immediateForwardSettings"
	simultaneousRing = "simultaneousRingSettings"
	unansweredCall   = "unansweredCallSettings"
)

// CallForwarding is what happens to a user's incoming calls (UCWA 2.0:
// callForwardingSettings). Read it with [Application.CallForwarding]; one that
// was not read offers no action.
type CallForwarding struct {
	// Active says which of Immediate and Ring holds; NotForwarding when absent.
	Active ForwardingState
	// Period and Unanswered are empty when the server does not give them.
	Period     ActivePeriod
	Unanswered UnansweredHandling
	// The three ways of forwarding keep their settings while another is active.
	Immediate Forward // instead of the user's phones
	Ring      Forward // besides the user's phones
	NoAnswer  Forward // when nobody has answered
	// ETag is the version of the settings above, without quotes; a change of
	// one of the three need not change it. Empty when the server gave none.
	ETag string

	part
}

// Forward is one way of forwarding.
type Forward struct {
	Target ForwardTarget // ToNobody when absent
	// RingDelay is in seconds, nil when the server gives none: 0 to 55 before
	// team or delegates ring too, 5 to 60 before a call counts as unanswered.
	RingDelay *int
	// ETag is the version of these settings, without quotes; empty when the
	// server gave none.
	ETag string

	part
}

// CallForwarding reads the user's call forwarding with all three ways of
// forwarding (UCWA 2.0: callForwardingSettings): one call, when the server
// embeds them as documented. It fails as denied when the user is not enabled
// for enterprise voice.
func (a *Application) CallForwarding(ctx context.Context) (CallForwarding, error) {
	doc, err := a.getMine(ctx, forwarding)
	if err != nil {
		return CallForwarding{}, err
	}
	cf := CallForwarding{
		Active:     oneOf(doc.text("activeSetting"), NotForwarding, ImmediateForward, SimultaneousRing),
		Period:     oneOf(doc.text("activePeriod"), "", Always, WorkHours),
		Unanswered: oneOf(doc.text("unansweredCallHandling"), "", UnansweredEnabled, UnansweredDisabled),
		ETag:       doc.version(), part: part{forwarding, doc},
	}
	for _, f := range []struct {
		name string
		into *Forward
	}{{immediateForward, &cf.Immediate}, {simultaneousRing, &cf.Ring}, {unansweredCall, &cf.NoAnswer}} {
		if *f.into, err = a.forwardIn(ctx, doc, f.name); err != nil {
			return CallForwarding{}, err
		}
	}
	return cf, nil
}

// forwardIn returns one way of forwarding of the settings: embedded, or else
// by its link. A server that offers neither offers nothing of it.
func (a *Application) forwardIn(ctx context.Context, settings *resource, name string) (Forward, error) {
	if doc := settings.only(name); doc != nil {
		return forwardOf(name, doc), nil
	}
	if len(settings.links[name]) == 0 {
		return Forward{Target: ToNobody, part: part{name: name}}, nil
	}
	doc, err := a.get(ctx, name, settings, forwarding)
	if err != nil {
		return Forward{}, err
	}
	return forwardOf(name, doc), nil
}

func forwardOf(name string, doc *resource) Forward {
	f := Forward{
		Target: oneOf(doc.text("target"), ToNobody, ToContact, ToTeam, ToDelegates, ToVoicemail),
		ETag:   doc.version(), part: part{name, doc},
	}
	if delay, err := strconv.Atoi(doc.text("ringDelay")); err == nil {
		f.RingDelay = &delay
	}
	return f
}

// oneOf returns the value that s names in any case, absent for an empty s, and
// s itself when it names none: the server may come to send others.
func oneOf[T ~string](s string, absent T, others ...T) T {
	if s == "" {
		return absent
	}
	for _, v := range append(others, absent) {
		if strings.EqualFold(s, string(v)) {
			return v
		}
	}
	return T(s)
}

// ForwardContact returns the number or person that a way of forwarding leads
// to, as the server writes it: a tel: or sip: URI, to be compared with
// [SameTarget] (UCWA 2.0: contact). It is empty, without a call, when the
// target is not a contact, whatever the server links to. It fails as denied
// with [ErrMissingLink] when the server does not show the contact.
func (a *Application) ForwardContact(ctx context.Context, f Forward) (string, error) {
	const operation = "contact"
	if f.Target != ToContact {
		return "", nil
	}
	if f.doc != nil && f.doc.only(operation) != nil {
		return f.doc.only(operation).text("uri"), nil
	}
	u, err := f.follow(operation, operation)
	if err != nil {
		return "", err
	}
	doc, err := a.call(ctx, request{operation: operation, method: http.MethodGet, url: u, yields: true})
	if err != nil {
		return "", err
	}
	return doc.text("uri"), nil
}

// SameTarget reports whether two written forms name the same number or person;
// see [ringtarget.Same].
func SameTarget(a, b string) bool { return ringtarget.Same(a, b) }
