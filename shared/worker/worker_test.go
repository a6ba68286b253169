package worker_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/outcome"
	"dialtone/shared/sqsbatch"
	"dialtone/shared/worker"
)

// bench is a worker with a queue that takes notes.
type bench struct {
	t      *testing.T
	ledger *ledger.Ledger
	worker *worker.Worker
	ready  error
	broken error         // of the ledger
	age    time.Duration // of messages

	mu      sync.Mutex
	waits   []time.Duration
	letters []sqsbatch.DeadLetter
	runs    int
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t}
	store := ledgertest.Around(ledgertest.NewMemory(), func(_ ledgertest.Call, do func() error) error {
		if b.broken != nil {
			return b.broken
		}
		return do()
	})
	b.ledger = ledger.New(store, ledger.Options{})
	var err error
	b.worker, err = worker.New(worker.Config{
		Ledger: b.ledger, Visibility: b, DeadLetters: b, Closing: 2 * time.Second,
		Ready: func(context.Context, command.Command) error { return b.ready },
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *bench) ChangeMessageVisibility(_ context.Context, _, _ string, d time.Duration) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waits = append(b.waits, d)
	return nil
}

func (b *bench) SendDeadLetter(_ context.Context, d sqsbatch.DeadLetter) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.letters = append(b.letters, d)
	return nil
}

func enable(id string) string {
	return `{"specversion":"1.0","source":"desk","id":"` + id + `","type":"dialtone.simring.enable.v1","data":{"user":"ada@contoso.test","target":"sip:bob@contoso.test"}}`
}

// deliver has a message worked on by run and reports whether it comes back.
func (b *bench) deliver(body string, run func(ctx context.Context, j worker.Job) (any, error)) (back bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
	defer cancel()
	m := events.SQSMessage{MessageId: "1", ReceiptHandle: "1", Body: body, Attributes: map[string]string{
		"ApproximateReceiveCount": "3", "SentTimestamp": strconv.FormatInt(time.Now().Add(-b.age).UnixMilli(), 10),
	}}
	reply, err := b.worker.Handle(ctx, events.SQSEvent{Records: []events.SQSMessage{m}}, func(c command.Command) (worker.Task, bool) {
		_, ours := c.Data.(command.EnableSimRing)
		return worker.Task{Outcome: outcome.TypeSimRingEnabled, Done: "done", Run: func(ctx context.Context, j worker.Job) (any, error) {
			b.runs++
			return run(ctx, j)
		}}, ours
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return len(reply.BatchItemFailures) > 0
}

func (b *bench) letter() map[string]string {
	b.t.Helper()
	if len(b.letters) != 1 {
		b.t.Fatalf("%d dead letters", len(b.letters))
	}
	return b.letters[0].Attributes
}

func (b *bench) request() ledger.Request {
	b.t.Helper()
	r, _, err := b.ledger.Request(b.t.Context(), command.Key{Source: "desk", ID: "1"})
	if err != nil {
		b.t.Fatal(err)
	}
	return r
}

func succeed(context.Context, worker.Job) (any, error) {
	return outcome.SimRingEnabled{Managed: true}, nil
}

func fail(err error) func(context.Context, worker.Job) (any, error) {
	return func(context.Context, worker.Job) (any, error) { return nil, err }
}

func TestConfigProblemsAreReportedTogether(t *testing.T) {
	t.Parallel()
	_, err := worker.New(worker.Config{Closing: -1, Concurrency: -1})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, name := range []string{"Ledger", "DeadLetters", "Visibility", "Closing", "Concurrency"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

func TestSuccessIsRecordedOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for range 3 {
		if b.deliver(enable("1"), succeed) {
			t.Fatal("comes back")
		}
	}
	r := b.request()
	if r.State != ledger.Done || r.Outcome.Type != outcome.TypeSimRingEnabled || b.runs != 1 {
		t.Errorf("%+v after %d runs", r, b.runs)
	}
}

func TestWhatCannotSucceed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body   string
		err    error
		class  string
		reason string
		runs   int
	}{
		"not a command":     {"{", nil, "invalid", "", 0},
		"another queue's":   {strings.ReplaceAll(enable("1"), `.enable.v1","data":{"user":"ada@contoso.test","target":"sip:bob@contoso.test"}`, `.disable.v1","data":{"user":"ada@contoso.test"}`), nil, "invalid", "does not belong", 0},
		"refused by a task": {enable("1"), &failure.Error{Class: failure.Denied, Reason: "no"}, "denied", "no", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			if b.deliver(c.body, fail(c.err)) {
				t.Fatal("comes back")
			}
			if a := b.letter(); a["class"] != c.class || !strings.Contains(a["reason"], c.reason) || b.runs != c.runs {
				t.Errorf("%v after %d runs", a, b.runs)
			}
		})
	}
}

