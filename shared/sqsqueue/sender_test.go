package sqsqueue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dialtone/shared/command"
	"dialtone/shared/sqsqueue"
)

func sender(t testing.TB, c *cloud, url string) *sqsqueue.Sender {
	t.Helper()
	s, err := sqsqueue.NewSender(connect(t, c), url)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// post makes messages "group/n" of the groups, in order.
func post(groups ...string) (list []sqsqueue.Message) {
	for i, g := range groups {
		list = append(list, sqsqueue.Message{Body: fmt.Sprintf("%s/%d", g, i), Group: g, DedupID: strconv.Itoa(i)})
	}
	return list
}

// words renders results: the id, or the kind of error.
func words(results []sqsqueue.Result) (list []string) {
	for _, r := range results {
		refusal, refused := errors.AsType[*sqsqueue.EntryError](r.Err)
		switch {
		case r.Err == nil:
			list = append(list, r.ID)
		case errors.Is(r.Err, sqsqueue.ErrHeldBack):
			list = append(list, "held")
		case refused:
			list = append(list, refusal.Code)
		default:
			list = append(list, "call")
		}
	}
	return list
}

func TestSendFailsInPart(t *testing.T) {
	t.Parallel()
	refuse := func(body, word string) func() func(wireMessage) string {
		return func() func(wireMessage) string {
			return func(m wireMessage) string {
				if m.Body == body {
					return word
				}
				return ""
			}
		}
	}
	atFirst := func(body, word string, times int) func() func(wireMessage) string {
		return func() func(wireMessage) string {
			left := times
			return func(m wireMessage) string {
				if m.Body == body && left > 0 {
					left--
					return word
				}
				return ""
			}
		}
	}
	for _, c := range []struct {
		name  string
		url   string
		send  []string // groups
		entry func() func(wireMessage) string
		want  []string
		calls int
	}{
		{"all accepted", contactsURL, []string{"a", "b"}, nil, []string{"id-a/0", "id-b/1"}, 1},
		{"nothing to send", contactsURL, nil, nil, nil, 0},
		{"sender's fault is not repeated", contactsURL, []string{"a", "b"}, refuse("a/0", "Sender:InvalidParameterValue"), []string{"InvalidParameterValue", "id-b/1"}, 1},
		{"service's fault passes", contactsURL, []string{"a", "b"}, atFirst("a/0", "Service:InternalError", 2), []string{"id-a/0", "id-b/1"}, 3},
		{"service's fault stays", contactsURL, []string{"a", "b"}, refuse("a/0", "Service:InternalError"), []string{"InternalError", "id-b/1"}, 4},
		{"not mentioned", contactsURL, []string{"a", "b"}, atFirst("b/1", "silent", 1), []string{"id-a/0", "id-b/1"}, 2},
		{"never mentioned", contactsURL, []string{"a"}, refuse("a/0", "silent"), []string{"NoResult"}, 4},
		{"groups do not matter on a standard queue", contactsURL, []string{"a", "a"}, refuse("a/0", "Sender:x"), []string{"x", "id-a/1"}, 1},
		{"group ends with the sender's fault", numbersURL, []string{"a", "a", "b", "a"}, refuse("a/0", "Sender:x"), []string{"x", "held", "id-b/2", "held"}, 1},
		{"group waits for the service", numbersURL, []string{"a", "a", "b"}, atFirst("a/0", "Service:x", 1), []string{"id-a/0", "id-a/1", "id-b/2"}, 3},
		{"group is held back by the service", numbersURL, []string{"a", "a"}, refuse("a/0", "Service:x"), []string{"x", "held"}, 4},
		{"group fails in the middle", numbersURL, []string{"a", "a", "a"}, refuse("a/1", "Sender:x"), []string{"id-a/0", "x", "held"}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sqs := &cloud{}
			if c.entry != nil {
				sqs.entry = c.entry()
			}
			got := words(sender(t, sqs, c.url).Send(t.Context(), post(c.send...)...))
			if !slices.Equal(got, c.want) || sqs.count("SendMessageBatch") != c.calls {
				t.Errorf("got %q in %d calls, want %q in %d", got, sqs.count("SendMessageBatch"), c.want, c.calls)
			}
		})
	}
}

