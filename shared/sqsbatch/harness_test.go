package sqsbatch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/shared/httpretry"
	"dialtone/shared/sqsbatch"
)

const arn = "arn:aws:sqs:eu-central-1:000000000000:numbers.fifo"

// change is one call of ChangeMessageVisibility.
type change struct {
	queue, handle string
	wait          time.Duration
}

// queue plays SQS: it records what the runner asks for. Used by pointer.
type queue struct {
	mu         sync.Mutex
	changes    []change
	letters    []sqsbatch.DeadLetter
	refuse     func(handle string) error // nil: every change succeeds
	refuseSend error
}

func (q *queue) ChangeMessageVisibility(ctx context.Context, arn, handle string, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refuse != nil {
		if err := q.refuse(handle); err != nil {
			return err
		}
	}
	q.changes = append(q.changes, change{arn, handle, d})
	return nil
}

func (q *queue) SendDeadLetter(ctx context.Context, d sqsbatch.DeadLetter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.refuseSend != nil {
		return q.refuseSend
	}
	q.letters = append(q.letters, d)
	return nil
}

// handles returns the receipt handles changed so far, in order.
func (q *queue) handles() []string {
	var h []string
	for _, c := range q.changes {
		h = append(h, c.handle)
	}
	return h
}

func newRunner(t testing.TB, q *queue, adjust func(*sqsbatch.Config)) *sqsbatch.Runner {
	t.Helper()
	c := sqsbatch.Config{Visibility: q, DeadLetters: q}
	if adjust != nil {
		adjust(&c)
	}
	r, err := sqsbatch.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// record is a message "id" of a group, received for the nth time.
func record(id, group string, n int) events.SQSMessage {
	m := events.SQSMessage{
		MessageId: id, ReceiptHandle: "handle-" + id, Body: `{"id":"` + id + `"}`, EventSourceARN: arn,
		Attributes: map[string]string{"ApproximateReceiveCount": fmt.Sprint(n), "SentTimestamp": "1700000000123"},
	}
	if group != "" {
		m.Attributes["MessageGroupId"] = group
	}
	return m
}

func event(records ...events.SQSMessage) events.SQSEvent { return events.SQSEvent{Records: records} }

func failures(r events.SQSEventResponse) []string {
	var ids []string
	for _, f := range r.BatchItemFailures {
		ids = append(ids, f.ItemIdentifier)
	}
	slices.Sort(ids)
	return ids
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

var errTest = errors.New("upstream is away")

func oneSecond() httpretry.Backoff {
	return httpretry.Backoff{Base: time.Second, Cap: time.Second}
}
