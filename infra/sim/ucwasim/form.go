package ucwasim

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// form reads typed parameters and gathers what is wrong with them.
type form struct {
	in        inputs
	wrong     []failedParameter
	wrongType []string
}

func (f *form) invalid(name, reason string) {
	f.wrong = append(f.wrong, failedParameter{name, reason})
}

// text reads a string of at most limit characters. Absent, null and empty are
// the same, and an error only if the parameter is required.
func (f *form) text(name string, limit int, required bool) string {
	v := f.single(name, jsonText)
	switch n := utf8.RuneCountInString(v); {
	case n > limit:
		f.invalid(name, fmt.Sprintf("The maximum length is %d characters.", limit))
	case n == 0 && required:
		f.invalid(name, "The parameter is required and must not be empty.")
	}
	return v
}

// flag reads a nullable boolean; empty counts as null.
func (f *form) flag(name string) *bool {
	v := strings.ToLower(strings.TrimSpace(f.single(name, jsonFlag)))
	switch v {
	case "true", "false":
		b := v == "true"
		return &b
	case "":
	default:
		f.invalid(name, "The value must be true or false.")
	}
	return nil
}

// number reads a nullable integer from lowest to highest; empty counts as null.
func (f *form) number(name string, lowest, highest int) *int {
	v := strings.TrimSpace(f.single(name, jsonNumber))
	if v == "" {
		return nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < lowest || n > highest {
		f.invalid(name, fmt.Sprintf("The value must be a whole number from %d to %d.", lowest, highest))
		return nil
	}
	return &n
}

// whole is number for a parameter that must be there. A JSON string will do.
func (f *form) whole(name string, lowest, highest int) int {
	key := strings.ToLower(name)
	if in := f.in[key]; in.kind == jsonText {
		f.in[key] = input{untyped, in.values}
	}
	before := len(f.wrong) + len(f.wrongType)
	n := f.number(name, lowest, highest)
	if n == nil {
		if len(f.wrong)+len(f.wrongType) == before {
			f.invalid(name, "The parameter is required and must not be empty.")
		}
		return 0
	}
	return *n
}

// oneOf reads a string of a documented enumeration, folded, and returns it as
// documented; empty when absent or not of the enumeration.
func (f *form) oneOf(name string, allowed ...string) string {
	v := strings.TrimSpace(f.single(name, jsonText))
	if v == "" {
		return ""
	}
	i := slices.IndexFunc(allowed, func(a string) bool { return strings.EqualFold(a, v) })
	if i < 0 {
		f.invalid(name, "The value must be one of "+strings.Join(allowed, ", ")+".")
		return ""
	}
	return allowed[i]
}

// given is oneOf for a string that must be there.
func (f *form) given(name string, allowed ...string) string {
	before := len(f.wrong) + len(f.wrongType)
	v := f.oneOf(name, allowed...)
	if v == "" && len(f.wrong)+len(f.wrongType) == before {
		f.invalid(name, "The value must not be empty.")
	}
	return v
}

// list checks a list of strings of a documented enumeration.
func (f *form) list(name string, allowed ...string) {
	in := f.in[strings.ToLower(name)]
	if in.kind != untyped && in.kind != jsonList && in.kind != jsonNull {
		f.wrongType = append(f.wrongType, name)
	}
	for _, v := range in.values {
		if !slices.Contains(allowed, v) {
			f.invalid(name, "The values must be of "+strings.Join(allowed, ", ")+".")
		}
	}
}

func (f *form) single(name string, want kind) string {
	in := f.in[strings.ToLower(name)]
	if in.kind != untyped && in.kind != want && in.kind != jsonNull {
		f.wrongType = append(f.wrongType, name)
		return ""
	}
	switch len(in.values) {
	case 0:
		return ""
	case 1:
		return in.values[0]
	default:
		f.invalid(name, "The parameter must be given once.")
		return ""
	}
}

// failure is what the parameters deserve: nil when all is well.
func (f *form) failure() *failure {
	if len(f.wrongType) > 0 {
		return undecodable("wrong type of " + strings.Join(f.wrongType, ", "))
	}
	if len(f.wrong) == 0 {
		return nil
	}
	e := fail(http.StatusBadRequest, "BadRequest", "ParameterValidationFailure", "A parameter is missing or invalid.")
	e.Parameters = f.wrong
	return e
}

// readForm reads the inputs of a request, or answers why not.
func (c *call) readForm(read func(*form)) bool {
	in, bad := readInputs(c.r)
	return c.readInto(in, bad, read)
}

// readQuery reads the inputs of a GET, or answers why not.
func (c *call) readQuery(read func(*form)) bool {
	return c.readInto(readQuery(c.r), nil, read)
}

func (c *call) readInto(in inputs, bad *failure, read func(*form)) bool {
	if bad == nil {
		f := &form{in: in}
		read(f)
		bad = f.failure()
	}
	if bad != nil {
		c.fail(bad)
	}
	return bad == nil
}
