// Package outline reads the schemas as a person does: each message with its
// fields in the order of the file, what they may hold and what they mean. The
// documents about the messages are made from it.
package outline

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"dialtone/events/schema"
)

// Object is a message or a part of one. All of its texts are plain sentences.
type Object struct {
	Name        string // message type, file or name of the part
	Title       string
	Description string
	Fields      []Field // of the data, if it is a message
}

// Field is a member of an object.
type Field struct {
	Name     string
	Form     Form
	Required bool
	Default  string // as JSON; "" for none
	Meaning  string // "" when the schema says nothing
	Example  string // as JSON; "" for none
}

// Form is what a field may hold.
type Form struct {
	Words  string   // such as "text, at most 128 characters"; "" when Values or Part say it all
	Values []string // the only ones allowed, as JSON
	Part   string   // name of the [Object] that it holds, or several of if List
	List   bool
}

// Message returns the message of a type: its own attributes of the envelope are
// left out, Fields are those of its data.
func Message(typ string) (Object, error) {
	return object(typ, typ+".json", "properties", "data")
}

// File returns what a schema file says of its own, as the envelopes and the
// attributes of a dead letter do.
func File(name string) (Object, error) { return object(name, name) }

// Parts returns the parts that messages share, in the order of their file:
// objects with Fields, and values without, described by their one Form.
func Parts() ([]Object, []Field, error) {
	top, err := files{}.open(schema.Parts)
	if err != nil {
		return nil, nil, err
	}
	var objects []Object
	var values []Field
	for name, s := range top.at("$defs").members() {
		if s.at("properties").node == nil {
			values = append(values, s.field(name))
			continue
		}
		objects = append(objects, Object{name, s.text("title"), s.text("description"), s.fields()})
	}
	return objects, values, nil
}

func object(name, file string, fields ...string) (Object, error) {
	top, err := files{}.open(file)
	if err != nil {
		return Object{}, err
	}
	of := top
	for _, f := range fields {
		of = of.at(f)
	}
	return Object{name, top.text("title"), top.text("description"), of.fields()}, nil
}

func (s part) fields() []Field {
	var required []string
	for _, n := range s.at("required").elements() {
		required = append(required, n.Value)
	}
	var fields []Field
	for name, p := range s.at("properties").members() {
		if p.node.Kind != yaml.MappingNode {
			continue // false: what must not be there
		}
		f := p.field(name)
		f.Required = slices.Contains(required, name)
		fields = append(fields, f)
	}
	return fields
}

func (s part) field(name string) Field {
	return Field{
		Name: name, Form: s.form(), Meaning: s.text("description"),
		Default: json(s.resolve("default").node), Example: json(first(s.resolve("examples").elements())),
	}
}

func (s part) form() Form {
	if items := s.at("items"); items.node != nil {
		f := items.form()
		f.List = true
		return f
	}
	if s.resolve("properties").node != nil {
		return Form{Part: s.name()}
	}
	if c := s.resolve("const").node; c != nil {
		return Form{Values: []string{json(c)}}
	}
	var values []string
	for _, v := range s.resolve("enum").elements() {
		values = append(values, json(v))
	}
	if values != nil {
		return Form{Values: values}
	}
	return Form{Words: s.words()}
}

// words says what a value is: by the title of its part, or by type and limits.
func (s part) words() string {
	title := strings.TrimPrefix(strings.TrimPrefix(s.text("title"), "an "), "a ")
	words := cmp.Or(title, map[string]string{
		"string": "text", "boolean": "true or false", "integer": "whole number", "number": "number", "object": "object",
	}[s.text("type")])
	least, most := s.text("minimum"), s.text("maximum")
	switch {
	case s.text("maxLength") != "":
		words += ", at most " + s.text("maxLength") + " characters"
	case least != "" && most != "":
		words += ", " + least + " to " + most
	case least != "":
		words += ", at least " + least
	}
	return words
}

func first(of []*yaml.Node) *yaml.Node {
	if len(of) == 0 {
		return nil
	}
	return of[0]
}

// json writes a scalar as the schema does.
func json(n *yaml.Node) string {
	switch {
	case n == nil:
		return ""
	case n.Tag == "!!str":
		return fmt.Sprintf("%q", n.Value)
	}
	return n.Value
}
