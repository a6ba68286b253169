package sqsqueue_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"dialtone/shared/sqsbatch"
	"dialtone/shared/sqsqueue"
)

// What a batch needs of its queue.
var (
	_ sqsbatch.Visibility  = (*sqsqueue.Queues)(nil)
	_ sqsbatch.DeadLetters = (*sqsqueue.Queues)(nil)
)

func TestURL(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, url, arn, want string }{
		{"region's endpoint", numbersURL, numbersARN, numbersURL},
		{"standard queue", contactsURL, contactsARN, contactsURL},
		{"interface endpoint", "https://vpce-1.sqs.eu-central-1.vpce.amazonaws.com/000000000000/contacts", contactsARN, "https://vpce-1.sqs.eu-central-1.vpce.amazonaws.com/000000000000/contacts"},
		{"legacy endpoint", "https://eu-central-1.queue.amazonaws.com/000000000000/contacts", contactsARN, "https://eu-central-1.queue.amazonaws.com/000000000000/contacts"},
		{"below a path", "http://127.0.0.1:9324/queue/000000000000/contacts", contactsARN, "http://127.0.0.1:9324/queue/000000000000/contacts"},
		{"other partition", contactsURL, "arn:aws-cn:sqs:cn-north-1:000000000000:contacts", contactsURL},
		{"other name", contactsURL, contactsARN + "2", ""},
		{"other account", contactsURL, "arn:aws:sqs:eu-central-1:111111111111:contacts", ""},
		{"other service", contactsURL, "arn:aws:sns:eu-central-1:000000000000:contacts", ""},
		{"no ARN", contactsURL, "contacts", ""},
		{"empty", contactsURL, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			q, err := sqsqueue.New(clientOf("http://127.0.0.1", nil), sqsqueue.Queue{URL: c.url})
			if err != nil {
				t.Fatal(err)
			}
			got, err := q.URL(c.arn)
			if got != c.want || errors.Is(err, sqsqueue.ErrUnknownQueue) != (c.want == "") {
				t.Errorf("got %q, %v, want %q", got, err, c.want)
			}
		})
	}
}

func TestNewReportsEverything(t *testing.T) {
	t.Parallel()
	_, err := sqsqueue.New(nil,
		sqsqueue.Queue{URL: numbersURL, DeadLetterURL: contactsURL},
		sqsqueue.Queue{URL: "https://other.test/000000000000/numbers.fifo"},
		sqsqueue.Queue{URL: "numbers"},
		sqsqueue.Queue{URL: "https://sqs.test/account/numbers"},
		sqsqueue.Queue{URL: contactsURL, DeadLetterURL: "ftp://sqs.test/000000000000/dead"},
		sqsqueue.Queue{URL: "https://sqs.test/000000000000/a.b"},
	)
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{
		"is of another type", "numbers.fifo of account 000000000000 is given twice", `"numbers" is not`, `"https://sqs.test/account/numbers"`,
		`"ftp://sqs.test/000000000000/dead"`, `"https://sqs.test/000000000000/a.b"`,
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
	if _, err := sqsqueue.NewSender(nil, "numbers"); err == nil {
		t.Error("a sender without URL")
	}
}

func TestChangeMessageVisibility(t *testing.T) {
	t.Parallel()
	sqs := &cloud{}
	q, err := sqsqueue.New(connect(t, sqs), sqsqueue.Queue{URL: contactsURL}, sqsqueue.Queue{URL: numbersURL})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range []time.Duration{0, 2500 * time.Millisecond, 11 * time.Hour} {
		if err := q.ChangeMessageVisibility(t.Context(), numbersARN, "handle", d); err != nil {
			t.Fatal(err)
		}
		got := sqs.calls[len(sqs.calls)-1]
		if got.Operation != "ChangeMessageVisibility" || got.QueueURL != numbersURL || got.Receipt != "handle" || *got.Visibility != int(d.Seconds()) {
			t.Errorf("%s: sent %+v", d, got)
		}
	}
	if err := q.ChangeMessageVisibility(t.Context(), "arn:aws:sqs:eu-central-1:000000000000:x", "handle", 0); !errors.Is(err, sqsqueue.ErrUnknownQueue) {
		t.Errorf("unknown queue: %v", err)
	}
	sqs.call = func(wireCall) int { return 400 }
	if err := q.ChangeMessageVisibility(t.Context(), numbersARN, "handle", 0); err == nil || !strings.Contains(err.Error(), "refused by the test") {
		t.Errorf("refused: %v", err)
	}
}

func TestSendDeadLetter(t *testing.T) {
	t.Parallel()
	sqs := &cloud{}
	const contactsDead = "https://sqs.eu-central-1.amazonaws.com/000000000000/contacts-dead"
	q, err := sqsqueue.New(connect(t, sqs),
		sqsqueue.Queue{URL: contactsURL, DeadLetterURL: contactsDead}, sqsqueue.Queue{URL: numbersURL, DeadLetterURL: numbersDead},
		sqsqueue.Queue{URL: "https://sqs.test/000000000000/none"})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ arn, group, wantURL, wantDedup string }{
		{numbersARN, "ada@contoso.test", numbersDead, "d1"},
		{contactsARN, "ada@contoso.test", contactsDead, ""},
		{contactsARN, "", contactsDead, ""},
	} {
		letter := sqsbatch.DeadLetter{Queue: c.arn, Body: "body", Group: c.group, DedupID: "d1", Attributes: map[string]string{"class": "denied"}}
		if err := q.SendDeadLetter(t.Context(), letter); err != nil {
			t.Fatal(err)
		}
		got := sqs.calls[len(sqs.calls)-1]
		a := got.Attributes["class"]
		if got.QueueURL != c.wantURL || got.Body != "body" || got.Group != c.group || got.Dedup != c.wantDedup || a.DataType != "String" || a.StringValue != "denied" {
			t.Errorf("%s: sent %+v", c.arn, got)
		}
	}
	if err := q.SendDeadLetter(t.Context(), sqsbatch.DeadLetter{Queue: "arn:aws:sqs:x:000000000000:none"}); err == nil || !strings.Contains(err.Error(), "no dead-letter queue") {
		t.Errorf("without dead-letter queue: %v", err)
	}
	if err := q.SendDeadLetter(t.Context(), sqsbatch.DeadLetter{Queue: "x"}); !errors.Is(err, sqsqueue.ErrUnknownQueue) {
		t.Errorf("unknown queue: %v", err)
	}
	sqs.call = func(wireCall) int { return 500 }
	if err := q.SendDeadLetter(t.Context(), sqsbatch.DeadLetter{Queue: numbersARN, Body: "x"}); err == nil {
		t.Error("a failed send is reported as done")
	}
}
