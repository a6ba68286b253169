package local

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"dialtone/infra/local/queue"
	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/sqlite"
	"dialtone/shared/sqlitefile"
)

// Names of the queues, as on AWS.
const (
	NumbersQueue       = command.NumbersQueue
	NumbersDeadLetters = "numbers-dlq.fifo"
	SimRingQueue       = command.SimRingQueue
	SimRingDeadLetters = "simring-dlq.fifo"
)

const (
	// functionTimeout is how long one invocation of a handler may take.
	functionTimeout = time.Minute

	// maxReceiveCount is high on purpose: waiting out a vendor's outage costs
	// receives, and must not cost the message. What can never succeed is
	// dead-lettered by its handler on first sight.
	maxReceiveCount = 1000

	longestRetention = 14 * 24 * time.Hour
)

// Data is a data file: the ledger and the queues of the embedded stack. Several
// processes may have it open, one of them running the stack.
type Data struct {
	File   *sqlitefile.File
	Store  *sqlite.Store
	Ledger *ledger.Ledger
	Queues *queue.Queues
}

// Look opens a data file beside a stack that may be running on it. A file that
// does not exist is an error that says how to get one.
func Look(ctx context.Context, path string) (*Data, error) {
	d, err := open(ctx, path, sqlitefile.Options{MustExist: true}, ledger.Options{Owner: "look"})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no data file %s: start 'dialtone run' first, or name another file with --data", path)
	}
	return d, err
}

// Join opens a data file to send to it, and makes it if it is not there.
func Join(ctx context.Context, path string) (*Data, error) {
	return open(ctx, path, sqlitefile.Options{}, ledger.Options{Owner: "join"})
}

func open(ctx context.Context, path string, o sqlitefile.Options, lo ledger.Options) (_ *Data, err error) {
	file, err := sqlitefile.Open(ctx, path, o)
	if err != nil {
		return nil, err
	}
	d := &Data{File: file}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	if d.Store, err = sqlite.New(ctx, file); err != nil {
		return nil, err
	}
	d.Ledger = ledger.New(d.Store, lo)
	if d.Queues, err = queue.Open(ctx, file); err != nil {
		return nil, err
	}
	return d, d.Queues.Declare(ctx, queueConfigs()...)
}

func queueConfigs() []queue.Config {
	return append(pair(NumbersQueue, NumbersDeadLetters), pair(SimRingQueue, SimRingDeadLetters)...)
}

// pair is a queue of commands behind the queue of its dead letters.
func pair(name, dead string) []queue.Config {
	return []queue.Config{
		{
			Name: dead, VisibilityTimeout: 6 * functionTimeout, Retention: longestRetention,
		},
		{
			Name: name, VisibilityTimeout: 6 * functionTimeout, Retention: longestRetention,
			MaxReceiveCount: maxReceiveCount, DeadLetterQueue: dead,
		},
	}
}

// Send puts a command on its queue, in its user's group. fresh is false when the
// queue has seen the request within its deduplication window. A body that is
// not a command is refused: see [command.Decode].
func (d *Data) Send(ctx context.Context, body []byte) (fresh bool, err error) {
	c, err := command.Decode(body)
	if err != nil {
		return false, err
	}
	return d.Deliver(ctx, c, body, 0)
}

// Deliver puts a command that was decoded from body on its queue: for the first
// time, or for the nth replay of its request. fresh is as in [Data.Send].
func (d *Data) Deliver(ctx context.Context, c command.Command, body []byte, replay int) (fresh bool, err error) {
	name := command.QueueOf(c.Type)
	if name == "" {
		return false, &failure.Error{
			Class: failure.Invalid, Reason: fmt.Sprintf("no queue takes %s", c.Type), Advice: "Use another message type.",
		}
	}
	q, err := d.Queues.Queue(ctx, name)
	if err != nil {
		return false, fmt.Errorf("send to %s: %w", name, err)
	}
	sent, err := q.Send(ctx, queue.Outgoing{Body: string(body), Group: c.Group(), DedupID: c.Key.DedupID(replay)})
	if err != nil {
		return false, fmt.Errorf("send to %s: %w", name, err)
	}
	return !sent.Duplicate, nil
}

// Close closes the file.
func (d *Data) Close() error { return d.File.Close() }
