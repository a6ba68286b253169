package webex_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/webex"
)

func TestRetryAfterPausesEveryCaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		var mu sync.Mutex
		good := page(nil, num(1))
		c, _ := connect(t, webex.Config{MaxWait: 3 * time.Second}, func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			at = append(at, time.Since(start))
			n := len(at)
			mu.Unlock()
			if n == 1 {
				status(429, "", "Retry-After", "2")(w, r)
				return
			}
			good(w, r)
		})
		var wg sync.WaitGroup
		for i := range 5 {
			wg.Go(func() {
				time.Sleep(time.Duration(i) * 300 * time.Millisecond)
				if err := first(t.Context(), c); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(at) != 6 {
			t.Fatalf("%d requests, want one refused and five answered", len(at))
		}
		for i, d := range at[1:] {
			if d < 2*time.Second || d > 3*time.Second {
				t.Errorf("request %d after %v, want 2 s to 3 s", i+2, d)
			}
		}
	})
}

func TestALongRetryAfterIsHandedBackAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		code   int
		header []string
		wait   time.Duration
	}{
		"429":                   {429, []string{"Retry-After", "30"}, 30 * time.Second},
		"423":                   {423, []string{"Retry-After", "30"}, 30 * time.Second},
		"503":                   {503, []string{"Retry-After", "30"}, 30 * time.Second},
		"429 that says nothing": {429, nil, 5 * time.Second},
		"429 that says rubbish": {429, []string{"Retry-After", "soon"}, 5 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			client, m := connect(t, webex.Config{}, inTurn(status(c.code, `{"message":"slow down"}`, append(c.header, "TrackingID", "ROUTER")...), page(nil, num(1))))
			start := time.Now()
			e := asError(t, first(t.Context(), client))
			if e.Class != failure.Unavailable || e.Status != c.code || e.RetryAfter != c.wait || e.TrackingID != "ROUTER" || time.Since(start) != 0 {
				t.Errorf("%s: %+v after %v, want the answer at once with RetryAfter %v", name, e, time.Since(start), c.wait)
			}
			time.Sleep(time.Second)
			e = asError(t, first(t.Context(), client))
			if e.Class != failure.Unavailable || e.Status != 0 || e.RetryAfter != c.wait-time.Second || e.Operation != "availableNumbers" || len(m.seen()) != 1 {
				t.Errorf("%s: next caller got %+v after %d requests, want RetryAfter %v without a call", name, e, len(m.seen()), c.wait-time.Second)
			}
			time.Sleep(c.wait - time.Second)
			if err := first(t.Context(), client); err != nil {
				t.Errorf("%s: after the pause: %v", name, err)
			}
		})
	}
}

func TestAnAbsurdRetryAfterDoesNotCloseTheClientForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := connect(t, webex.Config{}, inTurn(status(429, "", "Retry-After", "99999999999999999999"), page(nil, num(1))))
		if e := asError(t, first(t.Context(), c)); e.RetryAfter < 1<<62 {
			t.Errorf("RetryAfter %v, want what was asked for", e.RetryAfter)
		}
		time.Sleep(24 * time.Hour)
		if err := first(t.Context(), c); err != nil {
			t.Errorf("a day later: %v", err)
		}
	})
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, m := connect(t, webex.Config{Rate: 2, Burst: 3, MaxWait: time.Second}, page(nil, num(1)))
		start := time.Now()
		for range 5 {
			if err := first(t.Context(), c); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("5 calls took %v, want 3 at once and 2 in one second", d)
		}
		var refused, passed int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				err := first(t.Context(), c)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					passed++
					return
				}
				if e := asError(t, err); e.Class == failure.Unavailable && e.RetryAfter > time.Second && e.Status == 0 {
					refused++
				}
			})
		}
		wg.Wait()
		if passed != 2 || refused != 3 || len(m.seen()) != 7 {
			t.Errorf("%d passed, %d refused, %d requests, want 2 within the longest wait and 3 told when to come back", passed, refused, len(m.seen()))
		}
	})
}

func TestNoWaitPastTheDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, m := connect(t, webex.Config{MaxWait: time.Minute, CallTimeout: time.Hour}, status(429, "", "Retry-After", "10"))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		start := time.Now()
		for range 2 {
			if e := asError(t, first(ctx, c)); e.RetryAfter != 10*time.Second || time.Since(start) != 0 {
				t.Errorf("%v after %v, want RetryAfter at once", e, time.Since(start))
			}
		}
		if len(m.seen()) != 1 {
			t.Errorf("%d requests, want 1", len(m.seen()))
		}
	})
}

func TestCallTimeoutAndCancellation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		hang := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done(); panic("gave up") }
		c, m := connect(t, webex.Config{CallTimeout: 3 * time.Second}, hang)
		start := time.Now()
		e := asError(t, first(t.Context(), c))
		if e.Class != failure.Unavailable || time.Since(start) != 3*time.Second || len(m.seen()) != 1 {
			t.Errorf("%v after %v, want unavailable after 3 s", e, time.Since(start))
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		c, _ = connect(t, webex.Config{MaxWait: 9 * time.Second}, status(429, "", "Retry-After", "5"))
		start = time.Now()
		if err := first(ctx, c); !errors.Is(err, context.Canceled) || time.Since(start) != time.Second {
			t.Errorf("%v after %v, want canceled after 1 s", err, time.Since(start))
		}
	})
}

func TestACallerWhoLeavesGivesItsTurnBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, m := connect(t, webex.Config{Rate: 1, Burst: 1}, page(nil, num(1)))
		if err := first(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(500*time.Millisecond, cancel)
		start := time.Now()
		if err := first(ctx, c); !errors.Is(err, context.Canceled) {
			t.Errorf("%v, want canceled", err)
		}
		if err := first(t.Context(), c); err != nil || time.Since(start) != time.Second || len(m.seen()) != 2 {
			t.Errorf("%v after %v and %d requests, want the turn of the caller who left, after 1 s", err, time.Since(start), len(m.seen()))
		}
	})
}
