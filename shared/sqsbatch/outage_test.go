package sqsbatch_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/shared/failure"
	"dialtone/shared/sqsbatch"
)

func paused(wait time.Duration) *failure.Error {
	return &failure.Error{
		Class: failure.Unavailable, Reason: "ucwa is not called", Advice: "Nothing to do.",
		RetryAfter: wait, Err: failure.ErrPaused, Upstream: &failure.Upstream{System: "ucwa"},
	}
}

// TestPausedComesBackInTime: however often a message met the pause, it comes back
// when it was told to, whatever stands around the failure.
func TestPausedComesBackInTime(t *testing.T) {
	t.Parallel()
	busy := &failure.Error{Class: failure.Unknown, Reason: "in doubt", RetryAfter: 90 * time.Second, Err: paused(90 * time.Second)}
	for name, err := range map[string]error{
		"as it is":       paused(90 * time.Second),
		"wrapped":        fmt.Errorf("list numbers: %w", paused(90*time.Second)),
		"in a failure":   busy,
		"RetryAfter":     sqsbatch.RetryAfter(errors.Join(errTest, paused(time.Second)), 90*time.Second),
		"after a second": paused(89*time.Second + 1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, n := range []int{1, 10, 900} {
				q := &queue{}
				if _, err := newRunner(t, q, nil).Run(t.Context(), event(record("1", "ada", n)), failing(err)); err != nil {
					t.Fatal(err)
				}
				if len(q.changes) != 1 || q.changes[0].wait != 90*time.Second || len(q.letters) > 0 {
					t.Errorf("receive %d: %+v, want 90 s", n, q.changes)
				}
			}
		})
	}
}

// TestPausedWithoutTime: a pause that does not tell its end is met with backoff.
func TestPausedWithoutTime(t *testing.T) {
	t.Parallel()
	longest := time.Duration(0)
	for range 50 {
		q := &queue{}
		if _, err := newRunner(t, q, nil).Run(t.Context(), event(record("1", "", 20)), failing(paused(0))); err != nil {
			t.Fatal(err)
		}
		longest = max(longest, q.changes[0].wait)
	}
	if longest < time.Minute {
		t.Errorf("longest wait of 50 is %s: there is no backoff", longest)
	}
}

func failing(err error) sqsbatch.Handler {
	return func(context.Context, sqsbatch.Message) error { return err }
}

// TestGiveUp: a message that fails when it is too old is dead-lettered with its
// last reason; one that is young, succeeds, or has no age is not.
func TestGiveUp(t *testing.T) {
	t.Parallel()
	const limit = 11 * 24 * time.Hour
	doubt := &failure.Error{Class: failure.Unknown, Reason: "the change may have been applied", Advice: "Nothing to do."}
	for name, c := range map[string]struct {
		age    time.Duration
		err    error
		class  string // "": not dead-lettered
		reason string
	}{
		"young":          {limit, paused(time.Minute), "", ""},
		"old":            {limit + time.Second, paused(time.Minute), "unavailable", "given up after 264h0m0s without success: ucwa is not called"},
		"old, in doubt":  {limit + time.Second, doubt, "unknown", "the change may have been applied"},
		"old, untyped":   {limit + time.Second, errTest, "unavailable", errTest.Error()},
		"old, told":      {limit + time.Second, sqsbatch.RetryAfter(errTest, time.Hour), "unavailable", errTest.Error()},
		"old, discarded": {limit + time.Second, sqsbatch.Discard(&failure.Error{Class: failure.Denied, Reason: "no"}, nil), "denied", "no"},
		"old, done":      {limit + time.Second, nil, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				q := &queue{}
				r := newRunner(t, q, func(c *sqsbatch.Config) { c.GiveUpAfter = limit })
				m := record("1", "ada", 300)
				m.Attributes["SentTimestamp"] = fmt.Sprint(time.Now().Add(-c.age).UnixMilli())
				next := record("2", "ada", 1)
				next.Attributes["SentTimestamp"] = fmt.Sprint(time.Now().UnixMilli())
				reply, err := r.Run(t.Context(), event(m, next), func(_ context.Context, m sqsbatch.Message) error {
					if m.ID == "1" {
						return c.err
					}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				if c.class == "" {
					if len(q.letters) > 0 || (len(failures(reply)) > 0) != (c.err != nil) {
						t.Errorf("letters %+v, failures %q", q.letters, failures(reply))
					}
					return
				}
				if len(q.letters) != 1 || len(failures(reply)) > 0 {
					t.Fatalf("%d letters, failures %q: want one letter, and the next of the group handled", len(q.letters), failures(reply))
				}
				a := q.letters[0].Attributes
				if a["class"] != c.class || !strings.Contains(a["reason"], c.reason) || a["attempts"] != "300" {
					t.Errorf("attributes %q", a)
				}
				if c.class == "unavailable" && a["advice"] == "" {
					t.Error("no advice")
				}
			})
		})
	}
}

// TestAbout: an error that is told to be about a request ends its message as it
// would alone, and the dead letter names the request.
func TestAbout(t *testing.T) {
	t.Parallel()
	if err := sqsbatch.About(nil, "desk", "1"); err != nil {
		t.Errorf("of nil: %v", err)
	}
	for name, c := range map[string]struct {
		err  error
		wait time.Duration // 0: dead-lettered
		id   string
	}{
		"paused":           {paused(90 * time.Second), 90 * time.Second, ""},
		"told to wait":     {sqsbatch.RetryAfter(paused(0), 80*time.Second), 80 * time.Second, ""},
		"discarded":        {sqsbatch.Discard(errTest, nil), 0, "1"},
		"discarded, named": {sqsbatch.DiscardFailure(nil, "desk", "2", 7), 0, "2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q := &queue{}
			err := fmt.Errorf("handler: %w", sqsbatch.About(c.err, "desk", "1"))
			if !errors.Is(err, c.err) && c.wait > 0 {
				t.Errorf("%v does not wrap %v", err, c.err)
			}
			if _, err := newRunner(t, q, nil).Run(t.Context(), event(record("1", "ada", 3)), failing(err)); err != nil {
				t.Fatal(err)
			}
			if c.wait > 0 {
				if len(q.letters) > 0 || len(q.changes) != 1 || q.changes[0].wait != c.wait {
					t.Errorf("changes %+v, letters %+v, want %s", q.changes, q.letters, c.wait)
				}
				return
			}
			if len(q.letters) != 1 || q.letters[0].Attributes["requestSource"] != "desk" || q.letters[0].Attributes["requestId"] != c.id {
				t.Errorf("letters %+v", q.letters)
			}
		})
	}
}

// TestGiveUpNeedsAnAge: a message whose age is not known is kept.
func TestGiveUpNeedsAnAge(t *testing.T) {
	t.Parallel()
	q := &queue{}
	r := newRunner(t, q, func(c *sqsbatch.Config) { c.GiveUpAfter = time.Hour })
	m := record("1", "", 1)
	delete(m.Attributes, "SentTimestamp")
	reply, err := r.Run(t.Context(), events.SQSEvent{Records: []events.SQSMessage{m}}, failing(errTest))
	if err != nil || len(q.letters) > 0 || len(failures(reply)) != 1 {
		t.Errorf("letters %+v, failures %q, %v", q.letters, failures(reply), err)
	}
}
