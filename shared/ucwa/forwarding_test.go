package ucwa_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"dialtone/shared/failure"
	"dialtone/shared/ucwa"
)

// plain is call forwarding as far as values can be compared.
type plain struct {
	active     ucwa.ForwardingState
	period     ucwa.ActivePeriod
	unanswered ucwa.UnansweredHandling
	targets    [3]ucwa.ForwardTarget // immediate, ring, no answer
	delays     [3]int                // -1: none
	etags      [4]string             // settings, immediate, ring, no answer
}

func plainOf(cf ucwa.CallForwarding) plain {
	p := plain{active: cf.Active, period: cf.Period, unanswered: cf.Unanswered, etags: [4]string{cf.ETag}}
	for i, f := range []ucwa.Forward{cf.Immediate, cf.Ring, cf.NoAnswer} {
		p.targets[i], p.etags[i+1], p.delays[i] = f.Target, f.ETag, -1
		if f.RingDelay != nil {
			p.delays[i] = *f.RingDelay
		}
	}
	return p
}

// recorded is what the documents in testdata say.
func recorded(dialect string) plain {
	if dialect == "generated" {
		return plain{
			ucwa.ImmediateForward, ucwa.Always, ucwa.UnansweredDisabled,
			[3]ucwa.ForwardTarget{ucwa.ToVoicemail, ucwa.ToNobody, ucwa.ToNobody},
			[3]int{-1, 34, 45},
			[4]string{settingsETag},
		}
	}
	return plain{
		ucwa.SimultaneousRing, ucwa.WorkHours, ucwa.UnansweredEnabled,
		[3]ucwa.ForwardTarget{ucwa.ToNobody, ucwa.ToContact, ucwa.ToVoicemail},
		[3]int{-1, 0, 20},
		[4]string{"2049872136", "1001", "1002", "1003"},
	}
}

func TestCallForwarding(t *testing.T) {
	t.Parallel()
	eachVoice(t, func(t *testing.T, v *voice) {
		cf, err := v.app.CallForwarding(t.Context())
		if err != nil || plainOf(cf) != recorded(v.dialect) {
			t.Errorf("%+v, %v, want %+v", plainOf(cf), err, recorded(v.dialect))
		}
		if calls := v.requests(); len(calls) != 1 {
			t.Errorf("%d calls, want 1: the children are embedded", len(calls))
		}
		for name, offered := range offers(cf) {
			if !offered {
				t.Errorf("%s is not offered", name)
			}
		}
		if zero := offers(ucwa.CallForwarding{}); zero["CanRingContact"] || zero["CanTurnOff"] {
			t.Errorf("what was not read offers %v", zero)
		}
	})
}

func offers(cf ucwa.CallForwarding) map[string]bool {
	return map[string]bool{
		"CanRingContact": cf.CanRingContact(), "CanRingTeam": cf.CanRingTeam(), "CanRingDelegates": cf.CanRingDelegates(),
		"CanForwardToContact": cf.CanForwardToContact(), "CanForwardToDelegates": cf.CanForwardToDelegates(),
		"CanForwardToVoicemail": cf.CanForwardToVoicemail(), "CanUnansweredToContact": cf.CanUnansweredToContact(),
		"CanUnansweredToVoicemail": cf.CanUnansweredToVoicemail(), "CanResetUnanswered": cf.CanResetUnanswered(),
		"CanTurnOff": cf.CanTurnOff(),
	}
}

// TestForwardContact: the number is read from the contact, but only where the
// target is one: the generated samples link to a contact in any case.
func TestForwardContact(t *testing.T) {
	t.Parallel()
	eachVoice(t, func(t *testing.T, v *voice) {
		cf := v.read()
		got, err := v.app.ForwardContact(t.Context(), cf.Ring)
		want, calls := "tel:+49 40 123456", 1
		if v.dialect == "generated" {
			want, calls = "", 0
		}
		if got != want || err != nil || len(v.requests()) != calls {
			t.Errorf("ForwardContact = %q, %v, want %q", got, err, want)
		}
		if got != "" && !ucwa.SameTarget(got, "tel:+4940123456") {
			t.Errorf("%q is not the target", got)
		}
	})
}

func TestForwardContactElsewhere(t *testing.T) {
	t.Parallel()
	v := newVoice(t, ucwa.Config{}, "captured")
	const link = `"contact": {
     "href": "/ucwa/oauth/v1/applications/192837465564/people/282"
    },`
	v.on("GET callForwardingSettings", v.without(link, ""))
	_, err := v.app.ForwardContact(t.Context(), v.read().Ring)
	if e := ucwa.As(err); e == nil || e.Class != failure.Denied || !errors.Is(err, ucwa.ErrMissingLink) {
		t.Errorf("without a link: %v, want a missing link", err)
	}
	v.on("GET callForwardingSettings", v.without(`"target": "contact",`, `"target": "contact", "_embedded": {"contact": {"uri": "sip:bob@contoso.test"}},`))
	if got, err := v.app.ForwardContact(t.Context(), v.read().Ring); got != "sip:bob@contoso.test" || err != nil || len(v.requests()) != 0 {
		t.Errorf("embedded: %q, %v", got, err)
	}
	v.on("GET callForwardingSettings", nil)
	v.on("GET 282", func(w http.ResponseWriter, r *http.Request) { reason(w, r, 404, "NotFound", "") })
	_, err = v.app.ForwardContact(t.Context(), v.read().Ring)
	if e := ucwa.As(err); e == nil || e.Remedy != ucwa.Refresh {
		t.Errorf("gone: %v, want refresh", err)
	}
}

