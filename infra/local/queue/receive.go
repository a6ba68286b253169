package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// ReceiveOptions says what to receive. The zero value asks for one message,
// without waiting.
type ReceiveOptions struct {
	Max  int           // 1 to 10; zero: 1
	Wait time.Duration // for the first message, at most 20 s
	// Visibility hides the messages, at most 12 h. Zero: as the queue says.
	Visibility time.Duration
}

// Receive returns up to Max messages and hides them; none, without an error, if
// none came in time. A message whose receives are used up goes to the
// dead-letter queue instead. From a FIFO queue, the messages of a group come in
// order and no group comes while any of its messages is in flight.
//
// An error, that of ctx included, means that nothing was received.
func (q *Queue) Receive(ctx context.Context, o ReceiveOptions) ([]Received, error) {
	if o.Max == 0 {
		o.Max = 1
	}
	if o.Visibility == 0 {
		o.Visibility = q.config.VisibilityTimeout
	}
	switch {
	case o.Max < 0 || o.Max > maxBatch:
		return nil, q.refuse(InvalidParameter, "the number of messages is %d, want 1 to %d", o.Max, maxBatch)
	case o.Wait < 0 || o.Wait > maxWait:
		return nil, q.refuse(InvalidParameter, "the wait is %s, want 0 to %s", o.Wait, maxWait)
	case o.Visibility < 0 || o.Visibility > maxVisibility:
		return nil, q.refuse(InvalidParameter, "the visibility timeout is %s, want 0 to %s", o.Visibility, maxVisibility)
	}
	end := time.Now().Add(o.Wait)
	for {
		got, more, err := q.tryReceive(ctx, o, end)
		if err != nil || len(got) > 0 || !more {
			return got, err
		}
	}
}

// tryReceive receives what is there, or waits until something may have come.
// more is false when the time is up.
func (q *Queue) tryReceive(ctx context.Context, o ReceiveOptions, end time.Time) (got []Received, more bool, err error) {
	changed, stop := q.file.Watch(topic(q.id))
	defer stop()
	next, err := q.next(ctx)
	if err != nil {
		return nil, false, err
	}
	if !next.After(time.Now()) {
		err := q.write(ctx, "receive from", func(t *turn) (err error) {
			got, err = t.receive(o)
			return err
		})
		return got, true, err
	}
	if !end.After(time.Now()) {
		return nil, false, nil
	}
	if next.After(end) {
		next = end
	}
	timer := time.NewTimer(time.Until(next))
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
		return nil, false, fmt.Errorf("receive from %s: %w", q.config.Name, ctx.Err())
	}
	return nil, true, nil
}

const (
	nextMessage = `SELECT visible FROM queue_messages WHERE queue = ? ORDER BY visible LIMIT 1`
	nextGroup   = `SELECT free FROM queue_groups WHERE queue = ? ORDER BY free LIMIT 1`
)

// next is when the next message can be received; a day from now if the queue is
// empty. It only reads, so that waiting receivers do not disturb the writer.
func (q *Queue) next(ctx context.Context) (time.Time, error) {
	query := nextMessage
	if q.config.FIFO() {
		query = nextGroup
	}
	var next int64
	err := q.file.Read().QueryRowContext(ctx, query, q.id).Scan(&next)
	if errors.Is(err, sql.ErrNoRows) {
		return time.Now().Add(24 * time.Hour), nil
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("receive from %s: %w", q.config.Name, err)
	}
	return time.UnixMilli(next), nil
}

// maxHousekeeping bounds what one receive cleans up, so that others get their
// turn: messages removed for their age, or moved to the dead-letter queue.
const maxHousekeeping = 256

