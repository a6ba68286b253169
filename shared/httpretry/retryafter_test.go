package httpretry_test

import (
	"math"
	"net/http"
	"testing"
	"time"

	"dialtone/shared/httpretry"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []string
		want   time.Duration
		ok     bool
	}{
		{nil, 0, false},
		{[]string{""}, 0, false},
		{[]string{"   "}, 0, false},
		{[]string{"5"}, 5 * time.Second, true},
		{[]string{" \t5  "}, 5 * time.Second, true},
		{[]string{"0"}, 0, true},
		{[]string{"007"}, 7 * time.Second, true},
		{[]string{"86400"}, 24 * time.Hour, true},
		{[]string{"9223372036"}, 9223372036 * time.Second, true},
		{[]string{"9223372037"}, math.MaxInt64, true},
		{[]string{"99999999999999999999999999"}, math.MaxInt64, true},
		{[]string{"-1"}, 0, false},
		{[]string{"+5"}, 0, false},
		{[]string{"1.5"}, 0, false},
		{[]string{"5s"}, 0, false},
		{[]string{"5 seconds"}, 0, false},
		{[]string{"٥"}, 0, false},
		{[]string{"soon"}, 0, false},
		{[]string{"Sun, 01 Mar 2026 12:01:30 GMT"}, 90 * time.Second, true},
		{[]string{"Sunday, 01-Mar-26 12:01:30 GMT"}, 90 * time.Second, true},
		{[]string{"Sun Mar  1 12:01:30 2026"}, 90 * time.Second, true},
		{[]string{"Sun, 01 Mar 2026 11:00:00 GMT"}, 0, true},
		{[]string{"Fri, 31 Dec 9999 23:59:59 GMT"}, math.MaxInt64, true},
		{[]string{"Sun, 99 Mar 2026 12:01:30 GMT"}, 0, false},
		{[]string{"3", "soon", "10", "1"}, 10 * time.Second, true},
	} {
		got, ok := httpretry.RetryAfter(http.Header{"Retry-After": c.values}, noon)
		if got != c.want || ok != c.ok {
			t.Errorf("RetryAfter(%q) = %v %v, want %v %v", c.values, got, ok, c.want, c.ok)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	for _, s := range []string{
		"5", "", " 0 ", "-1", "99999999999999999999", "Sun, 01 Mar 2026 12:01:30 GMT",
		"Sunday, 01-Mar-26 12:01:30 GMT", "Sun Mar  1 12:01:30 2026", "1e9", "\x00",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, v string) {
		d, ok := httpretry.RetryAfter(http.Header{"Retry-After": {v}}, noon)
		if d < 0 {
			t.Errorf("RetryAfter(%q) = %v, negative", v, d)
		}
		if !ok && d != 0 {
			t.Errorf("RetryAfter(%q) = %v without ok", v, d)
		}
		padded, okPadded := httpretry.RetryAfter(http.Header{"Retry-After": {" " + v + "\t"}}, noon)
		if padded != d || okPadded != ok {
			t.Errorf("blanks around %q change %v %v to %v %v", v, d, ok, padded, okPadded)
		}
	})
}
