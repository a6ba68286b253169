package rendered

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"strings"
)

// nothing is what AWS::NoValue resolves to: the property that has it is not there.
type nothing struct{}

// resolve returns a value without intrinsic functions. (AWS CloudFormation User
// Guide: "Intrinsic function reference".)
func (t *Template) resolve(v any) (any, error) {
	switch v := v.(type) {
	case object:
		if name, argument, is := intrinsic(v); is {
			return t.call(name, argument)
		}
		return t.mapping(v)
	case []any:
		return t.list(v)
	}
	return v, nil
}

// intrinsic tells the call of a function from a mapping.
func intrinsic(o object) (name string, argument any, is bool) {
	if len(o) != 1 {
		return "", nil, false
	}
	for name, argument = range maps.All(o) {
	}
	return name, argument, name == "Ref" || name == "Condition" || strings.HasPrefix(name, "Fn::")
}

func (t *Template) mapping(o object) (any, error) {
	out := object{}
	for key, raw := range o {
		v, err := t.resolve(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		if v != (nothing{}) {
			out[key] = v
		}
	}
	return out, nil
}

func (t *Template) list(all []any) ([]any, error) {
	out := []any{}
	for _, raw := range all {
		v, err := t.resolve(raw)
		if err != nil {
			return nil, err
		}
		if v != (nothing{}) {
			out = append(out, v)
		}
	}
	return out, nil
}

func (t *Template) call(name string, argument any) (any, error) {
	switch name {
	case "Ref":
		id, _ := argument.(string)
		return t.ref(id)
	case "Fn::Sub":
		text, ok := argument.(string)
		if !ok {
			return nil, errors.New("Fn::Sub with variables of its own is not known here")
		}
		return t.substitute(text)
	case "Condition":
		id, _ := argument.(string)
		return t.condition(id)
	}
	list, ok := argument.([]any)
	if !ok {
		return nil, fmt.Errorf("%s has no list of arguments", name)
	}
	if name == "Fn::If" {
		return t.choose(list)
	}
	list, err := t.list(list)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return t.apply(name, list)
}

// apply calls a function with resolved arguments.
func (t *Template) apply(name string, list []any) (any, error) {
	switch {
	case name == "Fn::GetAtt" && len(list) == 2:
		return t.attribute(fmt.Sprint(list[0]), fmt.Sprint(list[1]))
	case name == "Fn::Equals" && len(list) == 2:
		return reflect.DeepEqual(fmt.Sprint(list[0]), fmt.Sprint(list[1])), nil
	case name == "Fn::Not" && len(list) == 1:
		is, _ := list[0].(bool)
		return !is, nil
	case name == "Fn::Join" && len(list) == 2:
		return join(list[0], list[1]), nil
	}
	return nil, fmt.Errorf("%s with %d arguments is not known here", name, len(list))
}

// join joins a list, or what a parameter of type CommaDelimitedList has.
func join(separator, list any) string {
	var parts []string
	switch list := list.(type) {
	case []any:
		for _, v := range list {
			parts = append(parts, fmt.Sprint(v))
		}
	default:
		parts = strings.Split(fmt.Sprint(list), ",")
	}
	return strings.Join(parts, fmt.Sprint(separator))
}

func (t *Template) choose(list []any) (any, error) {
	if len(list) != 3 {
		return nil, errors.New("Fn::If has not three arguments")
	}
	holds, err := t.condition(fmt.Sprint(list[0]))
	if err != nil {
		return nil, err
	}
	if holds {
		return t.resolve(list[1])
	}
	return t.resolve(list[2])
}

func (t *Template) condition(id string) (bool, error) {
	raw, found := child(t.root, "Conditions")[id]
	if !found {
		return false, fmt.Errorf("there is no condition %s", id)
	}
	v, err := t.resolve(raw)
	holds, ok := v.(bool)
	if err == nil && !ok {
		err = errors.New("it is neither true nor false")
	}
	if err != nil {
		return false, fmt.Errorf("condition %s: %w", id, err)
	}
	return holds, nil
}

func (t *Template) ref(id string) (any, error) {
	if id == "AWS::NoValue" {
		return nothing{}, nil
	}
	if v, found := t.parameters[id]; found {
		return v, nil
	}
	return t.attribute(id, "")
}

func (t *Template) attribute(id, name string) (any, error) {
	if v, found := t.attributes[id][name]; found {
		return v, nil
	}
	if name == "" {
		return nil, fmt.Errorf("%s has no value and does not exist yet", id)
	}
	return nil, fmt.Errorf("%s.%s is not known: does %s exist yet?", id, name, id)
}

// substitute fills ${...} in.
func (t *Template) substitute(text string) (string, error) {
	var problems []error
	out := regexp.MustCompile(`\$\{[^}!]+\}`).ReplaceAllStringFunc(text, func(place string) string {
		name := place[2 : len(place)-1]
		id, attribute, dotted := strings.Cut(name, ".")
		v, err := t.ref(name)
		if dotted {
			v, err = t.attribute(id, attribute)
		}
		if err != nil {
			problems = append(problems, err)
		}
		return plain(v)
	})
	return out, errors.Join(problems...)
}

// plain is a value as text.
func plain(v any) string {
	if n, ok := v.(json.Number); ok {
		return n.String()
	}
	return fmt.Sprint(v)
}
