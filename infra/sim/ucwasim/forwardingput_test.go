package ucwasim_test

import (
	"encoding/json"
	"encoding/xml"
	"regexp"
	"strings"
	"testing"

	"dialtone/infra/sim/ucwasim"
)

var guid = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// edited is a resource as read with some properties replaced, or left out if nil.
func (r *rig) edited(got reply, edits map[string]any) string {
	r.t.Helper()
	doc := r.doc(got)
	for name, v := range edits {
		if doc[name] = v; v == nil {
			delete(doc, name)
		}
	}
	b, err := json.Marshal(doc)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(b)
}

// random is the name of the property that a PUT must pass back; empty: none.
func (r *rig) random(got reply) string {
	for name, v := range r.doc(got) {
		if guid.MatchString(name) && v == "please pass this in a PUT request" {
			return name
		}
	}
	return ""
}

func TestPutForwarding(t *testing.T) {
	t.Parallel()
	number := ucwasim.Destination{Target: "Contact", Contact: "tel:+14255550100"}
	ringing := calls("SimultaneousRing", ucwasim.Destination{}, number, ucwasim.Destination{})
	forwarded := calls("ImmediateForward", number, ucwasim.Destination{}, ucwasim.Destination{})
	tests := []struct {
		name, path string
		edits      map[string]any
		before     ucwasim.Forwarding
		status     int
		want       string
		after      func(*ucwasim.Forwarding) // what it makes of before
	}{
		{"nothing", "", nil, ringing, 200, "", func(*ucwasim.Forwarding) {}},
		{"period", "", map[string]any{"activePeriod": "workhours"}, ringing, 200, "", func(f *ucwasim.Forwarding) { f.ActivePeriod = "Workhours" }},
		{"off", "", map[string]any{"activeSetting": "None"}, ringing, 200, "", func(f *ucwasim.Forwarding) {
			f.ActiveSetting, f.SimultaneousRing = "None", to("None")
		}},
		{"off after immediate forwarding", "", map[string]any{"activeSetting": "None"}, forwarded, 200, "", func(f *ucwasim.Forwarding) {
			f.ActiveSetting, f.Immediate = "None", to("None")
		}},
		{"handling", "", map[string]any{"unansweredCallHandling": "Disabled"}, ringing, 200, "", func(f *ucwasim.Forwarding) { f.UnansweredCallHandling = "Disabled" }},
		{"handling under immediate forwarding", "", map[string]any{"unansweredCallHandling": "Enabled"}, forwarded, 200, "", func(*ucwasim.Forwarding) {}},
		{"links and embedded resources are ignored", "", map[string]any{"_links": 1, "_embedded": nil}, ringing, 200, "", func(*ucwasim.Forwarding) {}},
		{"unknown properties are ignored", "", map[string]any{"more": "x"}, ringing, 200, "", func(*ucwasim.Forwarding) {}},
		{"active without a target", "", map[string]any{"activeSetting": "ImmediateForward"}, ringing, 400, `"name":"activeSetting"`, nil},
		{"unknown state", "", map[string]any{"activeSetting": "Sometimes"}, ringing, 400, "ParameterValidationFailure", nil},
		{"unknown period", "", map[string]any{"activePeriod": "Weekends"}, ringing, 400, `"name":"activePeriod"`, nil},
		{"empty period", "", map[string]any{"activePeriod": ""}, ringing, 400, `"name":"activePeriod"`, nil},
		{"wrong type", "", map[string]any{"activePeriod": true}, ringing, 400, "DeserializationFailure", nil},
		{"dropped rel", "", map[string]any{"rel": nil}, ringing, 400, `"name":"rel"`, nil},
		{"dropped property", "", map[string]any{"activePeriod": nil}, ringing, 400, `"name":"activePeriod"`, nil},
		{"dropped etag", "", map[string]any{"etag": nil}, ringing, 400, `"name":"etag"`, nil},
		{"delay", "/simultaneousRingSettings", map[string]any{"ringDelay": 55}, ringing, 200, "", func(f *ucwasim.Forwarding) { f.SimultaneousRing.RingDelay = 55 }},
		{"long delay", "/simultaneousRingSettings", map[string]any{"ringDelay": 56}, ringing, 400, `"name":"ringDelay"`, nil},
		{"target", "/simultaneousRingSettings", map[string]any{"target": "Team"}, ringing, 400, `"name":"target"`, nil},
		{"unknown target", "/simultaneousRingSettings", map[string]any{"target": "Voicemail"}, ringing, 400, `"name":"target"`, nil},
		{"wait", "/unansweredCallSettings", map[string]any{"ringDelay": 5}, ringing, 200, "", func(f *ucwasim.Forwarding) { f.Unanswered.RingDelay = 5 }},
		{"short wait", "/unansweredCallSettings", map[string]any{"ringDelay": 4}, ringing, 400, `"name":"ringDelay"`, nil},
		{"dropped delay", "/unansweredCallSettings", map[string]any{"ringDelay": nil}, ringing, 400, `"name":"ringDelay"`, nil},
	}
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	for _, tt := range tests {
		if err := r.SetForwarding(user("01"), tt.before); err != nil {
			t.Fatal(err)
		}
		read := r.want(s.as("GET", forwarding+tt.path, ""), 200)
		got := s.as("PUT", forwarding+tt.path, r.edited(read, tt.edits), "If-Match", read.header.Get("ETag"))
		want := tt.before
		if tt.after != nil {
			tt.after(&want)
		}
		after := r.forwarding(user("01")).Forwarding
		if got.status != tt.status || !strings.Contains(got.body, tt.want) || tt.status == 200 && got.body != "" || after != want {
			t.Errorf("%s: got %d %s and %+v, want %d %s and %+v", tt.name, got.status, got.body, after, tt.status, tt.want, want)
		}
	}
}

