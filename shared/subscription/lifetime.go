// Package subscription is the arithmetic of a contacts-and-groups subscription:
// how long one lives after it was started or refreshed, when its application
// must be contacted next, and what it costs when that is missed. It makes no
// call and reads no clock.
//
// Two clocks run for each user, and the shorter one counts:
//
//	subscription   lives as long as [Lifetime] says       (UCWA 2.0:
//	               startOrRefreshSubscriptionToContactsAndGroups)
//	application    ends [ChannelGap] after its last event request was
//	               released, and the subscription with it (UCWA 2.0: Me dashboard)
//
// Whoever contacts an application does both: refresh, and an event request.
package subscription

import (
	"fmt"
	"time"
)

// Limits of UCWA 2.0 (startOrRefreshSubscriptionToContactsAndGroups; the gap:
// Me dashboard).
const (
	// MinDuration and MaxDuration bound the duration of a start or refresh.
	MinDuration = 10 * time.Minute
	MaxDuration = 60 * time.Minute
	// Ceiling is the longest life that a refresh can leave.
	Ceiling = 30 * time.Minute
	// ChannelGap after the release of its last event request without another an
	// application is taken for lost, and ended.
	ChannelGap = 15 * time.Minute
)

// CheckDuration refuses a duration that the server would not take: it counts in
// whole minutes, from 10 to 60. The error says how to mend it, without the name
// of the field.
func CheckDuration(d time.Duration) error {
	switch {
	case d%time.Minute != 0:
		return fmt.Errorf("is %s: give whole minutes, from %d to %d", d, MinDuration/time.Minute, MaxDuration/time.Minute)
	case d < MinDuration, d > MaxDuration:
		return fmt.Errorf("is %d minutes: give %d to %d", d/time.Minute, MinDuration/time.Minute, MaxDuration/time.Minute)
	}
	return nil
}

// Lifetime returns how long a subscription lives after it was started or
// refreshed for d when it had remaining left; zero or less for one that does
// not live. A new one lives d, a living one remaining+d but at most [Ceiling]
// (UCWA 2.0: startOrRefreshSubscriptionToContactsAndGroups).
//
// The ceiling is read as the page has it, of the sum alone: a new one may live
// 60 minutes, and refreshing that one shortens it to 30. Whether a real server
// does so is not known; see [Planned].
func Lifetime(remaining, d time.Duration) time.Duration {
	if remaining <= 0 {
		return d
	}
	return min(remaining+d, Ceiling)
}

// Planned returns the part of [Lifetime] that can be relied on: never more than
// [Ceiling]. A start whose answer is lost is sent again, and the second one is a
// refresh of the first.
func Planned(remaining, d time.Duration) time.Duration {
	return min(Lifetime(remaining, d), Ceiling)
}
