package webex_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/webex"
)

func TestRefresherRenewsEarlyAndSavesFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vault{stored: signedIn(0, fortnight)}
		r := refresher(t, v, tokenServer(v, time.Second))
		token, err := r.Token(t.Context())
		expect(t, v, "at the start", token, err, "a0", "load")
		time.Sleep(7*24*time.Hour - time.Second)
		token, err = r.Token(t.Context())
		expect(t, v, "just before half of its life", token, err, "a0")
		time.Sleep(time.Second)
		token, err = r.Token(t.Context())
		expect(t, v, "at half of its life", token, err, "a1", "load", "refresh r1", "save r2")
		if want := time.Now().Add(fortnight - time.Second); !v.stored.ExpiresAt.Equal(want) || v.stored.ClientSecret != "secret" {
			t.Errorf("stored %#v ends %v, want %v, counted from before the call", v.stored, v.stored.ExpiresAt, want)
		}
		token, err = r.Token(t.Context())
		expect(t, v, "right after", token, err, "a1")
		time.Sleep(8 * 24 * time.Hour)
		token, err = r.Token(t.Context())
		expect(t, v, "the second time", token, err, "a2", "load", "refresh r2", "save r3")
	})
}

func TestRefresherWithoutAnIssueTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vault{stored: signedIn(0, 25*time.Hour)}
		v.stored.IssuedAt = time.Time{}
		r := refresher(t, v, tokenServer(v, 0))
		token, err := r.Token(t.Context())
		expect(t, v, "25 h before the end", token, err, "a0", "load")
		time.Sleep(time.Hour)
		token, err = r.Token(t.Context())
		expect(t, v, "24 h before the end", token, err, "a1", "load", "refresh r1", "save r2")

		v = &vault{stored: signedIn(0, 0)}
		v.stored.IssuedAt, v.stored.ExpiresAt = time.Time{}, time.Time{}
		r = refresher(t, v, tokenServer(v, 0))
		token, err = r.Token(t.Context())
		expect(t, v, "no end known", token, err, "a0", "load")
		token, err = r.Refresh(t.Context(), "a0")
		expect(t, v, "no end known, refused", token, err, "a1", "load", "refresh r1", "save r2")

		v = &vault{stored: signedIn(0, 0)}
		v.stored.AccessToken = ""
		r = refresher(t, v, tokenServer(v, 0))
		token, err = r.Token(t.Context())
		expect(t, v, "no access token", token, err, "a1", "load", "refresh r1", "save r2")
	})
}

func TestRefresherIsSingleFlight(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vault{stored: signedIn(time.Hour, fortnight)}
		r := refresher(t, v, tokenServer(v, 2*time.Second))
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if token, err := r.Refresh(t.Context(), "a0"); err != nil || token != "a1" {
					t.Errorf("%q %v, want a1", token, err)
				}
			})
		}
		wg.Wait()
		if e := v.drain(); !slices.Equal(e, []string{"load", "refresh r1", "save r2"}) {
			t.Errorf("%q happened, want one refresh", e)
		}
	})
}

// TestACallerWhoLeavesDoesNotStopTheRenewal: given up half way, the rotated
// refresh token would be lost and with it the app's access.
func TestACallerWhoLeavesDoesNotStopTheRenewal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vault{stored: signedIn(time.Hour, fortnight)}
		r := refresher(t, v, tokenServer(v, 4*time.Second))
		leaving, leave := context.WithCancel(t.Context())
		impatient, done := context.WithTimeout(t.Context(), 2*time.Second)
		defer done()
		time.AfterFunc(time.Second, leave)
		var wg sync.WaitGroup
		wg.Go(func() { _, _ = r.Refresh(leaving, "a0") })
		wg.Go(func() {
			synctest.Wait()
			time.Sleep(500 * time.Millisecond)
			start := time.Now()
			if _, err := r.Token(impatient); !errors.Is(err, context.DeadlineExceeded) || asError(t, err).Class != failure.Unavailable || time.Since(start) != 1500*time.Millisecond {
				t.Errorf("%v after %v, want to stop waiting at its own deadline", err, time.Since(start))
			}
		})
		time.Sleep(500 * time.Millisecond)
		if token, err := r.Refresh(t.Context(), "a0"); err != nil || token != "a1" {
			t.Errorf("other caller: %q %v, want the new token", token, err)
		}
		wg.Wait()
		if e := v.drain(); !slices.Equal(e, []string{"load", "refresh r1", "save r2"}) {
			t.Errorf("%q happened, want one complete renewal", e)
		}
	})
}

