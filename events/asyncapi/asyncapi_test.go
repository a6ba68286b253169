package asyncapi_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	specification "github.com/asyncapi/spec-json-schemas/v6"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v4"

	"dialtone/events/asyncapi"
	"dialtone/events/schema"
)

// built is the document, and the same as JSON.
var built = sync.OnceValues(func() (d struct{ yaml, json []byte }, err error) {
	if d.yaml, err = asyncapi.Build(); err != nil {
		return d, err
	}
	var v any
	if err := yaml.Unmarshal(d.yaml, &v); err != nil {
		return d, err
	}
	d.json, err = json.Marshal(v)
	return d, err
})

// document returns the document as the values of JSON, the caller's own.
func document(t *testing.T) map[string]any {
	t.Helper()
	b, err := built()
	if err != nil {
		t.Fatal(err)
	}
	d, err := jsonschema.UnmarshalJSON(bytes.NewReader(b.json))
	if err != nil {
		t.Fatal(err)
	}
	return d.(map[string]any)
}

func TestDocumentIsUpToDate(t *testing.T) {
	t.Parallel()
	have, err := os.ReadFile("../" + asyncapi.File)
	if err != nil {
		t.Fatal(err)
	}
	want, err := built()
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, want.yaml) {
		t.Error("events/asyncapi.yaml is out of date: go generate ./events/generate")
	}
}

