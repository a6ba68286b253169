// Package template holds template.yaml to the rules that no linter knows: which
// numbers must fit which, what a role may do, what must have an alarm, and that
// the template and the code it deploys agree. Its test runs them; each violation
// names the place and the mend.
//
// The rules read the template as it is written and as the SAM transform renders
// it (validate.sh does that), in which a function's events have become resources
// of their own.
package template

import (
	"cmp"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Violation is a place that breaks a rule.
type Violation struct {
	Where string // in the template, such as NumbersQueue.VisibilityTimeout
	What  string // is wrong
	Mend  string // what to do about it
}

// String renders the violation as "where: what: mend".
func (v Violation) String() string { return v.Where + ": " + v.What + ": " + v.Mend }

// Stack is a template beside the tree that it deploys.
type Stack struct {
	root      object
	tree      fs.FS
	resources []resource // by logical id
	functions []function
	sources   []source
}

// resource is a resource of any type.
type resource struct {
	id, kind string // logical id and type
	all      object // attributes such as DeletionPolicy, too
	props    object // with what Globals add
}

// function is a Lambda function.
type function struct {
	resource
	timeout int // seconds
}

// source is an event source mapping of a function.
type source struct {
	id       string
	function string // its logical id
	from     string // logical id of the queue or table
	props    object
}

// Types of resources that come in two forms.
const (
	samFunction = "AWS::Serverless::Function"
	cfnFunction = "AWS::Lambda::Function"
	mappingType = "AWS::Lambda::EventSourceMapping"
	aliasType   = "AWS::Lambda::Alias"
	queueType   = "AWS::SQS::Queue"
	tableType   = "AWS::DynamoDB::Table"
	alarmType   = "AWS::CloudWatch::Alarm"
)

// Load reads a template, of the tree with the given root folder.
func Load(r io.Reader, tree fs.FS) (*Stack, error) {
	root, err := read(r)
	if err != nil {
		return nil, err
	}
	return newStack(root, tree), nil
}

func newStack(root object, tree fs.FS) *Stack {
	s := &Stack{root: root, tree: tree}
	all := mappingAt(root, "Resources")
	for _, id := range slices.Sorted(maps.Keys(all)) {
		r := resource{id: id, all: mappingAt(all, id), props: mappingAt(all, id, "Properties")}
		r.kind = text(r.all["Type"])
		if r.kind == samFunction {
			r.props = merged(mappingAt(root, "Globals", "Function"), r.props)
		}
		s.resources = append(s.resources, r)
	}
	for _, r := range s.resources {
		if r.kind == samFunction || r.kind == cfnFunction {
			s.functions = append(s.functions, function{r, s.number(r.props["Timeout"])})
			s.sources = append(s.sources, s.events(r)...)
		}
	}
	for _, r := range s.ofType(mappingType) {
		alias := s.find(target(r.props["FunctionName"]))
		s.sources = append(s.sources, source{
			id: r.id, function: target(alias.props["FunctionName"]), from: target(r.props["EventSourceArn"]), props: r.props,
		})
	}
	return s
}

// merged lays what a function says over what is said for all of them. Mappings
// are merged, anything else is replaced.
func merged(base, over object) object {
	m := maps.Clone(base)
	if m == nil {
		m = object{}
	}
	for key, v := range over {
		below, both := m[key].(object)
		above, ok := v.(object)
		if both && ok {
			m[key] = merged(below, above)
		} else {
			m[key] = v
		}
	}
	return m
}

// events returns the mappings that a SAM function describes itself.
func (s *Stack) events(f resource) []source {
	var all []source
	events := mappingAt(f.props, "Events")
	for _, name := range slices.Sorted(maps.Keys(events)) {
		props := mappingAt(events, name, "Properties")
		switch text(at(events, name, "Type")) {
		case "SQS", "DynamoDB":
			from := cmp.Or(target(props["Queue"]), target(props["Stream"]))
			all = append(all, source{f.id + "." + name, f.id, from, props})
		}
	}
	return all
}

// rendered reports whether the SAM transform has been applied.
func (s *Stack) rendered() bool { return s.root["Transform"] == nil }

func (s *Stack) find(id string) resource {
	for _, r := range s.resources {
		if r.id == id {
			return r
		}
	}
	return resource{}
}

func (s *Stack) ofType(kind string) []resource {
	var found []resource
	for _, r := range s.resources {
		if r.kind == kind {
			found = append(found, r)
		}
	}
	return found
}

// of returns the function's event sources.
func (s *Stack) of(f function) []source {
	var found []source
	for _, e := range s.sources {
		if e.function == f.id {
			found = append(found, e)
		}
	}
	return found
}

// number reads a whole number; a reference to a parameter is the parameter's
// default.
func (s *Stack) number(v any) int {
	if ref, ok := v.(object); ok {
		v = at(s.root, "Parameters", text(ref["Ref"]), "Default")
	}
	switch n := v.(type) {
	case int:
		return n
	case float64:
		return int(n)
	}
	return 0
}

// at digs into mappings; nil where there is nothing.
func at(v any, keys ...string) any {
	for _, k := range keys {
		m, _ := v.(object)
		v = m[k]
	}
	return v
}

func mappingAt(v any, keys ...string) object {
	m, _ := at(v, keys...).(object)
	return m
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

// list reads what may be one value or several.
func list(v any) []any {
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		return v
	}
	return []any{v}
}

func texts(v any) []string {
	var all []string
	for _, e := range list(v) {
		all = append(all, text(e))
	}
	return all
}

// target returns the logical id that a value refers to: by Ref, by GetAtt, or at
// the beginning of a Sub, as in ${Table.Arn}/index/lists.
func target(v any) string {
	m, _ := v.(object)
	if id := text(m["Ref"]); id != "" {
		return id
	}
	if got := list(m["Fn::GetAtt"]); len(got) > 0 {
		return text(got[0])
	}
	if sub := text(m["Fn::Sub"]); strings.HasPrefix(sub, "${") {
		return firstWord(sub[2:])
	}
	return ""
}

func firstWord(s string) string { return regexp.MustCompile(`^[A-Za-z0-9]*`).FindString(s) }

// fault makes a violation at a property of the resource.
func (r resource) fault(property, mend, what string, args ...any) Violation {
	return Violation{strings.TrimSuffix(r.id+"."+property, "."), fmt.Sprintf(what, args...), mend}
}

func (e source) fault(property, mend, what string, args ...any) Violation {
	return resource{id: e.id}.fault(property, mend, what, args...)
}
