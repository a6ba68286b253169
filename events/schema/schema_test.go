package schema_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"dialtone/events/schema"
	"dialtone/shared/command"
	"dialtone/shared/outcome"
)

func TestEveryFileIsAMessage(t *testing.T) {
	want := []string{schema.Envelope}
	for _, typ := range slices.Concat(schema.Commands(), schema.Outcomes()) {
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

func TestEverySchemaIntroducesItself(t *testing.T) {
	for _, file := range slices.Collect(maps.Keys(read(t, ""))) {
		s := read(t, file)[file]
		if s["$schema"] != "https://json-schema.org/draft/2020-12/schema" || s["$id"] != "https://dialtone.example.test/schema/"+file {
			t.Errorf("%s: $schema %v, $id %v", file, s["$schema"], s["$id"])
		}
		if s["title"] == nil || s["description"] == nil {
			t.Errorf("%s: no title or description", file)
		}
	}
}

// A field that the code writes or reads and no schema describes is a field that
// nobody outside can use.
func TestSchemasNameTheFieldsOfTheCode(t *testing.T) {
	for file, v := range map[string]any{
		outcome.TypeAssigned + ".json": outcome.Assigned{},
		outcome.TypeFailed + ".json":   outcome.Failed{},
	} {
		compare(t, file+" data", properties(t, file, "data"), jsonNames(reflect.TypeOf(v)))
	}
	compare(t, "assign data", properties(t, command.TypeAssign+".json", "data"), firstLower(reflect.TypeFor[command.Assign]()))
}

func compare(t *testing.T, what string, got, want []string) {
	t.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("%s: schema has %v\ncode has %v", what, got, want)
	}
}

func read(t *testing.T, only string) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	files, err := fs.Glob(schema.Files(), "*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if only != "" && only != file {
			continue
		}
		raw, err := fs.ReadFile(schema.Files(), file)
		if err != nil {
			t.Fatal(err)
		}
		var s map[string]any
		if err := json.Unmarshal(raw, &s); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[file] = s
	}
	return all
}

func properties(t *testing.T, file, of string) []string {
	t.Helper()
	top := read(t, file)[file]["properties"].(map[string]any)
	return slices.Sorted(maps.Keys(top[of].(map[string]any)["properties"].(map[string]any)))
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
