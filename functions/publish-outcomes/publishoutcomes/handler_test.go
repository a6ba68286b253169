package publishoutcomes_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"

	"dialtone/functions/publish-outcomes/publishoutcomes"
	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

// fakeBus accepts events unless told otherwise.
type fakeBus struct {
	calls  [][]publishoutcomes.Entry
	answer func(call int, list []publishoutcomes.Entry) error
}

func (b *fakeBus) Put(_ context.Context, list []publishoutcomes.Entry) error {
	b.calls = append(b.calls, list)
	if b.answer == nil {
		return nil
	}
	return b.answer(len(b.calls), list)
}

// record is a change of the n-th request as the stream brings it.
func record(t *testing.T, n int, state ledger.RequestState) events.DynamoDBEventRecord {
	t.Helper()
	key := command.Key{Source: "hr", ID: fmt.Sprint(n)}
	r := ledger.Request{Key: key, State: state}
	if state == ledger.Done {
		o := outcome.New(outcome.TypeAssigned, key, "ada@contoso.test", time.Unix(0, 0), outcome.Assigned{Request: key})
		r.Outcome = &o
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return raw(n, "request/"+key.Hash(), string(data))
}

func raw(n int, key, data string) events.DynamoDBEventRecord {
	return events.DynamoDBEventRecord{Change: events.DynamoDBStreamRecord{
		SequenceNumber: fmt.Sprint("seq-", n),
		NewImage: map[string]events.DynamoDBAttributeValue{
			"pk": events.NewStringAttribute(key), "data": events.NewStringAttribute(data),
		},
	}}
}

func done(t *testing.T, from, to int) []events.DynamoDBEventRecord {
	t.Helper()
	var all []events.DynamoDBEventRecord
	for n := from; n <= to; n++ {
		all = append(all, record(t, n, ledger.Done))
	}
	return all
}

func handle(t *testing.T, bus publishoutcomes.Bus, records ...events.DynamoDBEventRecord) []string {
	t.Helper()
	h, err := publishoutcomes.New(bus, nil)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := h.Handle(t.Context(), events.DynamoDBEvent{Records: records})
	if err != nil {
		t.Fatal(err)
	}
	failed := []string{}
	for _, f := range reply.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}
	return failed
}

func TestPublishesFinishedRequestsOnly(t *testing.T) {
	bus := &fakeBus{}
	failed := handle(t, bus,
		record(t, 1, ledger.Running), record(t, 2, ledger.Done), record(t, 3, ledger.Waiting),
		raw(4, "number/+12056350001", "{}"), raw(5, "request/x", "no JSON"), record(t, 6, ledger.Done))
	if len(failed) > 0 || len(bus.calls) != 1 {
		t.Fatalf("failed %v, %d calls", failed, len(bus.calls))
	}
	var ids []string
	for _, e := range bus.calls[0] {
		var o outcome.Event
		if err := json.Unmarshal([]byte(e.Detail), &o); err != nil {
			t.Fatal(err)
		}
		a, err := o.Assigned()
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, a.Request.ID)
	}
	if !slices.Equal(ids, []string{"2", "6"}) {
		t.Errorf("published %v", ids)
	}
}

// A notice answers no request, and is published all the same.
func TestPublishesNotices(t *testing.T) {
	low := outcome.NewPoolLow(outcome.PoolLow{LocationID: "L1", LicenseType: command.Professional, Free: 3, Threshold: 10, At: time.Unix(0, 0)})
	data, err := json.Marshal(ledger.Notice{Event: low})
	if err != nil {
		t.Fatal(err)
	}
	bus := &fakeBus{}
	failed := handle(t, bus, raw(1, "pool/L1", "{}"), raw(2, "notice/"+low.ID, string(data)))
	if len(failed) > 0 || len(bus.calls) != 1 || len(bus.calls[0]) != 1 {
		t.Fatalf("failed %v, calls %v", failed, bus.calls)
	}
	var o outcome.Event
	if err := json.Unmarshal([]byte(bus.calls[0][0].Detail), &o); err != nil {
		t.Fatal(err)
	}
	if p, err := o.PoolLow(); err != nil || p.Free != 3 || bus.calls[0][0].Type != outcome.TypePoolLow || o.ID != low.ID {
		t.Errorf("published %+v, %v", bus.calls[0][0], err)
	}
}

func TestAtMostTenInACall(t *testing.T) {
	bus := &fakeBus{}
	handle(t, bus, done(t, 1, 25)...)
	var sizes []int
	for _, c := range bus.calls {
		sizes = append(sizes, len(c))
	}
	if !slices.Equal(sizes, []int{10, 10, 5}) {
		t.Errorf("calls of %v", sizes)
	}
}

// failed is the n-th request, which failed for a reason of that many bytes.
func failed(t *testing.T, n, size int) events.DynamoDBEventRecord {
	t.Helper()
	c := command.Command{Key: command.Key{Source: "hr", ID: fmt.Sprint(n)}, User: "ada@contoso.test"}
	o := outcome.Failure(c, &failure.Error{Class: failure.Denied, Reason: strings.Repeat("x", size)}, 1, time.Unix(0, 0))
	data, err := json.Marshal(ledger.Request{Key: c.Key, State: ledger.Failed, Outcome: &o})
	if err != nil {
		t.Fatal(err)
	}
	return raw(n, "request/"+c.Key.Hash(), string(data))
}

