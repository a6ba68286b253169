package reportfailure_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/events/schema/validate"
	"dialtone/functions/report-failure/reportfailure"
	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/outcome"
)

// desk is a handler with its ledger and the waits that it asked for.
type desk struct {
	t       *testing.T
	store   ledger.Store
	ledger  *ledger.Ledger
	handler *reportfailure.Handler
	log     bytes.Buffer

	mu    sync.Mutex
	waits []time.Duration
}

func newDesk(t *testing.T, around func(ledgertest.Call, func() error) error) *desk {
	t.Helper()
	d := &desk{t: t, store: ledgertest.NewMemory()}
	store := d.store
	if around != nil {
		store = ledgertest.Around(store, around)
	}
	d.ledger = ledger.New(store, ledger.Options{})
	var err error
	d.handler, err = reportfailure.New(reportfailure.Config{Ledger: d.ledger, Visibility: d, Logger: slog.New(slog.NewTextHandler(&d.log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func (d *desk) ChangeMessageVisibility(_ context.Context, _, _ string, wait time.Duration) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.waits = append(d.waits, wait)
	return nil
}

// report hands dead letters to the handler and returns how many come back.
func (d *desk) report(attributes map[string]string, bodies ...string) int {
	d.t.Helper()
	sent := map[string]events.SQSMessageAttribute{}
	for name, v := range attributes {
		sent[name] = events.SQSMessageAttribute{DataType: "String", StringValue: &v}
	}
	var e events.SQSEvent
	for i, b := range bodies {
		e.Records = append(e.Records, events.SQSMessage{
			MessageId: strconv.Itoa(i), ReceiptHandle: strconv.Itoa(i), Body: b, MessageAttributes: sent,
			EventSourceARN: "arn:aws:sqs:local:0:my-dlq-stack-numbers-dlq.fifo",
			Attributes:     map[string]string{"ApproximateReceiveCount": "1", "MessageGroupId": "ada@contoso.test"},
		})
	}
	reply, err := d.handler.Handle(d.t.Context(), e)
	if err != nil {
		d.t.Fatal(err)
	}
	return len(reply.BatchItemFailures)
}

func (d *desk) letters() []ledger.DeadLetter {
	d.t.Helper()
	var all []ledger.DeadLetter
	for l, err := range d.ledger.DeadLetters(d.t.Context(), time.Time{}) {
		if err != nil {
			d.t.Fatal(err)
		}
		all = append(all, l)
	}
	return all
}

func (d *desk) request(k command.Key) ledger.Request {
	d.t.Helper()
	r, _, err := d.ledger.Request(d.t.Context(), k)
	if err != nil {
		d.t.Fatal(err)
	}
	return r
}

// begin starts the request of a body, as change-number does.
func (d *desk) begin(body string) (command.Command, *ledger.Lease) {
	d.t.Helper()
	c, err := command.Decode([]byte(body))
	if err != nil {
		d.t.Fatal(err)
	}
	lease, _, err := d.ledger.Begin(d.t.Context(), c, time.Now().Add(time.Minute))
	if err != nil || lease == nil {
		d.t.Fatal(lease, err)
	}
	return c, lease
}

// failed returns the failure of a request; it must be what the schema says.
func (d *desk) failed(k command.Key) outcome.Failed {
	d.t.Helper()
	r := d.request(k)
	if r.State != ledger.Failed || r.Outcome == nil {
		d.t.Fatalf("request is %q, %+v", r.State, r.Outcome)
	}
	f, err := r.Outcome.Failed()
	if err != nil {
		d.t.Fatal(err)
	}
	return f
}

func body(id, location string) string {
	return fmt.Sprintf(`{"specversion":"1.0","source":"hr","id":%q,"type":"dialtone.number.assign.v1","data":{"user":"ada@contoso.test","locationId":%q}}`, id, location)
}

var (
	key    = command.Key{Source: "hr", ID: "1"}
	denied = map[string]string{
		"class": "denied", "reason": "the phone is read-only", "advice": "Ask somebody.", "attempts": "3",
		"requestSource": "hr", "requestId": "1", "upstream": `{"system":"ucwa","operation":"phones","status":403}`,
	}
)

func TestWhatWasSentToTheQueue(t *testing.T) {
	d := newDesk(t, nil)
	for range 2 { // a message that comes twice is one dead letter
		if back := d.report(denied, body("1", "home")); back > 0 {
			t.Fatalf("%d came back", back)
		}
	}
	f := d.failed(key)
	want := outcome.Failed{
		Request: key, RequestType: command.TypeAssign, User: "ada@contoso.test", Class: failure.Denied,
		Reason: "the phone is read-only", Advice: "Ask somebody.", Attempts: 3,
		Upstream: &failure.Upstream{System: "ucwa", Operation: "phones", Status: 403},
	}
	if fmt.Sprintf("%+v %+v", f, *f.Upstream) != fmt.Sprintf("%+v %+v", want, *want.Upstream) && *f.Upstream != *want.Upstream {
		t.Errorf("outcome %+v, want %+v", f, want)
	}
	letters := d.letters()
	if len(letters) != 1 {
		t.Fatalf("%d dead letters, want 1", len(letters))
	}
	l := letters[0]
	if l.Request != key || l.Body != body("1", "home") || l.Queue != "my-dlq-stack-numbers.fifo" || l.Failure.Reason != f.Reason || l.User != "ada@contoso.test" {
		t.Errorf("dead letter %+v", l)
	}
}

func TestReasonsAreAlwaysGiven(t *testing.T) {
	without := func(names ...string) map[string]string {
		m := maps.Clone(denied)
		for _, n := range names {
			delete(m, n)
		}
		return m
	}
	with := func(name, v string) map[string]string {
		m := maps.Clone(denied)
		m[name] = v
		return m
	}
	for name, c := range map[string]struct {
		attributes map[string]string
		body       string
		class      failure.Class
		words      string
		attempts   int
	}{
		"moved by the queue":     {nil, body("1", "home"), failure.Unknown, "too often", 0},
		"moved, and unreadable":  {nil, `{"source":"hr","id":"1"}`, failure.Invalid, "type is missing", 0},
		"no advice":              {without("advice"), body("1", "home"), failure.Denied, "read-only", 3},
		"no reason":              {without("reason"), body("1", "home"), failure.Unknown, "too often", 0},
		"a class that is none":   {with("class", "whatever"), body("1", "home"), failure.Unknown, "too often", 0},
		"attempts not a number":  {with("attempts", "0x10 and more"), body("1", "home"), failure.Denied, "read-only", 0},
		"attempts below nothing": {with("attempts", "-4"), body("1", "home"), failure.Denied, "read-only", 0},
		"upstream not JSON":      {with("upstream", "{"), body("1", "home"), failure.Denied, "read-only", 3},
		"upstream without name":  {with("upstream", "{}"), body("1", "home"), failure.Denied, "read-only", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, nil)
			if back := d.report(c.attributes, c.body); back > 0 {
				t.Fatalf("%d came back", back)
			}
			f := d.failed(key)
			if f.Class != c.class || !strings.Contains(f.Reason, c.words) || f.Advice == "" || f.Attempts != c.attempts {
				t.Errorf("%+v", f)
			}
			raw, err := json.Marshal(d.request(key).Outcome)
			if err != nil {
				t.Fatal(err)
			}
			if problems := validate.Outcome(raw); len(problems) > 0 {
				t.Errorf("not what the schema says: %v", problems)
			}
		})
	}
}

func TestLastProblemIsTold(t *testing.T) {
	for problem, class := range map[string]failure.Class{
		"unavailable: Webex cannot answer now": failure.Unavailable,
		"unknown: it is not known":             failure.Unknown,
	} {
		d := newDesk(t, nil)
		_, lease := d.begin(body("1", "home"))
		if err := d.ledger.Yield(t.Context(), lease, problem); err != nil {
			t.Fatal(err)
		}
		d.report(nil, body("1", "home"))
		if f := d.failed(key); f.Class != class || !strings.Contains(f.Reason, problem) || f.Attempts != 1 {
			t.Errorf("%+v", f)
		}
	}
}

func TestUnreadableBodies(t *testing.T) {
	d := newDesk(t, nil)
	invalid := map[string]string{"class": "invalid", "reason": "not JSON", "advice": "Mend it.", "attempts": "1"}
	if back := d.report(invalid, "hello", "", strings.Repeat("x", command.MaxBody+1), "hello"); back > 0 {
		t.Fatalf("%d came back", back)
	}
	if f := d.failed(command.Unreadable([]byte("hello"))); f.Class != failure.Invalid || f.User != "" {
		t.Errorf("%+v", f)
	}
	if n := len(d.letters()); n != 3 {
		t.Errorf("%d dead letters, want one for each body", n)
	}
}

func TestOverlongBodyIsCut(t *testing.T) {
	d := newDesk(t, nil)
	long := strings.Repeat("x", command.MaxBody-1) + "äöü"
	if back := d.report(map[string]string{"class": "invalid", "reason": "too long"}, long, strings.Repeat("x", command.MaxBody)); back > 0 {
		t.Fatalf("%d came back", back)
	}
	for _, l := range d.letters() {
		whole := l.Request == command.Unreadable([]byte(strings.Repeat("x", command.MaxBody)))
		if l.Cut == whole || len(l.Body) != command.MaxBody-map[bool]int{true: 0, false: 1}[whole] || !strings.HasSuffix(l.Body, "x") {
			t.Errorf("body of %d bytes, cut %v", len(l.Body), l.Cut)
		}
	}
	d.failed(command.Unreadable([]byte(long)))
}

func TestRequestThatSucceededIsNoFailure(t *testing.T) {
	d := newDesk(t, nil)
	c, lease := d.begin(body("1", "home"))
	if err := d.ledger.Finish(t.Context(), lease, outcome.New(outcome.TypeAssigned, c.Key, c.User, time.Now(), outcome.Assigned{Request: c.Key})); err != nil {
		t.Fatal(err)
	}
	if back := d.report(nil, body("1", "home")); back > 0 { // its deletion failed too often
		t.Fatalf("%d came back", back)
	}
	if r := d.request(key); r.State != ledger.Done || r.Outcome.Type != outcome.TypeAssigned {
		t.Errorf("request is %s, %s", r.State, r.Outcome.Type)
	}
	if l := d.letters(); len(l) > 0 {
		t.Errorf("a dead letter for what was done: %+v", l)
	}
}

func TestRequestThatIsWorkedOnIsWaitedFor(t *testing.T) {
	d := newDesk(t, nil)
	d.begin(body("1", "home"))
	if back := d.report(denied, body("1", "home")); back != 1 {
		t.Fatalf("%d came back, want 1", back)
	}
	if len(d.waits) != 1 || d.waits[0] < 50*time.Second {
		t.Errorf("waits %v, want the rest of the lease", d.waits)
	}
	if l := d.letters(); len(l) > 0 {
		t.Errorf("buried alive: %+v", l)
	}
}

// TestKeyOfAnotherMessage: a message that used a request's source and id by
// mistake fails alone; the request goes on.
func TestKeyOfAnotherMessage(t *testing.T) {
	for name, other := range map[string]string{
		"other data": body("1", "away"),
		"unreadable": `{"specversion":"1.0","source":"hr","id":"1","type":"dialtone.number.assign.v1","data":{}}`,
	} {
		for _, state := range []ledger.RequestState{ledger.Running, ledger.Waiting, ledger.Done} {
			t.Run(name+", "+string(state), func(t *testing.T) {
				t.Parallel()
				d := newDesk(t, nil)
				c, lease := d.begin(body("1", "home"))
				var err error
				switch state {
				case ledger.Waiting:
					err = d.ledger.Yield(t.Context(), lease, "unavailable: later")
				case ledger.Done:
					err = d.ledger.Finish(t.Context(), lease, outcome.New(outcome.TypeAssigned, c.Key, c.User, time.Now(), outcome.Assigned{Request: c.Key}))
				}
				if err != nil {
					t.Fatal(err)
				}
				invalid := map[string]string{"class": "invalid", "reason": "used before", "advice": "Send it under an id of its own.", "attempts": "1"}
				if back := d.report(invalid, other); back > 0 {
					t.Fatalf("%d came back", back)
				}
				if r := d.request(key); r.State != state {
					t.Errorf("the request is %s now, was %s", r.State, state)
				}
				if f := d.failed(command.Unreadable([]byte(other))); f.Reason != "used before" {
					t.Errorf("%+v", f)
				}
				if l := d.letters(); len(l) != 1 || l[0].Body != other {
					t.Errorf("dead letters %+v", l)
				}
			})
		}
	}
}

// TestCrashBetweenTheWrites: whichever write fails, the message comes back, and
// the next delivery completes the record.
func TestCrashBetweenTheWrites(t *testing.T) {
	for fails := 1; ; fails++ {
		n := 0
		d := newDesk(t, func(c ledgertest.Call, do func() error) error {
			if c.Op != "put" {
				return do()
			}
			if n++; n == fails {
				return errors.New("no answer")
			}
			return do()
		})
		back := d.report(denied, body("1", "home"))
		if n < fails {
			return
		}
		if back != 1 || len(d.letters()) > 0 && d.request(key).State != ledger.Failed {
			t.Errorf("write %d failed: %d came back, request %q, %d dead letters", fails, back, d.request(key).State, len(d.letters()))
		}
		if back := d.report(denied, body("1", "home")); back > 0 || len(d.letters()) != 1 || d.failed(key).Class != failure.Denied {
			t.Errorf("after write %d failed: %d came back, %d dead letters", fails, back, len(d.letters()))
		}
	}
}

func TestLogIsQuiet(t *testing.T) {
	d := newDesk(t, nil)
	a := maps.Clone(denied)
	a["reason"] = "tel:+4940123456789 is not a number"
	d.report(a, body("1", "home"))
	if line := regexp.MustCompile(`\d{9,}`).FindString(d.log.String()); line != "" || !strings.Contains(d.log.String(), "is not a number") {
		t.Errorf("log says %s", d.log.String())
	}
}

func TestNewReportsAllThatIsMissing(t *testing.T) {
	_, err := reportfailure.New(reportfailure.Config{})
	if err == nil || !strings.Contains(err.Error(), "Ledger") || !strings.Contains(err.Error(), "Visibility") {
		t.Errorf("got %v", err)
	}
}
