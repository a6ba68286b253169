package env

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// DaysOr reads a whole number of days, of 24 hours each, from lowest to highest.
func (r *Reader) DaysOr(name string, fallback, lowest, highest int) time.Duration {
	return days(r.IntOr(name, fallback, lowest, highest))
}

// DaysByID reads days for some of many things, such as "ID1:30,ID2:90": each a
// whole number of days, of 24 hours each, from lowest to highest. An ID holds
// anything but blanks, colons and commas. Not set: nil.
func (r *Reader) DaysByID(name string, lowest, highest int) map[string]time.Duration {
	return optional(r, name, nil, func(v string) (map[string]time.Duration, string) {
		return daysByID(v, whole(lowest, highest))
	})
}

// FormatDays returns what [Reader.DaysByID] reads as the same, without parts of
// days.
func FormatDays(byID map[string]time.Duration) string {
	var pairs []string
	for _, id := range slices.Sorted(maps.Keys(byID)) {
		pairs = append(pairs, fmt.Sprintf("%s:%d", id, byID[id]/days(1)))
	}
	return strings.Join(pairs, ",")
}

func days(n int) time.Duration { return time.Duration(n) * 24 * time.Hour }

func daysByID(v string, number parser[int]) (map[string]time.Duration, string) {
	all := map[string]time.Duration{}
	for i, pair := range strings.Split(v, ",") {
		id, text, _ := strings.Cut(strings.TrimSpace(pair), ":")
		if id == "" || text == "" || strings.ContainsAny(id, " \t\r\n") {
			return nil, fmt.Sprintf("has a part %d that is not ID:DAYS: write pairs like ID1:30,ID2:90", i+1)
		}
		if _, twice := all[id]; twice {
			return nil, fmt.Sprintf("has a part %d with an ID that was there before: give each ID once", i+1)
		}
		n, problem := number(text)
		if problem != "" {
			return nil, fmt.Sprintf("has a part %d whose days are wrong: %s", i+1, problem)
		}
		all[id] = days(n)
	}
	return all, ""
}
