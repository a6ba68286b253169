package simkit_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/infra/sim/simkit"
)

// shop is the smallest simulator: POST /buy counts, GET /look shows.
type shop struct {
	script *simkit.Script
	bought atomic.Int64
	url    string
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/buy":
		s.bought.Add(1)
		w.WriteHeader(http.StatusNoContent)
	case "/look":
		w.Header().Set("X-Own", "kept")
		_, _ = io.WriteString(w, "a window full of hats")
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func newScript(t *testing.T, c simkit.Config) *simkit.Script {
	t.Helper()
	c.Identify = func(r *http.Request) (string, string) {
		return strings.TrimPrefix(r.URL.Path, "/"), r.Header.Get("X-User")
	}
	s, err := simkit.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func open(t *testing.T, c simkit.Config, faults ...simkit.Fault) *shop {
	t.Helper()
	s := &shop{script: newScript(t, c)}
	if _, err := s.script.Add(faults...); err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.script.Middleware(s))
	t.Cleanup(func() { s.script.Clear(); srv.Close() })
	s.url = srv.URL
	return s
}

// visit does not let the transport repeat a request: each call is one arrival.
func (s *shop) visit(ctx context.Context, path, user string) (int, string, http.Header, error) {
	req, _ := http.NewRequestWithContext(ctx, http.MethodPost, s.url+path, strings.NewReader("x"))
	req.Header.Set("X-User", user)
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, "", nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), res.Header, err
}

func TestFaultDecidesAnswerAndWhetherTheRequestIsCarriedOut(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		fault   simkit.Fault
		path    string
		status  int // 0: transport error
		body    string
		bought  int64
		applied bool
	}{
		{"none", simkit.Fault{Operation: "other", Status: 500}, "/buy", 204, "", 1, true},
		{"status instead", simkit.Fault{Status: 503, Code: "C", Subcode: "S"}, "/buy", 503, `"subcode": "S"`, 0, false},
		{"status afterwards", simkit.Fault{Status: 503, Apply: true}, "/buy", 503, "", 1, true},
		{"html", simkit.Fault{HTML: true}, "/buy", 503, "<html>", 0, false},
		{"body", simkit.Fault{Body: "\ufeff{"}, "/buy", 200, "\ufeff{", 0, false},
		{"reset before", simkit.Fault{ResetBefore: true}, "/buy", 0, "", 0, false},
		{"reset after", simkit.Fault{ResetAfter: true}, "/buy", 0, "", 1, true},
		{"truncate", simkit.Fault{Truncate: 8}, "/look", 200, "a window", 0, true},
		{"headers only", simkit.Fault{Truncate: -1}, "/look", 200, "", 0, true},
		{"truncate nothing", simkit.Fault{Truncate: 5}, "/buy", 204, "", 1, true},
		{"truncated error", simkit.Fault{Status: 500, Body: "0123456789", Truncate: 4}, "/buy", 500, "0123", 0, false},
		{"refused by the simulator itself", simkit.Fault{Header: map[string]string{"A": "b"}}, "/gone", 404, "", 0, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, simkit.Config{}, tt.fault)
			status, body, _, err := s.visit(t.Context(), tt.path, "")
			if status != tt.status || !strings.Contains(body, tt.body) {
				t.Errorf("got %d %q (%v), want %d with %q", status, body, err, tt.status, tt.body)
			}
			if tt.fault.Truncate != 0 && tt.path != "/buy" && (err == nil || body != tt.body) {
				t.Errorf("got %q, error %v, want exactly %q and an error", body, err, tt.body)
			}
			if tt.status == 0 && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("got error %v, want a connection reset", err)
			}
			if got := s.bought.Load(); got != tt.bought {
				t.Errorf("carried out %d times, want %d", got, tt.bought)
			}
			reqs := s.script.Requests(simkit.Filter{})
			if len(reqs) != 1 || reqs[0].Applied != tt.applied || reqs[0].Status != tt.status {
				t.Errorf("history %+v, want one request with status %d, applied %v", reqs, tt.status, tt.applied)
			}
		})
	}
}

