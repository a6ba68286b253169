package template

import (
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	rootFolder   = "../.."
	templateFile = rootFolder + "/template.yaml"
)

func load(t *testing.T, file string) *Stack {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	s, err := Load(f, os.DirFS(rootFolder))
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return s
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	s := load(t, templateFile)
	for _, p := range append(Policies(), SourcePolicies()...) {
		t.Run(p.Name, func(t *testing.T) {
			t.Parallel()
			for _, v := range p.Check(s) {
				t.Error(v)
			}
		})
	}
}

// TestRendered runs with what validate.sh renders.
func TestRendered(t *testing.T) {
	t.Parallel()
	file := os.Getenv("RENDERED_TEMPLATE")
	if file == "" {
		t.Skip("RENDERED_TEMPLATE is not set: validate.sh sets it")
	}
	s := load(t, file)
	if !s.rendered() {
		t.Fatal("the template still has a Transform")
	}
	if written := load(t, templateFile); len(s.functions) != len(written.functions) || len(s.sources) != len(written.sources) {
		t.Errorf("rendered: %d functions and %d event sources, written: %d and %d",
			len(s.functions), len(s.sources), len(written.functions), len(written.sources))
	}
	for _, v := range Check(s) {
		t.Error(v)
	}
}

// clone copies a value of a template, so that it can be changed.
func clone(v any) any {
	switch v := v.(type) {
	case object:
		c := make(object, len(v))
		for key, e := range v {
			c[key] = clone(e)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, e := range v {
			c[i] = clone(e)
		}
		return c
	}
	return v
}

// change is a mistake in the template: a value at a path, or nothing there.
type change struct {
	path  string // keys, and places of lists, between slashes
	value any    // nil: removed
}

// set makes the change in v.
func set(t *testing.T, v any, c change) {
	t.Helper()
	keys := strings.Split(c.path, "/")
	for i, k := range keys {
		last := i == len(keys)-1
		switch m := v.(type) {
		case object:
			switch {
			case last && c.value == nil:
				if _, there := m[k]; !there {
					t.Fatalf("%s is not there, so its removal shows nothing", c.path)
				}
				delete(m, k)
			case last:
				m[k] = c.value
			default:
				v = m[k]
			}
		case []any:
			at, err := strconv.Atoi(k)
			if err != nil || at >= len(m) {
				t.Fatalf("%s: no place %s", c.path, k)
			}
			if last {
				m[at] = c.value
			}
			v = m[at]
		default:
			t.Fatalf("%s: nothing at %s", c.path, k)
		}
	}
}

func TestPoliciesFindMistakes(t *testing.T) {
	t.Parallel()
	right := load(t, templateFile)
	missed := map[string]bool{}
	for _, p := range append(Policies(), SourcePolicies()...) {
		missed[p.Name] = p.Name != "variables are those that functions read" // see TestVariables
	}
	for _, c := range mistakes() {
		delete(missed, c.policy)
		t.Run(c.policy+"/"+c.path, func(t *testing.T) {
			t.Parallel()
			root := clone(right.root).(object)
			set(t, root, c.change)
			got := violations(newStack(root, right.tree), c.policy)
			if !slices.ContainsFunc(got, func(v Violation) bool { return strings.Contains(v.String(), c.want) }) {
				t.Errorf("got %v, want one with %q", got, c.want)
			}
		})
	}
	maps.DeleteFunc(missed, func(_ string, still bool) bool { return !still })
	if len(missed) > 0 {
		t.Errorf("no mistake shows that these can fail: %v", slices.Sorted(maps.Keys(missed)))
	}
}

// violations runs one policy.
func violations(s *Stack, policy string) []Violation {
	for _, p := range append(Policies(), SourcePolicies()...) {
		if p.Name == policy {
			return p.Check(s)
		}
	}
	return nil
}
