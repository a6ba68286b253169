package httpretry_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/shared/httpretry"
)

// script is a RoundTripper that answers from a list, the last entry for ever.
type script struct {
	steps  []step
	at     []time.Duration // when each try was made, since the first
	bodies []string        // what each try sent
	open   int             // response bodies not closed
	first  time.Time
}

type step struct {
	status int // 0: err
	header string
	err    error
}

func (s *script) RoundTrip(req *http.Request) (*http.Response, error) {
	if s.first.IsZero() {
		s.first = time.Now()
	}
	do := s.steps[min(len(s.at), len(s.steps)-1)]
	s.at = append(s.at, time.Since(s.first))
	if req.Body != nil {
		b, _ := io.ReadAll(req.Body)
		_ = req.Body.Close()
		s.bodies = append(s.bodies, string(b))
	}
	if do.err != nil {
		return nil, do.err
	}
	s.open++
	h := http.Header{}
	if do.header != "" {
		h.Set("Retry-After", do.header)
	}
	return &http.Response{StatusCode: do.status, Header: h, Body: &tracked{strings.NewReader("answer"), s}, Request: req}, nil
}

type tracked struct {
	io.Reader
	s *script
}

func (b *tracked) Close() error { b.s.open--; return nil }

var errReset = errors.New("connection reset")

// still waits nothing for its own backoff, so that times are exact.
var still = httpretry.Backoff{Base: 1, Cap: 1}

func get(t *testing.T, ctx context.Context, method string, body io.Reader) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, method, "https://vendor.example.test/x", body)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestWhatIsRepeated(t *testing.T) {
	t.Parallel()
	ok := step{status: 200}
	repeatable := httpretry.Repeatable(t.Context())
	for _, c := range []struct {
		name   string
		ctx    context.Context
		method string
		body   io.Reader
		steps  []step
		tries  int
		status int // 0: an error
	}{
		{"success", nil, "GET", nil, []step{ok}, 1, 200},
		{"network error", nil, "GET", nil, []step{{err: errReset}, ok}, 2, 200},
		{"423", nil, "GET", nil, []step{{status: 423}, ok}, 2, 200},
		{"429", nil, "GET", nil, []step{{status: 429}, ok}, 2, 200},
		{"502 503 504", nil, "HEAD", nil, []step{{status: 502}, {status: 503}, {status: 504}, ok}, 4, 200},
		{"500 once", nil, "GET", nil, []step{{status: 500}, ok}, 2, 200},
		{"500 not twice", nil, "GET", nil, []step{{status: 500}, {status: 500}, ok}, 2, 500},
		{"500 not after another failure", nil, "GET", nil, []step{{status: 503}, {status: 500}, ok}, 2, 500},
		{"tries end with the answer", nil, "GET", nil, []step{{status: 503}}, 4, 503},
		{"tries end with the error", nil, "GET", nil, []step{{err: errReset}}, 4, 0},
		{"permanent", nil, "GET", nil, []step{{status: 404}, ok}, 1, 404},
		{"certificate", nil, "GET", nil, []step{{err: &tls.CertificateVerificationError{Err: errReset}}, ok}, 1, 0},
		{"POST", nil, "POST", strings.NewReader("b"), []step{{status: 503}, ok}, 1, 503},
		{"DELETE", nil, "DELETE", nil, []step{{err: errReset}, ok}, 1, 0},
		{"marked POST", repeatable, "POST", strings.NewReader("b"), []step{{status: 503}, {err: errReset}, ok}, 3, 200},
		{"marked DELETE", repeatable, "DELETE", nil, []step{{status: 503}, ok}, 2, 200},
		{"marked, but its body cannot be rewound", repeatable, "POST", io.MultiReader(strings.NewReader("b")), []step{{status: 503}, ok}, 1, 503},
		{"GET with a body that cannot be rewound", nil, "GET", io.MultiReader(strings.NewReader("b")), []step{{status: 503}, ok}, 1, 503},
	} {
		s := &script{steps: c.steps}
		ctx := c.ctx
		if ctx == nil {
			ctx = t.Context()
		}
		resp, err := (&httpretry.Transport{Base: s, Backoff: still}).RoundTrip(get(t, ctx, c.method, c.body))
		switch {
		case len(s.at) != c.tries:
			t.Errorf("%s: %d tries, want %d", c.name, len(s.at), c.tries)
		case c.status == 0 && err == nil || c.status != 0 && (err != nil || resp.StatusCode != c.status):
			t.Errorf("%s: %v %v, want status %d", c.name, resp, err, c.status)
		}
		for i, b := range s.bodies {
			if c.body != nil && b != "b" {
				t.Errorf("%s: try %d sent %q, want the whole body", c.name, i+1, b)
			}
		}
		if resp == nil {
			continue
		}
		if b, _ := io.ReadAll(resp.Body); string(b) != "answer" {
			t.Errorf("%s: last answer reads %q, want it untouched", c.name, b)
		}
		if _ = resp.Body.Close(); s.open != 0 {
			t.Errorf("%s: %d response bodies left open", c.name, s.open)
		}
	}
}

