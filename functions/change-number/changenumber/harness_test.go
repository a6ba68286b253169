package changenumber_test

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

	"dialtone/events/schema/validate"
	"dialtone/functions/change-number/changenumber"
	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/outcome"
	"dialtone/shared/signin"
	"dialtone/shared/sipaddr"
	"dialtone/shared/sqsbatch"
	"dialtone/shared/ucwa"
	"dialtone/shared/webex"
	"dialtone/shared/worker/mortal"
)

// site is a handler between two simulated vendors and a ledger in memory.
type site struct {
	t       *testing.T
	skype   *ucwasim.Running
	webex   *webexsim.Server
	api     string // base URL of webex
	store   ledger.Store
	ledger  *ledger.Ledger
	handler *changenumber.Handler
	queue   *queueLog
	home    string       // location id
	life    *mortal.Life // nil: this process does not crash
	edit    func(home string, c *changenumber.Config)

	transport http.RoundTripper // nil: the network's
}

type options struct {
	skype     ucwasim.Config
	locations []webexsim.Location
	pageLimit int // of Webex's lists; zero: 2000
	store     ledger.Store
	edit      func(home string, c *changenumber.Config) // nil: as it is

	singleFilter bool              // Webex's inventory is asked for one number at a time
	inProcess    bool              // without a network, for bubbles of time
	transport    http.RoundTripper // nil: the network's
}

// location is a site with this many numbers for people and some of every kind
// that must never be handed out.
func location(name string, numbers int) webexsim.Location {
	return webexsim.Location{
		Name: name, Prefix: "+1205", Numbers: numbers,
		Inactive: 2, Mobile: 2, Service: 2, TollFree: 2, Reserved: 2, Owned: 2,
	}
}

func newSite(t *testing.T, o options) *site {
	t.Helper()
	if o.skype.Users == 0 {
		o.skype.Users = 100
	}
	if o.locations == nil {
		o.locations = []webexsim.Location{location("Home", 40)}
	}
	if o.store == nil {
		o.store = ledgertest.NewMemory()
	}
	cloud, err := webexsim.New(webexsim.Config{Tokens: []webexsim.Token{lasting()}, Locations: o.locations, PageLimit: o.pageLimit, SingleNumberFilter: o.singleFilter})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, webex: cloud, store: o.store, queue: &queueLog{}, home: cloud.Locations()[0].ID, transport: o.transport, edit: o.edit}
	if o.inProcess {
		s.bridge(o.skype)
	} else {
		s.listen(o.skype)
	}
	s.restart()
	return s
}

// lasting is a Webex token that outlives every rest of a number.
func lasting() webexsim.Token {
	t := webexsim.DefaultToken()
	t.AccessLifetime = 10 * 365 * 24 * time.Hour
	return t
}

// listen puts the vendors on real ports.
func (s *site) listen(c ucwasim.Config) {
	s.t.Helper()
	skype, err := ucwasim.Start(c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = skype.Close() })
	server := httptest.NewServer(s.webex.Handler())
	s.t.Cleanup(server.Close)
	s.skype, s.api = skype, server.URL+"/v1"
}

// bridge calls the vendors' handlers without a network, so that their time is
// that of the test's bubble.
func (s *site) bridge(c ucwasim.Config) {
	s.t.Helper()
	skype, err := ucwasim.New(c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.skype, s.api = &ucwasim.Running{Server: skype, DiscoveryURL: "http://127.0.0.1:1/"}, "http://127.0.0.1:2/v1"
	s.transport = &inProcess{hosts: map[string]http.Handler{"127.0.0.1:1": skype.Handler(), "127.0.0.1:2": s.webex.Handler()}}
}

// inProcess calls handlers by host. It notes when the last call ended.
type inProcess struct {
	hosts map[string]http.Handler

	mu   sync.Mutex
	last time.Time
}

func (p *inProcess) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if recover() != nil { // how a simulator drops a caller
			resp, err = nil, io.ErrUnexpectedEOF
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.last = time.Now()
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
	p.hosts[r.Host].ServeHTTP(answer, r)
	return answer.Result(), nil
}

// restart gives the site a handler that remembers nothing but the ledger, as
// after a crash.
func (s *site) restart() {
	s.t.Helper()
	store, client := s.store, &http.Client{Transport: s.transport}
	if s.life != nil {
		store, client.Transport = s.life.Store(s.store), s.life.Transport(s.transport)
	}
	s.ledger = ledger.New(store, ledger.Options{Owner: rand.Text(), Exclusive: true})
	secrets := signin.Passwords{Secrets: simSecrets{}, Prefix: "ucwa/"}
	skype, err := ucwa.New(ucwa.Config{
		DiscoveryURL: s.skype.DiscoveryURL, HTTP: client,
		Tokens: &signin.Guard{
			Source: ucwa.NewPasswordGrant(client, secrets.Credentials), Ledger: s.ledger, Fingerprint: secrets.Fingerprint,
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	cloud, err := webex.New(webex.Config{BaseURL: s.api, HTTP: client, Tokens: webex.StaticToken(webexsim.DefaultToken().AccessToken), Rate: 1e6, Burst: 1e6})
	if err != nil {
		s.t.Fatal(err)
	}
	c := changenumber.Config{Ledger: s.ledger, Webex: cloud, UCWA: skype, Visibility: s.queue, DeadLetters: s.queue}
	if s.edit != nil {
		s.edit(s.home, &c)
	}
	s.handler, err = changenumber.New(c)
	if err != nil {
		s.t.Fatal(err)
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
	waits   []time.Duration
	letters []sqsbatch.DeadLetter
}

func (q *queueLog) ChangeMessageVisibility(_ context.Context, _, _ string, d time.Duration) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waits = append(q.waits, d)
	return nil
}

func (q *queueLog) SendDeadLetter(_ context.Context, d sqsbatch.DeadLetter) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.letters = append(q.letters, d)
	return nil
}

// letter returns the attributes of the only dead letter.
func (q *queueLog) letter(t *testing.T) map[string]string {
	t.Helper()
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.letters) != 1 {
		t.Fatalf("%d dead letters, want 1", len(q.letters))
	}
	return q.letters[0].Attributes
}

func user(n int) string { return fmt.Sprintf("user%05d@contoso.test", n) }

// data of an assign command; nil removes a member.
type data map[string]any

// assign makes the body of a command with id for the n-th user.
func (s *site) assign(id string, n int, more data) string {
	d := data{"user": user(n), "locationId": s.home}
	for k, v := range more {
		d[k] = v
	}
	return s.message(command.TypeAssign, id, d)
}

func (s *site) message(typ, id string, d data) string {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"specversion": "1.0", "source": "hr", "id": id, "type": typ, "data": d})
	if err != nil {
		s.t.Fatal(err)
	}
	return string(body)
}

