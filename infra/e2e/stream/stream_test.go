package stream_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/infra/e2e/stream"
)

// answers plays a function: each reply is for one invocation, and the last for
// all that follow. It notes the sequence numbers of each batch.
type answers struct {
	replies []func(batch []string) (string, error)
	batches []string
}

func (a *answers) invoke(_ context.Context, event []byte) ([]byte, error) {
	var e struct{ Records []stream.Record }
	if err := json.Unmarshal(event, &e); err != nil {
		return nil, err
	}
	var batch []string
	for _, r := range e.Records {
		batch = append(batch, r.Change.SequenceNumber)
	}
	var short []string
	for _, s := range batch {
		short = append(short, strings.TrimLeft(s, "0"))
	}
	a.batches = append(a.batches, strings.Join(short, ","))
	reply := a.replies[0]
	if len(a.replies) > 1 {
		a.replies = a.replies[1:]
	}
	text, err := reply(batch)
	return []byte(text), err
}

func all([]string) (string, error)     { return `{"batchItemFailures":[]}`, nil }
func crash([]string) (string, error)   { return "", errors.New("signal: killed") }
func foreign([]string) (string, error) { return `{"batchItemFailures":[{"itemIdentifier":"9"}]}`, nil }

func null([]string) (string, error) { return `{"batchItemFailures":[{"itemIdentifier":null}]}`, nil }

func from(places ...int) func([]string) (string, error) {
	return func(batch []string) (string, error) {
		var items []string
		for _, p := range places {
			items = append(items, fmt.Sprintf(`{"itemIdentifier":%q}`, batch[p]))
		}
		return `{"batchItemFailures":[` + strings.Join(items, ",") + `]}`, nil
	}
}

// The rules of Lambda for what a function answers.
func TestMapping(t *testing.T) {
	t.Parallel()
	type replies = []func([]string) (string, error)
	for _, c := range []struct {
		name           string
		replies        replies
		bisect         bool
		repeat         int
		want           string
		wantDeliveries int
	}{
		{"all taken", replies{all}, false, 0, "1,2,3,4", 4},
		{"no answer at all is success", replies{func([]string) (string, error) { return "", nil }}, false, 0, "1,2,3,4", 4},
		{"from the lowest on", replies{from(3, 1), all}, false, 0, "1,2,3,4 2,3,4", 7},
		{"a crash is the whole batch", replies{crash, all}, false, 0, "1,2,3,4 1,2,3,4", 4},
		{"a crash halves", replies{crash, all}, true, 0, "1,2,3,4 1,2 3,4", 4},
		{"a report does not halve", replies{from(0), all}, true, 0, "1,2,3,4 1,2,3,4", 8},
		{"a stranger fails the batch", replies{foreign, all}, false, 0, "1,2,3,4 1,2,3,4", 8},
		{"a null fails the batch", replies{null, all}, false, 0, "1,2,3,4 1,2,3,4", 8},
		{"delivered again", replies{all}, false, 1, "1,2,3,4 1,2,3,4", 8},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				log := stream.NewLog("arn", "region")
				for i := range 4 {
					if err := log.Append(fmt.Sprint(i), []byte(`{"pk":{"S":"x"}}`)); err != nil {
						t.Fatal(err)
					}
				}
				f := &answers{replies: c.replies}
				m := &stream.Mapping{Log: log, BatchSize: 10, Bisect: c.bisect, Repeat: c.repeat, Invoke: f.invoke, Logger: slog.New(slog.DiscardHandler)}
				ctx, cancel := context.WithCancel(t.Context())
				var running sync.WaitGroup
				running.Go(func() { m.Run(ctx) })
				for m.Done() < 4 {
					time.Sleep(time.Second)
				}
				cancel()
				running.Wait()
				if got := strings.Join(f.batches, " "); got != c.want || m.Delivered() != c.wantDeliveries {
					t.Errorf("batches %s, %d delivered, want %s, %d", got, m.Delivered(), c.want, c.wantDeliveries)
				}
			})
		})
	}
}

