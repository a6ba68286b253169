package ucwasim_test

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"

	"dialtone/infra/sim/ucwasim"
)

const (
	forwarding  = "/me/callForwardingSettings"
	immediateTo = forwarding + "/immediateForwardSettings/immediateForwardTo"
	ringTo      = forwarding + "/simultaneousRingSettings/simultaneousRingTo"
	unanswered  = forwarding + "/unansweredCallSettings"
)

// equipped users have a team and delegates.
func equipped(_ int, u *ucwasim.User) {
	u.ForwardingPolicy = ucwasim.ForwardingPolicy{Delegates: 1, TeamMembers: 2}
}

func (r *rig) forwarding(address string) ucwasim.ForwardingState {
	r.t.Helper()
	st, ok := r.User(address)
	if !ok {
		r.t.Fatalf("no user %s", address)
	}
	return st.Forwarding
}

// calls is short for settings as stored, with their defaults where empty.
func calls(active string, immediate, ring, unanswered ucwasim.Destination) ucwasim.Forwarding {
	if unanswered == (ucwasim.Destination{}) {
		unanswered = ucwasim.Destination{Target: "Voicemail", RingDelay: 20}
	}
	for _, d := range []*ucwasim.Destination{&immediate, &ring} {
		if d.Target == "" {
			d.Target = "None"
		}
	}
	return ucwasim.Forwarding{
		ActivePeriod: "Always", ActiveSetting: active, UnansweredCallHandling: "Enabled",
		Immediate: immediate, SimultaneousRing: ring, Unanswered: unanswered,
	}
}

func to(target string) ucwasim.Destination { return ucwasim.Destination{Target: target} }

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
	contact := href(s.app, ring, "contact")
	r.want(s.as("GET", contact, ""), 200, `"uri":"tel:+1 (425) 555-0100"`, `"type":"Phone"`, `"rel":"contact"`)
	r.want(s.as("POST", href(s.app, ring, "simultaneousRingToContact"), `{"target":"tel:+1 (425) 555-0100"}`), 204)
	r.want(s.as("POST", href(s.app, after, "turnOffCallForwarding"), ""), 204)
	r.want(s.as("GET", self, ""), 200, `"activeSetting":"None"`)
	r.want(s.as("GET", contact, ""), 404, `"code":"NotFound"`)
	f := r.forwarding(user("01"))
	if f.ChangeCount != 2 || len(f.Changes) != 2 || r.Totals().Forwardings != 2 || r.Totals().Changes != 0 {
		t.Fatalf("got %+v", f)
	}
	on, off := f.Changes[0], f.Changes[1]
	if on.Operation != "simultaneousRingToContact" || on.Old.ActiveSetting != "None" || on.New.SimultaneousRing.Contact != "tel:+1 (425) 555-0100" ||
		off.Operation != "turnOffCallForwarding" || off.Old != on.New || !strings.HasSuffix(s.app, off.Application) {
		t.Errorf("got changes %+v", f.Changes)
	}
}

