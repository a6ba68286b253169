package queue_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"dialtone/infra/local/queue"
)

func TestDeclareReportsEveryProblem(t *testing.T) {
	t.Parallel()
	queues := openQueues(t)
	err := queues.Declare(t.Context(),
		queue.Config{Name: "bad name", VisibilityTimeout: 13 * time.Hour, Delay: time.Hour, Retention: time.Second},
		queue.Config{Name: "a", MaxReceiveCount: 1001, DeadLetterQueue: "missing"},
		queue.Config{Name: "b", MaxReceiveCount: 3},
		queue.Config{Name: "c", MaxReceiveCount: 3, DeadLetterQueue: "c"},
		queue.Config{Name: "d", MaxReceiveCount: 3, DeadLetterQueue: "d.fifo"},
		queue.Config{Name: "e", ContentDedup: true, MaxMessageBytes: 2 << 20},
		queue.Config{Name: "good"}, queue.Config{Name: "good"},
	)
	for _, want := range []string{
		"Name has", "VisibilityTimeout is 13h", "Delay is 1h", "Retention is 1s", "MaxReceiveCount is 1001",
		`"missing" is not declared`, "go together", "is the queue itself", "of the other type", "ContentDedup", "MaxMessageBytes",
		"declared twice",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not reported: %v", want, err)
		}
	}
	if _, err := queues.Queue(t.Context(), "good"); !errors.Is(err, queue.NoSuchQueue) {
		t.Errorf("a good queue among bad ones was declared: %v", err)
	}
}

func TestDeclareDefaultsAndChanges(t *testing.T) {
	t.Parallel()
	queues := openQueues(t)
	q := declare(t, queues, queue.Config{Name: "a.fifo", MaxReceiveCount: 5, DeadLetterQueue: "a-dead.fifo"}, queue.Config{Name: "a-dead.fifo"})
	want := queue.Config{
		Name: "a.fifo", VisibilityTimeout: 30 * time.Second, Retention: 4 * 24 * time.Hour,
		MaxReceiveCount: 5, DeadLetterQueue: "a-dead.fifo", MaxMessageBytes: 256 << 10,
	}
	if q.Config() != want {
		t.Errorf("got %+v, want %+v", q.Config(), want)
	}
	if got := lookup(t, queues, "a-dead.fifo").Config().Retention; got != 14*24*time.Hour {
		t.Errorf("retention of the dead-letter queue is %s", got)
	}
	send(t, q, queue.Outgoing{Body: "kept", Group: "g", DedupID: "1"})
	q = declare(t, queues, queue.Config{Name: "a.fifo", VisibilityTimeout: time.Minute, ContentDedup: true})
	if c := q.Config(); c.VisibilityTimeout != time.Minute || !c.ContentDedup || c.DeadLetterQueue != "" {
		t.Errorf("after the change: %+v", c)
	}
	if got := texts(receive(t, q)); !slices.Equal(got, []string{"kept"}) {
		t.Errorf("messages after the change: %v", got)
	}
	list, err := queues.List(t.Context())
	if err != nil || len(list) != 2 || list[0].Name() != "a-dead.fifo" {
		t.Errorf("list: %v %v", list, err)
	}
}

func TestDeclareAgainWritesNothing(t *testing.T) {
	t.Parallel()
	file := openFile(t)
	queues, err := queue.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	configs := []queue.Config{{Name: "a", MaxReceiveCount: 5, DeadLetterQueue: "dead"}, {Name: "dead"}}
	var versions []int
	for range 3 {
		declare(t, queues, configs...)
		// The connections for reading see a new version for every commit.
		conn, err := file.Read().Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var changes int
		err = errors.Join(conn.QueryRowContext(t.Context(), "PRAGMA data_version").Scan(&changes), conn.Close())
		if err != nil {
			t.Fatal(err)
		}
		versions = append(versions, changes)
	}
	if versions[1] != versions[2] {
		t.Errorf("the file changed: %v", versions)
	}
}

func TestByARN(t *testing.T) {
	t.Parallel()
	queues := openQueues(t)
	declare(t, queues, queue.Config{Name: "a.fifo"})
	q, err := queues.ByARN(t.Context(), queue.ARN("a.fifo"))
	if err != nil || q.Name() != "a.fifo" {
		t.Errorf("got %v %v", q, err)
	}
	for _, arn := range []string{"a.fifo", queue.ARN("b"), "arn:aws:sqs:eu-central-1:123456789012:a.fifo"} {
		if _, err := queues.ByARN(t.Context(), arn); !errors.Is(err, queue.NoSuchQueue) {
			t.Errorf("%s: %v", arn, err)
		}
	}
}
