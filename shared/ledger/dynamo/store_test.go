package dynamo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dialtone/shared/ledger"
)

var (
	key     = ledger.Key{Kind: "number", ID: "+4940555/1"}
	expires = time.Date(2126, 1, 2, 3, 4, 5, 0, time.UTC)
	stored  = ledger.Item{Key: key, Version: 7, Index: "location/x", Sort: "s", Expires: expires, Data: []byte(`{"a": 1}`)}
)

// The attributes of stored, and variations that only an outsider could write.
const (
	attributes = `{"pk":{"S":"number/+4940555/1"},"version":{"N":"7"},"idx":{"S":"location/x"},"sort":{"S":"/s"},` +
		`"expires":{"N":"4922996645"},"data":{"S":"{\"a\": 1}"}}`
	expired = `{"pk":{"S":"number/+4940555/1"},"version":{"N":"7"},"sort":{"S":"/"},"expires":{"N":"1"},"data":{"S":"{}"}}`
)

func TestGet(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer string
		want   ledger.Item
		err    string
	}{
		"stands":             {answer: `{"Item":` + attributes + `}`, want: stored},
		"absent":             {answer: `{}`},
		"expired":            {answer: `{"Item":` + expired + `}`},
		"unlisted":           {answer: `{"Item":{"pk":{"S":"number/+4940555/1"},"version":{"N":"1"},"sort":{"S":"/"},"data":{"S":""}}}`, want: ledger.Item{Key: key, Version: 1, Data: []byte{}}},
		"version of no type": {answer: `{"Item":` + strings.Replace(attributes, `{"N":"7"}`, `{"S":"7"}`, 1) + `}`, err: "attribute version is not a number"},
		"version in halves":  {answer: `{"Item":` + strings.Replace(attributes, `{"N":"7"}`, `{"N":"7.5"}`, 1) + `}`, err: "attribute version is not a whole number"},
		"version 0":          {answer: `{"Item":` + strings.Replace(attributes, `{"N":"7"}`, `{"N":"0"}`, 1) + `}`, err: "not written by dialtone"},
		"data in binary":     {answer: `{"Item":` + strings.Replace(attributes, `{"S":"{\"a\": 1}"}`, `{"B":"AAAA"}`, 1) + `}`, err: "attribute data is not a string"},
		"expires as text":    {answer: `{"Item":` + strings.Replace(attributes, `{"N":"4922996645"}`, `{"S":"soon"}`, 1) + `}`, err: "attribute expires is not a number"},
		"sort without mark":  {answer: `{"Item":` + strings.Replace(attributes, `"/s"`, `"s"`, 1) + `}`, err: "not written by dialtone"},
		"no data":            {answer: `{"Item":{"pk":{"S":"number/1"},"version":{"N":"1"},"sort":{"S":"/"}}}`, err: "attribute data is not a string"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, service := serve(t, ok(c.answer))
			got, err := store.Get(t.Context(), key)
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("get: %v, want %q", err, c.err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("get (-want +got):\n%s", diff)
			}
			asks(t, service, "GetItem", `{"TableName":"dialtone-test","Key":{"pk":{"S":"number/+4940555/1"}},"ConsistentRead":true}`)
		})
	}
}

// asks fails the test unless the service was asked exactly this. NOW stands for
// the second of the call.
func asks(t *testing.T, s *service, operation string, bodies ...string) {
	t.Helper()
	asked := s.questions()
	if len(asked) != len(bodies) {
		t.Fatalf("%d requests, want %d: %v", len(asked), len(bodies), asked)
	}
	for i, q := range asked {
		want := strings.ReplaceAll(bodies[i], "NOW", now(t, q.Body))
		if diff := cmp.Diff(canonical(t, want), canonical(t, q.Body)); q.Operation != operation || diff != "" {
			t.Errorf("%s request %d, want %s (-want +got):\n%s", q.Operation, i, operation, diff)
		}
	}
}

// now is the value :now of a request, which must be this minute.
func now(t *testing.T, body string) string {
	t.Helper()
	var r struct {
		ExpressionAttributeValues map[string]struct{ N string }
	}
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	v, found := r.ExpressionAttributeValues[":now"]
	if !found {
		return "none"
	}
	seconds, err := strconv.ParseInt(v.N, 10, 64)
	if age := time.Since(time.Unix(seconds, 0)); err != nil || age < 0 || age > time.Minute {
		t.Errorf(":now is %q, %s ago", v.N, age)
	}
	return v.N
}

