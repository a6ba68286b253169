package breaker

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"dialtone/shared/httpretry"
)

// sign is what the end of a call tells of the host.
type sign int

const (
	silent sign = iota // nothing: the caller gave up
	alive              // it answers, be it with a refusal
	failed             // it does not, or cannot
)

// verdict is the end of a call as the breaker sees it.
type verdict struct {
	sign     sign
	reason   string        // of failed, for people
	hold     time.Duration // that a pause must last at least, as the host asks; 0: not
	personal bool          // may be about the user of the call alone
}

const (
	// patience is what a call must have been given before its end by deadline
	// counts against the host.
	patience = 5 * time.Second
	// worthSharing is the least Retry-After that other processes can hear of
	// before it is over. What is shorter is the client's own to keep.
	worthSharing = recheck
	// longestHold keeps one nonsensical header from closing a host for years.
	longestHold = 24 * time.Hour
)

// judge tells what a call showed. Any error of the transport counts, that of a
// certificate too: it is the same for every caller, and waiting with few tries is
// as right for it as for a refused connection.
func (c *Config) judge(req *http.Request, resp *http.Response, err error, took time.Duration) verdict {
	switch {
	case err != nil:
		return lost(req.Context(), err, took)
	case !failing(resp.StatusCode) || c.Alive(resp):
		return verdict{sign: alive}
	}
	v := verdict{sign: failed, reason: fmt.Sprintf("status %d", resp.StatusCode)}
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusInternalServerError:
		v.personal = c.PerUser
	}
	if wait, _ := httpretry.RetryAfter(resp.Header, time.Now()); wait >= worthSharing {
		v.hold = min(wait, c.mostHold(resp.StatusCode))
	}
	return v
}

// mostHold is how long a Retry-After beside the status may hold all callers; zero:
// it is not about all. Where callers differ it may be the word of one server of
// many, and a probe may meet another.
func (c *Config) mostHold(status int) time.Duration {
	switch {
	case status == http.StatusServiceUnavailable && c.PerUser:
		return longest
	case status == http.StatusServiceUnavailable, status == http.StatusTooManyRequests && !c.PerUser:
		return longestHold
	}
	return 0
}

func failing(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// lost judges a call without an answer.
func lost(ctx context.Context, err error, took time.Duration) verdict {
	if errors.Is(ctx.Err(), context.Canceled) || ctx.Err() != nil && took < patience {
		return verdict{sign: silent}
	}
	v := verdict{sign: failed, reason: "connection lost"}
	timeout, _ := errors.AsType[net.Error](err)
	dial, _ := errors.AsType[*net.OpError](err)
	switch {
	case errors.Is(err, context.DeadlineExceeded), timeout != nil && timeout.Timeout():
		v.reason = "no answer in time"
	case dial != nil && dial.Op == "dial":
		v.reason = "no connection"
	}
	return v
}
