package template

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"go.yaml.in/yaml/v4"
)

// object is a mapping of a template.
type object = map[string]any

// read reads a template in YAML or JSON. Its values are mappings, lists ([]any),
// string, int, float64, bool and nil. An intrinsic function in its short form,
// such as !GetAtt Queue.Arn, stands as in its long one:
// {"Fn::GetAtt": ["Queue", "Arn"]}. A key that is given twice is an error, which
// YAML readers of deployment tools let pass.
func read(r io.Reader) (object, error) {
	var n yaml.Node
	if err := yaml.NewDecoder(r).Decode(&n); err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	v, err := value(&n)
	if err != nil {
		return nil, fmt.Errorf("read template: %w", err)
	}
	root, ok := v.(object)
	if !ok {
		return nil, errors.New("read template: it is not a mapping")
	}
	return root, nil
}

func value(n *yaml.Node) (any, error) {
	if name, tagged := strings.CutPrefix(n.Tag, "!"); tagged && !strings.HasPrefix(name, "!") {
		return intrinsic(n, name)
	}
	switch n.Kind {
	case yaml.DocumentNode:
		if len(n.Content) == 1 {
			return value(n.Content[0])
		}
	case yaml.MappingNode:
		return mapping(n)
	case yaml.SequenceNode:
		return sequence(n)
	case yaml.ScalarNode:
		return scalar(n)
	}
	return nil, fmt.Errorf("line %d: anchors and aliases are not for templates", n.Line)
}

func mapping(n *yaml.Node) (any, error) {
	m := make(object, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if _, twice := m[key.Value]; twice {
			return nil, fmt.Errorf("line %d: %s is given twice", key.Line, key.Value)
		}
		v, err := value(n.Content[i+1])
		if err != nil {
			return nil, err
		}
		m[key.Value] = v
	}
	return m, nil
}

func sequence(n *yaml.Node) (any, error) {
	list := make([]any, 0, len(n.Content))
	for _, c := range n.Content {
		v, err := value(c)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func scalar(n *yaml.Node) (any, error) {
	if n.Tag == "!!timestamp" {
		return n.Value, nil // 2012-10-17 without quotes is the name of a version
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, fmt.Errorf("line %d: %w", n.Line, err)
	}
	return v, nil
}

// intrinsic reads the short form of an intrinsic function. (AWS CloudFormation
// User Guide: "Intrinsic function reference".)
func intrinsic(n *yaml.Node, name string) (any, error) {
	plain := *n
	plain.Tag = ""
	if n.Kind == yaml.ScalarNode {
		plain.Tag = "!!str"
	}
	v, err := value(&plain)
	if err != nil {
		return nil, err
	}
	switch name {
	case "Ref", "Condition":
		return object{name: v}, nil
	case "GetAtt":
		if s, ok := v.(string); ok {
			resource, attribute, _ := strings.Cut(s, ".")
			v = []any{resource, attribute}
		}
	case "And", "Base64", "Cidr", "Equals", "FindInMap", "GetAZs", "If", "ImportValue", "Join", "Length",
		"Not", "Or", "Select", "Split", "Sub", "ToJsonString", "Transform":
	default:
		return nil, fmt.Errorf("line %d: !%s is not a function of CloudFormation", n.Line, name)
	}
	return object{"Fn::" + name: v}, nil
}