func TestTriesAndRetryAreConfigurable(t *testing.T) {
	t.Parallel()
	teapot := func(try httpretry.Try) bool { return try.Response.StatusCode == 418 }
	for _, c := range []struct {
		tr     httpretry.Transport
		status int
		tries  int
	}{
		{httpretry.Transport{Tries: 2}, 503, 2},
		{httpretry.Transport{Tries: 1}, 503, 1},
		{httpretry.Transport{Tries: -1}, 503, 1},
		{httpretry.Transport{MaxWait: -1}, 503, 1},
		{httpretry.Transport{Retry: teapot}, 418, 4},
		{httpretry.Transport{Retry: teapot}, 503, 1},
	} {
		s := &script{steps: []step{{status: c.status}}}
		c.tr.Base, c.tr.Backoff = s, still
		if _, err := c.tr.RoundTrip(get(t, t.Context(), "GET", nil)); err != nil || len(s.at) != c.tries {
			t.Errorf("%+v: %d tries %v, want %d", c.tr, len(s.at), err, c.tries)
		}
	}
}

func TestHonoursRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []step{
			{status: 429, header: "2"},
			{status: 503, header: time.Now().Add(5 * time.Second).UTC().Format(http.TimeFormat)},
			{status: 429, header: "rubbish"},
			{status: 200},
		}}
		tr := httpretry.Transport{Base: s, Backoff: still, MaxWait: 3 * time.Second}
		if _, err := tr.RoundTrip(get(t, t.Context(), "GET", nil)); err != nil {
			t.Fatal(err)
		}
		want := []time.Duration{0, 2 * time.Second, 5 * time.Second, 5 * time.Second}
		for i, w := range want {
			if got := s.at[i]; got < w || got > w+10 {
				t.Errorf("try %d after %v, want %v", i+1, got, w)
			}
		}
	})
}

// TestJitterIsAddedToRetryAfter guards against callers who were all told the
// same time coming back at the same time, and against jitter that makes a wait
// that fits one that does not.
func TestJitterIsAddedToRetryAfter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		seen := map[time.Duration]bool{}
		for range 50 {
			s := &script{steps: []step{{status: 429, header: "2"}, {status: 200}}}
			tr := httpretry.Transport{Base: s, MaxWait: 2100 * time.Millisecond, Backoff: httpretry.Backoff{Base: time.Minute, Cap: time.Minute}}
			if _, err := tr.RoundTrip(get(t, t.Context(), "GET", nil)); err != nil || len(s.at) != 2 {
				t.Fatalf("%d tries, %v, want 2", len(s.at), err)
			}
			if s.at[1] < 2*time.Second || s.at[1] > 2100*time.Millisecond {
				t.Fatalf("second try after %v, want 2 s to 2.1 s", s.at[1])
			}
			seen[s.at[1]] = true
		}
		s := &script{steps: []step{{status: 429, header: "2"}, {status: 200}}}
		tr := httpretry.Transport{Base: s, Backoff: httpretry.Backoff{Base: 90 * time.Millisecond}, MaxWait: time.Minute}
		if _, err := tr.RoundTrip(get(t, t.Context(), "GET", nil)); err != nil || s.at[1] < 2*time.Second || s.at[1] > 2090*time.Millisecond {
			t.Errorf("second try after %v, %v, want 2 s and at most the jitter", s.at, err)
		}
	})
}

