// Package sqsqueue puts Amazon SQS behind what dialtone's functions ask for:
// visibility and dead letters for batches that were received ([Queues]), and
// commands sent to a queue ([Sender]).
//
// Events name queues by ARN, the API by URL. Functions know their URLs from the
// environment, and an ARN is found among those: no call, no permission and no
// time is spent on looking one up.
package sqsqueue

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"dialtone/shared/sqsbatch"
)

// Queue is a queue that a function reads.
type Queue struct {
	// URL of the queue, such as
	// https://sqs.eu-central-1.amazonaws.com/123456789012/numbers.fifo. Required.
	URL string
	// DeadLetterURL is the URL of its dead-letter queue, of the same type.
	// Empty: its messages cannot be dead-lettered by [Queues.SendDeadLetter].
	DeadLetterURL string
}

// ErrUnknownQueue reports an ARN that belongs to none of the configured URLs.
var ErrUnknownQueue = errors.New("no configured URL belongs to this queue")

// Queues implements [sqsbatch.Visibility] and [sqsbatch.DeadLetters]. Safe for
// concurrent use.
type Queues struct {
	client *sqs.Client
	known  map[place]Queue
}

// New returns the queues. It makes no call. The error names every URL that is
// none, and queues that could not be told apart.
func New(client *sqs.Client, queues ...Queue) (*Queues, error) {
	q := &Queues{client: client, known: make(map[place]Queue, len(queues))}
	var problems []error
	for _, entry := range queues {
		at, err := placeOf(entry.URL)
		if _, twice := q.known[at]; err == nil && twice {
			err = fmt.Errorf("queue %s of account %s is given twice", at.name, at.account)
		}
		problems = append(problems, err, entry.checkDeadLetter())
		q.known[at] = entry
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("sqs queues: %w", err)
	}
	return q, nil
}

func (q Queue) checkDeadLetter() error {
	if q.DeadLetterURL == "" {
		return nil
	}
	_, err := placeOf(q.DeadLetterURL)
	if err == nil && fifo(q.DeadLetterURL) != fifo(q.URL) {
		err = fmt.Errorf("dead-letter queue %s is of another type than %s: both end in .fifo, or neither", q.DeadLetterURL, q.URL)
	}
	return err
}

// URL returns the URL of the queue that an event names by ARN. Its error matches
// [ErrUnknownQueue].
func (q *Queues) URL(arn string) (string, error) {
	found, err := q.find(arn)
	return found.URL, err
}

// ChangeMessageVisibility implements [sqsbatch.Visibility]. Fractions of a
// second are cut off.
func (q *Queues) ChangeMessageVisibility(ctx context.Context, arn, receiptHandle string, d time.Duration) error {
	found, err := q.find(arn)
	if err != nil {
		return fmt.Errorf("change visibility: %w", err)
	}
	_, err = q.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: &found.URL, ReceiptHandle: &receiptHandle, VisibilityTimeout: int32(d / time.Second),
	})
	return err
}

// SendDeadLetter implements [sqsbatch.DeadLetters].
func (q *Queues) SendDeadLetter(ctx context.Context, d sqsbatch.DeadLetter) error {
	found, err := q.find(d.Queue)
	switch {
	case err != nil:
		return fmt.Errorf("send dead letter: %w", err)
	case found.DeadLetterURL == "":
		return fmt.Errorf("send dead letter: no dead-letter queue is configured for %s", found.URL)
	}
	in := &sqs.SendMessageInput{QueueUrl: &found.DeadLetterURL, MessageBody: &d.Body, MessageAttributes: attributes(d.Attributes)}
	if d.Group != "" {
		in.MessageGroupId = &d.Group
	}
	if fifo(found.DeadLetterURL) {
		in.MessageDeduplicationId = &d.DedupID
	}
	_, err = q.client.SendMessage(ctx, in)
	return err
}

func (q *Queues) find(arn string) (Queue, error) {
	at, ok := placeOfARN(arn)
	if found, known := q.known[at]; ok && known {
		return found, nil
	}
	return Queue{}, fmt.Errorf("%w: %s", ErrUnknownQueue, arn)
}

// place is what the ARN and the URL of a queue have in common. The region is not
// part of it: in the URL of an interface endpoint or of an emulator it is
// missing, or elsewhere.
type place struct{ account, name string }

// fifo reports whether a URL is that of a FIFO queue: the name says so (Amazon
// SQS: FIFO queue name).
func fifo(queueURL string) bool { return strings.HasSuffix(queueURL, ".fifo") }

// wellFormed reports whether account and name have the form that AWS gives them.
// Regular expressions for it took half a millisecond of every cold start.
func (p place) wellFormed() bool {
	name := strings.TrimSuffix(p.name, ".fifo")
	return len(p.account) == 12 && strings.Trim(p.account, "0123456789") == "" &&
		name != "" && len(name) <= 80 && !strings.ContainsFunc(name, notInName)
}

func notInName(r rune) bool {
	letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
	return !letter && (r < '0' || r > '9') && r != '-' && r != '_'
}

// placeOf reads a queue URL: account and name are the last parts of its path.
func placeOf(queueURL string) (place, error) {
	u, err := url.Parse(queueURL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return place{}, fmt.Errorf("%q is not the URL of a queue", queueURL)
	}
	parts := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(parts) >= 2 {
		at := place{parts[len(parts)-2], parts[len(parts)-1]}
		if at.wellFormed() {
			return at, nil
		}
	}
	return place{}, fmt.Errorf("%q is not the URL of a queue: its path ends in /<account>/<name>", queueURL)
}

// placeOfARN reads arn:<partition>:sqs:<region>:<account>:<name>.
func placeOfARN(arn string) (place, bool) {
	parts := strings.Split(arn, ":")
	if len(parts) != 6 || parts[0] != "arn" || parts[2] != "sqs" {
		return place{}, false
	}
	return place{parts[4], parts[5]}, true
}

// attributes are String message attributes.
func attributes(texts map[string]string) map[string]types.MessageAttributeValue {
	if len(texts) == 0 {
		return nil
	}
	all := make(map[string]types.MessageAttributeValue, len(texts))
	for n, text := range texts {
		all[n] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &text}
	}
	return all
}
