// Package mapping invokes a handler for the messages of a queue, as the event
// source mapping of AWS Lambda does with ReportBatchItemFailures: it polls,
// makes an SQS event of each batch, deletes what the reply does not report, and
// leaves the rest to its visibility timeout.
//
// The handler sees the bytes that a function sees and answers with bytes, so a
// handler in this process and one behind the Runtime API are the same to it.
//
// Vendor facts are from the AWS Lambda Developer Guide: "Using Lambda with
// Amazon SQS" and "Implementing partial batch responses".
package mapping

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"dialtone/infra/local/queue"
)

// Source is the queue to poll; a [*queue.Queue] is one. Its methods are used
// from several goroutines at once.
type Source interface {
	// Config gives the name of the queue and its visibility timeout.
	Config() queue.Config
	// Receive waits for messages as [queue.Queue.Receive] does.
	Receive(ctx context.Context, o queue.ReceiveOptions) ([]queue.Received, error)
	// DeleteBatch answers each receipt in its order; nil is deleted.
	DeleteBatch(ctx context.Context, receipts []string) ([]error, error)
	// ChangeVisibilityBatch answers each entry in its order; nil is changed.
	ChangeVisibilityBatch(ctx context.Context, entries []queue.Visibility) ([]error, error)
}

// Handler is one function: an SQS event as JSON in, an SQS batch response as
// JSON out. ctx carries the deadline of the invocation and a
// [lambdacontext.LambdaContext]. It is called from several goroutines at once;
// a panic fails the batch.
type Handler func(ctx context.Context, event []byte) (response []byte, err error)

// Config describes a mapping.
type Config struct {
	Source   Source  // required
	Handler  Handler // required; see [Events]
	Function string  // name of the function, for ARNs and the log; required

	// Timeout is what an invocation may take, 1 s to 15 min, not more than the
	// visibility timeout of the queue. Zero: 30 s.
	Timeout time.Duration
	// BatchSize is the most messages of an event, 1 to 10. Zero: 10.
	BatchSize int
	// Window is how long to gather a batch after its first message, at most
	// 5 min, not for a FIFO queue. Zero: no waiting.
	Window time.Duration
	// MaximumConcurrency is how many invocations run at once. Zero: 5.
	MaximumConcurrency int
	// Grace is how long running invocations may go on after a stop before their
	// contexts are cancelled. Zero: 10 s. Negative: not at all.
	Grace time.Duration

	// Logger takes what goes wrong, without bodies. nil: nothing is logged.
	Logger *slog.Logger
}

const (
	defaultTimeout     = 30 * time.Second
	defaultBatch       = 10
	defaultConcurrency = 5
	defaultGrace       = 10 * time.Second
	maxTimeout         = 15 * time.Minute
	maxWindow          = 5 * time.Minute
	maxConcurrency     = 1000
	pollWait           = 20 * time.Second // of one empty receive
	cutWait            = 2 * time.Second  // for handlers to return once cancelled
	settleTimeout      = 10 * time.Second // for deleting and handing back
)

// Counts are totals since New, for a console.
type Counts struct {
	Received    int64 // messages received, redeliveries included
	Succeeded   int64 // messages deleted after their invocation
	Failed      int64 // messages left to come back after their invocation
	Returned    int64 // messages handed back without an invocation that ended
	InFlight    int64 // messages with an invocation now
	Invocations int64
	Errors      int64 // invocations that failed as a whole
}

// Mapping connects one queue with one handler.
type Mapping struct {
	config Config
	queue  queue.Config

	mu     sync.Mutex
	counts Counts
}

// New returns a mapping, or an error that names every problem of the
// configuration.
func New(c Config) (*Mapping, error) {
	c = c.withDefaults()
	if err := c.problems(); err != nil {
		return nil, fmt.Errorf("mapping config: %w", err)
	}
	return &Mapping{config: c, queue: c.Source.Config()}, nil
}

