package webexsim

import (
	"math"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limiter is one token bucket per consent and organisation. A refreshed access
// token draws from the same bucket.
type limiter struct {
	cfg     Rate
	mu      sync.Mutex
	buckets map[bucketKey]*rate.Limiter
}

type bucketKey struct {
	grant *grant
	org   *org
}

func newLimiter(cfg Rate) *limiter {
	return &limiter{cfg: cfg, buckets: map[bucketKey]*rate.Limiter{}}
}

// admit returns the Retry-After value for a call that comes too early, and ""
// for one that may pass. A refused call costs nothing.
func (l *limiter) admit(g *grant, o *org, now time.Time) string {
	if l.cfg.PerSecond == 0 {
		return ""
	}
	bucket := l.bucket(bucketKey{g, o})
	if bucket.AllowN(now, 1) {
		return ""
	}
	wait := l.cfg.RetryAfter.Seconds()
	if wait == 0 {
		wait = (1 - bucket.TokensAt(now)) / l.cfg.PerSecond
	}
	return strconv.Itoa(max(int(math.Ceil(wait)), 1))
}

func (l *limiter) bucket(key bucketKey) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[key]
	if b == nil {
		b = rate.NewLimiter(rate.Limit(l.cfg.PerSecond), max(l.cfg.Burst, 1))
		l.buckets[key] = b
	}
	return b
}
