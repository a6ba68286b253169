package queue

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"dialtone/shared/sqlitefile"
)

// Config describes one queue. Only Name is required.
type Config struct {
	// Name has 1 to 80 letters, digits, - and _; a name that ends in ".fifo"
	// makes a FIFO queue.
	Name string

	// VisibilityTimeout hides a received message. At most 12 h. Zero: 30 s.
	VisibilityTimeout time.Duration

	// Delay hides a new message. At most 15 min. Zero: none.
	Delay time.Duration

	// Retention is how long a message is kept, counted from its send: 1 min to
	// 14 days. Zero: 4 days, or 14 days for a dead-letter queue.
	Retention time.Duration

	// MaxReceiveCount is after how many receives a message goes to
	// DeadLetterQueue instead of being received again: 1 to 1000. Both are set,
	// or neither.
	MaxReceiveCount int

	// DeadLetterQueue is the name of a declared queue of the same type.
	DeadLetterQueue string

	// ContentDedup makes the SHA-256 of the body the deduplication id of
	// messages that bring none. Only for FIFO queues.
	ContentDedup bool

	// MaxMessageBytes bounds body and attributes together: 1 KiB to 1 MiB.
	// Zero: 256 KiB.
	MaxMessageBytes int
}

// FIFO reports whether the queue keeps order within groups.
func (c Config) FIFO() bool { return strings.HasSuffix(c.Name, ".fifo") }

// Limits of SQS.
const (
	maxVisibility = 12 * time.Hour
	maxDelay      = 15 * time.Minute
	minRetention  = time.Minute
	maxRetention  = 14 * 24 * time.Hour
	maxReceives   = 1000
	maxBatch      = 10
	maxWait       = 20 * time.Second
	dedupWindow   = 5 * time.Minute
	minMaxBytes   = 1 << 10
	maxMaxBytes   = 1 << 20
)

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

func (c Config) withDefaults(deadLetter bool) Config {
	if c.VisibilityTimeout == 0 {
		c.VisibilityTimeout = 30 * time.Second
	}
	if c.Retention == 0 {
		c.Retention = 4 * 24 * time.Hour
		if deadLetter {
			c.Retention = maxRetention
		}
	}
	if c.MaxMessageBytes == 0 {
		c.MaxMessageBytes = 256 << 10
	}
	return c
}

// problems checks a configuration whose defaults are filled in.
func (c Config) problems() error {
	var all []error
	refuse := func(wrong bool, format string, args ...any) {
		if wrong {
			all = append(all, fmt.Errorf("queue %q: "+format, append([]any{c.Name}, args...)...))
		}
	}
	between := func(name string, d, low, high time.Duration) {
		refuse(d < low || d > high, "%s is %s, want %s to %s", name, d, low, high)
	}
	refuse(!queueName.MatchString(strings.TrimSuffix(c.Name, ".fifo")) || len(c.Name) > 80,
		"Name has 1 to 80 letters, digits, - and _, and may end in .fifo")
	between("VisibilityTimeout", c.VisibilityTimeout, 0, maxVisibility)
	between("Delay", c.Delay, 0, maxDelay)
	between("Retention", c.Retention, minRetention, maxRetention)
	refuse(c.MaxReceiveCount < 0 || c.MaxReceiveCount > maxReceives, "MaxReceiveCount is %d, want 1 to %d", c.MaxReceiveCount, maxReceives)
	refuse((c.MaxReceiveCount == 0) != (c.DeadLetterQueue == ""), "MaxReceiveCount and DeadLetterQueue go together")
	refuse(c.DeadLetterQueue == c.Name && c.Name != "", "DeadLetterQueue is the queue itself")
	refuse(c.DeadLetterQueue != "" && strings.HasSuffix(c.DeadLetterQueue, ".fifo") != c.FIFO(),
		"DeadLetterQueue %q is of the other type", c.DeadLetterQueue)
	refuse(c.ContentDedup && !c.FIFO(), "ContentDedup is for FIFO queues")
	refuse(c.MaxMessageBytes < minMaxBytes || c.MaxMessageBytes > maxMaxBytes,
		"MaxMessageBytes is %d, want %d to %d", c.MaxMessageBytes, minMaxBytes, maxMaxBytes)
	return errors.Join(all...)
}

