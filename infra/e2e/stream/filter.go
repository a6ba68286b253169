package stream

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// Filter is an event pattern of an event source mapping.
type Filter struct{ pattern map[string]any }

// ParseFilter reads a pattern. Of the comparisons it knows equality, prefix and
// exists, and refuses others.
func ParseFilter(pattern string) (Filter, error) {
	var f Filter
	if err := json.Unmarshal([]byte(pattern), &f.pattern); err != nil {
		return f, fmt.Errorf("read filter pattern: %w", err)
	}
	if err := check(f.pattern); err != nil {
		return f, fmt.Errorf("read filter pattern: %w", err)
	}
	return f, nil
}

func check(pattern map[string]any) error {
	var problems []error
	for name, v := range pattern {
		switch v := v.(type) {
		case map[string]any:
			problems = append(problems, check(v))
		case []any:
			for _, rule := range v {
				problems = append(problems, checkRule(name, rule))
			}
		default:
			problems = append(problems, fmt.Errorf("%s is neither a mapping nor a list", name))
		}
	}
	return errors.Join(problems...)
}

func checkRule(name string, rule any) error {
	comparison, ok := rule.(map[string]any)
	if !ok {
		return nil
	}
	_, isPrefix := comparison["prefix"].(string)
	_, isExists := comparison["exists"].(bool)
	if len(comparison) != 1 || !isPrefix && !isExists {
		return fmt.Errorf("comparison %v of %s is not known here", comparison, name)
	}
	return nil
}

// Match reports whether a record passes.
func (f Filter) Match(r Record) bool {
	raw, err := json.Marshal(r)
	var v map[string]any
	if err != nil || json.Unmarshal(raw, &v) != nil {
		return false
	}
	return matches(f.pattern, v)
}

// matches wants every name of the pattern to hold. A name that is not there
// holds only where that is asked for.
func matches(pattern, v map[string]any) bool {
	for name, want := range pattern {
		switch want := want.(type) {
		case map[string]any:
			below, _ := v[name].(map[string]any)
			if !matches(want, below) {
				return false
			}
		case []any:
			got, found := v[name]
			if !anyRule(want, got, found) {
				return false
			}
		}
	}
	return true
}

func anyRule(rules []any, got any, found bool) bool {
	for _, rule := range rules {
		comparison, ok := rule.(map[string]any)
		if !ok {
			if found && got == rule {
				return true
			}
			continue
		}
		if exists, ok := comparison["exists"].(bool); ok && exists == found {
			return true
		}
		prefix, isPrefix := comparison["prefix"].(string)
		if text, isText := got.(string); isPrefix && isText && strings.HasPrefix(text, prefix) {
			return true
		}
	}
	return false
}