// TestActions shows what every action leaves, after immediate forwarding to a
// contact and after simultaneous ringing of a team.
func TestActions(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{Each: equipped})
	s := r.signIn(user("01"))
	number := ucwasim.Destination{Target: "Contact", Contact: "tel:+14255550100"}
	person := ucwasim.Destination{Target: "Contact", Contact: "sip:Ada@contoso.test"}
	forwarded := calls("ImmediateForward", person, ucwasim.Destination{RingDelay: 7}, ucwasim.Destination{Target: "Contact", Contact: "tel:+4940", RingDelay: 30})
	together := calls("SimultaneousRing", ucwasim.Destination{}, ucwasim.Destination{Target: "Team", RingDelay: 7}, ucwasim.Destination{})
	tests := []struct {
		path, body    string
		before, after ucwasim.Forwarding
	}{
		{ringTo + "Contact", `{"target":"tel:+14255550100"}`, together, calls("SimultaneousRing", ucwasim.Destination{}, delayed(number, 7), ucwasim.Destination{})},
		{ringTo + "Contact", `{"target":"sip:Ada@contoso.test"}`, forwarded, calls("SimultaneousRing", ucwasim.Destination{}, delayed(person, 7), forwarded.Unanswered)},
		{ringTo + "Team", ``, forwarded, calls("SimultaneousRing", ucwasim.Destination{}, delayed(to("Team"), 7), forwarded.Unanswered)},
		{ringTo + "Team", `{"ringDelay":0}`, together, calls("SimultaneousRing", ucwasim.Destination{}, to("Team"), ucwasim.Destination{})},
		{ringTo + "Delegates", `{"ringDelay":55}`, together, calls("SimultaneousRing", ucwasim.Destination{}, delayed(to("Delegates"), 55), ucwasim.Destination{})},
		{immediateTo + "Contact", `{"target":"tel:+14255550100"}`, together, calls("ImmediateForward", number, ucwasim.Destination{RingDelay: 7}, ucwasim.Destination{})},
		{immediateTo + "Delegates", ``, forwarded, calls("ImmediateForward", to("Delegates"), ucwasim.Destination{RingDelay: 7}, forwarded.Unanswered)},
		{immediateTo + "Voicemail", ``, together, calls("ImmediateForward", to("Voicemail"), ucwasim.Destination{RingDelay: 7}, ucwasim.Destination{})},
		{unanswered + "/unansweredCallToContact", `{"target":"tel:+14255550100"}`, together, calls("SimultaneousRing", ucwasim.Destination{}, together.SimultaneousRing, delayed(number, 20))},
		{unanswered + "/unansweredCallToContact", `{"target":"tel:+14255550100","ringDelay":60}`, together, calls("SimultaneousRing", ucwasim.Destination{}, together.SimultaneousRing, delayed(number, 60))},
		{unanswered + "/unansweredCallToVoicemail", `{"ringDelay":5}`, together, calls("SimultaneousRing", ucwasim.Destination{}, together.SimultaneousRing, delayed(to("Voicemail"), 5))},
		{unanswered + "/resetUnansweredCallSettings", ``, forwarded, calls("ImmediateForward", person, ucwasim.Destination{RingDelay: 7}, ucwasim.Destination{})},
		{forwarding + "/turnOffCallForwarding", ``, forwarded, calls("None", ucwasim.Destination{}, ucwasim.Destination{RingDelay: 7}, ucwasim.Destination{})},
		{forwarding + "/turnOffCallForwarding", ``, together, calls("None", ucwasim.Destination{}, ucwasim.Destination{RingDelay: 7}, ucwasim.Destination{})},
	}
	for _, tt := range tests {
		if err := r.SetForwarding(user("01"), tt.before); err != nil {
			t.Fatal(err)
		}
		for range 2 { // a repetition changes nothing
			got := s.as("POST", tt.path, tt.body)
			if after := r.forwarding(user("01")).Forwarding; got.status != 204 || got.body != "" || after != tt.after {
				t.Errorf("%s %s: got %d %s and %+v, want %+v", tt.path, tt.body, got.status, got.body, after, tt.after)
			}
		}
		want := "Enabled"
		if tt.after.ActiveSetting == "ImmediateForward" {
			want = "Disabled"
		}
		if got := at(r.doc(s.as("GET", forwarding, "")), "unansweredCallHandling"); got != want {
			t.Errorf("%s: unansweredCallHandling is %v, want %s", tt.path, got, want)
		}
	}
	if f := r.forwarding(user("01")); f.ChangeCount != len(tests) {
		t.Errorf("%d visible changes, want %d", f.ChangeCount, len(tests))
	}
}

// TestUnansweredCallsAreHandledAgain begins with handling disabled by PUT.
func TestUnansweredCallsAreHandledAgain(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	for path, want := range map[string]string{
		unanswered + "/unansweredCallToContact?target=tel:1": "Enabled",
		unanswered + "/unansweredCallToVoicemail":            "Enabled",
		unanswered + "/resetUnansweredCallSettings":          "Enabled",
		forwarding + "/turnOffCallForwarding":                "Enabled",
		ringTo + "Contact?target=sip%3Aada%40contoso.test":   "Disabled",
		immediateTo + "Contact?target=sip:ada@contoso.test":  "Disabled",
	} {
		if err := r.SetForwarding(user("01"), ucwasim.Forwarding{UnansweredCallHandling: "Disabled"}); err != nil {
			t.Fatal(err)
		}
		r.want(s.as("POST", path, ""), 204)
		if got := r.forwarding(user("01")).UnansweredCallHandling; got != want {
			t.Errorf("%s: handling is %s, want %s", path, got, want)
		}
	}
}

func delayed(d ucwasim.Destination, seconds int) ucwasim.Destination {
	d.RingDelay = seconds
	return d
}

