package mapping_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"dialtone/infra/local/mapping"
	"dialtone/infra/local/queue"
	"dialtone/shared/sqlitefile"
)

// bench is a mapping on a real queue in a bubble.
type bench struct {
	t     *testing.T
	queue *queue.Queue
	log   bytes.Buffer
	stop  func() error // stops Run and returns its result
}

// inBubble runs a test with a queue that hides for a minute.
func inBubble(t *testing.T, name string, run func(b *bench)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file, err := sqlitefile.Open(t.Context(), filepath.Join(t.TempDir(), "q.db"), sqlitefile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		queues, err := queue.Open(t.Context(), file)
		if err != nil {
			t.Fatal(err)
		}
		if err := queues.Declare(t.Context(), queue.Config{Name: name, VisibilityTimeout: time.Minute}); err != nil {
			t.Fatal(err)
		}
		q, err := queues.Queue(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		run(&bench{t: t, queue: q})
	})
}

func (b *bench) send(bodies ...string) {
	b.t.Helper()
	for _, body := range bodies {
		m := queue.Outgoing{Body: body}
		if b.queue.Config().FIFO() {
			m.Group, m.DedupID = body[:1], body
		}
		if _, err := b.queue.Send(b.t.Context(), m); err != nil {
			b.t.Fatal(err)
		}
	}
}

// start runs a mapping with a handler that gets the bodies of each batch.
func (b *bench) start(c mapping.Config, handle func(ctx context.Context, bodies []string) (failed []string, err error)) *mapping.Mapping {
	b.t.Helper()
	c.Function = "change-number"
	if c.Source == nil {
		c.Source = b.queue
	}
	c.Logger = slog.New(slog.NewTextHandler(&b.log, nil))
	c.Handler = mapping.Events(func(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
		var bodies []string
		for _, r := range e.Records {
			bodies = append(bodies, r.Body)
		}
		failed, err := handle(ctx, bodies)
		var response events.SQSEventResponse
		for _, r := range e.Records {
			if slices.Contains(failed, r.Body) {
				response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: r.MessageId})
			}
		}
		return response, err
	})
	m, err := mapping.New(c)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.t.Context())
	result := make(chan error, 1)
	go func() { result <- m.Run(ctx) }()
	b.stop = sync.OnceValue(func() error {
		cancel()
		return <-result
	})
	return m
}

func (b *bench) wantCounts(visible, inFlight int) {
	b.t.Helper()
	c, err := b.queue.Counts(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	if c.Visible != visible || c.InFlight != inFlight {
		b.t.Errorf("queue has %d visible and %d in flight, want %d and %d", c.Visible, c.InFlight, visible, inFlight)
	}
}

func (b *bench) wantStop() {
	b.t.Helper()
	if err := b.stop(); err != nil {
		b.t.Error(err)
	}
}

func TestConfigProblems(t *testing.T) {
	inBubble(t, "q.fifo", func(b *bench) {
		_, err := mapping.New(mapping.Config{
			Source: b.queue, Timeout: 16 * time.Minute, BatchSize: 11, Window: -1, MaximumConcurrency: -1,
		})
		for _, want := range []string{"Handler", "Function", "Timeout is 16m", "longer than the visibility", "BatchSize", "Window", "MaximumConcurrency"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				b.t.Errorf("%q is not reported: %v", want, err)
			}
		}
		if _, err := mapping.New(mapping.Config{Window: time.Second}); err == nil || !strings.Contains(err.Error(), "Source") {
			b.t.Errorf("no source: %v", err)
		}
		_, err = mapping.New(mapping.Config{Source: b.queue, Function: "f", Window: time.Second, Handler: func(context.Context, []byte) ([]byte, error) { return nil, nil }})
		if err == nil || !strings.Contains(err.Error(), "FIFO") {
			b.t.Errorf("window on a FIFO queue: %v", err)
		}
	})
}