// official is the specification's own schema of the version that a document
// claims.
func official(t *testing.T, version any) *jsonschema.Schema {
	t.Helper()
	raw, err := specification.Get(version.(string))
	if err != nil || raw == nil {
		t.Fatalf("no schema of AsyncAPI %v: %v", version, err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft7)
	if err := c.AddResource("asyncapi.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("asyncapi.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestDocumentIsAsyncAPI(t *testing.T) {
	t.Parallel()
	d := document(t)
	s := official(t, d["asyncapi"])
	if err := s.Validate(d); err != nil {
		t.Error(err)
	}
	for name, spoil := range map[string]func(map[string]any){
		"unknown action":  func(d map[string]any) { at(d, "operations", "assignNumber")["action"] = "listen" },
		"unknown field":   func(d map[string]any) { at(d, "channels", "numbers")["adress"] = "x" },
		"no protocol":     func(d map[string]any) { delete(at(d, "servers", "sqs"), "protocol") },
		"no name":         func(d map[string]any) { delete(at(d, "channels", "numbers", "bindings", "sqs", "queue"), "name") },
		"bare example":    func(d map[string]any) { at(d, "components", "messages", deadLetter)["examples"] = []any{"x"} },
		"no channel":      func(d map[string]any) { delete(at(d, "operations", "assignNumber"), "channel") },
		"another version": func(d map[string]any) { d["asyncapi"] = "2.6.0" },
	} {
		bad := document(t)
		spoil(bad)
		if s.Validate(bad) == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// at walks down mappings.
func at(v any, names ...string) map[string]any {
	for _, name := range names {
		v = v.(map[string]any)[name]
	}
	return v.(map[string]any)
}

const deadLetter = "deadLetter"

// TestReferencesResolve follows every $ref that is not part of an example.
func TestReferencesResolve(t *testing.T) {
	t.Parallel()
	d := document(t)
	n := 0
	walk(d, func(ref string) {
		n++
		if resolve(t, d, ref) == nil {
			t.Errorf("%s leads nowhere", ref)
		}
	})
	if n < 50 {
		t.Errorf("%d references", n)
	}
}

func walk(v any, f func(ref string)) {
	switch v := v.(type) {
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok {
			f(ref)
		}
		for name, member := range v {
			if name != "examples" {
				walk(member, f)
			}
		}
	case []any:
		for _, e := range v {
			walk(e, f)
		}
	}
}

// resolve returns what a reference leads to, through references: a place in the
// document or a schema file; nil for nowhere.
func resolve(t *testing.T, d map[string]any, ref string) any {
	t.Helper()
	file, pointer, local := strings.Cut(ref, "#/")
	if !local {
		raw, err := os.ReadFile(path.Join("..", file))
		if err != nil {
			return nil
		}
		return raw
	}
	var v any = d
	for name := range strings.SplitSeq(pointer, "/") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[name]
		if to, ok := v.(map[string]any); ok && to["$ref"] != nil {
			v = resolve(t, d, to["$ref"].(string))
		}
	}
	return v
}

// TestExamplesFitTheirPayloads judges each example by the schema that its
// message refers to.
func TestExamplesFitTheirPayloads(t *testing.T) {
	t.Parallel()
	c := schemas(t)
	for name, m := range at(document(t), "components", "messages") {
		examples, _ := m.(map[string]any)["examples"].([]any)
		if len(examples) < 3 {
			t.Errorf("%s has %d examples", name, len(examples))
		}
		for _, part := range []string{"payload", "headers"} {
			s, found := m.(map[string]any)[part]
			if !found {
				continue
			}
			compiled := compile(t, c, name+"-"+part, s.(map[string]any))
			for _, e := range examples {
				if err := compiled.Validate(e.(map[string]any)[part]); err != nil {
					t.Errorf("%s of example %s of %s: %v", part, e.(map[string]any)["name"], name, err)
				}
			}
		}
	}
}

// home is where the schemas say they are at home.
const home = "https://dialtone.example.test/schema/"

// schemas knows the files of events/schema by where they are at home.
func schemas(t *testing.T) *jsonschema.Compiler {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	files, err := fs.Glob(schema.Files(), "*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		f, err := schema.Files().Open(file)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(f)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(home+file, doc); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// compile compiles what stands in the document: a schema, or a reference to a
// file of 2020-12.
func compile(t *testing.T, c *jsonschema.Compiler, name string, s map[string]any) *jsonschema.Schema {
	t.Helper()
	location := "inline/" + name
	if file := s["schema"]; file != nil {
		if s["schemaFormat"] != "application/schema+json;version=draft-2020-12" {
			t.Errorf("%s: format %v", name, s["schemaFormat"])
		}
		location = home + path.Base(file.(map[string]any)["$ref"].(string))
	} else if err := c.AddResource(location, s); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(location)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// TestEveryMessageTravels wants each message on exactly one channel, in an
// operation of the right direction; commands with their answers.
func TestEveryMessageTravels(t *testing.T) {
	t.Parallel()
	d := document(t)
	on := map[string][]string{}
	for key, c := range at(d, "channels") {
		for m := range at(c, "messages") {
			on[m] = append(on[m], key)
		}
	}
	for action, types := range map[string][]string{
		"receive": append(schema.Commands(), deadLetter),
		"send":    slices.Concat(schema.Outcomes(), schema.Notices(), []string{deadLetter}),
	} {
		for _, typ := range types {
			if want := len(on[typ]); typ != deadLetter && want != 1 {
				t.Errorf("%s is on %v", typ, on[typ])
			}
			for _, channel := range on[typ] {
				if !travels(d, action, "#/channels/"+channel+"/messages/"+typ) {
					t.Errorf("no operation to %s %s on %s", action, typ, channel)
				}
			}
		}
	}
	all := slices.Sorted(maps.Keys(at(d, "components", "messages")))
	if got := slices.Sorted(maps.Keys(on)); !slices.Equal(got, all) {
		t.Errorf("on channels %v\ndescribed %v", got, all)
	}
}

func travels(d map[string]any, action, message string) bool {
	for _, o := range at(d, "operations") {
		o := o.(map[string]any)
		refs, _ := o["messages"].([]any)
		for _, r := range refs {
			if o["action"] == action && r.(map[string]any)["$ref"] == message {
				return true
			}
		}
	}
	return false
}

// TestOperationsUseTheirChannel wants messages of operations and replies to be
// those of the channel that they name, and commands to have their answers.
func TestOperationsUseTheirChannel(t *testing.T) {
	t.Parallel()
	d := document(t)
	for name, v := range at(d, "operations") {
		o := v.(map[string]any)
		check(t, name, o)
		if r, found := o["reply"]; found {
			check(t, name+" reply", r.(map[string]any))
		}
		commands := strings.Contains(o["channel"].(map[string]any)["$ref"].(string), "DeadLetters")
		if o["action"] == "receive" && !commands && len(at(o, "reply")["messages"].([]any)) != 2 {
			t.Errorf("%s: not answered by success and failure", name)
		}
	}
}

func check(t *testing.T, name string, o map[string]any) {
	t.Helper()
	channel := at(o, "channel")["$ref"].(string)
	messages := o["messages"].([]any)
	if len(messages) == 0 {
		t.Errorf("%s has no messages", name)
	}
	for _, m := range messages {
		if !strings.HasPrefix(m.(map[string]any)["$ref"].(string), channel+"/messages/") {
			t.Errorf("%s: %v is not on %s", name, m, channel)
		}
	}
}
