package sqsbatch_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"dialtone/shared/failure"
	"dialtone/shared/sqsbatch"
)

// ending is what the handler does with one message in a random run.
type ending struct {
	Kind  string
	Takes time.Duration
}

func endings() *rapid.Generator[ending] {
	return rapid.Custom(func(t *rapid.T) ending {
		return ending{
			Kind: rapid.SampledFrom([]string{
				"done", "done", "fails", "later", "discard", "discard-wrapped", "panic", "goexit", "until-deadline", "raw-failure",
			}).Draw(t, "kind"),
			Takes: time.Duration(rapid.IntRange(0, 20_000).Draw(t, "ms")) * time.Millisecond,
		}
	})
}

func (e ending) play(ctx context.Context) error {
	select {
	case <-time.After(e.Takes):
	case <-ctx.Done():
	}
	switch e.Kind {
	case "done":
		return nil
	case "later":
		return sqsbatch.RetryAfter(errTest, time.Minute)
	case "discard":
		return sqsbatch.Discard(errTest, nil)
	case "discard-wrapped":
		return errors.Join(errTest, fmt.Errorf("wrapped: %w", sqsbatch.Discard(nil, nil)))
	case "panic":
		panic("handler is broken")
	case "goexit":
		runtime.Goexit()
	case "until-deadline":
		<-ctx.Done()
		return ctx.Err()
	case "raw-failure":
		return &failure.Error{Class: failure.Denied, Reason: "not discarded by the handler"}
	}
	return errTest
}

// scenario is a random batch with the weather around it.
type scenario struct {
	Records      []events.SQSMessage
	Endings      map[string]ending
	Concurrency  int
	Limit        time.Duration // of the invocation
	SendFails    bool
	ChangeFails  bool
	ChangePanics bool
	Cancelled    time.Duration // before the limit; 0: not
}

func scenarios() *rapid.Generator[scenario] {
	return rapid.Custom(func(t *rapid.T) scenario {
		s := scenario{
			Endings:      map[string]ending{},
			Concurrency:  rapid.IntRange(1, 12).Draw(t, "concurrency"),
			Limit:        time.Duration(rapid.IntRange(1, 60).Draw(t, "limit")) * time.Second,
			SendFails:    rapid.Bool().Draw(t, "send fails"),
			ChangeFails:  rapid.Bool().Draw(t, "change fails"),
			ChangePanics: rapid.IntRange(0, 9).Draw(t, "change panics") == 0,
		}
		if rapid.IntRange(0, 3).Draw(t, "cancelled") == 0 {
			s.Cancelled = time.Duration(rapid.IntRange(1, 60).Draw(t, "after")) * time.Second
		}
		for range rapid.IntRange(0, 12).Draw(t, "records") {
			id := fmt.Sprint("m", rapid.IntRange(0, 14).Draw(t, "id")) // some come twice
			group := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "group")
			if i := slices.IndexFunc(s.Records, func(r events.SQSMessage) bool { return r.MessageId == id }); i >= 0 {
				group = s.Records[i].Attributes["MessageGroupId"]
			}
			s.Records = append(s.Records, record(id, group, rapid.IntRange(1, 1000).Draw(t, "receives")))
			s.Endings[id] = endings().Draw(t, "ending")
		}
		return s
	})
}

// observed is what a run did.
type observed struct {
	reply    events.SQSEventResponse
	err      error
	started  []string // message ids in order of start
	returned map[string]bool
	done     map[string]bool
	letters  map[string]bool // by body
	changes  []change
	running  int32 // calls still running when Run returned
	overlap  bool  // two messages of one group at once
	late     bool  // a start with too little time
}

const startMargin, reportMargin = 5 * time.Second, time.Second