func TestEvent(t *testing.T) {
	inBubble(t, "numbers.fifo", func(b *bench) {
		sent, err := b.queue.Send(b.t.Context(), queue.Outgoing{
			Body: "{\"a\": \"<&>\"}\n", Group: "ada@contoso.test", DedupID: "d1",
			Attributes: map[string]queue.Attribute{
				"class": queue.Text("denied"),
				"raw":   {DataType: "Binary", BinaryValue: []byte{0, 255}},
			},
		})
		if err != nil {
			b.t.Fatal(err)
		}
		sentAt := time.Now()
		time.Sleep(5 * time.Second)
		raw := make(chan []byte, 1)
		var inside context.Context
		m, err := mapping.New(mapping.Config{
			Source: b.queue, Function: "change-number", Timeout: 20 * time.Second,
			Handler: func(ctx context.Context, event []byte) ([]byte, error) {
				inside = ctx
				raw <- event
				return nil, nil
			},
		})
		if err != nil {
			b.t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(b.t.Context())
		done := make(chan error, 1)
		go func() { done <- m.Run(ctx) }()
		event := <-raw
		deadline, _ := inside.Deadline()
		if got := time.Until(deadline); got != 20*time.Second {
			b.t.Errorf("the invocation has %s", got)
		}
		lc, ok := lambdacontext.FromContext(inside)
		if !ok || len(lc.AwsRequestID) != 36 || !strings.HasSuffix(lc.InvokedFunctionArn, ":function:change-number") {
			b.t.Errorf("lambda context %+v", lc)
		}
		cancel()
		if err := <-done; err != nil {
			b.t.Error(err)
		}
		checkEvent(b.t, event, sent, sentAt)
	})
}

// checkEvent compares the JSON itself, which is what a function gets.
func checkEvent(t *testing.T, event []byte, sent queue.Sent, sentAt time.Time) {
	t.Helper()
	var e struct{ Records []map[string]any }
	if err := json.Unmarshal(event, &e); err != nil || len(e.Records) != 1 {
		t.Fatalf("event %s: %v", event, err)
	}
	got := e.Records[0]
	if receipt, _ := got["receiptHandle"].(string); receipt == "" {
		t.Error("no receipt handle")
	}
	delete(got, "receiptHandle")
	want := fmt.Sprintf(`{
		"messageId": %q, "body": "{\"a\": \"<&>\"}\n",
		"md5OfBody": "a6db1c38eb4a6139fd26cbee802cf13f",
		"md5OfMessageAttributes": "401a483656933023f746d7aff8ab1e7c",
		"attributes": {
			"ApproximateReceiveCount": "1", "SentTimestamp": "%d", "SenderId": "local",
			"ApproximateFirstReceiveTimestamp": "%d", "MessageGroupId": "ada@contoso.test",
			"MessageDeduplicationId": "d1", "SequenceNumber": %q},
		"messageAttributes": {
			"class": {"stringValue": "denied", "dataType": "String", "stringListValues": [], "binaryListValues": []},
			"raw": {"binaryValue": "AP8=", "dataType": "Binary", "stringListValues": [], "binaryListValues": []}},
		"eventSourceARN": "arn:aws:sqs:local:000000000000:numbers.fifo", "eventSource": "aws:sqs", "awsRegion": "local"}`,
		sent.ID, sentAt.UnixMilli(), sentAt.Add(5*time.Second).UnixMilli(), sent.Sequence)
	var wanted map[string]any
	if err := json.Unmarshal([]byte(want), &wanted); err != nil {
		t.Fatal(err)
	}
	for key, value := range wanted {
		a, _ := json.Marshal(got[key])
		b, _ := json.Marshal(value)
		if !bytes.Equal(a, b) {
			t.Errorf("%s is %s, want %s", key, a, b)
		}
		delete(got, key)
	}
	if len(got) > 0 {
		t.Errorf("more than SQS sends: %v", got)
	}
}

func TestPartialFailure(t *testing.T) {
	inBubble(t, "q", func(b *bench) {
		b.send("good", "bad", "fine")
		var calls [][]string
		m := b.start(mapping.Config{MaximumConcurrency: 1}, func(_ context.Context, bodies []string) ([]string, error) {
			calls = append(calls, bodies)
			if len(calls) == 1 {
				return []string{"bad"}, nil
			}
			return nil, nil
		})
		time.Sleep(30 * time.Second)
		b.wantCounts(0, 1)
		time.Sleep(31 * time.Second) // its visibility timeout is over
		b.wantCounts(0, 0)
		b.wantStop()
		if got := fmt.Sprint(calls); got != "[[good bad fine] [bad]]" {
			b.t.Errorf("calls %s", got)
		}
		want := mapping.Counts{Received: 4, Succeeded: 3, Failed: 1, Invocations: 2}
		if got := m.Counts(); got != want {
			b.t.Errorf("counts %+v, want %+v", got, want)
		}
	})
}

func TestWholeFailure(t *testing.T) {
	for name, handle := range map[string]func(ctx context.Context) error{
		"error": func(context.Context) error { return errors.New("no") },
		"panic": func(context.Context) error { panic("secret value") },
		"late success": func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, "q", func(b *bench) {
				b.send("a", "b")
				calls := 0
				m := b.start(mapping.Config{MaximumConcurrency: 1}, func(ctx context.Context, _ []string) ([]string, error) {
					if calls++; calls == 1 {
						return nil, handle(ctx)
					}
					return nil, nil
				})
				time.Sleep(59 * time.Second)
				b.wantCounts(0, 2)
				time.Sleep(2 * time.Second)
				b.wantCounts(0, 0)
				b.wantStop()
				if c := m.Counts(); c.Errors != 1 || c.Failed != 2 || c.Succeeded != 2 {
					b.t.Errorf("counts %+v", c)
				}
				if log := b.log.String(); !strings.Contains(log, "invocation failed") || strings.Contains(log, "secret") {
					b.t.Errorf("log %s", log)
				}
			})
		})
	}
}

