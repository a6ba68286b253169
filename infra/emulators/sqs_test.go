//go:build e2e

package emulators_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/aws/smithy-go"

	"dialtone/infra/emulators"
	"dialtone/infra/local/queuetest"
)

// sqsClient is a client of an emulator that tries each call once.
func sqsClient(endpoint string) *sqs.Client {
	return sqs.New(sqs.Options{
		Region: emulators.Region, BaseEndpoint: &endpoint, RetryMaxAttempts: 1, HTTPClient: &http.Client{},
		Credentials: aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider(emulators.AccessKey, emulators.SecretKey, "")),
	})
}

// sqsCode is the code of an error of SQS without its namespace.
func sqsCode(err error) string {
	if e, ok := errors.AsType[*refusedEntry](err); ok {
		return bare(e.code)
	}
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return bare(e.ErrorCode())
	}
	return ""
}

// bare drops what protocols and emulators put before a code.
func bare(code string) string {
	for _, prefix := range []string{"AWS.SimpleQueueService.", "com.amazonaws.sqs#", "com.amazon.coral.service#"} {
		code = strings.TrimPrefix(code, prefix)
	}
	return strings.TrimSuffix(code, "Exception")
}

// refusedEntry is the refusal of one entry of a batch.
type refusedEntry struct{ code, message string }

func (e *refusedEntry) Error() string { return e.code + ": " + e.message }

// sqsBroker and sqsQueue speak the suite's language over the SQS API.
type sqsBroker struct{ client *sqs.Client }

type sqsQueue struct {
	client *sqs.Client
	url    string
	arn    string
}

func (b sqsBroker) Create(ctx context.Context, c queuetest.Config) (queuetest.Queue, error) {
	attributes := map[string]string{"VisibilityTimeout": "30"}
	for name, value := range map[string]int{
		"VisibilityTimeout": c.Visibility, "DelaySeconds": c.Delay, "MessageRetentionPeriod": c.Retention, "MaximumMessageSize": c.MaxBytes,
	} {
		if value != 0 {
			attributes[name] = strconv.Itoa(value)
		}
	}
	if strings.HasSuffix(c.Name, ".fifo") {
		attributes["FifoQueue"] = "true"
	}
	if c.ContentDedup {
		attributes["ContentBasedDeduplication"] = "true"
	}
	if c.DeadLetter != "" {
		policy, err := b.redrivePolicy(ctx, c)
		if err != nil {
			return nil, err
		}
		attributes["RedrivePolicy"] = policy
	}
	out, err := b.client.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: &c.Name, Attributes: attributes})
	if err != nil {
		return nil, err
	}
	q := sqsQueue{client: b.client, url: aws.ToString(out.QueueUrl)}
	q.arn, err = q.attribute(ctx, types.QueueAttributeNameQueueArn)
	return q, err
}

func (b sqsBroker) redrivePolicy(ctx context.Context, c queuetest.Config) (string, error) {
	out, err := b.client.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: &c.DeadLetter})
	if err != nil {
		return "", err
	}
	arn, err := sqsQueue{client: b.client, url: aws.ToString(out.QueueUrl)}.attribute(ctx, types.QueueAttributeNameQueueArn)
	if err != nil {
		return "", err
	}
	policy, err := json.Marshal(map[string]any{"deadLetterTargetArn": arn, "maxReceiveCount": strconv.Itoa(c.MaxReceives)})
	return string(policy), err
}

func (q sqsQueue) attribute(ctx context.Context, name types.QueueAttributeName) (string, error) {
	out, err := q.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: &q.url, AttributeNames: []types.QueueAttributeName{name}})
	if err != nil {
		return "", err
	}
	return out.Attributes[string(name)], nil
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func outgoingAttributes(all map[string]queuetest.Attribute) map[string]types.MessageAttributeValue {
	list := make(map[string]types.MessageAttributeValue, len(all))
	for name, a := range all {
		list[name] = types.MessageAttributeValue{DataType: &a.DataType, StringValue: text(a.StringValue), BinaryValue: a.BinaryValue}
	}
	return list
}

func (q sqsQueue) Send(ctx context.Context, m queuetest.Outgoing) (queuetest.Sent, error) {
	out, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: &q.url, MessageBody: &m.Body, DelaySeconds: int32(m.Delay), MessageAttributes: outgoingAttributes(m.Attributes),
		MessageGroupId: text(m.Group), MessageDeduplicationId: text(m.DedupID),
	})
	if err != nil {
		return queuetest.Sent{}, err
	}
	return queuetest.Sent{ID: aws.ToString(out.MessageId), Sequence: aws.ToString(out.SequenceNumber)}, nil
}

func (q sqsQueue) SendBatch(ctx context.Context, messages []queuetest.Outgoing) ([]queuetest.SendOutcome, error) {
	in := &sqs.SendMessageBatchInput{QueueUrl: &q.url, Entries: []types.SendMessageBatchRequestEntry{}}
	for i, m := range messages {
		in.Entries = append(in.Entries, types.SendMessageBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), MessageBody: &m.Body, DelaySeconds: int32(m.Delay), MessageAttributes: outgoingAttributes(m.Attributes),
			MessageGroupId: text(m.Group), MessageDeduplicationId: text(m.DedupID),
		})
	}
	out, err := q.client.SendMessageBatch(ctx, in)
	if err != nil {
		return nil, err
	}
	outcomes := make([]queuetest.SendOutcome, len(messages))
	for _, e := range out.Successful {
		outcomes[index(e.Id)].Sent = queuetest.Sent{ID: aws.ToString(e.MessageId), Sequence: aws.ToString(e.SequenceNumber)}
	}
	for _, e := range out.Failed {
		outcomes[index(e.Id)].Err = &refusedEntry{aws.ToString(e.Code), aws.ToString(e.Message)}
	}
	return outcomes, nil
}

