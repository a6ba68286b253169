package setsimring_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/functions/set-simring/setsimring"
	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/outcome"
	"dialtone/shared/signin"
	"dialtone/shared/sipaddr"
	"dialtone/shared/sqsbatch"
	"dialtone/shared/ucwa"
	"dialtone/shared/worker/mortal"
)

// fataler is a test or a property under test.
type fataler interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// site is a handler between a simulated Skype for Business and a ledger in memory.
type site struct {
	t       fataler
	skype   *ucwasim.Server
	root    string // of discovery
	network http.RoundTripper
	store   ledger.Store
	ledger  *ledger.Ledger
	handler *setsimring.Handler
	queue   *queueLog
	life    *mortal.Life // nil: this process does not crash
}

const (
	person  = "user00001@contoso.test"
	mobile  = "tel:+14255550199"
	another = "sip:bob@contoso.test"
)

// equipped is a user whose every setting can be set.
func equipped(_ int, u *ucwasim.User) {
	u.ForwardingPolicy = ucwasim.ForwardingPolicy{Delegates: 2, TeamMembers: 3}
}

// newSite calls the simulator without a network, so that its time may be that of
// a bubble.
func newSite(t fataler, c ucwasim.Config) *site {
	t.Helper()
	c.Users = 9
	if c.Each == nil {
		c.Each = equipped
	}
	sim, err := ucwasim.New(c)
	if err != nil {
		t.Fatalf("simulator: %v", err)
	}
	s := &site{t: t, skype: sim, root: "http://127.0.0.1:1/", network: inProcess{sim.Handler()}, store: ledgertest.NewMemory(), queue: &queueLog{}}
	s.restart()
	return s
}

// newRemoteSite puts the simulator on a real port.
func newRemoteSite(t *testing.T, c ucwasim.Config) *site {
	t.Helper()
	s := newSite(t, c)
	server := httptest.NewServer(s.skype.Handler())
	t.Cleanup(server.Close)
	s.root, s.network = server.URL+"/", http.DefaultTransport
	s.restart()
	return s
}

// inProcess calls a handler.
type inProcess struct{ handler http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if recover() != nil { // how the simulator drops a caller
			resp, err = nil, io.ErrUnexpectedEOF
		}
	}()
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	r = r.Clone(r.Context())
	r.Host = r.URL.Host
	if r.Body == nil {
		r.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	p.handler.ServeHTTP(answer, r)
	return answer.Result(), nil
}

// restart gives the site a handler that remembers nothing but the ledger, as
// after a crash.
func (s *site) restart() {
	s.t.Helper()
	store, client := s.store, &http.Client{Transport: s.network}
	if s.life != nil {
		store, client.Transport = s.life.Store(s.store), s.life.Transport(s.network)
	}
	s.ledger = ledger.New(store, ledger.Options{Owner: rand.Text(), Exclusive: true})
	secrets := signin.Passwords{Secrets: simSecrets{}, Prefix: "ucwa/"}
	skype, err := ucwa.New(ucwa.Config{
		DiscoveryURL: s.root, HTTP: client, Tokens: ucwa.NewPasswordGrant(client, secrets.Credentials),
	})
	if err != nil {
		s.t.Fatalf("client: %v", err)
	}
	s.handler, err = setsimring.New(setsimring.Config{Ledger: s.ledger, UCWA: skype, Visibility: s.queue, DeadLetters: s.queue})
	if err != nil {
		s.t.Fatalf("handler: %v", err)
	}
}

// simSecrets knows the passwords of the simulator's generated users.
type simSecrets struct{}

func (simSecrets) Secret(_ context.Context, name string) ([]byte, error) {
	var user sipaddr.User
	if _, err := fmt.Sscanf(name, "ucwa/%s", &user); err != nil {
		return nil, signin.ErrNoSecret
	}
	return json.Marshal(map[string]string{"username": string(user), "password": "pw-" + user.LocalPart()})
}

// queueLog stands for SQS: it takes note of what the handler asks of it.
type queueLog struct {
	mu      sync.Mutex
	letters []sqsbatch.DeadLetter
}

func (*queueLog) ChangeMessageVisibility(context.Context, string, string, time.Duration) error {
	return nil
}

func (q *queueLog) SendDeadLetter(_ context.Context, d sqsbatch.DeadLetter) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.letters = append(q.letters, d)
	return nil
}

// data of a command.
type data map[string]any

