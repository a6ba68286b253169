package sqsbatch_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/shared/failure"
	"dialtone/shared/httpretry"
	"dialtone/shared/sqsbatch"
)

func TestReplyJSON(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		records []events.SQSMessage
		want    string
	}{
		{"empty event", nil, `{"batchItemFailures":[]}`},
		{"all done", []events.SQSMessage{record("good", "", 1)}, `{"batchItemFailures":[]}`},
		{"one failed", []events.SQSMessage{record("good", "", 1), record("bad", "", 1)}, `{"batchItemFailures":[{"itemIdentifier":"bad"}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reply, err := newRunner(t, &queue{}, nil).Run(t.Context(), event(c.records...), badFails)
			if err != nil {
				t.Fatal(err)
			}
			got, err := json.Marshal(reply)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func badFails(_ context.Context, m sqsbatch.Message) error {
	if strings.HasPrefix(m.ID, "bad") {
		return errTest
	}
	return nil
}

func TestMessageIsReadWhole(t *testing.T) {
	t.Parallel()
	r := record("m1", "ada@contoso.test", 3)
	text := "00-abc"
	r.MessageAttributes = map[string]events.SQSMessageAttribute{
		"traceparent": {DataType: "String", StringValue: &text},
		"blob":        {DataType: "Binary", BinaryValue: []byte{1}},
	}
	var got sqsbatch.Message
	_, err := newRunner(t, &queue{}, nil).Run(t.Context(), event(r), func(_ context.Context, m sqsbatch.Message) error {
		got = m
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := sqsbatch.Message{
		ID: "m1", Body: r.Body, Queue: arn, Group: "ada@contoso.test", ReceiveCount: 3,
		SentAt: time.UnixMilli(1700000000123).UTC(), Attributes: map[string]string{"traceparent": text},
	}
	if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestUnreportableEventsFailWhole(t *testing.T) {
	t.Parallel()
	touched := func(context.Context, sqsbatch.Message) error { return errors.New("handler was called") }
	for _, c := range []struct {
		name   string
		event  events.SQSEvent
		handle sqsbatch.Handler
	}{
		{"no message id", event(record("m1", "", 1), record("", "", 1)), touched},
		{"no handler", event(record("m1", "", 1)), nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q := &queue{}
			reply, err := newRunner(t, q, nil).Run(t.Context(), c.event, c.handle)
			if err == nil {
				t.Error("no error: SQS would delete the batch")
			}
			if len(reply.BatchItemFailures) == 0 {
				t.Error("reply beside the error is empty")
			}
			equal(t, "visibility changes", q.handles(), nil)
		})
	}
}

func TestGroupsKeepOrderAndFailAlone(t *testing.T) {
	t.Parallel()
	q := &queue{}
	var mu sync.Mutex
	var order []string
	handle := func(ctx context.Context, m sqsbatch.Message) error {
		mu.Lock()
		order = append(order, m.ID)
		mu.Unlock()
		return badFails(ctx, m)
	}
	reply, err := newRunner(t, q, func(c *sqsbatch.Config) { c.Concurrency = 1 }).Run(t.Context(), event(
		record("a1", "a", 1), record("b1", "b", 1), record("bad-a2", "a", 1), record("b2", "b", 1), record("a3", "a", 1), record("lone", "", 1),
	), handle)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "handled", order, []string{"a1", "bad-a2", "b1", "b2", "lone"})
	equal(t, "reported", failures(reply), []string{"a3", "bad-a2"})
	equal(t, "visibility in the group's order", q.handles(), []string{"handle-bad-a2", "handle-a3"})
	if q.changes[0].wait != q.changes[1].wait {
		t.Errorf("the group comes back apart: %v and %v", q.changes[0].wait, q.changes[1].wait)
	}
	if q.changes[0].queue != arn {
		t.Errorf("changed a message of queue %q", q.changes[0].queue)
	}
}

func TestSameGroupNameOfTwoQueuesIsTwoGroups(t *testing.T) {
	t.Parallel()
	other := record("other", "a", 1)
	other.EventSourceARN = arn + "2"
	reply, _ := newRunner(t, &queue{}, nil).Run(t.Context(), event(record("bad", "a", 1), other), badFails)
	equal(t, "reported", failures(reply), []string{"bad"})
}

func TestHeadThatCannotBeHiddenHoldsItsGroup(t *testing.T) {
	t.Parallel()
	q := &queue{refuse: func(h string) error {
		if h == "handle-bad1" {
			return errTest
		}
		return nil
	}}
	reply, _ := newRunner(t, q, nil).Run(t.Context(), event(record("bad1", "a", 1), record("a2", "a", 1)), badFails)
	equal(t, "reported", failures(reply), []string{"a2", "bad1"})
	equal(t, "visibility changes", q.handles(), nil) // a2 before bad1 would break the order
}

func TestConcurrencyIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int32
		var records []events.SQSMessage
		for i := range 9 {
			records = append(records, record(fmt.Sprint("m", i), "", 1))
		}
		started := time.Now()
		_, err := newRunner(t, &queue{}, func(c *sqsbatch.Config) { c.Concurrency = 3 }).Run(t.Context(), event(records...),
			func(context.Context, sqsbatch.Message) error {
				most.Store(max(most.Load(), now.Add(1)))
				defer now.Add(-1)
				time.Sleep(time.Second)
				return nil
			})
		if err != nil {
			t.Fatal(err)
		}
		if most.Load() != 3 || time.Since(started) != 3*time.Second {
			t.Errorf("9 messages of 1 s, 3 at once: at most %d at once, %s", most.Load(), time.Since(started))
		}
	})
}

func TestPanicFailsOnlyItsMessage(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	q := &queue{}
	r := newRunner(t, q, func(c *sqsbatch.Config) {
		c.Concurrency = 1
		c.Logger = slog.New(slog.NewJSONHandler(&log, nil))
	})
	reply, err := r.Run(t.Context(), event(record("p1", "", 1), record("p2", "", 1), record("ok", "", 1)),
		func(_ context.Context, m sqsbatch.Message) error {
			switch m.ID {
			case "p1":
				panic("cannot read " + m.Body)
			case "p2":
				_ = m.Body[len(m.Body)]
			}
			return nil
		})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "reported", failures(reply), []string{"p1", "p2"})
	for _, want := range []string{"run.go", "sqsbatch_test.go", "index out of range", `"message_id":"p1"`} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("log lacks %q:\n%s", want, &log)
		}
	}
	if strings.Contains(log.String(), "cannot read") || strings.Contains(log.String(), `\"id\"`) {
		t.Errorf("log has the body:\n%s", &log)
	}
}

func TestAdviceIsLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	r := newRunner(t, &queue{}, func(c *sqsbatch.Config) { c.Logger = slog.New(slog.NewJSONHandler(&log, nil)) })
	_, err := r.Run(t.Context(), event(record("a", "", 1)), func(context.Context, sqsbatch.Message) error {
		return &failure.Error{Class: failure.Unavailable, Reason: "the table is not there", Advice: "Set its name."}
	})
	if err != nil || !strings.Contains(log.String(), `"advice":"Set its name."`) {
		t.Errorf("%v: the log does not say what to do:\n%s", err, &log)
	}
}

func TestPanicOfTheQueueLosesNothing(t *testing.T) {
	t.Parallel()
	q := &queue{refuse: func(string) error { panic("broken client") }}
	reply, err := newRunner(t, q, func(c *sqsbatch.Config) { c.Concurrency = 1 }).
		Run(t.Context(), event(record("bad1", "a", 1), record("a2", "a", 1), record("lone", "", 1)), badFails)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "reported", failures(reply), []string{"a2", "bad1"})
}

func TestDeadlineGuard(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &queue{}
		r := newRunner(t, q, func(c *sqsbatch.Config) {
			c.Concurrency, c.StartMargin, c.ReportMargin = 1, 10*time.Second, 2*time.Second
		})
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		end, _ := ctx.Deadline()
		var handled []string
		reply, err := r.Run(ctx, event(record("m1", "", 1), record("a1", "a", 1), record("a2", "a", 1), record("m2", "", 1)),
			func(ctx context.Context, m sqsbatch.Message) error {
				handled = append(handled, m.ID)
				if d, ok := ctx.Deadline(); !ok || end.Sub(d) != 2*time.Second {
					t.Errorf("%s: handler's deadline is %s before the end, want 2s", m.ID, end.Sub(d))
				}
				time.Sleep(10*time.Second + time.Millisecond)
				return nil
			})
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "handled", handled, []string{"m1", "a1"}) // at 0 s and 10 s; 9.998 s are left for the third
		equal(t, "reported", failures(reply), []string{"a2", "m2"})
		equal(t, "handed back", q.handles(), []string{"handle-a2", "handle-m2"})
		for _, c := range q.changes {
			if c.wait != 0 {
				t.Errorf("%s handed back after %s, want at once", c.handle, c.wait)
			}
		}
	})
}

