package queue_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dialtone/infra/local/queue"
	"dialtone/shared/sqlitefile"
)

const (
	crashDir  = "QUEUE_TEST_CRASH_DIR"
	crashRuns = 6
)

// crashChild works on the queues under load until it is killed, and writes what
// was acknowledged to standard output: "S id" after a send, "D id" after a
// delete. It begins a delete with "d id", which says nothing on its outcome.
func crashChild(dir string) {
	fail := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
	}
	ctx := context.Background()
	file, err := sqlitefile.Open(ctx, filepath.Join(dir, "crash.db"), sqlitefile.Options{Exclusive: true})
	fail(err)
	queues, err := queue.Open(ctx, file)
	fail(err)
	fail(queues.Declare(ctx, queue.Config{Name: "plain"}, queue.Config{Name: "ordered.fifo"}))
	_, err = queues.ReturnInFlight(ctx)
	fail(err)
	var out sync.Mutex
	say := func(what, id string) {
		out.Lock()
		defer out.Unlock()
		fmt.Fprintln(os.Stdout, what, id) // unbuffered: it is with the parent when it returns
	}
	for _, name := range []string{"plain", "ordered.fifo"} {
		q, err := queues.Queue(ctx, name)
		fail(err)
		for worker := range 6 {
			go func() { fail(crashSend(ctx, q, worker, say)) }()
			go func() { fail(crashWork(ctx, q, say)) }()
		}
	}
	select {} // until SIGKILL
}

func crashSend(ctx context.Context, q *queue.Queue, worker int, say func(what, id string)) error {
	for i := 0; ; i++ {
		m := queue.Outgoing{Body: strings.Repeat("x", 100+i%900)}
		if q.Config().FIFO() {
			m.Group, m.DedupID = fmt.Sprint(worker), fmt.Sprint(os.Getpid(), "-", worker, "-", i)
		}
		sent, err := q.Send(ctx, m)
		if err != nil {
			return err
		}
		say("S", sent.ID)
	}
}

func crashWork(ctx context.Context, q *queue.Queue, say func(what, id string)) error {
	for {
		got, err := q.Receive(ctx, queue.ReceiveOptions{Max: 2, Wait: time.Second})
		if err != nil {
			return err
		}
		for i, m := range got {
			if i > 0 {
				continue // left in flight, or for the next run
			}
			say("d", m.ID)
			if err := q.Delete(ctx, m.Receipt); err != nil {
				return err
			}
			say("D", m.ID)
		}
	}
}

// TestCrash kills a working process again and again. What it acknowledged must
// stand: a message that was sent is there unless its delete was begun, and one
// whose delete was acknowledged stays away.
func TestCrash(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	said := map[string]map[string]bool{"S": {}, "d": {}, "D": {}}
	for run := range crashRuns {
		crashRun(t, dir, time.Duration(60+run*35)*time.Millisecond, said)
	}
	if len(said["S"]) == 0 || len(said["D"]) == 0 {
		t.Fatalf("%d sends and %d deletes: the test shows nothing", len(said["S"]), len(said["D"]))
	}
	t.Logf("%d acknowledged sends, %d acknowledged deletes, %d begun", len(said["S"]), len(said["D"]), len(said["d"]))

	file, err := sqlitefile.Open(t.Context(), filepath.Join(dir, "crash.db"), sqlitefile.Options{Exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var verdict string
	if err := file.Read().QueryRowContext(t.Context(), "PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity check: %s %v", verdict, err)
	}
	crashCompare(t, file, said)
}

func crashRun(t *testing.T, dir string, life time.Duration, said map[string]map[string]bool) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), crashDir+"="+dir)
	command.Stderr = os.Stderr
	pipe, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(pipe)
	var kill *time.Timer
	for lines.Scan() {
		if kill == nil { // it works: let it live for a while
			kill = time.AfterFunc(life, func() { _ = command.Process.Kill() })
		}
		what, id, whole := strings.Cut(lines.Text(), " ")
		if whole && len(id) == 36 {
			said[what][id] = true
		}
	}
	if err := command.Wait(); err == nil || kill == nil {
		t.Fatalf("the child ended by itself: %v", err)
	}
}

func crashCompare(t *testing.T, file *sqlitefile.File, said map[string]map[string]bool) {
	t.Helper()
	queues, err := queue.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := queues.ReturnInFlight(t.Context()); err != nil {
		t.Fatal(err)
	}
	there := make(map[string]bool)
	for _, name := range []string{"plain", "ordered.fifo"} {
		q := lookup(t, queues, name)
		for id := range drainAll(t, q) {
			if there[id] {
				t.Errorf("message %s was received twice", id)
			}
			there[id] = true
		}
	}
	for id := range said["S"] {
		if !there[id] && !said["d"][id] {
			t.Errorf("acknowledged message %s is lost", id)
		}
	}
	for id := range said["D"] {
		if there[id] {
			t.Errorf("deleted message %s is back", id)
		}
	}
}

// drainAll receives and deletes everything, which also shows that every group
// still flows.
func drainAll(t *testing.T, q *queue.Queue) map[string]bool {
	t.Helper()
	ids := make(map[string]bool)
	before, err := q.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for {
		got := receive(t, q)
		if len(got) == 0 {
			break
		}
		var receipts []string
		for _, m := range got {
			ids[m.ID] = true
			receipts = append(receipts, m.Receipt)
		}
		if errs, err := q.DeleteBatch(t.Context(), receipts); err != nil || errs[0] != nil {
			t.Fatal(err, errs)
		}
	}
	if len(ids) != before.Visible || before.InFlight != 0 {
		t.Errorf("%s: %d drained, counts were %+v", q.Name(), len(ids), before)
	}
	return ids
}
