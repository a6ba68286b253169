package queue

import (
	"path/filepath"
	"strings"
	"testing"

	"dialtone/shared/sqlitefile"
)

// What a send, a receive or an end of a message costs must not grow with the
// length of the queue: every query finds its rows by an index, in order.
func TestQueryPlans(t *testing.T) {
	t.Parallel()
	file, err := sqlitefile.Open(t.Context(), filepath.Join(t.TempDir(), "plan.db"), sqlitefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := Open(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	for name, query := range map[string]string{
		"next message":   nextMessage,
		"next group":     nextGroup,
		"take messages":  takeMessages,
		"take group":     takeFreeGroup,
		"take of group":  takeOfGroup,
		"front of group": frontOfGroup,
		"expired":        expired,
		"in flight":      inFlight,
		"of a receipt":   ofReceipt,
		"known":          known,
		"forget":         forget,
		"count visible":  countVisible,
		"count hidden":   countHidden,
		"count expired":  countExpired,
		"oldest kept":    oldestKept,
		"page":           pageAfter,
		"purgeable":      purgeable,
	} {
		t.Run(name, func(t *testing.T) {
			plan := explain(t, file, query)
			for line := range strings.Lines(plan) {
				scans := strings.HasPrefix(line, "SCAN") || strings.Contains(line, "TEMP B-TREE")
				keyed := strings.HasPrefix(line, "SEARCH") && (strings.Contains(line, "queue=?") || strings.Contains(line, "rowid=?") || strings.Contains(line, "dedup=?"))
				if scans || strings.HasPrefix(line, "SEARCH") && !keyed {
					t.Errorf("plan of %s:\n%s", query, plan)
				}
			}
			if !strings.Contains(plan, "SEARCH") {
				t.Errorf("no search in the plan:\n%s", plan)
			}
		})
	}
}

func explain(t *testing.T, file *sqlitefile.File, query string) string {
	t.Helper()
	arguments := make([]any, strings.Count(query, "?"))
	rows, err := file.Read().QueryContext(t.Context(), "EXPLAIN QUERY PLAN "+query, arguments...)
	if err != nil {
		t.Fatalf("%v: %s", err, query)
	}
	defer rows.Close()
	var plan strings.Builder
	for rows.Next() {
		var id, parent, unused int
		var detail string
		if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
			t.Fatal(err)
		}
		plan.WriteString(detail + "\n")
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return plan.String()
}

// FuzzReceipt: what is not made by String is not accepted.
func FuzzReceipt(f *testing.F) {
	for _, seed := range []string{"", "-", "1-", newReceipt(1).String(), "+1-000000000000000000000000", "01-000000000000000000000000"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, handle string) {
		if r, ok := parseReceipt(handle); ok && r.String() != handle {
			t.Errorf("%q was read as %q", handle, r)
		}
	})
}
