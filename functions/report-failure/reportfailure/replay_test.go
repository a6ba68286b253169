package reportfailure_test

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/shared/failure"
	"dialtone/shared/ledger"
)

// reportSent hands over one message that the queue itself moved here at a time.
func (d *desk) reportSent(at time.Time, queue, body string) {
	d.t.Helper()
	reply, err := d.handler.Handle(d.t.Context(), events.SQSEvent{Records: []events.SQSMessage{{
		MessageId: "1", ReceiptHandle: "1", Body: body, EventSourceARN: "arn:aws:sqs:eu-central-1:123456789012:" + queue,
		Attributes: map[string]string{"SentTimestamp": strconv.FormatInt(at.UnixMilli(), 10), "MessageGroupId": "ada@contoso.test"},
	}}})
	if err != nil || len(reply.BatchItemFailures) > 0 {
		d.t.Fatalf("%+v, %v", reply, err)
	}
}

// try begins the request of a body and hands it back.
func (d *desk) try(body, problem string) {
	d.t.Helper()
	_, lease := d.begin(body)
	if err := d.ledger.Yield(d.t.Context(), lease, problem); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) replay() ledger.DeadLetter {
	d.t.Helper()
	letters := d.letters()
	if len(letters) != 1 {
		d.t.Fatalf("%d dead letters", len(letters))
	}
	started, err := d.ledger.StartReplay(d.t.Context(), letters[0], ledger.Decision{By: "ann"})
	if err == nil {
		err = d.ledger.EndReplay(d.t.Context(), started)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return started
}

func TestTriesAreTold(t *testing.T) {
	t.Parallel()
	d := newDesk(t, nil)
	for _, problem := range []string{"unavailable: no answer", "denied: read-only"} {
		d.try(body("1", "home"), problem)
	}
	d.reportSent(time.Now(), "stack-simring-dlq.fifo", body("1", "home"))
	l := d.letters()[0]
	var classes []failure.Class
	for _, try := range l.Tries.Kept {
		classes = append(classes, try.Class)
	}
	if !slices.Equal(classes, []failure.Class{failure.Unavailable, failure.Denied}) || l.Queue != "stack-simring.fifo" {
		t.Errorf("dead letter %+v", l)
	}
	if r := d.request(key); !l.At.Equal(r.Outcome.Time) {
		t.Errorf("dead letter of %s, the outcome is of %s", l.At, r.Outcome.Time)
	}
}

func TestFailedAgainAfterAReplay(t *testing.T) {
	t.Parallel()
	d, sent := newDesk(t, nil), time.Now()
	d.try(body("1", "home"), "denied: read-only")
	d.reportSent(sent, "numbers-dlq.fifo", body("1", "home"))
	d.replay()
	d.try(body("1", "home"), "denied: still read-only")
	d.reportSent(sent.Add(time.Second), "numbers-dlq.fifo", body("1", "home"))
	l := d.letters()
	if len(l) != 1 || l[0].State != ledger.LetterWaiting || l[0].Replays != 1 || len(l[0].Tries.Kept) != 2 || l[0].Failure.Reason != d.failed(key).Reason {
		t.Errorf("dead letters %+v", l)
	}
}

// TestRecordedMessageComesAgain: a message whose deletion failed comes back when
// its request has been replayed. It must not fail the request again.
func TestRecordedMessageComesAgain(t *testing.T) {
	t.Parallel()
	d, sent := newDesk(t, nil), time.Now()
	d.reportSent(sent, "numbers-dlq.fifo", body("1", "home"))
	d.replay()
	d.reportSent(sent, "numbers-dlq.fifo", body("1", "home"))
	if r := d.request(key); r.State != ledger.Waiting || len(d.letters()) != 0 {
		t.Errorf("the replayed request is %s, %d dead letters", r.State, len(d.letters()))
	}
	d.reportSent(sent.Add(time.Minute), "numbers-dlq.fifo", body("1", "home")) // the replay itself was given up
	if r := d.request(key); r.State != ledger.Failed || len(d.letters()) != 1 {
		t.Errorf("the replayed request is %s, %d dead letters", r.State, len(d.letters()))
	}
}

// TestOlderMessageOfTheSameKey: another message that took a request's key and was
// dead-lettered before it is a dead letter by itself.
func TestOlderMessageOfTheSameKey(t *testing.T) {
	t.Parallel()
	d, sent := newDesk(t, nil), time.Now()
	d.try(body("1", "home"), "denied: read-only")
	d.reportSent(sent, "numbers-dlq.fifo", body("1", "home"))
	d.reportSent(sent.Add(-time.Minute), "numbers-dlq.fifo", body("1", "away"))
	if l := d.letters(); len(l) != 2 {
		t.Errorf("%d dead letters, want 2", len(l))
	}
}
