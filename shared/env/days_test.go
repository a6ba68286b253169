package env_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"dialtone/shared/env"
)

const day = 24 * time.Hour

func TestDays(t *testing.T) {
	t.Parallel()
	r := reader(map[string]string{"TWO": "2"})
	if two, none := r.DaysOr("TWO", 30, 0, 3650), r.DaysOr("NONE", 30, 0, 3650); two != 2*day || none != 30*day || r.Err() != nil {
		t.Errorf("%v, %v, %v", two, none, r.Err())
	}
}

func TestDaysByID(t *testing.T) {
	t.Parallel()
	const webex = "Y2lzY29zcGFyazovL3VzL0xPQ0FUSU9OLzE=" // ids of Webex are base64
	for _, c := range []struct {
		value string
		want  map[string]time.Duration
		wrong string // "": accepted
	}{
		{"", nil, ""},
		{webex + ":90", map[string]time.Duration{webex: 90 * day}, ""},
		{"a:1, b:3650", map[string]time.Duration{"a": day, "b": 3650 * day}, ""},
		{webex + "=90", nil, "part 1 that is not ID:DAYS"},
		{"a:1,", nil, "part 2 that is not ID:DAYS"},
		{":1", nil, "write pairs like"},
		{"a:", nil, "write pairs like"},
		{"a b:1", nil, "write pairs like"},
		{"a:1,a:2", nil, "part 2 with an ID that was there before"},
		{"a:0", nil, "from 1 to 3650"},
		{"a:1,b:3651", nil, `part 2 whose days are wrong: "3651"`},
		{"a:b:1", nil, "whole number"},
	} {
		t.Run(c.value, func(t *testing.T) {
			t.Parallel()
			r := reader(map[string]string{"V": c.value})
			got, err := r.DaysByID("V", 1, 3650), r.Err()
			switch {
			case c.wrong == "" && (err != nil || !maps.Equal(got, c.want)):
				t.Errorf("got %v, %v; want %v", got, err, c.want)
			case c.wrong == "" && env.FormatDays(got) != strings.ReplaceAll(c.value, " ", ""):
				t.Errorf("written as %q", env.FormatDays(got))
			case c.wrong != "" && (err == nil || got != nil || !strings.HasPrefix(err.Error(), "V: ") || !strings.Contains(err.Error(), c.wrong)):
				t.Errorf("got %v, %v; want V: ...%s...", got, err, c.wrong)
			}
		})
	}
}
