package sqssource_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"dialtone/infra/e2e/sqssource"
	"dialtone/infra/local/mapping"
	"dialtone/infra/local/queue"
)

var _ mapping.Source = (*sqssource.Source)(nil)

// serve answers each call of SQS with the reply for its operation, and notes the
// last request of each.
func serve(t *testing.T, reply map[string]string) (source *sqssource.Source, asked map[string]map[string]any) {
	t.Helper()
	asked = map[string]map[string]any{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		var in map[string]any
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Error(err)
		}
		asked[operation] = in
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		_, _ = w.Write([]byte(reply[operation]))
	}))
	t.Cleanup(server.Close)
	client := sqs.New(sqs.Options{
		Region: "eu-central-1", BaseEndpoint: &server.URL, RetryMaxAttempts: 1, Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
		DisableMessageChecksumValidation: true,
	})
	return sqssource.New(client, server.URL+"/000000000000/q.fifo", queue.Config{Name: "q.fifo", VisibilityTimeout: time.Minute}), asked
}

func TestReceive(t *testing.T) {
	t.Parallel()
	source, asked := serve(t, map[string]string{"ReceiveMessage": `{"Messages":[{"MessageId":"m","ReceiptHandle":"r","Body":"b",
		"Attributes":{"ApproximateReceiveCount":"3","MessageGroupId":"g","MessageDeduplicationId":"d","SequenceNumber":"7","SentTimestamp":"1000","ApproximateFirstReceiveTimestamp":"2000"},
		"MessageAttributes":{"class":{"DataType":"String","StringValue":"denied"}}}]}`})
	got, err := source.Receive(t.Context(), queue.ReceiveOptions{Max: 5, Wait: 20 * time.Second})
	if err != nil || len(got) != 1 {
		t.Fatalf("got %v, %v", got, err)
	}
	m := got[0]
	if m.ID != "m" || m.Receipt != "r" || m.Body != "b" || m.ReceiveCount != 3 || m.Group != "g" || m.DedupID != "d" || m.Sequence != "7" ||
		m.SentAt.Unix() != 1 || m.FirstReceivedAt.Unix() != 2 || m.Attributes["class"].StringValue != "denied" {
		t.Errorf("got %+v", m)
	}
	if in := asked["ReceiveMessage"]; in["MaxNumberOfMessages"] != 5.0 || in["WaitTimeSeconds"] != 1.0 || in["VisibilityTimeout"] != nil {
		t.Errorf("asked %v", in)
	}
}

func TestReceiveNothing(t *testing.T) {
	t.Parallel()
	source, _ := serve(t, map[string]string{"ReceiveMessage": `{}`})
	if got, err := source.Receive(t.Context(), queue.ReceiveOptions{}); got != nil || err != nil {
		t.Errorf("without waiting: %v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := source.Receive(ctx, queue.ReceiveOptions{Wait: time.Hour}); !errors.Is(err, context.Canceled) {
		t.Errorf("at a stop: %v", err)
	}
}

// What was received while the mapping was being stopped is its to hand back.
func TestReceiveAtAStop(t *testing.T) {
	t.Parallel()
	source, _ := serve(t, map[string]string{"ReceiveMessage": `{"Messages":[{"MessageId":"m","ReceiptHandle":"r","Body":"b"}]}`})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if got, err := source.Receive(ctx, queue.ReceiveOptions{Wait: time.Second}); len(got) != 1 || err != nil {
		t.Errorf("got %v, %v: it would stay hidden", got, err)
	}
}

func TestBatches(t *testing.T) {
	t.Parallel()
	failed := `{"Failed":[{"Id":"1","Code":"ReceiptHandleIsInvalid","Message":"no","SenderFault":true}],"Successful":[{"Id":"0"}]}`
	source, asked := serve(t, map[string]string{"DeleteMessageBatch": failed, "ChangeMessageVisibilityBatch": failed})
	deleted, err1 := source.DeleteBatch(t.Context(), []string{"a", "b"})
	changed, err2 := source.ChangeVisibilityBatch(t.Context(), []queue.Visibility{{Receipt: "a"}, {Receipt: "b", Timeout: 1500 * time.Millisecond}})
	for what, got := range map[string][]error{"delete": deleted, "change": changed} {
		if len(got) != 2 || got[0] != nil || got[1] == nil || !strings.Contains(got[1].Error(), "ReceiptHandleIsInvalid") {
			t.Errorf("%s: %v, %v, %v", what, got, err1, err2)
		}
	}
	entry := asked["ChangeMessageVisibilityBatch"]["Entries"].([]any)[1].(map[string]any)
	if entry["VisibilityTimeout"] != 2.0 || entry["ReceiptHandle"] != "b" {
		t.Errorf("asked %v", entry)
	}
}
