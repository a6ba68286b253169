package signin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/signin"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
)

// consents are the secrets of Ada, with the app in the default.
func consents(tokenURL string) *vault {
	return newVault(map[string]string{
		"ucwa/default": fmt.Sprintf(`{"clientId":"app","clientSecret":"s3cret","tokenUrl":%q}`, tokenURL),
		"ucwa/" + ada:  `{"refreshToken":"r1","note":"kept"}`,
	})
}

func oauth(t testing.TB, v signin.Vault, l *ledger.Ledger) *signin.OAuth {
	t.Helper()
	o, err := signin.NewOAuth(signin.OAuthConfig{Secrets: v, Prefix: "ucwa/", Ledger: l})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// rotating answers r1 with r2, r2 with r3 and so on, each good once.
func rotating() http.HandlerFunc {
	var mu sync.Mutex
	n := 1
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		n++
		reply(200, fmt.Sprintf(`{"access_token":"a%d","token_type":"Bearer","expires_in":3600,"refresh_token":"r%d"}`, n, n))(w, r)
	}
}

func TestOAuthForm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, app, own string
		want           map[string]string
	}{
		{"app in the default", "", `{"refreshToken":"r1"}`, map[string]string{"client_id": "app", "client_secret": "s3cret", "resource": "https://pool.contoso.test"}},
		{"user's own app", "", `{"refreshToken":"r1","clientId":"own","clientSecret":"pw"}`, map[string]string{"client_id": "own", "client_secret": "pw", "resource": "https://pool.contoso.test"}},
		{"public client", `{"clientId":"app","tokenUrl":%q}`, `{"refreshToken":"r1"}`, map[string]string{"client_id": "app", "resource": "https://pool.contoso.test"}},
		{"resource", "", `{"refreshToken":"r1","resource":"{resource}/"}`, map[string]string{"client_id": "app", "client_secret": "s3cret", "resource": "https://pool.contoso.test/"}},
		{"scope", "", `{"refreshToken":"r1","scope":"{resource}/.default offline_access"}`, map[string]string{"client_id": "app", "client_secret": "s3cret", "scope": "https://pool.contoso.test/.default offline_access"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, reply(200, `{"access_token":"a1","token_type":"Bearer","expires_in":"3600"}`))
			v := consents(server.URL)
			if c.app != "" {
				v.set("ucwa/default", fmt.Sprintf(c.app, server.URL))
			}
			v.set("ucwa/"+ada, c.own)
			before := time.Now()
			got, err := oauth(t, v, newLedger()).Token(t.Context(), ask(""))
			if err != nil || got.Value != "a1" || got.Expires.Before(before.Add(time.Hour)) || got.Expires.After(time.Now().Add(time.Hour)) {
				t.Fatalf("got expiry %s, %v", got.Expires, err)
			}
			form := server.form(t)
			if form.Get("code") != "" || form.Has("redirect_uri") {
				t.Errorf("sent %v", form)
			}
			form.Del("code") // empty: as if left out
			want := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {"r1"}}
			for name, value := range c.want {
				want.Set(name, value)
			}
			if form.Encode() != want.Encode() {
				t.Errorf("sent %v, want %v", form, want)
			}
			if v.get("ucwa/"+ada) != c.own {
				t.Error("a refresh token that did not rotate was saved")
			}
		})
	}
}

