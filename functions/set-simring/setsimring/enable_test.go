package setsimring_test

import (
	"strings"
	"testing"
	"time"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

func TestEnable(t *testing.T) {
	t.Parallel()
	s := newRemoteSite(t, ucwasim.Config{})
	s.set(toDelegates())
	o := s.enabled(enable("1", "tel:+1 (425) 555-0199"))
	if !o.Managed || o.Verified != outcome.ReadBack || o.Target != mobile || o.Request.ID != "1" || o.User != person {
		t.Errorf("%+v", o)
	}
	if o.Before.Active != "ImmediateForward" || o.Before.Immediate.Target != "Delegates" || o.Before.NoAnswer.URI != "tel:+14255550111" ||
		*o.Before.NoAnswer.RingDelaySeconds != 30 || o.Before.Period != "Workhours" {
		t.Errorf("before: %+v", o.Before)
	}
	if !o.After.RingsAt(mobile) {
		t.Errorf("after: %+v", o.After)
	}
	if u := s.calls(); u.ActiveSetting != "SimultaneousRing" || u.SimultaneousRing.Contact != mobile || u.ChangeCount != 1 {
		t.Errorf("%+v", u)
	}
	if r := s.record(); r.State != ledger.SimRingEnabled || r.Target != mobile {
		t.Errorf("record %+v", r)
	}
	if s.open() != 0 {
		t.Error("an application is left open")
	}
}

// TestEnableIsRepeatable: duplicates, in one batch and in several, and requests
// for what is so already change nothing.
func TestEnableIsRepeatable(t *testing.T) {
	t.Parallel()
	s := newSite(t, ucwasim.Config{BareForwardingTargets: true})
	if back := s.deliver(enable("1", mobile), enable("1", mobile)); len(back) > 0 {
		t.Fatalf("came back: %v", back)
	}
	first := s.enabled(enable("1", mobile))
	again := s.enabled(enable("2", mobile))
	if again.Verified != outcome.AsFound || !again.Managed || first.Verified != outcome.ReadBack {
		t.Errorf("%+v, then %+v", first, again)
	}
	if n := s.calls().ChangeCount; n != 1 {
		t.Errorf("%d changes", n)
	}
}

// TestRingsByOtherMeans: what a person has set is no business of ours.
func TestRingsByOtherMeans(t *testing.T) {
	t.Parallel()
	s := newSite(t, ucwasim.Config{})
	s.set(ucwasim.Forwarding{ActiveSetting: "SimultaneousRing", SimultaneousRing: ucwasim.Destination{Target: "Contact", Contact: "tel:+1-425-555-0199"}})
	o := s.enabled(enable("1", mobile))
	if o.Managed || o.Verified != outcome.AsFound || s.calls().ChangeCount != 0 || s.record().State != "" {
		t.Errorf("%+v, record %+v", o, s.record())
	}
}

func TestMoveKeepsWhatStoodFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t, ucwasim.Config{})
	before := s.set(toDelegates())
	s.enabled(enable("1", mobile))
	if o := s.enabled(enable("2", another)); !o.Before.RingsAt(mobile) || !o.After.RingsAt(another) {
		t.Errorf("%+v", o)
	}
	if o := s.disabled(disable("3")); !o.Restored || len(o.NotRestored) > 0 || s.calls().Forwarding != before {
		t.Errorf("%+v leaves %+v", o, s.calls().Forwarding)
	}
}

func TestEnableDryRun(t *testing.T) {
	t.Parallel()
	s := newSite(t, ucwasim.Config{})
	s.set(toDelegates())
	o := s.enabled(body("dialtone.simring.enable.v1", "1", data{"target": mobile, "dryRun": true}))
	if !o.DryRun || o.Verified != outcome.PlanOnly || !o.After.RingsAt(mobile) || o.Before.Active != "ImmediateForward" {
		t.Errorf("%+v", o)
	}
	if s.calls().ChangeCount != 0 || s.record().State != "" {
		t.Errorf("changed %+v, record %+v", s.calls(), s.record())
	}
}

