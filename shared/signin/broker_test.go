package signin_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/signin"
	"dialtone/shared/ucwa"
)

func broker(t testing.TB, url string, timeout time.Duration) *signin.Broker {
	t.Helper()
	b, err := signin.NewBroker(signin.BrokerConfig{URL: url, Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBrokerToken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, answer string
		status       int
		life         time.Duration // 0: not known
	}{
		{"number", `{"accessToken":"cwt=abc","expiresIn":28800}`, 200, 8 * time.Hour},
		{"text", `{"accessToken":"cwt=abc","expiresIn":"28800","more":1}`, 200, 8 * time.Hour},
		{"created", `{"accessToken":"cwt=abc","expiresIn":1.5}`, 201, 1500 * time.Millisecond},
		{"no life", `{"accessToken":"cwt=abc"}`, 200, 0},
		{"life is over", `{"accessToken":"cwt=abc","expiresIn":-1}`, 200, 0},
		{"absurd life", `{"accessToken":"cwt=abc","expiresIn":1e300}`, 200, 365 * 24 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, reply(c.status, c.answer))
			before := time.Now()
			got, err := broker(t, server.URL+"/token", 0).Token(t.Context(), ask("https://pool.contoso.test/WebTicket/oauthtoken"))
			if err != nil || got.Value != "cwt=abc" {
				t.Fatalf("got %v", err)
			}
			if c.life == 0 != got.Expires.IsZero() || c.life != 0 && (got.Expires.Before(before.Add(c.life)) || got.Expires.After(time.Now().Add(c.life))) {
				t.Errorf("expires %s, want %s after %s", got.Expires, c.life, before)
			}
		})
	}
}