func TestConditionsOfPut(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	for _, path := range []string{forwarding, forwarding + "/simultaneousRingSettings", unanswered} {
		read := r.want(s.as("GET", path, ""), 200)
		body, etag := r.edited(read, nil), read.header.Get("ETag")
		r.want(s.as("PUT", path, body), 428, `"code":"PreconditionRequired"`)
		r.want(s.as("PUT", path, body, "If-Match", `"1"`), 412, `"code":"PreconditionFailed"`)
		name := r.random(read)
		if name == "" {
			t.Fatalf("no property with a random name in %s", read.body)
		}
		r.want(s.as("PUT", path, r.edited(read, map[string]any{name: nil}), "If-Match", etag), 400, "ParameterValidationFailure", name)
		r.want(s.as("PUT", path, "", "If-Match", etag), 400, "ParameterValidationFailure", name)
		r.want(s.as("PUT", path, body, "If-Match", etag, "Content-Type", "text/plain"), 415)
		r.want(s.as("PUT", path, "{", "If-Match", etag), 400, "DeserializationFailure")
		r.want(s.as("PUT", path+"?activePeriod=Workhours", body, "If-Match", strings.Trim(etag, `"`)), 200)
		r.want(s.as("PUT", path, body, "If-Match", "*"), 200)
	}
	if f := r.forwarding(user("01")); f.ChangeCount != 0 {
		t.Errorf("nothing was edited, but %+v", f.Changes)
	}
	for _, child := range []string{"/immediateForwardSettings", "/immediateForwardSettings/immediateForwardToVoicemail", "/turnOffCallForwarding"} {
		r.want(s.as("PUT", forwarding+child, "{}"), 405)
	}
}

