// Package rendered reads a template after the SAM transform as CloudFormation
// would: parameters filled in, intrinsic functions resolved, for whoever creates
// the resources by hand.
//
// What it does not know it refuses. A property that no type of this package has
// is an error too, so that nothing of the template is left out silently.
package rendered

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
)

// Template is a rendered template with its values. It is not safe for
// concurrent use.
type Template struct {
	root       object
	resources  map[string]*resource
	parameters map[string]any               // with the pseudo parameters
	attributes map[string]map[string]string // of resources that exist, by logical id; "" is what Ref gives
}

type object = map[string]any

type resource struct {
	kind       string
	properties object
}

// Read reads a rendered template in JSON. values are those of parameters, and of
// pseudo parameters such as AWS::StackName; the other parameters have their
// defaults. A value of a parameter that the template does not have is an error.
func Read(r io.Reader, values map[string]string) (*Template, error) {
	t := &Template{resources: map[string]*resource{}, parameters: map[string]any{}, attributes: map[string]map[string]string{}}
	d := json.NewDecoder(r)
	d.UseNumber()
	if err := d.Decode(&t.root); err != nil {
		return nil, fmt.Errorf("read rendered template: %w", err)
	}
	for id, raw := range child(t.root, "Resources") {
		all, _ := raw.(object)
		kind, _ := all["Type"].(string)
		t.resources[id] = &resource{kind: kind, properties: child(all, "Properties")}
	}
	if len(t.resources) == 0 {
		return nil, errors.New("read rendered template: it has no resources")
	}
	return t, t.fill(values)
}

// fill sets the parameters.
func (t *Template) fill(values map[string]string) error {
	declared := child(t.root, "Parameters")
	for name := range declared {
		if d, found := child(declared, name)["Default"]; found {
			t.parameters[name] = d
		}
	}
	for name, v := range values {
		if _, found := declared[name]; !found && !pseudo(name) {
			return fmt.Errorf("read rendered template: there is no parameter %s", name)
		}
		t.parameters[name] = v
		if child(declared, name)["Type"] == "Number" {
			t.parameters[name] = json.Number(v)
		}
	}
	return nil
}

func pseudo(name string) bool { return len(name) > 5 && name[:5] == "AWS::" }

func child(o object, key string) object {
	c, _ := o[key].(object)
	return c
}

// Of returns the logical ids of all resources of a type, in order.
func (t *Template) Of(kind string) []string {
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(t.resources)) {
		if t.resources[id].kind == kind {
			ids = append(ids, id)
		}
	}
	return ids
}

// Override sets a property, to be resolved as if the template had said so.
func (t *Template) Override(id, property string, value any) error {
	r, found := t.resources[id]
	if !found {
		return fmt.Errorf("override %s.%s: there is no such resource", id, property)
	}
	if _, found := r.properties[property]; !found {
		return fmt.Errorf("override %s.%s: the template does not set it", id, property)
	}
	r.properties[property] = value
	return nil
}

// Exists says what a created resource is known by: ref is what Ref gives, and
// attributes are those of GetAtt.
func (t *Template) Exists(id, ref string, attributes map[string]string) {
	known := maps.Clone(attributes)
	if known == nil {
		known = map[string]string{}
	}
	known[""] = ref
	t.attributes[id] = known
}

// Properties resolves the properties of a resource into a struct of its type,
// such as [Queue]. All that it refers to must exist.
func (t *Template) Properties(id string, into any) error {
	r, found := t.resources[id]
	if !found {
		return fmt.Errorf("properties of %s: there is no such resource", id)
	}
	v, err := t.resolve(r.properties)
	if err != nil {
		return fmt.Errorf("properties of %s: %w", id, err)
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("properties of %s: %w", id, err)
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("properties of %s: %w", id, err)
	}
	return nil
}