func TestBrokerRequest(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ask  ucwa.TokenRequest
		want string
	}{
		{"token endpoint", ask("https://pool.contoso.test/t"), `{"user":"ada@contoso.test","tokenUrl":"https://pool.contoso.test/t","grantTypes":["password"]}`},
		{"no grants", ucwa.TokenRequest{User: ada, URL: "https://p/t", Resource: "https://p"}, `{"user":"ada@contoso.test","tokenUrl":"https://p/t","grantTypes":[]}`},
		{
			"modern authentication only",
			ucwa.TokenRequest{User: ada, AuthorizationURI: "https://login.test/a", Resource: "https://p"},
			`{"user":"ada@contoso.test","tokenUrl":"","grantTypes":[],"authorizationUri":"https://login.test/a","resource":"https://p"}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var method, media string
			server := serve(t, func(w http.ResponseWriter, r *http.Request) {
				method, media = r.Method, r.Header.Get("Content-Type")
				reply(200, `{"accessToken":"a"}`)(w, r)
			})
			if _, err := broker(t, server.URL, 0).Token(t.Context(), c.ask); err != nil {
				t.Fatal(err)
			}
			if got := server.sent()[0]; got != c.want || method != "POST" || media != "application/json" || !json.Valid([]byte(got)) {
				t.Errorf("sent %s %s %s, want %s", method, media, got, c.want)
			}
		})
	}
}

func TestBrokerErrors(t *testing.T) {
	t.Parallel()
	refusal := `{"error":"invalid_grant","message":"user 0123456789012 with password=s3cret is locked"}`
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		want   want
	}{
		{"400", reply(400, `{}`), want{class: failure.Denied, status: 400}},
		{"401", reply(401, `no JSON`), want{class: failure.Denied, status: 401}},
		{"403 with code", reply(403, refusal), want{class: failure.Denied, status: 403, code: "invalid_grant"}},
		{"404", reply(404, `<html>s3cret</html>`), want{class: failure.Denied, status: 404}},
		{"409", reply(409, ``), want{class: failure.Denied, status: 409}},
		{"400 invalid request", reply(400, `{"error":"invalid_request"}`), want{class: failure.Invalid, status: 400, code: "invalid_request"}},
		{"400 that passes", reply(400, `{"error":"temporarily_unavailable"}`), want{class: failure.Unavailable, status: 400, code: "temporarily_unavailable"}},
		{"code that is none", reply(403, `{"error":"s3cret 0123456789012"}`), want{class: failure.Denied, status: 403}},
		{"408", reply(408, ``), want{class: failure.Unavailable, status: 408}},
		{"425", reply(425, ``), want{class: failure.Unavailable, status: 425}},
		{"429", reply(429, ``, "Retry-After: 30"), want{class: failure.Unavailable, status: 429, retryAfter: 30 * time.Second}},
		{"429 without wait", reply(429, ``), want{class: failure.Unavailable, status: 429}},
		{"500", reply(500, refusal), want{class: failure.Unavailable, status: 500, code: "invalid_grant"}},
		{"502", reply(502, `<html>`), want{class: failure.Unavailable, status: 502}},
		{"503", reply(503, ``, "Retry-After: 120"), want{class: failure.Unavailable, status: 503, retryAfter: 2 * time.Minute}},
		{"redirect", reply(307, ``, "Location: http://127.0.0.1:1/"), want{class: failure.Unavailable, status: 307}},
		{"no token", reply(200, `{"expiresIn":10}`), want{class: failure.Unavailable, status: 200}},
		{"no JSON", reply(200, `s3cret`), want{class: failure.Unavailable, status: 200}},
		{"empty", reply(200, ``), want{class: failure.Unavailable, status: 200}},
		{"bad life", reply(200, `{"accessToken":"s3cret","expiresIn":"soon"}`), want{class: failure.Unavailable, status: 200}},
		{"too much", reply(200, `{"accessToken":"`+strings.Repeat("s3cret", 20000)+`"}`), want{class: failure.Unavailable, status: 200}},
		{"cut off", reply(200, `{"accessToken":"s3cret`, "Content-Length: 100"), want{class: failure.Unavailable, status: 200}},
		{"reset", reset, want{class: failure.Unavailable}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			server := serve(t, c.answer)
			_, err := broker(t, server.URL+"/?key=s3cret", 0).Token(t.Context(), ask("https://pool.contoso.test/t"))
			expect(t, err, c.want)
			if n := len(server.sent()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestBrokerIsSlowOrGone(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := serve(t, func(http.ResponseWriter, *http.Request) { <-release })
	defer close(release)
	_, err := broker(t, server.URL, 20*time.Millisecond).Token(t.Context(), ask(""))
	expect(t, err, want{class: failure.Unavailable})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = broker(t, server.URL, 0).Token(ctx, ask(""))
	expect(t, err, want{class: failure.Unavailable})
	gone := serve(t, reply(200, `{}`))
	gone.Close()
	_, err = broker(t, gone.URL+"/?key=s3cret", 0).Token(t.Context(), ask(""))
	expect(t, err, want{class: failure.Unavailable})
}

func TestBrokerConfig(t *testing.T) {
	t.Parallel()
	for url, fine := range map[string]bool{
		"https://broker.contoso.test/token": true, "http://127.0.0.1:8000/": true, "http://[::1]:8000/": true, "http://localhost/": true,
		"": false, "http://broker.contoso.test/": false, "ftp://broker.contoso.test/": false, "https:///token": false,
		"https://user:pw@broker.contoso.test/": false, "https://broker.contoso.test/#x": false, "://": false, "http://127.0.0.1.contoso.test/": false,
	} {
		if _, err := signin.NewBroker(signin.BrokerConfig{URL: url}); (err == nil) != fine {
			t.Errorf("%q: %v", url, err)
		}
	}
	if _, err := signin.NewBroker(signin.BrokerConfig{URL: "http://broker.contoso.test/", AllowHTTP: true}); err != nil {
		t.Errorf("http, allowed: %v", err)
	}
	_, err := signin.NewBroker(signin.BrokerConfig{Timeout: -1})
	if err == nil || !strings.Contains(err.Error(), "the URL must be") || !strings.Contains(err.Error(), "negative Timeout -1ns") {
		t.Errorf("not everything is reported: %v", err)
	}
}
