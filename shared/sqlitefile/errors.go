package sqlitefile

import (
	"errors"
	"fmt"
	"io/fs"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What can be wrong with a file. Errors of this package match one of them with
// errors.Is and keep SQLite's own words as well.
var (
	// ErrNotDatabase: the file is something else, or its content is damaged.
	ErrNotDatabase = errors.New("not a usable SQLite database")
	// ErrReadOnly: the file or its folder cannot be written to. WAL needs both.
	ErrReadOnly = errors.New("file or folder cannot be opened for writing")
	// ErrFull: no space is left for the file.
	ErrFull = errors.New("disk is full")
	// ErrBusy: another process held the file for longer than the busy timeout.
	ErrBusy = errors.New("file is busy in another process")
	// ErrClosed: the file was closed before the operation began.
	ErrClosed = errors.New("file is closed")
	// ErrInUse: another process holds the run lock. The error is an [*InUseError].
	ErrInUse = errors.New("file is in use by another run")
)

// InUseError is an [ErrInUse] that knows the owner. Used by pointer.
type InUseError struct {
	Path string // of the lock file
	PID  int    // of the process that holds it; 0: unknown
}

// Error names the lock and its owner.
func (e *InUseError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("%v: %s is locked", ErrInUse, e.Path)
	}
	return fmt.Sprintf("%v: process %d holds %s", ErrInUse, e.PID, e.Path)
}

// Is makes errors.Is(err, ErrInUse) true.
func (*InUseError) Is(target error) bool { return target == ErrInUse }

// NewerSchemaError reports a file that a later program has migrated further
// than this one knows. Used by pointer.
type NewerSchemaError struct {
	Schema      string // name given to Migrate
	Have, Known int    // steps applied to the file, steps this program has
}

// Error says which version is needed.
func (e *NewerSchemaError) Error() string {
	return fmt.Sprintf("schema %s of the file is at version %d, this program knows up to %d: a newer program is needed", e.Schema, e.Have, e.Known)
}

// PanicError is a panic of a write operation. Used by pointer.
type PanicError struct {
	Value any
	Stack []byte // of the goroutine that panicked, for the log
}

// Error gives the value of the panic.
func (e *PanicError) Error() string { return fmt.Sprintf("write operation panicked: %v", e.Value) }

// classify adds the sentinel that fits to an error of SQLite or of the system.
func classify(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	e, ok := errors.AsType[*sqlite.Error](err)
	if !ok {
		return err
	}
	switch e.Code() & 0xff { // the rest of an extended code is detail
	case sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%w: %w", ErrNotDatabase, err)
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return fmt.Errorf("%w: %w", ErrReadOnly, err)
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", ErrFull, err)
	case sqlite3.SQLITE_BUSY:
		return fmt.Errorf("%w: %w", ErrBusy, err)
	}
	return err
}
