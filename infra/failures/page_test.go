package failures_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"dialtone/infra/failures"
	"dialtone/shared/command"
)

func TestPageIsUpToDate(t *testing.T) {
	t.Parallel()
	have, err := os.ReadFile(filepath.Join("..", "..", filepath.FromSlash(failures.File)))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(have, failures.Page()) {
		t.Errorf("%s is not what the list says: go generate ./infra/failures/generate", failures.File)
	}
}

// A command for subscriptions brings rows with it.
func TestUnmetCallsAreNotMade(t *testing.T) {
	t.Parallel()
	for _, typ := range []string{"dialtone.contacts.subscribe.v1", "dialtone.contacts.unsubscribe.v1", "dialtone.contacts.refresh.v1"} {
		if q := command.QueueOf(typ); q != "" {
			t.Errorf("%s is handled by %s: make sections of the rows of subscriptions in Unmet", typ, q)
		}
	}
}

// Every row tells the operator something, unless nothing is left to tell.
func TestRowsHaveWords(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, s := range failures.Sections() {
		for _, r := range s.Rows {
			name := s.Title + ": " + r.Call + " " + r.Name()
			if seen[name] {
				t.Errorf("%s is there twice", name)
			}
			seen[name] = true
			quiet := r.Once.Kind == failures.Done && r.Lasting.Kind == failures.Done && r.Left == ""
			if told := r.Words.Reason != "" && r.Words.Advice != "" && r.Words.Class != ""; told == quiet {
				t.Errorf("%s: words are %+v", name, r.Words)
			}
			if r.Means == "" || r.Once.Kind == "" || r.Lasting.Kind == "" {
				t.Errorf("%s is not complete: %+v", name, r)
			}
		}
	}
}
