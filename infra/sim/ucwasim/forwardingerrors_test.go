package ucwasim_test

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
)

// operation is one request about call forwarding that succeeds for an equipped
// user with nothing set.
type operation struct{ name, method, path, body string }

func forwardingOperations() []operation {
	const target = `{"target":"tel:+14255550100"}`
	return []operation{
		{"callForwardingSettings", "GET", forwarding, ""},
		{"immediateForwardSettings", "GET", forwarding + "/immediateForwardSettings", ""},
		{"simultaneousRingSettings", "GET", forwarding + "/simultaneousRingSettings", ""},
		{"unansweredCallSettings", "GET", unanswered, ""},
		{"putCallForwardingSettings", "PUT", forwarding, ""},
		{"putSimultaneousRingSettings", "PUT", forwarding + "/simultaneousRingSettings", ""},
		{"putUnansweredCallSettings", "PUT", unanswered, ""},
		{"simultaneousRingToContact", "POST", ringTo + "Contact", target},
		{"simultaneousRingToTeam", "POST", ringTo + "Team", `{"ringDelay":9}`},
		{"simultaneousRingToDelegates", "POST", ringTo + "Delegates", ""},
		{"immediateForwardToContact", "POST", immediateTo + "Contact", target},
		{"immediateForwardToDelegates", "POST", immediateTo + "Delegates", ""},
		{"immediateForwardToVoicemail", "POST", immediateTo + "Voicemail", ""},
		{"unansweredCallToContact", "POST", unanswered + "/unansweredCallToContact", target},
		{"unansweredCallToVoicemail", "POST", unanswered + "/unansweredCallToVoicemail", `{"ringDelay":30}`},
		{"resetUnansweredCallSettings", "POST", unanswered + "/resetUnansweredCallSettings", ""},
		{"turnOffCallForwarding", "POST", forwarding + "/turnOffCallForwarding", ""},
	}
}

// TestForwardingRefusals has the rows of the action tables that a user's own
// circumstances bring about.
func TestForwardingRefusals(t *testing.T) {
	t.Parallel()
	type policy = ucwasim.ForwardingPolicy
	const target = `{"target":"tel:+14255550100"}`
	full := policy{Delegates: 1, TeamMembers: 1}
	with := func(change func(*policy)) policy {
		p := full
		change(&p)
		return p
	}
	tests := []struct {
		name, path, body string
		policy           policy
		immediate        bool
		status           int // 403 stands for UnconfiguredStatus when there is a subcode
		subcode          string
	}{
		{"not enabled for simultaneous ring", ringTo + "Contact", target, with(func(p *policy) { p.NoSimultaneousRing = true }), false, 403, "None"},
		{"not enabled for simultaneous ring, team", ringTo + "Team", "", with(func(p *policy) { p.NoSimultaneousRing = true }), false, 403, "None"},
		{"team not configured", ringTo + "Team", "", with(func(p *policy) { p.TeamMembers = 0 }), false, 403, "NoTeamMembersConfigured"},
		{"delegates disabled", ringTo + "Delegates", "", with(func(p *policy) { p.NoDelegation = true }), false, 403, "None"},
		{"delegates not configured", ringTo + "Delegates", "", with(func(p *policy) { p.Delegates = 0 }), false, 403, "NoDelegatesConfigured"},
		{"forwarding disabled", immediateTo + "Contact", target, with(func(p *policy) { p.NoForwarding = true }), false, 403, "None"},
		{"forwarding disabled comes before inputs", immediateTo + "Contact", "", with(func(p *policy) { p.NoForwarding = true }), false, 403, "None"},
		{"forwarding disabled, delegates", immediateTo + "Delegates", "", with(func(p *policy) { p.NoForwarding = true }), false, 403, "None"},
		{"forwarding to delegates not configured", immediateTo + "Delegates", "", with(func(p *policy) { p.Delegates = 0 }), false, 403, "NoDelegatesConfigured"},
		{"no voicemail", immediateTo + "Voicemail", "", with(func(p *policy) { p.NoVoicemail = true }), false, 403, "None"},
		{"unanswered, forwarding disabled", unanswered + "/unansweredCallToContact", target, with(func(p *policy) { p.NoForwarding = true }), false, 403, "None"},
		{"unanswered, immediate forward active", unanswered + "/unansweredCallToContact", target, full, true, 403, "None"},
		{"unanswered voicemail, immediate forward active", unanswered + "/unansweredCallToVoicemail", "", full, true, 403, "None"},
		{"unanswered, no voicemail", unanswered + "/unansweredCallToVoicemail", "", with(func(p *policy) { p.NoVoicemail = true }), false, 403, "None"},
	}
	for _, unconfigured := range []int{0, http.StatusConflict} {
		r := start(t, ucwasim.Config{UnconfiguredStatus: unconfigured})
		s := r.signIn(user("01"))
		for _, tt := range tests {
			f := ucwasim.Forwarding{}
			if tt.immediate {
				f = calls("ImmediateForward", to("Voicemail"), ucwasim.Destination{}, ucwasim.Destination{})
			}
			if err := cmp.Or(r.SetForwarding(user("01"), f), r.SetForwardingPolicy(user("01"), tt.policy)); err != nil {
				t.Fatal(err)
			}
			status, code := tt.status, "Forbidden"
			if tt.subcode != "None" && unconfigured != 0 {
				status, code = unconfigured, "Conflict"
			}
			got := s.as("POST", tt.path, tt.body)
			if got.status != status || !strings.Contains(got.body, `"code":"`+code+`","subcode":"`+tt.subcode+`"`) {
				t.Errorf("%s: got %d %s, want %d %s", tt.name, got.status, got.body, status, tt.subcode)
			}
		}
		if f := r.forwarding(user("01")); f.ChangeCount != 0 {
			t.Errorf("refused requests changed %+v", f.Changes)
		}
	}
}

