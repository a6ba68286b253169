package sqsbatch

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// Message is one SQS message as a handler sees it. The zero value is an empty
// body without a group.
type Message struct {
	ID           string            // SQS message id, the same on every receive
	Body         string            // as it was sent
	Queue        string            // ARN of the queue it came from
	Group        string            // MessageGroupId; "" when it has none
	ReceiveCount int               // ApproximateReceiveCount, 1 on the first receive
	SentAt       time.Time         // UTC, millisecond precision; zero when SQS did not say
	Attributes   map[string]string // string and number message attributes by name; nil when it has none
}

// Handler works on one message. nil acknowledges it; [Discard] and [RetryAfter]
// choose another end; any other error, and a panic, brings the message back
// after a backoff.
//
// ctx ends a margin before the invocation does (see [Config]). A handler must
// return soon after that and must not leave goroutines behind: Run waits for
// it, because a frozen function thaws later.
type Handler func(ctx context.Context, m Message) error

// state is how a message ended. The zero value is reported to SQS as failed, so
// that a message nobody got to is never acknowledged.
type state int

const (
	reported     state = iota // comes back to the queue
	done                      // the handler returned nil
	deadLettered              // sent to the dead-letter queue with its reason
)

// entry is a message of the event with all receipt handles it came with; more
// than one when SQS delivered it twice in one event.
type entry struct {
	Message
	handles []string
	state   state
}

// entries reads the records of the event, each message id once, in order.
func entries(records []events.SQSMessage) []*entry {
	list := make([]*entry, 0, len(records))
	known := make(map[string]*entry, len(records))
	for _, r := range records {
		e, repeated := known[r.MessageId]
		if !repeated {
			e = &entry{Message: message(r)}
			known[r.MessageId] = e
			list = append(list, e)
		}
		e.handles = append(e.handles, r.ReceiptHandle)
	}
	return list
}

func message(r events.SQSMessage) Message {
	m := Message{
		ID: r.MessageId, Body: r.Body, Queue: r.EventSourceARN,
		Group: r.Attributes["MessageGroupId"], ReceiveCount: 1,
	}
	if n, err := strconv.Atoi(r.Attributes["ApproximateReceiveCount"]); err == nil && n > 1 {
		m.ReceiveCount = n
	}
	if ms, err := strconv.ParseInt(r.Attributes["SentTimestamp"], 10, 64); err == nil {
		m.SentAt = time.UnixMilli(ms).UTC()
	}
	for name, a := range r.MessageAttributes {
		if a.StringValue == nil {
			continue
		}
		if m.Attributes == nil {
			m.Attributes = make(map[string]string, len(r.MessageAttributes))
		}
		m.Attributes[name] = *a.StringValue
	}
	return m
}

// line is a run of messages that must be handled in order, one at a time: those
// of one group, or a single message without a group.
type line []*entry

// lines arranges the messages: a line for each group, in order of appearance.
func lines(list []*entry) []line {
	type group struct{ queue, name string }
	var all []line
	at := make(map[group]int)
	for _, e := range list {
		key := group{e.Queue, e.Group}
		i, known := at[key]
		if e.Group == "" || !known {
			at[key] = len(all)
			all = append(all, line{e})
			continue
		}
		all[i] = append(all[i], e)
	}
	return all
}

// reply builds the answer to SQS from the complete set of messages. It is the
// only place that does: an empty list acknowledges the whole batch.
func reply(list []*entry) events.SQSEventResponse {
	failures := make([]events.SQSBatchItemFailure, 0, len(list))
	for _, e := range list {
		if e.state == reported {
			failures = append(failures, events.SQSBatchItemFailure{ItemIdentifier: e.ID})
		}
	}
	return events.SQSEventResponse{BatchItemFailures: failures}
}
