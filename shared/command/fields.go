package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"dialtone/shared/e164"
	"dialtone/shared/ringtarget"
	"dialtone/shared/sipaddr"
)

// Problem is one thing wrong with a message. It quotes no phone number.
type Problem struct {
	Field   string `json:"field"`   // path in the body, such as "data.locationId"
	Problem string `json:"problem"` // what is wrong with its value
	Mend    string `json:"mend"`    // what to write instead
}

// Problems is everything wrong with a message, in the order found.
type Problems []Problem

// Error renders all problems on one line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, q := range p {
		lines[i] = fmt.Sprintf("%s %s (%s)", q.Field, q.Problem, q.Mend)
	}
	return strings.Join(lines, "; ")
}

// fields reads a JSON object member by member, collecting problems. Names are
// matched exactly: encoding/json alone would fold their case, and the schemas
// would then refuse what we accept.
type fields struct {
	prefix      string
	raw         map[string]json.RawMessage
	read        []string
	problems    Problems
	skipUnknown bool
}

func (f *fields) add(name, problem, mend string) {
	f.problems = append(f.problems, Problem{Field: f.prefix + name, Problem: problem, Mend: mend})
}

// get decodes a member into v and reports whether it was there and well typed.
func (f *fields) get(name, kind string, v any) bool {
	f.read = append(f.read, name)
	raw, found := f.raw[name]
	if !found {
		return false
	}
	if string(raw) == "null" {
		f.add(name, "is null", "leave it out or give "+kind)
		return false
	}
	if err := json.Unmarshal(raw, v); err != nil {
		f.add(name, "is not "+kind, "write "+kind)
		return false
	}
	return true
}

func (f *fields) text(name string, required bool) string {
	var s string
	got := f.get(name, "a string", &s)
	switch {
	case got && s == "":
		f.add(name, "is empty", "give a value or leave it out")
	case !got && required && f.raw[name] == nil:
		f.add(name, "is missing", "it is required")
	}
	return s
}

// limited is a required text of at most limit characters.
func (f *fields) limited(name string, limit int) string {
	return f.atMost(name, f.text(name, true), limit)
}

func (f *fields) optional(name string, limit int) string {
	return f.atMost(name, f.text(name, false), limit)
}

func (f *fields) atMost(name, s string, limit int) string {
	if n := utf8.RuneCountInString(s); n > limit {
		f.add(name, fmt.Sprintf("has %d characters", n), fmt.Sprintf("give at most %d", limit))
	}
	return s
}

func (f *fields) user(name string) sipaddr.User {
	s := f.text(name, true)
	if s == "" {
		return ""
	}
	u, err := sipaddr.Parse(s)
	if err != nil {
		f.add(name, err.Error(), "it names the person to act for")
	}
	return u
}

// users reads a list of 1 to limit people, each once: one that is named again
// is left out.
func (f *fields) users(name string, limit int) []sipaddr.User {
	var all []json.RawMessage
	got := f.get(name, "a list of SIP addresses or UPNs", &all)
	switch {
	case !got && f.raw[name] == nil:
		f.add(name, "is missing", "it is required")
	case got && len(all) == 0:
		f.add(name, "is empty", "name at least one person")
	case len(all) > limit:
		f.add(name, fmt.Sprintf("has %d entries", len(all)), fmt.Sprintf("give at most %d", limit))
	}
	entries := &fields{prefix: f.prefix + name + ".", raw: map[string]json.RawMessage{}}
	users, seen := make([]sipaddr.User, 0, len(all)), map[sipaddr.User]bool{}
	for i, raw := range all {
		entry := strconv.Itoa(i)
		entries.raw[entry] = raw
		if u := entries.user(entry); u != "" && !seen[u] {
			users, seen[u] = append(users, u), true
		}
	}
	f.problems = append(f.problems, entries.problems...)
	return users
}

// minutes reads a whole number between two limits, which may be left out.
func (f *fields) minutes(name string, least, most, otherwise int) int {
	var v float64
	if !f.get(name, "a whole number of minutes", &v) {
		return otherwise
	}
	switch {
	case v != math.Trunc(v):
		f.add(name, "is not a whole number of minutes", "write a whole number of minutes")
	case v < float64(least) || v > float64(most):
		f.add(name, "is out of range", fmt.Sprintf("give %d to %d", least, most))
	}
	return int(v)
}

func (f *fields) number(name string) e164.Number {
	s := f.text(name, false)
	if s == "" {
		return ""
	}
	n, err := e164.Parse(s)
	if err != nil {
		f.add(name, err.Error(), "or leave it out to get any number of the location")
	}
	return n
}

func (f *fields) target(name string) ringtarget.Target {
	s := f.text(name, true)
	if s == "" {
		return ""
	}
	t, err := ringtarget.Parse(s)
	if err != nil {
		f.add(name, err.Error(), "it rings together with the user's own phone")
	}
	return t
}

func (f *fields) phoneType() PhoneType { return oneOf(f, "phoneType", Work, Mobile, Home, Other) }

func (f *fields) flag(name string) *bool {
	var b bool
	if !f.get(name, "true or false", &b) {
		return nil
	}
	return &b
}

func (f *fields) isSet(name string) bool {
	b := f.flag(name)
	return b != nil && *b
}

// unlessUnset reads a flag that is true when it is left out.
func (f *fields) unlessUnset(name string) bool {
	b := f.flag(name)
	return b == nil || *b
}

// oneOf reads a text that must be one of the values; the first is the default.
func oneOf[T ~string](f *fields, name string, values ...T) T {
	s := T(f.text(name, false))
	switch {
	case s == "":
		return values[0]
	case !slices.Contains(values, s):
		known := make([]string, len(values))
		for i, v := range values {
			known[i] = fmt.Sprintf("%q", string(v))
		}
		f.add(name, fmt.Sprintf("is %q", string(s)), "use one of "+strings.Join(known, ", "))
	}
	return s
}

// end reports the members that nobody read, sorted, and all problems so far.
func (f *fields) end() Problems {
	if f.skipUnknown {
		return f.problems
	}
	var unknown []string
	for name := range f.raw {
		if !slices.Contains(f.read, name) {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		f.add(name, "is not a field of this message", "remove it or correct its name")
	}
	return f.problems
}

// jsonProblem tells where JSON is broken without quoting the body.
func jsonProblem(err error) string {
	if s, ok := errors.AsType[*json.SyntaxError](err); ok {
		return fmt.Sprintf("syntax error at byte %d", s.Offset)
	}
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return "it is a JSON " + t.Value
	}
	return "it ends too early"
}
