// Package queuetest is the conformance suite for queues with the semantics of
// Amazon SQS. What it asks for can be said over the SQS API, so the same rows
// run on the SQLite queue, on SQS and on emulators of it.
package queuetest

import (
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Config describes a queue to create. The zero value, with a Name, is a
// standard queue with a visibility timeout of 30 s.
type Config struct {
	Name         string // ends in ".fifo" for a FIFO queue
	Visibility   int    // seconds; 0: 30
	Delay        int    // seconds
	Retention    int    // seconds; 0: 4 days
	MaxReceives  int    // with DeadLetter; 0: none
	DeadLetter   string // name of a queue created before
	ContentDedup bool
	MaxBytes     int // 0: 256 KiB
}

// Broker creates queues.
type Broker interface {
	Create(ctx context.Context, c Config) (Queue, error)
}

// Queue is what the suite needs of a queue. Errors that the queue answers with
// carry an SQS error code (see [Subject]). Batches are matched by position.
type Queue interface {
	// Send adds a message and returns once it is durable.
	Send(ctx context.Context, m Outgoing) (Sent, error)
	// SendBatch adds 1 to 10 messages and answers in their order.
	SendBatch(ctx context.Context, messages []Outgoing) ([]SendOutcome, error)
	// Receive waits up to wait seconds; visibility in seconds, 0: the queue's.
	Receive(ctx context.Context, limit, wait, visibility int) ([]Received, error)
	// Delete removes a received message for good.
	Delete(ctx context.Context, receipt string) error
	// DeleteBatch answers each receipt in its order; nil is deleted.
	DeleteBatch(ctx context.Context, receipts []string) ([]error, error)
	// ChangeVisibility hides a message in flight for so many seconds from now.
	ChangeVisibility(ctx context.Context, receipt string, seconds int) error
	// ChangeVisibilityBatch does so for several and answers in their order.
	ChangeVisibilityBatch(ctx context.Context, receipts []string, seconds int) ([]error, error)
	// Counts counts visible, in-flight and delayed messages.
	Counts(ctx context.Context) (Counts, error)
	// Purge removes all messages.
	Purge(ctx context.Context) error
	// Redrive moves all messages of this dead-letter queue back to their source
	// and returns when they are there.
	Redrive(ctx context.Context) error
}

// Attribute is a message attribute.
type Attribute struct {
	DataType    string
	StringValue string
	BinaryValue []byte
}

// Outgoing is a message to send. Delay is in seconds; 0: the queue's.
type Outgoing struct {
	Body           string
	Attributes     map[string]Attribute
	Group, DedupID string
	Delay          int
}

// Sent answers a send.
type Sent struct{ ID, Sequence string }

// SendOutcome answers one message of a batch.
type SendOutcome struct {
	Sent
	Err error
}

// Received is a message in flight. Times have milliseconds.
type Received struct {
	ID, Receipt, Body, Group, DedupID, Sequence string
	Attributes                                  map[string]Attribute
	ReceiveCount                                int
	SentAt, FirstReceivedAt                     time.Time
}

// Counts are the approximate numbers of messages.
type Counts struct{ Visible, InFlight, Delayed int }

// Subject is an implementation under test.
type Subject struct {
	// Open returns a broker for one row. What it opens is closed by t.Cleanup.
	Open func(t testing.TB) Broker
	// Code returns the SQS error code of an error, without namespace; "" if it
	// has none.
	Code func(err error) string
	// Bubble runs each row in a testing/synctest bubble, where waiting takes no
	// time. Only for implementations that stay inside the process.
	Bubble bool
	// Patience leaves out, with a log line, rows that wait longer in all.
	// Zero: no row is left out.
	Patience time.Duration
	// KnownWrong lists rows that this implementation fails, with the reason.
	// They run all the same: each is reported in the log, and one that passes
	// is an error, so that the list stays true.
	KnownWrong map[string]string
}

// row is one promise of SQS.
type row struct {
	name  string
	waits time.Duration // about how long it waits in all
	run   func(r *recorder)
}

func rows() []row {
	return slices.Concat(standardRows(), limitRows(), timingRows(), fifoRows(), deadLetterRows())
}

// Names returns the names of all rows, for KnownWrong.
func Names() []string {
	var names []string
	for _, row := range rows() {
		names = append(names, row.name)
	}
	return names
}

// Run runs every row as a parallel subtest.
func Run(t *testing.T, s Subject) {
	for _, name := range slices.Sorted(maps.Keys(s.KnownWrong)) {
		if !slices.Contains(Names(), name) {
			t.Errorf("KnownWrong lists %q, which is no row", name)
		}
	}
	for _, row := range rows() {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			if s.Patience > 0 && row.waits > s.Patience {
				t.Skipf("LEFT OUT: the row waits about %s, patience is %s", row.waits, s.Patience)
			}
			if s.Bubble {
				synctest.Test(t, func(t *testing.T) { judge(t, s, row) })
				return
			}
			judge(t, s, row)
		})
	}
}

// judge runs a row and holds what it found against the list of known faults.
func judge(t *testing.T, s Subject, row row) {
	reason, known := s.KnownWrong[row.name]
	errors, note := verdict(record(t, s, row), known, reason)
	for _, text := range errors {
		t.Error(text)
	}
	if note != "" {
		t.Log(note)
	}
}

// verdict turns the failures of a row into errors, or into a note if they are
// known. A known fault that did not show is an error.
func verdict(failures []string, known bool, reason string) (errors []string, note string) {
	switch {
	case known && len(failures) == 0:
		return []string{fmt.Sprintf("passes, but is listed as known to be wrong (%s): take it off the list", reason)}, ""
	case known:
		return nil, fmt.Sprintf("KNOWN WRONG: %s\n\t%s", reason, strings.Join(failures, "\n\t"))
	}
	return failures, ""
}

// record runs a row on a goroutine of its own, which a fatal failure ends.
func record(t testing.TB, s Subject, row row) []string {
	r := &recorder{TB: t, code: s.Code}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.broker = s.Open(r)
		row.run(r)
	}()
	<-done
	return r.failures
}

// recorder is a [testing.TB] that collects failures.
type recorder struct {
	testing.TB
	code   func(error) string
	broker Broker

	mu       sync.Mutex
	failures []string
}

func (r *recorder) Fail() { r.fail("failed") }

func (r *recorder) fail(text string) {
	_, file, line, _ := runtime.Caller(2)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf("%s:%d: %s", file[strings.LastIndexByte(file, '/')+1:], line, text))
}

func (r *recorder) FailNow()          { runtime.Goexit() }
func (r *recorder) Error(args ...any) { r.fail(fmt.Sprint(args...)) }
func (r *recorder) Fatal(args ...any) {
	r.fail(fmt.Sprint(args...))
	runtime.Goexit()
}

func (r *recorder) Errorf(format string, args ...any) { r.fail(fmt.Sprintf(format, args...)) }

func (r *recorder) Fatalf(format string, args ...any) {
	r.fail(fmt.Sprintf(format, args...))
	runtime.Goexit()
}

func (r *recorder) Failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.failures) > 0
}
