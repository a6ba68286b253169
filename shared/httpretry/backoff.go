package httpretry

import (
	"math"
	"math/rand/v2"
	"time"
)

// Backoff is an exponential curve with full jitter. The curve alone is
// [Backoff.Ceiling]; [Backoff.Delay] draws below it.
//
// The zero value has the ceilings 200 ms, 400 ms, 800 ms, 1.6 s, 3.2 s, 5 s and
// 5 s ever after. Safe for concurrent use.
type Backoff struct {
	Base   time.Duration // ceiling before the first retry; <= 0: 200 ms
	Cap    time.Duration // highest ceiling, also of Base; <= 0: 5 s
	Factor float64       // growth per retry; < 1 or not a number: 2
}

const (
	defaultBase   = 200 * time.Millisecond
	defaultCap    = 5 * time.Second
	defaultFactor = 2
)

// Ceiling returns the longest delay before retry number n, where 1 is the first
// retry: min(Cap, Base * Factor^(n-1)). It never overflows, however large n is;
// n < 1 counts as 1.
func (b Backoff) Ceiling(n int) time.Duration {
	base, limit, factor := b.Base, b.Cap, b.Factor
	if base <= 0 {
		base = defaultBase
	}
	if limit <= 0 {
		limit = defaultCap
	}
	if !(factor >= 1) { // also true for NaN
		factor = defaultFactor
	}
	d := float64(base) * math.Pow(factor, float64(max(n, 1)-1))
	if d < float64(limit) { // false for +Inf and NaN
		return time.Duration(d)
	}
	return limit
}

// Delay returns a random delay before retry number n, evenly spread over 0 to
// Ceiling(n) inclusive, so that callers who failed together do not return
// together.
func (b Backoff) Delay(n int) time.Duration {
	c := b.Ceiling(n)
	if c == math.MaxInt64 {
		return rand.N(c)
	}
	return rand.N(c + 1)
}
