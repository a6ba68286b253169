package breaker_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/shared/breaker"
	"dialtone/shared/ledger/ledgertest"
)

func TestWhatTrips(t *testing.T) {
	t.Parallel()
	users := func(n int) string { return fmt.Sprint("Bearer ", n) }
	same := func(int) string { return "Bearer 1" }
	for name, c := range map[string]struct {
		answer      func(*http.Request) (*http.Response, error)
		credentials func(int) string
		cfg         func(*breaker.Config)
		after       int // calls until the first refusal; 0: none
	}{
		"connections":                {reset, same, nil, 5},
		"503 of one user":            {status(503), same, nil, 5},
		"500 of many users":          {status(500), users, nil, 5},
		"500 of one user":            {status(500), same, nil, 0},
		"429 of one user":            {status(429, "Retry-After", "60"), same, nil, 0},
		"429 of many users":          {status(429), users, nil, 5},
		"500, shared credentials":    {status(500), same, oneForAll, 5},
		"429, shared credentials":    {status(429), same, oneForAll, 5},
		"Retry-After speaks at once": {status(429, "Retry-After", "60"), same, oneForAll, 1},
		"refusals":                   {status(403), users, nil, 0},
		"two are enough":             {reset, same, func(c *breaker.Config) { c.Failures = 2 }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := &vendor{answer: c.answer}
			tr := process(t, v, ledgertest.NewMemory(), func(cfg *breaker.Config) {
				if c.cfg != nil {
					c.cfg(cfg)
				}
			})
			for n := range 20 {
				if f := call(t.Context(), tr, home, c.credentials(n)); (f != nil) != (c.after > 0 && n >= c.after) {
					t.Fatalf("call %d: refusal %v", n+1, f)
				}
			}
		})
	}
}

// TestRetryAfterIsKept: nobody calls before it is over, not for a probe either.
func TestRetryAfterIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, store := &vendor{answer: status(429, "Retry-After", "300")}, ledgertest.NewMemory()
		a, b := process(t, v, store, oneForAll), process(t, v, store, oneForAll)
		call(t.Context(), a, home)
		v.asked()
		for range 299 {
			time.Sleep(time.Second)
			if call(t.Context(), a, home) == nil || call(t.Context(), b, home) == nil {
				t.Fatal("called before Retry-After was over")
			}
		}
		v.does(status(200))
		time.Sleep(time.Second)
		for range 2 {
			if f := call(t.Context(), b, home); f != nil {
				t.Errorf("not called when Retry-After was over: %v", f)
			}
		}
	})
}

// TestRetryAfterOfAProbe is kept like any other.
func TestRetryAfterOfAProbe(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{answer: status(429, "Retry-After", "10")}
		tr := process(t, v, ledgertest.NewMemory(), oneForAll)
		call(t.Context(), tr, home)
		time.Sleep(10 * time.Second)
		v.does(status(503, "Retry-After", "300"))
		if f := call(t.Context(), tr, home); f != nil {
			t.Fatalf("no probe: %v", f)
		}
		if f := call(t.Context(), tr, home); f == nil || f.RetryAfter < 300*time.Second {
			t.Errorf("refused with %v, want 300 s at least", f)
		}
	})
}

// TestRetryAfterOfAPool: where callers differ, one answer with Retry-After pauses
// nobody else, as it may be one server's of many. Once the host is paused, it is
// kept.
func TestRetryAfterOfAPool(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &vendor{answer: status(503, "Retry-After", "100")}
		tr := process(t, v, ledgertest.NewMemory())
		for n := range 5 {
			if f := call(t.Context(), tr, home); f != nil {
				t.Fatalf("refused after %d answers: %v", n, f)
			}
		}
		if f := call(t.Context(), tr, home); f == nil || f.RetryAfter < 100*time.Second {
			t.Errorf("refused with %v, want 100 s at least", f)
		}
		time.Sleep(100 * time.Second)
		v.does(status(503, "Retry-After", "300"))
		if f := call(t.Context(), tr, home); f != nil {
			t.Fatalf("no probe: %v", f)
		}
		if f := call(t.Context(), tr, home); f == nil || f.RetryAfter < 300*time.Second {
			t.Errorf("refused after the probe with %v, want 300 s at least", f)
		}
	})
}

// TestCountedAnew: what a process counted before a pause that it slept through
// does not count after it.
func TestCountedAnew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v, store := &vendor{answer: reset}, ledgertest.NewMemory()
		a, b := process(t, v, store), process(t, v, store)
		for range 4 {
			call(t.Context(), b, home)
		}
		trip(t, a, v)
		v.does(nil)
		time.Sleep(5 * time.Second)
		call(t.Context(), a, home)
		v.does(reset)
		for n := range 5 {
			if f := call(t.Context(), b, home); f != nil {
				t.Fatalf("paused by failure %d: %v", n, f)
			}
		}
		if f := call(t.Context(), b, home); f == nil {
			t.Error("not paused by five failures")
		}
	})
}

// TestSuccessForgives: failures in a row count, others do not.
func TestSuccessForgives(t *testing.T) {
	t.Parallel()
	v := &vendor{}
	tr := process(t, v, ledgertest.NewMemory())
	for n := range 50 {
		v.does(reset)
		if n%5 == 4 {
			v.does(nil)
		}
		if f := call(t.Context(), tr, home); f != nil {
			t.Fatalf("refused: %v", f)
		}
	}
}