// A handler that changes the visibility of what it reports has the last word.
func TestHandlerSetsVisibility(t *testing.T) {
	inBubble(t, "q", func(b *bench) {
		b.send("a")
		began := time.Now()
		var took time.Duration
		m, err := mapping.New(mapping.Config{
			Source: b.queue, Function: "f",
			Handler: mapping.Events(func(ctx context.Context, e events.SQSEvent) (r events.SQSEventResponse, err error) {
				if e.Records[0].Attributes["ApproximateReceiveCount"] == "2" {
					took = time.Since(began)
					return r, nil
				}
				r.BatchItemFailures = []events.SQSBatchItemFailure{{ItemIdentifier: e.Records[0].MessageId}}
				return r, b.queue.ChangeVisibility(ctx, e.Records[0].ReceiptHandle, 5*time.Second)
			}),
		})
		if err != nil {
			b.t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(b.t.Context(), 30*time.Second)
		defer cancel()
		if err := m.Run(ctx); err != nil {
			b.t.Error(err)
		}
		if took != 5*time.Second {
			b.t.Errorf("came back after %s", took)
		}
	})
}

func TestConcurrency(t *testing.T) {
	inBubble(t, "q.fifo", func(b *bench) {
		for i := range 6 {
			for _, group := range []string{"a", "b", "c", "d"} {
				b.send(fmt.Sprint(group, i))
			}
		}
		var mu sync.Mutex
		running, most := 0, 0
		inGroup, next := make(map[string]bool), make(map[string]int)
		b.start(mapping.Config{MaximumConcurrency: 3, BatchSize: 2}, func(_ context.Context, bodies []string) ([]string, error) {
			mu.Lock()
			running++
			most = max(most, running)
			groups := make(map[string]bool)
			for _, body := range bodies {
				group := body[:1]
				groups[group] = true
				if inGroup[group] {
					b.t.Errorf("group %s is in two invocations", group)
				}
				if want := fmt.Sprint(group, next[group]); body != want {
					b.t.Errorf("got %s, want %s", body, want)
				}
				next[group]++
			}
			for group := range groups {
				inGroup[group] = true
			}
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			defer mu.Unlock()
			running--
			for group := range groups {
				inGroup[group] = false
			}
			return nil, nil
		})
		time.Sleep(20 * time.Second)
		b.wantStop()
		b.wantCounts(0, 0)
		if most != 3 {
			b.t.Errorf("%d invocations at once, want 3", most)
		}
	})
}

func TestWindow(t *testing.T) {
	inBubble(t, "q", func(b *bench) {
		began := time.Now()
		var calls []string
		b.start(mapping.Config{MaximumConcurrency: 1, BatchSize: 3, Window: 10 * time.Second}, func(_ context.Context, bodies []string) ([]string, error) {
			calls = append(calls, fmt.Sprint(strings.Join(bodies, "+"), " after ", time.Since(began)))
			return nil, nil
		})
		time.Sleep(time.Second)
		b.send("a")
		time.Sleep(4 * time.Second)
		b.send("b")
		time.Sleep(10 * time.Second) // the window ends 11 s after the start
		b.send("c", "d", "e")        // full at once
		time.Sleep(time.Second)
		b.wantStop()
		if got := fmt.Sprint(calls); got != "[a+b after 11s c+d+e after 15s]" {
			b.t.Errorf("calls %s", got)
		}
	})
}
