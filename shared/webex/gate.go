package webex

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"dialtone/shared/failure"
)

const (
	// unsaidRetryAfter is the wait after a 429 that names none.
	unsaidRetryAfter = 5 * time.Second
	// longestPause keeps one nonsensical header from closing a client for years.
	longestPause = 24 * time.Hour
)

// gate lets the tries of all callers pass at the allowed rate, and none while
// Webex has asked for a pause. Safe for concurrent use.
type gate struct {
	bucket  *rate.Limiter
	maxWait time.Duration

	mu    sync.Mutex
	until time.Time // no try before this time
}

func newGate(perSecond float64, burst int, maxWait time.Duration) *gate {
	return &gate{bucket: rate.NewLimiter(rate.Limit(perSecond), burst), maxWait: maxWait}
}

// pause closes the gate for d from now, if it is not closed for longer already.
func (g *gate) pause(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	// Round drops the monotonic clock, which stands still while a function is frozen.
	if until := time.Now().Add(min(d, longestPause)).Round(0); until.After(g.until) {
		g.until = until
	}
}

func (g *gate) paused() time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	return time.Until(g.until)
}

// latest returns the end of what a caller with ctx, starting now, may wait.
func (g *gate) latest(ctx context.Context) time.Time {
	end := time.Now().Add(g.maxWait)
	if deadline, bounded := ctx.Deadline(); bounded && !deadline.After(end) {
		return deadline.Add(-1) // at the deadline itself there is no time for a call
	}
	return end
}

// admits reports whether the pause ends within what a caller may wait.
func (g *gate) admits(ctx context.Context) bool {
	wait := g.paused()
	return wait <= 0 || !time.Now().Add(wait).After(g.latest(ctx))
}

// pass waits for the caller's turn. A turn that is too far away is refused at
// once with an *Error that says when to come back, and uses up no turn.
func (g *gate) pass(ctx context.Context) error {
	turn, latest := g.bucket.Reserve(), g.latest(ctx)
	for {
		wait := max(turn.Delay(), g.paused())
		if wait <= 0 {
			return nil
		}
		if time.Now().Add(wait).After(latest) {
			turn.Cancel()
			return &Error{
				Class: failure.Unavailable, Remedy: Retry, RetryAfter: wait,
				Message: "the next request may be made later than this call can wait",
			}
		}
		if err := sleep(ctx, wait); err != nil {
			turn.Cancel()
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