func TestSendCarriesTheMessage(t *testing.T) {
	t.Parallel()
	m := sqsqueue.Message{Body: "b", Group: "g", DedupID: "d", Delay: 90 * time.Second, Attributes: map[string]string{"class": "denied"}}
	for url, dedup := range map[string]string{numbersURL: "d", contactsURL: ""} {
		sqs := &cloud{}
		got := sender(t, sqs, url).Send(t.Context(), m)
		w := sqs.taken[0]
		if w.Body != "b" || w.Group != "g" || w.Dedup != dedup || w.Delay != 90 || w.Attributes["class"].StringValue != "denied" || sqs.calls[0].QueueURL != url {
			t.Errorf("%s: sent %+v", url, w)
		}
		if got[0] != (sqsqueue.Result{ID: "id-b", Sequence: "1"}) {
			t.Errorf("%s: result %+v", url, got[0])
		}
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	c, body := command.Command{Key: command.Key{Source: "urn:hr", ID: "7"}, User: "änne@contoso.test"}, `{"id":"7"}`
	for replay, m := range []sqsqueue.Message{sqsqueue.Command(c, []byte(body)), sqsqueue.Replay(c, []byte(body), 1), sqsqueue.Replay(c, []byte(body), 2)} {
		if m.Body != body || m.Group != c.Group() || m.DedupID != c.Key.DedupID(replay) || m.Delay != 0 {
			t.Errorf("replay %d: %+v", replay, m)
		}
	}
}

func TestBatchesFit(t *testing.T) {
	t.Parallel()
	big := func(n int) sqsqueue.Message { return sqsqueue.Message{Body: strings.Repeat("x", n)} }
	for _, c := range []struct {
		name string
		send []sqsqueue.Message
		want []int // entries of each call
	}{
		{"ten in a call", make([]sqsqueue.Message, 25), []int{10, 10, 5}},
		{"bytes", []sqsqueue.Message{big(128 << 10), big(128 << 10), big(1)}, []int{2, 1}},
		{"attributes count", []sqsqueue.Message{big(128 << 10), {Body: strings.Repeat("x", 128<<10-12), Attributes: map[string]string{"reason": "y"}}}, []int{1, 1}},
		{"too big goes alone, smaller ones pass it", []sqsqueue.Message{big(1), big(300 << 10), big(1)}, []int{2, 1}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			sqs := &cloud{}
			for i, r := range sender(t, sqs, contactsURL).Send(t.Context(), c.send...) {
				if r.Err != nil {
					t.Errorf("message %d: %v", i, r.Err)
				}
			}
			var got []int
			for _, call := range sqs.calls {
				got = append(got, len(call.Entries))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("calls of %v, want %v", got, c.want)
			}
		})
	}
}

// SQS refuses a call for its size as a whole: a message that no call can carry must
// not take those behind it with it.
func TestMessageThatIsTooLong(t *testing.T) {
	t.Parallel()
	const most = 1 << 20
	sqs := &cloud{call: func(c wireCall) int {
		size := 0
		for _, m := range c.Entries {
			size += len(m.Body)
		}
		if size > most {
			return 400
		}
		return 0
	}}
	long := sqsqueue.Message{Body: strings.Repeat("x", most+1), Group: "a", DedupID: "long"}
	all := append(post("a", "b"), long)
	all = append(all, post("c", "a")...)
	got := words(sender(t, sqs, numbersURL).Send(t.Context(), all...))
	if want := []string{"id-a/0", "id-b/1", "BatchRequestTooLong", "id-c/0", "held"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCallFails(t *testing.T) {
	t.Parallel()
	n := 0
	sqs := &cloud{call: func(wireCall) int {
		if n++; n == 2 {
			return 403
		}
		return 0
	}, entry: func(m wireMessage) string {
		if m.Body == "g1/1" {
			return "Service:InternalError"
		}
		return ""
	}}
	var groups []string
	for i := range 25 {
		groups = append(groups, fmt.Sprint("g", i))
	}
	got := words(sender(t, sqs, contactsURL).Send(t.Context(), post(groups...)...))
	if got[0] != "id-g0/0" || got[1] != "InternalError" || got[9] != "id-g9/9" {
		t.Errorf("before the failure: %q", got[:10])
	}
	if rest := slices.Compact(slices.Clone(got[10:])); !slices.Equal(rest, []string{"call"}) || n != 2 {
		t.Errorf("after the failure: %q in %d calls", got[10:], n)
	}
}

func TestContextEndsTheSending(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	sqs := &cloud{entry: func(wireMessage) string {
		cancel()
		return "Service:InternalError"
	}}
	got := words(sender(t, sqs, contactsURL).Send(ctx, post("a")...))
	if len(sqs.calls) != 1 || got[0] != "InternalError" && got[0] != "call" {
		t.Errorf("got %q in %d calls", got, len(sqs.calls))
	}
	if got := sender(t, sqs, contactsURL).Send(ctx, post("a", "b")...); !errors.Is(got[1].Err, context.Canceled) || len(sqs.calls) != 1 {
		t.Errorf("with an ended context: %v in %d calls", got, len(sqs.calls))
	}
}

// Whatever SQS refuses, results say the truth, and what was accepted of a group
// is its beginning, in order.
func TestGroupsKeepTheirOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		groups := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "c"}), 0, 30).Draw(rt, "groups")
		answers := rapid.SampledFrom([]string{"", "", "", "", "Service:x", "silent", "Sender:x"})
		sqs := &cloud{entry: func(wireMessage) string { return answers.Draw(rt, "answer") }}
		messages := post(groups...)
		results := sender(t, sqs, numbersURL).Send(t.Context(), messages...)
		accepted := map[string][]string{}
		for _, m := range sqs.taken {
			accepted[m.Group] = append(accepted[m.Group], m.Body)
		}
		sent := map[string][]string{}
		for i, m := range messages {
			sent[m.Group] = append(sent[m.Group], m.Body)
			if told := results[i].Err == nil; told != slices.Contains(accepted[m.Group], m.Body) {
				rt.Fatalf("%s: told accepted %t, which is wrong", m.Body, told)
			}
		}
		for g, bodies := range accepted {
			if !slices.Equal(bodies, sent[g][:min(len(bodies), len(sent[g]))]) {
				rt.Fatalf("group %s: accepted %q of %q", g, bodies, sent[g])
			}
		}
	})
}
