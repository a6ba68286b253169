package breaker_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/shared/breaker"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
)

// vendor answers every call at once, unless it is slow.
type vendor struct {
	mu      sync.Mutex
	answer  func(*http.Request) (*http.Response, error) // nil: 200
	calls   []time.Time
	running int
	most    int // calls at a time
	took    time.Duration
}

func (v *vendor) RoundTrip(r *http.Request) (*http.Response, error) {
	v.mu.Lock()
	v.calls = append(v.calls, time.Now())
	v.running++
	v.most = max(v.most, v.running)
	answer, took := v.answer, v.took
	v.mu.Unlock()
	defer func() {
		v.mu.Lock()
		v.running--
		v.mu.Unlock()
	}()
	if took > 0 {
		select {
		case <-time.After(took):
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	if answer == nil {
		return status(http.StatusOK)(r)
	}
	return answer(r)
}

func (v *vendor) does(answer func(*http.Request) (*http.Response, error)) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.answer = answer
}

// asked returns how many calls came since it was asked last.
func (v *vendor) asked() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	n := len(v.calls)
	v.calls, v.most = nil, v.running
	return n
}

func status(code int, header ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		h := http.Header{}
		for i := 0; i+1 < len(header); i += 2 {
			h.Set(header[i], header[i+1])
		}
		return &http.Response{StatusCode: code, Header: h, Body: http.NoBody}, nil
	}
}

func reset(*http.Request) (*http.Response, error) { return nil, errors.New("connection reset") }

const home = "https://pool.contoso.test/ucwa"

// process returns a transport as another process with the same ledger has it.
func process(t testing.TB, v *vendor, store ledger.Store, adjust ...func(*breaker.Config)) *breaker.Transport {
	t.Helper()
	cfg := breaker.Config{Vendor: "ucwa", Ledger: ledger.New(store, ledger.Options{}), Base: v, PerUser: true}
	for _, a := range adjust {
		a(&cfg)
	}
	tr, err := breaker.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func oneForAll(c *breaker.Config) { c.PerUser = false }

// call makes one call and returns the refusal if it was not let through.
func call(ctx context.Context, tr *breaker.Transport, target string, credentials ...string) *failure.Error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader("body"))
	if err != nil {
		panic(err)
	}
	for _, c := range credentials {
		req.Header.Set("Authorization", c)
	}
	_, err = tr.RoundTrip(req)
	return failure.As(err)
}

// trip lets a host fail until it is paused.
func trip(t testing.TB, tr *breaker.Transport, v *vendor) {
	t.Helper()
	v.does(reset)
	for range 5 {
		if f := call(t.Context(), tr, home); f != nil {
			t.Fatalf("refused too early: %v", f)
		}
	}
	if f := call(t.Context(), tr, home); f == nil {
		t.Fatal("let through after five failures in a row")
	}
	v.asked()
}

func TestRefusal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{}
		tr := process(t, v, ledgertest.NewMemory())
		trip(t, tr, v)
		body := &closing{Reader: strings.NewReader("secret")}
		req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, home, body)
		_, err := tr.RoundTrip(req)
		f := failure.As(err)
		if f == nil || !errors.Is(err, failure.ErrPaused) || f.Class != failure.Unavailable || f.Advice == "" || f.Upstream.System != "ucwa" {
			t.Fatalf("refused with %#v", err)
		}
		if f.RetryAfter < 4*time.Second || f.RetryAfter > 5*time.Second {
			t.Errorf("to come back after %s, want 4 to 5 s", f.RetryAfter)
		}
		for _, part := range []string{"ucwa/pool.contoso.test:443", "connection lost"} {
			if !strings.Contains(f.Reason, part) {
				t.Errorf("reason %q does not tell %q", f.Reason, part)
			}
		}
		if !body.closed || v.asked() > 0 {
			t.Error("something was sent, or the body is left open")
		}
		if f := call(t.Context(), tr, "https://other.contoso.test/"); f != nil {
			t.Errorf("another host is paused, too: %v", f)
		}
		if f := call(t.Context(), tr, "http://pool.contoso.test/"); f != nil {
			t.Errorf("another port is paused, too: %v", f)
		}
		if f := call(t.Context(), tr, "https://POOL.contoso.test:443/x"); f == nil {
			t.Error("the same host by another spelling is not paused")
		}
	})
}

type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }

// TestTwoProcesses: one pauses, the other hears of it before its next call. When
// the pause is over one call of one of them goes through.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, store := &vendor{}, ledgertest.NewMemory()
		a, b := process(t, v, store), process(t, v, store)
		trip(t, a, v)
		if f := call(t.Context(), b, home); f == nil {
			t.Fatal("the other process calls what is paused")
		}
		v.took = time.Second
		for round := range 3 {
			time.Sleep(5 * time.Second)
			refused := crowd(t, 10, a, b)
			if n := v.asked(); n != 1 || refused != 19 {
				t.Errorf("round %d: %d calls and %d refusals of 20 at a time, want one probe", round, n, refused)
			}
		}
		v.does(nil)
		time.Sleep(5 * time.Second)
		if refused := crowd(t, 10, a, b); refused != 19 || v.asked() != 1 {
			t.Errorf("%d refusals, want 19", refused)
		}
		time.Sleep(5 * time.Second)
		if refused := crowd(t, 10, a, b); refused != 0 {
			t.Errorf("%d refusals after a probe that succeeded", refused)
		}
	})
}

