package sqsbatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/shared/failure"
	"dialtone/shared/logattr"
)

// Run calls handle for the messages of the event and replies with those that
// must come back. It returns when every call has returned, and leaves no
// goroutine behind. An event with one message id twice is one message.
//
// An error means that no message was touched and SQS must deliver the whole
// batch again: a record without a message id cannot be reported by itself.
func (r *Runner) Run(ctx context.Context, e events.SQSEvent, handle Handler) (events.SQSEventResponse, error) {
	list := entries(e.Records)
	switch {
	case handle == nil:
		return reply(list), errors.New("sqsbatch: handler is missing")
	case slices.ContainsFunc(list, func(e *entry) bool { return e.ID == "" }):
		return reply(list), errors.New("sqsbatch: event has a record without messageId")
	}
	b := &batch{cfg: r.cfg, ctx: ctx, handle: handle}
	b.deadline, b.limited = ctx.Deadline()
	b.work(lines(list))
	return reply(list), nil
}

// batch is one run.
type batch struct {
	cfg      Config
	ctx      context.Context
	deadline time.Time // of the invocation
	limited  bool      // there is a deadline
	handle   Handler
}

// work handles the lines, so many at once as the configuration allows.
func (b *batch) work(all []line) {
	queue := make(chan line, len(all))
	for _, l := range all {
		queue <- l
	}
	close(queue)
	var workers sync.WaitGroup
	for range min(b.cfg.Concurrency, len(all)) {
		workers.Go(func() {
			for l := range queue {
				b.line(l)
			}
		})
	}
	workers.Wait()
}

// line handles messages in order until one fails or time runs out, and sees to
// it that the rest comes back in that order. A panic of the two interfaces or
// the logger leaves the rest as it is: reported, at the queue's own time.
func (b *batch) line(l line) {
	defer func() {
		if v := recover(); v != nil {
			b.cfg.Logger.ErrorContext(b.ctx, "reporting panicked", panicked(v)...)
		}
	}()
	for i, e := range l {
		if !b.timeToStart() {
			b.cfg.Logger.WarnContext(b.ctx, "messages handed back, no time to start them",
				logattr.MessageID(e.ID), slog.Int("messages", len(l)-i))
			b.comeBack(l[i:], 0)
			return
		}
		if wait := b.message(e); e.state == reported {
			b.comeBack(l[i:], wait)
			return
		}
	}
}

// timeToStart reports whether enough of the invocation is left for a message.
func (b *batch) timeToStart() bool {
	if b.ctx.Err() != nil {
		return false
	}
	return !b.limited || time.Until(b.deadline) >= b.cfg.StartMargin
}

// message handles one message and sets its state. wait is how long a reported
// one stays hidden.
func (b *batch) message(e *entry) (wait time.Duration) {
	err := b.call(e)
	if err == nil {
		e.state = done
		return 0
	}
	v := judge(err)
	if b.tooOld(e) && !v.discard {
		v = v.givenUp(time.Since(e.SentAt))
	}
	if v.discard && b.discarded(e, v) {
		e.state = deadLettered
		return 0
	}
	wait = b.wait(e.ReceiveCount, v)
	b.cfg.Logger.WarnContext(b.ctx, "message comes back", logattr.MessageID(e.ID),
		logattr.Attempt(e.ReceiveCount), logattr.Wait(wait), logattr.Error(err), logattr.Advice(err))
	return wait
}

// call runs the handler with its own deadline. A panic becomes an error.
func (b *batch) call(e *entry) (err error) {
	ctx := b.ctx
	if b.limited {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, b.deadline.Add(-b.cfg.ReportMargin))
		defer cancel()
	}
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("handler panicked: %s", kindOf(v))
			b.cfg.Logger.ErrorContext(b.ctx, "handler panicked",
				append(panicked(v), logattr.MessageID(e.ID), logattr.Attempt(e.ReceiveCount))...)
		}
	}()
	return b.handle(ctx, e.Message)
}

