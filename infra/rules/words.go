package rules

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

func unfinished(t *Tree) []Violation {
	marks := []string{"TO" + "DO", "FIX" + "ME"} // in two parts, so that the rule does not find itself
	return t.find(marks, regexp.MustCompile(`\b(`+strings.Join(marks, "|")+`)\b`), "is a mark of unfinished work", "finish it, or write the gap down where users look")
}

// registries finds hosts of package and image registries: which one a build uses
// is up to its surroundings.
func registries(t *Tree) []Violation {
	hints := []string{
		"registry", "proxy", "sum.", "pypi", "npm", "mirror", "artifactory", "nexus", "index", "pythonhosted",
		"rubygems", "crates", "docker.", "ghcr.", "gcr.", "quay.", "ecr.",
	}
	return t.find(hints, regexp.MustCompile(`(?i)`+
		`\b(?:registry(?:-\w+)?|goproxy|proxy|sum|pypi|npm|mirrors?|artifactory|nexus|index)(?:\.[a-z0-9-]+)+\.(?:com|org|net|io|dev|cn)\b`+
		`|\b(?:pypi|npmjs|pythonhosted|rubygems|crates|goproxy)\.(?:org|com|io|cn)\b`+
		`|\b(?:docker|ghcr|gcr|quay)\.io\b`+
		`|\bpublic\.ecr\.aws\b|\.dkr\.ecr\.`+
		`|\bGOPROXY\s*[:?]?=\s*["']?https?:`+
		`|--(?:index-url|registry)[= ]\S*https?:`),
		"names a registry", "leave it to the settings of whoever builds")
}

// find returns a violation for each line that the pattern matches, with the
// match before what. Only lines with one of the hints, in any case, are matched:
// the pattern is slow.
func (t *Tree) find(hints []string, pattern *regexp.Regexp, what, mend string) []Violation {
	var all []Violation
	for _, f := range t.texts {
		line := 0
		for l := range bytes.Lines(f.body) {
			line++
			if !hinted(l, hints) {
				continue
			}
			if m := pattern.Find(l); m != nil {
				all = append(all, Violation{f.path, line, string(m) + " " + what, mend})
			}
		}
	}
	return all
}

func hinted(line []byte, hints []string) bool {
	lower := bytes.ToLower(line)
	return slices.ContainsFunc(hints, func(h string) bool { return bytes.Contains(lower, bytes.ToLower([]byte(h))) })
}
