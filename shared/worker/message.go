package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/explain"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/logattr"
	"dialtone/shared/outcome"
	"dialtone/shared/sqsbatch"
)

// message takes one message from its body to its end.
func (w *Worker) message(ctx context.Context, m sqsbatch.Message, tasks Tasks) error {
	c, unread := command.Decode([]byte(m.Body)) // what is unreadable has a key all the same
	return sqsbatch.About(w.command(ctx, m, c, unread, tasks), c.Key.Source, c.Key.ID)
}

func (w *Worker) command(ctx context.Context, m sqsbatch.Message, c command.Command, unread error, tasks Tasks) error {
	log := w.cfg.Logger.With(logattr.MessageID(m.ID), logattr.RequestSource(c.Key.Source), logattr.RequestID(c.Key.ID), logattr.Attempt(m.ReceiveCount))
	if unread != nil {
		log.WarnContext(ctx, "message is not a command", logattr.Error(unread))
		return discard(unread, c, m.ReceiveCount)
	}
	task, ours := tasks(c)
	if !ours {
		log.WarnContext(ctx, "message belongs on another queue", slog.String("type", c.Type))
		return discard(misplaced(c), c, m.ReceiveCount)
	}
	if err := w.cfg.Ready(ctx, c); err != nil {
		return err // before the other vendor and the ledger have work with it
	}
	until := w.workUntil(ctx)
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	lease, finished, err := w.cfg.Ledger.Begin(ctx, c, until.Add(w.cfg.Closing+lastWord))
	switch {
	case err != nil:
		return notBegun(err, c, m.ReceiveCount)
	case finished != nil:
		log.InfoContext(ctx, "answered from the ledger", slog.String("outcome", finished.Type))
		return nil
	}
	return w.run(ctx, task, Job{Command: c, Lease: lease, Log: log})
}

// workUntil is the end of the work on a message. What follows fits into the time
// that the batch has, and no vendor is called when the lease has ended.
func (w *Worker) workUntil(ctx context.Context) time.Time {
	until := time.Now().Add(turn)
	if end, limited := ctx.Deadline(); limited && end.Add(-w.cfg.Closing).Before(until) {
		until = end.Add(-w.cfg.Closing)
	}
	return until
}

// run does the task under its lease and records how it went.
func (w *Worker) run(ctx context.Context, t Task, j Job) error {
	data, err := t.Run(ctx, j)
	if err == nil {
		err = w.cfg.Ledger.Finish(ctx, j.Lease, outcome.New(t.Outcome, j.Command.Key, j.Command.User, time.Now(), data))
	}
	if err == nil {
		j.Log.InfoContext(ctx, t.Done, logattr.User(j.Command.User))
		return nil
	}
	return w.handBack(ctx, j, err)
}

// handBack ends the lease without a success. The record is written even when
// the time for the message is up, so that the next delivery need not wait for
// the lease to run out.
func (w *Worker) handBack(ctx context.Context, j Job, cause error) error {
	f := explain.Error(cause)
	j.Log.WarnContext(ctx, "request not done", logattr.Class(f.Class), logattr.Error(cause), logattr.Advice(f))
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
	defer cancel()
	if err := w.cfg.Ledger.Yield(late, j.Lease, f.Error()); err != nil {
		j.Log.WarnContext(ctx, "lease not handed back", logattr.Error(err))
	}
	if f.Class.Permanent() {
		return discard(f, j.Command, j.Lease.Attempts())
	}
	if paused := failure.As(w.cfg.Ready(late, j.Command)); paused != nil { // it comes back with those that wait
		return sqsbatch.RetryAfter(errors.Join(f, paused), max(f.RetryAfter, paused.RetryAfter))
	}
	return f
}

func discard(err error, c command.Command, attempts int) error {
	return sqsbatch.DiscardFailure(failure.As(err), c.Key.Source, c.Key.ID, attempts)
}

func misplaced(c command.Command) error {
	return &failure.Error{
		Class:  failure.Invalid,
		Reason: fmt.Sprintf("a message of type %s does not belong on this queue", c.Type),
		Advice: "Send it to the queue of its own kind, with the same source and id.",
	}
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