// An answer that comes at the last moment holds the only good refresh token, too:
// there is time left to save it.
func TestALateAnswerIsSaved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vault{stored: signedIn(time.Hour, fortnight), slow: time.Second}
		r := refresher(t, v, tokenServer(v, 7900*time.Millisecond))
		token, err := r.Refresh(t.Context(), "a0")
		expect(t, v, "late answer", token, err, "a1", "load", "refresh r1", "save r2")
	})
}

// A renewal ends with its caller's time, so that nothing goes on after it, and is
// not begun when that is too short for most answers.
func TestRenewalFitsIntoItsCallersTime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		have   time.Duration // of the caller
		left   time.Duration // of the access token
		server time.Duration
		want   string // token; "": none
		events []string
		took   time.Duration
	}{
		{"no time and no token", time.Second, -time.Second, 0, "", []string{"load"}, 0},
		{"no time, a token that is due", time.Second, time.Hour, 0, "a0", []string{"load"}, 0},
		{"enough time", 5 * time.Second, -time.Second, 4 * time.Second, "a1", []string{"load", "refresh r1", "save r2"}, 4 * time.Second},
		{"answer after the caller's time", 5 * time.Second, -time.Second, 6 * time.Second, "", []string{"load"}, 5 * time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := &vault{stored: signedIn(fortnight, c.left)}
				r := refresher(t, v, tokenServer(v, c.server))
				ctx, cancel := context.WithTimeout(t.Context(), c.have)
				defer cancel()
				start := time.Now()
				token, err := r.Token(ctx)
				if took, events := time.Since(start), v.drain(); token != c.want || took != c.took || !slices.Equal(events, c.events) {
					t.Errorf("%q, %v, after %s with %q", token, err, took, events)
				}
				if c.want == "" && asError(t, err).Class != failure.Unavailable {
					t.Errorf("%v, want unavailable", err)
				}
				time.Sleep(time.Minute) // the server ends, too
			})
		})
	}
}

func TestADeadRefreshTokenIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vault{stored: signedIn(time.Hour, fortnight)}
		v.stored.RefreshToken = "gone"
		r := refresher(t, v, tokenServer(v, 0))
		_, err := r.Refresh(t.Context(), "a0")
		e := asError(t, err)
		cause := asError(t, e.Err)
		if e.Class != failure.Denied || e.Operation != "refreshToken" || cause.Status != 400 || cause.TrackingID != "ROUTER" || cause.Method != "POST" {
			t.Errorf("%v, want denied, with what Webex said", err)
		}
		if e := v.drain(); !slices.Equal(e, []string{"load", "refresh gone", "load"}) {
			t.Errorf("%q happened, want one refresh and a look for other credentials", e)
		}
		for range 10 {
			if _, err := r.Refresh(t.Context(), "a0"); asError(t, err).Class != failure.Denied {
				t.Errorf("%v, want denied", err)
			}
		}
		if e := v.drain(); len(e) != 0 {
			t.Errorf("%q happened, want nothing", e)
		}
		time.Sleep(time.Hour)
		if _, err := r.Refresh(t.Context(), "a0"); asError(t, err).Class != failure.Denied || asError(t, asError(t, err).Err).Status != 400 {
			t.Errorf("an hour later %v, want the same", err)
		}
		if e := v.drain(); !slices.Equal(e, []string{"load"}) {
			t.Errorf("%q happened, want a look for other credentials, no refresh", e)
		}
		v.put(func(c *webex.Credentials) { c.RefreshToken = "r1" })
		time.Sleep(time.Minute)
		token, err := r.Refresh(t.Context(), "a0")
		expect(t, v, "after somebody mended it", token, err, "a1", "load", "refresh r1", "save r2")
	})
}

