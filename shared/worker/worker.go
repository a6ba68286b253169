// Package worker does what the messages of a queue ask for: each under the
// lease of its request, answered once.
//
//	decode -> vendors ready? -> begin request -> task -> request done
//
// A duplicate gets the recorded outcome and costs no vendor a call. A task that
// fails hands its request back: what can never succeed goes to the dead-letter
// queue with its reason, everything else comes back later. What the commands
// mean is the functions' business.
package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/shared/command"
	"dialtone/shared/httpretry"
	"dialtone/shared/ledger"
	"dialtone/shared/sqsbatch"
)

// Config of a [Worker]. Ledger, Visibility and DeadLetters are required.
type Config struct {
	Ledger      *ledger.Ledger
	Visibility  sqsbatch.Visibility
	DeadLetters sqsbatch.DeadLetters
	Concurrency int // messages of one batch at a time; zero: 10

	// Closing is how long a task may go on after the end of its context, to leave
	// nothing open at a vendor. Its lease lasts as long. Zero: not at all.
	Closing time.Duration

	// Ready returns why a command would be in vain now, because a vendor that it
	// needs is paused. Nil: none ever is.
	Ready func(context.Context, command.Command) error

	// Backoff is the wait before a failed message comes back, by receive count.
	// Zero: that of [sqsbatch.Config].
	Backoff httpretry.Backoff
	Logger  *slog.Logger // nil: no log
}

// Worker works on batches. It keeps nothing between them and is safe for
// concurrent use.
type Worker struct {
	cfg    Config
	runner *sqsbatch.Runner
}

const (
	// turn is the longest that one message may take when nothing else bounds it.
	turn = time.Minute

	// lastWord is how long the ledger may take to hear how a task went, after all
	// its time.
	lastWord = time.Second

	// giveUpAfter is well before the end of the queues' retention of 12 days, when a
	// message would vanish.
	giveUpAfter = 11 * 24 * time.Hour
)

// New checks the configuration, all at once.
func New(cfg Config) (*Worker, error) {
	if cfg.Ready == nil {
		cfg.Ready = func(context.Context, command.Command) error { return nil }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	runner, err := sqsbatch.New(sqsbatch.Config{
		Visibility: cfg.Visibility, DeadLetters: cfg.DeadLetters,
		Concurrency: cfg.Concurrency, Backoff: cfg.Backoff, GiveUpAfter: giveUpAfter, Logger: cfg.Logger,
	})
	if err := errors.Join(cfg.check(), err); err != nil {
		return nil, fmt.Errorf("worker: %w", err)
	}
	return &Worker{cfg: cfg, runner: runner}, nil
}

// check reports what the runner does not check.
func (c Config) check() error {
	var all []error
	refuse := func(wrong bool, problem string) {
		if wrong {
			all = append(all, errors.New(problem))
		}
	}
	refuse(c.Ledger == nil, "Ledger is missing")
	refuse(c.DeadLetters == nil, "DeadLetters is missing")
	refuse(c.Closing < 0, "Closing is negative")
	return errors.Join(all...)
}

// Job is a request that is worked on.
type Job struct {
	Command command.Command
	Lease   *ledger.Lease
	Log     *slog.Logger // names message and request
}

// Task is what a command asks for.
type Task struct {
	Outcome string // type of the outcome event
	Done    string // what the log says of a success, where metrics look for it

	// Run does it and returns the data of the outcome. Delivered again, it goes on
	// from wherever the last delivery ended. Its context ends in time; after that,
	// no vendor may be called but for closing.
	Run func(ctx context.Context, j Job) (data any, err error)
}

// Tasks finds the task for a command; ours is false when such commands do not
// belong on this queue.
type Tasks func(c command.Command) (t Task, ours bool)

// Handle works through one batch. The reply names exactly the messages that
// must come back; what can never succeed is on the dead-letter queue when
// Handle returns.
func (w *Worker) Handle(ctx context.Context, e events.SQSEvent, tasks Tasks) (events.SQSEventResponse, error) {
	return w.runner.Run(ctx, e, func(ctx context.Context, m sqsbatch.Message) error {
		return w.message(ctx, m, tasks)
	})
}
