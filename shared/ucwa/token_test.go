package ucwa_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
)

func revokeAll(p *pool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range p.issued + 1 {
		p.revoked[fmt.Sprintf("cwt=%s-%d", p.name(), i)] = true
	}
}

func wrongPool(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("X-Ms-diagnostics", `28032;source="fe2.contoso.test";reason="The web ticket is invalid."`)
	page(w, 500)
}

// TestTokenRefused: any call goes on with a new token, once, and a change is
// applied once.
func TestTokenRefused(t *testing.T) {
	t.Parallel()
	bearer := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Ms-diagnostics", `28055;source="fe1";reason="The OAuth token is invalid."`)
		page(w, 403)
	}
	for name, c := range map[string]struct {
		refuse http.HandlerFunc
		calls  string
	}{
		"401":       {nil, "changeNumber token changeNumber"},
		"500 28032": {wrongPool, "changeNumber changeNumber token changeNumber"}, // the second asks for the challenge
		"403 28055": {bearer, "changeNumber changeNumber token changeNumber"},
	} {
		p := newPool(t)
		app := p.open(p.client(ucwa.Config{}))
		mobile := read(t, app, ucwa.Mobile)
		p.take()
		if c.refuse == nil {
			revokeAll(p)
		} else {
			p.times("changeNumber", 1, c.refuse)
		}
		err := app.ChangeNumber(t.Context(), mobile, ucwa.NumberChange{Number: "+12056350001"})
		if got := p.take(); err != nil || got != c.calls || len(p.inputs) != 2 {
			t.Errorf("%s: %v, calls %s, want %s; %d inputs, want 2", name, err, got, c.calls, len(p.inputs))
		}
	}
}

func TestTokenRefusedForGood(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]http.HandlerFunc{
		"401":       func(w http.ResponseWriter, _ *http.Request) { page(w, 401) },
		"500 28032": wrongPool,
	} {
		p := newPool(t)
		app := p.open(p.client(ucwa.Config{}))
		mobile := read(t, app, ucwa.Mobile)
		p.set(func(op string, _ int, w http.ResponseWriter, r *http.Request) bool {
			if op != "changeNumber" || r.Method != http.MethodPost {
				return false
			}
			refuse(w, r)
			return true
		})
		err := app.ChangeNumber(t.Context(), mobile, ucwa.NumberChange{Number: "+12056350001"})
		e := ucwa.As(err)
		if e == nil || e.Class != failure.Unavailable || e.Remedy != ucwa.Reauthenticate {
			t.Errorf("%s: %v, want unavailable, reauthenticate", name, err)
		}
		if p.count("token") != 1 || p.count("changeNumber") > 3 {
			t.Errorf("%s: %d tokens, %d calls: want one renewal", name, p.count("token"), p.count("changeNumber"))
		}
	}
}

// TestSplitPools: applications live on another pool than discovery. Each pool
// gets only tokens that it issued.
func TestSplitPools(t *testing.T) {
	t.Parallel()
	front, home := newPool(t), newPool(t)
	front.appsHost = home
	c := front.client(ucwa.Config{})
	assign(t, home, front.open(c))
	if got, want := front.take(), "root user token user"; got != want {
		t.Errorf("front: %s, want %s", got, want)
	}
	if got, want := home.take(), "GET /applications token create phones changeNumber phones delete"; got != want {
		t.Errorf("home: %s, want %s", got, want)
	}
	for _, p := range []*pool{front, home} {
		for _, auth := range p.auth {
			if auth != "" && !strings.Contains(auth, p.name()) {
				t.Errorf("%s got the token of another pool: %s", p.name(), auth)
			}
		}
	}
	assign(t, home, front.open(c))
	if got := front.take() + home.take(); got != "create phones changeNumber phones delete" {
		t.Errorf("warm: %s", got)
	}
}

// TestIssuerMoves: the pool's tokens come from another pool's endpoint now.
func TestIssuerMoves(t *testing.T) {
	t.Parallel()
	front, other := newPool(t), newPool(t)
	app := front.open(front.client(ucwa.Config{}))
	front.take()
	front.set(func(op string, _ int, w http.ResponseWriter, r *http.Request) bool {
		switch {
		case op != "phones":
			return false
		case other.authorized(r):
			front.serve(op, w, r)
		default:
			other.challenge(w)
		}
		return true
	})
	for _, want := range []string{"phones phones token", "phones"} {
		if _, err := app.Phones(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.TrimSpace(front.take() + " " + other.take()); got != want {
			t.Errorf("calls %s, want %s", got, want)
		}
	}
}

// TestChallengeFallbacks: a 401 of the applications URL may carry no challenge.
func TestChallengeFallbacks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		userToo bool // the user URL of that host is silent as well
		want    string
	}{
		{false, "GET /applications user token create"},
		{true, "GET /applications user token create"},
	} {
		front, home := newPool(t), newPool(t)
		front.appsHost = home
		home.set(func(op string, _ int, w http.ResponseWriter, _ *http.Request) bool {
			if op == "GET /applications" || op == "user" && c.userToo {
				page(w, 401)
				return true
			}
			return false
		})
		front.open(front.client(ucwa.Config{}))
		if got := home.take(); got != c.want {
			t.Errorf("silent user %t: %s, want %s", c.userToo, got, c.want)
		}
	}
}

