package outline

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"path"
	"strings"

	"go.yaml.in/yaml/v4"

	"dialtone/events/schema"
)

// files are the schema files read so far, by name.
type files map[string]*yaml.Node

// open reads a schema file once. JSON is read as the YAML that it also is,
// because that keeps the order of members.
func (f files) open(file string) (part, error) {
	if f[file] != nil {
		return part{f[file], file, f}, nil
	}
	raw, err := fs.ReadFile(schema.Files(), file)
	if err != nil {
		return part{}, fmt.Errorf("open schema: %w", err)
	}
	var n yaml.Node
	if err := yaml.Unmarshal(raw, &n); err != nil {
		return part{}, fmt.Errorf("read schema %s: %w", file, err)
	}
	if len(n.Content) != 1 {
		return part{}, errors.New("read schema " + file + ": it is empty")
	}
	f[file] = n.Content[0]
	return part{n.Content[0], file, f}, nil
}

// part is a place in a schema file; the zero value is nowhere.
type part struct {
	node  *yaml.Node
	file  string
	files files // where references lead
}

// at returns the member of that name as it stands, or nowhere.
func (s part) at(name string) part {
	for n, member := range s.members() {
		if n == name {
			return member
		}
	}
	return part{}
}

// resolve returns the member of that name, of the place or of what it refers to.
func (s part) resolve(name string) part {
	for s.node != nil {
		if own := s.at(name); own.node != nil {
			return own
		}
		s = s.follow()
	}
	return part{}
}

// text is the scalar that resolve finds; "" if there is none.
func (s part) text(name string) string {
	if found := s.resolve(name); found.node != nil {
		return found.node.Value
	}
	return ""
}

// name is the last element of the reference that leads to an object.
func (s part) name() string {
	name := ""
	for s.node != nil && s.at("properties").node == nil {
		name, s = path.Base(s.at("$ref").node.Value), s.follow()
	}
	return name
}

// follow returns what the place refers to, or nowhere. Schemas that refer to
// nothing do not compile, which the tests of validate would say.
func (s part) follow() part {
	ref := s.at("$ref")
	if ref.node == nil {
		return part{}
	}
	file, pointer, _ := strings.Cut(ref.node.Value, "#")
	to, err := s.files.open(cmp.Or(file, s.file))
	if err != nil {
		return part{}
	}
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		if name != "" {
			to = to.at(name)
		}
	}
	return to
}

func (s part) members() iter.Seq2[string, part] {
	return func(yield func(string, part) bool) {
		if s.node == nil || s.node.Kind != yaml.MappingNode {
			return
		}
		for i := 0; i+1 < len(s.node.Content); i += 2 {
			if !yield(s.node.Content[i].Value, part{s.node.Content[i+1], s.file, s.files}) {
				return
			}
		}
	}
}

func (s part) elements() []*yaml.Node {
	if s.node == nil || s.node.Kind != yaml.SequenceNode {
		return nil
	}
	return s.node.Content
}