func TestOAuthErrors(t *testing.T) {
	t.Parallel()
	body := func(code string) string {
		return fmt.Sprintf(`{"error":%q,"error_description":"AADSTS70008: expired, password=s3cret, call 0123456789012"}`, code)
	}
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   want
	}{
		{"invalid_grant", reply(400, body("invalid_grant")), want{class: failure.Denied, status: 400, code: "invalid_grant"}},
		{"invalid_client", reply(401, body("invalid_client")), want{class: failure.Denied, status: 401, code: "invalid_client"}},
		{"interaction_required", reply(400, body("interaction_required")), want{class: failure.Denied, status: 400, code: "interaction_required"}},
		{"invalid_request", reply(400, body("invalid_request")), want{class: failure.Invalid, status: 400, code: "invalid_request"}},
		{"invalid_scope", reply(400, body("invalid_scope")), want{class: failure.Invalid, status: 400, code: "invalid_scope"}},
		{"passing", reply(400, body("temporarily_unavailable")), want{class: failure.Unavailable, status: 400, code: "temporarily_unavailable"}},
		{"error with success", reply(200, body("invalid_grant")), want{class: failure.Denied, status: 400, code: "invalid_grant"}},
		{"code that is none", reply(400, `{"error":"s3cret!"}`), want{class: failure.Denied, status: 400}},
		{"400 without code", reply(400, `s3cret`), want{class: failure.Denied, status: 400}},
		{"403 page", reply(403, `<html>s3cret</html>`, "Content-Type: text/html"), want{class: failure.Denied, status: 403}},
		{"404", reply(404, ``), want{class: failure.Denied, status: 404}},
		{"408", reply(408, ``), want{class: failure.Unavailable, status: 408}},
		{"429", reply(429, body("slow_down"), "Retry-After: 7"), want{class: failure.Unavailable, status: 429, code: "slow_down", retryAfter: 7 * time.Second}},
		{"500", reply(500, ``), want{class: failure.Unavailable, status: 500}},
		{"503", reply(503, `<html>`, "Retry-After: 60"), want{class: failure.Unavailable, status: 503, retryAfter: time.Minute}},
		{"redirect", reply(307, ``, "Location: http://127.0.0.1:1/"), want{class: failure.Unavailable, status: 307}},
		{"no token", reply(200, `{"token_type":"Bearer"}`), want{class: failure.Unavailable}},
		{"no JSON", reply(200, `s3cret`), want{class: failure.Unavailable}},
		{"reset", reset, want{class: failure.Unavailable}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, c.answer)
			v := consents(server.URL)
			_, err := oauth(t, v, newLedger()).Token(t.Context(), ask(""))
			expect(t, err, c.want)
			if n := len(server.sent()); n != 1 {
				t.Errorf("%d requests", n)
			}
			if v.get("ucwa/"+ada) != `{"refreshToken":"r1","note":"kept"}` {
				t.Errorf("the secret became %s", v.get("ucwa/"+ada))
			}
		})
	}
}

func TestOAuthSecrets(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name         string
		app, own     string // "": no such secret, but never both
		wantInReason string
	}{
		{"app alone", `{"clientId":"app","tokenUrl":"https://login.contoso.test/t"}`, "", "no secret with this user's refresh token"},
		{"no app", "", `{"refreshToken":"r1"}`, "lacks clientId"},
		{"no token URL", `{"clientId":"app"}`, `{"refreshToken":"r1"}`, "tokenUrl"},
		{"token URL without TLS", `{"clientId":"app"}`, `{"refreshToken":"r1","tokenUrl":"http://login.contoso.test/t"}`, "not an https URL"},
		{"no JSON", "", `s3cret`, "not a JSON object"},
		{"wrong types", "", `{"refreshToken":7}`, "not a JSON object"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			v := newVault(map[string]string{})
			if c.app != "" {
				v.set("ucwa/default", c.app)
			}
			if c.own != "" {
				v.set("ucwa/"+ada, c.own)
			}
			o := oauth(t, v, newLedger())
			_, err := o.Token(t.Context(), ask(""))
			expect(t, err, want{class: failure.Denied})
			if f := failure.As(err); !strings.Contains(f.Reason, c.wantInReason) {
				t.Errorf("reason %q, want %q", f.Reason, c.wantInReason)
			}
			if _, err := o.Fingerprint(t.Context(), ada); failure.As(err) == nil {
				t.Errorf("fingerprint: %v", err)
			}
		})
	}
}

func TestOAuthRotates(t *testing.T) {
	t.Parallel()
	server := serve(t, rotating())
	v := consents(server.URL)
	o := oauth(t, remember(v), newLedger())
	before, err := o.Fingerprint(t.Context(), ada)
	if err != nil {
		t.Fatal(err)
	}
	for i := 1; i <= 3; i++ {
		got, err := o.Token(t.Context(), ask(""))
		if err != nil || got.Value != fmt.Sprintf("a%d", i+1) || server.form(t).Get("refresh_token") != fmt.Sprintf("r%d", i) {
			t.Fatalf("renewal %d: %v, sent %v", i, err, server.form(t))
		}
		var kept map[string]string
		if err := json.Unmarshal([]byte(v.get("ucwa/"+ada)), &kept); err != nil || kept["refreshToken"] != fmt.Sprintf("r%d", i+1) || kept["note"] != "kept" || len(kept) != 2 {
			t.Fatalf("renewal %d kept %v, %v", i, kept, err)
		}
	}
	if after, err := o.Fingerprint(t.Context(), ada); err != nil || after == before {
		t.Errorf("the fingerprint did not change: %v", err)
	}
}

