package dynamo_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/google/go-cmp/cmp"

	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/dynamo"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
)

type image = map[string]events.DynamoDBAttributeValue

// imageOf is an item as the stream shows it: as the store sends it to the table.
func imageOf(t *testing.T, item ledger.Item) image {
	t.Helper()
	store, service := serve(t)
	item.Version--
	if err := store.Put(t.Context(), item); err != nil {
		t.Fatal(err)
	}
	var sent struct{ Item image }
	if err := json.Unmarshal([]byte(service.questions()[0].Body), &sent); err != nil {
		t.Fatal(err)
	}
	return sent.Item
}

// Every change of a ledger's life goes through the stream; outcomes come from
// those that finish a request, and the filter lets exactly those pass.
func TestOutcome(t *testing.T) {
	t.Parallel()
	const user sipaddr.User = "ada@contoso.test"
	ctx, store := t.Context(), ledgertest.NewMemory()
	l := ledger.New(store, ledger.Options{})
	request := command.Command{Key: command.Key{Source: "urn:test", ID: "1"}, Type: command.TypeAssign, User: user, Data: command.Assign{User: user}}
	key := ledger.Key{Kind: ledger.KindRequest, ID: request.Key.Hash()}
	done := outcome.New(outcome.TypeAssigned, request.Key, user, time.Now().Round(0), outcome.Assigned{Request: request.Key, User: user, Number: "+4940555001"})
	failed := outcome.New(outcome.TypeFailed, request.Key, user, time.Now().Round(0), outcome.Failed{Request: request.Key, Reason: "refused <&> ä"})
	var lease *ledger.Lease
	begin := func() (err error) {
		lease, _, err = l.Begin(ctx, request, time.Now().Add(time.Hour))
		return err
	}
	days := 4.5
	low := outcome.NewPoolLow(outcome.PoolLow{LocationID: "L1", LicenseType: command.Standard, Free: 9, DaysLeft: &days, At: time.Now().Round(0)})
	person := ledger.Key{Kind: ledger.KindPerson, ID: string(user)}
	for _, step := range []struct {
		name string
		do   func() error
		key  ledger.Key
		want *outcome.Event
	}{
		{"begun", begin, key, nil},
		{"handed back", func() error { return l.Yield(ctx, lease, "later") }, key, nil},
		{"failed", func() error { return l.Fail(ctx, request, failed) }, key, &failed},
		{"replayed", func() error { return l.Reopen(ctx, request.Key, time.Now(), true) }, key, nil},
		{"begun again", begin, key, nil},
		{"finished", func() error { return l.Finish(ctx, lease, done) }, key, &done},
		{"person", func() error {
			_, err := l.Pin(ctx, ledger.Person{User: user}, command.Work, ledger.Line{Request: request.Key}, false)
			return err
		}, person, nil},
		{"refusal of a sign-in, which expires too", func() error {
			return l.Refuse(ctx, user, ledger.Refusal{Until: time.Now().Add(time.Hour), Fingerprint: "f"})
		}, ledger.Key{Kind: ledger.KindSession, ID: string(user)}, nil},
		{"notice", func() error { return l.Announce(ctx, low) }, ledger.Key{Kind: ledger.KindNotice, ID: low.ID}, &low},
		{"notice again", func() error { return l.Announce(ctx, low) }, ledger.Key{Kind: ledger.KindNotice, ID: low.ID}, &low},
		{"pool", func() error { return l.OpenPool(ctx, "L1", "", command.Standard) }, ledger.Key{Kind: ledger.KindPool, ID: "L1"}, nil},
		{"pool that runs low", func() error {
			_, err := l.Counted(ctx, ledger.Pool{LocationID: "L1"}, command.Standard, ledger.Tally{At: time.Now(), Level: ledger.LevelLow})
			return err
		}, ledger.Key{Kind: ledger.KindPool, ID: "L1"}, nil},
		{"dead letter", func() error {
			return l.Bury(ctx, ledger.DeadLetter{Request: request.Key, Body: "{}"})
		}, ledger.Key{Kind: ledger.KindDeadLetter, ID: request.Key.Hash()}, nil},
	} {
		if err := step.do(); err != nil {
			t.Fatalf("%s: %v", step.name, err)
		}
		item, err := store.Get(ctx, step.key)
		if err != nil || item.Version == 0 {
			t.Fatalf("%s: version %d, %v", step.name, item.Version, err)
		}
		img := imageOf(t, item)
		got, err := dynamo.Outcome(events.DynamoDBStreamRecord{NewImage: img})
		if diff := cmp.Diff(step.want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", step.name, err, diff)
		}
		if passes(t, img) != (step.want != nil) {
			t.Errorf("%s: passes the filter: %t", step.name, passes(t, img))
		}
	}
}

