// Package sqsbatch turns an SQS event into calls of a handler, one a message,
// and their ends into a partial batch reply.
//
// A message ends in exactly one of three ways: acknowledged (the handler
// returned nil), dead-lettered with its reason ([Discard]) and then
// acknowledged, or reported as failed, so that SQS delivers it again. Whatever
// happens (panics, a deadline, a dead-letter queue that does not answer), a
// message that was not settled is reported.
//
// Messages of one group are handled in order, one at a time; when one fails,
// the rest of its group is held back and comes back with it. Held-back messages
// have spent a receive: a queue with groups needs a maxReceiveCount well above
// the receives that its longest backoff takes.
//
// Reports count only when the event source mapping sets
// ReportBatchItemFailures (AWS Lambda: "Implementing partial batch responses").
package sqsbatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dialtone/shared/httpretry"
)

// Visibility changes when SQS delivers a message again.
type Visibility interface {
	// ChangeMessageVisibility hides the message for d from now: whole seconds,
	// 0 to 11 h 40 min. queue is the ARN of the queue.
	ChangeMessageVisibility(ctx context.Context, queue, receiptHandle string, d time.Duration) error
}

// DeadLetters sends to the dead-letter queue of a queue.
type DeadLetters interface {
	// SendDeadLetter returns nil only when the queue has accepted the message.
	SendDeadLetter(ctx context.Context, d DeadLetter) error
}

// Config describes a [Runner]. Both interfaces are called from several
// goroutines at once.
type Config struct {
	// Visibility brings failed messages back in time. Required.
	Visibility Visibility
	// DeadLetters takes discarded messages. nil: a discarded message is reported
	// as failed, because acknowledging it would lose it.
	DeadLetters DeadLetters

	// Concurrency is how many messages are handled at once. 0: 10.
	Concurrency int
	// StartMargin is the least time that the invocation must have left for a
	// message to be started: the worst case of one message. 0: 10 s.
	StartMargin time.Duration
	// ReportMargin is the time kept back at the end for visibility changes, dead
	// letters and the reply; the handlers' contexts end so much earlier. Less
	// than StartMargin. 0: a fifth of StartMargin, at most 2 s.
	ReportMargin time.Duration
	// Backoff is the wait before a failed message comes back, by receive count.
	// Zero fields: Base 5 s, Cap 1 h, Factor 2. Cap is at most 11 h 40 min. It is
	// not added to the wait that a [failure.ErrPaused] asks for.
	Backoff httpretry.Backoff
	// GiveUpAfter is the age, counted from the send, after which a message that
	// fails is dead-lettered instead of brought back: SQS deletes a message without
	// a word at the end of its retention, which must be longer than this by more
	// than the longest wait. A redrive makes a message young again. 0: never.
	GiveUpAfter time.Duration

	// Logger takes one line for each message that was not acknowledged by its
	// handler, without bodies. nil: nothing is logged.
	Logger *slog.Logger
}

// maxVisibility is the longest that a message is hidden. SQS allows 12 h counted
// from the receive (Amazon SQS: ChangeMessageVisibility); 20 min of that may
// have gone in the longest batching window and invocation.
const maxVisibility = 12*time.Hour - 20*time.Minute

const (
	defaultConcurrency  = 10
	defaultStartMargin  = 10 * time.Second
	maxDefaultReporting = 2 * time.Second
	defaultBackoffBase  = 5 * time.Second
	defaultBackoffCap   = time.Hour
)

// Runner handles batches. It keeps no state between them and is safe for
// concurrent use.
type Runner struct{ cfg Config }

// New returns a runner, or an error that names every problem of the
// configuration.
func New(c Config) (*Runner, error) {
	if err := c.problems(); err != nil {
		return nil, fmt.Errorf("sqsbatch config: %w", err)
	}
	return &Runner{cfg: c.withDefaults()}, nil
}

func (c Config) withDefaults() Config {
	if c.Concurrency == 0 {
		c.Concurrency = defaultConcurrency
	}
	if c.StartMargin == 0 {
		c.StartMargin = defaultStartMargin
	}
	if c.ReportMargin == 0 {
		c.ReportMargin = min(c.StartMargin/5, maxDefaultReporting)
	}
	if c.Backoff.Base == 0 {
		c.Backoff.Base = defaultBackoffBase
	}
	if c.Backoff.Cap == 0 {
		c.Backoff.Cap = defaultBackoffCap
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
	d := c.withDefaults()
	refuse(c.Visibility == nil, "Visibility is missing")
	refuse(c.Concurrency < 0, "Concurrency is %d, want 1 or more, or 0 for %d", c.Concurrency, defaultConcurrency)
	refuse(c.StartMargin < 0, "StartMargin is %s, want more than 0, or 0 for %s", c.StartMargin, defaultStartMargin)
	refuse(c.ReportMargin < 0, "ReportMargin is %s, want 0 or more", c.ReportMargin)
	refuse(d.ReportMargin >= d.StartMargin && d.StartMargin > 0,
		"ReportMargin is %s, want less than StartMargin %s", d.ReportMargin, d.StartMargin)
	refuse(c.GiveUpAfter < 0, "GiveUpAfter is %s, want more than 0, or 0 for never", c.GiveUpAfter)
	refuse(c.Backoff.Base < 0, "Backoff.Base is %s, want more than 0, or 0 for %s", c.Backoff.Base, defaultBackoffBase)
	refuse(c.Backoff.Cap < 0 || c.Backoff.Cap > maxVisibility,
		"Backoff.Cap is %s, want at most %s, or 0 for %s", c.Backoff.Cap, maxVisibility, defaultBackoffCap)
	return errors.Join(all...)
}
