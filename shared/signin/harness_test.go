package signin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/signin"
	"dialtone/shared/ucwa"
)

const ada = "ada@contoso.test"

// vault is a secret store, shared by all processes of a test.
type vault struct {
	mu     sync.Mutex
	stored map[string]string
	refuse error         // of saves
	slow   time.Duration // of saves
}

func newVault(stored map[string]string) *vault { return &vault{stored: stored} }

func (v *vault) Secret(ctx context.Context, name string) ([]byte, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	text, ok := v.stored[name]
	if !ok {
		return nil, fmt.Errorf("%w: %s", signin.ErrNoSecret, name)
	}
	return []byte(text), ctx.Err()
}

func (v *vault) Save(ctx context.Context, name string, data []byte) error {
	select {
	case <-time.After(v.slow):
	case <-ctx.Done():
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if err := errors.Join(v.refuse, ctx.Err()); err != nil {
		return err
	}
	v.stored[name] = string(data)
	return nil
}

func (v *vault) set(name, text string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.stored[name] = text
}

func (v *vault) get(name string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.stored[name]
}

func (v *vault) refuses(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.refuse = err
}

// memory remembers what it reads from a vault until it is told to forget.
type memory struct {
	*vault
	mu    sync.Mutex
	known map[string]remembered
}

type remembered struct {
	asked time.Time
	data  []byte
	err   error
}

func remember(v *vault) *memory { return &memory{vault: v, known: map[string]remembered{}} }

func (m *memory) Secret(ctx context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r, ok := m.known[name]; ok {
		return r.data, r.err
	}
	r := remembered{asked: time.Now()}
	r.data, r.err = m.vault.Secret(ctx, name)
	m.known[name] = r
	return r.data, r.err
}

func (m *memory) Save(ctx context.Context, name string, data []byte) error {
	m.Forget(name, time.Now())
	return m.vault.Save(ctx, name, data)
}

func (m *memory) Forget(name string, upTo time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.known[name]
	if !ok || r.asked.After(upTo) {
		return false
	}
	delete(m.known, name)
	return true
}

// endpoint is an HTTP server that answers as told and notes what it was sent.
type endpoint struct {
	*httptest.Server
	mu     sync.Mutex
	answer http.HandlerFunc
	bodies []string
}

func serve(t testing.TB, answer http.HandlerFunc) *endpoint {
	t.Helper()
	e := &endpoint{answer: answer}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body strings.Builder
		buf := make([]byte, 4096)
		for {
			n, err := r.Body.Read(buf)
			body.Write(buf[:n])
			if err != nil {
				break
			}
		}
		e.mu.Lock()
		e.bodies = append(e.bodies, body.String())
		answer := e.answer
		e.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(e.Close)
	return e
}

func (e *endpoint) answers(h http.HandlerFunc) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.answer = h
}

func (e *endpoint) sent() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.bodies)
}

// form returns the last form that was sent.
func (e *endpoint) form(t testing.TB) url.Values {
	t.Helper()
	sent := e.sent()
	if len(sent) == 0 {
		t.Fatal("nothing was sent")
	}
	form, err := url.ParseQuery(sent[len(sent)-1])
	if err != nil {
		t.Fatal(err)
	}
	return form
}

// reply answers with a status, a body and headers "Name: value".
func reply(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// reset ends the connection without an answer.
func reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		_ = conn.Close()
	}
}

// want is what an error must say.
type want struct {
	class      failure.Class
	code       string
	status     int
	retryAfter time.Duration
}

// expect compares the typed errors in err, and that nothing secret is in its text.
func expect(t testing.TB, err error, w want) {
	t.Helper()
	f := failure.As(err)
	if f == nil {
		t.Fatalf("not a failure: %v", err)
	}
	got := want{class: f.Class, retryAfter: f.RetryAfter}
	if f.Upstream != nil {
		got.status, got.code = f.Upstream.Status, f.Upstream.Code
	}
	if got != w {
		t.Errorf("got %+v, want %+v (%v)", got, w, err)
	}
	if f.Reason == "" || f.Advice == "" {
		t.Errorf("no words for people: %+v", f)
	}
	if e := ucwa.As(err); e != nil && (e.Class != w.class || e.Code != w.code || e.RetryAfter != w.retryAfter || (e.Remedy == ucwa.Retry) == w.class.Permanent()) {
		t.Errorf("the client sees %+v, want %+v", e, w)
	}
	for _, secret := range []string{"s3cret", "123456789"} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("the error tells %q: %v", secret, err)
		}
	}
}

func newLedger() *ledger.Ledger { return ledger.New(ledgertest.NewMemory(), ledger.Options{}) }

// ask is a request for Ada's token.
func ask(tokenURL string) ucwa.TokenRequest {
	return ucwa.TokenRequest{User: ada, URL: tokenURL, GrantTypes: []string{"password"}, Resource: "https://pool.contoso.test"}
}