// TestCallForwardingOddDocuments: links instead of parts, values that are
// absent or new, and a user without voice.
func TestCallForwardingOddDocuments(t *testing.T) {
	t.Parallel()
	v := newVoice(t, ucwa.Config{}, "captured")
	v.on("GET callForwardingSettings", text(200, "application/json",
		`{"activeSetting":"Elsewhere","_links":{"self":{"href":"/s"},"simultaneousRingSettings":{"href":"/ring"},"unansweredCallSettings":[{"href":"/late"}]}}`))
	v.on("GET ring", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"77"`)
		text(200, "application/json", `{"target":"TEAM","ringDelay":" 5 ","_links":{"simultaneousRingToTeam":{"href":"/team"}}}`)(w, r)
	})
	v.on("GET late", text(200, "application/json", `{"ringDelay":"soon"}`))
	cf, err := v.app.CallForwarding(t.Context())
	want := plain{
		active: "Elsewhere", targets: [3]ucwa.ForwardTarget{ucwa.ToNobody, ucwa.ToTeam, ucwa.ToNobody},
		delays: [3]int{-1, 5, -1}, etags: [4]string{"", "", "77", ""},
	}
	if err != nil || plainOf(cf) != want {
		t.Errorf("%+v, %v, want %+v", plainOf(cf), err, want)
	}
	for name, offered := range offers(cf) {
		if offered != (name == "CanRingTeam") {
			t.Errorf("%s: %t", name, offered)
		}
	}
	if err := v.app.RingTeam(t.Context(), cf, nil); err != nil {
		t.Errorf("RingTeam: %v", err)
	}
	v.on("GET late", func(w http.ResponseWriter, r *http.Request) { reason(w, r, 403, "Forbidden", "None") })
	if _, err := v.app.CallForwarding(t.Context()); ucwa.As(err) == nil || ucwa.As(err).Operation != "unansweredCallSettings" {
		t.Errorf("a part that is refused: %v", err)
	}
	v.on("GET callForwardingSettings", text(200, "application/json", `{}`))
	if cf, err := v.app.CallForwarding(t.Context()); err != nil || cf.Active != ucwa.NotForwarding || cf.Ring.Target != ucwa.ToNobody {
		t.Errorf("an empty document: %+v, %v", cf, err)
	}
}

// action is one way to change call forwarding: what it does to which link and
// what it sends.
type action struct {
	rel       string
	do        func(a *ucwa.Application, t *testing.T, cf ucwa.CallForwarding) error
	json, xml string // body, xml without its envelope
}

const mobile = "tel:+49-40-123456;ext=12"

func actions() []action {
	return []action{
		{"simultaneousRingToContact", func(a *ucwa.Application, t *testing.T, cf ucwa.CallForwarding) error {
			return a.RingContact(t.Context(), cf, mobile)
		}, `{"target":"tel:+4940123456;ext=12"}`, `<property name="target">tel:+4940123456;ext=12</property>`},
		{"simultaneousRingToTeam", func(a *ucwa.Application, t *testing.T, cf ucwa.CallForwarding) error {
			return a.RingTeam(t.Context(), cf, new(55))
		}, `{"ringDelay":55}`, `<property name="ringDelay">55</property>`},
		{"simultaneousRingToDelegates", func(a *ucwa.Application, t *testing.T, cf ucwa.CallForwarding) error {
			return a.RingDelegates(t.Context(), cf, new(0))
		}, `{"ringDelay":0}`, `<property name="ringDelay">0</property>`},
		{"immediateForwardToContact", func(a *ucwa.Application, t *testing.T, cf ucwa.CallForwarding) error {
			return a.ForwardToContact(t.Context(), cf, "SIP:Bob@contoso.test")
		}, `{"target":"sip:bob@contoso.test"}`, `<property name="target">sip:bob@contoso.test</property>`},
		{"immediateForwardToDelegates", func(a *ucwa.Application, t *testing.T, cf ucwa.CallForwarding) error {
			return a.ForwardToDelegates(t.Context(), cf)
		}, "", ""},
		{"immediateForwardToVoicemail", func(a *ucwa.Application, t *testing.T, cf ucwa.CallForwarding) error {
			return a.ForwardToVoicemail(t.Context(), cf)
		}, "", ""},
		{
			"unansweredCallToContact", func(a *ucwa.Application, t *testing.T, cf ucwa.CallForwarding) error {
				return a.UnansweredToContact(t.Context(), cf, mobile, new(5))
			},
			`{"ringDelay":5,"target":"tel:+4940123456;ext=12"}`,
			`<property name="target">tel:+4940123456;ext=12</property><property name="ringDelay">5</property>`,
		},
		{"unansweredCallToVoicemail", func(a *ucwa.Application, t *testing.T, cf ucwa.CallForwarding) error {
			return a.UnansweredToVoicemail(t.Context(), cf, new(60))
		}, `{"ringDelay":60}`, `<property name="ringDelay">60</property>`},
		{"resetUnansweredCallSettings", func(a *ucwa.Application, t *testing.T, cf ucwa.CallForwarding) error {
			return a.ResetUnanswered(t.Context(), cf)
		}, "", ""},
		{"turnOffCallForwarding", func(a *ucwa.Application, t *testing.T, cf ucwa.CallForwarding) error {
			return a.TurnOffForwarding(t.Context(), cf)
		}, "", ""},
	}
}

// TestForwardingActions: each posts to its own link what its page names, in
// the client's format, and nothing else.
func TestForwardingActions(t *testing.T) {
	t.Parallel()
	eachVoice(t, func(t *testing.T, v *voice) {
		cf := v.read()
		for _, c := range actions() {
			if err := c.do(v.app, t, cf); err != nil {
				t.Errorf("%s: %v", c.rel, err)
				continue
			}
			want := sent{"POST " + c.rel, c.json, "application/json; charset=utf-8", ""}
			if v.format == ucwa.XML {
				want.body, want.contentType = inXML(c.xml), "application/xml; charset=utf-8"
			}
			if c.json == "" {
				want.body, want.contentType = "", ""
			}
			if got := v.requests(); len(got) != 1 || got[0] != want {
				t.Errorf("sent %+v, want %+v", got, want)
			}
		}
	})
}

// TestForwardingMissingLinks: an action whose link is not there makes no call.
func TestForwardingMissingLinks(t *testing.T) {
	t.Parallel()
	for _, c := range actions() {
		v := newVoice(t, ucwa.Config{}, "captured")
		v.on("GET callForwardingSettings", v.without(`"`+c.rel+`"`, `"somethingElse"`))
		for name, cf := range map[string]ucwa.CallForwarding{"withheld": v.read(), "not read": {}} {
			err := c.do(v.app, t, cf)
			e := ucwa.As(err)
			if e == nil || e.Class != failure.Denied || e.Remedy != ucwa.None || !errors.Is(err, ucwa.ErrMissingLink) || len(v.requests()) != 0 {
				t.Errorf("%s, %s: %v, want a missing link and no call", c.rel, name, err)
			}
			if e != nil && (e.Operation != c.rel || !strings.Contains(err.Error(), "has no "+c.rel)) {
				t.Errorf("%s, %s: %v does not say what is missing where", c.rel, name, err)
			}
		}
	}
}

// TestForwardingInvalid: what cannot be sent is refused with field, problem
// and mend, without a call and without showing the number.
func TestForwardingInvalid(t *testing.T) {
	t.Parallel()
	v := newVoice(t, ucwa.Config{}, "captured")
	cf, ctx := v.read(), t.Context()
	for _, c := range []struct {
		err  error
		says string
	}{
		{v.app.RingContact(ctx, cf, ""), "target is empty: write"},
		{v.app.RingContact(ctx, cf, "+4940123456"), "target does not begin with tel: or sip:"},
		{v.app.RingContact(ctx, cf, "SimultaneousRing"), "target does not begin with"},
		{v.app.ForwardToContact(ctx, cf, "tel:0401234567"), "target is not an international number: write tel:+"},
		{v.app.UnansweredToContact(ctx, cf, "sip:bob", nil), "target is not the SIP address of a person: write sip:user@domain"},
		{v.app.RingContact(ctx, cf, "sip:"+strings.Repeat("b", 64)+"@contoso.test"), "target has 81 characters: at most 80"},
		{v.app.RingTeam(ctx, cf, new(56)), "ringDelay is 56 seconds: give 0 to 55"},
		{v.app.RingDelegates(ctx, cf, new(-1)), "ringDelay is -1 seconds: give 0 to 55"},
		{v.app.UnansweredToVoicemail(ctx, cf, new(4)), "ringDelay is 4 seconds: give 5 to 60"},
		{v.app.UnansweredToContact(ctx, cf, mobile, new(61)), "ringDelay is 61 seconds: give 5 to 60"},
	} {
		e := ucwa.As(c.err)
		if e == nil || e.Class != failure.Invalid || e.Remedy != ucwa.None || !strings.Contains(c.err.Error(), c.says) {
			t.Errorf("%v, want invalid, %q", c.err, c.says)
		}
		if c.err != nil && strings.Contains(c.err.Error(), "0401234567") {
			t.Errorf("%v shows the number", c.err)
		}
	}
	if calls := v.requests(); len(calls) != 0 {
		t.Errorf("sent %+v", calls)
	}
}
