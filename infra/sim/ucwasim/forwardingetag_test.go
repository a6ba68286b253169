package ucwasim_test

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"dialtone/infra/sim/ucwasim"
)

func TestForwardingETags(t *testing.T) {
	t.Parallel()
	for _, d := range []ucwasim.Dialect{ucwasim.Captured, ucwasim.Generated} {
		r := start(t, ucwasim.Config{Dialect: d})
		s := r.signIn(user("01"))
		seen := map[string]bool{}
		for _, path := range []string{"", "/immediateForwardSettings", "/simultaneousRingSettings", "/unansweredCallSettings"} {
			got := r.want(s.as("GET", forwarding+path, ""), 200)
			etag := got.header.Get("ETag")
			bare := strings.Trim(etag, `"`)
			if seen[bare] {
				t.Errorf("%s: two resources have the ETag %s", d, bare)
			}
			seen[bare] = true
			if d == ucwasim.Captured && (etag == bare || at(r.doc(got), "etag") != bare || strings.Trim(bare, "0123456789") != "") {
				t.Errorf("captured ETag %s, body %s", etag, got.body)
			}
			if d == ucwasim.Generated && (!guid.MatchString(etag) || at(r.doc(got), "etag") != nil || r.random(got) != "") {
				t.Errorf("generated ETag %s, body %s", etag, got.body)
			}
			for _, h := range []string{etag, bare, `"x", "` + bare + `"`} {
				if got := s.as("GET", forwarding+path, "", "If-None-Match", h); got.status != 304 || got.body != "" || got.header.Get("ETag") != etag {
					t.Errorf("%s: If-None-Match %s is %d", d, h, got.status)
				}
			}
			if put := r.random(got) != ""; put != (d == ucwasim.Captured && path != "/immediateForwardSettings") {
				t.Errorf("%s %s: a property to pass back: %v", d, path, put)
			}
		}
	}
}

// TestAnotherTargetLeavesTheContainersETag is why a caller must read the child.
func TestAnotherTargetLeavesTheContainersETag(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	tags := func() (container, child string) {
		return s.as("GET", forwarding, "").header.Get("ETag"), s.as("GET", forwarding+"/simultaneousRingSettings", "").header.Get("ETag")
	}
	r.want(s.as("POST", ringTo+"Contact", `{"target":"tel:+14255550100"}`), 204)
	container, child := tags()
	r.want(s.as("POST", ringTo+"Contact", `{"target":"tel:+14255550101"}`), 204)
	if c, k := tags(); c != container || k == child {
		t.Errorf("container %s to %s, child %s to %s", container, c, child, k)
	}
	if got := s.as("GET", forwarding, "", "If-None-Match", container); got.status != 304 {
		t.Errorf("got %d", got.status)
	}
	r.want(s.as("POST", forwarding+"/turnOffCallForwarding", ""), 204)
	if c, _ := tags(); c == container {
		t.Error("another activeSetting left the ETag of the container")
	}
}

// glance is what a caller sees of the settings: the container's own properties
// and those of every child, with the address behind the contact link.
type glance struct {
	own, ownTag string
	child, tag  [3]string
	active      string
	targets     [3]string
	handling    string
}

func (s *session) glance() glance {
	s.t.Helper()
	var g glance
	got := s.want(s.as("GET", forwarding, ""), 200)
	doc := s.doc(got)
	g.active, g.handling = at(doc, "activeSetting").(string), at(doc, "unansweredCallHandling").(string)
	g.own, g.ownTag = fmt.Sprint(g.active, g.handling, at(doc, "activePeriod")), got.header.Get("ETag")
	for i, rel := range []string{"immediateForwardSettings", "simultaneousRingSettings", "unansweredCallSettings"} {
		child := at(doc, "_embedded", rel)
		g.targets[i] = at(child, "target").(string)
		g.child[i] = fmt.Sprint(g.targets[i], at(child, "ringDelay"))
		if contact := href(s.app, child, "contact"); contact != "" {
			g.child[i] += fmt.Sprint(at(s.doc(s.want(s.as("GET", contact, ""), 200)), "uri"))
		}
		g.tag[i] = at(child, "etag").(string)
	}
	return g
}

