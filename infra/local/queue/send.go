package queue

import (
	"context"
	"database/sql"
	"errors"

	"github.com/google/uuid"

	"dialtone/shared/sqlitefile"
)

// Send adds a message and returns once it is durable. A message whose
// deduplication id was sent in the last 5 min is not added; its answer is that
// of the first. Refusals are [*Error]; after any other error the message is not
// in the queue, unless the disk is in doubt (see [sqlitefile.File.Write]).
func (q *Queue) Send(ctx context.Context, m Outgoing) (Sent, error) {
	if err := q.check(m); err != nil {
		return Sent{}, err
	}
	var sent Sent
	err := q.write(ctx, "send to", func(t *turn) (err error) {
		sent, err = t.insert(m)
		return err
	})
	if err != nil {
		return Sent{}, err
	}
	return sent, nil
}

// SendTx adds a message as part of a caller's write operation, so that a change
// of other tables and the message stand or fall together.
func (q *Queue) SendTx(tx *sqlitefile.Tx, m Outgoing) (Sent, error) {
	if err := q.check(m); err != nil {
		return Sent{}, err
	}
	return q.turn(tx).insert(m)
}

// SendOutcome is the answer to one message of a batch.
type SendOutcome struct {
	Sent
	Err error // an [*Error]: this message was refused
}

// SendBatch adds 1 to 10 messages in order, in one transaction, and answers in
// their order. A refused message does not keep the others out; together they
// may have as many bytes as one message.
func (q *Queue) SendBatch(ctx context.Context, messages []Outgoing) ([]SendOutcome, error) {
	if err := q.checkBatch(len(messages)); err != nil {
		return nil, err
	}
	outcomes := make([]SendOutcome, len(messages))
	total := 0
	for i, m := range messages {
		total += m.size()
		outcomes[i].Err = q.check(m)
	}
	if total > q.config.MaxMessageBytes {
		return nil, q.refuse(BatchTooLong, "the batch has %d bytes, at most %d fit", total, q.config.MaxMessageBytes)
	}
	err := q.write(ctx, "send batch to", func(t *turn) (err error) {
		for i, m := range messages {
			if outcomes[i].Err != nil {
				continue
			}
			if outcomes[i].Sent, err = t.insert(m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

func (q *Queue) checkBatch(n int) error {
	switch {
	case n == 0:
		return q.refuse(EmptyBatch, "the batch has no entries")
	case n > maxBatch:
		return q.refuse(TooManyEntries, "the batch has %d entries, at most %d are allowed", n, maxBatch)
	}
	return nil
}

// insert adds a checked message.
func (t *turn) insert(m Outgoing) (Sent, error) {
	attributes, err := encodeAttributes(m.Attributes)
	if err != nil {
		return Sent{}, err
	}
	dedup := t.dedup(m)
	if dedup != "" {
		if sent, err := t.duplicate(dedup); err != nil || sent.Duplicate {
			return sent, err
		}
	}
	delay := m.Delay
	if delay == 0 {
		delay = t.config.Delay
	}
	id, visible := uuid.NewString(), t.now+delay.Milliseconds()
	result, err := t.tx.Exec(`INSERT INTO queue_messages
		(queue, ordered, id, grp, dedup, body, attributes, sent, visible) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		t.id, t.config.FIFO(), id, m.Group, dedup, m.Body, attributes, t.now, visible)
	if err != nil {
		return Sent{}, err
	}
	seq, err := result.LastInsertId()
	if err != nil {
		return Sent{}, err
	}
	return Sent{ID: id, Sequence: t.sequence(seq)}, t.arrived(m.Group, dedup, id, seq, visible)
}

const (
	forget = `DELETE FROM queue_dedup WHERE (queue, dedup) IN
		(SELECT queue, dedup FROM queue_dedup WHERE queue = ? AND expires <= ? LIMIT 16)`
	known = `SELECT id, seq FROM queue_dedup WHERE queue = ? AND dedup = ? AND expires > ?`
)

// duplicate looks for a message with the same deduplication id. Entries that
// have expired make room first, a few at a time.
func (t *turn) duplicate(dedup string) (Sent, error) {
	if _, err := t.tx.Exec(forget, t.id, t.now); err != nil {
		return Sent{}, err
	}
	var id string
	var seq int64
	err := t.tx.QueryRow(known, t.id, dedup, t.now).Scan(&id, &seq)
	if errors.Is(err, sql.ErrNoRows) {
		return Sent{}, nil
	}
	if err != nil {
		return Sent{}, err
	}
	return Sent{ID: id, Sequence: t.sequence(seq), Duplicate: true}, nil
}

// arrived keeps the books for a new message and wakes the receivers.
func (t *turn) arrived(group, dedup, id string, seq, visible int64) error {
	t.tx.Notify(topic(t.id))
	if !t.config.FIFO() {
		return nil
	}
	_, err := t.tx.Exec(`INSERT INTO queue_dedup (queue, dedup, id, seq, expires) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (queue, dedup) DO UPDATE SET id = excluded.id, seq = excluded.seq, expires = excluded.expires`,
		t.id, dedup, id, seq, t.now+dedupWindow.Milliseconds())
	if err != nil {
		return err
	}
	return joinGroup(t.tx, t.id, group, visible)
}
