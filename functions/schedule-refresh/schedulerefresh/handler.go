// Package schedulerefresh hands out, every few minutes, the users whose
// subscription to contacts and groups is due, to those who keep it alive.
//
// A run reads who is due before the next one, from a list for each shard, in the
// order of time, and never anybody else. Orders of up to a hundred users go to
// the queue, each with the delay until it is due, so that work flows evenly
// whatever the period. Nothing is written for a user: one item says how far the
// schedule has come,
//
//	read due -> order sent -> place written
//
// and a run that dies or ends early leaves the rest to the next one, which may
// send an order again. That is free of harm: who was contacted is not due.
//
// After runs that did not happen all of what they left is due at once. It is
// handed out oldest first and no faster than a rate, as far as that goes until
// the next run; see [Config].UsersPerSecond.
//
// An order can be lost. Who stays overdue is therefore ordered again, after ten
// minutes, twenty, forty and so on, which in an outage of hours adds a few orders
// a user and no flood.
package schedulerefresh

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"time"

	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/logattr"
	"dialtone/shared/sqsqueue"
)

// Config of a [Handler]. Ledger and Queue are required.
type Config struct {
	// Ledger says who is due, and how far the schedule has come.
	Ledger interface {
		ContactsDue(ctx context.Context, shard int, until time.Time) iter.Seq2[ledger.Contacts, error]
		Sweep(context.Context) (ledger.Sweep, error)
		SaveSweep(ctx context.Context, known, next ledger.Sweep) (ledger.Sweep, error)
	}
	// Queue takes the orders. It is a standard queue: FIFO queues know no delay
	// of single messages.
	Queue interface {
		Send(context.Context, ...sqsqueue.Message) []sqsqueue.Result
	}
	// Period is the time from one run to the next, from 1 to 10 minutes; zero: 5.
	Period time.Duration
	// UsersPerSecond is the most that are handed out, on the average of a few
	// seconds. It must be well above what the enrolled need: they are due every
	// seven minutes or so, 1,000 of them need 2.4. Zero: 500.
	UsersPerSecond int
	// Patience is how long after a user was due nobody is worried; zero: twice
	// the Period.
	Patience time.Duration
	Logger   *slog.Logger // nil: no log
}

const (
	defaultPeriod = 5 * time.Minute
	defaultRate   = 500

	// turn bounds a run that nothing else bounds.
	turn = 2 * time.Minute

	// closing is how long before the end of its time a run stops, and lastWord
	// how long it may then take to write how far it has come.
	closing  = 5 * time.Second
	lastWord = 3 * time.Second
)

// ReadRate reads CONTACTS_RATE, which is [Config].UsersPerSecond; problems are
// left with the reader.
func ReadRate(r *env.Reader) int { return r.IntOr("CONTACTS_RATE", defaultRate, 1, 100_000) }

// Handler makes the runs of the schedule. It is safe for concurrent use; of runs
// at the same time one goes on.
type Handler struct {
	cfg Config
	log *slog.Logger
}

// New checks the configuration, all at once.
func New(cfg Config) (*Handler, error) {
	if cfg.Period == 0 {
		cfg.Period = defaultPeriod
	}
	if cfg.UsersPerSecond == 0 {
		cfg.UsersPerSecond = defaultRate
	}
	if cfg.Patience == 0 {
		cfg.Patience = 2 * cfg.Period
	}
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("schedule-refresh: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Handler{cfg: cfg, log: cfg.Logger}, nil
}

func (cfg Config) check() error {
	var problems []error
	refuse := func(wrong bool, problem string) {
		if wrong {
			problems = append(problems, errors.New(problem))
		}
	}
	refuse(cfg.Ledger == nil, "Ledger is missing")
	refuse(cfg.Queue == nil, "Queue is missing")
	refuse(cfg.Period < time.Minute || cfg.Period > 10*time.Minute, fmt.Sprintf("Period is %s: give 1 to 10 minutes", cfg.Period))
	refuse(cfg.UsersPerSecond < 0, fmt.Sprintf("UsersPerSecond is %d: give at least 1", cfg.UsersPerSecond))
	refuse(cfg.Patience < cfg.Period, fmt.Sprintf("Patience is %s: give at least the Period, %s", cfg.Patience, cfg.Period))
	return errors.Join(problems...)
}

// Handle makes one run. It ends in time before the deadline of ctx; the next one
// goes on where it stopped. The error is the ledger's or the queue's.
func (h *Handler) Handle(ctx context.Context) error {
	last, err := h.cfg.Ledger.Sweep(ctx)
	if err != nil {
		return fmt.Errorf("schedule refreshes: %w", err)
	}
	now := time.Now()
	until := now.Add(turn)
	if end, limited := ctx.Deadline(); limited {
		until = end.Add(-closing)
	}
	working, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	r := h.begin(last, now)
	err = r.work(working)
	if working.Err() != nil && ctx.Err() == nil {
		err = nil // it has stopped in time
	}
	if !errors.Is(err, ledger.ErrFenced) {
		err = errors.Join(err, r.close(ctx))
	}
	r.report(ctx)
	switch {
	case errors.Is(err, ledger.ErrFenced):
		h.log.InfoContext(ctx, "another run goes on with the schedule")
		return nil
	case err != nil:
		return fmt.Errorf("schedule refreshes: %w", err)
	}
	return nil
}

func (r *run) report(ctx context.Context) {
	r.log.InfoContext(ctx, "refreshes scheduled", slog.Int("users", r.users), slog.Int("orders", r.orders), slog.Int("again", r.repeats),
		slog.Duration("late", r.late.Round(time.Second)), slog.Bool("done", r.done), slog.Duration("took", time.Since(r.start)))
	if r.refused != nil {
		r.log.ErrorContext(ctx, "an order for refreshes was refused", logattr.Error(r.refused))
	}
}
