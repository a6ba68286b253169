package sqlite

import (
	"path/filepath"
	"strings"
	"testing"

	"dialtone/shared/sqlitefile"
)

// No query may read a table from end to end or sort what it found: a ledger of
// a hundred thousand users must cost what one of a thousand costs.
func TestNoQueryScans(t *testing.T) {
	file, err := sqlitefile.Open(t.Context(), filepath.Join(t.TempDir(), "dialtone.db"), sqlitefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := New(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	for query, index := range map[string]string{
		queryGet:        "sqlite_autoindex_ledger_items_1 (kind=? AND id=?)",
		queryPut:        "ledger_items_by_seq", // for the next number
		queryList:       "ledger_items_by_list (idx=? AND (sort,kind,id)>(?,?,?) AND sort<?)",
		queryChanges:    "ledger_items_by_seq (seq>?)",
		queryCursor:     "sqlite_autoindex_ledger_cursors_1 (name=?)",
		querySaveCursor: "",
		queryPurge:      "ledger_items_by_expiry (expires<?)",
		queryRequests:   "COVERING INDEX ledger_items_by_state (kind=? AND state>?)",
		queryNumbers:    "COVERING INDEX ledger_items_by_state (kind=? AND state>?)",
	} {
		plan := explain(t, file, query)
		if !strings.Contains(plan, index) {
			t.Errorf("%s\ndoes not use %s:\n%s", query, index, plan)
		}
		if strings.Contains(plan, "SCAN ledger") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s\nscans or sorts:\n%s", query, plan)
		}
	}
}

func explain(t *testing.T, file *sqlitefile.File, query string) string {
	t.Helper()
	args := make([]any, strings.Count(query, "?"))
	for i := range args {
		args[i] = 1
	}
	var plan strings.Builder
	err := file.Write(t.Context(), func(tx *sqlitefile.Tx) error { // readers may not explain a write
		rows, err := tx.Query("EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				return err
			}
			plan.WriteString(detail + "\n")
		}
		return rows.Err()
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan.String()
}
