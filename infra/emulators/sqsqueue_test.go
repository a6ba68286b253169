//go:build e2e

package emulators_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/infra/emulators"
	"dialtone/infra/local/queuetest"
	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/httpretry"
	"dialtone/shared/sipaddr"
	"dialtone/shared/sqsbatch"
	"dialtone/shared/sqsqueue"
)

// The adapter does on the emulators what its functions need. Moto is left out: it
// answers a batch that fails in part in a way that no client can read.
func TestAdapter(t *testing.T) {
	t.Parallel()
	for name, endpoint := range map[string]string{
		"elasticmq": emulators.ElasticMQ(t), "fauxqs": emulators.Fauxqs(t), "local-aws-sqs": emulators.LocalAWSSQS(t),
	} {
		t.Run(name, func(t *testing.T) {
			for _, kind := range []string{"", ".fifo"} {
				t.Run("a batch ends"+kind, func(t *testing.T) { batchEnds(t, newRig(t, endpoint, kind)) })
			}
			t.Run("many are sent", func(t *testing.T) { manyAreSent(t, newRig(t, endpoint, ".fifo")) })
			t.Run("a send fails in part", func(t *testing.T) {
				if name == "fauxqs" {
					t.Skip("LEFT OUT: fauxqs takes a batch whole, whatever is in it")
				}
				sendFailsInPart(t, newRig(t, endpoint, ""))
			})
		})
	}
}

// batchEnds: of three commands that come back as a batch one is done, one waits,
// one is dead-lettered with its reason.
func batchEnds(t *testing.T, r rig) {
	t.Parallel()
	for i, result := range r.sender.Send(t.Context(), r.commands("done", "later", "denied")...) {
		if result.Err != nil || result.ID == "" {
			t.Fatalf("command %d: %+v", i, result)
		}
	}
	r.work(t, 3)
	if got := r.queue.all(t, 2); !slices.Equal(got, []string{"later"}) {
		t.Errorf("came back: %q", got)
	}
	letters := r.dead.receive(t, 2)
	if len(letters) != 1 {
		t.Fatalf("dead letters: %+v", letters)
	}
	got := letters[0]
	if got.Body != "denied" || got.Attributes["class"].StringValue != "denied" || got.Attributes["reason"].StringValue != "Bob has no enterprise voice." {
		t.Errorf("dead letter: %+v", got)
	}
	if strings.HasSuffix(r.queue.url, ".fifo") && got.Group != "denied@contoso.test" {
		t.Errorf("dead letter in group %q", got.Group)
	}
}

