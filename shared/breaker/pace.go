package breaker

import (
	"math/rand/v2"
	"time"
)

const (
	shortest = 5 * time.Second
	longest  = 40 * time.Minute
)

// interval is the time from one probe to the next when an outage has lasted for
// age: a quarter of it, so that an outage is overstayed by a quarter at most, and
// a message that waits for two weeks is received some 600 times.
func interval(age time.Duration) time.Duration { return min(max(age/4, shortest), longest) }

// quiet is the part of an interval in which no call is made. In the rest the
// refused come back, the first of them to be the probe.
func quiet(age time.Duration) time.Duration { return interval(age) / 5 * 4 }

// spread draws how long after the end of a pause a refused call should come back,
// so that not all that wait meet.
func spread(age time.Duration) time.Duration { return rand.N(interval(age)/5 + 1) }