func (s scenario) run(t *testing.T) (o observed) {
	q := &queue{refuse: func(h string) error {
		switch {
		case s.ChangePanics:
			panic("client is broken")
		case s.ChangeFails && h != "handle-m1":
			return errTest
		}
		return nil
	}}
	if s.SendFails {
		q.refuseSend = errTest
	}
	r := newRunner(t, q, func(c *sqsbatch.Config) {
		c.Concurrency, c.StartMargin, c.ReportMargin, c.Backoff = s.Concurrency, startMargin, reportMargin, oneSecond()
	})
	ctx, cancel := context.WithTimeout(t.Context(), s.Limit)
	defer cancel()
	if s.Cancelled > 0 {
		stop := time.AfterFunc(s.Cancelled, cancel)
		defer stop.Stop()
	}
	o.returned, o.done, o.letters = map[string]bool{}, map[string]bool{}, map[string]bool{}
	end, _ := ctx.Deadline()
	var mu sync.Mutex
	busy := map[string]bool{}
	var running atomic.Int32
	o.reply, o.err = r.Run(ctx, events.SQSEvent{Records: s.Records}, func(ctx context.Context, m sqsbatch.Message) error {
		running.Add(1)
		defer running.Add(-1)
		mu.Lock()
		o.started = append(o.started, m.ID)
		o.overlap = o.overlap || m.Group != "" && busy[m.Group]
		o.late = o.late || time.Until(end) < startMargin
		busy[m.Group] = true
		mu.Unlock()
		defer func() {
			mu.Lock()
			busy[m.Group] = false
			mu.Unlock()
		}()
		err := s.Endings[m.ID].play(ctx)
		mu.Lock()
		o.returned[m.ID], o.done[m.ID] = true, err == nil
		mu.Unlock()
		return err
	})
	o.running = running.Load()
	o.changes = q.changes
	for _, l := range q.letters {
		o.letters[l.Body] = true
	}
	return o
}

// TestEveryMessageEndsExactlyOnce is the promise of the package under random
// batches, handler endings, panics, deadlines and queue failures.
func TestEveryMessageEndsExactlyOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := scenarios().Draw(rt, "scenario")
		var o observed
		synctest.Test(t, func(t *testing.T) { o = s.run(t) })
		check(rt, s, o)
	})
}

func check(rt *rapid.T, s scenario, o observed) {
	if o.err != nil || o.running != 0 || o.overlap || o.late || o.reply.BatchItemFailures == nil {
		rt.Fatalf("error %v, %d calls outlived Run, overlap within a group %t, started late %t, reply %v", o.err, o.running, o.overlap, o.late, o.reply)
	}
	reported := map[string]int{}
	for _, id := range failures(o.reply) {
		reported[id]++
	}
	for _, r := range s.Records {
		id := r.MessageId
		ends := reported[id]
		if o.done[id] {
			ends++
		}
		if o.letters[r.Body] {
			ends++
		}
		if ends != 1 {
			rt.Fatalf("%s: reported %d times, done %t, dead-lettered %t", id, reported[id], o.done[id], o.letters[r.Body])
		}
	}
	for id := range reported {
		if !slices.ContainsFunc(s.Records, func(r events.SQSMessage) bool { return r.MessageId == id }) {
			rt.Fatalf("reply names %q, which is not in the batch: SQS would take it for a failure of all", id)
		}
	}
	for i, id := range o.started {
		if slices.Contains(o.started[:i], id) {
			rt.Fatalf("%s was handled twice", id)
		}
	}
	checkGroups(rt, s, o, reported)
}

// checkGroups holds that within a group settled messages come before reported
// ones, starts follow the order of the event, and the reported ones that were
// hidden were hidden in order and for one time.
func checkGroups(rt *rapid.T, s scenario, o observed, reported map[string]int) {
	for _, group := range []string{"a", "b", "c"} {
		var ids []string
		for _, r := range s.Records {
			if r.Attributes["MessageGroupId"] == group && !slices.Contains(ids, r.MessageId) {
				ids = append(ids, r.MessageId)
			}
		}
		held := false
		for _, id := range ids {
			if held && reported[id] == 0 {
				rt.Fatalf("group %s: %s was settled behind a reported message", group, id)
			}
			held = held || reported[id] > 0
		}
		started := slices.DeleteFunc(slices.Clone(o.started), func(id string) bool { return !slices.Contains(ids, id) })
		if !slices.Equal(started, ids[:len(started)]) {
			rt.Fatalf("group %s: started %v of %v", group, started, ids)
		}
		var waits []time.Duration
		for _, c := range o.changes {
			if slices.ContainsFunc(ids, func(id string) bool { return c.handle == "handle-"+id }) {
				waits = append(waits, c.wait)
			}
		}
		if len(slices.Compact(waits)) > 1 {
			rt.Fatalf("group %s comes back apart: %v", group, waits)
		}
	}
}
