package reference_test

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"dialtone/events/reference"
	"dialtone/events/schema"
	"dialtone/events/schema/outline"
)

// built is the page, made once.
var built = sync.OnceValues(reference.Build)

func build(t *testing.T) string {
	t.Helper()
	page, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestPageIsUpToDate(t *testing.T) {
	have, err := os.ReadFile("../../" + reference.File)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != build(t) {
		t.Errorf("%s is out of date: go generate ./events/generate", reference.File)
	}
}

// TestPageHasEveryField looks for a row of each field below the heading of each
// message.
func TestPageHasEveryField(t *testing.T) {
	page := build(t)
	for _, typ := range slices.Concat(schema.Commands(), schema.Outcomes(), schema.Notices()) {
		_, chapter, found := strings.Cut(page, "\n### "+typ+"\n")
		if !found {
			t.Errorf("no chapter %s", typ)
		}
		chapter, _, _ = strings.Cut(chapter, "\n#")
		m, err := outline.Message(typ)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range m.Fields {
			row := regexp.MustCompile("(?m)^\\| `" + f.Name + "` \\|.*$").FindString(chapter)
			if cells := strings.Count(strings.ReplaceAll(row, `\|`, ""), "|"); cells != 7 {
				t.Errorf("%s: row of %s: %q", typ, f.Name, row)
			}
			if f.Form.Part == "" && strings.HasSuffix(row, "|  |") {
				t.Errorf("%s: %s has no example", typ, f.Name)
			}
		}
		if !strings.Contains(chapter, "```json") {
			t.Errorf("%s shows no sample", typ)
		}
	}
}

// TestLinksLeadSomewhere follows links into the page and to files.
func TestLinksLeadSomewhere(t *testing.T) {
	page := build(t)
	headings := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		headings["#"+strings.NewReplacer(" ", "-", ".", "").Replace(strings.ToLower(m[1]))] = true
	}
	links := regexp.MustCompile(`\]\(([^)]+)\)`).FindAllStringSubmatch(page, -1)
	for _, m := range links {
		link := m[1]
		if strings.HasPrefix(link, "#") {
			if !headings[link] {
				t.Errorf("no heading for %s", link)
			}
			continue
		}
		if _, err := os.Stat("../../infra/docs/" + link); err != nil {
			t.Error(err)
		}
	}
	if len(links) < 30 {
		t.Errorf("%d links", len(links))
	}
}
