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
	runner *sqsbatch.Runner
	log    *slog.Logger
}

const (
	defaultConcurrency = 10
	defaultQuarantine  = 30 * 24 * time.Hour

	// turn is the longest that one message may take when nothing else bounds it.
	turn = time.Minute

	// closing is how long the user's application may take to be deleted, also
	// when the time for the message is up: one that stays open counts against the
	// user's own devices.
	closing = 2 * time.Second

	// giveUpAfter is well before the end of the queue's retention of 12 days, when a
	// message would vanish.
	giveUpAfter = 11 * 24 * time.Hour

	// lastWord is how long the ledger may then take to hear how it went.
	lastWord = time.Second
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
	if cfg.Ready == nil {
		cfg.Ready = func(context.Context, command.Command) error { return nil }
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	runner, runnerErr := sqsbatch.New(sqsbatch.Config{
		Visibility: cfg.Visibility, DeadLetters: cfg.DeadLetters,
		Concurrency: cfg.Concurrency, Backoff: cfg.Backoff, GiveUpAfter: giveUpAfter, Logger: cfg.Logger,
	})
	if err := errors.Join(err, runnerErr); err != nil {
		return nil, fmt.Errorf("change-number: %w", err)
	}
	return &Handler{cfg: cfg, runner: runner, log: cfg.Logger}, nil
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
	refuse(c.Webex == nil, "Webex is missing")
	refuse(c.UCWA == nil, "UCWA is missing")
	refuse(c.DeadLetters == nil, "DeadLetters is missing")
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
	if err := b.h.cfg.Ready(ctx, c); err != nil {
		return err // before the other vendor and the ledger have work with it
	}
	do, ours := b.task(c.Data)
	if !ours {
		log.WarnContext(ctx, "message belongs on another queue", slog.String("type", c.Type))
		return discard(misplaced(c), c, m.ReceiveCount)
	}
	until := workUntil(ctx)
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	lease, finished, err := b.h.cfg.Ledger.Begin(ctx, c, until.Add(closing+lastWord))
	switch {
	case err != nil:
		return notBegun(err, c, m.ReceiveCount)
	case finished != nil:
		log.InfoContext(ctx, "answered from the ledger", slog.String("outcome", finished.Type))
		return nil
	}
	return b.work(ctx, lease, c, do, log)
}

// task is what a command asks for.
type task struct {
	done string // for the log, where alarms look for it
	typ  string // of the outcome
	run  func(context.Context, job) (any, error)
}

// task returns what is to be done; ours is false if it is not for this queue.
func (b *batch) task(data command.Data) (do task, ours bool) {
	switch want := data.(type) {
	case command.Assign:
		return task{"number assigned", outcome.TypeAssigned, func(ctx context.Context, j job) (any, error) {
			j.typ = want.PhoneType
			w := &work{job: j, pools: b.pools, want: want}
			return w.assign(ctx)
		}}, true
	case command.Release:
		return task{"number released", outcome.TypeReleased, func(ctx context.Context, j job) (any, error) {
			j.typ = want.PhoneType
			r := &release{job: j, want: want}
			return r.release(ctx)
		}}, true
	}
	return task{}, false
}

func misplaced(c command.Command) error {
	return &failure.Error{
		Class:  failure.Invalid,
		Reason: fmt.Sprintf("a message of type %s does not belong on the queue of numbers", c.Type),
		Advice: "Send it to the queue of its own kind, with the same source and id.",
	}
}

// workUntil is the end of the work on a message. What follows fits into the time
// that the batch has, and no vendor is called when the lease has ended.
func workUntil(ctx context.Context) time.Time {
	until := time.Now().Add(turn)
	if end, limited := ctx.Deadline(); limited && end.Add(-closing).Before(until) {
		until = end.Add(-closing)
	}
	return until
}

// work does the request under its lease and records how it went.
func (b *batch) work(ctx context.Context, lease *ledger.Lease, c command.Command, do task, log *slog.Logger) error {
	result, err := do.run(ctx, job{h: b.h, lease: lease, key: c.Key, user: c.User, log: log})
	if err == nil {
		err = b.h.cfg.Ledger.Finish(ctx, lease, outcome.New(do.typ, c.Key, c.User, time.Now(), result))
	}
	if err == nil {
		log.InfoContext(ctx, do.done, logattr.User(c.User))
		return nil
	}
	return b.handBack(ctx, lease, c, err, log)
}

// handBack ends the lease without a success. The record is written even when
// the time for the message is up, so that the next delivery need not wait for
// the lease to run out.
func (b *batch) handBack(ctx context.Context, lease *ledger.Lease, c command.Command, cause error, log *slog.Logger) error {
	f := explain.Error(cause)
	log.WarnContext(ctx, "request not done", logattr.Class(f.Class), logattr.Error(cause), logattr.Advice(f))
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
	defer cancel()
	if err := b.h.cfg.Ledger.Yield(late, lease, f.Error()); err != nil {
		log.WarnContext(ctx, "lease not handed back", logattr.Error(err))
	}
	if f.Class.Permanent() {
		return discard(f, c, lease.Attempts())
	}
	if paused := failure.As(b.h.cfg.Ready(late, c)); paused != nil { // it comes back with those that wait
		return sqsbatch.RetryAfter(errors.Join(f, paused), paused.RetryAfter)
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
