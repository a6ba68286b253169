// Package publishoutcomes carries outcomes from the ledger's stream to the event
// bus. The stream brings each change of the ledger at least once and in order
// for each request; the bus gets each outcome at least once, under an id that
// depends on the request alone.
package publishoutcomes

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/shared/ledger/dynamo"
	"dialtone/shared/logattr"
	"dialtone/shared/outcome"
)

// Entry is an outcome as the bus carries it.
type Entry struct {
	Type   string // of the outcome
	Time   time.Time
	Detail string // the whole CloudEvent
}

// Bus takes events. Its errors must name each event that was not accepted by
// its place among those put, as a [RefusedError]; any other error means that it
// is not known which were.
type Bus interface {
	// Put puts 1 to 10 events of at most 256 KiB in all, in order.
	Put(ctx context.Context, entries []Entry) error
}

// RefusedError says which events of a Put were not accepted.
type RefusedError struct{ Refused map[int]string } // place among those put: why

// Error names the number of refused events and one reason.
func (e *RefusedError) Error() string {
	for _, why := range e.Refused {
		return fmt.Sprintf("%d events were not accepted: %s", len(e.Refused), why)
	}
	return "no event was refused"
}

// Limits of a call (Amazon EventBridge API Reference: PutEvents). Bytes are kept to
// what every region takes.
const (
	maxPut   = 10
	maxBytes = 256 << 10
)

// Handler publishes batches of stream records. It is safe for concurrent use.
type Handler struct {
	bus Bus
	log *slog.Logger
}

// New returns a handler; a nil logger logs nothing.
func New(bus Bus, log *slog.Logger) (*Handler, error) {
	if bus == nil {
		return nil, errors.New("publish-outcomes: Bus is missing")
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Handler{bus: bus, log: log}, nil
}

// pending is an outcome with the sequence number of its record.
type pending struct {
	Entry
	sequence string
}

// size is what counts against the limit of a call (Amazon EventBridge User Guide:
// "Calculating PutEvents event entry size").
func (p pending) size() int {
	const timestamp = 14
	return timestamp + len(outcome.Source) + len(p.Type) + len(p.Detail)
}

// Handle publishes the outcomes among the records. A stream is read in order,
// so the reply names the first record that was not published: Lambda delivers
// again from there, and what follows it may be published twice.
func (h *Handler) Handle(ctx context.Context, e events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	all := h.outcomes(ctx, e)
	for len(all) > 0 {
		next := all[:fitting(all)]
		if failed, err := h.put(ctx, next); err != nil {
			h.log.ErrorContext(ctx, "outcomes not published", logattr.Error(err), slog.Int("outcomes", len(all)))
			return events.DynamoDBEventResponse{
				BatchItemFailures: []events.DynamoDBBatchItemFailure{{ItemIdentifier: failed}},
			}, nil
		}
		all = all[len(next):]
	}
	return events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}, nil
}

// fitting is how many of the first go into one call.
func fitting(all []pending) (n int) {
	for size := 0; n < min(maxPut, len(all)); n++ {
		if size += all[n].size(); size > maxBytes {
			break
		}
	}
	return n
}

// outcomes picks the finished requests and the notices out of the records. What can never be
// published, because it cannot be read or is too big for the bus, is passed over:
// it would hold up all behind it until the stream forgets them. An alarm counts
// these lines.
func (h *Handler) outcomes(ctx context.Context, e events.DynamoDBEvent) []pending {
	var all []pending
	for _, r := range e.Records {
		p, err := read(r.Change)
		switch {
		case err != nil:
			h.log.ErrorContext(ctx, "outcome passed over", logattr.Error(err), slog.String("event_id", r.EventID))
		case p != nil:
			all = append(all, *p)
		}
	}
	return all
}

// read returns the outcome that a record brings, nil if it brings none.
func read(record events.DynamoDBStreamRecord) (*pending, error) {
	o, err := dynamo.Outcome(record)
	if o == nil || err != nil {
		return nil, err
	}
	detail, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("encode outcome %s: %w", o.ID, err)
	}
	p := &pending{Entry{Type: o.Type, Time: o.Time, Detail: string(detail)}, record.SequenceNumber}
	if n := p.size(); n > maxBytes {
		return nil, fmt.Errorf("outcome %s has %d bytes, and the bus takes %d", o.ID, n, maxBytes)
	}
	return p, nil
}

// put publishes what fits into a call and returns the sequence number of the
// first that was not accepted.
func (h *Handler) put(ctx context.Context, batch []pending) (failed string, err error) {
	list := make([]Entry, len(batch))
	for i, p := range batch {
		list[i] = p.Entry
	}
	err = h.bus.Put(ctx, list)
	if err == nil {
		return "", nil
	}
	refused, ok := errors.AsType[*RefusedError](err)
	if !ok {
		return batch[0].sequence, err
	}
	for i, p := range batch {
		if _, is := refused.Refused[i]; is {
			return p.sequence, err
		}
	}
	return batch[0].sequence, err
}