// TestForwardingHoldsTogether plays any sequence of requests and compares what is
// seen before and after each.
func TestForwardingHoldsTogether(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{Each: equipped})
	s := r.signIn(user("01"))
	operations := forwardingOperations()
	rapid.Check(t, func(t *rapid.T) {
		o := rapid.SampledFrom(operations).Draw(t, "operation")
		before, count := s.glance(), r.forwarding(user("01")).ChangeCount
		got := s.perform(t, o)
		after := s.glance()
		if refused := strings.HasPrefix(o.name, "unansweredCallTo") && before.active == "ImmediateForward"; refused != (got.status == 403) || got.status > 403 || got.status == 400 {
			t.Fatalf("%s under %s is %d %s", o.name, before.active, got.status, got.body)
		}
		check(t, before, after)
		made := r.forwarding(user("01")).ChangeCount - count
		if changed := before != after; changed != (made == 1) || made > 1 || changed && got.status >= 400 {
			t.Fatalf("%s is %d and made %d changes: %+v to %+v", o.name, got.status, made, before, after)
		}
	})
}

// perform does an operation with drawn inputs.
func (s *session) perform(t *rapid.T, o operation) reply {
	switch {
	case strings.Contains(o.body, "target"):
		target := rapid.SampledFrom([]string{"tel:+14255550100", "tel:+14255550101", "sip:ada@contoso.test"}).Draw(t, "target")
		return s.as(o.method, o.path, fmt.Sprintf(`{"target":%q}`, target))
	case o.method != "PUT":
		return s.as(o.method, o.path, o.body)
	}
	edits := map[string]any{"ringDelay": rapid.IntRange(5, 55).Draw(t, "delay")}
	if o.name == "putCallForwardingSettings" {
		edits = rapid.SampledFrom([]map[string]any{
			{"activePeriod": "Always"}, {"activePeriod": "Workhours"}, {"activeSetting": "None"},
		}).Draw(t, "edits")
	}
	read := s.as("GET", o.path, "")
	return s.as(o.method, o.path, s.edited(read, edits), "If-Match", read.header.Get("ETag"))
}

func check(t *rapid.T, before, after glance) {
	if (before.own == after.own) != (before.ownTag == after.ownTag) {
		t.Fatalf("container %s with ETag %s, then %s with %s", before.own, before.ownTag, after.own, after.ownTag)
	}
	for i := range after.child {
		if (before.child[i] == after.child[i]) != (before.tag[i] == after.tag[i]) {
			t.Fatalf("child %d: %s with ETag %s, then %s with %s", i, before.child[i], before.tag[i], after.child[i], after.tag[i])
		}
	}
	active := map[string][2]bool{"None": {}, "ImmediateForward": {true, false}, "SimultaneousRing": {false, true}}
	if got := [2]bool{after.targets[0] != "None", after.targets[1] != "None"}; got != active[after.active] {
		t.Fatalf("%s is active with the targets %v", after.active, after.targets)
	}
	if (after.active == "ImmediateForward") != (after.handling == "Disabled") {
		t.Fatalf("%s is active and unanswered calls are %s", after.active, after.handling)
	}
}

