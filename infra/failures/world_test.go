package failures_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/functions/change-number/changenumber"
	"dialtone/functions/report-failure/reportfailure"
	"dialtone/functions/set-simring/setsimring"
	"dialtone/infra/failures"
	"dialtone/infra/local"
	"dialtone/infra/local/mapping"
	"dialtone/infra/local/queue"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/signin"
	"dialtone/shared/sipaddr"
	"dialtone/shared/sqlitefile"
	"dialtone/shared/vendors"
)

const skypeHost, webexHost = "127.0.0.1:1", "127.0.0.1:2"

// world is the whole system in one bubble of time: a data file with its queues,
// the handlers behind them, and both vendors. Only the network is left out.
type world struct {
	*local.Data
	skype   *ucwasim.Server
	webex   *webexsim.Server
	network *network
	secrets *secrets
	home    string // location id
	queue   string // that commands come from
	logs    *logs

	ends chan end // of deliveries of commands, in order

	mu   sync.Mutex
	last end // of the delivery under way
	cut  context.CancelFunc
	runs sync.WaitGroup
}

// end is how a delivery ended.
type end struct {
	back bool          // it comes back
	wait time.Duration // before it does
}

// newWorld must be called in a bubble; stop must be called before its end. Its
// queues are those of the file, which must be empty.
func newWorld(t testing.TB, file *sqlitefile.File, r failures.Row, from string) *world {
	t.Helper()
	sites := []webexsim.Location{{Name: "Home", Prefix: "+1205", Numbers: 9}}
	token := webexsim.DefaultToken()
	token.AccessLifetime = 365 * 24 * time.Hour
	anew := authorisedAgain()
	cloud, err := webexsim.New(webexsim.Config{Locations: sites, Tokens: []webexsim.Token{token, anew}, History: 200})
	if err != nil {
		t.Fatal(err)
	}
	skype, err := ucwasim.New(ucwasim.Config{Users: 2, History: 200, Each: func(_ int, u *ucwasim.User) {
		u.ForwardingPolicy = ucwasim.ForwardingPolicy{Delegates: 1, TeamMembers: 1}
		u.Forwarding = r.Stood
	}})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		Data: dataOn(t, file, from), skype: skype, webex: cloud, home: cloud.Locations()[0].ID, secrets: newSecrets(r.Call == webexsim.OpAccessToken), queue: from, ends: make(chan end, 1000), logs: &logs{},
		network: &network{hosts: map[string]http.Handler{skypeHost: skype.Handler(), webexHost: cloud.Handler()}},
	}
	w.start(t)
	return w
}

// authorisedAgain is what an administrator gets for a refresh token that is dead.
func authorisedAgain() webexsim.Token {
	t := webexsim.DefaultToken()
	t.AccessToken, t.RefreshToken, t.AccessLifetime = "access-token-2", "refresh-token-2", 365*24*time.Hour
	return t
}