// TestForwardingNeedsEnterpriseVoice goes through every operation, for a user
// without enterprise voice and for an anonymous one.
func TestForwardingNeedsEnterpriseVoice(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	if err := r.SetEnterpriseVoice(user("01"), false); err != nil {
		t.Fatal(err)
	}
	for _, o := range forwardingOperations() {
		r.want(s.as(o.method, o.path, o.body), 403, `"code":"Forbidden"`, `"subcode":"None"`)
		r.want(s.as(o.method, o.path, o.body, "Accept", "application/xml"), 403, `<code>Forbidden</code><subcode>None</subcode>`)
	}
	if f := r.forwarding(user("01")); f.ChangeCount != 0 {
		t.Errorf("got %+v", f)
	}
	if err := r.SetEnterpriseVoice(user("01"), true); err != nil {
		t.Fatal(err)
	}
	r.want(s.as("GET", forwarding, ""), 200)

	guest := r.anonymous()
	if slices.Contains(links(at(guest.root, "_embedded", "me")), "callForwardingSettings") {
		t.Error("an anonymous user has call forwarding")
	}
	for _, o := range forwardingOperations() {
		r.want(guest.as(o.method, o.path, o.body), 403, `"code":"Forbidden"`, `"subcode":"None"`)
	}
}

// TestErrorsThatEveryOperationCanHave scripts the rows that the pages attach to
// nearly every operation, as JSON and as XML.
func TestErrorsThatEveryOperationCanHave(t *testing.T) {
	t.Parallel()
	type row struct {
		status        int
		code, subcode string
	}
	conflicts := []row{{409, "Conflict", "AlreadyExists"}, {409, "Conflict", "TooManyGroups"}, {409, "Conflict", "None"}}
	moved := row{410, "Gone", "CannotRedirect"}
	sets := map[string][]row{
		"GET":  append([]row{{500, "ServiceFailure", "InvalidExchangeServerVersion"}, moved}, conflicts...),
		"POST": append([]row{{500, "ServiceFailure", "CallbackChannelError"}, moved}, conflicts...),
		"PUT":  {{500, "ServiceFailure", "InvalidExchangeServerVersion"}, moved},
	}
	r := start(t, ucwasim.Config{Each: equipped})
	s := r.signIn(user("01"))
	for _, o := range forwardingOperations() {
		for _, e := range sets[o.method] {
			if _, err := r.Script().Add(simkit.Fault{Operation: o.name, Status: e.status, Code: e.code, Subcode: e.subcode, Times: 2}); err != nil {
				t.Fatal(err)
			}
			r.want(s.as(o.method, o.path, o.body), e.status, `"code":"`+e.code+`"`, `"subcode":"`+e.subcode+`"`)
			r.want(s.as(o.method, o.path, o.body, "Accept", "application/xml"), e.status, "<code>"+e.code+"</code><subcode>"+e.subcode+"</subcode>")
		}
	}
	if f := r.forwarding(user("01")); f.ChangeCount != 0 {
		t.Errorf("refused requests changed %+v", f.Changes)
	}
}

