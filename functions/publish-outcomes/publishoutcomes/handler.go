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

	"github.com/aws/aws-lambda-go/events"

	"dialtone/shared/ledger/dynamo"
	"dialtone/shared/logattr"
	"dialtone/shared/outcome"
)

// Bus takes events. Its errors must name each event that was not accepted by
// its place among those put, as a [RefusedError]; any other error means that it
// is not known which were.
type Bus interface {
	// Put puts 1 to 10 events, in order.
	Put(ctx context.Context, events []outcome.Event) error
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

// maxPut is how many events one call may carry (Amazon EventBridge API
// Reference: PutEvents).
const maxPut = 10

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
	event    outcome.Event
	sequence string
}

// Handle publishes the outcomes among the records. A stream is read in order,
// so the reply names the first record that was not published: Lambda delivers
// again from there, and what follows it may be published twice.
func (h *Handler) Handle(ctx context.Context, e events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	all := h.outcomes(ctx, e)
	for len(all) > 0 {
		next := all[:min(maxPut, len(all))]
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

// outcomes picks the finished requests out of the records. A record that is
// not the ledger's making can never be read, so it is logged and passed over.
func (h *Handler) outcomes(ctx context.Context, e events.DynamoDBEvent) []pending {
	var all []pending
	for _, r := range e.Records {
		o, err := dynamo.Outcome(r.Change)
		switch {
		case err != nil:
			h.log.ErrorContext(ctx, "record of the stream is unreadable", logattr.Error(err), slog.String("event_id", r.EventID))
		case o != nil:
			all = append(all, pending{event: *o, sequence: r.Change.SequenceNumber})
		}
	}
	return all
}

// put publishes up to ten outcomes and returns the sequence number of the first
// that was not accepted.
func (h *Handler) put(ctx context.Context, batch []pending) (failed string, err error) {
	list := make([]outcome.Event, len(batch))
	for i, p := range batch {
		list[i] = p.event
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

// detailOf is the event as the bus carries it: the whole CloudEvent.
func detailOf(o outcome.Event) (string, error) {
	raw, err := json.Marshal(o)
	return string(raw), err
}
