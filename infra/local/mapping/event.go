package mapping

import (
	"context"
	"crypto/md5"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/infra/local/queue"
)

// Events makes a Handler of a function over the Go types of the event. The JSON
// in between is the same that Lambda would carry.
func Events(handle func(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error)) Handler {
	return func(ctx context.Context, event []byte) ([]byte, error) {
		var e events.SQSEvent
		if err := json.Unmarshal(event, &e); err != nil {
			return nil, fmt.Errorf("decode SQS event: %w", err)
		}
		response, err := handle(ctx, e)
		if err != nil {
			return nil, err
		}
		return json.Marshal(response)
	}
}

// event makes what a function gets for a batch.
func (m *Mapping) event(batch []queue.Received) ([]byte, error) {
	var e events.SQSEvent
	for _, r := range batch {
		e.Records = append(e.Records, m.record(r))
	}
	return json.Marshal(e)
}

func (m *Mapping) record(r queue.Received) events.SQSMessage {
	sum := md5.Sum([]byte(r.Body))
	return events.SQSMessage{
		MessageId:              r.ID,
		ReceiptHandle:          r.Receipt,
		Body:                   r.Body,
		Md5OfBody:              hex.EncodeToString(sum[:]),
		Md5OfMessageAttributes: attributesMD5(r.Attributes),
		Attributes:             systemAttributes(r),
		MessageAttributes:      messageAttributes(r.Attributes),
		EventSourceARN:         queue.ARN(m.queue.Name),
		EventSource:            "aws:sqs",
		AWSRegion:              "local",
	}
}

func systemAttributes(r queue.Received) map[string]string {
	attributes := map[string]string{
		"ApproximateReceiveCount":          strconv.Itoa(r.ReceiveCount),
		"SentTimestamp":                    strconv.FormatInt(r.SentAt.UnixMilli(), 10),
		"SenderId":                         "local",
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(r.FirstReceivedAt.UnixMilli(), 10),
	}
	source := ""
	if r.DeadLetterSource != "" {
		source = queue.ARN(r.DeadLetterSource)
	}
	for name, value := range map[string]string{
		"MessageGroupId":           r.Group,
		"MessageDeduplicationId":   r.DedupID,
		"SequenceNumber":           r.Sequence,
		"DeadLetterQueueSourceArn": source,
	} {
		if value != "" {
			attributes[name] = value
		}
	}
	return attributes
}

func messageAttributes(attributes map[string]queue.Attribute) map[string]events.SQSMessageAttribute {
	list := make(map[string]events.SQSMessageAttribute, len(attributes))
	for name, a := range attributes {
		out := events.SQSMessageAttribute{DataType: a.DataType, StringListValues: []string{}, BinaryListValues: [][]byte{}}
		if isBinary(a) {
			out.BinaryValue = a.BinaryValue
		} else {
			out.StringValue = &a.StringValue
		}
		list[name] = out
	}
	return list
}

func isBinary(a queue.Attribute) bool { return strings.HasPrefix(a.DataType, "Binary") }

// attributesMD5 is the digest of Amazon SQS, message metadata: "Calculating the
// MD5 message digest for message attributes"; "" when there are none.
func attributesMD5(attributes map[string]queue.Attribute) string {
	if len(attributes) == 0 {
		return ""
	}
	digest := md5.New()
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		addSized(digest, []byte(name))
		addSized(digest, []byte(a.DataType))
		if isBinary(a) {
			digest.Write([]byte{2})
			addSized(digest, a.BinaryValue)
		} else {
			digest.Write([]byte{1})
			addSized(digest, []byte(a.StringValue))
		}
	}
	return hex.EncodeToString(digest.Sum(nil))
}

func addSized(digest hash.Hash, b []byte) {
	digest.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b))))
	digest.Write(b)
}