func TestEnableDenied(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(s *site)
		class   string
		words   string
	}{
		"no link":        {func(s *site) { s.policy(ucwasim.ForwardingPolicy{NoSimultaneousRing: true}) }, "denied", "AllowSimulRing"},
		"refused by 403": {func(s *site) { s.fault(rejected("simultaneousRingToContact", 403, "Forbidden", "None")) }, "denied", "AllowSimulRing"},
		"no voice":       {func(s *site) { _ = s.skype.SetEnterpriseVoice(person, false) }, "denied", "Enterprise Voice"},
		"wrong password": {func(s *site) { _ = s.skype.SetPassword(person, "other") }, "denied", "password"},
		"refused by 400": {func(s *site) { s.fault(rejected("simultaneousRingToContact", 400, "BadRequest", "None")) }, "invalid", "target"},
		"not supported":  {func(s *site) { s.fault(rejected("simultaneousRingToContact", 409, "Conflict", "None")) }, "denied", "does not support"},
		"wrong Exchange": {func(s *site) {
			s.fault(rejected("callForwardingSettings", 500, "ServiceFailure", "InvalidExchangeServerVersion"))
		}, "denied", "Exchange"},
		"no settings":     {func(s *site) { s.fault(rejected("callForwardingSettings", 403, "Forbidden", "None")) }, "denied", "Enterprise Voice"},
		"dry run, denied": {func(s *site) { s.policy(ucwasim.ForwardingPolicy{NoSimultaneousRing: true}) }, "denied", "AllowSimulRing"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, ucwasim.Config{})
			before := s.calls()
			c.prepare(s)
			command := body("dialtone.simring.enable.v1", "1", data{"target": mobile, "dryRun": strings.HasPrefix(name, "dry")})
			a := s.refused(command)
			if a["class"] != c.class || !strings.Contains(a["reason"]+" "+a["advice"], c.words) {
				t.Errorf("%v, want %s with %q", a, c.class, c.words)
			}
			if s.calls().Forwarding != before.Forwarding || s.open() != 0 {
				t.Errorf("left %+v, %d applications", s.calls(), s.open())
			}
			if r := s.record(); r.State != "" && r.State != ledger.SimRingOff {
				t.Errorf("record %+v", r)
			}
		})
	}
}

func rejected(operation string, status int, code, subcode string) simkit.Fault {
	return simkit.Fault{Operation: operation, Status: status, Code: code, Subcode: subcode}
}

// TestDeniedMoveLeavesTheFirst: a target that cannot be set takes nothing away.
func TestDeniedMoveLeavesTheFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t, ucwasim.Config{})
	before := s.set(toDelegates())
	s.enabled(enable("1", mobile))
	s.fault(simkit.Fault{Operation: "simultaneousRingToContact", Status: 403, Code: "Forbidden", Subcode: "None", Times: 1})
	s.refused(enable("2", another))
	if r := s.record(); r.State != ledger.SimRingEnabled || r.Target != mobile {
		t.Errorf("record %+v", r)
	}
	if o := s.enabled(enable("3", mobile)); !o.Managed || o.Verified != outcome.AsFound {
		t.Errorf("%+v", o)
	}
	if s.disabled(disable("4")); s.calls().Forwarding != before {
		t.Errorf("left %+v", s.calls().Forwarding)
	}
}

