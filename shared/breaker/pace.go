package breaker

import (
	"math/rand/v2"
	"time"
)

const (
	shortest  = 5 * time.Second
	longest   = 40 * time.Minute
	probeTime = 15 * time.Second // longer than any call may take
)

// interval is the time from one probe to the next when an outage has lasted for
// age: a quarter of it, so that an outage is overstayed by a quarter at most, and
// a message that waits for two weeks is received some 600 times.
func interval(age time.Duration) time.Duration { return min(max(age/4, shortest), longest) }

// probing is how long a probe has the host to itself. After a crash of its process
// another is made then.
func probing(age time.Duration) time.Duration { return min(probeTime, interval(age)) }

// quiet is the part of an interval in which no call is made. In the rest those
// that were refused come back, the first of them to be the probe.
func quiet(age time.Duration) time.Duration { return interval(age) / 5 * 4 }

// comeBack draws how long a call that is refused should wait when a pause ends in
// so long: a quarter more at most, so that not all who wait meet, and yet all are
// back within the interval.
func comeBack(left time.Duration) time.Duration {
	left = max(left, time.Second)
	return left + rand.N(left/4)
}
