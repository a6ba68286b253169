package webexsecret_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/signin"
	"dialtone/shared/webex"
	"dialtone/shared/webexsecret"
)

// Two processes of several callers race for the renewal, over HTTP, again and
// again: one refresh each time, and what it issued is what is kept.
func TestOneRefreshAmongProcesses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		age      time.Duration
		rejected bool
		every    bool // all callers get the new token
	}{
		"due":      {age: 8 * day},
		"ended":    {age: 15 * day, every: true},
		"rejected": {age: day, rejected: true, every: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cloud := newCloud(t, webexsim.Config{})
			server := httptest.NewServer(cloud.webex.Handler())
			t.Cleanup(server.Close)
			cloud.sign(t, signed(c.age))
			for round := 1; round <= 3; round++ {
				before := cloud.kept(t)
				tokens := race(t, cloud, server, c.rejected)
				after := cloud.kept(t)
				if n := cloud.refreshes(); n != round {
					t.Fatalf("round %d: %d refreshes in all", round, n)
				}
				if after.RefreshToken == before.RefreshToken || after.AccessToken == before.AccessToken {
					t.Fatalf("round %d: the secret was not renewed", round)
				}
				for _, token := range tokens {
					if token != after.AccessToken && (c.every || token != before.AccessToken) || !cloud.valid(token) {
						t.Errorf("round %d: a caller got a token that is neither the old nor the new one", round)
					}
				}
				after.IssuedAt, after.ExpiresAt = signed(c.age).IssuedAt, signed(c.age).ExpiresAt
				cloud.sign(t, after)
			}
		})
	}
}

// race lets three callers in each of two fresh processes ask at once.
func race(t *testing.T, cloud *cloud, server *httptest.Server, rejected bool) (tokens []string) {
	t.Helper()
	var mu sync.Mutex
	var callers sync.WaitGroup
	old := cloud.kept(t).AccessToken
	for range 2 {
		p := cloud.start(t, server.Client().Transport, server.URL+"/v1")
		if rejected {
			if token, err := p.Token(t.Context()); err != nil || token != old {
				t.Fatalf("token %q, %v before the race", token, err)
			}
		}
		for range 3 {
			callers.Go(func() {
				ask := p.Token
				if rejected {
					ask = func(ctx context.Context) (string, error) { return p.Refresh(ctx, old) }
				}
				token, err := ask(t.Context())
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				tokens = append(tokens, token)
			})
		}
	}
	callers.Wait()
	return tokens
}

// Whatever the age of a token, known or not, no refresh happens without the lock.
func TestRefreshesHoldTheLock(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{true, false} {
		for age := time.Duration(0); age <= 15*day; age += 12 * time.Hour {
			for _, near := range []time.Duration{0, time.Second, 2 * time.Second, time.Minute, -time.Second} {
				synctest.Test(t, func(t *testing.T) {
					cloud := newCloud(t, webexsim.Config{})
					c := signed(age + near)
					if !known {
						c.IssuedAt = time.Time{}
					}
					cloud.sign(t, c)
					watch := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						l := ledger.New(cloud.items, ledger.Options{})
						_, err := l.Lock(r.Context(), "webex/"+secretName, time.Now().Add(time.Second))
						if _, held := errors.AsType[*ledger.LockedError](err); !held {
							t.Errorf("age %s, known %t: refresh without the lock", age+near, known)
						}
						cloud.webex.Handler().ServeHTTP(w, r)
					})
					p := cloud.start(t, inside{watch}, "http://localhost/v1")
					if _, err := p.Token(t.Context()); err != nil {
						t.Errorf("age %s: %v", age+near, err)
					}
				})
			}
		}
	}
}

// Whoever gets the lock because somebody has just finished looks again.
func TestRenewedJustBeforeTheLock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(t, webexsim.Config{})
		cloud.sign(t, signed(8*day))
		first := cloud.start(t, inside{cloud.webex.Handler()}, "http://localhost/v1")
		second := cloud.start(t, inside{cloud.webex.Handler()}, "http://localhost/v1")
		second.afterRead = func() {
			if _, err := first.Token(t.Context()); err != nil {
				t.Error(err)
			}
		}
		token, err := second.Token(t.Context())
		if err != nil || token != cloud.kept(t).AccessToken || cloud.refreshes() != 1 {
			t.Errorf("%v, %d refreshes", err, cloud.refreshes())
		}
	})
}

