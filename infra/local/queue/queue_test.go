package queue_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/infra/local/queue"
	"dialtone/shared/sqlitefile"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		crashChild(dir)
	}
	if err := flag.Set("rapid.checks", modelChecks); err != nil { // -rapid.checks still overrides it
		panic(err)
	}
	os.Exit(m.Run())
}

func send(t testing.TB, q *queue.Queue, m queue.Outgoing) queue.Sent {
	t.Helper()
	sent, err := q.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return sent
}

// receive takes up to ten messages that are there.
func receive(t testing.TB, q *queue.Queue) []queue.Received {
	t.Helper()
	got, err := q.Receive(t.Context(), queue.ReceiveOptions{Max: 10})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func texts(list []queue.Received) (bodies []string) {
	for _, m := range list {
		bodies = append(bodies, m.Body)
	}
	return bodies
}

func TestReceiptOfAnotherQueue(t *testing.T) {
	t.Parallel()
	queues := openQueues(t)
	a := declare(t, queues, queue.Config{Name: "a"}, queue.Config{Name: "b"})
	send(t, a, queue.Outgoing{Body: "x"})
	err := lookup(t, queues, "b").Delete(t.Context(), receive(t, a)[0].Receipt)
	if !errors.Is(err, queue.InvalidReceipt) {
		t.Errorf("got %v", err)
	}
}

func TestHiddenForTwelveHoursInAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := declare(t, openQueues(t), queue.Config{Name: "a", VisibilityTimeout: 11 * time.Hour})
		send(t, q, queue.Outgoing{Body: "x"})
		m := receive(t, q)[0]
		time.Sleep(10 * time.Hour)
		if err := q.ChangeVisibility(t.Context(), m.Receipt, 2*time.Hour+time.Second); !errors.Is(err, queue.InvalidParameter) {
			t.Errorf("more than 12 h: %v", err)
		}
		if err := q.ChangeVisibility(t.Context(), m.Receipt, 2*time.Hour); err != nil {
			t.Errorf("12 h: %v", err)
		}
	})
}

func TestReturnInFlight(t *testing.T) {
	t.Parallel()
	queues := openQueues(t)
	q := declare(t, queues, queue.Config{Name: "a.fifo", MaxReceiveCount: 1, DeadLetterQueue: "dead.fifo"}, queue.Config{Name: "dead.fifo"})
	for i := range 3 {
		send(t, q, queue.Outgoing{Body: fmt.Sprint(i), Group: "g", DedupID: fmt.Sprint(i)})
	}
	old := receive(t, q)
	if n, err := queues.ReturnInFlight(t.Context()); n != 3 || err != nil {
		t.Fatalf("returned %d %v", n, err)
	}
	if err := q.Delete(t.Context(), old[0].Receipt); !errors.Is(err, queue.InvalidReceipt) {
		t.Errorf("receipt of the dead process: %v", err)
	}
	again := receive(t, q)
	if !slices.Equal(texts(again), []string{"0", "1", "2"}) || again[0].ReceiveCount != 2 {
		t.Errorf("after the return: %+v", again)
	}
	if n, err := queues.ReturnInFlight(t.Context()); n != 3 || err != nil {
		t.Errorf("returned again: %d %v", n, err)
	}
}

// A message that kills its process each time must not do so for ever.
func TestReturnInFlightForgivesOnly25(t *testing.T) {
	t.Parallel()
	queues := openQueues(t)
	q := declare(t, queues, queue.Config{Name: "a", MaxReceiveCount: 2, DeadLetterQueue: "dead"}, queue.Config{Name: "dead"})
	send(t, q, queue.Outgoing{Body: "killer"})
	deaths := 0
	for len(receive(t, q)) == 1 {
		deaths++
		if _, err := queues.ReturnInFlight(t.Context()); err != nil || deaths > 100 {
			t.Fatalf("%d deaths, %v", deaths, err)
		}
	}
	if deaths != 27 {
		t.Errorf("dead-lettered after %d deaths, want 25 and the 2 that count", deaths)
	}
	if got := receive(t, lookup(t, queues, "dead")); len(got) != 1 || got[0].DeadLetterSource != "a" {
		t.Errorf("dead letters %+v", got)
	}
}