// TestLostAnswers hides the answer of every action after it was carried out.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{Each: equipped})
	s := r.signIn(user("01"))
	// Every action changes something of these settings.
	set := calls("SimultaneousRing", ucwasim.Destination{}, to("Team"), ucwasim.Destination{Target: "None", RingDelay: 20})
	for _, o := range forwardingOperations() {
		if o.method != "POST" {
			continue
		}
		for _, f := range []simkit.Fault{
			{Operation: o.name, Apply: true, HTML: true, Times: 1},
			{Operation: o.name, ResetAfter: true, Times: 1},
			{Operation: o.name, Status: 503, Times: 1},
			{Operation: o.name, ResetBefore: true, Times: 1},
		} {
			if err := r.SetForwarding(user("01"), set); err != nil {
				t.Fatal(err)
			}
			if _, err := r.Script().Add(f); err != nil {
				t.Fatal(err)
			}
			before := r.forwarding(user("01")).ChangeCount
			lost(t, s, o, f)
			applied := 0
			if f.Apply || f.ResetAfter {
				applied = 1
			}
			if got := r.forwarding(user("01")).ChangeCount - before; got != applied {
				t.Errorf("%s, %+v: %d visible changes, want %d", o.name, f, got, applied)
			}
		}
	}
}

// lost sends a request whose answer says nothing about its effect.
func lost(t *testing.T, s *session, o operation, f simkit.Fault) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), o.method, s.app+o.path, strings.NewReader(o.body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", s.bearer)
	req.Header.Set("Content-Type", "application/json")
	res, err := s.client.Do(req)
	switch reset := f.ResetAfter || f.ResetBefore; {
	case err == nil && (reset || res.StatusCode != 503):
		t.Errorf("%s: got %d", o.name, res.StatusCode)
	case err != nil && !reset:
		t.Errorf("%s: %v", o.name, err)
	}
	if err == nil {
		res.Body.Close()
	}
}

// TestPolicyTakesLinksAway shows which links of the three settings remain.
func TestPolicyTakesLinksAway(t *testing.T) {
	t.Parallel()
	all := []string{
		"immediateForwardToContact", "immediateForwardToDelegates", "immediateForwardToVoicemail",
		"simultaneousRingToContact", "simultaneousRingToDelegates", "simultaneousRingToTeam",
		"resetUnansweredCallSettings", "unansweredCallToContact", "unansweredCallToVoicemail",
	}
	r := start(t, ucwasim.Config{Extra: []ucwasim.User{{URI: "ada@contoso.test", Password: "pw-ada", NoForwardingLink: true}}})
	s := r.signIn(user("01"))
	for policy, gone := range map[ucwasim.ForwardingPolicy]string{
		{}:                         "nothing",
		{NoSimultaneousRing: true}: "simultaneousRingTo",
		{NoDelegation: true}:       "ToDelegates",
		{NoVoicemail: true}:        "ToVoicemail",
		{NoForwarding: true}:       "immediateForwardToContact immediateForwardToDelegates unansweredCallToContact",
	} {
		if err := r.SetForwardingPolicy(user("01"), policy); err != nil {
			t.Fatal(err)
		}
		var got, want []string
		for _, child := range []string{"immediateForwardSettings", "simultaneousRingSettings", "unansweredCallSettings"} {
			rels := links(at(r.doc(s.as("GET", forwarding, "")), "_embedded", child))
			got = append(got, slices.DeleteFunc(rels, func(rel string) bool { return rel == "self" })...)
		}
		for _, rel := range all {
			if !strings.Contains(rel, gone) && !slices.Contains(strings.Fields(gone), rel) {
				want = append(want, rel)
			}
		}
		if slices.Sort(got); fmt.Sprint(got) != fmt.Sprint(sorted(want)) {
			t.Errorf("%+v: links %v, want %v", policy, got, want)
		}
	}
	if rels := links(at(r.signIn("ada@contoso.test").root, "_embedded", "me")); slices.Contains(rels, "callForwardingSettings") {
		t.Errorf("policy hides callForwardingSettings, got %v", rels)
	}
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}
