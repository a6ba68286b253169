package ucwasim

import "net/http"

// action is a POST that gives a setting a target.
type action struct {
	rel     string // relation, operation and last part of the path
	setting setting
	target  string
}

func forwardingActions() []action {
	return []action{
		{"immediateForwardToContact", immediateForward, toContact},
		{"immediateForwardToDelegates", immediateForward, toDelegates},
		{"immediateForwardToVoicemail", immediateForward, toVoicemail},
		{"simultaneousRingToContact", simultaneousRing, toContact},
		{"simultaneousRingToDelegates", simultaneousRing, toDelegates},
		{"simultaneousRingToTeam", simultaneousRing, toTeam},
		{"unansweredCallToContact", unansweredCall, toContact},
		{"unansweredCallToVoicemail", unansweredCall, toVoicemail},
	}
}

func (a action) path() string { return forwardingPath + "/" + a.setting.rel() + "/" + a.rel }

// takesDelay reports whether ringDelay is an input. A contact rings at once (UCWA
// 2.0: simultaneousRingToContact).
func (a action) takesDelay() bool {
	return a.setting == unansweredCall || a.setting == simultaneousRing && a.target != toContact
}

// serve carries the action out. Inputs that are left out keep what was stored,
// which is assumed.
func (a action) serve(c *call) {
	f := c.user.Forwarding
	if !c.mayDirect(a) {
		return
	}
	to := Destination{Target: a.target, RingDelay: f.of(a.setting).RingDelay}
	if !c.readForm(func(in *form) {
		if a.target == toContact {
			to.Contact = in.callable("target")
		}
		if n := a.delay(in); n != nil {
			to.RingDelay = *n
		}
	}) {
		return
	}
	if bad := c.unconfigured(a.target); bad != nil {
		c.fail(bad)
		return
	}
	if c.server.config.BareForwardingTargets && to.Contact != "" {
		to.Contact = bareTarget(to.Contact)
	}
	c.user.forward(f.direct(a.setting, to, c.server.config.KeepForwardingTargets), a.rel, c.app.id)
	c.done()
}

func (a action) delay(in *form) *int {
	if !a.takesDelay() {
		return nil
	}
	lowest, highest := a.setting.delays()
	return in.number("ringDelay", lowest, highest)
}

// mayDirect answers 403 None when policy or immediate forwarding stands against
// an action.
func (c *call) mayDirect(a action) bool {
	switch {
	case !c.user.ForwardingPolicy.allows(a.setting, a.target):
		c.forbid("Policy does not allow this for the user.")
	case a.setting == unansweredCall && c.user.Forwarding.ActiveSetting == forwardsAtOnce:
		c.forbid("No call is unanswered while all are forwarded.")
	default:
		return true
	}
	return false
}

// unconfigured says why calls cannot go to a team or to delegates. The pages list
// the subcodes under 403 and under 409.
func (c *call) unconfigured(target string) *failure {
	p, status := c.user.ForwardingPolicy, c.server.config.UnconfiguredStatus
	code := "Forbidden"
	if status == http.StatusConflict {
		code = "Conflict"
	}
	switch {
	case target == toTeam && p.TeamMembers == 0:
		return fail(status, code, "NoTeamMembersConfigured", "The user has no team members.")
	case target == toDelegates && p.Delegates == 0:
		return fail(status, code, "NoDelegatesConfigured", "The user has no delegates.")
	}
	return nil
}

// callable reads a required tel: or sip: URI.
func (f *form) callable(name string) string {
	before := len(f.wrong)
	v := f.text(name, maxForwardTarget, true)
	if len(f.wrong) == before && len(f.wrongType) == 0 && !callable(v) {
		f.invalid(name, "The value must be a tel: or sip: URI.")
	}
	return v
}

// postReset puts unanswered calls back to their default (UCWA 2.0:
// resetUnansweredCallSettings).
func postReset(c *call) {
	u := c.user
	u.forward(u.Forwarding.reset(u.ForwardingPolicy), "resetUnansweredCallSettings", c.app.id)
	c.done()
}

// postTurnOff leaves the work number ringing and unanswered calls going to
// voicemail (UCWA 2.0: turnOffCallForwarding).
func postTurnOff(c *call) {
	u := c.user
	next := u.Forwarding.activate(none, c.server.config.KeepForwardingTargets).reset(u.ForwardingPolicy)
	u.forward(next, "turnOffCallForwarding", c.app.id)
	c.done()
}
