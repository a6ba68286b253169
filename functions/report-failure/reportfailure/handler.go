// Package reportfailure empties the dead-letter queues: each message becomes a
// dead letter in the ledger and a failed outcome of its request, then it is
// deleted. From then on the record counts, not the queue.
package reportfailure

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/logattr"
	"dialtone/shared/outcome"
	"dialtone/shared/sqsbatch"
)

// Config of a [Handler]. Ledger and Visibility are required.
type Config struct {
	Ledger     *ledger.Ledger
	Visibility sqsbatch.Visibility
	Logger     *slog.Logger // nil: no log
}

// Handler handles batches of dead letters. It is safe for concurrent use.
type Handler struct {
	ledger *ledger.Ledger
	runner *sqsbatch.Runner
	log    *slog.Logger
}

// New checks the configuration.
func New(cfg Config) (*Handler, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	runner, err := sqsbatch.New(sqsbatch.Config{Visibility: cfg.Visibility, Logger: cfg.Logger})
	if cfg.Ledger == nil {
		err = errors.Join(errors.New("report-failure: Ledger is missing"), err)
	}
	if err != nil {
		return nil, err
	}
	return &Handler{ledger: cfg.Ledger, runner: runner, log: cfg.Logger}, nil
}

// Handle records one batch. A message that cannot be recorded comes back.
func (h *Handler) Handle(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
	return h.runner.Run(ctx, e, h.record)
}

// record fails the message's request and then buries the message: an operator
// who sees a dead letter can replay it. Either can be repeated without harm.
func (h *Handler) record(ctx context.Context, m sqsbatch.Message) error {
	c, unread := command.Decode([]byte(m.Body)) // what is unreadable has a key all the same
	f, attempts, err := h.explain(ctx, c, unread, m)
	if err != nil {
		return err
	}
	now := time.Now()
	event := outcome.Failure(c, f, attempts, now)
	err = h.ledger.Fail(ctx, c, event)
	if errors.Is(err, ledger.ErrMismatch) { // the request of that key is alive and well: this is none
		c.Key = command.Unreadable([]byte(m.Body))
		event = outcome.Failure(c, f, attempts, now)
		err = h.ledger.Fail(ctx, c, event)
	}
	if busy, ok := errors.AsType[*ledger.BusyError](err); ok {
		return sqsbatch.RetryAfter(err, time.Until(busy.Until))
	}
	if err != nil {
		return err
	}
	return h.bury(ctx, c, m, event)
}

// bury keeps the message, unless its request was done before the queue gave up
// on it.
func (h *Handler) bury(ctx context.Context, c command.Command, m sqsbatch.Message, event outcome.Event) error {
	log := h.log.With(logattr.RequestSource(c.Key.Source), logattr.RequestID(c.Key.ID))
	r, _, err := h.ledger.Request(ctx, c.Key)
	if err != nil {
		return err
	}
	if r.State == ledger.Done {
		log.InfoContext(ctx, "dead letter dropped, its request succeeded")
		return nil
	}
	f, err := event.Failed()
	if err != nil {
		return err
	}
	letter := ledger.DeadLetter{
		Request: c.Key, Type: c.Type, User: c.User, Queue: sourceQueue(m.Queue), Failure: f, At: event.Time,
	}
	letter.Body, letter.Cut = keep(m.Body)
	if err := h.ledger.Bury(ctx, letter); err != nil {
		return err
	}
	log.WarnContext(ctx, "request failed", logattr.Class(f.Class), logattr.Error(errors.New(f.Reason)))
	return nil
}

// keep cuts a body to what a command may have: a longer one is invalid as it
// stands, and an item of DynamoDB could not hold it.
func keep(body string) (kept string, cut bool) {
	if len(body) <= command.MaxBody {
		return body, false
	}
	return strings.ToValidUTF8(body[:command.MaxBody], ""), true
}

// explain reads the reason off the message's attributes. A message that the
// queue itself moved has none: either it cannot be read, or the ledger knows why
// it kept failing.
func (h *Handler) explain(ctx context.Context, c command.Command, unread error, m sqsbatch.Message) (f *failure.Error, attempts int, err error) {
	if f := told(m.Attributes); f != nil {
		n, err := strconv.Atoi(m.Attributes[sqsbatch.AttributeAttempts])
		if err != nil {
			n = 0 // the message was not sent by a handler of ours; its reason counts
		}
		return f, max(n, 0), nil
	}
	r, _, err := h.ledger.Request(ctx, c.Key)
	if err != nil {
		return nil, 0, err
	}
	if f := failure.As(unread); f != nil {
		return f, r.Attempts, nil
	}
	return gaveUp(r), r.Attempts, nil
}

// told is the failure that the attributes of a dead letter tell, or nil.
func told(attributes map[string]string) *failure.Error {
	f := &failure.Error{
		Class:  failure.Class(attributes[sqsbatch.AttributeClass]),
		Reason: attributes[sqsbatch.AttributeReason],
		Advice: cmp.Or(attributes[sqsbatch.AttributeAdvice], seeLogs),
	}
	if !known(f.Class) || f.Reason == "" {
		return nil
	}
	var up failure.Upstream
	if json.Unmarshal([]byte(attributes[sqsbatch.AttributeUpstream]), &up) == nil && up.System != "" {
		f.Upstream = &up
	}
	return f
}

const seeLogs = "See the last problem and the logs of the request, remove the cause, then replay the request."

func known(c failure.Class) bool {
	return c.Permanent() || c == failure.Unavailable || c == failure.Unknown
}

// gaveUp is the reason of a message that came back too often.
func gaveUp(r ledger.Request) *failure.Error {
	f := &failure.Error{Class: failure.Unknown, Reason: "the message came back too often without an end", Advice: seeLogs}
	if r.Problem != "" {
		f.Reason += "; last problem: " + r.Problem
	}
	if strings.HasPrefix(r.Problem, string(failure.Unavailable)) {
		f.Class = failure.Unavailable
	}
	return f
}

// sourceQueue names the queue that a dead-letter queue belongs to:
// numbers-dlq.fifo takes the dead letters of numbers.fifo.
func sourceQueue(arn string) string {
	name := arn[strings.LastIndex(arn, ":")+1:]
	name, fifo := strings.CutSuffix(name, ".fifo")
	name = strings.TrimSuffix(name, "-dlq")
	if fifo {
		name += ".fifo"
	}
	return name
}