func TestForwardingControl(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	u := r.ControlURL + "/users/user00001@contoso.test"
	r.want(r.ask("PUT", u+"/forwarding", `{"activeSetting":"ImmediateForward","immediateForwardSettings":{"target":"Delegates"}}`), 200,
		`"activeSetting": "ImmediateForward"`, `"target": "Delegates"`, `"target": "Voicemail"`, `"changeCount": 0`)
	r.want(s.as("GET", forwarding, ""), 200, `"activeSetting":"ImmediateForward"`, `"target":"Delegates"`, `"unansweredCallHandling":"Disabled"`)
	r.want(r.ask("PUT", u+"/forwardingPolicy", `{"noSimultaneousRing":true,"delegates":2}`), 200, `"noSimultaneousRing": true`, `"delegates": 2`)
	if got := s.as("GET", forwarding, ""); strings.Contains(got.body, "simultaneousRingTo") {
		t.Errorf("a forbidden link is there: %s", got.body)
	}
	r.want(s.as("POST", immediateTo+"Voicemail", ""), 204)
	r.want(r.ask("GET", u, ""), 200, `"operation": "immediateForwardToVoicemail"`, `"changeCount": 1`)
	r.want(r.ask("GET", r.ControlURL+"/state", ""), 200, `"forwardingChanges": 1`, `"changes": 0`)
	r.want(r.ask("PUT", u+"/enterpriseVoice", `{"enabled":false}`), 200, `"enterpriseVoice": false`)
	r.want(s.as("GET", "/me/phones", ""), 403)
	r.want(s.as("GET", forwarding, ""), 403)

	before := r.forwarding(user("01")).Forwarding
	r.want(r.ask("PUT", u+"/forwarding", `{"activeSetting":"SimultaneousRing","activePeriod":"Sometimes","unansweredCallHandling":"x",
		"immediateForwardSettings":{"target":"Team","ringDelay":1},"unansweredCallSettings":{"target":"Contact","ringDelay":61}}`), 400,
		`"activePeriod"`, `"unansweredCallHandling"`, `"immediateForwardSettings.target"`, `"immediateForwardSettings.ringDelay"`,
		`"simultaneousRingSettings.target"`, `"unansweredCallSettings.contact"`, `"unansweredCallSettings.ringDelay"`)
	r.want(r.ask("PUT", u+"/forwarding", `{"simultaneousRingSettings":{"target":"Contact","contact":"+14255550100"}}`), 400, `"simultaneousRingSettings.contact"`)
	r.want(r.ask("PUT", u+"/forwarding", `{"active":"None"}`), 400, `"field": "active"`)
	r.want(r.ask("PUT", u+"/forwardingPolicy", `{"delegates":true}`), 400, `"field": "delegates"`)
	if after := r.forwarding(user("01")).Forwarding; after != before {
		t.Errorf("refused, but changed to %+v", after)
	}
	nobody := r.ControlURL + "/users/nobody@contoso.test"
	for path, body := range map[string]string{"/forwarding": "{}", "/forwardingPolicy": "{}", "/enterpriseVoice": "{}"} {
		r.want(r.ask("PUT", nobody+path, body), 404, "not in the directory")
	}
	r.want(r.ask("GET", nobody, ""), 404, "not in the directory")
}

func TestForwardingAtTheStart(t *testing.T) {
	t.Parallel()
	voicemail := ucwasim.Forwarding{ActivePeriod: "Workhours", ActiveSetting: "ImmediateForward", Immediate: to("Voicemail")}
	r := start(t, ucwasim.Config{Extra: []ucwasim.User{
		{URI: "ada@contoso.test", Password: "pw-ada", Forwarding: voicemail},
		{URI: "bob@contoso.test", Password: "pw-bob", ForwardingPolicy: ucwasim.ForwardingPolicy{NoVoicemail: true}},
	}})
	r.want(r.signIn("ada@contoso.test").as("GET", forwarding, ""), 200, `"activePeriod":"Workhours"`, `"target":"Voicemail"`, `"ringDelay":20`)
	bob := r.signIn("bob@contoso.test")
	r.want(bob.as("GET", unanswered, ""), 200, `"target":"None"`)
	r.want(bob.as("POST", unanswered+"/resetUnansweredCallSettings", ""), 204)
	r.want(bob.as("GET", unanswered, ""), 200, `"target":"None"`)

	_, err := ucwasim.New(ucwasim.Config{UnconfiguredStatus: 404, Extra: []ucwasim.User{
		{URI: "ada@contoso.test", Forwarding: ucwasim.Forwarding{ActiveSetting: "SimultaneousRing", ActivePeriod: "x"}},
	}})
	for _, part := range []string{"UnconfiguredStatus is 404", "Extra[0]", "activePeriod", "simultaneousRingSettings.target"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("error lacks %q: %v", part, err)
		}
	}
}
