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
	log := h.log.With(logattr.RequestSource(c.Key.Source), logattr.RequestID(c.Key.ID))
	before, err := h.recorded(ctx, c.Key, m)
	if err != nil {
		return err
	}
	if before {
		log.InfoContext(ctx, "dead letter dropped, it was recorded before")
		return nil
	}
	f, attempts, err := h.explain(ctx, c, unread, m)
	if err != nil {
		return err
	}
	c, err = h.fail(ctx, c, f, attempts, m.Body)
	if err != nil {
		return err
	}
	return h.bury(ctx, c, m, log)
}

// recorded reports whether the message is one that was recorded and not deleted. If
// its request was replayed since, recording it again would end that replay.
func (h *Handler) recorded(ctx context.Context, key command.Key, m sqsbatch.Message) (bool, error) {
	d, found, err := h.ledger.DeadLetter(ctx, key)
	if err != nil || !found || m.SentAt.IsZero() || m.SentAt.After(d.Sent) {
		return false, err
	}
	body, _ := keep(m.Body)
	return body == d.Body || body == d.Original, nil // else it is another message that took the same key
}

// fail fails the request. A message that took the key of a request which began
// with another one fails by itself: the command that is returned has the key
// under which it does.
func (h *Handler) fail(ctx context.Context, c command.Command, f *failure.Error, attempts int, body string) (command.Command, error) {
	now := time.Now()
	err := h.ledger.Fail(ctx, c, outcome.Failure(c, f, attempts, now))
	if errors.Is(err, ledger.ErrMismatch) {
		c.Key = command.Unreadable([]byte(body))
		err = h.ledger.Fail(ctx, c, outcome.Failure(c, f, attempts, now))
	}
	if busy, ok := errors.AsType[*ledger.BusyError](err); ok {
		err = sqsbatch.RetryAfter(err, time.Until(busy.Until))
	}
	return c, err
}

// bury keeps the message with the failure that its request has on record, unless
// the request was done before the queue gave up on it, or is being replayed.
func (h *Handler) bury(ctx context.Context, c command.Command, m sqsbatch.Message, log *slog.Logger) error {
	r, _, err := h.ledger.Request(ctx, c.Key)
	if err != nil {
		return err
	}
	if r.State != ledger.Failed {
		log.InfoContext(ctx, "dead letter dropped, its request did not fail", slog.String("state", string(r.State)))
		return nil
	}
	f, err := r.Outcome.Failed()
	if err != nil {
		return err
	}
	letter := ledger.DeadLetter{
		Request: c.Key, Type: c.Type, User: c.User, Queue: sourceQueue(m.Queue), Failure: f, At: r.Outcome.Time,
		Tries: r.Tries, Sent: m.SentAt,
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
	if last, found := r.Tries.Last(); found {
		f.Reason += "; last problem: " + last.Problem
		if last.Class == failure.Unavailable {
			f.Class = last.Class
		}
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