func TestForwardingInputs(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{Each: equipped})
	s := r.signIn(user("01"))
	const (
		ring    = ringTo + "Contact"
		team    = ringTo + "Team"
		wait    = unanswered + "/unansweredCallToVoicemail"
		failed  = "ParameterValidationFailure"
		garbled = "DeserializationFailure"
		asJSON  = "application/json"
		asXML   = "application/xml"
	)
	long := "sip:" + strings.Repeat("ä", 63) + "@contoso.test"
	tests := []struct {
		name, path, body, media string
		status                  int
		want                    string // stored contact, or part of an error
	}{
		{"json", ring, `{"target":"tel:+14255550100"}`, asJSON, 204, "tel:+14255550100"},
		{"vnd json", ring, `{"TARGET":"tel:+14255550100"}`, "application/vnd.microsoft.com.ucwa+json", 204, "tel:+14255550100"},
		{"xml", ring, xmlInput(`<property name="target">sip:ada@contoso.test</property>`), asXML, 204, "sip:ada@contoso.test"},
		{"vnd xml", ring, xmlInput(`<property name="target">tel:+14255550100;ext=7</property>`), "application/vnd.microsoft.com.ucwa+xml", 204, "tel:+14255550100;ext=7"},
		{"query", ring + "?target=tel%3A%2B14255550100", "", "", 204, "tel:+14255550100"},
		{"query with a bare plus", ring + "?target=tel:+14255550100", "", "", 204, "tel: 14255550100"},
		{"capital scheme", ring, `{"target":"TEL:+1/425/5550100"}`, asJSON, 204, "TEL:+1/425/5550100"},
		{"no number at all", ring, `{"target":"tel:CALLNOW"}`, asJSON, 204, "tel:CALLNOW"},
		{"an unknown input", ring, `{"target":"tel:+1","ringDelay":"soon"}`, asJSON, 204, "tel:+1"},
		{"eighty characters", ring, `{"target":"` + long + `"}`, asJSON, 204, long},
		{"eighty-one characters", ring, `{"target":"` + long + `x"}`, asJSON, 400, failed},
		{"none", ring, "", "", 400, `"name":"target"`},
		{"empty body", ring, `{}`, asJSON, 400, failed},
		{"null", ring, `{"target":null}`, asJSON, 400, failed},
		{"empty", ring, `{"target":""}`, asJSON, 400, failed},
		{"empty in xml", ring, xmlInput(`<property name="target"/>`), asXML, 400, failed},
		{"twice", ring + "?target=tel:1&target=tel:2", "", "", 400, failed},
		{"no scheme", ring, `{"target":"+14255550100"}`, asJSON, 400, failed},
		{"another scheme", ring, `{"target":"mailto:ada@contoso.test"}`, asJSON, 400, failed},
		{"scheme alone", ring, `{"target":"tel:"}`, asJSON, 400, failed},
		{"a number", ring, `{"target":14255550100}`, asJSON, 400, garbled},
		{"broken json", ring, `{"target":`, asJSON, 400, garbled},
		{"root of a PUT", ring, strings.ReplaceAll(xmlInput(`<property name="target">tel:+1</property>`), "input", "resource"), asXML, 400, garbled},
		{"text", ring, `{"target":"tel:+1"}`, "text/plain", 415, "UnsupportedMediaType"},
		{"delay in the query", team + "?ringDelay=55", "", "", 204, ""},
		{"delay in xml", team, xmlInput(`<property name="ringDelay"> 0 </property>`), asXML, 204, ""},
		{"null delay", team, `{"ringDelay":null}`, asJSON, 204, ""},
		{"long delay", team, `{"ringDelay":56}`, asJSON, 400, `"name":"ringDelay"`},
		{"negative delay", team, `{"ringDelay":-1}`, asJSON, 400, failed},
		{"half a second", team, `{"ringDelay":0.5}`, asJSON, 400, failed},
		{"delay as text", team, `{"ringDelay":"10"}`, asJSON, 400, garbled},
		{"shortest wait", wait + "?ringDelay=5", "", "", 204, ""},
		{"too short a wait", wait, `{"ringDelay":4}`, asJSON, 400, failed},
		{"too long a wait", wait, `{"ringDelay":61}`, asJSON, 400, failed},
		{"no number in xml", wait, xmlInput(`<property name="ringDelay">soon</property>`), asXML, 400, failed},
	}
	for _, tt := range tests {
		if err := r.SetForwarding(user("01"), ucwasim.Forwarding{}); err != nil {
			t.Fatal(err)
		}
		before := r.forwarding(user("01"))
		got := s.as("POST", tt.path, tt.body, "Content-Type", tt.media)
		after := r.forwarding(user("01"))
		switch {
		case got.status != tt.status, got.status >= 400 && !strings.Contains(got.body, tt.want):
			t.Errorf("%s: got %d %s, want %d %s", tt.name, got.status, got.body, tt.status, tt.want)
		case got.status >= 400 && after.Forwarding != before.Forwarding:
			t.Errorf("%s: refused, but changed to %+v", tt.name, after.Forwarding)
		case got.status == 204 && after.SimultaneousRing.Contact != tt.want:
			t.Errorf("%s: stored %q, want %q", tt.name, after.SimultaneousRing.Contact, tt.want)
		}
	}
}

