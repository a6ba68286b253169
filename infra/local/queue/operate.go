package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// Counts are the numbers of a queue at one instant.
type Counts struct {
	Visible  int           // can be received, or wait behind a message of their group
	InFlight int           // received and hidden
	Delayed  int           // not visible yet since their send
	Oldest   time.Duration // age of the oldest message; zero: the queue is empty
}

const (
	countVisible = `SELECT count(*) FROM queue_messages WHERE queue = ? AND visible <= ?`
	countHidden  = `SELECT count(*), coalesce(sum(receipt <> ''), 0) FROM queue_messages WHERE queue = ? AND visible > ?`
	countExpired = `SELECT count(*) FROM queue_messages WHERE queue = ? AND sent <= ?`
	oldestKept   = `SELECT coalesce(min(sent), 0) FROM queue_messages WHERE queue = ? AND sent > ?`
)

// Counts counts the messages. Those that retention has ended are not counted,
// removed or not.
func (q *Queue) Counts(ctx context.Context) (Counts, error) {
	tx, err := q.file.Read().BeginTx(ctx, nil) // one snapshot
	if err != nil {
		return Counts{}, fmt.Errorf("count %s: %w", q.config.Name, err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	now := time.Now()
	kept := millis(now.Add(-q.config.Retention))
	var c Counts
	var hidden, gone int
	var oldest int64
	err = errors.Join(
		tx.QueryRowContext(ctx, countVisible, q.id, millis(now)).Scan(&c.Visible),
		tx.QueryRowContext(ctx, countHidden, q.id, millis(now)).Scan(&hidden, &c.InFlight),
		tx.QueryRowContext(ctx, countExpired, q.id, kept).Scan(&gone),
		tx.QueryRowContext(ctx, oldestKept, q.id, kept).Scan(&oldest),
	)
	if err != nil {
		return Counts{}, fmt.Errorf("count %s: %w", q.config.Name, err)
	}
	c.Visible = max(c.Visible-gone, 0) // what is that old is hardly ever hidden
	c.Delayed = hidden - c.InFlight
	if oldest != 0 {
		c.Oldest = now.Sub(time.UnixMilli(oldest))
	}
	return c, nil
}

// State says where a message stands.
type State string

// The states.
const (
	Visible  State = "visible"
	InFlight State = "in flight"
	Delayed  State = "delayed"
)

// Stored is a message seen without receiving it.
type Stored struct {
	Message
	State     State
	VisibleAt time.Time // when it becomes, or became, visible
}

// Peek returns up to limit messages (1 to 1000), oldest first, without receiving
// them. next continues after them; "" means that there are no more. The first
// call passes "".
func (q *Queue) Peek(ctx context.Context, cursor string, limit int) (page []Stored, next string, err error) {
	sent, seq, err := q.parseCursor(cursor)
	if err != nil {
		return nil, "", err
	}
	if limit < 1 || limit > 1000 {
		return nil, "", q.refuse(InvalidParameter, "the limit is %d, want 1 to 1000", limit)
	}
	rows, err := q.page(ctx, sent, seq, limit+1)
	if err != nil {
		return nil, "", fmt.Errorf("peek into %s: %w", q.config.Name, err)
	}
	if len(rows) > limit {
		rows = rows[:limit]
		last := rows[limit-1]
		next = fmt.Sprintf("%d-%d", millis(last.SentAt), last.seq)
	}
	now := millis(time.Now())
	for _, row := range rows {
		page = append(page, Stored{Message: row.Message, State: row.state(now), VisibleAt: time.UnixMilli(row.visible).UTC()})
	}
	return page, next, nil
}

func (s stored) state(now int64) State {
	switch {
	case s.visible <= now:
		return Visible
	case s.receipt != "":
		return InFlight
	}
	return Delayed
}

func (q *Queue) parseCursor(cursor string) (sent, seq int64, err error) {
	if cursor == "" {
		return millis(time.Now().Add(-q.config.Retention)), 1<<63 - 1, nil
	}
	a, b, _ := strings.Cut(cursor, "-")
	sent, err = strconv.ParseInt(a, 10, 64)
	seq, err2 := strconv.ParseInt(b, 10, 64)
	if err != nil || err2 != nil {
		return 0, 0, q.refuse(InvalidParameter, "the cursor is not one that Peek returned")
	}
	return sent, seq, nil
}

const pageAfter = `SELECT ` + columns + ` FROM queue_messages m
	WHERE m.queue = ? AND (m.sent, m.seq) > (?, ?) ORDER BY m.sent, m.seq LIMIT ?`

func (q *Queue) page(ctx context.Context, sent, seq int64, limit int) ([]stored, error) {
	rows, err := q.file.Read().QueryContext(ctx, pageAfter, q.id, sent, seq, limit)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []stored
	for rows.Next() {
		row, err := q.scan(rows)
		if err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, rows.Err()
}

// chunk is how many messages one turn of a long operation moves or removes.
const chunk = 200

// Purge removes all messages that were in the queue when it began, in flight or
// not, and returns how many. Deduplication ids stay known. It can be repeated
// after an error.
func (q *Queue) Purge(ctx context.Context) (total int, err error) {
	last, err := q.last(ctx)
	if err != nil {
		return 0, fmt.Errorf("purge %s: %w", q.config.Name, err)
	}
	for {
		var n int
		err := q.write(ctx, "purge", func(t *turn) (err error) {
			n, err = t.purge(last)
			return err
		})
		if err != nil {
			return total, err
		}
		total += n
		if n < chunk {
			return total, nil
		}
	}
}

const purgeable = `SELECT ` + columns + ` FROM queue_messages m
	WHERE m.queue = ? AND m.seq <= ? ORDER BY m.sent, m.seq LIMIT ?`

func (t *turn) purge(last int64) (int, error) {
	rows, err := t.rows(purgeable, t.id, last, chunk)
	if err != nil {
		return 0, err
	}
	for _, row := range rows {
		if err := t.remove(row.seq); err != nil {
			return 0, err
		}
	}
	return len(rows), t.settleAll(rows)
}

// last is the youngest message of the file: later ones are not touched by what
// begins now.
func (q *Queue) last(ctx context.Context) (seq int64, err error) {
	err = q.file.Read().QueryRowContext(ctx, `SELECT coalesce(max(seq), 0) FROM queue_messages`).Scan(&seq)
	return seq, err
}

// RedriveOptions says what to move out of a dead-letter queue. The zero value
// moves everything back to where it came from.
type RedriveOptions struct {
	// To is the queue to move to, of the same type. nil: the queue that
	// MaxReceiveCount moved the message from, or else the one queue whose
	// dead-letter queue this is.
	To *Queue
	// IDs are the ids of the messages to move. Empty: all.
	IDs []string
}

// Redrive moves the visible messages of a dead-letter queue back, oldest first,
// and returns how many; those in flight stay. As in SQS, they are new messages
// with a new id, age and receive count, behind those that are there. They keep
// body, attributes, group and deduplication id, and are moved whether or not
// that id was seen in the last 5 min. It can be repeated after an error.
func (q *Queue) Redrive(ctx context.Context, o RedriveOptions) (total int, err error) {
	if o.To != nil && (o.To.config.FIFO() != q.config.FIFO() || o.To.id == q.id) {
		return 0, q.refuse(InvalidParameter, "messages cannot move to %s", o.To.config.Name)
	}
	last, err := q.last(ctx)
	for sent, seq := int64(0), int64(0); err == nil; {
		var rows []stored
		if rows, err = q.page(ctx, sent, seq, chunk); err != nil || len(rows) == 0 {
			break
		}
		sent, seq = millis(rows[len(rows)-1].SentAt), rows[len(rows)-1].seq
		n, err := q.redrive(ctx, o, rows, last)
		total += n
		if err != nil {
			return total, err
		}
	}
	if err != nil {
		return total, fmt.Errorf("redrive %s: %w", q.config.Name, err)
	}
	return total, nil
}

func (q *Queue) redrive(ctx context.Context, o RedriveOptions, rows []stored, last int64) (n int, err error) {
	err = q.write(ctx, "redrive", func(t *turn) error {
		n = 0
		for _, row := range rows {
			if row.seq > last || len(o.IDs) > 0 && !slices.Contains(o.IDs, row.ID) {
				continue
			}
			moved, err := t.moveBack(row, o.To)
			if err != nil {
				return err
			}
			if moved {
				n++
			}
		}
		return t.settleAll(rows)
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// moveBack moves one message, unless it has gone or is in flight by now.
func (t *turn) moveBack(row stored, to *Queue) (moved bool, err error) {
	var source int64
	err = t.tx.QueryRow(`SELECT coalesce(max(source), -1) FROM queue_messages WHERE seq = ? AND visible <= ?`,
		row.seq, t.now).Scan(&source)
	if err != nil || source == -1 {
		return false, err
	}
	if to != nil {
		source = to.id
	}
	if source == 0 {
		if source, err = t.onlySource(); err != nil {
			return false, err
		}
	}
	_, err = t.tx.Exec(`INSERT INTO queue_messages (queue, ordered, id, grp, dedup, body, attributes, sent, visible)
		SELECT ?, ordered, ?, grp, dedup, body, attributes, ?, ? FROM queue_messages WHERE seq = ?`,
		source, uuid.NewString(), t.now, t.now, row.seq)
	if err != nil {
		return false, err
	}
	return true, t.leave(row, source)
}

// onlySource is the one queue whose dead-letter queue this is.
func (t *turn) onlySource() (id int64, err error) {
	var n int
	err = t.tx.QueryRow(`SELECT count(*), coalesce(max(id), 0) FROM queues WHERE dead_letter = ?`, t.id).Scan(&n, &id)
	if err == nil && n != 1 {
		err = t.refuse(UnsupportedRedrive, "%d queues have it as their dead-letter queue; say which one to move to", n)
	}
	return id, err
}
