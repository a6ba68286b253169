package sqlitefile_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"dialtone/shared/sqlitefile"
)

// hold occupies the writer until release is called, so that what is written
// meanwhile ends up in one group.
func hold(t *testing.T, f *sqlitefile.File) (release func()) {
	t.Helper()
	started, gate := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		err := f.Write(t.Context(), func(*sqlitefile.Tx) error {
			close(started)
			<-gate
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	<-started
	return func() { close(gate); group.Wait() }
}

// inOneGroup runs the operations in order in one group and returns their errors.
func inOneGroup(t *testing.T, f *sqlitefile.File, operations ...func(*sqlitefile.Tx) error) []error {
	t.Helper()
	release := hold(t, f)
	outcomes := make([]error, len(operations))
	var group sync.WaitGroup
	for i, operation := range operations {
		before := f.Waiting()
		group.Go(func() { outcomes[i] = f.Write(t.Context(), operation) })
		for f.Waiting() == before {
			time.Sleep(100 * time.Microsecond) // until it is queued, to fix the order
		}
	}
	release()
	group.Wait()
	return outcomes
}

func insert(word string) func(*sqlitefile.Tx) error {
	return func(tx *sqlitefile.Tx) error {
		_, err := tx.Exec(`INSERT INTO words VALUES (?)`, word)
		return err
	}
}

func TestWriteFailsAlone(t *testing.T) {
	t.Parallel()
	f := openWords(t)
	refused := errors.New("refused")
	outcomes := inOneGroup(t, f,
		insert("a"),
		func(tx *sqlitefile.Tx) error { return errors.Join(insert("lost")(tx), refused) },
		insert("a"), // a constraint of the table
		func(tx *sqlitefile.Tx) error {
			_ = insert("lost")(tx)
			panic("boom")
		},
		insert("b"),
	)
	if outcomes[0] != nil || outcomes[4] != nil {
		t.Errorf("good operations: %v, %v", outcomes[0], outcomes[4])
	}
	if !errors.Is(outcomes[1], refused) {
		t.Errorf("own error: %v", outcomes[1])
	}
	if outcomes[2] == nil {
		t.Error("the constraint was not reported")
	}
	if p, ok := errors.AsType[*sqlitefile.PanicError](outcomes[3]); !ok || p.Value != "boom" || !strings.Contains(string(p.Stack), "writer_test.go") {
		t.Errorf("panic: %v", outcomes[3])
	}
	if got := words(t, f); got != "a b" {
		t.Errorf("words are %q", got)
	}
}

// A full disk makes SQLite drop the whole transaction: only the operation that
// met it may suffer.
func TestWriteDiskFull(t *testing.T) {
	t.Parallel()
	f := openWords(t)
	outcomes := inOneGroup(t, f,
		insert("before"),
		func(tx *sqlitefile.Tx) error {
			if _, err := tx.Exec(`PRAGMA max_page_count = 10`); err != nil {
				return err
			}
			return insert(strings.Repeat("x", 100_000))(tx)
		},
		insert("after"),
	)
	if outcomes[0] != nil || outcomes[2] != nil {
		t.Errorf("small operations: %v, %v", outcomes[0], outcomes[2])
	}
	if !errors.Is(outcomes[1], sqlitefile.ErrFull) {
		t.Errorf("big operation: %v", outcomes[1])
	}
	if got := words(t, f); got != "after before" {
		t.Errorf("words are %q", got)
	}
}

// Swallowing the error of a statement must not turn a lost transaction into a success.
func TestWriteSwallowedLoss(t *testing.T) {
	t.Parallel()
	f := openWords(t)
	err := f.Write(t.Context(), func(tx *sqlitefile.Tx) error {
		_, err := tx.Exec(`PRAGMA max_page_count = 10`)
		_ = insert(strings.Repeat("x", 100_000))(tx)
		return err
	})
	if err == nil {
		t.Error("a lost transaction was acknowledged")
	}
	if err := add(f, "next"); err != nil {
		t.Errorf("the writer did not recover: %v", err)
	}
}

func TestWriteContext(t *testing.T) {
	t.Parallel()
	f := openWords(t)

	t.Run("ended before the call", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := f.Write(ctx, insert("never")); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ends in the queue", func(t *testing.T) {
		release := hold(t, f)
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Millisecond, cancel)
		err := f.Write(ctx, insert("never"))
		release()
		if !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("ends while it runs", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		err := f.Write(ctx, func(tx *sqlitefile.Tx) error {
			cancel()
			return insert("written")(tx)
		})
		if err != nil {
			t.Errorf("the outcome was hidden: %v", err)
		}
	})
	if got := words(t, f); got != "written" {
		t.Errorf("words are %q", got)
	}
}

func TestWriteBusy(t *testing.T) {
	t.Parallel()
	first := openWords(t)
	second := open(t, first.Path(), sqlitefile.Options{BusyTimeout: 20 * time.Millisecond})
	release := hold(t, first)
	err := add(second, "late")
	release()
	if !errors.Is(err, sqlitefile.ErrBusy) {
		t.Errorf("got %v", err)
	}
	if err := add(second, "later"); err != nil {
		t.Errorf("after the lock was free: %v", err)
	}
}

func TestCloseFinishesWhatWasAccepted(t *testing.T) {
	t.Parallel()
	f := openWords(t)
	release := hold(t, f)
	const n = 300 // more than two groups
	outcomes := make(chan error, n)
	for i := range n {
		go func() { outcomes <- add(f, fmt.Sprintf("w%03d", i)) }()
	}
	for f.Waiting() < n {
		time.Sleep(100 * time.Microsecond)
	}
	release()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	for range n {
		if err := <-outcomes; err != nil {
			t.Errorf("an accepted write failed: %v", err)
		}
	}
	if err := add(f, "late"); !errors.Is(err, sqlitefile.ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	again := open(t, f.Path(), sqlitefile.Options{})
	if got := len(strings.Fields(words(t, again))); got != n {
		t.Errorf("%d words, want %d", got, n)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	f := openWords(t)
	notify := func(topic string, err error) {
		_ = f.Write(t.Context(), func(tx *sqlitefile.Tx) error {
			tx.Notify(topic)
			return err
		})
	}
	apples, stopApples := f.Watch("apples")
	pears, stopPears := f.Watch("pears")
	defer stopApples()
	defer stopPears()
	notify("apples", errors.New("rolled back"))
	notify("pears", nil)
	<-pears
	select {
	case <-apples:
		t.Error("a failed operation notified")
	default:
	}
	notify("apples", nil)
	<-apples

	figs, stopFigs := f.Watch("figs")
	defer stopFigs()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	<-figs
	late, stopLate := f.Watch("after close")
	defer stopLate()
	<-late
}

func TestWatchIsForgotten(t *testing.T) {
	t.Parallel()
	f := openWords(t)
	_, stopFirst := f.Watch("words")
	kept, stopSecond := f.Watch("words")
	stopFirst()
	stopFirst() // counts once
	err := f.Write(t.Context(), func(tx *sqlitefile.Tx) error {
		tx.Notify("words")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	<-kept
	stopSecond()
	_, stopThird := f.Watch("words")
	stopThird()
	if n := f.Watched(); n != 0 {
		t.Errorf("%d topics are still watched", n)
	}
}

// Another File stands for another process; one committing, one watching.
func TestWatchSeesOthers(t *testing.T) {
	t.Parallel()
	f := openWords(t)
	other := open(t, f.Path(), sqlitefile.Options{Poll: time.Millisecond})
	for i := range 20 {
		changed, stop := other.Watch("words")
		if err := add(f, fmt.Sprint(i)); err != nil {
			t.Fatal(err)
		}
		<-changed
		stop()
	}
}

func TestManyWriters(t *testing.T) {
	t.Parallel()
	f := openWords(t)
	var group sync.WaitGroup
	for g := range 32 {
		group.Go(func() {
			for i := range 20 {
				word := fmt.Sprintf("w%d-%d", g, i)
				if err := add(f, word); err != nil {
					t.Error(err)
					return
				}
				var n int
				err := f.Read().QueryRowContext(t.Context(), `SELECT count(*) FROM words WHERE word = ?`, word).Scan(&n)
				if err != nil || n != 1 {
					t.Errorf("own write not seen: %d %v", n, err)
				}
			}
		})
	}
	group.Wait()
}
