package validate_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"dialtone/shared/command"
)

// message is a message, or its data, that may be spoiled.
type message map[string]any

func enveloped(typ string, data message) message {
	return message{"specversion": "1.0", "source": "urn:contoso:hr", "id": "1", "type": typ, "data": data}
}

func encode(t rapid.TB, m message) []byte {
	t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// field draws one member of data.
type field struct {
	name     string
	required bool
	values   []any // all right
}

var (
	flag    = []any{true, false}
	aUser   = field{"user", true, users[:7]}
	aPhone  = field{"phoneType", false, []any{"work", "mobile", "home", "other"}}
	aDryRun = field{"dryRun", false, flag}

	aDuration = field{"durationMinutes", false, []any{10, 30, 60, json.RawMessage("3.0e1")}}

	dataOf = map[string][]field{
		command.TypeAssign: {
			aUser, aPhone, aDryRun,
			{"locationId", true, []any{"L", strings.Repeat("x", 128)}},
			{"licenseType", false, []any{"Webex Calling Professional", "Webex Calling Standard"}},
			{"orgId", false, []any{"O", strings.Repeat("x", 128)}},
			{"number", false, []any{"+12056350001", "+1205635", "+123456789012345"}},
			{"includeInContactCard", false, flag},
			{"replace", false, flag},
		},
		command.TypeRelease:        {aUser, aPhone, aDryRun},
		command.TypeEnableSimRing:  {aUser, aDryRun, {"target", true, []any{"tel:+4940123456", "sip:Bob@Contoso.test", " TEL:+49 (40) 123-456;EXT=12 "}}},
		command.TypeDisableSimRing: {aUser, aDryRun, {"restore", false, flag}},

		command.TypeSubscribeContacts:   {aUser, aDuration},
		command.TypeUnsubscribeContacts: {aUser, aDuration},
		command.TypeRefreshContacts: {
			{"users", true, []any{[]any{"a@b"}, users[:7], slices.Repeat([]any{"ada@contoso.test"}, 100)}},
		},
	}
	dataNames     = names(dataOf, "User", "colour", "")
	envelopeNames = []string{"specversion", "source", "id", "type", "time", "data", "data_base64", "subject", "Source", "datacontenttype"}
)

// names lists the members of all data, and more that none has.
func names(of map[string][]field, more ...string) []string {
	for _, fields := range of {
		for _, f := range fields {
			more = append(more, f.name)
		}
	}
	slices.Sort(more)
	return slices.Compact(more)
}

func drawData(t *rapid.T, typ string) message {
	d := message{}
	for _, f := range dataOf[typ] {
		least := -1
		if f.required {
			least = 0
		}
		if i := rapid.IntRange(least, len(f.values)-1).Draw(t, f.name); i >= 0 {
			d[f.name] = f.values[i]
		}
	}
	return d
}

// mutate removes, adds or changes one member of the envelope or of data. The
// texts that it writes mostly fit nowhere; the types are those of other messages.
func mutate(t *rapid.T, m message) {
	at, names := m, envelopeNames
	if d, ok := m["data"].(message); ok && rapid.IntRange(0, 3).Draw(t, "in data") > 0 {
		at, names = d, dataNames
	}
	name := rapid.SampledFrom(names).Draw(t, "name")
	switch rapid.IntRange(0, 6).Draw(t, "how") {
	case 0:
		delete(at, name)
	case 1:
		at["user"] = rapid.SampledFrom(users).Draw(t, "user")
	case 2:
		at["target"] = rapid.SampledFrom(targets).Draw(t, "target")
	case 3:
		m["type"] = rapid.SampledFrom(slices.Sorted(maps.Keys(dataOf))).Draw(t, "type")
	default:
		at[name] = rapid.SampledFrom(texts).Draw(t, fmt.Sprint("value of ", name))
	}
}

// drawTarget puts a ring target together from pieces that often fit.
func drawTarget(t *rapid.T) string {
	if rapid.IntRange(0, 3).Draw(t, "sampled") == 0 {
		return rapid.SampledFrom(targets).Draw(t, "target")
	}
	piece := func(name string, of ...string) string { return rapid.SampledFrom(of).Draw(t, name) }
	blank := func(name string) string { return piece(name, "", "", "", "", " ", "\t", "\n", "\v\f\r") }
	separator := func(name string) string { return piece(name, "", "", "", " ", "-", ".", "(", ")", ") ", "\t") }
	s := blank("before")
	if rapid.Bool().Draw(t, "phone") {
		s += piece("scheme", "tel:", "tel:", "TEL:", "tel", "tel:tel:") + blank("after scheme") + separator("before plus")
		s += piece("plus", "+", "+", "+", "") + separator("after plus")
		s += rapid.StringMatching(`[0-9]([0-9][-. ()]?){4,14}[0-9]?`).Draw(t, "digits") + blank("after digits")
		s += piece("parameter", "", "", ";ext=12", ";EXT=1", ";ext=", ";ext=1a", ";ext=1;ext=2", ";isub=1", ";")
	} else {
		s += piece("scheme", "sip:", "sip:", "SIP:", "sips:", "sip:sip:", "")
		s += rapid.StringMatching(`[!-~]{1,3}|[a-z.]{1,70}`).Draw(t, "name") + piece("at", "@", "@", "@", "", "@@")
		s += rapid.StringMatching(`[a-z]{1,3}(\.[a-z]{1,3}){0,2}|[!-~]{1,3}`).Draw(t, "domain")
	}
	return s + blank("after")
}

var users = []any{
	"ada@contoso.test", "sip:Ada@Contoso.test", "SIP:ada.l@eu.contoso.test", " ada@contoso.test\t", "a@b", "sip:sip:a@b", "ada:l@contoso.test",
	"ada", "@contoso.test", "sip:@contoso.test", " sip:@x", "ada@", "ada@@contoso.test", "a@b@c", "ada@.test", "ada@contoso..test", "ada@test.",
	"ada lovelace@contoso.test", "<ada@contoso.test>", "ada@contoso.test;user=phone", "ada@contoso.test?x", "a,b@c", "sip: ada@contoso.test", "",
}

// targets are ring targets, some right, most nearly so.
var targets = []string{
	"tel:+4940123456", "TEL:+49 (40) 123-456;ext=12", " tel: (+49).40\t;EXT=0 ", "tel:+1234567", "tel:+123456789012345",
	"sip:ada@contoso.test", "SIP:Ada.L+x@Contoso.test\n", "sip:" + strings.Repeat("a", 63) + "@contoso.test",
	"sip:!$%&()*+.0-9=A-Z[]^_`a-z{|}~@b", "tel:+1234567;ext=" + strings.Repeat("9", 63), "tel:+49\u00a040\u00a0123456",
	"tel:+123456", "tel:+1234567890123456", "tel:+0401234567", "tel:0401234567", "tel:", "tel:+", "+4940123456", "tel:tel:+4940123456",
	"tel:+49\t40123456", "tel:+4940123456;ext=", "tel:+4940123456;ext= 1", "tel:+4940123456 ;ext=1", "tel:+4940123456;ext=1;ext=1", "tel:+4940123456;", "tel:+4940123456x",
	"sip:", "sip:ada", "sip:@contoso.test", "sip:ada@", "sip:ada@.test", "sip:ada@contoso..test", "sip:ada@test.", "sip:ada@b@c",
	"sip:ada@contoso.test:5061", "sip:ada:pw@contoso.test", "sip:ada@contoso.test;user=phone", "sip: ada@contoso.test", "sips:ada@contoso.test",
	"sip:a da@b", "sip:a\x7f@b", "sip:\u00e4@b", "sip:a\x00@b", "ada@contoso.test", " ", "\t",
	"sip:" + strings.Repeat("a", 64) + "@contoso.test", "tel:+1234567;ext=" + strings.Repeat("9", 64),
}

// texts are values for any member; most fit none.
var texts = []any{
	"", " ", "x", strings.Repeat("x", 128), strings.Repeat("x", 129), strings.Repeat("x", 256), strings.Repeat("x", 257),
	"1.0", "work", "Work", "Webex Calling Standard", "+12056350001", "+1205635", "+120563", "+0205635000", "12056350001", "+1 205 635",
	"+123456789012345", "+1234567890123456", "tel:+12056350001", "+12056350001\n",
	"2026-11-22T09:00:00Z", "2026-11-22T09:00:00.123456+05:30", "2026-11-22t09:00:00z", "2026-11-22 09:00:00Z", "2026-02-30T09:00:00Z",
	"2026-11-22T24:00:00Z", "2026-11-22T9:00:00Z", "2026-11-22T09:00:60Z", "2026-11-22T09:00:00,5Z", "2026-11-22", "true",
	nil, true, false, 0, 1.5, 9, 10, 60, 61, 30.5, -30, 1e300,
	[]any{},
	[]any{"x"},
	[]any{"a@b", "A@b", " sip:a@b"},
	[]any{"a@b", nil, "", 7, []any{}, "ada@"},
	slices.Repeat([]any{"a@b"}, 101),
	map[string]any{},
	map[string]any{"user": "a@b"},
}