func TestGivesUpRatherThanWaitLong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		soon, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		for _, c := range []struct {
			name string
			ctx  context.Context
			tr   httpretry.Transport
			step step
		}{
			{"longer than MaxWait", t.Context(), httpretry.Transport{Backoff: still}, step{status: 429, header: "3"}},
			{"beyond any duration", t.Context(), httpretry.Transport{Backoff: still}, step{status: 429, header: "99999999999999999999"}},
			{"past the deadline", soon, httpretry.Transport{Backoff: still}, step{status: 429, header: "1"}},
			{"backoff past the deadline", soon, httpretry.Transport{Backoff: httpretry.Backoff{Base: 1e18, Cap: 1e18}, MaxWait: 1e18}, step{status: 503}},
			{"backoff longer than MaxWait", t.Context(), httpretry.Transport{Backoff: httpretry.Backoff{Base: 1e18, Cap: 1e18}, MaxWait: 1}, step{status: 503}},
		} {
			s := &script{steps: []step{c.step, {status: 200}}}
			c.tr.Base = s
			start := time.Now()
			resp, err := c.tr.RoundTrip(get(t, c.ctx, "GET", nil))
			if err != nil || resp.StatusCode != c.step.status || resp.Header.Get("Retry-After") != c.step.header {
				t.Errorf("%s: %v %v, want the first answer untouched", c.name, resp, err)
				continue
			}
			if b, _ := io.ReadAll(resp.Body); string(b) != "answer" || time.Since(start) != 0 {
				t.Errorf("%s: body %q after %v, want all of it at once", c.name, b, time.Since(start))
			}
		}
	})
}

func TestWaitEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(httpretry.Repeatable(t.Context()))
		time.AfterFunc(time.Second, cancel)
		s := &script{steps: []step{{status: 429, header: "60"}}}
		start := time.Now()
		tr := httpretry.Transport{Base: s, MaxWait: time.Hour}
		_, err := tr.RoundTrip(get(t, ctx, "POST", strings.NewReader("b")))
		if !errors.Is(err, context.Canceled) || time.Since(start) != time.Second || len(s.at) != 1 || s.open != 0 {
			t.Errorf("%v after %v, %d tries, %d open, want canceled after 1 s", err, time.Since(start), len(s.at), s.open)
		}
		if _, err := tr.RoundTrip(get(t, ctx, "GET", nil)); err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("ended context: %v", err)
		}
	})
}

func TestOverRealHTTP(t *testing.T) {
	t.Parallel()
	var calls, conns atomic.Int32
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch calls.Add(1) {
		case 1, 2:
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write(bytes.Repeat([]byte("x"), 32<<10))
		case 3:
			panic(http.ErrAbortHandler) // reset without an answer
		default:
			_, _ = w.Write(body)
		}
	}))
	srv.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			conns.Add(1)
		}
	}
	srv.Start()
	defer srv.Close()
	base := &http.Transport{}
	client := &http.Client{Transport: &httpretry.Transport{Base: base, Backoff: still}}
	defer client.CloseIdleConnections()
	req := get(t, httpretry.Repeatable(t.Context()), http.MethodPut, strings.NewReader("hello"))
	req.URL, _ = req.URL.Parse(srv.URL)
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if b, _ := io.ReadAll(resp.Body); string(b) != "hello" || calls.Load() != 4 {
		t.Errorf("answer %q after %d calls, want the body sent, after 4", b, calls.Load())
	}
	if conns.Load() != 2 {
		t.Errorf("%d connections, want 2: one until the reset, one after it", conns.Load())
	}
}

func Example() {
	calls := 0
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if calls++; calls < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer srv.Close()

	client := &http.Client{Transport: &httpretry.Transport{
		Tries:   5,
		Backoff: httpretry.Backoff{Base: time.Millisecond},
		MaxWait: time.Second, // a longer Retry-After is handed to the caller
	}}
	resp, err := client.Get(srv.URL)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	fmt.Println(resp.StatusCode, "after", calls, "tries")
	// Output: 200 after 3 tries
}
