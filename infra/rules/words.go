package rules

import (
	"bytes"
	"regexp"
)

func unfinished(t *Tree) []Violation {
	// In two parts, so that the rule does not find itself.
	return t.find(regexp.MustCompile(`\b(TO`+`DO|FIX`+`ME)\b`), "is a mark of unfinished work", "finish it, or write the gap down where users look")
}

// registries finds hosts of package and image registries: which one a build uses
// is up to its surroundings.
func registries(t *Tree) []Violation {
	return t.find(regexp.MustCompile(`(?i)`+
		`\b(?:registry(?:-\w+)?|goproxy|proxy|sum|pypi|npm|mirrors?|artifactory|nexus|index)(?:\.[a-z0-9-]+)+\.(?:com|org|net|io|dev|cn)\b`+
		`|\b(?:pypi|npmjs|pythonhosted|rubygems|crates|goproxy)\.(?:org|com|io|cn)\b`+
		`|\b(?:docker|ghcr|gcr|quay)\.io\b`+
		`|\bpublic\.ecr\.aws\b|\.dkr\.ecr\.`+
		`|\bGOPROXY\s*[:?]?=\s*["']?https?:`+
		`|--(?:index-url|registry)[= ]\S*https?:`),
		"names a registry", "leave it to the settings of whoever builds")
}

// find returns a violation for each line that the pattern matches, with the
// match before what.
func (t *Tree) find(pattern *regexp.Regexp, what, mend string) []Violation {
	var all []Violation
	for _, f := range t.texts {
		line := 0
		for l := range bytes.Lines(f.body) {
			line++
			if m := pattern.Find(l); m != nil {
				all = append(all, Violation{f.path, line, string(m) + " " + what, mend})
			}
		}
	}
	return all
}
