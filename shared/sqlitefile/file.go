// Package sqlitefile keeps a program's state in one durable SQLite file that
// several packages and several processes share.
//
// Every write of a process goes through one goroutine, which commits up to 128
// waiting operations at once: a commit costs a disk sync, and callers that wait
// together can share it. Each operation runs inside its own savepoint, so one
// that fails takes nothing else with it. Readers have connections of their own
// and never wait for the writer.
//
// The file is in WAL mode with synchronous=FULL: what was acknowledged survives
// a killed process and a power cut, as far as the disk keeps its word on a
// sync. WAL needs shared memory between its users, so the file must be on a
// local disk, not on a network share.
package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
)

// Options says how to open a file. The zero value is ready for use.
type Options struct {
	// Exclusive takes the run lock next to the file (path + ".lock") until
	// Close, or fails with an error that matches [ErrInUse]. It keeps a second
	// exclusive owner out, not processes that open the file without it.
	Exclusive bool

	// MustExist refuses to create the file; the error of Open then matches
	// [fs.ErrNotExist].
	MustExist bool

	// Readers is the number of connections for reading. Zero: 4.
	Readers int

	// BusyTimeout is how long a commit waits for another process to finish
	// its own. Zero: 5 s.
	BusyTimeout time.Duration

	// Poll is how often commits of other processes are looked for while
	// somebody watches. Zero: 100 ms.
	Poll time.Duration
}

func (o Options) withDefaults() (Options, error) {
	var problems []error
	if o.Readers < 0 {
		problems = append(problems, fmt.Errorf("readers: %d is negative", o.Readers))
	}
	if o.BusyTimeout < 0 {
		problems = append(problems, fmt.Errorf("busy timeout: %s is negative", o.BusyTimeout))
	}
	if o.Poll < 0 {
		problems = append(problems, fmt.Errorf("poll: %s is negative", o.Poll))
	}
	if o.Readers == 0 {
		o.Readers = 4
	}
	if o.BusyTimeout == 0 {
		o.BusyTimeout = 5 * time.Second
	}
	if o.Poll == 0 {
		o.Poll = 100 * time.Millisecond
	}
	return o, errors.Join(problems...)
}

// File is an open file. It is safe for concurrent use.
type File struct {
	path    string
	lock    *runLock // nil unless exclusive
	readers *sql.DB
	writer  *writer
	close   func() error
}

// Open opens or creates the file at path, whose folder must exist. A new file
// is readable by its owner only. The errors match [ErrNotDatabase],
// [ErrReadOnly], [ErrFull], [ErrBusy], [ErrInUse] or [fs.ErrNotExist] where
// one of them is the cause. ctx bounds the opening only.
func Open(ctx context.Context, path string, options Options) (*File, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	path, err = filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	f := &File{path: path}
	f.close = sync.OnceValue(f.shut)
	if err := f.open(ctx, options); err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, classify(err)), f.Close())
	}
	return f, nil
}

func (f *File) open(ctx context.Context, options Options) error {
	create, err := f.prepareLock(options)
	if err != nil {
		return err
	}
	// The writer comes first: it creates the file and turns on WAL.
	db, err := openPool(dataSource(f.path, options, create, false), 1)
	if err != nil {
		return err
	}
	f.writer, err = startWriter(ctx, db, options.Poll)
	if err != nil {
		return errors.Join(err, db.Close())
	}
	f.readers, err = openPool(dataSource(f.path, options, false, true), options.Readers)
	if err != nil {
		return err
	}
	return f.readers.PingContext(ctx)
}

// prepareLock takes the run lock if asked to, and reports whether the database
// is to be created. The lock file is there then: a new database takes its
// permissions from it.
func (f *File) prepareLock(options Options) (create bool, err error) {
	_, err = os.Stat(f.path)
	create = errors.Is(err, fs.ErrNotExist) && !options.MustExist
	if err != nil && !create {
		return false, err
	}
	if !create && !options.Exclusive {
		return false, nil
	}
	lock, err := openLock(lockPath(f.path))
	if err != nil {
		return false, err
	}
	if !options.Exclusive {
		return create, lock.file.Close()
	}
	f.lock = lock
	return create, lock.acquire()
}

func lockPath(path string) string { return path + ".lock" }

// Path returns the absolute path of the file.
func (f *File) Path() string { return f.path }

// Read returns the connections for reading. Statements that write fail. A
// query sees every commit that returned before it began; a context that ends
// interrupts it.
func (f *File) Read() *sql.DB { return f.readers }

// Close finishes the writes that were already accepted, refuses new ones with
// [ErrClosed], wakes all watchers and gives up the run lock. Closing twice is
// harmless and returns the same error.
func (f *File) Close() error { return f.close() }

func (f *File) shut() error {
	var problems []error
	if f.readers != nil {
		problems = append(problems, f.readers.Close())
	}
	if f.writer != nil {
		problems = append(problems, f.writer.stop())
	}
	if f.lock != nil {
		problems = append(problems, f.lock.release())
	}
	return errors.Join(problems...)
}

func openPool(source string, size int) (*sql.DB, error) {
	connector, err := sqlite.NewConnector(source)
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(size)
	db.SetMaxIdleConns(size)
	return db, nil
}

// dataSource builds the URI of SQLite: https://www.sqlite.org/uri.html.
func dataSource(path string, options Options, create, readOnly bool) string {
	query := url.Values{"mode": {"rw"}}
	if create {
		query.Set("mode", "rwc")
		query.Set("modeof", lockPath(path)) // take its permissions
	}
	pragma := func(s string) { query.Add("_pragma", s) }
	pragma("busy_timeout(" + strconv.FormatInt(options.BusyTimeout.Milliseconds(), 10) + ")")
	if readOnly {
		pragma("query_only(1)")
	} else {
		pragma("journal_mode(WAL)")
		pragma("synchronous(FULL)")
		pragma("foreign_keys(1)")
		pragma("journal_size_limit(67108864)") // bytes of WAL kept after a checkpoint
	}
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed // C:/x becomes file:///C:/x
	}
	encoded := strings.ReplaceAll(query.Encode(), "+", "%20") // SQLite reads + as +
	return (&url.URL{Scheme: "file", Path: slashed, RawQuery: encoded}).String()
}