// Two processes, each with a memory of its own, renew at once again and again:
// each refresh token is sent once.
func TestOAuthAmongProcesses(t *testing.T) {
	t.Parallel()
	rotate := rotating()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(10 * time.Millisecond) // so that the processes meet
		rotate(w, r)
	})
	v, items := consents(server.URL), ledgertest.NewMemory()
	var processes sync.WaitGroup
	for range 2 {
		o := oauth(t, remember(v), ledger.New(items, ledger.Options{}))
		processes.Go(func() {
			for range 4 {
				if _, err := o.Token(t.Context(), ask("")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	processes.Wait()
	sent := map[string]int{}
	for _, body := range server.sent() {
		form, _ := url.ParseQuery(body)
		sent[form.Get("refresh_token")]++
	}
	if len(sent) != 8 || len(server.sent()) != 8 {
		t.Errorf("sent %v", sent)
	}
}

// What could not be saved is not used, and not lost.
func TestOAuthSaveFails(t *testing.T) {
	t.Parallel()
	server := serve(t, rotating())
	v := consents(server.URL)
	o := oauth(t, v, newLedger())
	v.refuses(errors.New("vault is away"))
	for range 2 {
		_, err := o.Token(t.Context(), ask(""))
		expect(t, err, want{class: failure.Unavailable})
	}
	if n := len(server.sent()); n != 1 {
		t.Fatalf("%d renewals while none could be saved", n)
	}
	v.refuses(nil)
	if got, err := o.Token(t.Context(), ask("")); err != nil || got.Value != "a3" || server.form(t).Get("refresh_token") != "r2" {
		t.Errorf("after that: %v, sent %v", err, server.form(t))
	}
	v.refuses(errors.New("vault is away"))
	if _, err := o.Token(t.Context(), ask("")); err == nil {
		t.Error("used what is not saved")
	}
	v.refuses(nil)
	v.set("ucwa/"+ada, `{"refreshToken":"consented anew"}`)
	if _, err := o.Token(t.Context(), ask("")); err != nil || server.form(t).Get("refresh_token") != "consented anew" {
		t.Errorf("after a new consent: %v, sent %v", err, server.form(t))
	}
}

// A new consent, or a new secret of the app, that is stored in the middle of a
// renewal is not overwritten by what the old one was rotated to.
func TestOAuthDoesNotOverwriteANewConsent(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ meanwhile, want string }{
		"new consent":       {`{"refreshToken":"consented anew"}`, `{"refreshToken":"consented anew"}`},
		"new note":          {`{"refreshToken":"r1","note":"new"}`, `{"note":"new","refreshToken":"r2"}`},
		"secret was spoilt": {`nonsense`, `nonsense`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v, rotate := consents(""), rotating()
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				v.set("ucwa/"+ada, c.meanwhile)
				rotate(w, r)
			})
			v.set("ucwa/default", fmt.Sprintf(`{"clientId":"app","tokenUrl":%q}`, server.URL))
			_, err := oauth(t, remember(v), newLedger()).Token(t.Context(), ask(""))
			if got := v.get("ucwa/" + ada); got != c.want || (err == nil) != (c.meanwhile != "nonsense") {
				t.Errorf("the secret is %s, want %s; %v", got, c.want, err)
			}
		})
	}
}

// A caller who gives up in the middle of a renewal does not lose what it rotated.
func TestOAuthIsFinished(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	rotate := rotating()
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		cancel()
		rotate(w, r)
	})
	v := consents(server.URL)
	if got, err := oauth(t, v, newLedger()).Token(ctx, ask("")); err != nil || got.Value != "a2" || !strings.Contains(v.get("ucwa/"+ada), `"r2"`) {
		t.Errorf("got %v, kept %s", err, v.get("ucwa/"+ada))
	}
	_, err := oauth(t, v, newLedger()).Token(ctx, ask(""))
	if !errors.Is(err, context.Canceled) || len(server.sent()) != 1 {
		t.Errorf("a renewal was begun for nobody: %v", err)
	}
	short, end := context.WithTimeout(t.Context(), time.Second)
	defer end()
	if _, err := oauth(t, v, newLedger()).Token(short, ask("")); failure.As(err) == nil || !strings.Contains(err.Error(), "too little time") || len(server.sent()) != 1 {
		t.Errorf("a renewal was begun that could not be finished: %v", err)
	}
}