// source hands out tokens of a life of its own.
type source struct {
	*ucwa.PasswordGrant
	life  time.Duration
	asked atomic.Int32
}

func (s *source) Token(ctx context.Context, r ucwa.TokenRequest) (ucwa.Token, error) {
	s.asked.Add(1)
	tok, err := s.PasswordGrant.Token(ctx, r)
	tok.Expires = time.Now().Add(s.life)
	return tok, err
}

func TestTokenIsRenewedByExpiry(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		life  time.Duration
		asked int32 // in five opens: each makes one or two calls with a token
	}{{time.Hour, 1}, {-time.Second, 6}} {
		p := newPool(t)
		s := &source{PasswordGrant: ucwa.NewPasswordGrant(p.Client(), password("secret")), life: c.life}
		client := p.client(ucwa.Config{Tokens: s})
		for range 5 {
			p.open(client)
		}
		if got := s.asked.Load(); got != c.asked {
			t.Errorf("life %s: %d tokens, want %d", c.life, got, c.asked)
		}
	}
}

func TestPasswordGrant(t *testing.T) {
	t.Parallel()
	body := func(status int, contentType, s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", contentType)
			w.WriteHeader(status)
			_, _ = w.Write([]byte(s))
		}
	}
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		class  failure.Class // empty: a token
		remedy ucwa.Remedy
		life   time.Duration
	}{
		{"number", body(200, "application/json", `{"access_token":"cwt=a","expires_in":3600}`), "", 0, time.Hour},
		{"string", body(200, "application/json;charset=utf-8", "\ufeff"+`{"access_token":"cwt=a","expires_in":"3600"}`), "", 0, time.Hour},
		{"no life", body(200, "application/json", `{"access_token":"cwt=a"}`), "", 0, 0},
		{"absurd life", body(200, "application/json", `{"access_token":"cwt=a","expires_in":999999999999999999}`), "", 0, 365 * 24 * time.Hour},
		{"no token", body(200, "application/json", `{"expires_in":3600}`), failure.Unavailable, ucwa.Retry, 0},
		{"token with a line break", body(200, "application/json", `{"access_token":"a\r\nX: y"}`), failure.Unavailable, ucwa.Retry, 0},
		{"page", body(200, "text/html", `<html>`), failure.Unavailable, ucwa.Retry, 0},
		{"truncated", body(200, "application/json", `{"access_token":"cwt`), failure.Unavailable, ucwa.Retry, 0},
		{"invalid_grant", body(400, "application/json", `{"error":"invalid_grant"}`), failure.Denied, ucwa.None, 0},
		{"server_error", body(400, "application/json", `{"error":"server_error"}`), failure.Unavailable, ucwa.Retry, 0},
		{"error page", body(500, "text/html", `<html>`), failure.Unavailable, ucwa.Retry, 0},
		{"reset", reset, failure.Unavailable, ucwa.Retry, 0},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, failure.Unavailable, ucwa.Rediscover, 0},
	} {
		p := newPool(t)
		p.times("token", 100, c.answer)
		grant := ucwa.NewPasswordGrant(p.Client(), password("secret"))
		start := time.Now()
		tok, err := grant.Token(t.Context(), ucwa.TokenRequest{User: ada, URL: p.URL + "/WebTicket/oauthtoken"})
		if c.class == "" {
			life := time.Duration(0)
			if !tok.Expires.IsZero() {
				life = tok.Expires.Sub(start).Round(time.Minute)
			}
			if err != nil || tok.Value != "cwt=a" || life != c.life {
				t.Errorf("%s: %s for %s, %v, want %s", c.name, tok.Value, life, err, c.life)
			}
			continue
		}
		if e := ucwa.As(err); e == nil || e.Class != c.class || e.Remedy != c.remedy {
			t.Errorf("%s: %v, want %s, %s", c.name, err, c.class, c.remedy)
		}
		if calls := p.take(); calls != "token" {
			t.Errorf("%s: calls %s, want one", c.name, calls)
		}
	}
}

