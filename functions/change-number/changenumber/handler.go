// Package changenumber handles the commands of the queue numbers.fifo: it gives
// a user a number of a location's pool and publishes it in Skype for Business,
// and takes it back.
//
// The order of things, each arrow a point where a crash does no harm:
//
//	assign:  decode -> begin request -> read person -> list and vet numbers (once a batch)
//	  and open the user's application, side by side -> pin person -> claim number
//	  -> changeNumber -> read back -> confirm number, person -> request done
//	release: decode -> begin request -> read person -> open the user's application
//	  -> recall the line -> changeNumber -> read back -> numbers rest -> line vacated
//	  -> request done
//
// Nothing is chosen or recalled before the user's phone was read: a user who may
// not change it costs no write, and the state before the change is in the first.
package changenumber

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/shared/command"
	"dialtone/shared/httpretry"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/sqsbatch"
	"dialtone/shared/ucwa"
	"dialtone/shared/visit"
	"dialtone/shared/webex"
	"dialtone/shared/worker"
)

// Config of a [Handler]. Ledger, Webex, UCWA, Visibility and DeadLetters are required.
type Config struct {
	Ledger      *ledger.Ledger
	Webex       *webex.Client
	UCWA        *ucwa.Client
	Visibility  sqsbatch.Visibility
	DeadLetters sqsbatch.DeadLetters
	Concurrency int // users of one batch at a time; zero: 10

	// Quarantine is how long a number rests that was taken back or displaced,
	// before somebody else may get it. Zero: 30 days.
	Quarantine time.Duration

	// QuarantineAt is the same by location ID, for those that differ.
	QuarantineAt map[string]time.Duration

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
	opened sync.Map // sites made known to the ledger
	starts sync.Map // site: offset of the page that had free numbers
	cfg    Config
	worker *worker.Worker
}

const (
	defaultConcurrency = 10
	defaultQuarantine  = 30 * 24 * time.Hour
)

// New checks the configuration, all at once.
func New(cfg Config) (*Handler, error) {
	err := cfg.check()
	if cfg.Concurrency == 0 {
		cfg.Concurrency = defaultConcurrency
	}
	if cfg.Quarantine == 0 {
		cfg.Quarantine = defaultQuarantine
	}
	w, workerErr := worker.New(worker.Config{
		Ledger: cfg.Ledger, Visibility: cfg.Visibility, DeadLetters: cfg.DeadLetters, Concurrency: cfg.Concurrency,
		Closing: visit.Closing, Ready: cfg.Ready, Backoff: cfg.Backoff, Logger: cfg.Logger,
	})
	if err := errors.Join(err, workerErr); err != nil {
		return nil, fmt.Errorf("change-number: %w", err)
	}
	return &Handler{cfg: cfg, worker: w}, nil
}

// check reports what the worker does not check.
func (c Config) check() error {
	var all []error
	refuse := func(wrong bool, problem string) {
		if wrong {
			all = append(all, errors.New(problem))
		}
	}
	refuse(c.Webex == nil, "Webex is missing")
	refuse(c.UCWA == nil, "UCWA is missing")
	refuse(c.Quarantine < 0, "Quarantine is negative")
	for location, d := range c.QuarantineAt {
		refuse(d < 0, "QuarantineAt of "+location+" is negative")
	}
	return errors.Join(all...)
}

// Handle works through one batch of the queue. The reply names exactly the
// messages that must come back; what can never succeed is on the dead-letter
// queue when Handle returns.
func (h *Handler) Handle(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	pools := newPools(h, e) // what the messages of one invocation share
	return h.worker.Handle(ctx, e, func(c command.Command) (worker.Task, bool) { return h.task(c, pools) })
}

// task finds out what a command asks for.
func (h *Handler) task(c command.Command, pools *pools) (t worker.Task, ours bool) {
	switch want := c.Data.(type) {
	case command.Assign:
		return worker.Task{Outcome: outcome.TypeAssigned, Done: "number assigned", Run: func(ctx context.Context, j worker.Job) (any, error) {
			w := &work{job: h.job(j, want.PhoneType), pools: pools, want: want}
			return w.assign(ctx)
		}}, true
	case command.Release:
		return worker.Task{Outcome: outcome.TypeReleased, Done: "number released", Run: func(ctx context.Context, j worker.Job) (any, error) {
			r := &release{job: h.job(j, want.PhoneType), want: want}
			return r.release(ctx)
		}}, true
	}
	return worker.Task{}, false
}

func (h *Handler) job(j worker.Job, typ command.PhoneType) job {
	return job{h: h, lease: j.Lease, key: j.Command.Key, user: j.Command.User, typ: typ, log: j.Log}
}