func TestHeldBackMessagesFollowTheirHeadNotTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		q := &queue{}
		r := newRunner(t, q, func(c *sqsbatch.Config) { c.StartMargin, c.ReportMargin = 10*time.Second, 2*time.Second })
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		_, _ = r.Run(ctx, event(record("head", "a", 1), record("next", "a", 1)),
			func(ctx context.Context, _ sqsbatch.Message) error {
				<-ctx.Done() // leaves less than StartMargin for the second
				return sqsbatch.RetryAfter(ctx.Err(), time.Minute)
			})
		equal(t, "hidden", q.handles(), []string{"handle-head", "handle-next"})
		if a, b := q.changes[0].wait, q.changes[1].wait; a < time.Minute || a != b {
			t.Errorf("head waits %s and the next %s, want both a minute or more", a, b)
		}
	})
}

func TestCancelledRunHandsEverythingBack(t *testing.T) {
	t.Parallel()
	q := &queue{}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	reply, err := newRunner(t, q, nil).Run(ctx, event(record("m1", "", 1), record("a1", "a", 1)),
		func(context.Context, sqsbatch.Message) error { t.Error("handled after the end"); return nil })
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "reported", failures(reply), []string{"a1", "m1"})
	if len(q.changes) != 2 {
		t.Errorf("%d messages handed back, want 2", len(q.changes))
	}
}

func TestBackoff(t *testing.T) {
	t.Parallel()
	const longest = 12*time.Hour - 20*time.Minute
	for _, c := range []struct {
		name     string
		receives int
		err      error
		min, max time.Duration
	}{
		{"first receive", 1, errTest, 0, 2 * time.Second},
		{"fourth receive", 4, errTest, 0, 16 * time.Second},
		{"capped", 30, errTest, 0, time.Minute},
		{"asked to wait", 1, sqsbatch.RetryAfter(errTest, 90*time.Second), 90 * time.Second, 92 * time.Second},
		{"asked within the chain", 1, fmt.Errorf("assign: %w", sqsbatch.RetryAfter(errTest, time.Hour)), time.Hour, time.Hour + 2*time.Second},
		{"asked by a failure", 1, fmt.Errorf("list: %w", &failure.Error{Class: failure.Unavailable, RetryAfter: time.Hour}), time.Hour, time.Hour + 2*time.Second},
		{"asked beyond what SQS hides", 1, sqsbatch.RetryAfter(errTest, 48*time.Hour), longest, longest},
		{"asked for a negative time", 1, sqsbatch.RetryAfter(nil, -time.Hour), 0, 2 * time.Second},
		{"fractions are rounded up", 1, sqsbatch.RetryAfter(errTest, 1500*time.Millisecond), 2 * time.Second, 4 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var most time.Duration
			for range 200 {
				q := &queue{}
				r := newRunner(t, q, func(c *sqsbatch.Config) { c.Backoff = httpretry.Backoff{Base: 2 * time.Second, Cap: time.Minute} })
				reply, _ := r.Run(t.Context(), event(record("m", "", c.receives)), func(context.Context, sqsbatch.Message) error { return c.err })
				equal(t, "reported", failures(reply), []string{"m"})
				d := q.changes[0].wait
				if d < c.min || d > c.max || d%time.Second != 0 {
					t.Fatalf("hidden for %s, want whole seconds from %s to %s", d, c.min, c.max)
				}
				most = max(most, d)
			}
			if most-c.min < (c.max-c.min)/2 {
				t.Errorf("200 draws reach only %s of %s: no full jitter", most, c.max)
			}
		})
	}
}

func TestMessageDeliveredTwiceInOneEvent(t *testing.T) {
	t.Parallel()
	again := record("bad", "a", 1)
	again.ReceiptHandle = "newer"
	q := &queue{refuse: func(h string) error {
		if h == "handle-bad" {
			return errors.New("receipt handle is stale")
		}
		return nil
	}}
	var calls atomic.Int32
	reply, _ := newRunner(t, q, nil).Run(t.Context(), event(record("bad", "a", 1), again, record("next", "a", 1)), func(ctx context.Context, m sqsbatch.Message) error {
		calls.Add(1)
		return badFails(ctx, m)
	})
	if calls.Load() != 1 {
		t.Errorf("handled %d times", calls.Load())
	}
	equal(t, "reported", failures(reply), []string{"bad", "next"})
	equal(t, "hidden", q.handles(), []string{"newer", "handle-next"})
}

func TestConfigNamesEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := sqsbatch.New(sqsbatch.Config{
		Concurrency: -1, StartMargin: time.Second, ReportMargin: 2 * time.Second,
		Backoff: httpretry.Backoff{Base: -1, Cap: 12 * time.Hour},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"Visibility", "Concurrency", "ReportMargin", "Backoff.Base", "Backoff.Cap"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not name %s", err, want)
		}
	}
}
