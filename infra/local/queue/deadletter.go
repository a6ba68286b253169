package queue

import (
	"context"
	"fmt"

	"dialtone/shared/sqlitefile"
)

// maxForgiven is how many receives of a message may die with their process
// without counting. A message that kills the process every time still ends in
// the dead-letter queue.
const maxForgiven = 25

// usedUp reports whether the next receive would be one too many.
func (t *turn) usedUp(row stored) bool {
	return t.deadLetter != 0 && row.ReceiveCount-min(row.lost, maxForgiven) >= t.config.MaxReceiveCount
}

// deadLetterMessage moves a message to the dead-letter queue. It keeps its id,
// attributes and receive count. Its age goes on in a standard queue and starts
// anew in a FIFO queue (Amazon SQS: dead-letter queue retention).
func (t *turn) deadLetterMessage(row stored) error {
	sent := row.SentAt.UnixMilli()
	if t.config.FIFO() {
		sent = t.now
	}
	_, err := t.tx.Exec(`INSERT INTO queue_messages (queue, ordered, id, grp, dedup, body, attributes,
			sent, visible, receives, first_received, received, source)
		SELECT ?, ordered, id, grp, dedup, body, attributes, ?, ?, receives, first_received, received, queue
		FROM queue_messages WHERE seq = ?`, t.deadLetter, sent, t.now, row.seq)
	if err != nil {
		return err
	}
	return t.leave(row, t.deadLetter)
}

// leave removes a message that was copied to another queue of the same type.
func (t *turn) leave(row stored, to int64) error {
	t.tx.Notify(topic(to))
	if err := t.remove(row.seq); err != nil {
		return err
	}
	if !t.config.FIFO() {
		return nil
	}
	return joinGroup(t.tx, to, row.Group, t.now)
}

// ReturnInFlight makes every message in flight visible at once and returns how
// many there were. Only a process that owns the file alone may call it, when it
// starts (see [sqlitefile.Options.Exclusive]): whoever received these messages
// is dead. Up to 25 such receives of a message do not count towards
// MaxReceiveCount; they still show in its receive count.
func (s *Queues) ReturnInFlight(ctx context.Context) (int, error) {
	queues, err := s.List(ctx)
	if err != nil {
		return 0, err
	}
	var total int
	err = s.file.Write(ctx, func(tx *sqlitefile.Tx) error {
		total = 0
		for _, q := range queues {
			n, err := q.turn(tx).returnInFlight()
			if err != nil {
				return err
			}
			total += n
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("return messages in flight: %w", err)
	}
	return total, nil
}

const inFlight = `SELECT ` + columns + ` FROM queue_messages m WHERE m.queue = ? AND m.visible > ? AND m.receipt <> ''`

func (t *turn) returnInFlight() (int, error) {
	rows, err := t.rows(inFlight, t.id, t.now)
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		_, err := t.tx.Exec(`UPDATE queue_messages SET visible = ?, receipt = '', lost = lost + 1 WHERE seq = ?`, t.now, row.seq)
		if err != nil {
			return 0, err
		}
	}
	t.tx.Notify(topic(t.id))
	return len(rows), t.settleAll(rows)
}
