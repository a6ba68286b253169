package sqlite_test

import (
	"path/filepath"
	"testing"

	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/ledger/sqlite"
	"dialtone/shared/sqlitefile"
)

// open returns the store of a new file.
func open(t *testing.T) *sqlite.Store {
	t.Helper()
	store, _ := openFile(t, filepath.Join(t.TempDir(), "dialtone.db"))
	return store
}

func openFile(t *testing.T, path string) (*sqlite.Store, *sqlitefile.File) {
	t.Helper()
	file, err := sqlitefile.Open(t.Context(), path, sqlitefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := file.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	store, err := sqlite.New(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	return store, file
}

// One file serves all tests of the suite, as one table does on AWS. The whole of
// it runs with the tag prove.
func TestConformance(t *testing.T) {
	store := open(t)
	ledgertest.Options{Brief: brief}.Run(t, func(*testing.T) ledger.Store { return store })
}
