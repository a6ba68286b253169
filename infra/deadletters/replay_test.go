package deadletters_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dialtone/infra/deadletters"
	"dialtone/infra/deployment"
	"dialtone/infra/local"
	"dialtone/infra/local/queue"
	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/outcome"
)

func body(id, location string) string {
	return fmt.Sprintf(`{"specversion":"1.0","source":"hr","id":%q,"type":"dialtone.number.assign.v1","data":{"user":"ada@contoso.test","locationId":%q}}`, id, location)
}

func decode(t testing.TB, body string) command.Command {
	t.Helper()
	c, err := command.Decode([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// bury makes a request fail and keeps its dead letter.
func bury(t testing.TB, l *ledger.Ledger, body string) ledger.DeadLetter {
	t.Helper()
	c := decode(t, body)
	f := &failure.Error{Class: failure.Denied, Reason: "read-only", Advice: "Ask somebody."}
	event := outcome.Failure(c, f, 1, time.Now())
	failed, err := event.Failed()
	if err == nil {
		err = l.Fail(t.Context(), c, event)
	}
	d := ledger.DeadLetter{Request: c.Key, Type: c.Type, User: c.User, Queue: "numbers.fifo", Body: body, Failure: failed, At: event.Time}
	if err == nil {
		err = l.Bury(t.Context(), d)
	}
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func letter(t testing.TB, l *ledger.Ledger, key command.Key) ledger.DeadLetter {
	t.Helper()
	d, found, err := l.DeadLetter(t.Context(), key)
	if err != nil || !found {
		t.Fatalf("dead letter: found %t, %v", found, err)
	}
	return d
}

// brittle is a deployment whose process dies at one of its calls.
type brittle struct {
	calls, dieAt int
	after        bool // the call that it dies at is applied

	meanwhile   func() // happens before one of the calls
	meanwhileAt int
}

var errDied = errors.New("died")

func (b *brittle) around(do func() error) error {
	b.calls++
	if b.calls == b.meanwhileAt {
		b.meanwhile()
	}
	switch {
	case b.calls < b.dieAt || b.dieAt == 0:
		return do()
	case b.calls == b.dieAt && b.after:
		_ = do()
	}
	return errDied
}

func (b *brittle) store(s ledger.Store) ledger.Store {
	return ledgertest.Around(s, func(_ ledgertest.Call, do func() error) error { return b.around(do) })
}

// queues passes what is delivered on, as long as the process lives.
type queues struct {
	*brittle
	to deadletters.Queues
}

func (q queues) Deliver(ctx context.Context, c command.Command, body []byte, replay int) (fresh bool, err error) {
	err = q.around(func() (err error) {
		fresh, err = q.to.Deliver(ctx, c, body, replay)
		return err
	})
	return fresh, err
}

// bench is a bench that dies at its nth call; 0: never.
func bench(store ledger.Store, to deadletters.Queues, dieAt int, after bool) (deadletters.Bench, *brittle) {
	b := &brittle{dieAt: dieAt, after: after}
	return deadletters.Bench{Ledger: ledger.New(b.store(store), ledger.Options{}), Queues: queues{b, to}, By: "ann"}, b
}

// TestReplayDiesAnywhere: whichever call of a replay is the last, applied or not,
// the next replay goes on, and the message is on the real queue exactly once.
func TestReplayDiesAnywhere(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		for dieAt := 1; ; dieAt++ {
			data := join(t)
			d := bury(t, data.Ledger, body("1", "home"))
			doomed, died := bench(data.Store, data, dieAt, after)
			err := doomed.Replay(t.Context(), d, "")
			if died.calls < dieAt {
				break // it came through
			}
			if !errors.Is(err, errDied) {
				t.Fatalf("died at call %d: %v", dieAt, err)
			}
			left := letter(t, data.Ledger, d.Request)
			whole, _ := bench(data.Store, data, 0, false)
			if err := whole.Replay(t.Context(), left, ""); err != nil && !(left.Settled() && errors.Is(err, ledger.ErrChanged)) {
				t.Errorf("resumed after call %d: %v", dieAt, err)
			}
			if got := waiting(t, data); got != 1 {
				t.Errorf("died at call %d, applied %t: %d messages on the queue", dieAt, after, got)
			}
			if got := letter(t, data.Ledger, d.Request); got.State != ledger.LetterReplayed || got.Replays != 1 {
				t.Errorf("died at call %d: %+v", dieAt, got)
			}
			if r, _, err := data.Ledger.Request(t.Context(), d.Request); err != nil || r.State != ledger.Waiting {
				t.Errorf("died at call %d: request is %s, %v", dieAt, r.State, err)
			}
		}
	}
}

func join(t *testing.T) *local.Data {
	t.Helper()
	data, err := local.Join(t.Context(), filepath.Join(t.TempDir(), "d.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = data.Close() })
	return data
}

func waiting(t *testing.T, data *local.Data) int {
	t.Helper()
	q, err := data.Queues.Queue(t.Context(), local.NumbersQueue)
	if err != nil {
		t.Fatal(err)
	}
	var n queue.Counts
	if n, err = q.Counts(t.Context()); err != nil {
		t.Fatal(err)
	}
	return n.Visible
}

// seen is a FIFO queue that remembers what it took.
type seen map[string]int

func (s seen) Deliver(_ context.Context, c command.Command, _ []byte, replay int) (bool, error) {
	id := c.Key.DedupID(replay)
	if s[id] > 0 {
		return false, nil
	}
	s[id]++
	return true, nil
}

// TestInterruptedAtRandom replays many dead letters, dies time and again, and
// goes on with what the list still has: each message is sent exactly once.
func TestInterruptedAtRandom(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		store, to := ledgertest.NewMemory(), seen{}
		l := ledger.New(store, ledger.Options{})
		n := rapid.IntRange(1, 30).Draw(rt, "dead letters")
		for i := range n {
			bury(t, l, body(fmt.Sprint(i), "home"))
		}
		for {
			doomed, died := bench(store, to, rapid.IntRange(1, 60).Draw(rt, "calls"), rapid.Bool().Draw(rt, "applied"))
			r, err := deadletters.Each(t.Context(), open(t, l), 1e9, func(ctx context.Context, d ledger.DeadLetter) error {
				return doomed.Replay(ctx, d, "")
			}, func(int) {})
			if died.calls < died.dieAt {
				if err != nil || len(r.Refused) > 0 || r.Left > 0 {
					rt.Fatalf("%+v, %v", r, err)
				}
				break
			}
		}
		if left := open(t, l); len(left) > 0 || len(to) != n {
			rt.Fatalf("%d dead letters left, %d of %d sent", len(left), len(to), n)
		}
		for i := range n {
			key := command.Key{Source: "hr", ID: fmt.Sprint(i)}
			if to[key.DedupID(1)] != 1 || letter(t, l, key).State != ledger.LetterReplayed {
				rt.Fatalf("request %d: sent %v, %+v", i, to, letter(t, l, key))
			}
		}
	})
}

func open(t testing.TB, l *ledger.Ledger) []ledger.DeadLetter {
	t.Helper()
	var all []ledger.DeadLetter
	for d, err := range l.DeadLetters(t.Context(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, d)
	}
	return all
}

// TestOfTheDeployment: an embedded deployment is what a bench replays to.
func TestOfTheDeployment(t *testing.T) {
	t.Parallel()
	d, err := deployment.Join(t.Context(), deployment.Place{Data: filepath.Join(t.TempDir(), "d.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	b := deadletters.Bench{Ledger: d.Ledger, Queues: d, By: "ann"}
	if err := b.Replay(t.Context(), bury(t, d.Ledger, body("1", "home")), "mended"); err != nil {
		t.Error(err)
	}
	if got := letter(t, d.Ledger, command.Key{Source: "hr", ID: "1"}); got.Decided.By != "ann" || got.Decided.Reason != "mended" {
		t.Errorf("decided: %+v", got.Decided)
	}
}
