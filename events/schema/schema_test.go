package schema_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dialtone/events/schema"
	"dialtone/shared/command"
	"dialtone/shared/contactlist"
	"dialtone/shared/failure"
	"dialtone/shared/outcome"
	"dialtone/shared/sqsbatch"
)

func TestEveryFileIsAMessageOrShared(t *testing.T) {
	want := []string{schema.Envelope, schema.Published, schema.Parts, schema.DeadLetter}
	for _, typ := range slices.Concat(schema.Commands(), schema.Outcomes(), schema.Notices()) {
		want = append(want, typ+".json")
	}
	got, err := fs.Glob(schema.Files(), "*")
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("files %v\nwant  %v", got, want)
	}
}

func TestCommandsAreTheDecoders(t *testing.T) {
	if got, want := schema.Commands(), command.Types(); !slices.Equal(got, want) {
		t.Errorf("schemas of %v\ndecoder of %v", got, want)
	}
}

func TestEverySchemaIntroducesItself(t *testing.T) {
	for file, s := range all(t) {
		if s["$schema"] != "https://json-schema.org/draft/2020-12/schema" || s["$id"] != "https://dialtone.example.test/schema/"+file {
			t.Errorf("%s: $schema %v, $id %v", file, s["$schema"], s["$id"])
		}
		if s["title"] == nil || s["description"] == nil {
			t.Errorf("%s: no title or description", file)
		}
	}
}

// TestEverythingSharedIsUsed finds parts that no message has any more.
func TestEverythingSharedIsUsed(t *testing.T) {
	used := map[string]bool{}
	for file, s := range all(t) {
		collect(s, func(ref string) {
			used[strings.TrimPrefix(ref, schema.Parts)] = true
			used[path.Join(file, ref)] = true
		})
	}
	for name := range all(t)[schema.Parts]["$defs"].(map[string]any) {
		if !used["#/$defs/"+name] {
			t.Errorf("nothing refers to %s", name)
		}
	}
}

// collect calls f with every $ref below v.
func collect(v any, f func(ref string)) {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			f(ref)
		}
		for _, member := range v {
			collect(member, f)
		}
	case []any:
		for _, element := range v {
			collect(element, f)
		}
	}
}

// A field that the code writes or reads and no schema describes is a field that
// nobody outside can use.
func TestSchemasNameTheFieldsOfTheCode(t *testing.T) {
	types := slices.Concat(schema.Commands(), schema.Outcomes(), schema.Notices())
	code := map[string][]string{
		command.TypeAssign:         firstLower(reflect.TypeFor[command.Assign]()),
		command.TypeRelease:        firstLower(reflect.TypeFor[command.Release]()),
		command.TypeEnableSimRing:  firstLower(reflect.TypeFor[command.EnableSimRing]()),
		command.TypeDisableSimRing: firstLower(reflect.TypeFor[command.DisableSimRing]()),

		command.TypeSubscribeContacts:   firstLower(reflect.TypeFor[command.SubscribeContacts]()),
		command.TypeUnsubscribeContacts: firstLower(reflect.TypeFor[command.UnsubscribeContacts]()),
		command.TypeRefreshContacts:     firstLower(reflect.TypeFor[command.RefreshContacts]()),
	}
	for typ, of := range written() {
		code[typ] = jsonNames(of)
	}
	if got := slices.Sorted(maps.Keys(code)); !slices.Equal(got, slices.Sorted(slices.Values(types))) {
		t.Errorf("code has %v\nschemas have %v", got, types)
	}
	for typ, want := range code {
		top := all(t)[typ+".json"]["properties"].(map[string]any)
		compare(t, typ+" data", top["data"], want)
	}
}