// A call takes 256 KiB. One outcome that is bigger by itself would hold up all
// behind it for hours, and never be taken.
func TestCallsKeepToTheirSize(t *testing.T) {
	const kilo = 1 << 10
	for name, c := range map[string]struct {
		reasons []int // bytes
		want    []int // outcomes in each call
		told    int   // lines about outcomes that were passed over
	}{
		"many big ones":            {[]int{100 * kilo, 100 * kilo, 100 * kilo, 10, 200 * kilo}, []int{2, 2, 1}, 0},
		"one that is too big":      {[]int{10, 256 * kilo, 10}, []int{2}, 1},
		"nothing but too big":      {[]int{300 * kilo}, nil, 1},
		"the biggest there can be": {[]int{255 * kilo, 255 * kilo}, []int{1, 1}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			bus, log := &fakeBus{}, &strings.Builder{}
			h, err := publishoutcomes.New(bus, slog.New(slog.NewTextHandler(log, nil)))
			if err != nil {
				t.Fatal(err)
			}
			var records []events.DynamoDBEventRecord
			for n, size := range c.reasons {
				records = append(records, failed(t, n, size))
			}
			reply, err := h.Handle(t.Context(), events.DynamoDBEvent{Records: records})
			if err != nil || len(reply.BatchItemFailures) > 0 {
				t.Fatalf("%+v, %v", reply, err)
			}
			var got []int
			for _, call := range bus.calls {
				got = append(got, len(call))
			}
			if !slices.Equal(got, c.want) || strings.Count(log.String(), "outcome passed over") != c.told {
				t.Errorf("calls of %v, want %v; said %s", got, c.want, log)
			}
		})
	}
}

func TestComesBackFromTheFirstThatFailed(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(call int, list []publishoutcomes.Entry) error
		want   []string
	}{
		"refused in the middle": {func(call int, _ []publishoutcomes.Entry) error {
			if call == 2 {
				return &publishoutcomes.RefusedError{Refused: map[int]string{7: "ThrottlingException", 3: "InternalFailure"}}
			}
			return nil
		}, []string{"seq-14"}},
		"call failed": {func(call int, _ []publishoutcomes.Entry) error {
			if call == 2 {
				return errors.New("no route")
			}
			return nil
		}, []string{"seq-11"}},
		"refused without a place": {func(int, []publishoutcomes.Entry) error {
			return &publishoutcomes.RefusedError{}
		}, []string{"seq-1"}},
		"all well": {nil, []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := handle(t, &fakeBus{answer: c.answer}, done(t, 1, 25)...); !slices.Equal(got, c.want) {
				t.Errorf("failed %v, want %v", got, c.want)
			}
		})
	}
}

func TestReplyIsNeverNull(t *testing.T) {
	h, err := publishoutcomes.New(&fakeBus{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := h.Handle(t.Context(), events.DynamoDBEvent{})
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := json.Marshal(reply); string(got) != `{"batchItemFailures":[]}` {
		t.Errorf("reply %s", got)
	}
	if _, err := publishoutcomes.New(nil, nil); err == nil {
		t.Error("a handler without a bus")
	}
}

// TestEventBridge checks what goes over the wire, and that entries refused in
// an HTTP 200 are refused.
func TestEventBridge(t *testing.T) {
	var sent struct {
		Entries []struct{ EventBusName, Source, DetailType, Detail string }
	}
	answer := `{"FailedEntryCount":0,"Entries":[{"EventId":"1"},{"EventId":"2"}]}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		fmt.Fprint(w, answer)
	}))
	defer server.Close()
	bus := publishoutcomes.EventBridge{Name: "bus", Client: eventbridge.New(eventbridge.Options{
		Region: "eu-central-1", BaseEndpoint: aws.String(server.URL),
		Credentials: credentials.NewStaticCredentialsProvider("a", "b", ""),
	})}
	if failed := handle(t, bus, done(t, 1, 2)...); len(failed) > 0 {
		t.Fatalf("failed %v", failed)
	}
	first := sent.Entries[0]
	var o outcome.Event
	if err := json.Unmarshal([]byte(first.Detail), &o); err != nil {
		t.Fatal(err)
	}
	if first.EventBusName != "bus" || first.Source != "dialtone" || first.DetailType != o.Type || o.Type != outcome.TypeAssigned || o.ID == "" {
		t.Errorf("sent %+v", first)
	}
	answer = `{"FailedEntryCount":1,"Entries":[{"EventId":"1"},{"ErrorCode":"ThrottlingException","ErrorMessage":"slow down"}]}`
	if failed := handle(t, bus, done(t, 1, 2)...); !slices.Equal(failed, []string{"seq-2"}) {
		t.Errorf("failed %v, want the refused one", failed)
	}
}
