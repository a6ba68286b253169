// Package reference writes infra/docs/messages.md: every message and every
// field of it, for people, from the schemas and samples.
package reference

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"dialtone/events/sample"
	"dialtone/events/schema"
	"dialtone/events/schema/outline"
)

// File is the path of the page in the tree, with slashes.
const File = "infra/docs/messages.md"

// samples is where the samples are, seen from the page.
const samples = "../../events/sample/"

// Build returns the page, byte for byte the same every time.
func Build() ([]byte, error) {
	p := &page{parts: map[string]string{}}
	objects, values, err := outline.Parts()
	if err != nil {
		return nil, fmt.Errorf("write reference: %w", err)
	}
	for _, o := range objects {
		p.parts[o.Name] = o.Title
	}
	p.introduction()
	for _, g := range groups() {
		p.group(g)
	}
	p.line("## Parts", "", "Objects that several messages share.")
	for _, o := range objects {
		p.line("", "### "+o.Title, "", o.Description, "")
		p.fields(o.Fields)
	}
	p.values(values)
	p.file(schema.DeadLetter)
	if p.err != nil {
		return nil, fmt.Errorf("write reference: %w", p.err)
	}
	return p.text.Bytes(), nil
}

// group is a chapter of messages.
type group struct {
	title, about string
	types        []string
}

func groups() []group {
	return []group{
		{"Commands", "What dialtone can be asked to do. An unknown field is refused by name; a field that is null or empty is refused, too: leave it out.", schema.Commands()},
		{"Outcomes", "One for each request, on the bus and in the ledger.", schema.Outcomes()},
		{"Notices", "What dialtone publishes without having been asked.", schema.Notices()},
	}
}

// page is the text so far. The first error stays.
type page struct {
	text  bytes.Buffer
	parts map[string]string // title by name
	err   error
}

func (p *page) line(lines ...string) {
	for _, l := range lines {
		p.text.WriteString(l)
		p.text.WriteByte('\n')
	}
}

func (p *page) introduction() {
	p.line("<!-- Made by go generate ./events/generate from events/schema and events/sample. Do not edit. -->", "",
		"# Messages", "",
		"Every message is one CloudEvents 1.0 object in JSON, structured mode. For machines the same is in",
		"[`events/schema`](../../events/schema/) (JSON Schema 2020-12) and, with the queues and the bus,",
		"in [`events/asyncapi.yaml`](../../events/asyncapi.yaml).", "",
		"| | type | |", "|---|---|---|")
	for _, g := range groups() {
		for _, typ := range g.types {
			o := p.object(outline.Message(typ))
			p.line(fmt.Sprintf("| %s | [`%s`](%s) | %s |", strings.TrimSuffix(g.title, "s"), typ, anchor(typ), o.Title))
		}
	}
	p.file(schema.Envelope)
	p.file(schema.Published)
	p.line("")
}

// file is the chapter of a schema file that is no message.
func (p *page) file(name string) {
	o := p.object(outline.File(name))
	p.line("", "## "+o.Title, "", o.Description, "")
	p.fields(o.Fields)
}

func (p *page) group(g group) {
	p.line("## "+g.title, "", g.about, "")
	for _, typ := range g.types {
		o := p.object(outline.Message(typ))
		p.line("### "+typ, "", "**"+o.Title+".** "+o.Description, "", "`data`:", "")
		p.fields(p.exemplified(typ, o.Fields))
		p.sample(typ)
	}
}

func (p *page) object(o outline.Object, err error) outline.Object {
	if p.err == nil {
		p.err = err
	}
	return o
}

// exemplified takes examples that the schema lacks from the samples.
func (p *page) exemplified(typ string, fields []outline.Field) []outline.Field {
	fields = slices.Clone(fields)
	for _, s := range sample.Of(typ) {
		var m struct {
			Data map[string]json.RawMessage `json:"data"`
		}
		if err := json.Unmarshal(s.Body, &m); err != nil && p.err == nil {
			p.err = fmt.Errorf("sample %s of %s: %w", s.Name, typ, err)
		}
		for i, f := range fields {
			if v := m.Data[f.Name]; f.Example == "" && f.Form.Part == "" && v != nil {
				fields[i].Example = string(v)
			}
		}
	}
	return fields
}

// sample shows the sample with most in it and names the others.
func (p *page) sample(typ string) {
	all := sample.Of(typ)
	if len(all) == 0 {
		return
	}
	fullest := slices.MaxFunc(all, func(a, b sample.Sample) int { return len(a.Body) - len(b.Body) })
	var links []string
	for _, s := range all {
		if s.Name != fullest.Name {
			links = append(links, fmt.Sprintf("[%s](%s%s/%s.json)", s.Name, samples, typ, s.Name))
		}
	}
	p.line("", "Sample `"+fullest.Name+"`; more: "+strings.Join(links, ", ")+".", "",
		"```json", strings.TrimSpace(string(fullest.Body)), "```", "")
}

func (p *page) fields(fields []outline.Field) {
	p.line("| field | type | required | default | meaning | example |", "|---|---|---|---|---|---|")
	for _, f := range fields {
		required := ""
		if f.Required {
			required = "yes"
		}
		p.line(fmt.Sprintf("| `%s` | %s | %s | %s | %s | %s |", f.Name, p.form(f.Form), required, code(f.Default), cell(f.Meaning), code(f.Example)))
	}
}

func (p *page) values(values []outline.Field) {
	p.line("", "## Values", "", "Single values that several messages share.", "", "| value | type | meaning | example |", "|---|---|---|---|")
	for _, v := range values {
		p.line(fmt.Sprintf("| %s | %s | %s | %s |", v.Name, p.form(v.Form), cell(v.Meaning), code(v.Example)))
	}
}

func (p *page) form(f outline.Form) string {
	text := cell(f.Words)
	switch {
	case f.Part != "":
		text = fmt.Sprintf("[%s](%s)", p.parts[f.Part], anchor(p.parts[f.Part]))
	case f.Values != nil:
		quoted := make([]string, len(f.Values))
		for i, v := range f.Values {
			quoted[i] = code(v)
		}
		text = strings.Join(quoted, ", ")
	}
	if f.List {
		return "list of " + text
	}
	return text
}

// cell makes a text fit for a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + cell(s) + "`"
}

// anchor is the link to a heading, as GitHub and GitLab make it.
func anchor(heading string) string {
	return "#" + strings.NewReplacer(" ", "-", ".", "").Replace(strings.ToLower(heading))
}