// TestTransientFailures: every one ends in success, in one delivery or in a few,
// with one visible change.
func TestTransientFailures(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]simkit.Fault{
		"answer lost":       {ResetAfter: true},
		"call lost":         {ResetBefore: true},
		"504 after":         {Status: 504, Apply: true},
		"503 in HTML":       {Status: 503, HTML: true, Apply: true},
		"503":               {Status: 503},
		"429":               {Status: 429, Code: "TooManyRequests"},
		"500":               {Status: 500, Code: "ServiceFailure", Subcode: "CallbackChannelError"},
		"409 pending":       {Status: 409, Code: "Conflict", Subcode: "AnotherOperationPending"},
		"application gone":  {Status: 404, Code: "NotFound", Subcode: "ApplicationNotFound"},
		"evicted":           {Status: 410, Code: "Gone", Subcode: "TooManyApplications"},
		"moved":             {Status: 410, Code: "Gone", Subcode: "CannotRedirect"},
		"changed meanwhile": {Status: 412, Code: "PreconditionFailed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, ucwasim.Config{})
			f.Operation, f.Times = "simultaneousRingToContact", 1
			s.fault(f)
			for range 3 {
				if back := s.deliver(enable("1", mobile)); len(back) == 0 {
					break
				}
			}
			if o := s.enabled(enable("1", mobile)); o.Verified != outcome.ReadBack || !o.Managed {
				t.Errorf("%+v", o)
			}
			if n := s.calls().ChangeCount; n != 1 {
				t.Errorf("%d visible changes", n)
			}
			if s.open() > 0 {
				t.Error("an application is left open")
			}
		})
	}
}

// TestUnreadableChangeIsUnknown: what cannot be read back is not called a success.
func TestUnreadableChangeIsUnknown(t *testing.T) {
	t.Parallel()
	s := newSite(t, ucwasim.Config{})
	s.fault(simkit.Fault{Operation: "callForwardingSettings", Status: 403, Code: "Forbidden", After: 1, Times: 1})
	if back := s.deliver(enable("1", mobile)); len(back) != 1 {
		t.Fatalf("dead letters %v", s.queue.letters)
	}
	if p := s.request(enable("1", mobile)).Problem; !strings.Contains(p, "unknown") {
		t.Errorf("problem %q", p)
	}
	if o := s.enabled(enable("1", mobile)); o.Verified != outcome.ReadBack || s.calls().ChangeCount != 1 {
		t.Errorf("%+v after %d changes", o, s.calls().ChangeCount)
	}
}

// TestHangsCostNoReply: whatever hangs, the reply is there in time.
func TestHangsCostNoReply(t *testing.T) {
	t.Parallel()
	for _, operation := range []string{"root", "token", "applications", "callForwardingSettings", "simultaneousRingToContact", "contact", "deleteApplication"} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(t *testing.T) {
				s := newSite(t, ucwasim.Config{})
				s.set(ucwasim.Forwarding{Unanswered: ucwasim.Destination{Target: "Contact", Contact: mobile}})
				s.fault(simkit.Fault{Operation: operation, Hang: true})
				began := time.Now()
				s.deliver(enable("1", mobile))
				if took := time.Since(began); took > 29*time.Second {
					t.Errorf("took %v of 30 s", took)
				}
			})
		})
	}
}

func TestOtherCommandsAreMisplaced(t *testing.T) {
	t.Parallel()
	s := newSite(t, ucwasim.Config{})
	a := s.refused(body("dialtone.number.release.v1", "1", nil))
	if a["class"] != "invalid" || !strings.Contains(a["reason"], "does not belong") {
		t.Errorf("%v", a)
	}
}

// TestHiddenContacts: a contact that the server does not show to the user stands in
// nobody's way. It is told as what cannot be set again.
func TestHiddenContacts(t *testing.T) {
	t.Parallel()
	s := newSite(t, ucwasim.Config{})
	s.set(ucwasim.Forwarding{ActiveSetting: "ImmediateForward", Immediate: toContact("sip:carol@contoso.test")})
	s.fault(simkit.Fault{Operation: "contact", Status: 403, Code: "Forbidden", Subcode: "None", Times: 1})
	if o := s.enabled(enable("1", mobile)); o.Before.Immediate.Target != "Contact" || o.Before.Immediate.URI != "" || !o.After.RingsAt(mobile) {
		t.Errorf("%+v", o)
	}
	if o := s.disabled(disable("2")); len(o.NotRestored) != 1 || !strings.Contains(o.NotRestored[0], "cannot be set") || s.calls().ActiveSetting != "None" {
		t.Errorf("%q leaves %+v", o.NotRestored, s.calls())
	}
}