func TestPeek(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := declare(t, openQueues(t), queue.Config{Name: "a"})
		for i := range 5 {
			send(t, q, queue.Outgoing{Body: fmt.Sprint(i)})
		}
		send(t, q, queue.Outgoing{Body: "later", Delay: time.Minute})
		if _, err := q.Receive(t.Context(), queue.ReceiveOptions{}); err != nil {
			t.Fatal(err)
		}
		var got []string
		for cursor := ""; ; {
			page, next, err := q.Peek(t.Context(), cursor, 4)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range page {
				got = append(got, fmt.Sprintf("%s %s %d %s", m.Body, m.State, m.ReceiveCount, time.Until(m.VisibleAt)))
			}
			if cursor = next; cursor == "" {
				break
			}
		}
		want := []string{"0 in flight 1 30s", "1 visible 0 0s", "2 visible 0 0s", "3 visible 0 0s", "4 visible 0 0s", "later delayed 0 1m0s"}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if _, _, err := q.Peek(t.Context(), "nonsense", 1); !errors.Is(err, queue.InvalidParameter) {
			t.Errorf("bad cursor: %v", err)
		}
	})
}

func TestCountsOldest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := declare(t, openQueues(t), queue.Config{Name: "a", Retention: time.Hour})
		for range 2 {
			send(t, q, queue.Outgoing{Body: "x"})
			time.Sleep(40 * time.Minute)
		}
		c, err := q.Counts(t.Context())
		if want := (queue.Counts{Visible: 1, Oldest: 40 * time.Minute}); err != nil || c != want {
			t.Errorf("got %+v %v, want %+v", c, err, want)
		}
	})
}

func TestRedriveByID(t *testing.T) {
	t.Parallel()
	queues := openQueues(t)
	dead := declare(t, queues, queue.Config{Name: "dead"}, queue.Config{Name: "a", MaxReceiveCount: 3, DeadLetterQueue: "dead"}, queue.Config{Name: "other"})
	send(t, dead, queue.Outgoing{Body: "left"})
	wanted := send(t, dead, queue.Outgoing{Body: "moved", Attributes: map[string]queue.Attribute{"class": queue.Text("denied")}})
	if n, err := dead.Redrive(t.Context(), queue.RedriveOptions{IDs: []string{wanted.ID}}); n != 1 || err != nil {
		t.Fatalf("redrive by id: %d %v", n, err)
	}
	// It was sent there directly, so its source is the one queue that uses it.
	got := receive(t, lookup(t, queues, "a"))
	if len(got) != 1 || got[0].Body != "moved" || got[0].Attributes["class"].StringValue != "denied" || got[0].ID == wanted.ID {
		t.Errorf("redriven: %+v", got)
	}
	if n, err := dead.Redrive(t.Context(), queue.RedriveOptions{To: lookup(t, queues, "other")}); n != 1 || err != nil {
		t.Errorf("redrive to another queue: %d %v", n, err)
	}
	declare(t, queues, queue.Config{Name: "b", MaxReceiveCount: 3, DeadLetterQueue: "dead"})
	send(t, dead, queue.Outgoing{Body: "from where?"})
	if _, err := dead.Redrive(t.Context(), queue.RedriveOptions{}); !errors.Is(err, queue.UnsupportedRedrive) {
		t.Errorf("two sources: %v", err)
	}
}