// TestStalePut lets two callers read, and one of them change, the same settings.
func TestStalePut(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	a := r.signIn(user("01"))
	path := forwarding + "/simultaneousRingSettings"
	read := r.want(a.as("GET", path, ""), 200)
	put := func(delay int) reply {
		return a.as("PUT", path, r.edited(read, map[string]any{"ringDelay": delay}), "If-Match", read.header.Get("ETag"))
	}
	r.want(put(10), 200)
	r.want(put(20), 412)
	if again := r.want(a.as("GET", path, ""), 200); r.random(again) == r.random(read) {
		t.Error("the random property of an old version still serves")
	}
	f := r.forwarding(user("01"))
	if f.SimultaneousRing.RingDelay != 10 || f.ChangeCount != 1 || f.Changes[0].Operation != "putSimultaneousRingSettings" {
		t.Errorf("got %+v", f)
	}
}

// TestHandlingReturnsAfterImmediateForward passes Disabled back as it was read,
// which must not store it.
func TestHandlingReturnsAfterImmediateForward(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	r.want(s.as("POST", immediateTo+"Voicemail", ""), 204)
	read := r.want(s.as("GET", forwarding, ""), 200, `"unansweredCallHandling":"Disabled"`)
	r.want(s.as("PUT", forwarding, r.edited(read, map[string]any{"activeSetting": "None"}), "If-Match", read.header.Get("ETag")), 200)
	r.want(s.as("GET", forwarding, ""), 200, `"unansweredCallHandling":"Enabled"`)
}

func TestPutReactivatesAKeptTarget(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{KeepForwardingTargets: true})
	s := r.signIn(user("01"))
	r.want(s.as("POST", ringTo+"Contact", `{"target":"tel:+14255550100"}`), 204)
	r.want(s.as("POST", forwarding+"/turnOffCallForwarding", ""), 204)
	read := r.want(s.as("GET", forwarding, ""), 200)
	on := r.edited(read, map[string]any{"activeSetting": "SimultaneousRing"})
	if err := r.SetForwardingPolicy(user("01"), ucwasim.ForwardingPolicy{NoSimultaneousRing: true}); err != nil {
		t.Fatal(err)
	}
	r.want(s.as("PUT", forwarding, on, "If-Match", read.header.Get("ETag")), 403, `"subcode":"None"`)
	if err := r.SetForwardingPolicy(user("01"), ucwasim.ForwardingPolicy{}); err != nil {
		t.Fatal(err)
	}
	r.want(s.as("PUT", forwarding, on, "If-Match", read.header.Get("ETag")), 200)
	if f := r.forwarding(user("01")); f.ActiveSetting != "SimultaneousRing" || f.SimultaneousRing.Contact != "tel:+14255550100" {
		t.Errorf("got %+v", f.Forwarding)
	}
}

func TestPutInXML(t *testing.T) {
	t.Parallel()
	for _, d := range []ucwasim.Dialect{ucwasim.Captured, ucwasim.Generated} {
		r := start(t, ucwasim.Config{Dialect: d})
		s := r.signIn(user("01"))
		read := r.want(s.as("GET", forwarding, "", "Accept", "application/xml"), 200)
		if strings.Contains(read.body, "please pass this") != (d == ucwasim.Captured) {
			t.Errorf("%s: got %s", d, read.body)
		}
		put := func(body string) reply {
			return s.as("PUT", forwarding, body, "If-Match", read.header.Get("ETag"), "Content-Type", "application/xml", "Accept", "application/xml")
		}
		r.want(put(strings.ReplaceAll(read.body, "resource", "input")), 400, "<subcode>DeserializationFailure</subcode>")
		var settings element
		if err := xml.Unmarshal([]byte(read.body), &settings); err != nil {
			t.Fatal(err)
		}
		for _, c := range settings.Children {
			if c.XMLName.Local != "property" {
				continue
			}
			without := strings.Replace(read.body, `<property name="`+c.attr("name")+`">`+c.Text+`</property>`, "", 1)
			r.want(put(without), 400, "<subcode>ParameterValidationFailure</subcode>", `<property name="`+c.attr("name")+`">`)
		}
		r.want(put(strings.Replace(read.body, "Always", "Workhours", 1)), 200)
		r.want(s.as("GET", forwarding, "", "Accept", "application/xml"), 200, `<property name="activePeriod">Workhours</property>`)
	}
}
