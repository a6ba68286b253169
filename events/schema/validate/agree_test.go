package validate_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"dialtone/events/sample"
	"dialtone/events/schema"
	"dialtone/events/schema/validate"
	"dialtone/shared/command"
)

// The schema and the decoder are written separately and must mean the same.
// These are all the ways in which they do not, each on purpose.
var differences = []struct {
	name    string
	typ     string
	data    message // of a message that is right otherwise
	schema  bool    // accepts it
	decoder bool
}{
	{
		"the length of a user counts scheme and blanks in the schema, not in the decoder",
		command.TypeRelease,
		message{"user": "sip:" + strings.Repeat("a", 241) + "@contoso.test"},
		false, true,
	},
	{
		"blanks beyond ASCII count as letters in the schema, are trimmed by the decoder",
		command.TypeRelease,
		message{"user": "\u00a0@contoso.test"},
		true, false,
	},
	{
		"the length of a target counts blanks around it in the schema, not in the decoder",
		command.TypeEnableSimRing,
		message{"user": "a@b", "target": " sip:" + strings.Repeat("a", 63) + "@contoso.test"},
		false, true,
	},
	{
		"blanks beyond ASCII around a target are refused by the schema, trimmed by the decoder",
		command.TypeEnableSimRing,
		message{"user": "a@b", "target": "\u2003tel:+4940123456"},
		false, true,
	},
	{
		"letters beyond ASCII that fold to ASCII are refused by the schema, taken by the decoder",
		command.TypeEnableSimRing,
		message{"user": "a@b", "target": "sip:\u212aurt@contoso.test"},
		false, true,
	},
	{
		"numbers of more than 15 digits are exact in the schema, rounded by the decoder",
		command.TypeSubscribeContacts,
		message{"user": "a@b", "durationMinutes": json.RawMessage("60.0000000000000000001")},
		false, true,
	},
	{
		"the length of one of several users counts scheme and blanks in the schema, not in the decoder",
		command.TypeRefreshContacts,
		message{"users": []any{"a@b", "sip:" + strings.Repeat("a", 241) + "@contoso.test"}},
		false, true,
	},
}

func TestDeliberateDifferences(t *testing.T) {
	for _, d := range differences {
		t.Run(d.name, func(t *testing.T) {
			body := encode(t, enveloped(d.typ, d.data))
			if got := accepts(body); got != d.schema {
				t.Errorf("schema accepts: %t", got)
			}
			if got := decodes(body); got != d.decoder {
				t.Errorf("decoder accepts: %t", got)
			}
			if !deliberate(body) {
				t.Error("the fuzz target would report it")
			}
		})
	}
}

// TestSchemaAndDecoderAgree draws messages of every type, spoils some, and has
// both judge them, down to the fields that are named.
func TestSchemaAndDecoderAgree(t *testing.T) {
	for _, typ := range schema.Commands() {
		t.Run(typ, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				m := enveloped(typ, drawData(t, typ))
				for range rapid.IntRange(0, 3).Draw(t, "mutations") {
					mutate(t, m)
				}
				agree(t, encode(t, m))
			})
		})
	}
}

// TestRingTargetsAgree has both judge targets alone: there are more ways to
// write one than the other fields together have.
func TestRingTargetsAgree(t *testing.T) {
	judge := func(target string) []byte {
		return encode(t, enveloped(command.TypeEnableSimRing, message{"user": "ada@contoso.test", "target": target}))
	}
	for _, target := range targets {
		if body := judge(target); !deliberate(body) {
			agree(t, body)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		if body := judge(drawTarget(t)); !deliberate(body) {
			agree(t, body)
		}
	})
}

// TestMessagesAreDrawnBothWays guards the properties above against drawing only
// good or only bad messages.
func TestMessagesAreDrawnBothWays(t *testing.T) {
	good, bad := map[string]int{}, map[string]int{}
	count := func(kind string, m message) {
		if accepts(encode(t, m)) {
			good[kind]++
		} else {
			bad[kind]++
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		for _, typ := range schema.Commands() {
			m := enveloped(typ, drawData(t, typ))
			if rapid.Bool().Draw(t, "spoil") {
				mutate(t, m)
			}
			count(typ, m)
		}
		count("target", enveloped(command.TypeEnableSimRing, message{"user": "a@b", "target": drawTarget(t)}))
	})
	for _, kind := range append(schema.Commands(), "target") {
		if good[kind] < 15 || bad[kind] < 15 {
			t.Errorf("%s: %d good, %d bad", kind, good[kind], bad[kind])
		}
	}
}

func FuzzSchemaAndDecoderAgree(f *testing.F) {
	for _, typ := range schema.Commands() {
		for _, s := range sample.Of(typ) {
			f.Add(s.Body)
		}
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
func known(body []byte) bool {
	typ, _ := members(body)["type"].(string)
	return slices.Contains(schema.Commands(), typ)
}

// deliberate reports whether a text of the message is of a kind on which schema
// and decoder may differ.
func deliberate(body []byte) bool {
	m := members(body)
	data, _ := m["data"].(map[string]any)
	if target, _ := data["target"].(string); len(target) > 80 && strings.TrimSpace(target) != target {
		return true
	}
	if minutes, _ := data["durationMinutes"].(json.Number); len(minutes) > 15 {
		return true
	}
	users, _ := data["users"].([]any)
	for _, v := range append(users, m["source"], m["id"], data["user"], data["locationId"], data["orgId"], data["target"]) {
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