// crowd makes calls of each process at once and returns how many were refused.
func crowd(t *testing.T, each int, all ...*breaker.Transport) int {
	var refused atomic.Int64
	var done sync.WaitGroup
	for _, tr := range all {
		for range each {
			done.Go(func() {
				if call(t.Context(), tr, home) != nil {
					refused.Add(1)
				}
			})
		}
	}
	done.Wait()
	return int(refused.Load())
}

// TestCrashedProbe: a probe whose process died is followed by another.
func TestCrashedProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, store := &vendor{}, ledgertest.NewMemory()
		trip(t, process(t, v, store), v)
		time.Sleep(5 * time.Second)
		l := ledger.New(store, ledger.Options{})
		p, err := l.Pause(t.Context(), "ucwa/pool.contoso.test:443")
		if err != nil {
			t.Fatal(err)
		}
		if _, granted, err := l.Probe(t.Context(), p, time.Now().Add(15*time.Second)); err != nil || !granted {
			t.Fatal("no probe for the one who dies", err)
		}
		v.does(nil)
		tr := process(t, v, store)
		f := call(t.Context(), tr, home)
		if f == nil || f.RetryAfter > 20*time.Second {
			t.Fatalf("refused with %v", f)
		}
		time.Sleep(f.RetryAfter)
		if f := call(t.Context(), tr, home); f != nil {
			t.Errorf("no probe after the dead one's: %v", f)
		}
	})
}

// TestSilentProbe: a probe that tells nothing makes room for the next at once.
func TestSilentProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, store := &vendor{}, ledgertest.NewMemory()
		tr := process(t, v, store)
		trip(t, tr, v)
		time.Sleep(5 * time.Second)
		v.took = time.Minute
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		call(ctx, tr, home)
		v.took = 0
		v.does(nil)
		if f := call(t.Context(), tr, home); f != nil {
			t.Errorf("no other probe: %v", f)
		}
	})
}

// TestReady answers without a probe.
func TestReady(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{}
		tr := process(t, v, ledgertest.NewMemory())
		pool, _ := url.Parse(home)
		other, _ := url.Parse("https://other.contoso.test")
		if err := tr.Ready(t.Context(), pool); err != nil {
			t.Fatal(err)
		}
		trip(t, tr, v)
		if err := tr.Ready(t.Context(), pool); !errors.Is(err, failure.ErrPaused) {
			t.Errorf("paused, but ready: %v", err)
		}
		if err := tr.Ready(t.Context(), pool, other); err != nil {
			t.Errorf("one of two is not paused: %v", err)
		}
		if err := tr.Ready(t.Context()); err != nil {
			t.Error(err)
		}
		time.Sleep(5 * time.Second)
		if err := tr.Ready(t.Context(), pool); err != nil {
			t.Errorf("due for a probe, but not ready: %v", err)
		}
		if err := tr.Ready(t.Context(), pool); !errors.Is(err, failure.ErrPaused) {
			t.Errorf("two are sent ahead: %v", err)
		}
		time.Sleep(5 * time.Second)
		if err := tr.Ready(t.Context(), pool); err != nil {
			t.Errorf("nobody follows one who did not come to the probe: %v", err)
		}
		v.does(nil)
		if f := call(t.Context(), tr, home); f != nil {
			t.Errorf("the probe was used up: %v", f)
		}
	})
}

// TestReadyHearsOfProbes: who is at the end of a pause as it was known asks again.
func TestReadyHearsOfProbes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, store := &vendor{}, ledgertest.NewMemory()
		a, b := process(t, v, store), process(t, v, store)
		trip(t, a, v)
		pool, _ := url.Parse(home)
		time.Sleep(3 * time.Second)
		if err := b.Ready(t.Context(), pool); err == nil {
			t.Error("paused, but ready")
		}
		time.Sleep(time.Second)
		if f := call(t.Context(), a, home); f != nil {
			t.Fatalf("no probe: %v", f)
		}
		if err := b.Ready(t.Context(), pool); err == nil {
			t.Error("ready after the probe of another process failed")
		}
	})
}

// TestLedgerReads: a busy process asks the ledger once in 5 s for each host.
func TestLedgerReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &counting{Store: ledgertest.NewMemory()}
		tr := process(t, &vendor{}, store)
		for range 100 {
			crowd(t, 10, tr)
			time.Sleep(100 * time.Millisecond)
		}
		if n := store.n.Load(); n > 3 {
			t.Errorf("%d ledger operations for 1000 calls in 10 s, want 2 or 3", n)
		}
	})
}

type counting struct {
	ledger.Store
	n    atomic.Int64
	down atomic.Bool
}

func (c *counting) Get(ctx context.Context, k ledger.Key) (ledger.Item, error) {
	c.n.Add(1)
	if c.down.Load() {
		return ledger.Item{}, errors.New("the table is away")
	}
	return c.Store.Get(ctx, k)
}

func (c *counting) Put(ctx context.Context, i ledger.Item) error {
	c.n.Add(1)
	if c.down.Load() {
		return errors.New("the table is away")
	}
	return c.Store.Put(ctx, i)
}

// TestWithoutLedger: a process pauses by itself what the ledger cannot hear of.
func TestWithoutLedger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := &counting{Store: ledgertest.NewMemory()}
		store.down.Store(true)
		v := &vendor{}
		tr := process(t, v, store)
		trip(t, tr, v)
		store.down.Store(false)
		v.does(nil)
		time.Sleep(5 * time.Second)
		if f := call(t.Context(), tr, home); f != nil {
			t.Errorf("still paused: %v", f)
		}
	})
}

func TestConfigProblems(t *testing.T) {
	t.Parallel()
	_, err := breaker.New(breaker.Config{Vendor: "a/b", Failures: -1})
	for _, name := range []string{"Vendor", "Ledger", "Failures"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}
