package deadletters_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"pgregory.net/rapid"

	"dialtone/functions/report-failure/reportfailure"
	"dialtone/infra/deadletters"
	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/outcome"
)

// TestNothingIsLost lets workers, report-failure and operators work on a few
// requests in any order, with crashes in the middle of reports and replays,
// messages that come twice, a queue that forgets what it has seen, and native
// redrives. In the end every request is done, or failed with a dead letter that
// waits for a person; none is worked on by nobody, and none is done twice.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rt)
		rt.Repeat(map[string]func(*rapid.T){
			"work":       func(rt *rapid.T) { w.work(rt, succeeds(rt)) },
			"work twice": w.workTwice,
			"report":     w.report,
			"redrive":    w.redrive,
			"replay":     w.replay,
			"forget":     func(*rapid.T) { clear(w.seen) },
		})
		w.drain(rt)
		w.audit(rt)
	})
}

// succeeds is rare: when a request is done there is not much more to go wrong.
func succeeds(rt *rapid.T) bool { return rapid.IntRange(0, 9).Draw(rt, "succeeds") == 9 }

type message struct {
	body   string
	sent   time.Time // to the dead-letter queue
	flying bool      // was received there, and not deleted
}

type world struct {
	t     *testing.T
	store *ledgertest.Memory
	l     *ledger.Ledger
	keys  []command.Key
	clock time.Time // of the queue
	seen  seen
	queue []message
	dead  []message
	done  map[command.Key]int
}

func newWorld(t *testing.T, rt *rapid.T) *world {
	w := &world{t: t, store: ledgertest.NewMemory(), clock: time.Now(), seen: seen{}, done: map[command.Key]int{}}
	w.l = ledger.New(w.store, ledger.Options{})
	for i := range rapid.IntRange(1, 2).Draw(rt, "requests") {
		b := body(fmt.Sprint(i), "home")
		w.keys = append(w.keys, decode(t, b).Key)
		w.queue = append(w.queue, message{body: b})
	}
	return w
}

// Deliver implements deadletters.Queues.
func (w *world) Deliver(ctx context.Context, c command.Command, body []byte, replay int) (bool, error) {
	fresh, err := w.seen.Deliver(ctx, c, body, replay)
	if fresh {
		w.queue = append(w.queue, message{body: string(body)})
	}
	return fresh, err
}

// work is what a function does with the first message: it is done, or it is sent
// to the dead-letter queue.
func (w *world) work(rt *rapid.T, succeeds bool) {
	if len(w.queue) == 0 {
		rt.Skip("the queue is empty")
	}
	w.handle(rt, w.queue[0], succeeds)
	w.queue = w.queue[1:]
}

// workTwice is a function that dies before the message is deleted.
func (w *world) workTwice(rt *rapid.T) {
	if len(w.queue) == 0 {
		rt.Skip("the queue is empty")
	}
	w.handle(rt, w.queue[0], succeeds(rt))
}

func (w *world) handle(rt *rapid.T, m message, succeeds bool) {
	c := decode(w.t, m.body)
	lease, finished, err := w.l.Begin(w.t.Context(), c, time.Now().Add(time.Minute))
	if err != nil {
		rt.Fatalf("begin: %v", err)
	}
	if finished != nil {
		return // answered from the ledger
	}
	if succeeds {
		w.done[c.Key]++
		err = w.l.Finish(w.t.Context(), lease, outcome.New(outcome.TypeAssigned, c.Key, c.User, time.Now(), outcome.Assigned{Request: c.Key}))
	} else {
		err = w.l.Yield(w.t.Context(), lease, "denied: read-only")
		w.clock = w.clock.Add(time.Second)
		w.dead = append(w.dead, message{body: m.body, sent: w.clock})
	}
	if err != nil {
		rt.Fatalf("end of the work: %v", err)
	}
}

// report hands a dead letter to report-failure, which may die on the way, or be
// overtaken by an operator, and whose message may stay on the queue although it
// was recorded.
func (w *world) report(rt *rapid.T) {
	if len(w.dead) == 0 {
		rt.Skip("the dead-letter queue is empty")
	}
	i := rapid.IntRange(0, len(w.dead)-1).Draw(rt, "dead letter")
	w.dead[i].flying = true
	b := &brittle{dieAt: max(0, rapid.IntRange(-7, 7).Draw(rt, "dies at")), meanwhileAt: rapid.IntRange(0, 7).Draw(rt, "meanwhile at")}
	b.meanwhile = func() { w.resume(rt) }
	recorded := w.record(rt, w.dead[i], b)
	if recorded && !rapid.Bool().Draw(rt, "not deleted") {
		w.dead = slices.Delete(w.dead, i, i+1)
	}
}

