package webex_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dialtone/shared/webex"
)

// vault is Secrets in memory. It writes down what happens in order, and so does
// the token endpoint of tokenServer.
type vault struct {
	mu      sync.Mutex
	stored  webex.Credentials
	events  []string
	loadErr error
	saveErr error
	slow    time.Duration // how long a save takes
}

func (v *vault) Load(ctx context.Context) (webex.Credentials, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.events = append(v.events, "load")
	return v.stored, errors.Join(v.loadErr, ctx.Err())
}

func (v *vault) Save(ctx context.Context, c webex.Credentials) error {
	select {
	case <-time.After(v.slow):
	case <-ctx.Done():
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.events = append(v.events, "save "+c.RefreshToken)
	if err := errors.Join(v.saveErr, ctx.Err()); err != nil {
		return err
	}
	v.stored = c
	return nil
}

func (v *vault) put(change func(*webex.Credentials)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	change(&v.stored)
}

func (v *vault) log(event string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.events = append(v.events, event)
}

// drain returns the events since the last call.
func (v *vault) drain() []string {
	v.mu.Lock()
	defer v.mu.Unlock()
	events := v.events
	v.events = nil
	return events
}

const fortnight = 14 * 24 * time.Hour

// tokenServer rotates r1 to r2, r2 to r3 and so on, each good once, and issues
// a1, a2, ... for 14 days, after taking its time.
func tokenServer(v *vault, latency time.Duration) http.HandlerFunc {
	var mu sync.Mutex
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(latency)
		mu.Lock()
		defer mu.Unlock()
		form, _ := url.ParseQuery(readAll(r))
		v.log("refresh " + form.Get("refresh_token"))
		if r.Method != http.MethodPost || r.URL.Path != "/v1/access_token" || r.Header.Get("Authorization") != "" ||
			form.Get("grant_type") != "refresh_token" || form.Get("client_id") != "id" || form.Get("client_secret") != "secret" {
			status(401, `{"message":"bad client"}`)(w, r)
			return
		}
		if form.Get("refresh_token") != fmt.Sprintf("r%d", n+1) {
			status(400, `{"message":"invalid refresh token","errors":[{"errorCode":1}],"trackingId":"ROUTER"}`)(w, r)
			return
		}
		n++
		status(200, fmt.Sprintf(`{"access_token":"a%d","expires_in":1209600,"refresh_token":"r%d","refresh_token_expires_in":7776000,"token_type":"Bearer"}`, n, n+1))(w, r)
	}
}

func readAll(r *http.Request) string {
	var b strings.Builder
	buf := make([]byte, 1024)
	for {
		n, err := r.Body.Read(buf)
		b.Write(buf[:n])
		if err != nil {
			return b.String()
		}
	}
}

// signedIn are credentials whose access token a0 ends after left, issued age ago.
func signedIn(age, left time.Duration) webex.Credentials {
	now := time.Now()
	return webex.Credentials{
		ClientID: "id", ClientSecret: "secret", RefreshToken: "r1", AccessToken: "a0", IssuedAt: now.Add(-age), ExpiresAt: now.Add(left),
	}
}

func refresher(t *testing.T, v *vault, handler http.HandlerFunc) *webex.Refresher {
	t.Helper()
	r, err := webex.NewRefresher(webex.RefresherConfig{Secrets: v, HTTP: &http.Client{Transport: leaving{&memory{handler: handler}}}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// leaving gives up when the context of the request does, as a network does.
type leaving struct{ next http.RoundTripper }

func (l leaving) RoundTrip(req *http.Request) (*http.Response, error) {
	type end struct {
		resp *http.Response
		err  error
	}
	ended := make(chan end, 1)
	go func() {
		resp, err := l.next.RoundTrip(req)
		ended <- end{resp, err}
	}()
	select {
	case e := <-ended:
		return e.resp, e.err
	case <-req.Context().Done():
		return nil, req.Context().Err()
	}
}

// expect fails unless the token and the events since the last call are as given.
func expect(t *testing.T, v *vault, step, got string, err error, want string, events ...string) {
	t.Helper()
	if err != nil || got != want {
		t.Errorf("%s: token %q, %v, want %q", step, got, err, want)
	}
	if e := v.drain(); !slices.Equal(e, events) {
		t.Errorf("%s: %q happened, want %q", step, e, events)
	}
}