// written are the types of the data that the code writes.
func written() map[string]reflect.Type {
	return map[string]reflect.Type{
		outcome.TypeAssigned:        reflect.TypeFor[outcome.Assigned](),
		outcome.TypeReleased:        reflect.TypeFor[outcome.Released](),
		outcome.TypeSimRingEnabled:  reflect.TypeFor[outcome.SimRingEnabled](),
		outcome.TypeSimRingDisabled: reflect.TypeFor[outcome.SimRingDisabled](),
		outcome.TypeFailed:          reflect.TypeFor[outcome.Failed](),
		outcome.TypePoolLow:         reflect.TypeFor[outcome.PoolLow](),

		outcome.TypeContactsSubscribed:   reflect.TypeFor[outcome.ContactsSubscribed](),
		outcome.TypeContactsUnsubscribed: reflect.TypeFor[outcome.ContactsUnsubscribed](),
		outcome.TypeContactsRefreshed:    reflect.TypeFor[outcome.ContactsRefreshed](),
		outcome.TypeContactsChanged:      reflect.TypeFor[outcome.ContactsChanged](),
	}
}

// A consumer may rely on a field exactly if the code never leaves it out.
func TestRequiredIsWhatTheCodeAlwaysWrites(t *testing.T) {
	always := func(what string, object any, of reflect.Type) {
		t.Helper()
		var got, want []string
		for _, name := range object.(map[string]any)["required"].([]any) {
			got = append(got, name.(string))
		}
		for f := range of.Fields() {
			if name, options, _ := strings.Cut(f.Tag.Get("json"), ","); options == "" {
				want = append(want, name)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s: schema requires %v\ncode always writes %v", what, got, want)
		}
	}
	for typ, of := range written() {
		always(typ, all(t)[typ+".json"]["properties"].(map[string]any)["data"], of)
	}
	for name, of := range shared() {
		always(name, all(t)[schema.Parts]["$defs"].(map[string]any)[name], of)
	}
}

// shared are the types of the parts that are objects.
func shared() map[string]reflect.Type {
	return map[string]reflect.Type{
		"request":       reflect.TypeFor[command.Key](),
		"phone":         reflect.TypeFor[outcome.Phone](),
		"forwarding":    reflect.TypeFor[outcome.Forwarding](),
		"forwardTarget": reflect.TypeFor[outcome.ForwardTarget](),
		"upstream":      reflect.TypeFor[failure.Upstream](),
		"poolCounts":    reflect.TypeFor[outcome.PoolCounts](),
		"subscription":  reflect.TypeFor[outcome.Subscription](),
		"setback":       reflect.TypeFor[outcome.Setback](),
		"contact":       reflect.TypeFor[contactlist.Contact](),
		"group":         reflect.TypeFor[contactlist.Group](),
		"renamed":       reflect.TypeFor[contactlist.Renamed](),
		"moved":         reflect.TypeFor[contactlist.Moved](),
	}
}

func TestPartsNameTheFieldsOfTheCode(t *testing.T) {
	parts := all(t)[schema.Parts]["$defs"].(map[string]any)
	for name, of := range shared() {
		compare(t, name, parts[name], jsonNames(of))
	}
}

func TestDeadLetterNamesTheAttributesOfTheCode(t *testing.T) {
	compare(t, "dead letter", all(t)[schema.DeadLetter], []string{
		sqsbatch.AttributeClass, sqsbatch.AttributeReason, sqsbatch.AttributeRequestSource, sqsbatch.AttributeRequestID,
		sqsbatch.AttributeAttempts, sqsbatch.AttributeAdvice, sqsbatch.AttributeUpstream,
	})
}

func compare(t *testing.T, what string, object any, want []string) {
	t.Helper()
	got := slices.Sorted(maps.Keys(object.(map[string]any)["properties"].(map[string]any)))
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: schema has %v\ncode has %v", what, got, want)
	}
}

// all reads every schema by file name.
func all(t *testing.T) map[string]map[string]any {
	t.Helper()
	schemas := map[string]map[string]any{}
	files, err := fs.Glob(schema.Files(), "*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		raw, err := fs.ReadFile(schema.Files(), file)
		if err != nil {
			t.Fatal(err)
		}
		var s map[string]any
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		schemas[file] = s
	}
	return schemas
}

func jsonNames(of reflect.Type) (names []string) {
	for f := range of.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
	}
	return names
}

// firstLower maps the fields of a command to their names in a message: the
// decoder reads by name, without tags.
func firstLower(of reflect.Type) (names []string) {
	for f := range of.Fields() {
		name := strings.ToLower(f.Name[:1]) + f.Name[1:]
		names = append(names, strings.Replace(name, "ID", "Id", 1))
	}
	return names
}
