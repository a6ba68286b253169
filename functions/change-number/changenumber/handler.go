// Package changenumber handles the commands of the queue numbers.fifo: it gives
// a user a number of a location's pool and publishes it in Skype for Business.
//
// The order of things, each arrow a point where a crash does no harm:
//
//	decode -> begin request -> read person -> list and vet numbers (once a batch)
//	  and open the user's application, side by side -> pin person -> claim number
//	  -> changeNumber -> read back -> confirm number, person -> request done
//
// Nothing is chosen before the user's phone was read: a user who may not change
// it costs no reservation, and the state before the change is in the pin.
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
	"dialtone/shared/explain"
	"dialtone/shared/failure"
	"dialtone/shared/httpretry"
	"dialtone/shared/ledger"
	"dialtone/shared/logattr"
	"dialtone/shared/outcome"
	"dialtone/shared/sqsbatch"
	"dialtone/shared/ucwa"
	"dialtone/shared/webex"
)

// Config of a [Handler]. Ledger, Webex, UCWA, Visibility and DeadLetters are required.
type Config struct {
	Ledger      *ledger.Ledger
	Webex       *webex.Client
	UCWA        *ucwa.Client
	Visibility  sqsbatch.Visibility
	DeadLetters sqsbatch.DeadLetters
	Concurrency int           // users of one batch at a time; zero: 10
	Quarantine  time.Duration // rest of a number that was displaced; zero: 30 days

	// Backoff is the wait before a failed message comes back, by receive count.
	// Zero: that of [sqsbatch.Config].
	Backoff httpretry.Backoff
	Logger  *slog.Logger // nil: no log
}

// Handler handles batches. It is safe for concurrent use.
type Handler struct {
	opened sync.Map // locations made known to the ledger
	starts sync.Map // site: offset of the page that had free numbers
	cfg    Config
	runner *sqsbatch.Runner
	log    *slog.Logger
}

const (
	defaultConcurrency = 10
	defaultQuarantine  = 30 * 24 * time.Hour

	// leaseSlack is how long a lease outlives the last moment at which its
	// worker may still call a vendor.
	leaseSlack = 2 * time.Second

	// turn is the longest that one message may take when nothing else bounds it.
	turn = time.Minute
)

// New checks the configuration, all at once.
func New(cfg Config) (*Handler, error) {
	var missing []error
	for name, is := range map[string]bool{"Ledger": cfg.Ledger != nil, "Webex": cfg.Webex != nil, "UCWA": cfg.UCWA != nil} {
		if !is {
			missing = append(missing, fmt.Errorf("change-number: %s is missing", name))
		}
	}
	if cfg.Concurrency == 0 {
		cfg.Concurrency = defaultConcurrency
	}
	if cfg.Quarantine == 0 {
		cfg.Quarantine = defaultQuarantine
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	runner, err := sqsbatch.New(sqsbatch.Config{
		Visibility: cfg.Visibility, DeadLetters: cfg.DeadLetters,
		Concurrency: cfg.Concurrency, Backoff: cfg.Backoff, Logger: cfg.Logger,
	})
	if err := errors.Join(append(missing, err)...); err != nil {
		return nil, err
	}
	return &Handler{cfg: cfg, runner: runner, log: cfg.Logger}, nil
}

// Handle works through one batch of the queue. The reply names exactly the
// messages that must come back; what can never succeed is on the dead-letter
// queue when Handle returns.
func (h *Handler) Handle(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	b := &batch{h: h, pools: newPools(h, e)}
	return h.runner.Run(ctx, e, b.handle)
}

// batch is what the messages of one invocation share.
type batch struct {
	h     *Handler
	pools *pools
}

func (b *batch) handle(ctx context.Context, m sqsbatch.Message) error {
	c, err := command.Decode([]byte(m.Body))
	log := b.h.log.With(logattr.MessageID(m.ID), logattr.RequestSource(c.Key.Source), logattr.RequestID(c.Key.ID), logattr.Attempt(m.ReceiveCount))
	if err != nil {
		log.WarnContext(ctx, "message is not a command", logattr.Error(err))
		return discard(err, c, m.ReceiveCount)
	}
	ctx, cancel := context.WithTimeout(ctx, turn)
	defer cancel()
	until, _ := ctx.Deadline()
	lease, finished, err := b.h.cfg.Ledger.Begin(ctx, c, until.Add(leaseSlack))
	switch {
	case err != nil:
		return notBegun(err, c, m.ReceiveCount)
	case finished != nil:
		log.InfoContext(ctx, "answered from the ledger", slog.String("outcome", finished.Type))
		return nil
	}
	return b.work(ctx, lease, c, log)
}

// work does the request under its lease and records how it went.
func (b *batch) work(ctx context.Context, lease *ledger.Lease, c command.Command, log *slog.Logger) error {
	w := &work{h: b.h, pools: b.pools, lease: lease, key: c.Key, want: c.Data.(command.Assign), log: log}
	result, err := w.assign(ctx)
	if err == nil {
		done := outcome.New(outcome.TypeAssigned, c.Key, c.User, time.Now(), result)
		err = b.h.cfg.Ledger.Finish(ctx, lease, done)
	}
	if err == nil {
		log.InfoContext(ctx, "number assigned", logattr.User(c.User), logattr.Location(result.LocationID), slog.String("verified", result.Verified))
		return nil
	}
	return b.handBack(ctx, lease, c, err, log)
}

// handBack ends the lease without a success. The record is written even when
// the time for the message is up, so that the next delivery need not wait for
// the lease to run out.
func (b *batch) handBack(ctx context.Context, lease *ledger.Lease, c command.Command, cause error, log *slog.Logger) error {
	f := explain.Error(cause)
	log.WarnContext(ctx, "request not done", logattr.Class(f.Class), logattr.Error(cause))
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaseSlack)
	defer cancel()
	if err := b.h.cfg.Ledger.Yield(late, lease, f.Error()); err != nil {
		log.WarnContext(ctx, "lease not handed back", logattr.Error(err))
	}
	switch {
	case f.Class.Permanent():
		return discard(f, c, lease.Attempts())
	case f.RetryAfter > 0:
		return sqsbatch.RetryAfter(f, f.RetryAfter)
	}
	return f
}

func discard(err error, c command.Command, attempts int) error {
	return sqsbatch.DiscardFailure(failure.As(err), c.Key.Source, c.Key.ID, attempts)
}

// notBegun answers for a request that the ledger would not let us work on.
func notBegun(err error, c command.Command, attempts int) error {
	if busy, ok := errors.AsType[*ledger.BusyError](err); ok {
		return sqsbatch.RetryAfter(err, time.Until(busy.Until))
	}
	if errors.Is(err, ledger.ErrMismatch) {
		return discard(&failure.Error{
			Class:  failure.Invalid,
			Reason: "the source and id of this message were used before for another message",
			Advice: "Give every request an id of its own and send the message again.", Err: err,
		}, c, attempts)
	}
	return err
}
