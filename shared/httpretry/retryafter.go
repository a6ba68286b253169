package httpretry

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// RetryAfter returns how long the Retry-After header of h asks to wait, counted
// from now. It reads both forms of RFC 9110, section 10.2.3: whole seconds and
// an HTTP date; a date that has passed means no wait. Blanks around the value
// do not matter. When the header is repeated, the longest wait counts.
//
// A missing, malformed or negative value is ok == false. A wait too long for a
// time.Duration is the longest one: it is for the caller to say what is too long.
func RetryAfter(h http.Header, now time.Time) (wait time.Duration, ok bool) {
	for _, v := range h.Values("Retry-After") {
		if d, valid := parseRetryAfter(strings.TrimSpace(v), now); valid {
			wait, ok = max(wait, d), true
		}
	}
	return wait, ok
}

func parseRetryAfter(v string, now time.Time) (time.Duration, bool) {
	if v != "" && strings.Trim(v, "0123456789") == "" {
		return seconds(v), true
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0, false
	}
	return max(at.Sub(now), 0), true
}

// seconds converts a run of digits, which may be far too long for any integer.
func seconds(digits string) time.Duration {
	n, err := strconv.ParseUint(digits, 10, 64)
	if errors.Is(err, strconv.ErrRange) || n > uint64(math.MaxInt64/time.Second) {
		return math.MaxInt64
	}
	return time.Duration(n) * time.Second
}
