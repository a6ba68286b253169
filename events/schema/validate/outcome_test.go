package validate_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dialtone/events/sample"
	"dialtone/events/schema"
	"dialtone/events/schema/validate"
	"dialtone/shared/command"
	"dialtone/shared/contactlist"
	"dialtone/shared/e164"
	"dialtone/shared/failure"
	"dialtone/shared/outcome"
	"dialtone/shared/ringtarget"
	"dialtone/shared/sipaddr"
)

// TestEventsFitTheirSchema draws what the code can write.
func TestEventsFitTheirSchema(t *testing.T) {
	draws := map[string]func(*rapid.T) outcome.Event{
		outcome.TypeAssigned:        drawAssigned,
		outcome.TypeReleased:        drawReleased,
		outcome.TypeSimRingEnabled:  drawEnabled,
		outcome.TypeSimRingDisabled: drawDisabled,
		outcome.TypeFailed:          drawFailed,
		outcome.TypePoolLow:         drawPoolLow,

		outcome.TypeContactsSubscribed:   drawSubscribed,
		outcome.TypeContactsUnsubscribed: drawUnsubscribed,
		outcome.TypeContactsRefreshed:    drawRefreshed,
		outcome.TypeContactsChanged:      drawContactsChanged,
	}
	for _, typ := range slices.Concat(schema.Outcomes(), schema.Notices()) {
		t.Run(typ, func(t *testing.T) { // one at a time: they share generators
			rapid.Check(t, func(t *rapid.T) {
				e := draws[typ](t)
				raw, err := json.Marshal(e)
				if err != nil {
					t.Fatal(err)
				}
				if p := judge(typ)(raw); p != nil || e.Type != typ {
					t.Fatalf("%s: %v\n%s", e.Type, p, raw)
				}
			})
		})
	}
}

// judge is who judges messages of a type.
func judge(typ string) func([]byte) []validate.Problem {
	if slices.Contains(schema.Notices(), typ) {
		return validate.Notice
	}
	return validate.Outcome
}

var (
	phoneTypes = rapid.SampledFrom([]command.PhoneType{command.Work, command.Mobile, command.Home, command.Other})
	numbers    = rapid.SampledFrom([]e164.Number{"+12056350001", "+1205635", "+123456789012345"})
	licences   = rapid.SampledFrom([]command.LicenseType{command.Professional, command.Standard})
	verified   = rapid.SampledFrom([]string{outcome.ReadBack, outcome.AsFound, outcome.PlanOnly})
	people     = rapid.SampledFrom([]sipaddr.User{"ada@contoso.test", "a@b"})
	phones     = rapid.Custom(func(t *rapid.T) outcome.Phone {
		return outcome.Phone{
			Type: phoneTypes.Draw(t, "type"), Number: rapid.SampledFrom([]string{"", "4711", "tel:+12056350001"}).Draw(t, "number"),
			IncludeInContactCard: rapid.Bool().Draw(t, "card"),
		}
	})
	forwardTargets = rapid.Custom(func(t *rapid.T) outcome.ForwardTarget {
		return outcome.ForwardTarget{
			Target: rapid.SampledFrom([]string{"", "None", "Contact", "Whatever"}).Draw(t, "target"),
			URI:    rapid.SampledFrom([]string{"", "tel:4711", "sip:ada@contoso.test"}).Draw(t, "uri"),

			RingDelaySeconds: rapid.Ptr(rapid.IntRange(0, 60), true).Draw(t, "delay"),
		}
	})
	forwardings = rapid.Custom(func(t *rapid.T) outcome.Forwarding {
		text := rapid.SampledFrom([]string{"", "None", "SimultaneousRing", "Always", "Disabled"})
		return outcome.Forwarding{
			Active: text.Draw(t, "active"), Period: text.Draw(t, "period"), Unanswered: text.Draw(t, "unanswered"),
			Immediate: forwardTargets.Draw(t, "immediate"), Ring: forwardTargets.Draw(t, "ring"), NoAnswer: forwardTargets.Draw(t, "no answer"),
		}
	})
	targetsOut = rapid.Map(rapid.SampledFrom(targets), func(s string) ringtarget.Target {
		target, _ := ringtarget.Parse(s)
		return target
	}).Filter(func(t ringtarget.Target) bool { return t != "" })
)