func TestFaultAddsHeadersToTheAnswerItLeaves(t *testing.T) {
	t.Parallel()
	s := open(t, simkit.Config{}, simkit.Fault{Header: map[string]string{"Retry-After": "7"}})
	status, body, header, err := s.visit(t.Context(), "/look", "")
	if err != nil || status != 200 || body != "a window full of hats" {
		t.Fatalf("got %d %q, %v", status, body, err)
	}
	if header.Get("Retry-After") != "7" || header.Get("X-Own") != "kept" {
		t.Errorf("got headers %v", header)
	}
}

func TestWhichRequestsAFaultTakes(t *testing.T) {
	t.Parallel()
	s := open(t, simkit.Config{},
		simkit.Fault{Name: "ada", Operation: "buy", User: "Ada@contoso.test", After: 1, Times: 2, Status: 500},
		simkit.Fault{Name: "rest", User: "bob@contoso.test", Status: 418})
	var got []int
	for range 5 {
		status, _, _, _ := s.visit(t.Context(), "/buy", "ada@contoso.test")
		got = append(got, status)
	}
	status, _, _, _ := s.visit(t.Context(), "/look", "ada@contoso.test")
	got = append(got, status)
	status, _, _, _ = s.visit(t.Context(), "/buy", "bob@contoso.test")
	got = append(got, status)
	want := []int{204, 500, 500, 204, 204, 200, 418}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
	if f := s.script.Faults()[0]; f.Fired != 2 || f.Matched != 3 {
		t.Errorf("got fired %d, matched %d, want 2 and 3", f.Fired, f.Matched)
	}
	if reqs := s.script.Requests(simkit.Filter{Operation: "buy", User: "ADA@contoso.test"}); len(reqs) != 5 || reqs[1].Fault != "ada" {
		t.Errorf("got history %+v", reqs)
	}
}

func TestRateIsSeeded(t *testing.T) {
	t.Parallel()
	run := func(seed uint64) (out string) {
		s := newScript(t, simkit.Config{Seed: seed})
		if _, err := s.Add(simkit.Fault{Rate: 0.3, Status: 500}); err != nil {
			t.Fatal(err)
		}
		h := s.Middleware(http.NotFoundHandler())
		for range 1000 {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/x", nil))
			out += string(rune('0' + w.Code/100))
		}
		return out
	}
	if first, again := run(1), run(1); first != again {
		t.Error("one seed gave two sequences")
	}
	if run(1) == run(2) {
		t.Error("two seeds gave one sequence")
	}
	if n := strings.Count(run(3), "5"); n < 230 || n > 370 {
		t.Errorf("rate 0.3 fired %d times of 1000", n)
	}
}

func TestLatencyAndHang(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(t, simkit.Config{MinLatency: 20 * time.Millisecond, MaxLatency: 200 * time.Millisecond})
		h := s.Middleware(http.NotFoundHandler())
		serve := func(ctx context.Context) (took time.Duration, aborted bool) {
			start := time.Now()
			defer func() { took, aborted = time.Since(start), recover() == http.ErrAbortHandler }()
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/x", nil))
			return
		}
		seen := map[time.Duration]bool{}
		for range 50 {
			took, _ := serve(t.Context())
			if took < 20*time.Millisecond || took > 200*time.Millisecond {
				t.Fatalf("latency %v outside of 20 to 200 ms", took)
			}
			seen[took] = true
		}
		if len(seen) < 10 {
			t.Errorf("only %d different latencies", len(seen))
		}
		if err := s.SetLatency(0, 0); err != nil {
			t.Fatal(err)
		}
		added, err := s.Add(simkit.Fault{Latency: simkit.Duration(time.Second), Hang: true})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if took, aborted := serve(ctx); took != time.Minute || !aborted {
			t.Errorf("hang ended after %v, aborted %v; want when the caller gives up", took, aborted)
		}
		go func() { time.Sleep(time.Hour); s.Remove(added[0].ID) }()
		if took, aborted := serve(t.Context()); took != time.Hour || !aborted {
			t.Errorf("hang ended after %v, aborted %v; want when the fault is removed", took, aborted)
		}
	})
}

