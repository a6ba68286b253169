package validate_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"dialtone/events/sample"
	"dialtone/events/schema/validate"
	"dialtone/shared/command"
)

// The schema and the decoder are written separately and must mean the same.
// These are all the ways in which they do not, each on purpose.
var differences = []struct {
	name    string
	user    string // of a message that is right otherwise
	schema  bool   // accepts it
	decoder bool
}{
	{"the length of a user counts scheme and blanks in the schema, not in the decoder", "sip:" + strings.Repeat("a", 241) + "@contoso.test", false, true},
	{"blanks beyond ASCII count as letters in the schema, are trimmed by the decoder", "\u00a0@contoso.test", true, false},
}

func TestDeliberateDifferences(t *testing.T) {
	for _, d := range differences {
		t.Run(d.name, func(t *testing.T) {
			body := encode(t, message{"data": message{"user": d.user, "locationId": "L1"}}.enveloped())
			if got := accepts(body); got != d.schema {
				t.Errorf("schema accepts: %t", got)
			}
			if got := decodes(body); got != d.decoder {
				t.Errorf("decoder accepts: %t", got)
			}
		})
	}
}

// TestSchemaAndDecoderAgree draws messages, spoils some, and has both judge
// them, down to the fields that are named.
func TestSchemaAndDecoderAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := message{"data": drawData(t)}.enveloped()
		for range rapid.IntRange(0, 3).Draw(t, "mutations") {
			mutate(t, m)
		}
		agree(t, encode(t, m))
	})
}

// TestMessagesAreDrawnBothWays guards the property above against drawing only
// good or only bad messages.
func TestMessagesAreDrawnBothWays(t *testing.T) {
	var good, bad int
	rapid.Check(t, func(t *rapid.T) {
		m := message{"data": drawData(t)}.enveloped()
		if rapid.Bool().Draw(t, "spoil") {
			mutate(t, m)
		}
		if accepts(encode(t, m)) {
			good++
		} else {
			bad++
		}
	})
	if good < 20 || bad < 20 {
		t.Errorf("%d good, %d bad", good, bad)
	}
}

