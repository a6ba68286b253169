package sqlitefile

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// maxGroup is the number of operations that share one commit at most.
const maxGroup = 128

// Write runs fn on the writer goroutine and returns nil only when what fn did
// is durable. If fn returns an error or panics (a [*PanicError]), its changes
// alone are rolled back and Write returns that error, after the commit of the
// operations whose changes fn may have seen.
//
// When ctx ends before fn began, Write returns the error of ctx at once and fn
// never runs. Once fn has begun, Write waits for the outcome, whatever ctx
// does: an error of ctx always means that nothing was written. fn is not told
// about ctx; it should be short.
//
// fn may run again if the group that it was in broke for another reason (a
// full disk, for example), so its only effects besides tx should be plain
// assignments to variables of the caller. It must not call Write itself.
//
// If the commit fails, nothing of the group stands and every operation of it
// gets the error, which matches [ErrFull] or [ErrBusy] if that is the cause.
// After an input/output error the disk is in doubt: read again before acting.
func (f *File) Write(ctx context.Context, fn func(tx *Tx) error) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	o := &operation{fn: fn, done: make(chan struct{})}
	if err := f.writer.enqueue(o); err != nil {
		return fmt.Errorf("write %s: %w", f.path, err)
	}
	select {
	case <-o.done:
	case <-ctx.Done():
		if o.state.CompareAndSwap(waiting, abandoned) {
			return fmt.Errorf("write %s: %w", f.path, ctx.Err())
		}
		<-o.done
	}
	return o.err
}

const (
	waiting   int32 = iota // in the queue
	begun                  // its outcome will be reported
	abandoned              // its caller has gone, it must not run
)

// operation is one call of Write. err, topics are the writer's until done closes.
type operation struct {
	fn     func(*Tx) error
	state  atomic.Int32
	err    error
	topics []string
	done   chan struct{}
}

// begin reports whether the operation is to be run (possibly again).
func (o *operation) begin() bool {
	return o.state.CompareAndSwap(waiting, begun) || o.state.Load() == begun
}

func (o *operation) finish(err error) {
	o.err = err
	close(o.done)
}

// writer owns the only connection that writes.
type writer struct {
	db       *sql.DB
	tx       Tx
	poll     time.Duration
	polled   time.Time
	version  int64 // PRAGMA data_version when polled
	watches  watches
	wake     chan struct{} // holds one token: look at the queue again
	finished chan struct{}

	mu     sync.Mutex
	queue  []*operation
	closed bool
}

func startWriter(ctx context.Context, db *sql.DB, poll time.Duration) (*writer, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{
		db:       db,
		tx:       Tx{conn: conn, statements: make(map[string]*sql.Stmt)},
		poll:     poll,
		wake:     make(chan struct{}, 1),
		finished: make(chan struct{}),
	}
	if w.version, err = w.dataVersion(); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	go w.run()
	return w, nil
}

func (w *writer) enqueue(o *operation) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	w.queue = append(w.queue, o)
	w.nudge()
	return nil
}

func (w *writer) nudge() {
	select {
	case w.wake <- struct{}{}:
	default: // a token is there already
	}
}

func (w *writer) stop() error {
	w.mu.Lock()
	w.closed = true
	w.nudge()
	w.mu.Unlock()
	<-w.finished
	w.watches.close()
	return errors.Join(w.tx.conn.Close(), w.db.Close())
}

func (w *writer) run() {
	defer close(w.finished)
	for {
		timer := w.pollForeign()
		group, closed := w.take()
		if len(group) > 0 {
			w.commit(group)
			continue
		}
		if closed {
			return
		}
		select {
		case <-w.wake:
		case <-timer:
		}
	}
}

func (w *writer) take() (group []*operation, closed bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := min(len(w.queue), maxGroup)
	group = w.queue[:n:n]
	w.queue = w.queue[n:]
	if len(w.queue) == 0 {
		w.queue = nil
	}
	return group, w.closed
}

// commit makes a group durable. An operation that brings the whole transaction
// down is dropped with its error and the others start over.
func (w *writer) commit(group []*operation) {
	for len(group) > 0 {
		group = w.attempt(group)
	}
}

// attempt runs a group in one transaction and returns those to run again.
// Outcomes are told only after the commit, failures too: a failed operation
// may have decided on what an earlier one of the group wrote.
func (w *writer) attempt(group []*operation) (again []*operation) {
	if err := w.exec("BEGIN IMMEDIATE"); err != nil {
		finishAll(group, fmt.Errorf("begin write: %w", err))
		return nil
	}
	var ran []*operation
	for i, o := range group {
		if !o.begin() {
			continue
		}
		if !w.runOne(o) {
			w.rollback()
			o.finish(o.err)
			return append(ran, group[i+1:]...)
		}
		ran = append(ran, o)
	}
	if err := w.exec("COMMIT"); err != nil {
		w.rollback()
		finishAll(ran, fmt.Errorf("commit write: %w", err))
		return nil
	}
	for _, o := range ran {
		w.watches.notify(o.topics)
		o.finish(o.err)
	}
	return nil
}

func finishAll(group []*operation, err error) {
	for _, o := range group {
		if o.begin() {
			o.finish(err)
		}
	}
}

// runOne runs one operation in a savepoint and leaves its outcome in o. It
// returns false if the whole transaction is gone: SQLite rolls it back by
// itself on some errors (https://www.sqlite.org/lang_transaction.html).
func (w *writer) runOne(o *operation) bool {
	o.topics = nil
	if o.err = w.exec("SAVEPOINT operation"); o.err != nil {
		return false
	}
	o.err = w.call(o.fn)
	if o.err == nil {
		o.err = w.exec("RELEASE operation")
	}
	if o.err == nil {
		o.topics, w.tx.topics = w.tx.topics, nil
		return true
	}
	w.tx.topics = nil
	return w.exec("ROLLBACK TO operation") == nil && w.exec("RELEASE operation") == nil
}

func (w *writer) call(fn func(*Tx) error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = &PanicError{Value: v, Stack: debug.Stack()}
		}
	}()
	return fn(&w.tx)
}

func (w *writer) exec(statement string) error {
	_, err := w.tx.Exec(statement)
	return err
}

// rollback ends whatever transaction is left; that there is none is fine.
func (w *writer) rollback() { _ = w.exec("ROLLBACK") }
