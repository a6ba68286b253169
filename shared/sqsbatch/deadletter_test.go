package sqsbatch_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"dialtone/shared/failure"
	"dialtone/shared/sqsbatch"
)

// discard runs one message that ends in err and returns its dead letter.
func discard(t *testing.T, body string, receives int, err error) sqsbatch.DeadLetter {
	t.Helper()
	q := &queue{}
	m := record("m1", "ada@contoso.test", receives)
	m.Body = body
	reply, runErr := newRunner(t, q, nil).Run(t.Context(), event(m), func(context.Context, sqsbatch.Message) error { return err })
	if runErr != nil {
		t.Fatal(runErr)
	}
	if len(q.letters) != 1 || len(reply.BatchItemFailures) != 0 {
		t.Fatalf("%d dead letters and reply %v, want one and an empty one", len(q.letters), reply)
	}
	return q.letters[0]
}

func TestDiscardAttributes(t *testing.T) {
	t.Parallel()
	denied := &failure.Error{
		Class: failure.Denied, Reason: "Ada has no enterprise voice.", Advice: "Enable her, then replay.",
		Upstream: &failure.Upstream{System: "ucwa", Status: 403},
	}
	fromFailure := map[string]string{
		"class": "denied", "reason": denied.Reason, "advice": denied.Advice, "upstream": `{"system":"ucwa","status":403}`, "attempts": "3",
	}
	for _, c := range []struct {
		name string
		err  error
		want map[string]string
	}{
		{"all given", sqsbatch.Discard(errTest, map[string]string{
			"class": "invalid", "reason": "field x is unknown", "requestSource": "urn:hr", "requestId": "7", "attempts": "2",
		}), map[string]string{"class": "invalid", "reason": "field x is unknown", "requestSource": "urn:hr", "requestId": "7", "attempts": "2"}},
		{"nothing given", sqsbatch.Discard(errTest, nil), map[string]string{"class": "unknown", "reason": errTest.Error(), "attempts": "3"}},
		{"nothing at all", sqsbatch.Discard(nil, nil), map[string]string{"class": "unknown", "reason": "discarded without a reason", "attempts": "3"}},
		{"failure in the chain", fmt.Errorf("assign: %w", sqsbatch.Discard(fmt.Errorf("change: %w", denied), nil)), fromFailure},
		{"failure", sqsbatch.DiscardFailure(denied, "urn:hr", "7", 9), merge(fromFailure, map[string]string{"requestSource": "urn:hr", "requestId": "7", "attempts": "9"})},
		{"no failure", sqsbatch.DiscardFailure(nil, "", "", 1), map[string]string{"class": "unknown", "reason": "discarded without a reason", "attempts": "1"}},
		{"names SQS refuses", sqsbatch.Discard(errTest, map[string]string{"AWS.x": "1", "a b": "1", ".a": "1", "": "1", "ok_1.x-y": "1"}), map[string]string{
			"class": "unknown", "reason": errTest.Error(), "attempts": "3", "ok_1.x-y": "1",
		}},
		{"characters SQS refuses", sqsbatch.Discard(errTest, map[string]string{"reason": "a\x00b\ufffe\xff\ufffd\n"}), map[string]string{
			"class": "unknown", "reason": `a\x00b\ufffe\xff` + "\ufffd\n", "attempts": "3",
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := discard(t, "body", 3, c.err)
			if !maps.Equal(got.Attributes, c.want) {
				t.Errorf("got %q, want %q", got.Attributes, c.want)
			}
			if got.Body != "body" || got.Queue != arn || got.Group != "ada@contoso.test" || got.DedupID == "" {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func merge(a, b map[string]string) map[string]string {
	m := maps.Clone(a)
	maps.Copy(m, b)
	return m
}

func TestDedupIDDiffersFromReceiveToReceive(t *testing.T) {
	t.Parallel()
	first, again, second := discard(t, "b", 1, sqsbatch.Discard(errTest, nil)), discard(t, "b", 1, sqsbatch.Discard(errTest, nil)), discard(t, "b", 2, sqsbatch.Discard(errTest, nil))
	if first.DedupID != again.DedupID {
		t.Error("a repeated send is not recognised")
	}
	if first.DedupID == second.DedupID {
		t.Error("a failed replay would be swallowed")
	}
}

func TestDiscardContinuesItsGroup(t *testing.T) {
	t.Parallel()
	reply, _ := newRunner(t, &queue{}, nil).Run(t.Context(), event(record("bad1", "a", 1), record("a2", "a", 1)),
		func(ctx context.Context, m sqsbatch.Message) error {
			if err := badFails(ctx, m); err != nil {
				return sqsbatch.Discard(err, nil)
			}
			return nil
		})
	equal(t, "reported", failures(reply), nil)
}

func TestDiscardThatCannotBeSentKeepsTheMessage(t *testing.T) {
	t.Parallel()
	for name, adjust := range map[string]func(*sqsbatch.Config){
		"send fails": nil,
		"no queue":   func(c *sqsbatch.Config) { c.DeadLetters = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := &queue{refuseSend: errors.New("queue is away")}
			reply, _ := newRunner(t, q, adjust).Run(t.Context(), event(record("m1", "a", 1), record("m2", "a", 1)),
				func(context.Context, sqsbatch.Message) error { return sqsbatch.Discard(errTest, nil) })
			equal(t, "reported", failures(reply), []string{"m1", "m2"})
			equal(t, "hidden", q.handles(), []string{"handle-m1", "handle-m2"})
		})
	}
}

func TestAttributesFitTheQueue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		body := strings.Repeat("b", rapid.IntRange(0, 252<<10).Draw(rt, "body"))
		long := rapid.Custom(func(t *rapid.T) string {
			return strings.Repeat(rapid.StringN(1, 8, -1).Draw(t, "text"), rapid.IntRange(1, 60000).Draw(t, "times"))
		})
		given := rapid.MapOfN(rapid.SampledFrom([]string{
			"class", "reason", "advice", "upstream", "attempts", "a", "b", "c", "d", "e", "f", "g",
		}), long, 0, 12).Draw(rt, "attributes")
		given["requestSource"], given["requestId"] = "urn:hr", "hire-7"
		got := discard(t, body, 1, sqsbatch.Discard(errTest, given)).Attributes
		size := len(body)
		for name, v := range got {
			size += len(name) + len("String") + len(v)
			if v == "" || !utf8.ValidString(v) || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' && r != '\n' && r != '\t' && r != '\r' }) {
				rt.Fatalf("attribute %s is %q", name, v)
			}
		}
		if size > 256<<10 || len(got) > 10 {
			rt.Fatalf("%d bytes and %d attributes", size, len(got))
		}
		for _, name := range []string{"class", "reason", "attempts"} {
			if got[name] == "" {
				rt.Fatalf("%s is gone", name)
			}
		}
		if _, crowded := given["class"]; !crowded && (got["requestSource"] != "urn:hr" || got["requestId"] != "hire-7") {
			rt.Fatalf("the request key was cut: %.80q", got)
		}
	})
}

func TestLongReasonKeepsBothEnds(t *testing.T) {
	t.Parallel()
	reason := "change number: " + strings.Repeat("é", 200<<10) + ": connection reset"
	got := discard(t, "body", 1, sqsbatch.Discard(errors.New(reason), nil)).Attributes["reason"]
	if !strings.HasPrefix(got, "change number: é") || !strings.HasSuffix(got, "é: connection reset") || !strings.Contains(got, "…") {
		t.Errorf("reason became %.40q ... %q", got, got[len(got)-40:])
	}
}