func TestHistoryIsBoundedAndCountsAreNot(t *testing.T) {
	t.Parallel()
	s := newScript(t, simkit.Config{History: 3})
	h := s.Middleware(http.NotFoundHandler())
	for _, p := range []string{"/a", "/b", "/c", "/d", "/a?q=1"} {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, p, nil))
	}
	var paths []string
	for _, r := range s.Requests(simkit.Filter{}) {
		paths = append(paths, r.Path)
	}
	if got := strings.Join(paths, " "); got != "/c /d /a?q=1" {
		t.Errorf("kept %s", got)
	}
	if c := s.Counts(); c["a"] != 2 || c["b"] != 1 {
		t.Errorf("counts %v", c)
	}
	s.Forget()
	if len(s.Requests(simkit.Filter{})) != 0 || len(s.Counts()) != 0 {
		t.Error("something is left after Forget")
	}
}

func TestScriptIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	s := open(t, simkit.Config{History: 10}, simkit.Fault{Rate: 0.5, Status: 500})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				_, _, _, _ = s.visit(t.Context(), "/buy", "")
				s.script.Requests(simkit.Filter{})
				added, _ := s.script.Add(simkit.Fault{Operation: "none", HTML: true})
				s.script.Remove(added[0].ID)
			}
		})
	}
	wg.Wait()
	if f := s.script.Faults(); len(f) != 1 || f[0].Matched != 80 || int64(80-f[0].Fired) != s.bought.Load() {
		t.Errorf("got %+v, carried out %d", f, s.bought.Load())
	}
}

func TestControl(t *testing.T) {
	t.Parallel()
	s := newScript(t, simkit.Config{Operations: []string{"buy", "look"}})
	h := s.Control()
	tests := []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/healthz", "", 200, `"ok"`},
		{"GET", "/state", "", 200, `{}`},
		{"POST", "/faults", `{"operation":"buy","latency":"150ms","name":"slow"}`, 201, `"latency": "150ms"`},
		{"POST", "/faults", `[{"status":500},{"html":true}]`, 201, `"id": "3"`},
		{"GET", "/faults", "", 200, `"fired": 0`},
		{"DELETE", "/faults/slow", "", 200, `"removed": 1`},
		{"DELETE", "/faults/slow", "", 404, `"field": "id"`},
		{"POST", "/faults", `{"operation":"bye","status":500}`, 400, `use one of buy, look`},
		{"POST", "/faults", `{"stauts":500}`, 400, `"field": "stauts"`},
		{"POST", "/faults", `{"latency":150}`, 400, `"field": "latency"`},
		{"POST", "/faults", `{"latency":"fast"}`, 400, `150ms`},
		{"POST", "/faults", `{"status":"500"}`, 400, `"field": "status"`},
		{"POST", "/faults", `{"rate":2,"status":500}`, 400, `"field": "rate"`},
		{"POST", "/faults", `{"code":"X"}`, 400, `"field": "status"`},
		{"POST", "/faults", `{}`, 400, `does nothing`},
		{"POST", "/faults", `[{"html":true},{"status":7}]`, 400, `"field": "[1].status"`},
		{"POST", "/faults", `{"html":true} x`, 400, `mend`},
		{"POST", "/latency", `{"min":"20ms","max":"200ms"}`, 200, `"200ms"`},
		{"GET", "/latency", "", 200, `"20ms"`},
		{"POST", "/latency", `{"min":"2s","max":"1s"}`, 400, `"field": "min"`},
		{"GET", "/requests?operation=buy", "", 200, `"requests": []`},
		{"DELETE", "/requests", "", 204, ``},
		{"DELETE", "/faults", "", 200, `"removed": 2`},
		{"PUT", "/faults", "", 404, `POST`},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(tt.method, tt.path, strings.NewReader(tt.body)))
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s %s %s: got %d %s, want %d with %s", tt.method, tt.path, tt.body, w.Code, w.Body, tt.status, tt.want)
		}
		if tt.status >= 400 {
			var e simkit.Invalid
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || len(e.Problems) == 0 || e.Problems[0].Mend == "" {
				t.Errorf("%s %s %s: answer %s does not say what to mend", tt.method, tt.path, tt.body, w.Body)
			}
		}
	}
}

func TestNewRefusesBadConfig(t *testing.T) {
	t.Parallel()
	id := func(*http.Request) (string, string) { return "", "" }
	for _, c := range []simkit.Config{{}, {Identify: id, History: -1}, {Identify: id, MinLatency: 2, MaxLatency: 1}} {
		if _, err := simkit.New(c); err == nil {
			t.Errorf("accepted %+v", c)
		}
	}
}
