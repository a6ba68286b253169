package sqsqueue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"dialtone/shared/httpretry"
)

// Result is what became of one message. Either ID or Err is set.
type Result struct {
	ID       string // message id; that of the first when a FIFO queue had the message already
	Sequence string // on a FIFO queue; rises in the order of acceptance
	Err      error  // an [*EntryError], [ErrHeldBack], or why the whole call failed
}

// EntryError is the refusal of one message of a batch that was otherwise taken.
type EntryError struct {
	Code        string // of SQS, such as InvalidParameterValue
	Message     string // in the words of SQS
	SenderFault bool   // the message itself is wrong: it was not tried again
}

// Error names the code and the words.
func (e *EntryError) Error() string { return fmt.Sprintf("sqs: %s: %s", e.Code, e.Message) }

// ErrHeldBack reports a message that was not sent because one before it in its
// group was not accepted: it must not overtake that.
var ErrHeldBack = errors.New("held back behind a message of its group that was not accepted")

// tries is how often a message is sent while SQS calls its failure its own. Each
// call is repeated by the client library, too.
const tries = 4

// Sender sends messages to one queue. Safe for concurrent use.
type Sender struct {
	client  *sqs.Client
	url     string
	fifo    bool
	backoff httpretry.Backoff
}

// NewSender returns a sender to the queue. It makes no call.
func NewSender(client *sqs.Client, queueURL string) (*Sender, error) {
	if _, err := placeOf(queueURL); err != nil {
		return nil, fmt.Errorf("sqs sender: %w", err)
	}
	return &Sender{
		client: client, url: queueURL, fifo: fifo(queueURL),
		backoff: httpretry.Backoff{Base: 50 * time.Millisecond, Cap: time.Second},
	}, nil
}

// Send sends the messages, ten in a call, and returns a result for each, in
// their order. On a FIFO queue those of one group are accepted in order.
//
// SQS can take one part of a batch and refuse the other. What it refuses as the
// sender's fault is final; the rest is sent again up to three times, as far as
// the context allows. A call that fails as a whole (no network, no permission)
// ends the sending: its messages and all that follow have its error, and may
// have arrived all the same if its answer was lost. To send them again does no
// harm: the request key tells repeats.
func (s *Sender) Send(ctx context.Context, messages ...Message) []Result {
	o := &outbox{sender: s, messages: messages, results: make([]Result, len(messages)), ended: make(map[string]bool)}
	waiting := make([]int, len(messages))
	for i := range waiting {
		waiting[i] = i
	}
	for round := 1; len(waiting) > 0; round++ {
		again, err := o.round(ctx, waiting)
		if err != nil || len(again) == 0 || !s.pause(ctx, round) {
			break
		}
		waiting = again
	}
	return o.results
}

// pause waits before another round and reports whether there is to be one.
func (s *Sender) pause(ctx context.Context, round int) bool {
	if round >= tries {
		return false
	}
	timer := time.NewTimer(s.backoff.Delay(round))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// outbox is one Send.
type outbox struct {
	sender   *Sender
	messages []Message
	results  []Result
	ended    map[string]bool // lines with a message that was refused for good
}

// round sends the waiting messages once, and returns those to send again.
func (o *outbox) round(ctx context.Context, waiting []int) (again []int, err error) {
	stuck := make(map[string]bool) // lines with a message that was not accepted in this round
	for len(waiting) > 0 {
		var now []int
		now, waiting = o.batch(waiting)
		if err := o.call(ctx, now); err != nil {
			for _, i := range slices.Concat(now, waiting) {
				o.results[i] = Result{Err: err}
			}
			return nil, err
		}
		for _, i := range now {
			if o.results[i].Err != nil {
				stuck[o.line(i)] = true
				again = append(again, i)
			}
		}
		waiting = slices.DeleteFunc(waiting, func(i int) bool {
			if !stuck[o.line(i)] {
				return false
			}
			o.results[i] = Result{Err: ErrHeldBack}
			again = append(again, i)
			return true
		})
	}
	slices.Sort(again)
	return slices.DeleteFunc(again, func(i int) bool { return o.ended[o.line(i)] }), nil
}

// call sends one batch and notes what became of each message. One that no call can
// carry is not sent: SQS would refuse the call, not the message.
func (o *outbox) call(ctx context.Context, now []int) error {
	if first := now[0]; o.messages[first].size() > maxMessage { // it goes alone
		o.results[first] = Result{Err: &EntryError{"BatchRequestTooLong", fmt.Sprintf("the message has more than %d bytes", maxMessage), true}}
		o.ended[o.line(first)] = true
		return nil
	}
	in := &sqs.SendMessageBatchInput{QueueUrl: &o.sender.url}
	for _, i := range now {
		in.Entries = append(in.Entries, o.sender.entry(i, o.messages[i]))
		o.results[i] = Result{Err: &EntryError{Code: "NoResult", Message: "the answer does not mention the message"}}
	}
	out, err := o.sender.client.SendMessageBatch(ctx, in)
	if err != nil {
		return err
	}
	for _, e := range out.Successful {
		if i, ok := position(e.Id, now); ok {
			o.results[i] = Result{ID: aws.ToString(e.MessageId), Sequence: aws.ToString(e.SequenceNumber)}
		}
	}
	for _, e := range out.Failed {
		if i, ok := position(e.Id, now); ok {
			o.results[i] = Result{Err: &EntryError{aws.ToString(e.Code), aws.ToString(e.Message), e.SenderFault}}
			o.ended[o.line(i)] = e.SenderFault
		}
	}
	return nil
}

// entry names a message by its position.
func (s *Sender) entry(i int, m Message) types.SendMessageBatchRequestEntry {
	e := types.SendMessageBatchRequestEntry{
		Id: aws.String(strconv.Itoa(i)), MessageBody: &m.Body,
		DelaySeconds: int32(m.Delay / time.Second), MessageAttributes: attributes(m.Attributes),
	}
	if m.Group != "" {
		e.MessageGroupId = &m.Group
	}
	if s.fifo && m.DedupID != "" {
		e.MessageDeduplicationId = &m.DedupID
	}
	return e
}

func position(id *string, now []int) (int, bool) {
	i, err := strconv.Atoi(aws.ToString(id))
	return i, err == nil && slices.Contains(now, i)
}