// The rest of the secret survives, and what came before does not.
func TestSaveKeepsOtherFields(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(t, webexsim.Config{})
		cloud.sign(t, signed(15*day))
		fields := strings.Replace(string(cloud.stored[secretName]), "{", `{"note":"ours","webhook":{"a":1},`, 1)
		cloud.stored[secretName] = []byte(fields)
		p := cloud.start(t, inside{cloud.webex.Handler()}, "http://localhost/v1")
		token, err := p.Token(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		got := cloud.fields(t)
		if got["note"] != "ours" || got["webhook"] == nil || got["accessToken"] != token || got["clientId"] != "webexsim-client" || len(got) != 8 {
			t.Errorf("the secret is %v", got)
		}
	})
}

// A process dies after the refresh and before the save, with the only copy of
// the new refresh token. See Keeper.Load for what is promised.
func TestCrashBetweenRefreshAndSave(t *testing.T) {
	t.Parallel()
	for name, rotates := range map[string]bool{"refresh token rotates": true, "refresh token stays": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cloud := newCloud(t, webexsim.Config{KeepRefreshToken: !rotates})
				cloud.sign(t, signed(8*day))
				dying := cloud.start(t, inside{cloud.webex.Handler()}, "http://localhost/v1")
				dying.fails(errTest)
				if _, err := dying.Token(t.Context()); err == nil || cloud.refreshes() != 1 {
					t.Fatalf("an unsaved token was given out: %v, %d refreshes", err, cloud.refreshes())
				}
				heir := cloud.start(t, inside{cloud.webex.Handler()}, "http://localhost/v1")
				token, err := heir.Token(t.Context())
				if err != nil || !cloud.valid(token) || cloud.refreshes() != 1 {
					t.Fatalf("while the dead holds the lock: %v, %d refreshes", err, cloud.refreshes())
				}
				time.Sleep(21 * time.Second)
				late := cloud.start(t, inside{cloud.webex.Handler()}, "http://localhost/v1")
				token, err = late.Token(t.Context())
				if err != nil || !cloud.valid(token) || cloud.refreshes() != 2 {
					t.Fatalf("after its time: %v, %d refreshes", err, cloud.refreshes())
				}
				if renewed := token != signed(0).AccessToken; renewed == rotates {
					t.Errorf("renewed %t, although the refresh token rotates %t", renewed, rotates)
				}
				if rotates {
					lostForGood(t, cloud, late)
				}
			})
		})
	}
}

// lostForGood: the access token serves to its end, refreshes are not repeated,
// and a new authorisation heals.
func lostForGood(t *testing.T, cloud *cloud, p *process) {
	t.Helper()
	for range 100 {
		time.Sleep(time.Minute)
		if token, err := p.Token(t.Context()); err != nil || !cloud.valid(token) {
			t.Fatalf("the access token is not used to its end: %v", err)
		}
	}
	if n := cloud.refreshes(); n != 2 {
		t.Errorf("%d refreshes with a dead refresh token", n)
	}
	time.Sleep(7 * day)
	_, err := p.Token(t.Context())
	if e, ok := errors.AsType[*webex.Error](err); !ok || e.Class != failure.Denied {
		t.Errorf("at the end of the access token: %v", err)
	}
	authorised := signed(0)
	authorised.AccessToken, authorised.RefreshToken = "authorised anew", "new"
	cloud.sign(t, authorised)
	time.Sleep(2 * time.Minute)
	if token, err := p.Token(t.Context()); err != nil || token != "authorised anew" {
		t.Errorf("after a new authorisation: %q, %v", token, err)
	}
}

// A save that fails for a while is made up for by the same process; nobody else
// refreshes meanwhile, and nothing is lost.
func TestSaveIsMadeUpFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(t, webexsim.Config{})
		cloud.sign(t, signed(15*day))
		p := cloud.start(t, inside{cloud.webex.Handler()}, "http://localhost/v1")
		other := cloud.start(t, inside{cloud.webex.Handler()}, "http://localhost/v1")
		p.fails(errTest)
		if _, err := p.Token(t.Context()); err == nil {
			t.Fatal("an unsaved token was given out")
		}
		if _, err := other.Token(t.Context()); err == nil || !strings.Contains(err.Error(), "another process renews") {
			t.Fatalf("the other did not wait: %v", err)
		}
		p.fails(nil)
		time.Sleep(6 * time.Second)
		token, err := p.Token(t.Context())
		if err != nil || token != cloud.kept(t).AccessToken {
			t.Fatalf("the save was not made up for: %v", err)
		}
		time.Sleep(6 * time.Second)
		if got, err := other.Token(t.Context()); err != nil || got != token || cloud.refreshes() != 1 {
			t.Errorf("the other: %v, %d refreshes", err, cloud.refreshes())
		}
	})
}

