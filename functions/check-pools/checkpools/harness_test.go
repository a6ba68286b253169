package checkpools_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"dialtone/functions/check-pools/checkpools"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/numberpool"
	"dialtone/shared/outcome"
	"dialtone/shared/webex"
)

// world is a simulated Webex and a ledger in memory.
type world struct {
	t      *testing.T
	webex  *webexsim.Server
	store  ledger.Store
	ledger *ledger.Ledger
	log    *lines
	limits numberpool.Thresholds
}

// lines is a log that may be written and read at once.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

func (l *lines) count(words string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return bytes.Count(l.buf.Bytes(), []byte(words))
}

// newWorld has the locations opened in the ledger for one licence.
func newWorld(t *testing.T, locations ...webexsim.Location) *world {
	t.Helper()
	return worldOf(t, webexsim.Config{Locations: locations, PageLimit: 7})
}

func worldOf(t *testing.T, c webexsim.Config) *world {
	t.Helper()
	cloud, err := webexsim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, webex: cloud, store: ledgertest.NewMemory(), log: &lines{}, limits: numberpool.Thresholds{Free: 10, Days: 14}}
	w.ledger = ledger.New(w.store, ledger.Options{})
	for _, l := range cloud.Locations() {
		w.open(l.ID, command.Professional)
	}
	return w
}

func (w *world) open(location string, license command.LicenseType) {
	w.t.Helper()
	if err := w.ledger.OpenPool(w.t.Context(), location, "", license); err != nil {
		w.t.Fatal(err)
	}
}

// site is a location with that many numbers for people, and some for nobody.
func site(name, prefix string, numbers int) webexsim.Location {
	return webexsim.Location{Name: name, Prefix: prefix, Numbers: numbers, Inactive: 3, Mobile: 3, Service: 3, Owned: 3}
}

// inProcess calls a handler without a network.
type inProcess struct{ http.Handler }

func (p inProcess) RoundTrip(r *http.Request) (answer *http.Response, err error) {
	defer func() {
		if recover() != nil { // how a simulator drops a caller
			answer, err = nil, io.ErrUnexpectedEOF
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
	written := httptest.NewRecorder()
	p.ServeHTTP(written, r)
	return written.Result(), r.Context().Err()
}

// handler is a process that knows nothing but what the store has.
func (w *world) handler(store ledger.Store) *checkpools.Handler {
	w.t.Helper()
	cloud, err := webex.New(webex.Config{
		BaseURL: "http://127.0.0.1:1/v1", HTTP: &http.Client{Transport: inProcess{w.webex.Handler()}},
		Tokens: webex.StaticToken(webexsim.DefaultToken().AccessToken), Rate: 1e6, Burst: 1e6,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	h, err := checkpools.New(checkpools.Config{
		Ledger: ledger.New(store, ledger.Options{}), Webex: cloud, Thresholds: w.limits, Logger: slog.New(slog.NewTextHandler(w.log, nil)),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

// check runs one check to its end.
func (w *world) check() {
	w.t.Helper()
	if err := w.handler(w.store).Handle(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// pool reads what is known of a location.
func (w *world) pool(location string) ledger.Pool {
	w.t.Helper()
	for p, err := range w.ledger.Pools(w.t.Context()) {
		if err != nil {
			w.t.Fatal(err)
		}
		if p.LocationID == location {
			return p
		}
	}
	w.t.Fatalf("location %s is not known", location)
	return ledger.Pool{}
}

func (w *world) stock(location string) ledger.Stock {
	w.t.Helper()
	return w.pool(location).Stocks[command.Professional]
}

// notices are the events that were announced.
func (w *world) notices() []outcome.PoolLow {
	w.t.Helper()
	var all []outcome.PoolLow
	for n, err := range w.ledger.Notices(w.t.Context()) {
		if err != nil {
			w.t.Fatal(err)
		}
		p, err := n.Event.PoolLow()
		if err != nil {
			w.t.Fatal(err)
		}
		all = append(all, p)
	}
	return all
}

// people are the numbers of a location that a person may get, ascending.
func (w *world) people(location string) []e164.Number {
	w.t.Helper()
	var all []e164.Number
	for _, n := range w.webex.Numbers(location) {
		if n.Kind == webexsim.KindStandard && n.State == "ACTIVE" && n.Available {
			all = append(all, e164.Number(n.PhoneNumber))
		}
	}
	slices.Sort(all)
	return all
}

var who = ledger.Holder{User: "ada@contoso.test", PhoneType: command.Work, Request: command.Key{Source: "hr", ID: "1"}}

// claim reserves numbers; unclaim makes them free again.
func (w *world) claim(location string, numbers ...e164.Number) {
	w.t.Helper()
	for _, n := range numbers {
		if _, err := w.ledger.Claim(w.t.Context(), n, location, who); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) unclaim(numbers ...e164.Number) {
	w.t.Helper()
	for _, n := range numbers {
		if _, err := w.ledger.Unclaim(w.t.Context(), n, who); err != nil {
			w.t.Fatal(err)
		}
	}
}

// mortal is a store whose process dies at one of its writes, counted from 1,
// before or after it took effect.
type mortal struct {
	ledger.Store
	dies      int
	afterward bool

	mu     sync.Mutex
	writes int
}

var errDead = errors.New("the process is dead")

func (m *mortal) dead() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.writes >= m.dies
}

func (m *mortal) Put(ctx context.Context, i ledger.Item) error {
	if m.dead() {
		return errDead
	}
	m.mu.Lock()
	m.writes++
	last := m.writes == m.dies
	m.mu.Unlock()
	if last && !m.afterward {
		return errDead
	}
	if err := m.Store.Put(ctx, i); err != nil || !last {
		return err
	}
	return errDead
}

func (m *mortal) Get(ctx context.Context, k ledger.Key) (ledger.Item, error) {
	if m.dead() {
		return ledger.Item{}, errDead
	}
	return m.Store.Get(ctx, k)
}

func (m *mortal) List(ctx context.Context, index, from, to string) iter.Seq2[ledger.Item, error] {
	if m.dead() {
		return func(yield func(ledger.Item, error) bool) { yield(ledger.Item{}, errDead) }
	}
	return m.Store.List(ctx, index, from, to)
}
