package queue_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"dialtone/infra/local/queue"
	"dialtone/infra/local/queuetest"
	"dialtone/shared/sqlitefile"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	queuetest.Run(t, queuetest.Subject{
		Bubble: true,
		Open:   func(t testing.TB) queuetest.Broker { return broker{openQueues(t)} },
		Code: func(err error) string {
			code, _ := errors.AsType[queue.Code](err)
			return string(code)
		},
	})
}

// openFile opens a new file for a test.
func openFile(t testing.TB) *sqlitefile.File {
	t.Helper()
	file, err := sqlitefile.Open(t.Context(), filepath.Join(t.TempDir(), "queues.db"), sqlitefile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := file.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return file
}

func openQueues(t testing.TB) *queue.Queues {
	t.Helper()
	queues, err := queue.Open(t.Context(), openFile(t))
	if err != nil {
		t.Fatal(err)
	}
	return queues
}

// declare declares queues and returns the first.
func declare(t testing.TB, queues *queue.Queues, configs ...queue.Config) *queue.Queue {
	t.Helper()
	if err := queues.Declare(t.Context(), configs...); err != nil {
		t.Fatal(err)
	}
	return lookup(t, queues, configs[0].Name)
}

func lookup(t testing.TB, queues *queue.Queues, name string) *queue.Queue {
	t.Helper()
	q, err := queues.Queue(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return q
}

// broker and subject speak the suite's language.
type broker struct{ queues *queue.Queues }

func (b broker) Create(ctx context.Context, c queuetest.Config) (queuetest.Queue, error) {
	err := b.queues.Declare(ctx, queue.Config{
		Name: c.Name, VisibilityTimeout: seconds(c.Visibility), Delay: seconds(c.Delay), Retention: seconds(c.Retention),
		MaxReceiveCount: c.MaxReceives, DeadLetterQueue: c.DeadLetter, ContentDedup: c.ContentDedup, MaxMessageBytes: c.MaxBytes,
	})
	if err != nil {
		return nil, err
	}
	q, err := b.queues.Queue(ctx, c.Name)
	return subject{q}, err
}

type subject struct{ q *queue.Queue }

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func outgoing(m queuetest.Outgoing) queue.Outgoing {
	out := queue.Outgoing{Body: m.Body, Group: m.Group, DedupID: m.DedupID, Delay: seconds(m.Delay)}
	for name, a := range m.Attributes {
		if out.Attributes == nil {
			out.Attributes = make(map[string]queue.Attribute)
		}
		out.Attributes[name] = queue.Attribute(a)
	}
	return out
}

func (s subject) Send(ctx context.Context, m queuetest.Outgoing) (queuetest.Sent, error) {
	sent, err := s.q.Send(ctx, outgoing(m))
	return queuetest.Sent{ID: sent.ID, Sequence: sent.Sequence}, err
}

func (s subject) SendBatch(ctx context.Context, messages []queuetest.Outgoing) ([]queuetest.SendOutcome, error) {
	var batch []queue.Outgoing
	for _, m := range messages {
		batch = append(batch, outgoing(m))
	}
	outcomes, err := s.q.SendBatch(ctx, batch)
	var list []queuetest.SendOutcome
	for _, o := range outcomes {
		list = append(list, queuetest.SendOutcome{Sent: queuetest.Sent{ID: o.ID, Sequence: o.Sequence}, Err: o.Err})
	}
	return list, err
}

func (s subject) Receive(ctx context.Context, limit, wait, visibility int) ([]queuetest.Received, error) {
	got, err := s.q.Receive(ctx, queue.ReceiveOptions{Max: limit, Wait: seconds(wait), Visibility: seconds(visibility)})
	var list []queuetest.Received
	for _, m := range got {
		r := queuetest.Received{
			ID: m.ID, Receipt: m.Receipt, Body: m.Body, Group: m.Group, DedupID: m.DedupID, Sequence: m.Sequence,
			ReceiveCount: m.ReceiveCount, SentAt: m.SentAt, FirstReceivedAt: m.FirstReceivedAt,
			Attributes: make(map[string]queuetest.Attribute),
		}
		for name, a := range m.Attributes {
			r.Attributes[name] = queuetest.Attribute(a)
		}
		list = append(list, r)
	}
	return list, err
}

func (s subject) Delete(ctx context.Context, receipt string) error { return s.q.Delete(ctx, receipt) }

func (s subject) DeleteBatch(ctx context.Context, receipts []string) ([]error, error) {
	return s.q.DeleteBatch(ctx, receipts)
}

func (s subject) ChangeVisibility(ctx context.Context, receipt string, n int) error {
	return s.q.ChangeVisibility(ctx, receipt, seconds(n))
}

func (s subject) ChangeVisibilityBatch(ctx context.Context, receipts []string, n int) ([]error, error) {
	var entries []queue.Visibility
	for _, receipt := range receipts {
		entries = append(entries, queue.Visibility{Receipt: receipt, Timeout: seconds(n)})
	}
	return s.q.ChangeVisibilityBatch(ctx, entries)
}

func (s subject) Counts(ctx context.Context) (queuetest.Counts, error) {
	c, err := s.q.Counts(ctx)
	return queuetest.Counts{Visible: c.Visible, InFlight: c.InFlight, Delayed: c.Delayed}, err
}

func (s subject) Purge(ctx context.Context) error {
	_, err := s.q.Purge(ctx)
	return err
}

func (s subject) Redrive(ctx context.Context) error {
	_, err := s.q.Redrive(ctx, queue.RedriveOptions{})
	return err
}