func TestKeyOfAnotherMessage(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.deliver(enable("1"), fail(errors.New("later")))
	b.deliver(strings.ReplaceAll(enable("1"), "bob", "eva"), succeed)
	if a := b.letter(); a["class"] != "invalid" || !strings.Contains(a["reason"], "used before") || b.runs != 1 {
		t.Errorf("%v after %d runs", a, b.runs)
	}
}

func TestFailureHandsTheRequestBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	if !b.deliver(enable("1"), fail(&failure.Error{Class: failure.Unavailable, Reason: "busy"})) {
		t.Fatal("is gone")
	}
	if r := b.request(); r.State != ledger.Waiting || !strings.Contains(r.Problem, "busy") || len(b.letters) > 0 {
		t.Errorf("%+v, letters %v", r, b.letters)
	}
	if b.deliver(enable("1"), succeed) || b.request().State != ledger.Done {
		t.Errorf("%+v", b.request())
	}
}

func TestPanicHandsTheMessageBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		if !b.deliver(enable("1"), func(context.Context, worker.Job) (any, error) { panic("boom") }) {
			t.Error("is gone")
		}
		if !b.deliver(enable("1"), succeed) { // its lease stands
			t.Error("worked on while another may be")
		}
		<-time.After(time.Minute)
		if b.deliver(enable("1"), succeed) || b.request().State != ledger.Done {
			t.Errorf("%+v", b.request())
		}
	})
}

func TestPausedVendor(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.ready = &failure.Error{Class: failure.Unavailable, Reason: "paused", RetryAfter: 5 * time.Minute, Err: failure.ErrPaused}
	if !b.deliver(enable("1"), succeed) || b.runs != 0 || b.request().State != "" {
		t.Errorf("%d runs, %+v", b.runs, b.request())
	}
	b.ready = nil
	b.deliver(enable("1"), func(context.Context, worker.Job) (any, error) { // the pause begins meanwhile
		b.ready = &failure.Error{Class: failure.Unavailable, RetryAfter: 7 * time.Minute, Err: failure.ErrPaused}
		return nil, errors.New("reset")
	})
	if len(b.waits) != 2 || b.waits[0] < 5*time.Minute || b.waits[1] < 7*time.Minute {
		t.Errorf("waits %v", b.waits)
	}
}

// TestLongerWaitHolds: a pause of the vendor's host does not shorten what the
// vendor has asked of this request.
func TestLongerWaitHolds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.deliver(enable("1"), func(context.Context, worker.Job) (any, error) {
		b.ready = &failure.Error{Class: failure.Unavailable, RetryAfter: 4 * time.Second, Err: failure.ErrPaused}
		return nil, &failure.Error{Class: failure.Unavailable, Reason: "busy", RetryAfter: 2 * time.Minute}
	})
	if len(b.waits) != 1 || b.waits[0] < 2*time.Minute {
		t.Errorf("waits %v, want 2 minutes at least", b.waits)
	}
}

// TestGivenUpByName: a message that is given up names its request, whatever kept it
// waiting, as every dead letter does.
func TestGivenUpByName(t *testing.T) {
	t.Parallel()
	paused := &failure.Error{Class: failure.Unavailable, Reason: "paused", RetryAfter: time.Minute, Err: failure.ErrPaused}
	for name, c := range map[string]struct{ before, after, broken error }{
		"paused":              {before: paused},
		"failed":              {},
		"failed, then paused": {after: paused},
		"no ledger":           {broken: errors.New("no ledger")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			b.ready, b.broken, b.age = c.before, c.broken, 12*24*time.Hour
			if b.deliver(enable("1"), func(context.Context, worker.Job) (any, error) { b.ready = c.after; return nil, errors.New("reset") }) {
				t.Fatal("comes back")
			}
			if a := b.letter(); a["class"] == "" || a["requestSource"] != "desk" || a["requestId"] != "1" || a["attempts"] == "" {
				t.Errorf("%v", a)
			}
		})
	}
}

// TestTimeIsKept: a task ends in time, and its lease covers what may follow.
func TestTimeIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		began := time.Now()
		back := b.deliver(enable("1"), func(ctx context.Context, j worker.Job) (any, error) {
			<-ctx.Done()
			if left := time.Until(j.Lease.Until()); left < 2*time.Second {
				t.Errorf("the lease ends %v after the work", left)
			}
			return nil, ctx.Err()
		})
		if took := time.Since(began); !back || took > 26*time.Second {
			t.Errorf("comes back %t after %v of 30 s", back, took)
		}
		if r := b.request(); r.State != ledger.Waiting {
			t.Errorf("not handed back: %+v", r)
		}
	})
}
