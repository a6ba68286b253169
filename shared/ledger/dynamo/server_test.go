package dynamo_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"dialtone/shared/ledger/dynamo"
)

const table = "dialtone-test"

// service answers DynamoDB's protocol from a script and keeps what it was asked.
type service struct {
	mu      sync.Mutex
	answers []answer // the last one stands for all that follow
	asked   []question
}

type question struct {
	Operation string
	Body      string
}

// answer is a response: by default 200 with an empty object.
type answer struct {
	status int
	body   string
	do     http.HandlerFunc // instead
}

func ok(body string) answer { return answer{status: http.StatusOK, body: body} }

// refusal is an error as the service words it; more are members beside the message.
func refusal(status int, name string, more ...string) answer {
	body := `{"__type":"com.amazonaws.dynamodb.v20120810#` + name + `","message":"said the service"` + strings.Join(append([]string{""}, more...), ",") + `}`
	return answer{status: status, body: body}
}

func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body) // a torn request shows in what is compared
	s.mu.Lock()
	s.asked = append(s.asked, question{strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810."), string(body)})
	a := answer{status: http.StatusOK, body: `{}`}
	if n := len(s.answers); n > 0 {
		a = s.answers[min(len(s.asked), n)-1]
	}
	s.mu.Unlock()
	if a.do != nil {
		a.do(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/x-amz-json-1.0")
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.body)
}

// questions are the requests so far.
func (s *service) questions() []question {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]question(nil), s.asked...)
}

// serve returns a store whose service answers as told.
func serve(t *testing.T, answers ...answer) (*dynamo.Store, *service) {
	t.Helper()
	s := &service{answers: answers}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return storeAt(server), s
}

// storeAt is a store on a server. It tries everything twice and does not wait
// in between.
func storeAt(server *httptest.Server) *dynamo.Store {
	return dynamo.New(dynamodb.New(dynamodb.Options{
		BaseEndpoint: &server.URL, Region: "eu-central-1", HTTPClient: server.Client(),
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.MaxAttempts = 2
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		}),
	}), table)
}

// canonical is JSON with its members in order, for comparison.
func canonical(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	out, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}
