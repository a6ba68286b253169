package queue

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
	"time"

	"dialtone/shared/sqlitefile"
)

// receipt names one receive of one message.
type receipt struct {
	seq   int64
	nonce string
}

// newReceipt makes one that cannot be guessed or met twice.
func newReceipt(seq int64) receipt {
	var nonce [12]byte
	rand.Read(nonce[:]) // never fails
	return receipt{seq: seq, nonce: hex.EncodeToString(nonce[:])}
}

// String returns the handle, such as "17-9f86d081884c7d659a2feaa0".
func (r receipt) String() string { return strconv.FormatInt(r.seq, 10) + "-" + r.nonce }

// parseReceipt accepts exactly what String makes.
func parseReceipt(handle string) (r receipt, ok bool) {
	seq, nonce, _ := strings.Cut(handle, "-")
	n, err := strconv.ParseInt(seq, 10, 64)
	if err != nil || n <= 0 || len(nonce) != 24 || strings.Trim(nonce, "0123456789abcdef") != "" {
		return receipt{}, false
	}
	r = receipt{seq: n, nonce: nonce}
	return r, r.String() == handle
}

// Delete removes a received message for good. Deleting it again is a success.
// [InvalidReceipt] if the message was received again since, or, in a FIFO
// queue, if its visibility timeout has passed: the message stays then.
func (q *Queue) Delete(ctx context.Context, handle string) error {
	return q.write(ctx, "delete from", func(t *turn) error { return t.delete(handle) })
}

// DeleteTx is [Queue.Delete] as part of a caller's write operation, so that the
// end of the work and the end of the message are one step.
func (q *Queue) DeleteTx(tx *sqlitefile.Tx, handle string) error {
	return q.turn(tx).delete(handle)
}

// DeleteBatch deletes 1 to 10 messages and returns one error, or nil, for each
// handle, in order.
func (q *Queue) DeleteBatch(ctx context.Context, handles []string) ([]error, error) {
	return q.batch(ctx, "delete from", len(handles), func(t *turn, i int) error { return t.delete(handles[i]) })
}

// Visibility is one entry of ChangeVisibilityBatch.
type Visibility struct {
	Receipt string
	Timeout time.Duration // 0 to 12 h, from now
}

// ChangeVisibility hides a message in flight for timeout from now; zero makes it
// visible at once. SQS ends every receive after 12 h, so the total may not be
// longer. [NotInFlight] if the message is visible again or gone,
// [InvalidReceipt] if it was received again.
func (q *Queue) ChangeVisibility(ctx context.Context, handle string, timeout time.Duration) error {
	return q.write(ctx, "change visibility in", func(t *turn) error { return t.hide(handle, timeout) })
}

// ChangeVisibilityBatch changes 1 to 10 messages and returns one error, or nil,
// for each entry, in order.
func (q *Queue) ChangeVisibilityBatch(ctx context.Context, entries []Visibility) ([]error, error) {
	return q.batch(ctx, "change visibility in", len(entries), func(t *turn, i int) error {
		return t.hide(entries[i].Receipt, entries[i].Timeout)
	})
}

// batch runs n changes in one transaction. A refusal concerns its entry alone.
func (q *Queue) batch(ctx context.Context, what string, n int, change func(t *turn, i int) error) ([]error, error) {
	if err := q.checkBatch(n); err != nil {
		return nil, err
	}
	outcomes := make([]error, n)
	err := q.write(ctx, what, func(t *turn) error {
		for i := range outcomes {
			outcomes[i] = change(t, i)
			if _, refused := errors.AsType[*Error](outcomes[i]); outcomes[i] != nil && !refused {
				return outcomes[i]
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return outcomes, nil
}

func (t *turn) delete(handle string) error {
	m, err := t.received(handle)
	if err != nil || m == nil {
		return err
	}
	if t.config.FIFO() && m.visible <= t.now {
		return t.refuse(InvalidReceipt, "the visibility timeout of the receive has passed")
	}
	if err := t.remove(m.seq); err != nil {
		return err
	}
	if !t.config.FIFO() {
		return nil // nobody waits for it
	}
	return t.settle(m.group)
}

func (t *turn) hide(handle string, timeout time.Duration) error {
	if timeout < 0 || timeout > maxVisibility {
		return t.refuse(InvalidParameter, "the visibility timeout is %s, want 0 to %s", timeout, maxVisibility)
	}
	m, err := t.received(handle)
	if err != nil {
		return err
	}
	if m == nil || m.visible <= t.now {
		return t.refuse(NotInFlight, "the message is not in flight")
	}
	visible := t.now + timeout.Milliseconds()
	if visible > m.received+maxVisibility.Milliseconds() {
		return t.refuse(InvalidParameter, "the message would be hidden for more than %s since it was received", maxVisibility)
	}
	if _, err := t.tx.Exec(`UPDATE queue_messages SET visible = ? WHERE seq = ?`, visible, m.seq); err != nil {
		return err
	}
	return t.settle(m.group)
}

// held is what a receipt gives access to.
type held struct {
	seq, visible, received int64
	group                  string
}

const ofReceipt = `SELECT queue, receipt, visible, received, grp FROM queue_messages WHERE seq = ?`

// received finds the message of a handle; nil if it is gone.
func (t *turn) received(handle string) (*held, error) {
	r, ok := parseReceipt(handle)
	if !ok {
		return nil, t.refuse(InvalidReceipt, "the receipt handle is malformed")
	}
	m := held{seq: r.seq}
	var queue int64
	var nonce string
	err := t.tx.QueryRow(ofReceipt, r.seq).
		Scan(&queue, &nonce, &m.visible, &m.received, &m.group)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	case queue != t.id:
		return nil, t.refuse(InvalidReceipt, "the receipt handle is of another queue")
	case nonce != r.nonce:
		return nil, t.refuse(InvalidReceipt, "the message was received again since")
	}
	return &m, nil
}