func body(typ, id string, d data) string {
	all := data{"user": person}
	for k, v := range d {
		all[k] = v
	}
	text, err := json.Marshal(map[string]any{"specversion": "1.0", "source": "desk", "id": id, "type": typ, "data": all})
	if err != nil {
		panic(err)
	}
	return string(text)
}

func enable(id, target string) string {
	return body(command.TypeEnableSimRing, id, data{"target": target})
}

func disable(id string) string { return body(command.TypeDisableSimRing, id, nil) }

// deliver hands one batch to the handler and returns the bodies that come back.
func (s *site) deliver(bodies ...string) (back []string) {
	s.t.Helper()
	var e events.SQSEvent
	for i, b := range bodies {
		e.Records = append(e.Records, events.SQSMessage{
			MessageId: strconv.Itoa(i), ReceiptHandle: strconv.Itoa(i), Body: b, EventSourceARN: "arn:aws:sqs:local:0:simring.fifo",
			Attributes: map[string]string{"ApproximateReceiveCount": "1", "MessageGroupId": person},
		})
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	if s.life != nil {
		s.life.End = cancel // a dead process waits for nothing
	}
	reply, err := s.handler.Handle(ctx, e)
	if err != nil {
		s.t.Fatalf("handle: %v", err)
	}
	for _, f := range reply.BatchItemFailures {
		i, _ := strconv.Atoi(f.ItemIdentifier)
		back = append(back, bodies[i])
	}
	return back
}

// done delivers one message, which must succeed, and returns its outcome.
func (s *site) done(body string) outcome.Event {
	s.t.Helper()
	if back := s.deliver(body); len(back) > 0 {
		s.t.Fatalf("came back: %s; problem %q", back[0], s.request(body).Problem)
	}
	r := s.request(body)
	if r.State != ledger.Done {
		s.t.Fatalf("request is %q, dead letters %v", r.State, s.queue.letters)
	}
	return *r.Outcome
}

func (s *site) enabled(body string) outcome.SimRingEnabled {
	s.t.Helper()
	o, err := s.done(body).SimRingEnabled()
	if err != nil {
		s.t.Fatalf("outcome: %v", err)
	}
	return o
}

func (s *site) disabled(body string) outcome.SimRingDisabled {
	s.t.Helper()
	o, err := s.done(body).SimRingDisabled()
	if err != nil {
		s.t.Fatalf("outcome: %v", err)
	}
	return o
}

func (s *site) request(body string) ledger.Request {
	s.t.Helper()
	c, _ := command.Decode([]byte(body))
	r, _, err := s.ledger.Request(context.Background(), c.Key)
	if err != nil {
		s.t.Fatalf("request: %v", err)
	}
	return r
}

// refused delivers a message that must be dead-lettered, and returns why.
func (s *site) refused(body string) map[string]string {
	s.t.Helper()
	before := len(s.queue.letters)
	if back := s.deliver(body); len(back) > 0 || len(s.queue.letters) != before+1 {
		s.t.Fatalf("%d came back, %d dead letters; problem %q", len(back), len(s.queue.letters)-before, s.request(body).Problem)
	}
	return s.queue.letters[before].Attributes
}

// calls is what the user's settings are.
func (s *site) calls() ucwasim.ForwardingState {
	s.t.Helper()
	u, ok := s.skype.User(person)
	if !ok {
		s.t.Fatalf("no user")
	}
	return u.Forwarding
}

// set is what the user does by hand.
func (s *site) set(f ucwasim.Forwarding) ucwasim.Forwarding {
	s.t.Helper()
	if err := s.skype.SetForwarding(person, f); err != nil {
		s.t.Fatalf("set: %v", err)
	}
	return s.calls().Forwarding
}

func (s *site) policy(p ucwasim.ForwardingPolicy) {
	s.t.Helper()
	if err := s.skype.SetForwardingPolicy(person, p); err != nil {
		s.t.Fatalf("policy: %v", err)
	}
}

func (s *site) fault(f simkit.Fault) {
	s.t.Helper()
	if _, err := s.skype.Script().Add(f); err != nil {
		s.t.Fatalf("fault: %v", err)
	}
}

func (s *site) record() ledger.SimRing {
	s.t.Helper()
	r, err := s.ledger.SimRing(context.Background(), person)
	if err != nil {
		s.t.Fatalf("record: %v", err)
	}
	return r
}

func (s *site) open() int {
	u, _ := s.skype.User(person)
	return u.Applications.Running
}