func drawKey(t *rapid.T) command.Key {
	return command.Key{Source: "urn:contoso:hr", ID: rapid.StringN(1, 20, -1).Draw(t, "id")}
}

func drawTime(t *rapid.T) time.Time {
	return time.Unix(rapid.Int64Range(0, 4e9).Draw(t, "time"), rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds"))
}

func maybe[T any](t *rapid.T, name string, g *rapid.Generator[T]) (v T) {
	if rapid.Bool().Draw(t, "has "+name) {
		v = g.Draw(t, name)
	}
	return v
}

func drawAssigned(t *rapid.T) outcome.Event {
	d := outcome.Assigned{
		Request: drawKey(t), User: people.Draw(t, "user"), LocationID: "L1", PhoneType: phoneTypes.Draw(t, "type"),
		Number: maybe(t, "number", numbers), Managed: rapid.Bool().Draw(t, "managed"),
		Before: phones.Draw(t, "before"), After: phones.Draw(t, "after"), Replaced: rapid.SliceOf(numbers).Draw(t, "replaced"),
		Verified: verified.Draw(t, "verified"), DryRun: rapid.Bool().Draw(t, "dry run"), TrackingIDs: rapid.SliceOf(rapid.String()).Draw(t, "tracking"),
	}
	return outcome.New(outcome.TypeAssigned, d.Request, d.User, drawTime(t), d)
}

func drawReleased(t *rapid.T) outcome.Event {
	d := outcome.Released{
		Request: drawKey(t), User: people.Draw(t, "user"), PhoneType: phoneTypes.Draw(t, "type"),
		Number: maybe(t, "number", numbers), LocationID: maybe(t, "location", rapid.Just("L1")), RestsUntil: maybe(t, "rest", rapid.Custom(drawTime)).UTC(),
		Before: maybe(t, "before", phones), After: maybe(t, "after", phones), Restored: rapid.Bool().Draw(t, "restored"),
		Verified: verified.Draw(t, "verified"), DryRun: rapid.Bool().Draw(t, "dry run"),
	}
	return outcome.New(outcome.TypeReleased, d.Request, d.User, drawTime(t), d)
}

func drawEnabled(t *rapid.T) outcome.Event {
	d := outcome.SimRingEnabled{
		Request: drawKey(t), User: people.Draw(t, "user"), Target: targetsOut.Draw(t, "target"), Managed: rapid.Bool().Draw(t, "managed"),
		Before: forwardings.Draw(t, "before"), After: forwardings.Draw(t, "after"),
		Verified: verified.Draw(t, "verified"), DryRun: rapid.Bool().Draw(t, "dry run"),
	}
	return outcome.New(outcome.TypeSimRingEnabled, d.Request, d.User, drawTime(t), d)
}

func drawDisabled(t *rapid.T) outcome.Event {
	d := outcome.SimRingDisabled{
		Request: drawKey(t), User: people.Draw(t, "user"), Before: forwardings.Draw(t, "before"), After: forwardings.Draw(t, "after"),
		Restored: rapid.Bool().Draw(t, "restored"), NotRestored: rapid.SliceOf(rapid.StringN(1, 20, -1)).Draw(t, "not restored"),
		Verified: verified.Draw(t, "verified"), DryRun: rapid.Bool().Draw(t, "dry run"),
	}
	return outcome.New(outcome.TypeSimRingDisabled, d.Request, d.User, drawTime(t), d)
}

func drawFailed(t *rapid.T) outcome.Event {
	f := &failure.Error{
		Class:  rapid.SampledFrom([]failure.Class{failure.Invalid, failure.Denied, failure.Conflict, failure.Exhausted, failure.Unavailable, failure.Unknown}).Draw(t, "class"),
		Reason: rapid.StringN(1, -1, -1).Draw(t, "reason"), Advice: "ask",
	}
	if rapid.Bool().Draw(t, "asked") {
		f.Upstream = &failure.Upstream{System: "ucwa", Status: rapid.SampledFrom([]int{0, 100, 403, 599}).Draw(t, "status"), Code: "Forbidden"}
	}
	c := command.Command{Key: drawKey(t), User: maybe(t, "user", people), Type: maybe(t, "type", rapid.SampledFrom(command.Types()))}
	return outcome.Failure(c, f, rapid.IntRange(0, 1000).Draw(t, "attempts"), drawTime(t))
}

func drawPoolLow(t *rapid.T) outcome.Event {
	count := rapid.IntRange(0, 100_000)
	return outcome.NewPoolLow(outcome.PoolLow{
		LocationID: rapid.StringN(1, 128, -1).Draw(t, "location"), LicenseType: licences.Draw(t, "licence"),
		Free: count.Draw(t, "free"), Threshold: count.Draw(t, "threshold"), Counts: outcome.PoolCounts{Assigned: count.Draw(t, "assigned")},
		DaysLeft: rapid.Ptr(rapid.Float64Min(0), true).Draw(t, "days"), At: drawTime(t),
	})
}

var subscriptions = rapid.Custom(func(t *rapid.T) outcome.Subscription {
	return outcome.Subscription{
		State:   rapid.SampledFrom([]string{"", "Connected", "Disconnected", "Whatever"}).Draw(t, "state"),
		Expires: maybe(t, "expires", rapid.Custom(drawTime)).UTC(),
	}
})

func drawSubscribed(t *rapid.T) outcome.Event {
	d := outcome.ContactsSubscribed{
		Request: drawKey(t), User: people.Draw(t, "user"), DurationMinutes: rapid.IntRange(10, 60).Draw(t, "minutes"),
		Before: subscriptions.Draw(t, "before"), After: subscriptions.Draw(t, "after"),
		Contacts: rapid.IntRange(0, 1000).Draw(t, "contacts"), Groups: rapid.IntRange(0, 64).Draw(t, "groups"), Verified: verified.Draw(t, "verified"),
	}
	return outcome.New(outcome.TypeContactsSubscribed, d.Request, d.User, drawTime(t), d)
}

func drawUnsubscribed(t *rapid.T) outcome.Event {
	d := outcome.ContactsUnsubscribed{
		Request: drawKey(t), User: people.Draw(t, "user"), Enrolled: rapid.Bool().Draw(t, "enrolled"),
		Before: subscriptions.Draw(t, "before"), After: subscriptions.Draw(t, "after"),
		ApplicationDeleted: rapid.Bool().Draw(t, "deleted"), Verified: verified.Draw(t, "verified"),
	}
	return outcome.New(outcome.TypeContactsUnsubscribed, d.Request, d.User, drawTime(t), d)
}

func drawRefreshed(t *rapid.T) outcome.Event {
	setbacks := rapid.SliceOf(rapid.Custom(func(t *rapid.T) outcome.Setback {
		return outcome.Setback{
			User: people.Draw(t, "user"), Class: rapid.SampledFrom([]failure.Class{failure.Denied, failure.Unavailable}).Draw(t, "class"),
			Reason: rapid.StringN(1, -1, -1).Draw(t, "reason"), Next: maybe(t, "next", rapid.Custom(drawTime)).UTC(),
		}
	}))
	users := rapid.SliceOf(people)
	d := outcome.ContactsRefreshed{
		Request: drawKey(t), Refreshed: users.Draw(t, "refreshed"), Restarted: users.Draw(t, "restarted"), Skipped: users.Draw(t, "skipped"),
		Postponed: setbacks.Draw(t, "postponed"), Parked: setbacks.Draw(t, "parked"),
	}
	return outcome.New(outcome.TypeContactsRefreshed, d.Request, "", drawTime(t), d)
}

var lists = rapid.Custom(func(t *rapid.T) contactlist.List {
	text, id := rapid.SampledFrom([]string{"", "x", "Y"}), rapid.SampledFrom([]string{"1", "2", "3"})
	contacts := rapid.SliceOf(rapid.Custom(func(t *rapid.T) contactlist.Contact {
		return contactlist.Contact{URI: "sip:" + id.Draw(t, "uri") + "@b", Name: text.Draw(t, "name"), Groups: rapid.SliceOf(id).Draw(t, "groups")}
	}))
	groups := rapid.SliceOf(rapid.Custom(func(t *rapid.T) contactlist.Group {
		return contactlist.Group{ID: id.Draw(t, "id"), Kind: text.Draw(t, "kind"), Name: text.Draw(t, "name")}
	}))
	return contactlist.New(contacts.Draw(t, "contacts"), groups.Draw(t, "groups"), rapid.Bool().Draw(t, "memberships"))
})

func drawContactsChanged(t *rapid.T) outcome.Event {
	return outcome.NewContactsChanged(outcome.ContactsChanged{
		User: people.Draw(t, "user"), Seq: rapid.Int64Range(1, 1e6).Draw(t, "seq"), Since: drawTime(t), At: drawTime(t),
	}.With(contactlist.Diff(lists.Draw(t, "from"), lists.Draw(t, "to"))))
}

// TestEventSchemasRefuse spoils a good sample in one place each time.
func TestEventSchemasRefuse(t *testing.T) {
	type spoil struct{ name, sample, old, new, field string }
	for typ, spoils := range map[string][]spoil{
		outcome.TypeAssigned: {
			{"foreign source", "read-back", `"source": "dialtone"`, `"source": "urn:contoso:hr"`, "source"},
			{"id without type", "read-back", `/dialtone.number.assigned.v1"`, `"`, "id"},
			{"no time", "read-back", `"time"`, `"when"`, "time"},
			{"no content type", "read-back", `"datacontenttype"`, `"contenttype"`, "datacontenttype"},
			{"subject", "read-back", `"subject": "ada@`, `"subject": "`, "subject"},
			{"how verified", "read-back", `"verified": "read-back"`, `"verified": "hoped"`, "data.verified"},
			{"no before", "read-back", `"before"`, `"previously"`, "data.before"},
			{"phone type", "read-back", `{ "type": "work"`, `{ "type": "desk"`, "data.before.type"},
			{"replaced", "replaced", `["+494066969004"]`, `["0406696904"]`, "data.replaced.0"},
		},
		outcome.TypeReleased: {
			{"id of another type", "restored", `/dialtone.number.released.v1"`, `/dialtone.number.assigned.v1"`, "id"},
			{"no phone type", "restored", `"phoneType"`, `"phone"`, "data.phoneType"},
			{"rest", "restored", `"2027-01-17T16:00:03.201Z"`, `"in 30 days"`, "data.restsUntil"},
			{"restored", "restored", `"restored": true`, `"restored": "yes"`, "data.restored"},
			{"phone without number", "restored", `"number": "4711", `, ``, "data.after.number"},
		},
		outcome.TypeSimRingEnabled: {
			{"target", "read-back", `"target": "tel:+4915155501234"`, `"target": "0151 55501234"`, "data.target"},
			{"target too long", "read-back", `"target": "tel:+4915155501234"`, `"target": "sip:` + strings.Repeat("a", 64) + `@contoso.test"`, "data.target"},
			{"no managed", "read-back", `"managed"`, `"ours"`, "data.managed"},
			{"no active", "read-back", `"active"`, `"activeSetting"`, "data.before.active"},
			{"delay", "read-back", `"ringDelaySeconds": 20`, `"ringDelaySeconds": "PT20S"`, "data.before.unansweredCall.ringDelaySeconds"},
			{"no kind of target", "read-back", `{ "target": "None" }`, `{}`, "data.before.immediateForward.target"},
		},
		outcome.TypeSimRingDisabled: {
			{"no restored", "restored", `"restored"`, `"reset"`, "data.restored"},
			{"not restored", "not-all-restored", `["Calls`, `["", "Calls`, "data.notRestored.0"},
			{"before", "restored", `"simultaneousRing"`, `"ring"`, "data.before.simultaneousRing"},
		},
		outcome.TypeFailed: {
			{"class", "exhausted", `"exhausted"`, `"empty"`, "data.class"},
			{"no advice", "exhausted", `"advice"`, `"hint"`, "data.advice"},
			{"attempts", "exhausted", `"attempts": 1`, `"attempts": -1`, "data.attempts"},
			{"status", "webex-gone", `503`, `0`, "data.upstream.status"},
			{"no request id", "unreadable", `"id": "07c3`, `"key": "07c3`, "data.request.id"},
		},
		outcome.TypePoolLow: {
			{"id of a request", "forecast", `/Webex Calling Professional/2026-11-23T08:15:02Z"`, `/dialtone.pool.low.v1"`, "id"},
			{"licence", "forecast", `"licenseType": "Webex Calling Professional"`, `"licenseType": "Professional"`, "data.licenseType"},
			{"no free", "forecast", `"free": 10,`, ``, "data.free"},
			{"count", "forecast", `"parked": 1`, `"parked": -1`, "data.counts.parked"},
			{"days", "forecast", `4.5`, `"4.5"`, "data.daysLeft"},
			{"at", "forecast", `"at": "2026-11-23T`, `"at": "23.11.2026 `, "data.at"},
		},
		outcome.TypeContactsSubscribed: {
			{"minutes", "longer", `"durationMinutes": 60`, `"durationMinutes": 61`, "data.durationMinutes"},
			{"no state", "started", `{ "state": "Disconnected" }`, `{}`, "data.before.state"},
			{"expires", "started", `"2026-11-22T09:30:01.87Z"`, `"in half an hour"`, "data.after.expires"},
			{"contacts", "started", `"contacts": 42`, `"contacts": -1`, "data.contacts"},
		},
		outcome.TypeContactsUnsubscribed: {
			{"id of another type", "stopped", `/dialtone.contacts.unsubscribed.v1"`, `/dialtone.contacts.subscribed.v1"`, "id"},
			{"no enrolled", "stopped", `"enrolled"`, `"subscribed"`, "data.enrolled"},
		},
		outcome.TypeContactsRefreshed: {
			{"user", "some-failed", `["ada@contoso.test"]`, `["ada"]`, "data.refreshed.0"},
			{"list", "some-failed", `["ada@contoso.test"]`, `"ada@contoso.test"`, "data.refreshed"},
			{"class", "some-failed", `"denied"`, `"no"`, "data.parked.0.class"},
			{"next", "some-failed", `"2026-11-22T09:13:55Z"`, `""`, "data.postponed.0.next"},
		},
		outcome.TypeContactsChanged: {
			{"id of a request", "everything", `/9/2026-11-22T14:09:30Z"`, `/dialtone.contacts.changed.v1"`, "id"},
			{"seq", "everything", `"seq": 9`, `"seq": 0`, "data.seq"},
			{"no since", "everything", `"since"`, `"from"`, "data.since"},
			{"no uri", "contact-added", `"uri"`, `"sip"`, "data.addedContacts.0.uri"},
			{"group", "contact-added", `["7"]`, `[7]`, "data.addedContacts.0.groups.0"},
			{"no name before", "everything", `"from": "Bob"`, `"old": "Bob"`, "data.renamedContacts.0.from"},
		},
	} {
		for _, c := range spoils {
			t.Run(typ+" "+c.name, func(t *testing.T) {
				good := named(t, typ, c.sample)
				bad := strings.Replace(good, c.old, c.new, 1)
				if bad == good {
					t.Fatalf("sample %s has no %s", c.sample, c.old)
				}
				if p := judge(typ)([]byte(bad)); len(p) != 1 || p[0].Field != c.field {
					t.Errorf("problems %v, want one of %s", p, c.field)
				}
			})
		}
	}
}

func named(t *testing.T, typ, name string) string {
	t.Helper()
	for _, s := range sample.Of(typ) {
		if s.Name == name {
			return string(s.Body)
		}
	}
	t.Fatalf("%s has no sample %s", typ, name)
	return ""
}

// TestCommandSchemasRefuse adds what the decoder's own table has not.
func TestCommandSchemasRefuse(t *testing.T) {
	for typ, fields := range map[string]map[string]string{ // what is wrong with data, by the field that must be named
		command.TypeAssign:              {"data.locationId": `{"user":"a@b"}`, "data.target": `{"user":"a@b","locationId":"L","target":"tel:+4940123456"}`},
		command.TypeRelease:             {"data.user": `{}`, "data.phoneType": `{"user":"a@b","phoneType":"desk"}`, "data.locationId": `{"user":"a@b","locationId":"L"}`, "data.dryRun": `{"user":"a@b","dryRun":"no"}`},
		command.TypeEnableSimRing:       {"data.target": `{"user":"a@b"}`, "data.restore": `{"user":"a@b","target":"sip:c@d","restore":true}`, "data.dryRun": `{"user":"a@b","target":"sip:c@d","dryRun":1}`},
		command.TypeDisableSimRing:      {"data.user": `{"user":"ada"}`, "data.restore": `{"user":"a@b","restore":null}`, "data.target": `{"user":"a@b","target":"sip:c@d"}`},
		command.TypeSubscribeContacts:   {"data.user": `{"durationMinutes":30}`, "data.durationMinutes": `{"user":"a@b","durationMinutes":9}`, "data.users": `{"user":"a@b","users":["a@b"]}`},
		command.TypeUnsubscribeContacts: {"data.user": `{"user":7}`, "data.durationMinutes": `{"user":"a@b","durationMinutes":"30"}`, "data.dryRun": `{"user":"a@b","dryRun":true}`},
		command.TypeRefreshContacts:     {"data.users": `{"users":[]}`, "data.users.1": `{"users":["a@b","ada"]}`, "data.user": `{"users":["a@b"],"user":"a@b"}`, "data.durationMinutes": `{"users":["a@b"],"durationMinutes":30}`},
	} {
		for field, data := range fields {
			t.Run(typ+" "+field, func(t *testing.T) {
				body := `{"specversion":"1.0","source":"hr","id":"1","type":"` + typ + `","data":` + data + `}`
				if p := validate.Command([]byte(body)); len(p) != 1 || p[0].Field != field {
					t.Errorf("problems %v, want one of %s", p, field)
				}
			})
		}
	}
}

func TestContactsProblemsSayWhatToMend(t *testing.T) {
	for _, c := range []struct {
		typ  string
		data message
		want string
	}{
		{command.TypeSubscribeContacts, message{"user": "a@b", "durationMinutes": 61}, "data.durationMinutes is out of range (give 10 to 60)"},
		{command.TypeRefreshContacts, message{"users": []any{}}, "data.users is empty (name at least one)"},
		{command.TypeRefreshContacts, message{"users": slices.Repeat([]any{"a@b"}, 101)}, "data.users has 101 entries (give at most 100)"},
		{command.TypeRefreshContacts, message{"users": []any{"ada"}}, "data.users.0 is not a SIP address or UPN (write it like ada@contoso.test)"},
	} {
		if p := validate.Command(encode(t, enveloped(c.typ, c.data))); len(p) != 1 || p[0].String() != c.want {
			t.Errorf("%v: %v, want %s", c.data, p, c.want)
		}
	}
}

func TestTargetProblemsSayWhatToMend(t *testing.T) {
	for target, want := range map[string]string{
		"0151 55501234":    "data.target is not a number or person to ring (write it like tel:+49-40-123456)",
		"sip:ada@test:506": "data.target is not a number or person to ring (write it like tel:+49-40-123456)",
		"":                 "data.target is empty (give a value or leave it out)",
		"tel:+1234567;ext=" + strings.Repeat("9", 64): "data.target has 81 characters (give at most 80)",
	} {
		p := validate.Command(encode(t, enveloped(command.TypeEnableSimRing, message{"user": "a@b", "target": target})))
		if len(p) != 1 || p[0].String() != want {
			t.Errorf("%q: %v, want %s", target, p, want)
		}
	}
}