// index reads the position that an entry was named by.
func index(id *string) int {
	i, err := strconv.Atoi(aws.ToString(id))
	if err != nil {
		panic("an answer names the entry " + aws.ToString(id))
	}
	return i
}

func (q sqsQueue) Receive(ctx context.Context, limit, wait, visibility int) ([]queuetest.Received, error) {
	out, err := q.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: &q.url, MaxNumberOfMessages: int32(limit), WaitTimeSeconds: int32(wait), VisibilityTimeout: int32(visibility),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
		//lint:ignore SA1019 local-aws-sqs knows no other
		AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		return nil, err
	}
	var list []queuetest.Received
	for _, m := range out.Messages {
		r := queuetest.Received{
			ID: aws.ToString(m.MessageId), Receipt: aws.ToString(m.ReceiptHandle), Body: aws.ToString(m.Body),
			Group: m.Attributes["MessageGroupId"], DedupID: m.Attributes["MessageDeduplicationId"], Sequence: m.Attributes["SequenceNumber"],
			SentAt: millis(m.Attributes["SentTimestamp"]), FirstReceivedAt: millis(m.Attributes["ApproximateFirstReceiveTimestamp"]),
			Attributes: make(map[string]queuetest.Attribute),
		}
		r.ReceiveCount, _ = strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
		for name, a := range m.MessageAttributes {
			r.Attributes[name] = queuetest.Attribute{DataType: aws.ToString(a.DataType), StringValue: aws.ToString(a.StringValue), BinaryValue: a.BinaryValue}
		}
		list = append(list, r)
	}
	return list, nil
}

func millis(s string) time.Time {
	n, _ := strconv.ParseInt(s, 10, 64) // 0 is wrong enough
	return time.UnixMilli(n)
}

func (q sqsQueue) Delete(ctx context.Context, receipt string) error {
	_, err := q.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &q.url, ReceiptHandle: &receipt})
	return err
}

func (q sqsQueue) DeleteBatch(ctx context.Context, receipts []string) ([]error, error) {
	in := &sqs.DeleteMessageBatchInput{QueueUrl: &q.url}
	for i, receipt := range receipts {
		in.Entries = append(in.Entries, types.DeleteMessageBatchRequestEntry{Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &receipt})
	}
	out, err := q.client.DeleteMessageBatch(ctx, in)
	if err != nil {
		return nil, err
	}
	return refusals(len(receipts), out.Failed), nil
}

func refusals(n int, failed []types.BatchResultErrorEntry) []error {
	list := make([]error, n)
	for _, e := range failed {
		list[index(e.Id)] = &refusedEntry{aws.ToString(e.Code), aws.ToString(e.Message)}
	}
	return list
}

func (q sqsQueue) ChangeVisibility(ctx context.Context, receipt string, seconds int) error {
	_, err := q.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &q.url, ReceiptHandle: &receipt, VisibilityTimeout: int32(seconds),
	})
	return err
}

func (q sqsQueue) ChangeVisibilityBatch(ctx context.Context, receipts []string, seconds int) ([]error, error) {
	in := &sqs.ChangeMessageVisibilityBatchInput{QueueUrl: &q.url}
	for i, receipt := range receipts {
		in.Entries = append(in.Entries, types.ChangeMessageVisibilityBatchRequestEntry{
			Id: aws.String(strconv.Itoa(i)), ReceiptHandle: &receipt, VisibilityTimeout: int32(seconds),
		})
	}
	out, err := q.client.ChangeMessageVisibilityBatch(ctx, in)
	if err != nil {
		return nil, err
	}
	return refusals(len(receipts), out.Failed), nil
}

func (q sqsQueue) Counts(ctx context.Context) (c queuetest.Counts, err error) {
	for name, n := range map[types.QueueAttributeName]*int{
		types.QueueAttributeNameApproximateNumberOfMessages:           &c.Visible,
		types.QueueAttributeNameApproximateNumberOfMessagesNotVisible: &c.InFlight,
		types.QueueAttributeNameApproximateNumberOfMessagesDelayed:    &c.Delayed,
	} {
		value, err := q.attribute(ctx, name)
		if err != nil {
			return c, err
		}
		if *n, err = strconv.Atoi(value); err != nil {
			return c, err
		}
	}
	return c, nil
}

func (q sqsQueue) Purge(ctx context.Context) error {
	_, err := q.client.PurgeQueue(ctx, &sqs.PurgeQueueInput{QueueUrl: &q.url})
	return err
}

func (q sqsQueue) Redrive(ctx context.Context) error {
	if _, err := q.client.StartMessageMoveTask(ctx, &sqs.StartMessageMoveTaskInput{SourceArn: &q.arn}); err != nil {
		return err
	}
	for {
		out, err := q.client.ListMessageMoveTasks(ctx, &sqs.ListMessageMoveTasksInput{SourceArn: &q.arn})
		if err != nil {
			return err
		}
		if len(out.Results) > 0 && aws.ToString(out.Results[0].Status) == "COMPLETED" {
			return nil
		}
		timer := time.NewTimer(50 * time.Millisecond)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}
