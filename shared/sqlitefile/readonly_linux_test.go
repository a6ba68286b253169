package sqlitefile_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"dialtone/shared/sqlitefile"
)

// unprivileged drops root's power over files for the calling thread.
func unprivileged(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	runtime.LockOSThread() // never unlocked: the thread ends with the test
	if err := syscall.Setfsuid(65534); err != nil {
		t.Fatal(err)
	}
}

func TestOpenReadOnlyFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	existing := open(t, filepath.Join(dir, "old.db"), sqlitefile.Options{})
	if err := errors.Join(existing.Close(), os.Chmod(existing.Path(), 0o444), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o700) })
	done := make(chan struct{})
	go func() {
		defer close(done)
		unprivileged(t)
		for _, name := range []string{"old.db", "new.db"} {
			_, err := sqlitefile.Open(t.Context(), filepath.Join(dir, name), sqlitefile.Options{})
			if !errors.Is(err, sqlitefile.ErrReadOnly) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}()
	<-done
}