func TestPurgeAndRedriveManyMessages(t *testing.T) {
	t.Parallel()
	queues := openQueues(t)
	dead := declare(t, queues, queue.Config{Name: "dead"}, queue.Config{Name: "a", MaxReceiveCount: 3, DeadLetterQueue: "dead"})
	batch := make([]queue.Outgoing, 10)
	for i := range 450 {
		batch[i%10] = queue.Outgoing{Body: fmt.Sprint(i)}
		if i%10 == 9 {
			if _, err := dead.SendBatch(t.Context(), batch); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n, err := dead.Redrive(t.Context(), queue.RedriveOptions{}); n != 450 || err != nil {
		t.Errorf("redrove %d %v", n, err)
	}
	if n, err := lookup(t, queues, "a").Purge(t.Context()); n != 450 || err != nil {
		t.Errorf("purged %d %v", n, err)
	}
}

// A change of another table and the message about it are one step.
func TestTransactionOfTheCaller(t *testing.T) {
	t.Parallel()
	file := openFile(t)
	queues, err := queue.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	in := declare(t, queues, queue.Config{Name: "in"}, queue.Config{Name: "out"})
	out := lookup(t, queues, "out")
	send(t, in, queue.Outgoing{Body: "work"})
	m := receive(t, in)[0]
	finish := func(fail error) error {
		return file.Write(t.Context(), func(tx *sqlitefile.Tx) error {
			if _, err := out.SendTx(tx, queue.Outgoing{Body: "done"}); err != nil {
				return err
			}
			return errors.Join(in.DeleteTx(tx, m.Receipt), fail)
		})
	}
	crash := errors.New("crash")
	if err := finish(crash); !errors.Is(err, crash) {
		t.Fatal(err)
	}
	if got := receive(t, out); len(got) != 0 {
		t.Errorf("half of a failed step stands: %v", texts(got))
	}
	if err := finish(nil); err != nil {
		t.Fatal(err)
	}
	if got := texts(receive(t, out)); !slices.Equal(got, []string{"done"}) {
		t.Errorf("received %v", got)
	}
	if c, err := in.Counts(t.Context()); err != nil || c.InFlight != 0 {
		t.Errorf("counts %+v %v", c, err)
	}
}

// In a bubble only the send can wake the receiver before its 20 s are over: the
// clock does not move by itself.
func TestLongPollWakesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file := openFile(t)
		queues, err := queue.Open(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		q := declare(t, queues, queue.Config{Name: "a"})
		other, err := sqlitefile.Open(t.Context(), file.Path(), sqlitefile.Options{}) // as another process would
		if err != nil {
			t.Fatal(err)
		}
		defer other.Close()
		foreign, err := queue.Open(t.Context(), other)
		if err != nil {
			t.Fatal(err)
		}
		for name, sender := range map[string]*queue.Queue{"this process": q, "another process": lookup(t, foreign, "a")} {
			var got []queue.Received
			var took time.Duration
			done := make(chan struct{})
			began := time.Now()
			go func() {
				defer close(done)
				got, err = q.Receive(t.Context(), queue.ReceiveOptions{Wait: 20 * time.Second})
				took = time.Since(began)
			}()
			time.Sleep(time.Second)
			send(t, sender, queue.Outgoing{Body: name})
			<-done
			if err != nil || !slices.Equal(texts(got), []string{name}) {
				t.Errorf("%s: received %v %v", name, texts(got), err)
			}
			if most := time.Second + 250*time.Millisecond; took > most {
				t.Errorf("%s: woke after %s, want at most %s", name, took, most)
			}
		}
	})
}

func TestReceiveEndsWithItsContext(t *testing.T) {
	t.Parallel()
	q := declare(t, openQueues(t), queue.Config{Name: "a"})
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if _, err := q.Receive(ctx, queue.ReceiveOptions{Wait: 20 * time.Second}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestAfterClose(t *testing.T) {
	t.Parallel()
	file := openFile(t)
	queues, err := queue.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	q := declare(t, queues, queue.Config{Name: "a"})
	waiting := make(chan error, 1)
	go func() {
		_, err := q.Receive(context.Background(), queue.ReceiveOptions{Wait: 20 * time.Second})
		waiting <- err
	}()
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-waiting; err == nil {
		t.Error("a receive outlived the file without an error")
	}
	if _, err := q.Send(t.Context(), queue.Outgoing{Body: "x"}); !errors.Is(err, sqlitefile.ErrClosed) {
		t.Errorf("send: %v", err)
	}
}