func TestPasswordGrantForm(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	grant := ucwa.NewPasswordGrant(nil, func(context.Context, sipaddr.User) (ucwa.Credentials, error) {
		return ucwa.Credentials{Username: `CONTOSO\ada`, Password: "a&b=c+d ü"}, nil
	})
	_, _ = grant.Token(t.Context(), ucwa.TokenRequest{User: ada, URL: p.URL + "/WebTicket/oauthtoken"})
	got, _ := url.ParseQuery(p.lastForm)
	if got.Get("username") != `CONTOSO\ada` || got.Get("password") != "a&b=c+d ü" || got.Get("grant_type") != "password" || len(got) != 3 {
		t.Errorf("sent %v", got)
	}
}

// TestRefusedPasswordIsNotTriedAgain: repeated tries lock the account.
func TestRefusedPasswordIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	var secret atomic.Value
	secret.Store("wrong")
	c := p.client(ucwa.Config{Tokens: ucwa.NewPasswordGrant(p.Client(), func(_ context.Context, u sipaddr.User) (ucwa.Credentials, error) {
		return ucwa.Credentials{Username: string(u), Password: secret.Load().(string)}, nil
	})})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			_, err := c.Open(t.Context(), ada)
			if e := ucwa.As(err); e == nil || e.Class != failure.Denied || e.Remedy != ucwa.None || e.Code != "invalid_grant" {
				t.Errorf("Open: %v, want denied, invalid_grant", err)
			}
		})
	}
	wg.Wait()
	if _, err := c.Open(t.Context(), ada); err == nil { // later, not along with the others
		t.Error("signed in with a refused password")
	}
	if n := p.count("token"); n != 1 {
		t.Errorf("%d tries with a refused password, want 1", n)
	}
	secret.Store("secret")
	if _, err := c.Open(t.Context(), ada); err != nil {
		t.Errorf("with the right password: %v", err)
	}
}

// TestSignInIsTriedOnce: a refusal of any kind is not a stale location, for a
// user of a domain that is known either.
func TestSignInIsTriedOnce(t *testing.T) {
	t.Parallel()
	for _, status := range []int{400, 401, 403} {
		p := newPool(t)
		c := p.client(ucwa.Config{})
		p.open(c)
		p.times("token", 100, func(w http.ResponseWriter, _ *http.Request) { page(w, status) })
		_, err := c.Open(t.Context(), "bob@contoso.test")
		if e := ucwa.As(err); e == nil || e.Class != failure.Denied || e.Remedy != ucwa.None || p.count("token") != 1 {
			t.Errorf("%d: %v after %d tries, want denied after one", status, err, p.count("token"))
		}
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	t.Parallel()
	logger, logged := debugLog()
	for _, v := range []any{ucwa.Token{Value: "hidden"}, ucwa.Credentials{Username: "u", Password: "hidden"}} {
		logger.Info("x", "v", v)
		if s := fmt.Sprintf("%v %+v %#v %s", v, v, v, v) + logged.String(); strings.Contains(s, "hidden") {
			t.Errorf("%T shows its secret: %s", v, s)
		}
	}
}

func TestGrantNotOffered(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	p.grants = "urn:microsoft.rtc:windows"
	_, err := p.client(ucwa.Config{}).Open(t.Context(), ada)
	if e := ucwa.As(err); e == nil || e.Class != failure.Denied || !errors.Is(err, ucwa.ErrGrantNotOffered) || p.count("token") != 0 {
		t.Errorf("Open: %v after %d tries, want denied without one", err, p.count("token"))
	}
}

// failing is a token source that cannot serve.
type failing struct{ err error }

func (f failing) Token(context.Context, ucwa.TokenRequest) (ucwa.Token, error) {
	return ucwa.Token{}, f.err
}

func TestTokenSourceErrorsKeepTheirClass(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err    error
		class  failure.Class
		remedy ucwa.Remedy
	}{
		{errors.New("broker is down"), failure.Unavailable, ucwa.Retry},
		{fmt.Errorf("secret: %w", &failure.Error{Class: failure.Denied, Reason: "no secret"}), failure.Denied, ucwa.None},
		{&failure.Error{Class: failure.Unavailable, RetryAfter: time.Minute}, failure.Unavailable, ucwa.Retry},
		{nil, failure.Unavailable, ucwa.Retry}, // an empty token
	} {
		_, err := newPool(t).client(ucwa.Config{Tokens: failing{c.err}}).Open(t.Context(), ada)
		e := ucwa.As(err)
		if e == nil || e.Class != c.class || e.Remedy != c.remedy || c.err != nil && !errors.Is(err, c.err) {
			t.Errorf("%v became %v", c.err, err)
		}
		if f := failure.As(c.err); f != nil && e.RetryAfter != f.RetryAfter {
			t.Errorf("%v: wait %s, want %s", c.err, e.RetryAfter, f.RetryAfter)
		}
	}
}
