package webex

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestNextLink(t *testing.T) {
	t.Parallel()
	const target = "https://webexapis.com/v1/x?start=5"
	for _, c := range []struct {
		values []string
		want   string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{`<` + target + `>; rel="next"`}, target},
		{[]string{`<` + target + `>;rel="next"`}, target},
		{[]string{`<` + target + `>;rel=next`}, target},
		{[]string{` < ` + target + ` >  ;  REL = "NEXT"  `}, target},
		{[]string{`<` + target + `>; rel='next'`}, target},
		{[]string{`<` + target + `>; rel="last next"`}, target},
		{[]string{`<` + target + `>; title="a, b; c"; rel="next"`}, target},
		{[]string{`<` + target + `>; title="rel=next"`}, ""},
		{[]string{`<https://a/>; rel="prev", <` + target + `>; rel="next", <https://b/>; rel="last"`}, target},
		{[]string{`<https://a/>;rel="prev",<` + target + `>;rel="next"`}, target},
		{[]string{`<https://a/>; rel="prev"`, `<` + target + `>; rel="next"`}, target},
		{[]string{`<https://a/?x=1,2>; rel="next"`}, "https://a/?x=1,2"},
		{[]string{`<` + target + `>; rel="first"`}, ""},
		{[]string{`<` + target + `>; rel="nextish"`}, ""},
		{[]string{`<` + target + `>`}, ""},
		{[]string{`<` + target + `; rel="next"`}, ""},
		{[]string{target + `; rel="next"`}, ""},
		{[]string{`<>; rel="next"`}, ""},
		{[]string{`<>; rel="next", <` + target + `>; rel="next"`}, target},
		{[]string{`<https,https://webexapis.com/v1/x>; rel="next"`}, "https,https://webexapis.com/v1/x"},
	} {
		got, ok := nextLink(http.Header{"Link": c.values})
		if got != c.want || ok != (c.want != "") {
			t.Errorf("nextLink(%q) = %q %v, want %q", c.values, got, ok, c.want)
		}
	}
}

func FuzzLink(f *testing.F) {
	for _, s := range []string{
		`<https://webexapis.com/v1/x?start=5>;rel="next"`, `<a>; rel=next, <b>; rel="prev"`, `<`, `<>`, `<a>;rel="`, `<a>;"rel=next`,
		`<https://webexapis.com@evil.example.test/>;rel=next`, `<//evil.example.test/>;rel=next`, `<?start=5&max=null>;rel=next`,
	} {
		f.Add(s)
	}
	base, _ := url.Parse("https://webexapis.com/v1/x")
	f.Fuzz(func(t *testing.T, v string) {
		h := http.Header{"Link": {v}}
		target, ok := nextLink(h)
		if ok != (target != "") || !strings.Contains(v, target) {
			t.Fatalf("nextLink(%q) = %q %v", v, target, ok)
		}
		cur := newCursor(base, url.Values{"locationId": {"L"}, "phoneNumber": {"+12056350001"}}, 10, 0)
		for cur.advance(h, 10, 10) {
			q := cur.url.Query()
			if cur.url.Scheme != "https" || cur.url.Host != "webexapis.com" && cur.url.Hostname() != "webexapis.com" || cur.url.User != nil {
				t.Fatalf("%q leads the token to %s", v, cur.url)
			}
			if q.Get("locationId") != "L" || q.Get("phoneNumber") != "+12056350001" || len(q["locationId"]) != 1 {
				t.Fatalf("%q loses a filter: %s", v, cur.url)
			}
			if len(cur.visited) > maxPages {
				t.Fatalf("%q never ends", v)
			}
		}
	})
}