// passes reports whether Lambda would hand a record with the image to a function
// with the StreamFilter.
func passes(t *testing.T, img image) bool {
	t.Helper()
	body, err := json.Marshal(map[string]any{"eventName": "MODIFY", "dynamodb": map[string]any{"NewImage": img}})
	if err != nil {
		t.Fatal(err)
	}
	var pattern, record any
	for text, v := range map[string]*any{dynamo.StreamFilter: &pattern, string(body): &record} {
		if err := json.Unmarshal([]byte(text), v); err != nil {
			t.Fatal(err)
		}
	}
	return matches(t, pattern, record)
}

// matches is the part of Lambda's filter rules that the pattern uses.
func matches(t *testing.T, pattern, value any) bool {
	t.Helper()
	switch p := pattern.(type) {
	case map[string]any:
		members, _ := value.(map[string]any)
		for name, sub := range p {
			if !matches(t, sub, members[name]) {
				return false
			}
		}
		return true
	case []any:
		for _, rule := range p {
			r := rule.(map[string]any)
			s, isText := value.(string)
			if prefix, ok := r["prefix"]; ok && isText && strings.HasPrefix(s, prefix.(string)) || r["exists"] == true && isText {
				return true
			}
		}
		return false
	}
	t.Fatalf("the pattern has %v, which this test does not know", pattern)
	return false
}

// Deletions and changes of others are no outcomes, and no errors.
func TestNoOutcome(t *testing.T) {
	t.Parallel()
	for name, img := range map[string]image{
		"deleted":             nil,
		"other kind":          {"pk": events.NewStringAttribute("requests/1"), "data": events.NewStringAttribute("{")},
		"key of another type": {"pk": events.NewNumberAttribute("1")},
	} {
		if got, err := dynamo.Outcome(events.DynamoDBStreamRecord{NewImage: img}); got != nil || err != nil {
			t.Errorf("%s: %v, %v; want nil, nil", name, got, err)
		}
	}
}

func TestOutcomeUnreadable(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		data events.DynamoDBAttributeValue
		says string
	}{
		"data of another type": {events.NewBinaryAttribute([]byte("{}")), "attribute data is not a string"},
		"no JSON":              {events.NewStringAttribute("{"), "unexpected end"},
		"no state":             {events.NewStringAttribute("{}"), `unknown state ""`},
		"new state":            {events.NewStringAttribute(`{"state":"parked"}`), `unknown state "parked"`},
		"done without outcome": {events.NewStringAttribute(`{"state":"done"}`), "it is done without one"},
	} {
		got, err := dynamo.Outcome(events.DynamoDBStreamRecord{NewImage: image{"pk": events.NewStringAttribute("request/abc"), "data": c.data}})
		if got != nil || err == nil || !strings.Contains(err.Error(), c.says) || !strings.Contains(err.Error(), "request/abc") {
			t.Errorf("%s: %v, %v; want an error that says %q", name, got, err, c.says)
		}
	}
	for _, img := range []image{
		{"pk": events.NewStringAttribute("request/abc")},
		{"pk": events.NewStringAttribute("notice/abc")},
		{"pk": events.NewStringAttribute("notice/abc"), "data": events.NewStringAttribute("{}")},
	} {
		if _, err := dynamo.Outcome(events.DynamoDBStreamRecord{NewImage: img}); err == nil {
			t.Errorf("%v: no error", img)
		}
	}
}

func ExampleOutcome() {
	record := events.DynamoDBStreamRecord{NewImage: image{
		"pk":   events.NewStringAttribute("request/2c26b46b"),
		"data": events.NewStringAttribute(`{"state":"done","outcome":{"type":"dialtone.number.assigned.v1","id":"2c26b46b/dialtone.number.assigned.v1"}}`),
	}}
	event, err := dynamo.Outcome(record)
	if err != nil || event == nil {
		fmt.Println("nothing to publish", err)
		return
	}
	fmt.Println(event.Type, event.ID)
	// Output: dialtone.number.assigned.v1 2c26b46b/dialtone.number.assigned.v1
}
