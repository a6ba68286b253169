package validate_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dialtone/events/sample"
	"dialtone/events/schema/validate"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/failure"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
)

// TestOutcomesFitTheirSchema draws what the code can write.
func TestOutcomesFitTheirSchema(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := command.Key{Source: "urn:contoso:hr", ID: rapid.StringN(1, 20, -1).Draw(t, "id")}
		at := time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "time"), 5)
		user := rapid.SampledFrom([]sipaddr.User{"ada@contoso.test", "a@b"}).Draw(t, "user")
		e := outcome.New(outcome.TypeAssigned, key, user, at, drawAssigned(t, key, user))
		if rapid.Bool().Draw(t, "failed") {
			e = outcome.Failure(command.Command{Key: key, User: rapid.SampledFrom([]sipaddr.User{"", user}).Draw(t, "known user")}, drawFailure(t), 1, at)
		}
		raw, err := json.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		if p := validate.Outcome(raw); p != nil {
			t.Fatalf("%v\n%s", p, raw)
		}
	})
}

func drawAssigned(t *rapid.T, key command.Key, user sipaddr.User) outcome.Assigned {
	phoneType := rapid.SampledFrom([]command.PhoneType{command.Work, command.Mobile, command.Home, command.Other})
	number := rapid.SampledFrom([]e164.Number{"", "+12056350001", "+1205635"})
	phone := func(name string) outcome.Phone {
		return outcome.Phone{Type: phoneType.Draw(t, name), Number: rapid.SampledFrom([]string{"", "4711", "tel:+12056350001"}).Draw(t, name)}
	}
	return outcome.Assigned{
		Request: key, User: user, LocationID: "L1", PhoneType: phoneType.Draw(t, "type"), Number: number.Draw(t, "number"),
		Managed: rapid.Bool().Draw(t, "managed"), Before: phone("before"), After: phone("after"),
		Replaced:    rapid.SliceOf(number.Filter(func(n e164.Number) bool { return n != "" })).Draw(t, "replaced"),
		Verified:    rapid.SampledFrom([]string{outcome.ReadBack, outcome.AsFound, outcome.PlanOnly}).Draw(t, "verified"),
		DryRun:      rapid.Bool().Draw(t, "dry run"),
		TrackingIDs: rapid.SliceOf(rapid.String()).Draw(t, "tracking"),
	}
}

func drawFailure(t *rapid.T) error {
	f := &failure.Error{
		Class:  rapid.SampledFrom([]failure.Class{failure.Invalid, failure.Denied, failure.Conflict, failure.Exhausted, failure.Unavailable, failure.Unknown}).Draw(t, "class"),
		Reason: rapid.StringN(1, -1, -1).Draw(t, "reason"), Advice: "ask",
	}
	if rapid.Bool().Draw(t, "asked") {
		f.Upstream = &failure.Upstream{System: "ucwa", Status: rapid.SampledFrom([]int{0, 100, 403, 599}).Draw(t, "status"), Code: "Forbidden"}
	}
	return f
}

// TestOutcomeSchemaRefuses spoils a good sample in one place each time.
func TestOutcomeSchemaRefuses(t *testing.T) {
	good := map[string]string{}
	for _, typ := range []string{outcome.TypeAssigned, outcome.TypeFailed} {
		for _, s := range sample.Of(typ) {
			good[s.Name] = string(s.Body)
		}
	}
	for name, c := range map[string]struct{ sample, old, new, field string }{
		"foreign source":  {"read-back", `"source": "dialtone"`, `"source": "urn:contoso:hr"`, "source"},
		"id without type": {"read-back", `/dialtone.number.assigned.v1"`, `"`, "id"},
		"no time":         {"read-back", `"time"`, `"when"`, "time"},
		"no content type": {"read-back", `"datacontenttype"`, `"contenttype"`, "datacontenttype"},
		"how verified":    {"read-back", `"verified": "read-back"`, `"verified": "hoped"`, "data.verified"},
		"no before":       {"read-back", `"before"`, `"previously"`, "data.before"},
		"phone type":      {"read-back", `{ "type": "work"`, `{ "type": "desk"`, "data.before.type"},
		"replaced":        {"replaced", `["+494066969004"]`, `["0406696904"]`, "data.replaced.0"},
		"class":           {"exhausted", `"exhausted"`, `"empty"`, "data.class"},
		"no advice":       {"exhausted", `"advice"`, `"hint"`, "data.advice"},
		"attempts":        {"exhausted", `"attempts": 1`, `"attempts": -1`, "data.attempts"},
		"status":          {"webex-gone", `503`, `0`, "data.upstream.status"},
		"no request id":   {"unreadable", `"id": "07c3`, `"key": "07c3`, "data.request.id"},
	} {
		t.Run(name, func(t *testing.T) {
			bad := strings.Replace(good[c.sample], c.old, c.new, 1)
			if bad == good[c.sample] {
				t.Fatalf("sample %s has no %s", c.sample, c.old)
			}
			if p := validate.Outcome([]byte(bad)); len(p) != 1 || p[0].Field != c.field {
				t.Errorf("problems %v, want one of %s", p, c.field)
			}
		})
	}
}
