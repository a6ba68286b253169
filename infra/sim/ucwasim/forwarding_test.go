package ucwasim_test

import (
	"testing"

	"dialtone/infra/sim/ucwasim"
)

const forwardingPath = "/me/callForwardingSettings"

func TestRingANumberToo(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	self := href(s.app, at(s.root, "_embedded", "me"), "callForwardingSettings")
	before := r.doc(r.want(s.as("GET", self, ""), 200, `"activeSetting":"None"`, `"activePeriod":"Always"`, `"unansweredCallHandling":"Enabled"`))
	ring := at(before, "_embedded", "simultaneousRingSettings")
	if at(ring, "target") != "None" || href(s.app, ring, "contact") != "" {
		t.Errorf("before: %v", ring)
	}
	r.want(s.as("POST", href(s.app, ring, "simultaneousRingToContact"), `{"target":"tel:+1 (425) 555-0100"}`), 204)
	after := r.doc(r.want(s.as("GET", self, ""), 200, `"activeSetting":"SimultaneousRing"`))
	ring = at(after, "_embedded", "simultaneousRingSettings")
	if at(ring, "target") != "Contact" || at(after, "_embedded", "immediateForwardSettings", "target") != "None" {
		t.Errorf("after: %v", after)
	}
	r.want(s.as("GET", href(s.app, ring, "contact"), ""), 200, `"uri":"tel:+1 (425) 555-0100"`, `"type":"Phone"`, `"rel":"contact"`)
	r.want(s.as("POST", href(s.app, ring, "simultaneousRingToContact"), `{"target":"tel:+1 (425) 555-0100"}`), 204)
	r.want(s.as("POST", href(s.app, after, "turnOffCallForwarding"), ""), 204)
	r.want(s.as("GET", self, ""), 200, `"activeSetting":"None"`)
	st, _ := r.User(user("01"))
	if f := st.Forwarding; f.ChangeCount != 2 || f.Changes[0].Operation != "simultaneousRingToContact" || f.Changes[0].Old.ActiveSetting != "None" ||
		f.Changes[1].Operation != "turnOffCallForwarding" || r.Totals().Forwardings != 2 || st.ChangeCount != 0 {
		t.Errorf("got %+v", f)
	}
}