// discarded sends the message to its dead-letter queue and reports whether that
// queue has it.
func (b *batch) discarded(e *entry, v *verdict) bool {
	letter := deadLetter(e.Message, v)
	log := b.cfg.Logger.With(logattr.MessageID(e.ID), logattr.Attempt(e.ReceiveCount),
		logattr.RequestSource(letter.Attributes[AttributeRequestSource]),
		logattr.RequestID(letter.Attributes[AttributeRequestID]))
	err := errors.New("no dead-letter queue is configured")
	if b.cfg.DeadLetters != nil {
		ctx, cancel := b.reporting()
		defer cancel()
		err = b.cfg.DeadLetters.SendDeadLetter(ctx, letter)
	}
	if err != nil {
		log.ErrorContext(b.ctx, "send of dead letter failed, message kept", logattr.Error(err))
		return false
	}
	log.WarnContext(b.ctx, "message dead-lettered",
		logattr.Class(failure.Class(letter.Attributes[AttributeClass])), logattr.Error(v))
	return true
}

// tooOld reports whether the message may not be there for another receive.
func (b *batch) tooOld(e *entry) bool {
	return b.cfg.GiveUpAfter > 0 && !e.SentAt.IsZero() && time.Since(e.SentAt) > b.cfg.GiveUpAfter
}

// wait draws how long a message stays hidden after its nth receive: at least
// the time asked for, and a random part of the backoff on top. Nothing was tried
// for a message that met a pause, so its receives say nothing of its chances.
func (b *batch) wait(n int, v *verdict) time.Duration {
	d := min(v.after, maxVisibility)
	if d == 0 || !errors.Is(v.err, failure.ErrPaused) {
		d += b.cfg.Backoff.Delay(n)
	}
	return min((d + time.Second - 1).Truncate(time.Second), maxVisibility)
}

// comeBack makes the messages visible after d, together and in order: SQS holds
// a group back while its head is hidden, and the head's time runs out first. A
// message that cannot be changed stays hidden for the queue's own time, and so
// do those behind it, which must not overtake it.
func (b *batch) comeBack(l line, d time.Duration) {
	ctx, cancel := b.reporting()
	defer cancel()
	for _, e := range l {
		if err := b.hide(ctx, e, d); err != nil {
			b.cfg.Logger.WarnContext(b.ctx, "change of visibility failed, message waits for the queue's own time",
				logattr.MessageID(e.ID), logattr.Wait(d), logattr.Error(err))
			return
		}
	}
}

// hide changes the visibility of a message through each receipt handle; an
// older one of a message that came twice may be refused.
func (b *batch) hide(ctx context.Context, e *entry, d time.Duration) error {
	var failed []error
	for _, h := range e.handles {
		if err := b.cfg.Visibility.ChangeMessageVisibility(ctx, e.Queue, h, d); err != nil {
			failed = append(failed, err)
		}
	}
	if len(failed) < len(e.handles) {
		return nil
	}
	return errors.Join(failed...)
}

// reporting returns the context for calls about a message whose handler has
// returned. It outlives a cancelled invocation by the margin kept for it, but
// not the invocation's deadline.
func (b *batch) reporting() (context.Context, context.CancelFunc) {
	until := time.Now().Add(b.cfg.ReportMargin)
	if b.limited && (b.ctx.Err() == nil || b.deadline.Before(until)) {
		until = b.deadline
	}
	return context.WithDeadline(context.WithoutCancel(b.ctx), until)
}

// panicked describes a recovered panic for the log: the stack has no values.
func panicked(v any) []any {
	return []any{slog.String("panic", kindOf(v)), slog.String("stack", string(debug.Stack()))}
}

// kindOf names a panic value without quoting it, because it may hold a part of
// the message. What the runtime says of itself is safe.
func kindOf(v any) string {
	if e, ok := v.(runtime.Error); ok {
		return e.Error()
	}
	return fmt.Sprintf("%T", v)
}