func TestADeadRefreshTokenLeavesAValidAccessToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vault{stored: signedIn(fortnight, time.Hour)}
		v.stored.RefreshToken = "gone"
		r := refresher(t, v, tokenServer(v, 0))
		for range 3 {
			if token, err := r.Token(t.Context()); err != nil || token != "a0" {
				t.Errorf("%q %v, want the old token until its end", token, err)
			}
		}
		if e := v.drain(); !slices.Equal(e, []string{"load", "refresh gone", "load"}) {
			t.Errorf("%q happened, want one refresh", e)
		}
		time.Sleep(time.Hour)
		if _, err := r.Token(t.Context()); asError(t, err).Class != failure.Denied {
			t.Errorf("%v after its end, want denied", err)
		}
	})
}

func TestAnotherProcessRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vault{stored: signedIn(time.Hour, fortnight)}
		server := tokenServer(v, 0)
		other := refresher(t, v, server)
		r := refresher(t, v, func(w http.ResponseWriter, req *http.Request) {
			// Overtaken between the load and the refresh.
			if _, err := other.Refresh(t.Context(), "a1"); err != nil {
				t.Error(err)
			}
			server(w, req)
		})
		if token, err := r.Token(t.Context()); err != nil || token != "a0" {
			t.Fatal(token, err)
		}
		if token, err := other.Refresh(t.Context(), "a0"); err != nil || token != "a1" {
			t.Fatal(token, err)
		}
		v.drain()
		token, err := r.Refresh(t.Context(), "a0")
		expect(t, v, "before we began", token, err, "a1", "load")
		time.Sleep(time.Minute)
		token, err = r.Refresh(t.Context(), "a1")
		expect(t, v, "while we refreshed", token, err, "a2", "load", "load", "refresh r2", "save r3", "refresh r2", "load")
	})
}

func TestAnOutageCostsFewCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vault{stored: signedIn(time.Hour, fortnight)}
		down := inTurn(status(503, "<html>", "Retry-After", "60"), func(http.ResponseWriter, *http.Request) { panic("reset") },
			status(200, `{"token_type":"Bearer"}`), status(200, `<html>`), status(302, ""), status(403, ""))
		r := refresher(t, v, func(w http.ResponseWriter, req *http.Request) { v.log("refresh"); down(w, req) })
		for i, rest := range []time.Duration{60 * time.Second, 5 * time.Second, 5 * time.Second, 5 * time.Second, 5 * time.Second} {
			for range 5 {
				_, err := r.Refresh(t.Context(), "a0")
				if e := asError(t, err); e.Class != failure.Unavailable || e.RetryAfter > rest {
					t.Errorf("attempt %d: %+v, want unavailable, RetryAfter at most %v", i+1, e, rest)
				}
			}
			if e := v.drain(); !slices.Equal(e, []string{"load", "refresh"}) {
				t.Errorf("attempt %d: %q happened, want one refresh", i+1, e)
			}
			time.Sleep(rest)
		}
		if _, err := r.Refresh(t.Context(), "a0"); asError(t, err).Class != failure.Denied {
			t.Errorf("403: %v, want denied", err)
		}
	})
}

func TestRenewedCredentialsSurviveAFailedSave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vault{stored: signedIn(time.Hour, fortnight), saveErr: errors.New("store is down")}
		r := refresher(t, v, tokenServer(v, 0))
		if token, err := r.Refresh(t.Context(), "a0"); asError(t, err).Class != failure.Unavailable || !errors.Is(err, v.saveErr) {
			t.Errorf("%q %v, want unavailable: what is not saved is not used", token, err)
		}
		if token, err := r.Token(t.Context()); err == nil {
			t.Errorf("token %q handed out before it was saved", token)
		}
		v.drain()
		v.put(func(*webex.Credentials) { v.saveErr = nil })
		time.Sleep(5 * time.Second)
		token, err := r.Token(t.Context())
		expect(t, v, "when the store is back", token, err, "a1", "save r2")
	})
}

