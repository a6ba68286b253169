//go:build e2e

package emulators_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"dialtone/infra/emulators"
)

// With a folder, ElasticMQ has after a kill what it had before: the queue, a
// message in flight, hidden and with its count, one that waits, and what was sent
// lately.
func TestElasticMQKeepsItsQueues(t *testing.T) {
	t.Parallel()
	o := emulators.Options{Folder: t.TempDir()}
	first, err := emulators.StartElasticMQ(o)
	if err != nil {
		t.Fatal(err)
	}
	defer first.Kill()
	client := sqsClient(first.URL())
	made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName: aws.String("kept.fifo"), Attributes: map[string]string{"FifoQueue": "true", "VisibilityTimeout": "6"},
	})
	if err != nil {
		t.Fatal(err)
	}
	send := func(body, group string) {
		t.Helper()
		if _, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{
			QueueUrl: made.QueueUrl, MessageBody: &body, MessageGroupId: &group, MessageDeduplicationId: &group,
		}); err != nil {
			t.Fatal(err)
		}
	}
	receive := func(wait int32) map[string]string {
		t.Helper()
		got, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{
			QueueUrl: made.QueueUrl, MaxNumberOfMessages: 10, WaitTimeSeconds: wait,
			MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameApproximateReceiveCount},
		})
		if err != nil {
			t.Fatal(err)
		}
		counts := map[string]string{}
		for _, m := range got.Messages {
			counts[*m.Body] = m.Attributes["ApproximateReceiveCount"]
		}
		return counts
	}
	send("in flight", "a")
	if got := receive(0); len(got) != 1 {
		t.Fatalf("received %v", got)
	}
	send("waits", "b")

	first.Kill()
	o.Port = first.Port()
	second, err := emulators.StartElasticMQ(o)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Kill()
	send("a repeat", "b")
	if got := receive(0); len(got) != 1 || got["waits"] != "1" {
		t.Errorf("after the kill: %v, want the message that waits alone", got)
	}
	if got := receive(10); got["in flight"] != "2" {
		t.Errorf("after the visibility timeout: %v, want the message that was in flight, the second time", got)
	}
}
