package ledger

import (
	"context"
	"iter"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
)

// KindDeadLetter is the kind of [DeadLetter] items.
const KindDeadLetter Kind = "deadletter"

// DeadLetter is the record of a message that will not be tried again by itself:
// the message as it was received, and why it ended here. The queue is only how
// it came; this record is what operators list, mend and replay.
type DeadLetter struct {
	Request command.Key    `json:"request"`
	Type    string         `json:"type,omitempty"`
	User    sipaddr.User   `json:"user,omitempty"`
	Queue   string         `json:"queue"`         // name of the queue it was sent to
	Body    string         `json:"body"`          // as received; no longer than a command may be
	Cut     bool           `json:"cut,omitempty"` // the body was longer, and so no command
	Failure outcome.Failed `json:"failure"`
	At      time.Time      `json:"at"`
}

func deadLetterKey(k command.Key) Key { return Key{KindDeadLetter, k.Hash()} }

func (d DeadLetter) item() Item {
	return Item{
		Key: deadLetterKey(d.Request), Index: "deadletters",
		Sort: d.At.UTC().Format(sortableTime) + "/" + d.Request.Hash()[:16],
	}
}

// Bury keeps a dead letter. The first record of a request stays; the same
// request dead-lettered again changes nothing.
func (l *Ledger) Bury(ctx context.Context, d DeadLetter) error {
	_, err := change(ctx, l, deadLetterKey(d.Request), record[DeadLetter]{}, func(old DeadLetter) (DeadLetter, error) {
		if old.Request != (command.Key{}) {
			return old, errUnchanged
		}
		d.At = d.At.UTC()
		return d, nil
	})
	return err
}

// DeadLetters yields the dead letters from a time on, oldest first.
func (l *Ledger) DeadLetters(ctx context.Context, from time.Time) iter.Seq2[DeadLetter, error] {
	return list[DeadLetter](ctx, l, "deadletters", from.UTC().Format(sortableTime), "")
}