func TestLoadFails(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vault{loadErr: errors.New("store is down")}
		r := refresher(t, v, tokenServer(v, 0))
		for range 3 {
			if _, err := r.Token(t.Context()); asError(t, err).Class != failure.Unavailable || !errors.Is(err, v.loadErr) {
				t.Errorf("%v, want unavailable", err)
			}
		}
		if e := v.drain(); len(e) != 1 {
			t.Errorf("%q happened, want one load", e)
		}
	})
}

func TestAccessTokenAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vault{stored: webex.Credentials{AccessToken: "a0", ExpiresAt: time.Now().Add(time.Hour)}}
		r := refresher(t, v, tokenServer(v, 0))
		for range 3 {
			if token, err := r.Token(t.Context()); err != nil || token != "a0" {
				t.Errorf("%q %v", token, err)
			}
		}
		if e := v.drain(); len(e) != 1 {
			t.Errorf("%q happened, want one load", e)
		}
		if _, err := r.Refresh(t.Context(), "a0"); asError(t, err).Class != failure.Denied {
			t.Errorf("refused: %v, want denied", err)
		}
		time.Sleep(time.Hour)
		if _, err := r.Token(t.Context()); asError(t, err).Class != failure.Denied {
			t.Errorf("ended: %v, want denied", err)
		}
	})
}

// TestANewTokenThatIsRefusedIsNotRefreshedAtOnce guards against a refresh for
// every request when the token lacks a permission.
func TestANewTokenThatIsRefusedIsNotRefreshedAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vault{stored: signedIn(time.Hour, fortnight)}
		r := refresher(t, v, tokenServer(v, 0))
		if _, err := r.Refresh(t.Context(), "a0"); err != nil {
			t.Fatal(err)
		}
		v.drain()
		time.Sleep(time.Second)
		for range 3 {
			_, err := r.Refresh(t.Context(), "a1")
			if e := asError(t, err); e.Class != failure.Unavailable || e.RetryAfter <= 0 || e.RetryAfter > 5*time.Second {
				t.Errorf("%+v, want unavailable for some seconds", e)
			}
		}
		if e := v.drain(); len(e) != 0 {
			t.Errorf("%q happened, want nothing", e)
		}
		if token, err := r.Token(t.Context()); err != nil || token != "a1" {
			t.Errorf("%q %v, want the token for others", token, err)
		}
		time.Sleep(5 * time.Second)
		token, err := r.Refresh(t.Context(), "a1")
		expect(t, v, "later", token, err, "a2", "load", "refresh r2", "save r3")
	})
}

func TestCredentialsAreNotPrinted(t *testing.T) {
	t.Parallel()
	c := signedIn(0, fortnight)
	var logs strings.Builder
	slog.New(slog.NewJSONHandler(&logs, nil)).Info("x", "c", c, "p", &c, "t", webex.StaticToken("secret"))
	text := fmt.Sprintf("%v %+v %#v %s %q %v %#v", c, c, c, c, c, webex.StaticToken("secret"), webex.StaticToken("secret")) + logs.String()
	for _, secret := range []string{"secret", "r1", "a0"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q shows in %s", secret, text)
		}
	}
	b, err := json.Marshal(webex.Credentials{AccessToken: "a"})
	if err != nil || string(b) != `{"accessToken":"a"}` {
		t.Errorf("%s %v, want the stored form to keep what is set", b, err)
	}
}

func TestNewRefresherReportsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := webex.NewRefresher(webex.RefresherConfig{BaseURL: "http://webexapis.com/v1", Timeout: -1})
	for _, word := range []string{"BaseURL", "Secrets", "Timeout"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v does not name %s", err, word)
		}
	}
}