func (w *world) record(rt *rapid.T, m message, b *brittle) bool {
	h, err := reportfailure.New(reportfailure.Config{Ledger: ledger.New(b.store(w.store), ledger.Options{}), Visibility: w})
	if err != nil {
		rt.Fatal(err)
	}
	reply, err := h.Handle(w.t.Context(), events.SQSEvent{Records: []events.SQSMessage{{
		MessageId: "1", ReceiptHandle: "1", Body: m.body, EventSourceARN: "arn:aws:sqs:local:000000000000:numbers-dlq.fifo",
		Attributes: map[string]string{"SentTimestamp": strconv.FormatInt(m.sent.UnixMilli(), 10)},
	}}})
	if err != nil {
		rt.Fatal(err)
	}
	return len(reply.BatchItemFailures) == 0
}

// ChangeMessageVisibility implements sqsbatch.Visibility.
func (w *world) ChangeMessageVisibility(context.Context, string, string, time.Duration) error {
	return nil
}

// redrive moves a dead letter back to its queue behind our back. A queue moves
// none that is in flight.
func (w *world) redrive(rt *rapid.T) {
	i := slices.IndexFunc(w.dead, func(m message) bool { return !m.flying })
	if i < 0 {
		rt.Skip("no dead letter to move")
	}
	w.queue = append(w.queue, message{body: w.dead[i].body})
	w.dead = slices.Delete(w.dead, i, i+1)
}

// replay is an operator who read the list some time ago, perhaps, and may die.
func (w *world) replay(rt *rapid.T) {
	letters := open(w.t, w.l)
	if len(letters) == 0 {
		rt.Skip("no dead letters")
	}
	d := rapid.SampledFrom(letters).Draw(rt, "letter")
	b, _ := bench(w.store, w, rapid.IntRange(0, 6).Draw(rt, "dies at"), rapid.Bool().Draw(rt, "applied"))
	if err := b.Replay(w.t.Context(), d, ""); err != nil && !errors.Is(err, errDied) && !errors.Is(err, ledger.ErrChanged) {
		rt.Fatalf("replay: %v", err)
	}
}

// drain lets everything come to rest: nobody dies any more, and interrupted
// replays are brought to their end.
func (w *world) drain(rt *rapid.T) {
	for {
		for len(w.queue) > 0 {
			w.work(rt, false)
		}
		for len(w.dead) > 0 {
			if !w.record(rt, w.dead[0], &brittle{}) {
				rt.Fatalf("a dead letter came back")
			}
			w.dead = w.dead[1:]
		}
		if w.resume(rt) == 0 {
			return
		}
	}
}

// resume replays what was interrupted.
func (w *world) resume(rt *rapid.T) (n int) {
	b, _ := bench(w.store, w, 0, false)
	for _, d := range open(w.t, w.l) {
		if d.State != ledger.LetterReplaying {
			continue
		}
		n++
		if err := b.Replay(w.t.Context(), d, ""); err != nil && !errors.Is(err, ledger.ErrChanged) {
			rt.Fatalf("resume: %v", err)
		}
	}
	return n
}

func (w *world) audit(rt *rapid.T) {
	for _, key := range w.keys {
		r, _, err := w.l.Request(w.t.Context(), key)
		if err != nil {
			rt.Fatal(err)
		}
		d, found, err := w.l.DeadLetter(w.t.Context(), key)
		if err != nil {
			rt.Fatal(err)
		}
		switch open := found && !d.Settled(); {
		case r.State == ledger.Failed && open && d.State == ledger.LetterWaiting && d.At.Equal(r.Outcome.Time):
		case r.State == ledger.Done && w.done[key] == 1:
		default:
			rt.Fatalf("request %s is %s, done %d times; dead letter %+v", key.ID, r.State, w.done[key], d)
		}
	}
}

var _ deadletters.Queues = (*world)(nil)
