package sqlitefile_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"dialtone/shared/sqlitefile"
)

func open(t *testing.T, path string, options sqlitefile.Options) *sqlitefile.File {
	t.Helper()
	f, err := sqlitefile.Open(t.Context(), path, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return f
}

// openWords opens a new file with one table, words.
func openWords(t *testing.T) *sqlitefile.File {
	t.Helper()
	f := open(t, filepath.Join(t.TempDir(), "words.db"), sqlitefile.Options{})
	if err := f.Migrate(t.Context(), "words", []string{`CREATE TABLE words (word TEXT PRIMARY KEY) STRICT`}); err != nil {
		t.Fatal(err)
	}
	return f
}

func add(f *sqlitefile.File, word string) error {
	return f.Write(context.Background(), func(tx *sqlitefile.Tx) error {
		_, err := tx.Exec(`INSERT INTO words VALUES (?)`, word)
		return err
	})
}

func words(t *testing.T, f *sqlitefile.File) (list string) {
	t.Helper()
	err := f.Read().QueryRowContext(t.Context(), `SELECT coalesce(group_concat(word, ' ' ORDER BY word), '') FROM words`).Scan(&list)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestOpenReportsEveryBadOption(t *testing.T) {
	t.Parallel()
	_, err := sqlitefile.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"),
		sqlitefile.Options{Readers: -1, BusyTimeout: -1, Poll: -1})
	for _, word := range []string{"readers", "busy timeout", "poll"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("error does not name %q: %v", word, err)
		}
	}
}

func TestOpenDurableSettings(t *testing.T) {
	t.Parallel()
	f := openWords(t)
	err := f.Write(t.Context(), func(tx *sqlitefile.Tx) error {
		for pragma, want := range map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1"} {
			var got string
			if err := tx.QueryRow("PRAGMA " + pragma).Scan(&got); err != nil {
				return err
			}
			if got != want {
				t.Errorf("%s is %s, want %s", pragma, got, want)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Read().ExecContext(t.Context(), `DELETE FROM words`); err == nil {
		t.Error("a reader could write")
	}
	if runtime.GOOS == "windows" {
		return
	}
	for _, suffix := range []string{"", "-wal", ".lock"} {
		info, err := os.Stat(f.Path() + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("mode of %q is %v", suffix, info.Mode())
		}
	}
}

func TestOpenOddPath(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b#c%20?d&e.db")
	if runtime.GOOS == "windows" {
		path = filepath.Join(t.TempDir(), "a b#c%20&e.db")
	}
	open(t, path, sqlitefile.Options{})
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestOpenErrors(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, bytes.Repeat([]byte("this is no database\n"), 500), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path string
		options    sqlitefile.Options
		want       error
	}{
		{"text file", text, sqlitefile.Options{}, sqlitefile.ErrNotDatabase},
		{"folder", dir, sqlitefile.Options{}, sqlitefile.ErrReadOnly},
		{"no folder", filepath.Join(dir, "no", "x.db"), sqlitefile.Options{}, fs.ErrNotExist},
		{"must exist", filepath.Join(dir, "x.db"), sqlitefile.Options{MustExist: true}, fs.ErrNotExist},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := sqlitefile.Open(t.Context(), test.path, test.options)
			if !errors.Is(err, test.want) {
				t.Errorf("got %v, want %v", err, test.want)
			}
			if err != nil && !strings.Contains(err.Error(), test.path) {
				t.Errorf("error does not name the path: %v", err)
			}
		})
	}
	if _, err := os.Stat(filepath.Join(dir, "x.db")); err == nil {
		t.Error("MustExist created the file")
	}
}

// Many first openers meet while the file is being created and switched to WAL.
func TestOpenAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			f, err := sqlitefile.Open(t.Context(), path, sqlitefile.Options{})
			if err != nil {
				t.Errorf("opener %d: %v", i, err)
				return
			}
			defer f.Close()
			if err := f.Migrate(t.Context(), "x", []string{`CREATE TABLE x (a)`, `CREATE TABLE y (a)`}); err != nil {
				t.Errorf("opener %d: %v", i, err)
			}
		})
	}
	group.Wait()
}

func TestMigrate(t *testing.T) {
	t.Parallel()
	f := openWords(t)
	if err := add(f, "kept"); err != nil {
		t.Fatal(err)
	}
	two := []string{`CREATE TABLE words (word TEXT PRIMARY KEY) STRICT`, `ALTER TABLE words ADD COLUMN length INTEGER`}
	for range 2 { // the second time there is nothing to do
		if err := f.Migrate(t.Context(), "words", two); err != nil {
			t.Fatal(err)
		}
	}
	if got := words(t, f); got != "kept" {
		t.Errorf("after the migration: %q", got)
	}
	err := f.Migrate(t.Context(), "words", two[:1])
	newer, ok := errors.AsType[*sqlitefile.NewerSchemaError](err)
	if !ok || newer.Schema != "words" || newer.Have != 2 || newer.Known != 1 {
		t.Errorf("an older program got %v", err)
	}
	broken := []string{`CREATE TABLE other (a)`, `CREATE TABLE broken (`}
	if err := f.Migrate(t.Context(), "other", broken); err == nil || !strings.Contains(err.Error(), "step 2") {
		t.Errorf("broken step: %v", err)
	}
	if err := f.Migrate(t.Context(), "other", broken[:1]); err != nil {
		t.Errorf("half a migration was left: %v", err)
	}
}

func TestRunLock(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "x.db")
	owner := open(t, path, sqlitefile.Options{Exclusive: true})
	_, err := sqlitefile.Open(t.Context(), path, sqlitefile.Options{Exclusive: true})
	inUse, ok := errors.AsType[*sqlitefile.InUseError](err)
	if !ok || !errors.Is(err, sqlitefile.ErrInUse) || inUse.PID != os.Getpid() {
		t.Errorf("second owner: %v", err)
	}
	open(t, path, sqlitefile.Options{}) // a guest is welcome
	if err := owner.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, path, sqlitefile.Options{Exclusive: true})
}

const childPath = "SQLITEFILE_TEST_CHILD"

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		if err := child(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child is another process that adds one word to a file that is in use.
func child(path string) error {
	_, err := sqlitefile.Open(context.Background(), path, sqlitefile.Options{Exclusive: true})
	if !errors.Is(err, sqlitefile.ErrInUse) {
		return fmt.Errorf("run lock of the parent: %w", err)
	}
	f, err := sqlitefile.Open(context.Background(), path, sqlitefile.Options{MustExist: true})
	if err != nil {
		return err
	}
	return errors.Join(add(f, "child"), f.Close())
}

func TestOtherProcess(t *testing.T) {
	t.Parallel()
	f := open(t, filepath.Join(t.TempDir(), "x.db"), sqlitefile.Options{Exclusive: true})
	if err := f.Migrate(t.Context(), "words", []string{`CREATE TABLE words (word TEXT PRIMARY KEY)`}); err != nil {
		t.Fatal(err)
	}
	changed, stop := f.Watch("any topic")
	defer stop()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), childPath+"="+f.Path())
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("child: %v: %s", err, out)
	}
	<-changed // never, if polling is broken: the test then times out
	if got := words(t, f); got != "child" {
		t.Errorf("words are %q", got)
	}
}
