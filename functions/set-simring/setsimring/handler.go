// Package setsimring handles the commands of the queue simring.fifo: it lets a
// user's calls ring a second phone or person as well, and brings back what stood
// before.
//
// The order of things, each arrow a point where a crash does no harm:
//
//	enable:  begin request -> read record -> open the user's application, read
//	  call forwarding -> pin target, with what stood before -> simultaneousRingToContact
//	  -> read back -> record settled -> request done
//	disable: begin request -> read record -> open the user's application, read
//	  call forwarding -> recall -> one step, read back, next step -> record off
//	  -> request done
//
// Only what dialtone's change did is undone: whether its target rings still is
// told by reading, and what a person has set since, instead of it or beside it, is
// not touched, but that no call rings elsewhere after a disable.
package setsimring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/shared/command"
	"dialtone/shared/httpretry"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/sqsbatch"
	"dialtone/shared/ucwa"
	"dialtone/shared/visit"
	"dialtone/shared/worker"
)

// Service is the name of this program to Skype for Business. It differs from that
// of change-number: both may work on a user at the same time, and with one name
// each would end the other's application.
const Service = "dialtone simring"

// Config of a [Handler]. Ledger, UCWA, Visibility and DeadLetters are required.
type Config struct {
	Ledger      *ledger.Ledger
	UCWA        *ucwa.Client
	Visibility  sqsbatch.Visibility
	DeadLetters sqsbatch.DeadLetters
	Concurrency int // users of one batch at a time; zero: 10

	// Ready returns why a command would be in vain now, because a vendor that it
	// needs is paused. Nil: none ever is.
	Ready func(context.Context, command.Command) error

	// Backoff is the wait before a failed message comes back, by receive count.
	// Zero: that of [sqsbatch.Config].
	Backoff httpretry.Backoff
	Logger  *slog.Logger // nil: no log
}

// Handler handles batches. It is safe for concurrent use.
type Handler struct {
	cfg    Config
	worker *worker.Worker
}

// New checks the configuration, all at once.
func New(cfg Config) (*Handler, error) {
	w, err := worker.New(worker.Config{
		Ledger: cfg.Ledger, Visibility: cfg.Visibility, DeadLetters: cfg.DeadLetters, Concurrency: cfg.Concurrency,
		Closing: visit.Closing, Ready: cfg.Ready, Backoff: cfg.Backoff, Logger: cfg.Logger,
	})
	if cfg.UCWA == nil {
		err = errors.Join(errors.New("UCWA is missing"), err)
	}
	if err != nil {
		return nil, fmt.Errorf("set-simring: %w", err)
	}
	return &Handler{cfg: cfg, worker: w}, nil
}

// Handle works through one batch of the queue. The reply names exactly the
// messages that must come back; what can never succeed is on the dead-letter
// queue when Handle returns.
func (h *Handler) Handle(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	return h.worker.Handle(ctx, e, h.task)
}

// task finds out what a command asks for.
func (h *Handler) task(c command.Command) (t worker.Task, ours bool) {
	switch want := c.Data.(type) {
	case command.EnableSimRing:
		return worker.Task{Outcome: outcome.TypeSimRingEnabled, Done: "simultaneous ring enabled", Run: func(ctx context.Context, j worker.Job) (any, error) {
			e := &enabling{job: h.job(j), want: want}
			return e.enable(ctx)
		}}, true
	case command.DisableSimRing:
		return worker.Task{Outcome: outcome.TypeSimRingDisabled, Done: "simultaneous ring disabled", Run: func(ctx context.Context, j worker.Job) (any, error) {
			d := &disabling{job: h.job(j), want: want, refused: map[step]string{}, idle: map[step]int{}}
			return d.disable(ctx)
		}}, true
	}
	return worker.Task{}, false
}
