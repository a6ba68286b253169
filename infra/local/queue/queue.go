// Package queue keeps durable queues with the semantics of Amazon SQS in a
// SQLite file: visibility timeouts, receive counts, delays, dead-letter queues,
// retention, and FIFO queues with groups and deduplication.
//
// An acknowledged send is on disk. A receipt handle belongs to one receive: once
// the message was received again, the old handle neither deletes nor hides it.
// Limits and error codes are those of SQS, so that what works here works there;
// what differs:
//
//   - Characters that SQS refuses or replaces are always refused.
//   - There is no quota on messages in flight and no throttling.
//   - Batches are matched by position, so entries need no ids.
//   - A message that was in flight when its process died keeps its place below
//     MaxReceiveCount (see [Queues.ReturnInFlight]).
//   - A message in a dead-letter queue keeps counting its receives.
//
// Vendor facts are from the Amazon SQS API Reference (SendMessage,
// ReceiveMessage, ChangeMessageVisibility, SetQueueAttributes) and the Amazon
// SQS Developer Guide (visibility timeout, FIFO delivery logic, dead-letter
// queues).
package queue

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"dialtone/shared/sqlitefile"
)

// Queues are the queues of one file. Safe for concurrent use; other processes
// may use the same queues at the same time.
type Queues struct{ file *sqlitefile.File }

// Open prepares the file for queues. The file stays the caller's to close, after
// which every method fails with an error that matches [sqlitefile.ErrClosed] or
// comes from reading.
func Open(ctx context.Context, file *sqlitefile.File) (*Queues, error) {
	if err := file.Migrate(ctx, "queue", migrations()); err != nil {
		return nil, fmt.Errorf("open queues: %w", err)
	}
	return &Queues{file: file}, nil
}

// Queue is one queue with the configuration that it had when it was looked up.
// Safe for concurrent use.
type Queue struct {
	file       *sqlitefile.File
	id         int64
	deadLetter int64 // id of the dead-letter queue, 0: none
	config     Config
}

// Queue looks up a declared queue; [NoSuchQueue] if there is none of that name.
func (s *Queues) Queue(ctx context.Context, name string) (*Queue, error) {
	q, err := s.lookup(s.file.Read().QueryRowContext(ctx, selectQueue+` WHERE q.name = ?`, name))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, &Error{Queue: name, Code: NoSuchQueue, Detail: "it was never declared in this file"}
	}
	if err != nil {
		return nil, fmt.Errorf("look up queue %s: %w", name, err)
	}
	return q, nil
}

// List returns all queues by name.
func (s *Queues) List(ctx context.Context) ([]*Queue, error) {
	rows, err := s.file.Read().QueryContext(ctx, selectQueue+` ORDER BY q.name`)
	if err != nil {
		return nil, fmt.Errorf("list queues: %w", err)
	}
	defer rows.Close()
	var list []*Queue
	for rows.Next() {
		q, err := s.lookup(rows)
		if err != nil {
			return nil, fmt.Errorf("list queues: %w", err)
		}
		list = append(list, q)
	}
	return list, rows.Err()
}

// Config returns the configuration with all defaults filled in.
func (q *Queue) Config() Config { return q.config }

// Name returns the name of the queue.
func (q *Queue) Name() string { return q.config.Name }

// arnPrefix makes names look like those of a queue in AWS, in the region "local"
// of the account 000000000000.
const arnPrefix = "arn:aws:sqs:local:000000000000:"

// ARN returns the name of a queue in the form that events and dead letters use.
func ARN(name string) string { return arnPrefix + name }

// ByARN looks up a queue by what [ARN] made of its name.
func (s *Queues) ByARN(ctx context.Context, arn string) (*Queue, error) {
	name, ok := strings.CutPrefix(arn, arnPrefix)
	if !ok {
		return nil, &Error{Queue: arn, Code: NoSuchQueue, Detail: "the ARN does not start with " + arnPrefix}
	}
	return s.Queue(ctx, name)
}

// topic is what the watchers of a queue wait for.
func topic(queue int64) string { return fmt.Sprint("queue ", queue) }

const selectQueue = `SELECT q.id, q.name, q.visibility_ms, q.delay_ms, q.retention_ms, q.max_receives,
	q.content_dedup, q.max_bytes, coalesce(d.id, 0), coalesce(d.name, '')
	FROM queues q LEFT JOIN queues d ON d.id = q.dead_letter`

func (s *Queues) lookup(row interface{ Scan(...any) error }) (*Queue, error) {
	q := &Queue{file: s.file}
	c := &q.config
	var visibility, delay, retention int64
	err := row.Scan(&q.id, &c.Name, &visibility, &delay, &retention, &c.MaxReceiveCount,
		&c.ContentDedup, &c.MaxMessageBytes, &q.deadLetter, &c.DeadLetterQueue)
	c.VisibilityTimeout = time.Duration(visibility) * time.Millisecond
	c.Delay = time.Duration(delay) * time.Millisecond
	c.Retention = time.Duration(retention) * time.Millisecond
	return q, err
}

// write runs fn in a write operation with the time at which it runs.
func (q *Queue) write(ctx context.Context, what string, fn func(t *turn) error) error {
	err := q.file.Write(ctx, func(tx *sqlitefile.Tx) error { return fn(q.turn(tx)) })
	if err != nil {
		return fmt.Errorf("%s %s: %w", what, q.config.Name, err)
	}
	return nil
}

// turn is one write operation on a queue at one instant.
type turn struct {
	*Queue
	tx  *sqlitefile.Tx
	now int64 // Unix milliseconds
}

func (q *Queue) turn(tx *sqlitefile.Tx) *turn {
	return &turn{Queue: q, tx: tx, now: time.Now().UnixMilli()}
}

// millis is a time as the file keeps it.
func millis(t time.Time) int64 { return t.UnixMilli() }
