// Package sqssource lets an event source mapping poll a queue of SQS, or of an
// emulator of it.
package sqssource

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"dialtone/infra/local/queue"
)

// Source is a queue to poll: a mapping.Source. It is safe for concurrent use.
type Source struct {
	client *sqs.Client
	url    string
	config queue.Config
}

// New returns a source. It makes no call. The configuration's Name and
// VisibilityTimeout must be those of the queue.
func New(client *sqs.Client, url string, c queue.Config) *Source {
	return &Source{client: client, url: url, config: c}
}

// Config returns the configuration of New.
func (s *Source) Config() queue.Config { return s.config }

// poll is how long one call waits. It is never broken off, since what a broken
// answer carried would stay hidden until its visibility timeout.
const poll = time.Second

// Receive waits for messages, as long as asked for or until ctx ends.
func (s *Source) Receive(ctx context.Context, o queue.ReceiveOptions) ([]queue.Received, error) {
	for until := time.Now().Add(o.Wait); ; {
		got, err := s.receive(context.WithoutCancel(ctx), o, min(poll, max(0, time.Until(until))))
		switch {
		case len(got) > 0:
			return got, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			return nil, fmt.Errorf("receive from %s: %w", s.config.Name, err)
		case !time.Now().Before(until):
			return nil, nil
		}
	}
}

func (s *Source) receive(ctx context.Context, o queue.ReceiveOptions, wait time.Duration) ([]queue.Received, error) {
	in := &sqs.ReceiveMessageInput{
		QueueUrl: &s.url, MaxNumberOfMessages: int32(max(1, o.Max)), WaitTimeSeconds: seconds(wait),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		MessageAttributeNames:       []string{"All"},
	}
	if o.Visibility > 0 {
		in.VisibilityTimeout = seconds(o.Visibility)
	}
	out, err := s.client.ReceiveMessage(ctx, in)
	if err != nil {
		return nil, err
	}
	var all []queue.Received
	for _, m := range out.Messages {
		all = append(all, received(m))
	}
	return all, nil
}

func seconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }

func received(m types.Message) queue.Received {
	system := func(name types.MessageSystemAttributeName) string { return m.Attributes[string(name)] }
	count, _ := strconv.Atoi(system(types.MessageSystemAttributeNameApproximateReceiveCount))
	r := queue.Received{Receipt: aws.ToString(m.ReceiptHandle)}
	r.Message = queue.Message{
		ID: aws.ToString(m.MessageId), Body: aws.ToString(m.Body), ReceiveCount: count,
		Group:           system(types.MessageSystemAttributeNameMessageGroupId),
		DedupID:         system(types.MessageSystemAttributeNameMessageDeduplicationId),
		Sequence:        system(types.MessageSystemAttributeNameSequenceNumber),
		SentAt:          milliseconds(system(types.MessageSystemAttributeNameSentTimestamp)),
		FirstReceivedAt: milliseconds(system(types.MessageSystemAttributeNameApproximateFirstReceiveTimestamp)),
	}
	for name, a := range m.MessageAttributes {
		if r.Attributes == nil {
			r.Attributes = map[string]queue.Attribute{}
		}
		r.Attributes[name] = queue.Attribute{DataType: aws.ToString(a.DataType), StringValue: aws.ToString(a.StringValue), BinaryValue: a.BinaryValue}
	}
	return r
}

func milliseconds(s string) time.Time {
	n, _ := strconv.ParseInt(s, 10, 64)
	return time.UnixMilli(n).UTC()
}

// DeleteBatch deletes 1 to 10 messages and answers each receipt in its order.
func (s *Source) DeleteBatch(ctx context.Context, receipts []string) ([]error, error) {
	in := &sqs.DeleteMessageBatchInput{QueueUrl: &s.url}
	for i, r := range receipts {
		in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &r})
	}
	out, err := s.client.DeleteMessageBatch(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("delete from %s: %w", s.config.Name, err)
	}
	return refusals(len(receipts), out.Failed), nil
}

// ChangeVisibilityBatch changes 1 to 10 messages and answers each entry in its
// order.
func (s *Source) ChangeVisibilityBatch(ctx context.Context, entries []queue.Visibility) ([]error, error) {
	in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &s.url}
	for i, e := range entries {
		in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), ReceiptHandle: aws.String(e.Receipt), VisibilityTimeout: seconds(e.Timeout),
		})
	}
	out, err := s.client.ChangeMessageVisibilityBatch(ctx, in)
	if err != nil {
		return nil, fmt.Errorf("change visibility on %s: %w", s.config.Name, err)
	}
	return refusals(len(entries), out.Failed), nil
}

// refusals puts what was refused in its place.
func refusals(n int, failed []types.BatchResultErrorEntry) []error {
	all := make([]error, n)
	for _, f := range failed {
		i, err := strconv.Atoi(aws.ToString(f.Id))
		if err == nil && i >= 0 && i < n {
			all[i] = errors.New(aws.ToString(f.Code) + ": " + aws.ToString(f.Message))
		}
	}
	return all
}
