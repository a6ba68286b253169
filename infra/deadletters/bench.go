// Package deadletters is what operators do about dead letters: replay them as
// they are or mended, one or thousands, or discard them. It works on the ledger's
// records; queues are only where a replayed message goes.
//
// A replay is three steps, each of which can be repeated: the ledger notes that
// it was begun and reopens the request, the message is sent, the ledger notes
// that it was sent. Whatever is interrupted stays in the list of dead letters
// until somebody replays it again, and goes on from there under the same number
// of replays, so that a queue takes the message once.
package deadletters

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/ledger"
)

// Queues deliver commands. What is delivered again under the same number of
// replays is dropped, as far as a queue can tell (FIFO: within five minutes).
type Queues interface {
	Deliver(ctx context.Context, c command.Command, body []byte, replay int) (fresh bool, err error)
}

// Bench is where dead letters are worked on. It is safe for concurrent use, and
// so are several of them on one deployment.
type Bench struct {
	Ledger *ledger.Ledger // required
	Queues Queues         // required
	By     string         // who decides, for the records
}

// UnfitError reports a dead letter that would fail again for what it is.
type UnfitError struct {
	Reason string // what is wrong with it, and what to do
	Err    error  // of [command.Decode]; nil if the message is well-formed
}

// Error says what is wrong and what to do.
func (e *UnfitError) Error() string { return e.Reason }

// Unwrap returns the cause.
func (e *UnfitError) Unwrap() error { return e.Err }

// Fit returns the command of a dead letter that can be replayed; otherwise the
// error is an [*UnfitError].
func Fit(d ledger.DeadLetter) (command.Command, error) {
	c, err := command.Decode([]byte(d.Body))
	switch {
	case d.Cut:
		return c, &UnfitError{Reason: fmt.Sprintf("the message has more than %d bytes and is no command: have its sender send it anew, and discard it", command.MaxBody)}
	case c.Key != d.Request:
		return c, &UnfitError{
			Reason: "the message has no request key of its own (source and id), or that of another request: send it anew under its own, and discard it", Err: err,
		}
	case err != nil:
		return c, &UnfitError{Reason: err.Error() + ": mend it with `dialtone dlq fix`, or discard it", Err: err}
	case command.QueueOf(c.Type) == "":
		return c, &UnfitError{Reason: "no queue takes " + c.Type + ": discard it"}
	}
	return c, nil
}

// patience is how long one replay may take when its caller is interrupted: it is
// brought to its end, which leaves less to clear up.
const patience = 20 * time.Second

// Replay sends a dead letter back to its queue, under its own request key. d is
// as it was read, or as [Mend] returned it. Errors: an [*UnfitError], those of
// [ledger.Ledger.StartReplay], or those of the queue; after these the dead letter
// can be replayed again.
func (b Bench) Replay(ctx context.Context, d ledger.DeadLetter, reason string) error {
	c, err := Fit(d)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	started, err := b.Ledger.StartReplay(ctx, d, ledger.Decision{By: b.By, Reason: reason})
	if err != nil {
		return err
	}
	if _, err := b.Queues.Deliver(ctx, c, []byte(started.Body), started.Replays); err != nil {
		return err
	}
	return b.Ledger.EndReplay(ctx, started)
}

// Discard settles a dead letter without another try. Errors: those of
// [ledger.Ledger.Discard], or that a reason is missing.
func (b Bench) Discard(ctx context.Context, d ledger.DeadLetter, reason string) error {
	if reason == "" {
		return errors.New("discard needs a reason, for those who ask later")
	}
	return b.Ledger.Discard(ctx, d, ledger.Decision{By: b.By, Reason: reason})
}