func TestFilter(t *testing.T) {
	t.Parallel()
	log := stream.NewLog("arn", "region")
	for i, item := range []string{
		`{"pk":{"S":"request/1"},"expires":{"N":"1"}}`, `{"pk":{"S":"request/2"}}`,
		`{"pk":{"S":"person/1"},"expires":{"N":"1"}}`, `{"pk":{"N":"1"},"expires":{"N":"1"}}`,
	} {
		if err := log.Append(fmt.Sprint(i), []byte(item)); err != nil {
			t.Fatal(err)
		}
	}
	for pattern, want := range map[string]string{
		`{"dynamodb":{"NewImage":{"pk":{"S":[{"prefix":"request/"}]},"expires":{"N":[{"exists":true}]}}}}`: "1",
		`{"dynamodb":{"NewImage":{"expires":{"N":[{"exists":false}]}}}}`:                                   "2",
		`{"eventName":["INSERT","REMOVE"]}`:                                                                "1 2 3 4",
		`{"eventName":["REMOVE"]}`:                                                                         "",
	} {
		f, err := stream.ParseFilter(pattern)
		if err != nil {
			t.Fatal(err)
		}
		var passed []string
		for _, r := range log.All() {
			if f.Match(r) {
				passed = append(passed, strings.TrimLeft(r.Change.SequenceNumber, "0"))
			}
		}
		if got := strings.Join(passed, " "); got != want {
			t.Errorf("%s lets %q pass, want %q", pattern, got, want)
		}
	}
	for _, pattern := range []string{`{`, `{"a":"b"}`, `{"a":[{"numeric":[">",1]}]}`, `{"a":{"b":[{"prefix":1}]}}`} {
		if _, err := stream.ParseFilter(pattern); err == nil {
			t.Errorf("%s was read", pattern)
		}
	}
}

// table is an emulator that keeps one item per key, and may lose an answer.
type table struct {
	mu    sync.Mutex
	items map[string]json.RawMessage
	lose  func(operation string) (apply, lose bool)
}

func (d *table) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	var in struct{ Item, Key map[string]json.RawMessage }
	raw, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(raw, &in); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	apply, lose := true, false
	if d.lose != nil {
		apply, lose = d.lose(operation)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	answer := `{}`
	switch operation {
	case "PutItem":
		if _, refused := in.Item["refused"]; refused {
			http.Error(w, `{"__type":"ConditionalCheckFailedException"}`, http.StatusBadRequest)
			return
		}
		if apply {
			d.items[string(in.Item["pk"])], _ = json.Marshal(in.Item)
		}
	case "GetItem":
		if item, found := d.items[string(in.Key["pk"])]; found {
			answer = `{"Item":` + string(item) + `}`
		}
	}
	if lose {
		panic(http.ErrAbortHandler)
	}
	io.WriteString(w, answer)
}

func call(t *testing.T, url, operation, body string) (status int, err error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Amz-Target", "DynamoDB_20120810."+operation)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, err
}

func put(key, rest string) string {
	return `{"TableName":"t","Item":{` + rest + `"pk":{"S":"` + key + `"}}}`
}

func record(t *testing.T, d *table) (url string, log *stream.Log) {
	t.Helper()
	upstream := httptest.NewServer(d)
	t.Cleanup(upstream.Close)
	log = stream.NewLog("arn", "region")
	recorder := httptest.NewServer(&stream.Recorder{Upstream: upstream.URL, Log: log})
	t.Cleanup(recorder.Close)
	return recorder.URL, log
}

func TestRecorder(t *testing.T) {
	t.Parallel()
	url, log := record(t, &table{items: map[string]json.RawMessage{}})
	for _, c := range []struct {
		operation, body string
		status          int
	}{
		{"PutItem", put("a", ""), 200},
		{"PutItem", put("a", `"refused":{"BOOL":true},`), 400},
		{"GetItem", `{"TableName":"t","Key":{"pk":{"S":"a"}}}`, 200},
		{"PutItem", put("b", ""), 200},
		{"PutItem", put("a", `"n":{"N":"2"},`), 200},
		{"UpdateItem", `{}`, 501},
		{"TransactWriteItems", `{}`, 501},
	} {
		if got, err := call(t, url, c.operation, c.body); err != nil || got != c.status {
			t.Errorf("%s %s: %d, %v, want %d", c.operation, c.body, got, err, c.status)
		}
	}
	var got []string
	for _, r := range log.All() {
		got = append(got, r.EventName+" "+string(r.Change.Keys["pk"]))
	}
	if want := []string{`INSERT {"S":"a"}`, `INSERT {"S":"b"}`, `MODIFY {"S":"a"}`}; !slices.Equal(got, want) {
		t.Errorf("records %v, want %v", got, want)
	}
}

// A write whose answer was lost is in the stream if it was done, and only then.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	for _, apply := range []bool{true, false} {
		t.Run(fmt.Sprint("applied ", apply), func(t *testing.T) {
			t.Parallel()
			tries := 0
			d := &table{items: map[string]json.RawMessage{}}
			d.lose = func(operation string) (bool, bool) {
				tries++
				return apply, operation == "PutItem" || tries < 4 // it is away for a while
			}
			url, log := record(t, d)
			if status, err := call(t, url, "PutItem", put("a", `"n":{"N":"1"},`)); err == nil {
				t.Errorf("the caller was answered %d", status)
			}
			if got := log.Len() == 1; got != apply {
				t.Errorf("%d records", log.Len())
			}
		})
	}
}