// manyAreSent: more than fit into a call arrive once, each group in order.
func manyAreSent(t *testing.T, r rig) {
	t.Parallel()
	var messages []sqsqueue.Message
	for i := range 30 {
		m := sqsqueue.Message{Body: fmt.Sprintf("%02d", i), Group: fmt.Sprint("g", i%3), DedupID: fmt.Sprint(i)}
		messages = append(messages, m, m) // the second is a duplicate
	}
	for i, result := range r.sender.Send(t.Context(), messages...) {
		if result.Err != nil {
			t.Fatalf("message %d: %v", i, result.Err)
		}
	}
	arrived := map[string][]string{}
	for got := r.queue.receive(t, 2); len(got) > 0; got = r.queue.receive(t, 1) {
		for _, m := range got {
			arrived[m.Group] = append(arrived[m.Group], m.Body)
			if err := r.queue.Delete(t.Context(), m.Receipt); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(arrived) != 3 {
		t.Errorf("arrived: %q", arrived)
	}
	for g, bodies := range arrived {
		if !slices.IsSorted(bodies) || len(bodies) != 10 {
			t.Errorf("group %s: %q", g, bodies)
		}
	}
}

// sendFailsInPart: what a queue refuses of a batch is told, and the rest arrives.
func sendFailsInPart(t *testing.T, r rig) {
	t.Parallel()
	results := r.sender.Send(t.Context(), sqsqueue.Message{Body: "a"}, sqsqueue.Message{Body: "b", Delay: time.Hour}, sqsqueue.Message{Body: "c"})
	refused, ok := errors.AsType[*sqsqueue.EntryError](results[1].Err)
	if results[0].Err != nil || results[2].Err != nil || !ok || !refused.SenderFault || bare(refused.Code) != "InvalidParameterValue" {
		t.Errorf("results %+v", results)
	}
	got := r.queue.all(t, 2)
	slices.Sort(got)
	if !slices.Equal(got, []string{"a", "c"}) {
		t.Errorf("arrived: %q", got)
	}
}

// rig is a queue with its dead-letter queue, and the adapter to them.
type rig struct {
	sender      *sqsqueue.Sender
	queues      *sqsqueue.Queues
	queue, dead receiver
}

type receiver struct{ sqsQueue }

func newRig(t *testing.T, endpoint, kind string) rig {
	t.Helper()
	b := sqsBroker{sqsClient(endpoint)}
	create := func(c queuetest.Config) receiver {
		q, err := b.Create(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return receiver{q.(sqsQueue)}
	}
	unique := fmt.Sprint("rig-", time.Now().UnixNano())
	r := rig{dead: create(queuetest.Config{Name: unique + "-dead" + kind})}
	r.queue = create(queuetest.Config{Name: unique + kind, MaxReceives: 5, DeadLetter: unique + "-dead" + kind, Visibility: 60})
	var err error
	if r.sender, err = sqsqueue.NewSender(b.client, r.queue.url); err != nil {
		t.Fatal(err)
	}
	if r.queues, err = sqsqueue.New(b.client, sqsqueue.Queue{URL: r.queue.url, DeadLetterURL: r.dead.url}); err != nil {
		t.Fatal(err)
	}
	return r
}

// commands are commands of one user each, whose body says how they end.
func (rig) commands(bodies ...string) (list []sqsqueue.Message) {
	for _, body := range bodies {
		c := command.Command{Key: command.Key{Source: "urn:test", ID: body}, User: sipaddr.User(body + "@contoso.test")}
		list = append(list, sqsqueue.Command(c, []byte(body)))
	}
	return list
}

// work plays Lambda: it hands n messages to a runner and deletes those that the
// reply does not name.
func (r rig) work(t *testing.T, n int) {
	t.Helper()
	runner, err := sqsbatch.New(sqsbatch.Config{Visibility: r.queues, DeadLetters: r.queues, Backoff: httpretry.Backoff{Base: time.Second, Cap: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	var e events.SQSEvent
	for len(e.Records) < n {
		got := r.queue.receive(t, 2)
		if len(got) == 0 {
			t.Fatalf("received %d of %d", len(e.Records), n)
		}
		for _, m := range got {
			e.Records = append(e.Records, events.SQSMessage{
				MessageId: m.ID, ReceiptHandle: m.Receipt, Body: m.Body, EventSourceARN: r.queue.arn,
				Attributes: map[string]string{"ApproximateReceiveCount": fmt.Sprint(m.ReceiveCount), "MessageGroupId": m.Group},
			})
		}
	}
	reply, err := runner.Run(t.Context(), e, func(_ context.Context, m sqsbatch.Message) error {
		switch m.Body {
		case "later":
			return sqsbatch.RetryAfter(errors.New("webex asks to wait"), 0)
		case "denied":
			f := &failure.Error{Class: failure.Denied, Reason: "Bob has no enterprise voice."}
			return sqsbatch.DiscardFailure(f, "urn:test", m.Body, m.ReceiveCount)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range e.Records {
		if slices.ContainsFunc(reply.BatchItemFailures, func(f events.SQSBatchItemFailure) bool { return f.ItemIdentifier == m.MessageId }) {
			continue
		}
		if err := r.queue.Delete(t.Context(), m.ReceiptHandle); err != nil {
			t.Fatal(err)
		}
	}
}

// receive takes what comes within the time.
func (q receiver) receive(t *testing.T, seconds int) []queuetest.Received {
	t.Helper()
	got, err := q.Receive(t.Context(), 10, seconds, 0)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// all takes bodies until none come for some time.
func (q receiver) all(t *testing.T, seconds int) (bodies []string) {
	t.Helper()
	for {
		got := q.receive(t, seconds)
		if len(got) == 0 {
			return bodies
		}
		for _, m := range got {
			bodies = append(bodies, m.Body)
		}
	}
}