// Declare creates the queues that are missing and gives the others this
// configuration; their messages stay. All or none are declared, and every
// problem is reported at once. Declaring again what stands writes nothing. A
// queue that is not among configs stays as it is. A [Queue] looked up earlier keeps its old configuration.
func (s *Queues) Declare(ctx context.Context, configs ...Config) error {
	err := s.file.Write(ctx, func(tx *sqlitefile.Tx) error { return declare(tx, configs) })
	if err != nil {
		return fmt.Errorf("declare queues: %w", err)
	}
	return nil
}

func declare(tx *sqlitefile.Tx, configs []Config) error {
	deadLetters, err := deadLetterQueues(tx)
	if err != nil {
		return err
	}
	for _, c := range configs {
		deadLetters[c.DeadLetterQueue] = true
	}
	var problems []error
	seen := make(map[string]bool)
	for _, c := range configs {
		if seen[c.Name] {
			problems = append(problems, fmt.Errorf("queue %q: declared twice", c.Name))
		}
		seen[c.Name] = true
		c = c.withDefaults(deadLetters[c.Name])
		problems = append(problems, c.problems())
		if err := put(tx, c); err != nil {
			return err
		}
	}
	for _, c := range configs {
		if err := link(tx, c); err != nil {
			problems = append(problems, err)
		}
	}
	return errors.Join(problems...) // any problem rolls everything back
}

func deadLetterQueues(tx *sqlitefile.Tx) (map[string]bool, error) {
	rows, err := tx.Query(`SELECT DISTINCT d.name FROM queues q JOIN queues d ON d.id = q.dead_letter`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names := make(map[string]bool)
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		names[name] = true
	}
	return names, rows.Err()
}

func put(tx *sqlitefile.Tx, c Config) error {
	_, err := tx.Exec(`INSERT INTO queues
		(name, visibility_ms, delay_ms, retention_ms, max_receives, content_dedup, max_bytes)
		VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET visibility_ms = excluded.visibility_ms,
			delay_ms = excluded.delay_ms, retention_ms = excluded.retention_ms,
			max_receives = excluded.max_receives, content_dedup = excluded.content_dedup,
			max_bytes = excluded.max_bytes
		WHERE (visibility_ms, delay_ms, retention_ms, max_receives, content_dedup, max_bytes) <>
			(excluded.visibility_ms, excluded.delay_ms, excluded.retention_ms, excluded.max_receives,
			excluded.content_dedup, excluded.max_bytes)`,
		c.Name, c.VisibilityTimeout.Milliseconds(), c.Delay.Milliseconds(), c.Retention.Milliseconds(),
		c.MaxReceiveCount, c.ContentDedup, c.MaxMessageBytes)
	return err
}

// link points a queue to its dead-letter queue, once all queues are there.
func link(tx *sqlitefile.Tx, c Config) error {
	_, err := tx.Exec(`UPDATE queues SET dead_letter = d.id
		FROM (SELECT (SELECT id FROM queues WHERE name = ?) AS id) d
		WHERE name = ? AND dead_letter IS NOT d.id`, c.DeadLetterQueue, c.Name)
	if err != nil || c.DeadLetterQueue == "" {
		return err
	}
	var found bool
	err = tx.QueryRow(`SELECT dead_letter IS NOT NULL FROM queues WHERE name = ?`, c.Name).Scan(&found)
	if err == nil && !found {
		err = fmt.Errorf("queue %q: DeadLetterQueue %q is not declared", c.Name, c.DeadLetterQueue)
	}
	return err
}