func (c Config) withDefaults() Config {
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.BatchSize == 0 {
		c.BatchSize = defaultBatch
	}
	if c.MaximumConcurrency == 0 {
		c.MaximumConcurrency = defaultConcurrency
	}
	if c.Grace == 0 {
		c.Grace = defaultGrace
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func (c Config) problems() error {
	var all []error
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			all = append(all, fmt.Errorf(format, args...))
		}
	}
	refuse(c.Source == nil, "Source is missing")
	refuse(c.Handler == nil, "Handler is missing")
	refuse(c.Function == "", "Function is missing")
	refuse(c.Timeout < time.Second || c.Timeout > maxTimeout, "Timeout is %s, want 1 s to %s", c.Timeout, maxTimeout)
	refuse(c.BatchSize < 1 || c.BatchSize > defaultBatch, "BatchSize is %d, want 1 to %d", c.BatchSize, defaultBatch)
	refuse(c.Window < 0 || c.Window > maxWindow, "Window is %s, want 0 to %s", c.Window, maxWindow)
	refuse(c.MaximumConcurrency < 1 || c.MaximumConcurrency > maxConcurrency,
		"MaximumConcurrency is %d, want 1 to %d", c.MaximumConcurrency, maxConcurrency)
	if c.Source != nil {
		q := c.Source.Config()
		refuse(q.VisibilityTimeout < c.Timeout, "Timeout %s is longer than the visibility timeout %s of %s", c.Timeout, q.VisibilityTimeout, q.Name)
		refuse(q.FIFO() && c.Window > 0, "Window is not for a FIFO queue")
	}
	return errors.Join(all...)
}

// Counts returns the totals. Safe to call at any time.
func (m *Mapping) Counts() Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts
}

func (m *Mapping) count(change func(c *Counts)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change(&m.counts)
}

// Run polls until ctx ends. Then nothing more is received, messages without an
// invocation are handed back, and running invocations get the grace period,
// after which their contexts are cancelled; a batch that fails because of that
// is handed back. Run returns nil when all have returned, or an error that says
// how many have not, 2 s after the cancellation: their goroutines are still
// running. It may be called again after it returned nil.
func (m *Mapping) Run(ctx context.Context) error {
	working, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	var pollers sync.WaitGroup
	for range m.config.MaximumConcurrency {
		pollers.Go(func() { m.poll(ctx, working) })
	}
	done := make(chan struct{})
	go func() {
		pollers.Wait()
		close(done)
	}()
	<-ctx.Done()
	if within(m.config.Grace, done) {
		return nil
	}
	cut(errCut)
	if within(cutWait, done) {
		return nil
	}
	return fmt.Errorf("stop %s: invocations with %d messages did not return", m.config.Function, m.Counts().InFlight)
}

// errCut is the cause of the end of an invocation's context at a stop.
var errCut = errors.New("the grace period of the stop is over")

func within(d time.Duration, done <-chan struct{}) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}

// poll is one poller: it has at most one invocation at a time. Invocations end
// with working, receiving ends with ctx.
func (m *Mapping) poll(ctx, working context.Context) {
	var pause time.Duration
	for ctx.Err() == nil {
		batch, err := m.gather(ctx)
		switch {
		case len(batch) > 0 && ctx.Err() != nil:
			m.handBack(working, batch)
		case len(batch) > 0:
			pause = 0
			m.invoke(working, batch)
		case err == nil:
			pause = 0
		case ctx.Err() == nil:
			pause = min(max(2*pause, 100*time.Millisecond), 10*time.Second)
			m.config.Logger.Error("receive failed", "function", m.config.Function, "error", err, "pause", pause)
			within(pause, ctx.Done())
		}
	}
}

// gather receives one batch. With a window it goes on receiving until the batch
// is full or the window, which begins with the first message, is over. What was
// received is returned, whatever error ends it.
func (m *Mapping) gather(ctx context.Context) ([]queue.Received, error) {
	batch, err := m.receive(ctx, m.config.BatchSize, pollWait)
	end := time.Now().Add(m.config.Window)
	for err == nil && len(batch) > 0 && len(batch) < m.config.BatchSize && time.Until(end) > 0 {
		var more []queue.Received
		more, err = m.receive(ctx, m.config.BatchSize-len(batch), min(time.Until(end), pollWait))
		batch = append(batch, more...)
	}
	return batch, err
}

func (m *Mapping) receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Received, error) {
	got, err := m.config.Source.Receive(ctx, queue.ReceiveOptions{Max: limit, Wait: wait})
	m.count(func(c *Counts) { c.Received += int64(len(got)) })
	return got, err
}