func TestPutAsks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		item ledger.Item
		want string
	}{
		"over a version": {
			item: stored,
			want: `{"TableName":"dialtone-test","Item":` + strings.Replace(attributes, `"7"`, `"8"`, 1) + `,
				"ConditionExpression":"version = :version AND (attribute_not_exists(expires) OR expires > :now)",
				"ExpressionAttributeValues":{":version":{"N":"7"},":now":{"N":"NOW"}},
				"ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`,
		},
		"over nothing, in no list, for ever": {
			item: ledger.Item{Key: key, Data: []byte(`{"ä":"\u0041"}`)},
			want: `{"TableName":"dialtone-test",
				"Item":{"pk":{"S":"number/+4940555/1"},"version":{"N":"1"},"sort":{"S":"/"},"data":{"S":"{\"ä\":\"\\u0041\"}"}},
				"ConditionExpression":"attribute_not_exists(pk) OR expires <= :now",
				"ExpressionAttributeValues":{":now":{"N":"NOW"}},
				"ReturnValuesOnConditionCheckFailure":"ALL_OLD"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, service := serve(t)
			if err := store.Put(t.Context(), c.item); err != nil {
				t.Error(err)
			}
			asks(t, service, "PutItem", c.want)
		})
	}
}

func TestPutRefused(t *testing.T) {
	t.Parallel()
	const failed = "ConditionalCheckFailedException"
	for name, c := range map[string]struct {
		answer answer
		told   bool
		want   ledger.Item
	}{
		"nothing told":  {answer: refusal(400, failed)},
		"empty item":    {answer: refusal(400, failed, `"Item":{}`)},
		"current told":  {answer: refusal(400, failed, `"Item":`+attributes), told: true, want: stored},
		"expired: told": {answer: refusal(400, failed, `"Item":`+expired), told: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, service := serve(t, c.answer)
			err := store.Put(t.Context(), stored)
			if !errors.Is(err, ledger.ErrChanged) {
				t.Fatalf("put: %v, want ErrChanged", err)
			}
			changed, told := errors.AsType[*ledger.ChangedError](err)
			if told != c.told {
				t.Errorf("the current item is told: %t, want %t", told, c.told)
			} else if told {
				if diff := cmp.Diff(c.want, changed.Current); diff != "" {
					t.Errorf("current (-want +got):\n%s", diff)
				}
			}
			if n := len(service.questions()); n != 1 {
				t.Errorf("%d requests, want 1: a refusal is no cause to try again", n)
			}
		})
	}
}

// Whatever else goes wrong is an error that names the table and is not taken
// for a refusal; what may pass is tried again.
func TestErrors(t *testing.T) {
	t.Parallel()
	hangUp := answer{do: func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	}}
	for name, c := range map[string]struct {
		answer   answer
		attempts int
		says     string
	}{
		"no such table":     {refusal(400, "ResourceNotFoundException"), 1, "ResourceNotFoundException"},
		"denied":            {refusal(400, "AccessDeniedException"), 1, "AccessDeniedException"},
		"invalid":           {refusal(400, "ValidationException"), 1, "said the service"},
		"throttled":         {refusal(400, "ProvisionedThroughputExceededException"), 2, "ProvisionedThroughputExceededException"},
		"throttled too":     {refusal(400, "ThrottlingException"), 2, "ThrottlingException"},
		"too many requests": {refusal(400, "RequestLimitExceeded"), 2, "RequestLimitExceeded"},
		"server error":      {refusal(500, "InternalServerError"), 2, "InternalServerError"},
		"no JSON":           {answer{status: 502, body: "<html>"}, 2, "502"},
		"connection lost":   {hangUp, 2, "EOF"},
		"current unreadable": {
			refusal(400, "ConditionalCheckFailedException", `"Item":{"pk":{"S":"x"}}`), 1, "attribute sort is not a string",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, service := serve(t, c.answer)
			err := store.Put(t.Context(), stored)
			if err == nil || errors.Is(err, ledger.ErrChanged) || !strings.Contains(err.Error(), c.says) ||
				!strings.Contains(err.Error(), "put number in table dialtone-test: ") {
				t.Errorf("put: %v, want one that says %q", err, c.says)
			}
			if n := len(service.questions()); n != c.attempts {
				t.Errorf("%d requests, want %d", n, c.attempts)
			}
		})
	}
}

// A write that was applied without an answer is refused when it is repeated; the
// refusal carries the writer's own bytes.
func TestRepeatedWrite(t *testing.T) {
	t.Parallel()
	store, _ := serve(t, answer{status: 500, body: `{}`}, refusal(400, "ConditionalCheckFailedException", `"Item":`+attributes))
	item := stored
	item.Version--
	changed, told := errors.AsType[*ledger.ChangedError](store.Put(t.Context(), item))
	if !told || changed.Current.Version != item.Version+1 || string(changed.Current.Data) != string(item.Data) {
		t.Errorf("the repetition is refused with %+v", changed)
	}
}

// A call ends with its context, on whatever it waits.
func TestContext(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(context.Context, ledger.Store) error{
		"get": func(ctx context.Context, s ledger.Store) error {
			_, err := s.Get(ctx, key)
			return err
		},
		"put":  func(ctx context.Context, s ledger.Store) error { return s.Put(ctx, stored) },
		"list": func(ctx context.Context, s ledger.Store) error { return list(ctx, s, "i", "", "").err },
		"list of nothing": func(ctx context.Context, s ledger.Store) error {
			return list(ctx, s, "", "", "").err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			store, _ := serve(t, answer{do: func(_ http.ResponseWriter, r *http.Request) {
				cancel()
				<-r.Context().Done()
			}})
			if name == "list of nothing" {
				cancel() // nobody else would
			}
			for when := range 2 {
				if err := call(ctx, store); !errors.Is(err, context.Canceled) {
					t.Errorf("%d: %v, want context.Canceled", when, err)
				}
			}
		})
	}
}

type listed struct {
	items []ledger.Item
	err   error
}

func list(ctx context.Context, s ledger.Store, index, from, to string) (l listed) {
	for item, err := range s.List(ctx, index, from, to) {
		if err != nil {
			l.err = err
			continue
		}
		l.items = append(l.items, item)
	}
	return l
}

// page is an answer with these items and the place where the next one begins.
func page(items []string, last string) answer {
	body := `{"Items":[` + strings.Join(items, ",") + `]`
	if last != "" {
		body += `,"LastEvaluatedKey":{"pk":{"S":"` + last + `"},"idx":{"S":"i"},"sort":{"S":"/"}}`
	}
	return ok(body + `}`)
}

func TestListPages(t *testing.T) {
	t.Parallel()
	other := strings.Replace(attributes, "+4940555/1", "+4940555/2", 1)
	second := stored
	second.Key.ID = "+4940555/2"
	store, service := serve(t, page([]string{attributes, expired}, "k/1"), page(nil, "k/2"), page([]string{other}, ""))
	got := list(t.Context(), store, "i", "a", "")
	if diff := cmp.Diff([]ledger.Item{stored, second}, got.items); got.err != nil || diff != "" {
		t.Errorf("list: %v (-want +got):\n%s", got.err, diff)
	}
	const ask = `{"TableName":"dialtone-test","IndexName":"lists","Limit":200,
		"KeyConditionExpression":"idx = :idx AND sort >= :from","ExpressionAttributeValues":{":idx":{"S":"i"},":from":{"S":"/a"}}%s}`
	const after = `,"ExclusiveStartKey":{"pk":{"S":"k/%d"},"idx":{"S":"i"},"sort":{"S":"/"}}`
	asks(t, service, "Query", fmt.Sprintf(ask, ""), fmt.Sprintf(ask, fmt.Sprintf(after, 1)), fmt.Sprintf(ask, fmt.Sprintf(after, 2)))
}

func TestListRange(t *testing.T) {
	t.Parallel()
	store, service := serve(t)
	for _, r := range []struct{ index, from, to string }{{"i", "b", "a"}, {"", "", ""}, {"", "a", "b"}} {
		if got := list(t.Context(), store, r.index, r.from, r.to); got.err != nil || len(got.items) > 0 {
			t.Errorf("list %v: %v", r, got)
		}
	}
	asks(t, service, "Query") // nobody is asked for what cannot be
	list(t.Context(), store, "i", "", "b")
	asks(t, service, "Query", `{"TableName":"dialtone-test","IndexName":"lists","Limit":200,
		"KeyConditionExpression":"idx = :idx AND sort BETWEEN :from AND :to",
		"ExpressionAttributeValues":{":idx":{"S":"i"},":from":{"S":"/"},":to":{"S":"/b"}}}`)
}

// A loop that ends early asks for no further page.
func TestListIsLazy(t *testing.T) {
	t.Parallel()
	store, service := serve(t, page([]string{attributes}, "k/1"))
	seq := store.List(t.Context(), "i", "", "")
	if n := len(service.questions()); n != 0 {
		t.Errorf("%d requests before the loop", n)
	}
	for range seq {
		break
	}
	if n := len(service.questions()); n != 1 {
		t.Errorf("%d requests for the first item, want 1", n)
	}
}

// An error ends the list, after what came before it.
func TestListFails(t *testing.T) {
	t.Parallel()
	for name, second := range map[string]answer{
		"refused":    refusal(400, "ResourceNotFoundException"),
		"unreadable": page([]string{`{"pk":{"S":"x"}}`, attributes}, "k/2"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store, service := serve(t, page([]string{attributes}, "k/1"), second)
			got := list(t.Context(), store, "i", "", "")
			if len(got.items) != 1 || got.err == nil || !strings.Contains(got.err.Error(), "list i in table dialtone-test: ") {
				t.Errorf("list: %+v", got)
			}
			if n := len(service.questions()); n != 2 {
				t.Errorf("%d requests, want 2", n)
			}
		})
	}
}
