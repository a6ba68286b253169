package outline_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dialtone/events/schema"
	"dialtone/events/schema/outline"
)

func TestMessage(t *testing.T) {
	m, err := outline.Message("dialtone.number.assign.v1")
	if err != nil {
		t.Fatal(err)
	}
	if m.Title != "Give a user a number" || m.Fields[0].Name != "user" || !m.Fields[0].Required {
		t.Errorf("%+v", m)
	}
	want := map[string]outline.Field{
		"number":      {Name: "number", Form: outline.Form{Words: "E.164 number"}, Meaning: "The exact number that is wanted; left out, any number of the location.", Example: `"+12056350001"`},
		"licenseType": {Name: "licenseType", Form: outline.Form{Values: []string{`"Webex Calling Professional"`, `"Webex Calling Standard"`}}, Meaning: "The Webex Calling licence that the number must fit.", Default: `"Webex Calling Professional"`},
		"replace":     {Name: "replace", Form: outline.Form{Words: "true or false"}, Meaning: "false: a user who already has a number keeps it, and that is a success.", Default: "false"},
	}
	for _, f := range m.Fields {
		if w, found := want[f.Name]; found {
			if diff := cmp.Diff(w, f); diff != "" {
				t.Error(diff)
			}
			delete(want, f.Name)
		}
	}
	if len(want) > 0 {
		t.Errorf("lacks %v", want)
	}
}

func TestForms(t *testing.T) {
	want := map[string]outline.Form{
		"dialtone.number.assigned.v1 replaced":     {Words: "E.164 number", List: true},
		"dialtone.number.assigned.v1 before":       {Part: "phone"},
		"dialtone.request.failed.v1 upstream":      {Part: "upstream"},
		"dialtone.request.failed.v1 attempts":      {Words: "whole number, at least 0"},
		"dialtone.simring.enable.v1 target":        {Words: "number or person to ring, at most 80 characters"},
		"dialtone.simring.disabled.v1 notRestored": {Words: "text", List: true},
		"dialtone.simring.disabled.v1 after":       {Part: "forwarding"},
		"dialtone.pool.low.v1 daysLeft":            {Words: "number, at least 0"},
		"dialtone.number.released.v1 restsUntil":   {Words: "RFC 3339 time"},
		"cloudevents.json specversion":             {Values: []string{`"1.0"`}},
	}
	got := map[string]outline.Form{}
	note := func(o outline.Object, err error) {
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range o.Fields {
			if _, asked := want[o.Name+" "+f.Name]; asked {
				got[o.Name+" "+f.Name] = f.Form
			}
		}
	}
	for _, typ := range slices.Concat(schema.Commands(), schema.Outcomes(), schema.Notices()) {
		note(outline.Message(typ))
	}
	note(outline.File(schema.Envelope))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestParts(t *testing.T) {
	objects, values, err := outline.Parts()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, o := range objects {
		names = append(names, o.Name)
		if o.Title == "" || o.Description == "" || len(o.Fields) == 0 {
			t.Errorf("%+v", o)
		}
	}
	if !slices.Contains(names, "forwarding") || !slices.Contains(names, "poolCounts") || len(values) < 5 {
		t.Errorf("objects %v, %d values", names, len(values))
	}
}

// TestEverythingIsExplained keeps the documents useful: each field of each
// message has a meaning, and a form.
func TestEverythingIsExplained(t *testing.T) {
	all, _, err := outline.Parts()
	if err != nil {
		t.Fatal(err)
	}
	for _, typ := range slices.Concat(schema.Commands(), schema.Outcomes(), schema.Notices()) {
		m, err := outline.Message(typ)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	for _, o := range all {
		if len(o.Fields) == 0 {
			t.Errorf("%s has no fields", o.Name)
		}
		for _, f := range o.Fields {
			if f.Meaning == "" || f.Form.Words == "" && f.Form.Values == nil && f.Form.Part == "" {
				t.Errorf("%s: %+v", o.Name, f)
			}
		}
	}
}

func TestUnknownType(t *testing.T) {
	if _, err := outline.Message("dialtone.coffee.v1"); err == nil {
		t.Error("no error")
	}
}
