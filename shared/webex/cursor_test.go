package webex

import (
	"fmt"
	"net/http"
	"net/url"
	"testing"
)

const testEndpoint = "https://webexapis.com/v1/x"

func cursorAt(t *testing.T, pageSize, start int) *cursor {
	t.Helper()
	u, err := url.Parse(testEndpoint)
	if err != nil {
		t.Fatal(err)
	}
	return newCursor(u, url.Values{"locationId": {"L"}}, pageSize, start)
}

func linkTo(target string) http.Header {
	return http.Header{"Link": {"<" + target + `>;rel="next"`}}
}

func TestCursorFollowsLinks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		max      int
		target   string
		want     string
		start    int
		byOffset bool
	}{
		{"as it is", 5, testEndpoint + "?start=5&max=5&locationId=L", testEndpoint + "?start=5&max=5&locationId=L", 5, false},
		{"relative", 5, "?start=5&max=5&locationId=L", testEndpoint + "?start=5&max=5&locationId=L", 5, false},
		{"explicit port", 5, "https://WEBEXAPIS.com:443/v1/x?start=5&max=5&locationId=L", "https://WEBEXAPIS.com:443/v1/x?start=5&max=5&locationId=L", 5, false},
		{"filter lost", 5, testEndpoint + "?start=5&max=5", testEndpoint + "?locationId=L&max=5&start=5", 5, false},
		{"filter changed", 5, testEndpoint + "?start=5&max=5&locationId=other", testEndpoint + "?locationId=L&max=5&start=5", 5, false},
		{"filter twice", 5, testEndpoint + "?start=5&max=5&locationId=L&locationId=M", testEndpoint + "?locationId=L&max=5&start=5", 5, false},
		{"max=null", 5, testEndpoint + "?start=5&max=null&locationId=L", testEndpoint + "?locationId=L&max=5&start=5", 5, false},
		{"max=null, none asked for", 0, testEndpoint + "?start=5&max=null&locationId=L", testEndpoint + "?locationId=L&start=5", 5, false},
		{"all lost", 5, testEndpoint, testEndpoint + "?locationId=L&max=5&start=5", 5, false},
		{"a filter nobody asked for", 5, testEndpoint + "?start=5&max=5&locationId=L&phoneNumber=null", testEndpoint + "?locationId=L&max=5&start=5", 5, false},
		{"a cursor of its own", 5, testEndpoint + "?after=abc&max=5&locationId=L", testEndpoint + "?after=abc&max=5&locationId=L", 5, false},
		{"shifted", 5, testEndpoint + "?start=7&max=5&locationId=L", testEndpoint + "?start=7&max=5&locationId=L", 7, false},
		{"other host", 5, "https://evil.example.test/v1/x?start=5", testEndpoint + "?locationId=L&max=5&start=5", 5, true},
		{"other scheme", 5, "http://webexapis.com/v1/x?start=5", testEndpoint + "?locationId=L&max=5&start=5", 5, true},
		{"other port", 5, "https://webexapis.com:8443/v1/x?start=5", testEndpoint + "?locationId=L&max=5&start=5", 5, true},
		{"user in it", 5, "https://a@webexapis.com/v1/x?start=5", testEndpoint + "?locationId=L&max=5&start=5", 5, true},
		{"two schemes", 5, "https,https://webexapis.com/v1/x?start=5", testEndpoint + "?locationId=L&max=5&start=5", 5, true},
	} {
		cur := cursorAt(t, c.max, 0)
		if !cur.advance(linkTo(c.target), 5, 5) {
			t.Errorf("%s: ends", c.name)
		} else if cur.url.String() != c.want || cur.start != c.start || cur.guessed != c.byOffset {
			t.Errorf("%s: at %s start %d guessed %v, want %s %d %v", c.name, cur.url, cur.start, cur.guessed, c.want, c.start, c.byOffset)
		}
	}
}

