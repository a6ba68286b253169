package httpretry_test

import (
	"math"
	"testing"
	"time"

	"dialtone/shared/httpretry"
)

func TestCeiling(t *testing.T) {
	t.Parallel()
	ms := time.Millisecond
	for _, c := range []struct {
		name string
		b    httpretry.Backoff
		want []time.Duration // retries 1, 2, 3, ...
	}{
		{"zero value", httpretry.Backoff{}, []time.Duration{200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 5000 * ms, 5000 * ms}},
		{"capped", httpretry.Backoff{Base: time.Second, Cap: 3 * time.Second}, []time.Duration{1000 * ms, 2000 * ms, 3000 * ms, 3000 * ms}},
		{"base over cap", httpretry.Backoff{Base: time.Minute, Cap: time.Second}, []time.Duration{time.Second}},
		{"constant", httpretry.Backoff{Base: 7 * ms, Factor: 1}, []time.Duration{7 * ms, 7 * ms, 7 * ms}},
		{"fractional", httpretry.Backoff{Base: 100 * ms, Factor: 1.5}, []time.Duration{100 * ms, 150 * ms, 225 * ms}},
		{"bad factor", httpretry.Backoff{Base: 100 * ms, Factor: math.NaN()}, []time.Duration{100 * ms, 200 * ms}},
		{"infinite factor", httpretry.Backoff{Base: 100 * ms, Factor: math.Inf(1)}, []time.Duration{100 * ms, 5 * time.Second}},
	} {
		for i, want := range c.want {
			if got := c.b.Ceiling(i + 1); got != want {
				t.Errorf("%s: Ceiling(%d) = %v, want %v", c.name, i+1, got, want)
			}
		}
	}
}

func TestCeilingDoesNotOverflow(t *testing.T) {
	t.Parallel()
	b := httpretry.Backoff{Base: math.MaxInt64 - 1, Cap: math.MaxInt64, Factor: 1e300}
	for _, n := range []int{math.MinInt, -1, 0, 1, 2, 63, 64, 1 << 20, math.MaxInt} {
		if got := b.Ceiling(n); got <= 0 {
			t.Errorf("Ceiling(%d) = %v, want a positive delay", n, got)
		}
		if got := b.Delay(n); got < 0 {
			t.Errorf("Delay(%d) = %v, want at least 0", n, got)
		}
	}
}

func TestDelayFillsTheRangeBelowTheCeiling(t *testing.T) {
	t.Parallel()
	b := httpretry.Backoff{Base: 9 * time.Nanosecond, Factor: 1}
	seen := map[time.Duration]bool{}
	for range 2000 {
		d := b.Delay(3)
		if d < 0 || d > b.Ceiling(3) {
			t.Fatalf("Delay = %v, want 0 to %v", d, b.Ceiling(3))
		}
		seen[d] = true
	}
	if len(seen) != 10 { // a value is missed with a chance of 1e-91
		t.Errorf("%d different delays of 10 possible, want all: the jitter is not full", len(seen))
	}
}