// slowly answers after a time, unless the request is given up before.
type slowly struct {
	after  time.Duration
	answer http.HandlerFunc
}

func (s slowly) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(s.after):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	w := httptest.NewRecorder()
	s.answer(w, r)
	return w.Result(), nil
}

// A renewal ends with its caller's time, so that nothing goes on after it. An
// answer that comes at the last moment is saved all the same.
func TestOAuthInTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name               string
		have, server, save time.Duration
		saved              bool
		took               time.Duration
	}{
		{"late answer, slow save", time.Minute, 7900 * time.Millisecond, time.Second, true, 8900 * time.Millisecond},
		{"answer at the end of the caller's time", 5 * time.Second, 4900 * time.Millisecond, time.Second, true, 5900 * time.Millisecond},
		{"no answer in the caller's time", 5 * time.Second, 6 * time.Second, 0, false, 5 * time.Second},
		{"no answer at all", time.Minute, time.Hour, 0, false, 8 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := consents("https://login.contoso.test/token")
				v.slow = c.save
				o, err := signin.NewOAuth(signin.OAuthConfig{
					Secrets: v, Prefix: "ucwa/", Ledger: newLedger(), HTTP: &http.Client{Transport: slowly{c.server, rotating()}},
				})
				if err != nil {
					t.Fatal(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), c.have)
				defer cancel()
				began := time.Now()
				_, err = o.Token(ctx, ask(""))
				if took := time.Since(began); took != c.took || (err == nil) != c.saved {
					t.Errorf("%v after %s, want it after %s", err, took, c.took)
				}
				if saved := strings.Contains(v.get("ucwa/"+ada), `"r2"`); saved != c.saved {
					t.Errorf("saved the new refresh token: %t", saved)
				}
			})
		})
	}
}

// Whoever holds the lock and does not come back is waited for no longer than
// half of the caller's time, and not at all after its own.
func TestOAuthWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLedger()
		v := newVault(map[string]string{"ucwa/" + ada: `{"refreshToken":"r1","clientId":"c","tokenUrl":"https://127.0.0.1:1/"}`})
		if _, err := l.Lock(t.Context(), "oauth/ucwa/"+ada, time.Now().Add(20*time.Second)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		o, err := signin.NewOAuth(signin.OAuthConfig{Secrets: v, Prefix: "ucwa/", Ledger: l, HTTP: &http.Client{Transport: nowhere{}}})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = o.Token(ctx, ask(""))
		took := time.Since(began)
		if f := failure.As(err); f == nil || f.Class != failure.Unavailable || f.RetryAfter <= 0 || took < 5*time.Second || took > 6*time.Second {
			t.Errorf("after %s: %v", took, err)
		}
		time.Sleep(15 * time.Second)
		if _, err := o.Token(t.Context(), ask("")); !errors.Is(err, errNowhere) {
			t.Errorf("after the holder's time: %v", err)
		}
		if _, err := o.Token(t.Context(), ask("")); !errors.Is(err, errNowhere) || time.Since(began) > took+16*time.Second {
			t.Errorf("the lock was not given back: %v", err)
		}
	})
}

var errNowhere = errors.New("nowhere to go")

type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, errNowhere }

func TestOAuthConfig(t *testing.T) {
	t.Parallel()
	_, err := signin.NewOAuth(signin.OAuthConfig{Timeout: -1})
	for _, part := range []string{"no Secrets given", "no Prefix given", "no Ledger given", "negative Timeout -1ns"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
}

var _ = []ucwa.TokenSource{(*signin.Broker)(nil), (*signin.OAuth)(nil), (*signin.Guard)(nil)}

var _ func(context.Context, sipaddr.User) (string, error) = (*signin.OAuth)(nil).Fingerprint