// deliver hands one batch to the handler and returns the bodies that come back.
func (s *site) deliver(bodies ...string) (back []string) {
	s.t.Helper()
	var e events.SQSEvent
	for i, b := range bodies {
		e.Records = append(e.Records, events.SQSMessage{
			MessageId: strconv.Itoa(i), ReceiptHandle: strconv.Itoa(i), Body: b,
			EventSourceARN: "arn:aws:sqs:local:0:numbers.fifo",
			Attributes:     map[string]string{"ApproximateReceiveCount": "1", "MessageGroupId": groupOf(b)},
		})
	}
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	if s.life != nil {
		s.life.End = cancel // a dead process waits for nothing
	}
	reply, err := s.handler.Handle(ctx, e)
	if err != nil {
		s.t.Fatal(err)
	}
	for _, f := range reply.BatchItemFailures {
		i, _ := strconv.Atoi(f.ItemIdentifier)
		back = append(back, bodies[i])
	}
	return back
}

func groupOf(body string) string {
	c, _ := command.Decode([]byte(body))
	return string(c.User)
}

// done delivers an assign, which must succeed, and returns its outcome.
func (s *site) done(body string) outcome.Assigned {
	s.t.Helper()
	a, err := s.end(body).Assigned()
	if err != nil {
		s.t.Fatal(err)
	}
	return a
}

// end delivers one message, which must succeed, and returns its outcome.
func (s *site) end(body string) outcome.Event {
	s.t.Helper()
	if back := s.deliver(body); len(back) > 0 {
		s.t.Fatalf("came back: %s; problem %q; dead letters %v", back[0], s.request(body).Problem, s.queue.letters)
	}
	r := s.request(body)
	if r.State != ledger.Done {
		s.t.Fatalf("request is %q, dead letters %v", r.State, s.queue.letters)
	}
	raw, err := json.Marshal(r.Outcome)
	if wrong := validate.Outcome(raw); err != nil || len(wrong) > 0 {
		s.t.Errorf("outcome is not as its schema says: %v, %v", wrong, err)
	}
	return *r.Outcome
}

func (s *site) request(body string) ledger.Request {
	s.t.Helper()
	c, _ := command.Decode([]byte(body))
	r, _, err := s.ledger.Request(s.t.Context(), c.Key)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

func (s *site) skypeUser(n int) ucwasim.UserState {
	s.t.Helper()
	u, ok := s.skype.User(user(n))
	if !ok {
		s.t.Fatalf("no user %d", n)
	}
	return u
}

// fault adds to the script of Skype for Business.
func (s *site) fault(f simkit.Fault) {
	s.t.Helper()
	if _, err := s.skype.Script().Add(f); err != nil {
		s.t.Fatal(err)
	}
}

// number reads a number's record.
func (s *site) number(n e164.Number) ledger.Number {
	s.t.Helper()
	r, _, err := s.ledger.Number(s.t.Context(), n)
	if err != nil {
		s.t.Fatal(err)
	}
	return r
}

// comesBack delivers a message that cannot be done yet.
func (s *site) comesBack(body string) {
	s.t.Helper()
	if back := s.deliver(body); len(back) != 1 {
		s.t.Fatalf("%d came back, want 1; dead letters %v", len(back), s.queue.letters)
	}
}