// openFile opens a data file that is not looked at ten times a second for what
// other programs write: there are none.
func openFile(t testing.TB) *sqlitefile.File {
	t.Helper()
	file, err := sqlitefile.Open(t.Context(), filepath.Join(t.TempDir(), "dialtone.db"), sqlitefile.Options{Poll: 1000 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// dataOn has its queues on the file and its ledger in memory, where each case
// finds it empty.
func dataOn(t testing.TB, file *sqlitefile.File, name string) *local.Data {
	t.Helper()
	queues, err := queue.Open(t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	err = queues.Declare(t.Context(),
		queue.Config{Name: deadLettersOf(name), VisibilityTimeout: 6 * time.Minute, Retention: 14 * 24 * time.Hour},
		queue.Config{Name: name, VisibilityTimeout: 6 * time.Minute, Retention: 12 * 24 * time.Hour, MaxReceiveCount: 1000, DeadLetterQueue: deadLettersOf(name)})
	if err != nil {
		t.Fatal(err)
	}
	l := ledger.New(ledgertest.NewMemory(), ledger.Options{Owner: "this", Exclusive: true})
	return &local.Data{File: file, Ledger: l, Queues: queues}
}

func deadLettersOf(queue string) string {
	return map[string]string{command.NumbersQueue: local.NumbersDeadLetters, command.SimRingQueue: local.SimRingDeadLetters}[queue]
}

// start puts handlers that remember nothing behind the queues.
func (w *world) start(t testing.TB) {
	t.Helper()
	log := slog.New(slog.NewJSONHandler(w.logs, nil))
	clients, err := vendors.Settings{
		WebexBaseURL: "http://" + webexHost + "/v1", WebexSecret: "webex", WebexRate: 1000,
		DiscoveryURL: "http://" + skypeHost + "/", SecretPrefix: "ucwa/",
	}.Connect(vendors.Surroundings{Ledger: w.Ledger, Secrets: w.secrets, Network: w.network})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cut := context.WithCancel(t.Context())
	w.cut = cut
	w.run(t, ctx, w.queue, w.watched(w.handler(t, clients, log)))
	letters, err := reportfailure.New(reportfailure.Config{Ledger: w.Ledger, Visibility: w.Data})
	if err != nil {
		t.Fatal(err)
	}
	w.run(t, ctx, deadLettersOf(w.queue), letters.Handle)
}

type handler = func(context.Context, events.SQSEvent) (events.SQSEventResponse, error)

// handler is the function behind the queue.
func (w *world) handler(t testing.TB, clients vendors.Clients, log *slog.Logger) handler {
	t.Helper()
	if w.queue == command.SimRingQueue {
		h, err := setsimring.New(setsimring.Config{
			Ledger: w.Ledger, UCWA: clients.UCWA, Ready: clients.Ready, Visibility: w, DeadLetters: w, Logger: log,
		})
		if err != nil {
			t.Fatal(err)
		}
		return h.Handle
	}
	numbers, err := changenumber.New(changenumber.Config{
		Ledger: w.Ledger, Webex: clients.Webex, UCWA: clients.UCWA, Ready: clients.Ready, Visibility: w, DeadLetters: w, Logger: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	return numbers.Handle
}

// watched tells how each delivery ends.
func (w *world) watched(h handler) handler {
	return func(ctx context.Context, e events.SQSEvent) (events.SQSEventResponse, error) {
		w.mu.Lock()
		w.last = end{}
		w.mu.Unlock()
		reply, err := h(ctx, e)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.last.back = len(reply.BatchItemFailures) > 0
		w.ends <- w.last
		return reply, err
	}
}

func (w *world) run(t testing.TB, ctx context.Context, name string, h handler) {
	t.Helper()
	q, err := w.Queues.Queue(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mapping.New(mapping.Config{
		Source: q, Handler: mapping.Events(h), Function: name, Timeout: time.Minute, BatchSize: 1, MaximumConcurrency: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.runs.Go(func() {
		if err := m.Run(ctx); err != nil {
			t.Error(err)
		}
	})
}

// stop ends the work.
func (w *world) stop() {
	w.cut()
	w.runs.Wait()
}

// checkQueues wants nothing left in them.
func (w *world) checkQueues(t testing.TB) {
	t.Helper()
	for _, name := range []string{w.queue, deadLettersOf(w.queue)} {
		q, err := w.Queues.Queue(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := q.Counts(t.Context()); err != nil || n.Visible+n.InFlight+n.Delayed > 0 {
			t.Errorf("%s has %+v, %v", name, n, err)
		}
	}
}

// restart is a crash between two deliveries.
func (w *world) restart(t testing.TB) {
	t.Helper()
	w.later(t, 0)
}

// later is a restart after a while in which nobody looks at the queues.
func (w *world) later(t testing.TB, d time.Duration) {
	t.Helper()
	w.stop()
	time.Sleep(d)
	w.start(t)
}

// ChangeMessageVisibility implements [sqsbatch.Visibility].
func (w *world) ChangeMessageVisibility(ctx context.Context, arn, receipt string, d time.Duration) error {
	w.mu.Lock()
	w.last.wait = d
	w.mu.Unlock()
	return w.Data.ChangeMessageVisibility(ctx, arn, receipt, d)
}

// settled waits until nothing can happen before time passes.
func (w *world) settled() { synctest.Wait() }

// network calls the vendors' handlers by host. With xml it asks Skype for
// Business for XML, whatever the client asks for.
type network struct {
	hosts map[string]http.Handler
	xml   bool
}

// RoundTrip implements http.RoundTripper.
func (n *network) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if recover() != nil { // how a simulator drops a caller
			resp, err = nil, cmp.Or(r.Context().Err(), io.ErrUnexpectedEOF)
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
	if n.xml && r.Host == skypeHost {
		r.Header.Set("Accept", "application/xml")
	}
	answer := httptest.NewRecorder()
	n.hosts[r.Host].ServeHTTP(answer, r)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return answer.Result(), nil
}

// secrets are the passwords of the simulator's users, and Webex's credentials.
type secrets struct {
	mu  sync.Mutex
	all map[string][]byte
}

func newSecrets(due bool) *secrets {
	expires := time.Now().Add(100 * 24 * time.Hour)
	if due {
		expires = time.Now().Add(-time.Hour)
	}
	s := &secrets{all: map[string][]byte{}}
	s.authorise(webexsim.DefaultToken(), expires)
	return s
}

// authorise stores credentials of Webex.
func (s *secrets) authorise(token webexsim.Token, expires time.Time) {
	raw, err := json.Marshal(map[string]any{
		"clientId": token.ClientID, "clientSecret": token.ClientSecret, "refreshToken": token.RefreshToken,
		"accessToken": token.AccessToken, "expiresAt": expires,
	})
	if err != nil {
		panic(err) // of strings and a time
	}
	_ = s.Save(context.Background(), "webex", raw)
}

func (s *secrets) Secret(_ context.Context, name string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if raw, found := s.all[name]; found {
		return raw, nil
	}
	user := sipaddr.User(name[len("ucwa/"):])
	if user.Domain() == "" {
		return nil, signin.ErrNoSecret
	}
	return json.Marshal(map[string]string{"username": string(user), "password": "pw-" + user.LocalPart()})
}

func (s *secrets) Save(_ context.Context, name string, raw []byte) error {
	if name == "" {
		return errors.New("a secret has a name")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[name] = raw
	return nil
}

// logs is what was logged.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logs) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.b.Reset()
}
