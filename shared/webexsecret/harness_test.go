package webexsecret_test

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"dialtone/infra/sim/webexsim"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/signin"
	"dialtone/shared/webex"
	"dialtone/shared/webexsecret"
)

const secretName = "dialtone/webex"

// cloud is what all processes share: Webex, the secret store and the ledger.
type cloud struct {
	webex *webexsim.Server
	items *ledgertest.Memory

	mu     sync.Mutex
	stored map[string][]byte
	reads  int
}

func newCloud(t testing.TB, cfg webexsim.Config) *cloud {
	t.Helper()
	token := webexsim.DefaultToken()
	token.AccessLifetime = 30 * 24 * time.Hour
	cfg.Tokens = []webexsim.Token{token}
	s, err := webexsim.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return &cloud{webex: s, items: ledgertest.NewMemory(), stored: map[string][]byte{}}
}

// sign puts credentials into the secret as the administrator does.
func (c *cloud) sign(t testing.TB, credentials webex.Credentials) {
	t.Helper()
	data, err := json.Marshal(credentials)
	if err != nil {
		t.Fatal(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stored[secretName] = data
}

// kept returns the credentials in the secret.
func (c *cloud) kept(t testing.TB) (kept webex.Credentials) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := json.Unmarshal(c.stored[secretName], &kept); err != nil {
		t.Fatal(err)
	}
	return kept
}

// refreshes returns how many requests the token endpoint has seen.
func (c *cloud) refreshes() int { return c.webex.Calls()["accessToken"] }

// valid reports whether Webex takes an access token.
func (c *cloud) valid(token string) bool {
	r := httptest.NewRequest(http.MethodGet, "/v1/people/me", nil)
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	c.webex.Handler().ServeHTTP(w, r)
	return w.Code != http.StatusUnauthorized
}

// process is one of the processes: its own memory of secrets, keeper and
// refresher. It fails when told to.
type process struct {
	*webex.Refresher
	cloud  *cloud
	keeper *webexsecret.Keeper

	mu        sync.Mutex
	memory    map[string][]byte
	saving    func() error // nil: saves work
	reading   error        // of every read; nil: reads work
	afterRead func()       // called once, after the first read
}

// start starts a process that reaches Webex through the transport.
func (c *cloud) start(t testing.TB, transport http.RoundTripper, baseURL string) *process {
	t.Helper()
	p := &process{cloud: c, memory: map[string][]byte{}}
	var err error
	p.keeper, err = webexsecret.New(webexsecret.Config{
		Secrets: p, Name: secretName, Ledger: ledger.New(c.items, ledger.Options{}),
	})
	if err != nil {
		t.Fatal(err)
	}
	p.Refresher, err = webex.NewRefresher(webex.RefresherConfig{
		BaseURL: baseURL, HTTP: &http.Client{Transport: transport}, Secrets: p.keeper,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// Secret remembers for ever what it read, unless it is told to forget.
func (p *process) Secret(ctx context.Context, name string) ([]byte, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if data, ok := p.memory[name]; ok {
		return data, nil
	}
	p.cloud.mu.Lock()
	defer p.cloud.mu.Unlock()
	p.cloud.reads++
	data, ok := p.cloud.stored[name]
	if p.reading != nil {
		return nil, p.reading
	}
	if !ok {
		return nil, signin.ErrNoSecret
	}
	p.memory[name] = data
	if then := p.afterRead; then != nil {
		p.afterRead = nil
		p.cloud.mu.Unlock()
		then()
		p.cloud.mu.Lock()
	}
	return data, ctx.Err()
}

func (p *process) Save(ctx context.Context, name string, data []byte) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.saving != nil {
		if err := p.saving(); err != nil {
			return err
		}
	}
	p.cloud.mu.Lock()
	defer p.cloud.mu.Unlock()
	p.cloud.stored[name] = data
	p.memory[name] = data
	return ctx.Err()
}

func (p *process) Forget(name string, _ time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.memory[name]
	delete(p.memory, name)
	return known
}

func (p *process) fails(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.saving = func() error { return err }
	if err == nil {
		p.saving = nil
	}
}

// inside carries requests to a handler without a network, so that a test can run
// in a bubble where waiting takes no time.
type inside struct{ handler http.Handler }

func (i inside) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	i.handler.ServeHTTP(w, in)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return w.Result(), nil
}

const day = 24 * time.Hour

// signed are the credentials that the simulator knows from the start, whose
// access token was issued age ago and lives for 14 days. A negative age leaves
// out when it was issued.
func signed(age time.Duration) webex.Credentials {
	token := webexsim.DefaultToken()
	return webex.Credentials{
		ClientID: token.ClientID, ClientSecret: token.ClientSecret, RefreshToken: token.RefreshToken,
		AccessToken: token.AccessToken, IssuedAt: time.Now().Add(-age), ExpiresAt: time.Now().Add(14*day - age),
	}
}

var errTest = errors.New("broken by the test")

// fields returns the names in the secret.
func (c *cloud) fields(t testing.TB) map[string]any {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	all := map[string]any{}
	if err := json.Unmarshal(c.stored[secretName], &all); err != nil {
		t.Fatal(err)
	}
	return maps.Clone(all)
}
