package subscription_test

import (
	"strings"
	"testing"
	"time"

	"dialtone/shared/subscription"
)

const minute = time.Minute

// The sentence of UCWA 2.0: startOrRefreshSubscriptionToContactsAndGroups, case
// by case.
func TestLifetime(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what               string
		remaining, d, want time.Duration
		planned            time.Duration
	}{
		{"new, shortest", 0, 10 * minute, 10 * minute, 10 * minute},
		{"new", 0, 30 * minute, 30 * minute, 30 * minute},
		{"new, above the ceiling", 0, 60 * minute, 60 * minute, 30 * minute},
		{"lapsed is new", -minute, 60 * minute, 60 * minute, 30 * minute},
		{"sum below the ceiling", 5 * minute, 10 * minute, 15 * minute, 15 * minute},
		{"sum at the ceiling", 20 * minute, 10 * minute, 30 * minute, 30 * minute},
		{"sum above the ceiling", 25 * minute, 10 * minute, 30 * minute, 30 * minute},
		{"nothing gained", 30 * minute, 60 * minute, 30 * minute, 30 * minute},
		{"a refresh that shortens: 60 becomes 30", 60 * minute, 60 * minute, 30 * minute, 30 * minute},
		{"a new 60 after ten minutes", 50 * minute, 10 * minute, 30 * minute, 30 * minute},
		{"one second left", time.Second, 30 * minute, 30 * minute, 30 * minute},
	} {
		if got := subscription.Lifetime(c.remaining, c.d); got != c.want {
			t.Errorf("%s: lives %s, want %s", c.what, got, c.want)
		}
		if got := subscription.Planned(c.remaining, c.d); got != c.planned {
			t.Errorf("%s: planned %s, want %s", c.what, got, c.planned)
		}
	}
}

func TestCheckDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		10 * minute: "", 30 * minute: "", 60 * minute: "",
		9 * minute:            "is 9 minutes: give 10 to 60",
		61 * minute:           "is 61 minutes: give 10 to 60",
		0:                     "is 0 minutes",
		-30 * minute:          "is -30 minutes",
		10*minute + 1:         "whole minutes",
		30*minute + minute/2:  "is 30m30s: give whole minutes, from 10 to 60",
		30 * time.Second:      "whole minutes",
		60*minute + time.Hour: "is 120 minutes",
		30 * time.Nanosecond:  "whole minutes",
	} {
		err := subscription.CheckDuration(d)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", d, err, want)
		}
	}
}
