package sqsqueue_test

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

const (
	numbersURL  = "https://sqs.eu-central-1.amazonaws.com/000000000000/numbers.fifo"
	numbersARN  = "arn:aws:sqs:eu-central-1:000000000000:numbers.fifo"
	numbersDead = "https://sqs.eu-central-1.amazonaws.com/000000000000/numbers-dead.fifo"
	contactsURL = "https://sqs.eu-central-1.amazonaws.com/000000000000/contacts"
	contactsARN = "arn:aws:sqs:eu-central-1:000000000000:contacts"
)

// wireMessage is a message in the JSON protocol of SQS.
type wireMessage struct {
	ID         string `json:"Id"`
	Body       string `json:"MessageBody"`
	Group      string `json:"MessageGroupId"`
	Dedup      string `json:"MessageDeduplicationId"`
	Delay      int    `json:"DelaySeconds"`
	Attributes map[string]struct {
		DataType, StringValue string
	} `json:"MessageAttributes"`
}

// wireCall is any call the tests make.
type wireCall struct {
	wireMessage
	QueueURL   string `json:"QueueUrl"`
	Entries    []wireMessage
	Receipt    string `json:"ReceiptHandle"`
	Visibility *int   `json:"VisibilityTimeout"`
	Operation  string `json:"-"`
}

// cloud is an SQS that does as the test says. Used by pointer.
type cloud struct {
	// entry judges a message of a batch: "" accepts, "Sender:code" and
	// "Service:code" refuse, "silent" does not mention it.
	entry func(wireMessage) string
	// call judges a call: 0 or an HTTP status to refuse it with.
	call func(wireCall) int

	mu    sync.Mutex
	calls []wireCall
	taken []wireMessage
}

func (c *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var call wireCall
	if err := json.NewDecoder(r.Body).Decode(&call); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	call.Operation = strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "AmazonSQS.")
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls = append(c.calls, call)
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	if c.call != nil {
		if status := c.call(call); status != 0 {
			w.WriteHeader(status)
			fmt.Fprint(w, `{"__type":"com.amazonaws.sqs#Refused","message":"refused by the test"}`)
			return
		}
	}
	_ = json.NewEncoder(w).Encode(c.answer(call))
}

func (c *cloud) answer(call wireCall) any {
	if call.Operation != "SendMessageBatch" {
		return map[string]string{"MessageId": "id-of-one"}
	}
	successful, failed := []map[string]any{}, []map[string]any{}
	for _, m := range call.Entries {
		word := ""
		if c.entry != nil {
			word = c.entry(m)
		}
		switch fault, code, _ := strings.Cut(word, ":"); fault {
		case "":
			sum := md5.Sum([]byte(m.Body))
			c.taken = append(c.taken, m)
			successful = append(successful, map[string]any{
				"Id": m.ID, "MessageId": "id-" + m.Body, "SequenceNumber": fmt.Sprint(len(c.taken)), "MD5OfMessageBody": hex.EncodeToString(sum[:]),
			})
		case "silent":
		default:
			failed = append(failed, map[string]any{"Id": m.ID, "Code": code, "Message": "as told", "SenderFault": fault == "Sender"})
		}
	}
	return map[string]any{"Successful": successful, "Failed": failed}
}

// count returns how many calls of an operation were made.
func (c *cloud) count(operation string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, call := range c.calls {
		if call.Operation == operation {
			n++
		}
	}
	return n
}

// connect starts the cloud and returns a client of it that tries each call once.
func connect(t testing.TB, c *cloud) *sqs.Client {
	t.Helper()
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	return clientOf(server.URL, server.Client())
}

func clientOf(endpoint string, hc *http.Client) *sqs.Client {
	return sqs.New(sqs.Options{
		Region: "eu-central-1", BaseEndpoint: &endpoint, HTTPClient: hc, RetryMaxAttempts: 1,
		Credentials: aws.NewCredentialsCache(credentials.NewStaticCredentialsProvider("test", "test", "")),
	})
}
