package ucwasim

import "net/http"

const (
	forwardingPath = "/me/callForwardingSettings"
	turnOffPath    = forwardingPath + "/turnOffCallForwarding"
	resetPath      = forwardingPath + "/unansweredCallSettings/resetUnansweredCallSettings"
)

// forwardingEndpoints are the paths of call forwarding below an application.
func forwardingEndpoints(app string) []endpoint {
	container := get("callForwardingSettings", getForwarding)
	container[http.MethodPut] = verb{"putCallForwardingSettings", putForwarding}
	all := []endpoint{
		at(app+forwardingPath, withForwarding, container),
		at(app+turnOffPath, withForwarding, post("turnOffCallForwarding", postTurnOff)),
		at(app+resetPath, withForwarding, post("resetUnansweredCallSettings", postReset)),
	}
	for s := range settings {
		child := get(s.rel(), getSetting(s))
		if s != immediateForward {
			child[http.MethodPut] = verb{s.putOperation(), putSetting(s)}
		}
		all = append(all, at(app+forwardingPath+"/"+s.rel(), withForwarding, child))
	}
	for _, a := range forwardingActions() {
		all = append(all, at(app+a.path(), withForwarding, post(a.rel, a.serve)))
	}
	return all
}

// withForwarding is inApplication for users whose calls can be forwarded. Unlike
// phones, anonymous users get 403 None (UCWA 2.0: immediateForwardSettings).
func withForwarding(c *call) bool {
	if !inApplication(c) {
		return false
	}
	if c.user.anonymous || c.user.NoEnterpriseVoice {
		c.forbid("The user is not enabled for enterprise voice.")
		return false
	}
	return true
}

func (c *call) forbid(why string) {
	c.fail(fail(http.StatusForbidden, "Forbidden", "None", why))
}

// forwardingResource is the container with its three children.
func (c *call) forwardingResource() *resource {
	f, d := c.user.Forwarding, c.server.config.Dialect
	r := &resource{rel: "callForwardingSettings", href: c.href(forwardingPath)}
	r.add("activePeriod", f.ActivePeriod)
	r.add("activeSetting", f.ActiveSetting)
	r.add("unansweredCallHandling", f.handling())
	r.addETag(d, c.user.forwardings.version)
	r.addPut(d, c.user.forwardings.version)
	r.addLink("turnOffCallForwarding", c.href(turnOffPath))
	for s := range settings {
		r.embedded = append(r.embedded, embedded{rel: s.rel(), resources: []*resource{c.settingResource(s)}})
	}
	return r
}

// settingResource is one child. It names only the kind of target: the number or
// address is behind the contact link, which generated samples show even when
// there is none.
func (c *call) settingResource(s setting) *resource {
	u, d := c.user, c.server.config.Dialect
	to := u.Forwarding.of(s)
	r := &resource{rel: s.rel(), href: c.href(forwardingPath + "/" + s.rel())}
	if _, highest := s.delays(); highest > 0 {
		r.add("ringDelay", to.RingDelay)
	}
	r.add("target", to.Target)
	r.addETag(d, u.forwardings.versions[s])
	if s != immediateForward { // which has no PUT
		r.addPut(d, u.forwardings.versions[s])
	}
	if to.Contact != "" || d == Generated {
		r.addLink("contact", c.personHref(to.Contact))
	}
	for _, a := range forwardingActions() {
		if a.setting == s && u.ForwardingPolicy.allows(s, a.target) {
			r.addLink(a.rel, c.href(a.path()))
		}
	}
	if s == unansweredCall {
		r.addLink("resetUnansweredCallSettings", c.href(resetPath))
	}
	return r
}

func getForwarding(c *call) {
	c.answerVersion(c.forwardingResource(), c.user.forwardings.version)
}

func getSetting(s setting) func(*call) {
	return func(c *call) { c.answerVersion(c.settingResource(s), c.user.forwardings.versions[s]) }
}

// putForwarding changes the container's own properties (UCWA 2.0:
// callForwardingSettings). What is sent as it was read changes nothing.
func putForwarding(c *call) {
	old := c.user.Forwarding
	next := old
	if !c.readPut(c.forwardingResource(), c.user.forwardings.version, func(f *form) {
		next.ActivePeriod = f.given("activePeriod", always, workHours)
		if h := f.given("unansweredCallHandling", enabled, disabled); h != old.handling() {
			next.UnansweredCallHandling = h
		}
		if state := f.given("activeSetting", none, forwardsAtOnce, ringsTogether); state != old.ActiveSetting {
			next = next.activate(state, c.server.config.KeepForwardingTargets)
			f.refuseIdle(next)
		}
	}) {
		return
	}
	if s, ok := next.active(); ok && next.ActiveSetting != old.ActiveSetting && !c.user.ForwardingPolicy.allows(s, next.of(s).Target) {
		c.forbid("Policy does not allow this for the user.")
		return
	}
	c.user.forward(next, "putCallForwardingSettings", c.app.id)
	c.w.WriteHeader(http.StatusOK)
}

// refuseIdle notes that a setting cannot become active before it has a target,
// which is assumed.
func (f *form) refuseIdle(next Forwarding) {
	if s, ok := next.active(); ok && next.of(s).Target == none {
		f.invalid("activeSetting", "The target of "+s.rel()+" is None.")
	}
}

// putSetting changes the delay of a child. That a target is changed by the
// actions alone is assumed.
func putSetting(s setting) func(*call) {
	lowest, highest := s.delays()
	return func(c *call) {
		next := c.user.Forwarding
		to := next.of(s)
		if !c.readPut(c.settingResource(s), c.user.forwardings.versions[s], func(f *form) {
			if n := f.number("ringDelay", lowest, highest); n != nil {
				to.RingDelay = *n
			}
			if t := f.given("target", s.targets()...); t != "" && t != to.Target {
				f.invalid("target", "The target is changed by the links of the resource.")
			}
		}) {
			return
		}
		c.user.forward(next, s.putOperation(), c.app.id)
		c.w.WriteHeader(http.StatusOK)
	}
}