func (t *turn) receive(o ReceiveOptions) ([]Received, error) {
	if busy, err := t.sweep(); err != nil || busy {
		return nil, err
	}
	take := t.takeAny
	if t.config.FIFO() {
		take = t.takeGroup
	}
	var got []Received
	for moved := 0; len(got) < o.Max && moved < maxHousekeeping; {
		rows, err := take(o.Max - len(got))
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			break
		}
		for _, row := range rows {
			if t.usedUp(row) {
				moved++
				err = t.deadLetterMessage(row)
			} else {
				got, err = t.claim(got, row, o.Visibility)
			}
			if err != nil {
				return nil, err
			}
		}
		if err := t.settleAll(rows); err != nil {
			return nil, err
		}
	}
	return got, nil
}

const (
	takeMessages = `SELECT ` + columns + ` FROM queue_messages m
		WHERE m.queue = ? AND m.visible <= ? ORDER BY m.visible, m.seq LIMIT ?`
	takeFreeGroup = `SELECT grp FROM queue_groups WHERE queue = ? AND free <= ? ORDER BY free LIMIT 1`
	takeOfGroup   = `SELECT ` + columns + ` FROM queue_messages m
		WHERE m.queue = ? AND m.grp = ? AND m.ordered = 1 ORDER BY m.seq LIMIT ?`
)

// takeAny reads up to n visible messages, those that became visible first.
func (t *turn) takeAny(n int) ([]stored, error) {
	return t.rows(takeMessages, t.id, t.now, n)
}

// takeGroup reads up to n messages from the front of the group that has been
// free for the longest time.
func (t *turn) takeGroup(n int) ([]stored, error) {
	var group string
	err := t.tx.QueryRow(takeFreeGroup, t.id, t.now).Scan(&group)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	rows, err := t.rows(takeOfGroup, t.id, group, n)
	for i, row := range rows {
		if row.visible > t.now {
			return rows[:i], err // delayed: it and all behind it wait
		}
	}
	return rows, err
}

func (t *turn) rows(query string, args ...any) ([]stored, error) {
	rows, err := t.tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []stored
	for rows.Next() {
		row, err := t.scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, rows.Err()
}

// claim hands out a message under a new receipt.
func (t *turn) claim(got []Received, row stored, visibility time.Duration) ([]Received, error) {
	row.ReceiveCount++
	if row.FirstReceivedAt.IsZero() {
		row.FirstReceivedAt = time.UnixMilli(t.now).UTC()
	}
	receipt := newReceipt(row.seq)
	_, err := t.tx.Exec(`UPDATE queue_messages SET visible = ?, receives = ?, first_received = ?, received = ?, receipt = ?
		WHERE seq = ?`, t.now+visibility.Milliseconds(), row.ReceiveCount, row.FirstReceivedAt.UnixMilli(), t.now,
		receipt.nonce, row.seq)
	return append(got, Received{Message: row.Message, Receipt: receipt.String()}), err
}

// settleAll settles every group that occurs in rows.
func (t *turn) settleAll(rows []stored) error {
	if !t.config.FIFO() {
		return nil
	}
	settled := make(map[string]bool)
	for _, row := range rows {
		if settled[row.Group] {
			continue
		}
		settled[row.Group] = true
		if err := settleGroup(t.tx, t.id, row.Group); err != nil {
			return err
		}
	}
	return nil
}

const expired = `SELECT ` + columns + ` FROM queue_messages m WHERE m.queue = ? AND m.sent <= ? ORDER BY m.sent LIMIT ?`

// sweep removes messages that are older than the retention. It reports busy
// when there may be more of them than one turn should remove.
func (t *turn) sweep() (busy bool, err error) {
	rows, err := t.rows(expired, t.id, t.oldest(), maxHousekeeping)
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		if err := t.remove(row.seq); err != nil {
			return false, err
		}
	}
	return len(rows) == maxHousekeeping, t.settleAll(rows)
}

// oldest is the latest time of sending that retention no longer keeps.
func (t *turn) oldest() int64 { return t.now - t.config.Retention.Milliseconds() }

func (t *turn) remove(seq int64) error {
	_, err := t.tx.Exec(`DELETE FROM queue_messages WHERE seq = ?`, seq)
	return err
}
