package validate

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// wording turns the errors of the schema library into problems.
type wording struct {
	schema *jsonschema.Schema
	found  []Problem
}

// collect walks down to the errors that name a value.
func (w *wording) collect(e *jsonschema.ValidationError) {
	if len(e.Causes) > 0 {
		for _, c := range e.Causes {
			w.collect(c)
		}
		return
	}
	path := e.InstanceLocation
	switch k := e.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range k.Missing {
			w.add(sub(path, name), "is missing", w.example(sub(path, name), "it is required, such as ", "it is required"))
		}
	case *kind.AdditionalProperties:
		for _, name := range k.Properties {
			w.add(sub(path, name), "is not a field of this message", w.rename(path, name))
		}
	default:
		problem, mend := w.value(k, path)
		w.add(path, problem, mend)
	}
}

// value words what is wrong with one value.
func (w *wording) value(k jsonschema.ErrorKind, path []string) (problem, mend string) {
	switch k := k.(type) {
	case *kind.FalseSchema:
		return "is not supported", "send data as a JSON object"
	case *kind.Type:
		if k.Got == "null" {
			return "is null", "leave it out or give " + wanted(k.Want)
		}
		return "is " + article[k.Got] + ", not " + wanted(k.Want), "write " + wanted(k.Want)
	case *kind.MinLength:
		return "is empty", "give a value or leave it out"
	case *kind.MaxLength:
		return fmt.Sprintf("has %d characters", k.Got), fmt.Sprintf("give at most %d", k.Want)
	case *kind.MinItems:
		return "is empty", "name at least one"
	case *kind.MaxItems:
		return fmt.Sprintf("has %d entries", k.Got), fmt.Sprintf("give at most %d", k.Want)
	case *kind.Minimum, *kind.Maximum:
		return "is out of range", w.limits(path)
	case *kind.Const:
		return "is " + quoted(k.Got), "write " + quoted(k.Want)
	case *kind.Enum:
		known := make([]string, len(k.Want))
		for i, v := range k.Want {
			known[i] = quoted(v)
		}
		return "is " + quoted(k.Got), "use one of " + strings.Join(known, ", ")
	}
	return "is not " + cmp.Or(w.at(path).Title, "what the schema allows"), w.example(path, "write it like ", "see the schema of this message")
}

// limits says between which numbers a value may be.
func (w *wording) limits(path []string) string {
	s := w.at(path)
	switch {
	case s.Minimum != nil && s.Maximum != nil:
		return fmt.Sprintf("give %s to %s", s.Minimum.RatString(), s.Maximum.RatString())
	case s.Minimum != nil:
		return "give at least " + s.Minimum.RatString()
	case s.Maximum != nil:
		return "give at most " + s.Maximum.RatString()
	}
	return "see the schema of this message"
}

func (w *wording) add(path []string, problem, mend string) {
	field := strings.Join(path, ".")
	w.found = append(w.found, Problem{cmp.Or(field, "body"), problem, mend})
}

// sorted keeps one problem a field: the envelope first, then data, by name.
// Fields that are wrong in several ways say the first, such as "is empty".
func (w *wording) sorted() []Problem {
	slices.SortStableFunc(w.found, func(a, b Problem) int {
		inData := func(p Problem) int { return strings.Count(p.Field, "data.") }
		return cmp.Or(inData(a)-inData(b), cmp.Compare(a.Field, b.Field), cmp.Compare(a.Problem, b.Problem))
	})
	return slices.CompactFunc(w.found, func(a, b Problem) bool { return a.Field == b.Field })
}

// at returns the schema of the value at a path; never nil.
func (w *wording) at(path []string) *jsonschema.Schema {
	s := w.schema
	for _, name := range path {
		if s = property(s, name); s == nil {
			return &jsonschema.Schema{}
		}
	}
	for s.Title == "" && s.Ref != nil {
		s = s.Ref
	}
	return s
}

// property returns the schema of a member of an object, or of an element of a
// list; nil for none.
func property(s *jsonschema.Schema, name string) *jsonschema.Schema {
	for ; s != nil; s = s.Ref {
		if p := s.Properties[name]; p != nil {
			return p
		}
		if s.Items2020 != nil { // name is a position
			return s.Items2020
		}
	}
	return nil
}

// example puts the value's example behind an introduction, if it has one.
func (w *wording) example(path []string, introduction, otherwise string) string {
	if examples := w.at(path).Examples; len(examples) > 0 {
		return introduction + fmt.Sprint(examples[0])
	}
	return otherwise
}

// rename proposes the field that an unknown name is close to.
func (w *wording) rename(path []string, name string) string {
	for _, known := range slices.Sorted(maps.Keys(w.at(path).Properties)) {
		if distance(strings.ToLower(known), strings.ToLower(name)) <= 2 {
			return "write it as " + known
		}
	}
	return "remove it or correct its name"
}

// distance is how many letters must be put in, taken out or exchanged.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// sub is the path of a member, in memory of its own.
func sub(path []string, name string) []string { return append(slices.Clone(path), name) }

// article names the JSON types for people. An integer is a number to them.
var article = map[string]string{
	"string": "a string", "boolean": "true or false", "object": "a JSON object",
	"array": "a JSON array", "number": "a number", "integer": "a whole number", "null": "null",
}

func wanted(types []string) string {
	names := make([]string, len(types))
	for i, t := range types {
		names[i] = article[t]
	}
	return strings.Join(names, " or ")
}

func kindOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "true or false"
	case []any:
		return "a JSON array"
	}
	return "a number"
}

var longNumber = regexp.MustCompile(`[0-9]{9,}`)

// quoted shows a value, unless it is long or could be a phone number.
func quoted(v any) string {
	s, ok := v.(string)
	if !ok || len(s) > 80 || longNumber.MatchString(strings.Map(digits, s)) {
		return "another value"
	}
	return fmt.Sprintf("%q", s)
}

func digits(r rune) rune {
	if r < '0' || r > '9' {
		return -1
	}
	return r
}

// syntax tells where JSON is broken without quoting the message.
func syntax(raw []byte) string {
	var any json.RawMessage
	err := json.Unmarshal(raw, &any)
	if s, ok := errors.AsType[*json.SyntaxError](err); ok && s.Offset < int64(len(raw)) {
		return fmt.Sprintf("it is broken at byte %d", s.Offset)
	}
	return "it ends too early"
}