func FuzzSchemaAndDecoderAgree(f *testing.F) {
	for _, s := range sample.Of(command.TypeAssign) {
		f.Add(s.Body)
	}
	f.Add([]byte(`{"data":{}}`))
	f.Add([]byte(assign(`,"number":null`)))
	f.Add([]byte(`{"tYpe":"dialtone.number.assign.v1"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if deliberate(body) {
			t.Skip()
		}
		agree(t, body)
	})
}

func agree(t rapid.TB, body []byte) {
	t.Helper()
	if accepts(body) != decodes(body) {
		_, err := command.Decode(body)
		t.Fatalf("schema: %v\ndecoder: %v\n%s", validate.Command(body), err, body)
	}
	if known(body) && !slices.Equal(schemaFields(body), decoderFields(body)) {
		t.Fatalf("schema names %v\ndecoder names %v\n%s", schemaFields(body), decoderFields(body), body)
	}
}

func accepts(body []byte) bool { return validate.Command(body) == nil }

func decodes(body []byte) bool {
	_, err := command.Decode(body)
	return err == nil
}

func schemaFields(body []byte) (names []string) {
	for _, p := range validate.Command(body) {
		names = append(names, p.Field)
	}
	return sorted(names)
}

func decoderFields(body []byte) (names []string) {
	_, err := command.Decode(body)
	found, _ := errors.AsType[command.Problems](err)
	for _, p := range found {
		names = append(names, p.Field)
	}
	return sorted(names)
}

// sorted names each field once, and nothing inside data where data itself is
// no object: there the decoder goes on to say what is missing from it.
func sorted(names []string) []string {
	if slices.Contains(names, "data") {
		names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(n, "data.") })
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// known reports whether a message has a known type, so that its fields can be judged.
func known(body []byte) bool { return members(body)["type"] == command.TypeAssign }

// deliberate reports whether a text of the message is of a kind on which schema
// and decoder may differ.
func deliberate(body []byte) bool {
	m := members(body)
	data, _ := m["data"].(map[string]any)
	for _, v := range []any{m["source"], m["id"], data["user"], data["locationId"], data["orgId"]} {
		s, _ := v.(string)
		if len(s) > 250 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
			return true
		}
	}
	return false
}

// members reads a message by the exact names of its members, which decoding
// into a struct would not do.
func members(body []byte) map[string]any {
	m, _ := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	object, _ := m.(map[string]any)
	return object
}

type message map[string]any

func (m message) enveloped() message {
	m["specversion"], m["source"], m["id"], m["type"] = "1.0", "urn:contoso:hr", "1", command.TypeAssign
	return m
}

func encode(t rapid.TB, m message) []byte {
	t.Helper()
	raw, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

var users = []any{
	"ada@contoso.test", "sip:Ada@Contoso.test", "SIP:ada.l@eu.contoso.test", " ada@contoso.test\t", "a@b", "sip:sip:a@b", "ada:l@contoso.test",
	"ada", "@contoso.test", "sip:@contoso.test", " sip:@x", "ada@", "ada@@contoso.test", "a@b@c", "ada@.test", "ada@contoso..test", "ada@test.",
	"ada lovelace@contoso.test", "<ada@contoso.test>", "ada@contoso.test;user=phone", "ada@contoso.test?x", "a,b@c", "sip: ada@contoso.test", "",
}

// texts are values for any member; most fit none.
var texts = []any{
	"", " ", "x", strings.Repeat("x", 128), strings.Repeat("x", 129), strings.Repeat("x", 256), strings.Repeat("x", 257),
	"1.0", "work", "Work", "Webex Calling Standard", "+12056350001", "+1205635", "+120563", "+0205635000", "12056350001", "+1 205 635",
	"+123456789012345", "+1234567890123456", "tel:+12056350001", "+12056350001\n",
	"2026-11-22T09:00:00Z", "2026-11-22T09:00:00.123456+05:30", "2026-11-22t09:00:00z", "2026-11-22 09:00:00Z", "2026-02-30T09:00:00Z",
	"2026-11-22T24:00:00Z", "2026-11-22T9:00:00Z", "2026-11-22T09:00:60Z", "2026-11-22T09:00:00,5Z", "2026-11-22", "true",
	nil, true, false, 0, 1.5,
	[]any{},
	[]any{"x"},
	map[string]any{},
	map[string]any{"user": "a@b"},
}

var (
	dataNames     = []string{"user", "locationId", "licenseType", "orgId", "number", "phoneType", "includeInContactCard", "replace", "dryRun", "User", "colour", ""}
	envelopeNames = []string{"specversion", "source", "id", "type", "time", "data", "data_base64", "subject", "Source", "datacontenttype"}
)

func drawData(t *rapid.T) message {
	d := message{"user": rapid.SampledFrom(users[:7]).Draw(t, "user"), "locationId": rapid.StringMatching(`[A-Za-z0-9]{1,128}`).Draw(t, "locationId")}
	maybe := func(name string, values ...any) {
		if i := rapid.IntRange(-1, len(values)-1).Draw(t, name); i >= 0 {
			d[name] = values[i]
		}
	}
	maybe("licenseType", "Webex Calling Professional", "Webex Calling Standard")
	maybe("orgId", "O", strings.Repeat("x", 128))
	maybe("number", "+12056350001", "+1205635", "+123456789012345")
	maybe("phoneType", "work", "mobile", "home", "other")
	maybe("includeInContactCard", true, false)
	maybe("replace", true, false)
	maybe("dryRun", true, false)
	return d
}

// mutate removes, adds or changes one member of the envelope or of data.
func mutate(t *rapid.T, m message) {
	at, names := m, envelopeNames
	if d, ok := m["data"].(message); ok && rapid.IntRange(0, 3).Draw(t, "in data") > 0 {
		at, names = d, dataNames
	}
	name := rapid.SampledFrom(names).Draw(t, "name")
	switch rapid.IntRange(0, 4).Draw(t, "how") {
	case 0:
		delete(at, name)
	case 1:
		at["user"] = rapid.SampledFrom(users).Draw(t, "user")
	default:
		at[name] = rapid.SampledFrom(texts).Draw(t, fmt.Sprint("value of ", name))
	}
}