func TestStoredFormOfTargets(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{BareForwardingTargets: true})
	s := r.signIn(user("01"))
	for sent, stored := range map[string]string{
		"TEL:+1 (425) 555-0100;ext=7":  "tel:+14255550100;ext=7",
		"tel:+1.425/555.0100":          "tel:+14255550100",
		"SIP:Ada.Example@Contoso.test": "sip:ada.example@contoso.test",
	} {
		r.want(s.as("POST", ringTo+"Contact", `{"target":"`+sent+`"}`), 204)
		ring := r.doc(s.as("GET", forwarding+"/simultaneousRingSettings", ""))
		r.want(s.as("GET", href(s.app, ring, "contact"), ""), 200, `"uri":"`+stored+`"`)
	}
}

func TestTargetsOfDisplacedSettings(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		r := start(t, ucwasim.Config{KeepForwardingTargets: keep, Each: equipped})
		s := r.signIn(user("01"))
		r.want(s.as("POST", immediateTo+"Delegates", ""), 204)
		r.want(s.as("POST", ringTo+"Contact", `{"target":"sip:ada@contoso.test"}`), 204)
		f := r.forwarding(user("01"))
		if kept := f.Immediate.Target == "Delegates"; kept != keep || f.ActiveSetting != "SimultaneousRing" {
			t.Errorf("keep %v: got %+v", keep, f.Forwarding)
		}
		r.want(s.as("POST", forwarding+"/turnOffCallForwarding", ""), 204)
		f = r.forwarding(user("01"))
		if kept := f.SimultaneousRing.Contact == "sip:ada@contoso.test"; kept != keep || f.ActiveSetting != "None" {
			t.Errorf("keep %v, turned off: got %+v", keep, f.Forwarding)
		}
	}
}

func TestForwardingInXML(t *testing.T) {
	t.Parallel()
	for _, d := range []ucwasim.Dialect{ucwasim.Captured, ucwasim.Generated} {
		r := start(t, ucwasim.Config{Dialect: d, Each: equipped})
		s := r.signIn(user("01"))
		r.want(s.as("POST", ringTo+"Contact", xmlInput(`<property name="target">sip:ada@contoso.test</property>`), "Content-Type", "application/xml"), 204)
		r.want(s.as("POST", ringTo+"Delegates", xmlInput(`<property name="ringDelay">9</property>`), "Content-Type", "application/xml"), 204)
		r.want(s.as("POST", unanswered+"/unansweredCallToContact", `{"target":"tel:+14255550100"}`), 204)
		var settings element
		if err := xml.Unmarshal([]byte(r.want(s.as("GET", forwarding, "", "Accept", "application/xml"), 200).body), &settings); err != nil {
			t.Fatal(err)
		}
		children := map[string]element{}
		for _, c := range settings.Children {
			if c.XMLName.Local == "resource" {
				children[c.attr("rel")] = c
			}
		}
		got := fmt.Sprint(settings.attr("rel"), settings.property("activeSetting"), settings.link("turnOffCallForwarding") != "", len(children))
		if want := fmt.Sprint("callForwardingSettings", "SimultaneousRing", true, 3); got != want {
			t.Errorf("%s: got %s, want %s", d, got, want)
		}
		ring, late := children["simultaneousRingSettings"], children["unansweredCallSettings"]
		if ring.property("ringDelay") != "9" || ring.property("target") != "Delegates" || (ring.link("contact") == "") != (d == ucwasim.Captured) {
			t.Errorf("%s: got %+v", d, ring)
		}
		r.want(s.as("GET", strings.TrimSuffix(r.DiscoveryURL, "/")+late.link("contact"), "", "Accept", "application/xml"), 200,
			`rel="contact"`, `<property name="uri">tel:+14255550100</property><property name="type">Phone</property>`)
		for rel, c := range children {
			own := r.want(s.as("GET", forwarding+"/"+rel, "", "Accept", "application/xml"), 200).body
			var alone element
			if err := xml.Unmarshal([]byte(own), &alone); err != nil || alone.property("target") != c.property("target") || alone.property("etag") != c.property("etag") {
				t.Errorf("%s %s: alone %s, embedded %+v (%v)", d, rel, own, c, err)
			}
		}
	}
}

func (e element) link(rel string) string {
	for _, c := range e.Children {
		if c.XMLName.Local == "link" && c.attr("rel") == rel {
			return c.attr("href")
		}
	}
	return ""
}
