// Package reportfailure empties the dead-letter queues: each message becomes a
// dead letter in the ledger and a failed outcome of its request, then it is
// deleted. From then on the record counts, not the queue.
package reportfailure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
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

func (h *Handler) record(ctx context.Context, m sqsbatch.Message) error {
	c, _ := command.Decode([]byte(m.Body)) // what is unreadable has a key all the same
	failed, err := h.explain(ctx, c, m)
	if err != nil {
		return err
	}
	now := time.Now()
	letter := ledger.DeadLetter{
		Request: c.Key, Type: c.Type, User: c.User, Queue: sourceQueue(m.Queue), Failure: failed, At: now,
	}
	letter.Body, letter.Cut = keep(m.Body)
	if err := h.ledger.Bury(ctx, letter); err != nil {
		return err
	}
	err = h.ledger.Fail(ctx, c, outcome.New(outcome.TypeFailed, c.Key, c.User, now, failed))
	if busy, ok := errors.AsType[*ledger.BusyError](err); ok {
		return sqsbatch.RetryAfter(err, time.Until(busy.Until))
	}
	if err != nil {
		return err
	}
	h.log.WarnContext(ctx, "request failed", logattr.RequestSource(c.Key.Source), logattr.RequestID(c.Key.ID),
		logattr.Class(failed.Class), slog.String("reason", failed.Reason))
	return nil
}

// explain reads the reason off the message's attributes; a message that the
// queue itself moved has none, so the ledger is asked why it kept failing.
func (h *Handler) explain(ctx context.Context, c command.Command, m sqsbatch.Message) (outcome.Failed, error) {
	f := outcome.Failed{
		Request: c.Key, RequestType: c.Type, User: c.User,
		Class: failure.Class(m.Attributes[sqsbatch.AttributeClass]), Reason: m.Attributes[sqsbatch.AttributeReason],
		Advice: m.Attributes[sqsbatch.AttributeAdvice],
	}
	fmt.Sscan(m.Attributes[sqsbatch.AttributeAttempts], &f.Attempts)
	if raw := m.Attributes[sqsbatch.AttributeUpstream]; raw != "" {
		f.Upstream = &failure.Upstream{}
		if err := json.Unmarshal([]byte(raw), f.Upstream); err != nil {
			f.Upstream = nil // operators still have class and reason
		}
	}
	if f.Class != "" {
		return f, nil
	}
	r, _, err := h.ledger.Request(ctx, c.Key)
	if err != nil {
		return f, err
	}
	return gaveUp(f, r), nil
}

// gaveUp is the reason of a message that came back too often.
func gaveUp(f outcome.Failed, r ledger.Request) outcome.Failed {
	f.Class, f.Attempts = failure.Unknown, r.Attempts
	f.Reason = "the message came back too often without an end"
	f.Advice = "See the last problem and the logs of the request, remove the cause, then replay the request."
	if r.Problem != "" {
		f.Reason += "; last problem: " + r.Problem
	}
	if strings.HasPrefix(r.Problem, string(failure.Unavailable)) {
		f.Class = failure.Unavailable
	}
	return f
}

// keep cuts a body to what a command may have: a longer one is invalid as it
// stands, and an item of DynamoDB could not hold it.
func keep(body string) (kept string, cut bool) {
	if len(body) <= command.MaxBody {
		return body, false
	}
	return strings.ToValidUTF8(body[:command.MaxBody], ""), true
}

// sourceQueue names the queue that a dead-letter queue belongs to:
// numbers-dlq.fifo takes the dead letters of numbers.fifo.
func sourceQueue(arn string) string {
	name := arn[strings.LastIndex(arn, ":")+1:]
	return strings.Replace(name, "-dlq", "", 1)
}