// A process that thaws with a renewal whose lock is long gone still saves it,
// but not over a new authorisation.
func TestLateSave(t *testing.T) {
	t.Parallel()
	for name, anew := range map[string]bool{"nothing happened": false, "authorised anew": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				cloud := newCloud(t, webexsim.Config{})
				cloud.sign(t, signed(15*day))
				p := cloud.start(t, inside{cloud.webex.Handler()}, "http://localhost/v1")
				p.fails(errTest)
				if _, err := p.Token(t.Context()); err == nil {
					t.Fatal("an unsaved token was given out")
				}
				time.Sleep(time.Hour)
				want := ""
				if anew {
					c := signed(0)
					c.RefreshToken, want = "new", "new"
					cloud.sign(t, c)
				}
				p.fails(nil)
				token, err := p.Token(t.Context())
				if err != nil || !cloud.valid(token) {
					t.Fatalf("token %v", err)
				}
				kept := cloud.kept(t)
				if got := kept.RefreshToken; got == signed(0).RefreshToken || anew != (got == "new") || anew && got != want {
					t.Errorf("kept refresh token %q", got)
				}
			})
		})
	}
}

// A vendor that does not answer costs nobody the lock for long.
func TestRefreshFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cloud := newCloud(t, webexsim.Config{})
		cloud.sign(t, signed(15*day))
		if _, err := cloud.webex.Script().Add(simkit.Fault{Operation: "accessToken", Status: 503, Times: 2}); err != nil {
			t.Fatal(err)
		}
		p := cloud.start(t, inside{cloud.webex.Handler()}, "http://localhost/v1")
		other := cloud.start(t, inside{cloud.webex.Handler()}, "http://localhost/v1")
		for range 2 {
			if _, err := p.Token(t.Context()); err == nil {
				t.Fatal("a token without an answer")
			}
			time.Sleep(6 * time.Second)
		}
		if _, err := p.Token(t.Context()); err != nil {
			t.Errorf("the same process, holding the lock still: %v", err)
		}
		if token, err := other.Token(t.Context()); err != nil || token != cloud.kept(t).AccessToken {
			t.Errorf("the other: %v", err)
		}
	})
}

func TestLoad(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, secret, want string
	}{
		{"no secret", "", "there is no secret dialtone/webex"},
		{"no JSON", `token-0123456789`, "is not a JSON object"},
		{"access token alone", `{"accessToken":"a"}`, ""},
		{"no end known", `{"accessToken":"a","refreshToken":"r"}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cloud := newCloud(t, webexsim.Config{})
			if c.secret != "" {
				cloud.stored[secretName] = []byte(c.secret)
			}
			got, err := cloud.start(t, nil, "http://localhost/v1").keeper.Load(t.Context())
			if c.want == "" && (err != nil || got.AccessToken != "a") || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, %v", got.AccessToken, err)
			}
			if err != nil && strings.Contains(err.Error(), "0123456789") {
				t.Errorf("the error quotes the secret: %v", err)
			}
		})
	}
}

// Whatever keeps the secret from being read, whoever mends it learns by which
// variable it was named.
func TestLoadNamesTheVariable(t *testing.T) {
	t.Parallel()
	cloud := newCloud(t, webexsim.Config{})
	p := cloud.start(t, nil, "http://localhost/v1")
	_, err := p.keeper.Load(t.Context())
	if f := failure.As(err); f == nil || f.Class != failure.Unavailable || !strings.Contains(f.Advice, "WEBEX_SECRET_ID") || !errors.Is(err, signin.ErrNoSecret) {
		t.Errorf("no secret: %v, %+v", err, f)
	}
	p.reading = errTest
	if _, err := p.keeper.Load(t.Context()); !errors.Is(err, errTest) || !strings.Contains(err.Error(), "WEBEX_SECRET_ID") {
		t.Errorf("%v does not name the variable", err)
	}
}

func TestNewReportsEverything(t *testing.T) {
	t.Parallel()
	_, err := webexsecret.New(webexsecret.Config{Hold: -1})
	for _, part := range []string{"no Secrets given", "no Name given", "no Ledger given", "negative Hold -1ns"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%v does not say %q", err, part)
		}
	}
}