func TestCursorEnds(t *testing.T) {
	t.Parallel()
	next := linkTo(testEndpoint + "?start=99&max=5&locationId=L")
	for _, c := range []struct {
		name       string
		max        int
		h          http.Header
		got, fresh int
		more       bool
	}{
		{"link", 5, next, 3, 3, true},
		{"link and only repeats", 5, next, 3, 0, true},
		{"link on an empty page", 5, next, 0, 0, false},
		{"no link, full page", 5, nil, 5, 5, true},
		{"no link, short page", 5, nil, 4, 4, false},
		{"no link, full page of the default size", 0, nil, 2000, 2000, true},
		{"no link, less than the default size", 0, nil, 1999, 1999, false},
		{"no link, asked for more than there can be", 5000, nil, 2000, 2000, true},
	} {
		cur := cursorAt(t, c.max, 0)
		if more := cur.advance(c.h, c.got, c.fresh); more != c.more {
			t.Errorf("%s: more %v, want %v", c.name, more, c.more)
		}
	}
}

func TestCursorEndsWhereItHasBeen(t *testing.T) {
	t.Parallel()
	cur := cursorAt(t, 5, 10)
	if cur.advance(linkTo(testEndpoint+"?locationId=L&max=5&start=10"), 5, 5) {
		t.Error("fetches the page again that links to itself")
	}
	cur = cursorAt(t, 5, 10)
	if !cur.advance(linkTo(testEndpoint+"?locationId=L&max=5&start=15"), 5, 5) || cur.advance(linkTo(testEndpoint+"?locationId=L&max=5&start=10"), 5, 5) {
		t.Errorf("at %s, want an end at the second visit of the first page", cur.url)
	}
}

func TestCursorGuessEndsWhenItBringsNothingNew(t *testing.T) {
	t.Parallel()
	cur := cursorAt(t, 5, 10)
	if !cur.advance(nil, 5, 5) || cur.url.Query().Get("start") != "15" || !cur.advance(nil, 5, 1) || cur.start != 20 {
		t.Fatalf("at %s, want to go on by offset while pages are full and bring something new", cur.url)
	}
	if cur.advance(nil, 5, 0) {
		t.Error("a server that ignores start would be asked for ever")
	}
}

func TestCursorIsBounded(t *testing.T) {
	t.Parallel()
	cur, pages := cursorAt(t, 5, 0), 1
	for cur.advance(linkTo(fmt.Sprintf("%s?locationId=L&max=5&start=%d", testEndpoint, 5*pages)), 5, 0) {
		pages++
	}
	if pages != maxPages {
		t.Errorf("%d pages, want %d", pages, maxPages)
	}
}

func TestCursorHalves(t *testing.T) {
	t.Parallel()
	cur := cursorAt(t, 0, 0)
	cur.advance(linkTo(testEndpoint+"?start=2000&max=2000&locationId=L&x=1"), 2000, 2000)
	for _, want := range []string{"1000", "500", "250", "125", "62", "50"} {
		if !cur.halve() {
			t.Fatalf("does not halve to %s", want)
		}
		if q := cur.url.Query(); q.Get("max") != want || q.Get("start") != "2000" || q.Get("locationId") != "L" || q.Get("x") != "1" {
			t.Fatalf("at %s, want the same place with max %s", cur.url, want)
		}
	}
	if cur.halve() {
		t.Error("halves below the floor")
	}
	if !cur.advance(linkTo(testEndpoint+"?start=2050&max=2000&locationId=L"), 50, 50) || cur.url.Query().Get("max") != "50" {
		t.Errorf("at %s, want the smaller size kept", cur.url)
	}
	if cur := cursorAt(t, 40, 0); cur.halve() {
		t.Error("halves a page that was small from the start")
	}
	if cur := cursorAt(t, 70, 5); !cur.halve() || cur.url.RawQuery != "locationId=L&max=50&start=5" {
		t.Errorf("at %s, want max 50 and start 5", cur.url)
	}
}
