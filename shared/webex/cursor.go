package webex

import (
	"maps"
	"net/http"
	"net/url"
	"strconv"
)

const (
	defaultPage  = 2000 // entries of a page when max is not sent, and the most there can be
	smallestPage = 50   // a page is not halved below this
	maxPages     = 1000 // of one listing; a guard against a listing without end
)

// cursor knows where a listing stands and where it goes on. It does no I/O.
//
// It goes where the next link of a page points. When a page that is full has no
// link, or the link can't be used, it asks for the entries after those it got;
// such a guess ends the listing when it brings nothing new. A page without
// entries, an address it has been to, and maxPages end it too.
type cursor struct {
	endpoint *url.URL
	filters  url.Values // sent with every page
	max      int        // page size to ask for; 0: Webex's default
	start    int        // offset of the page at url
	url      *url.URL   // the page to fetch
	halved   bool       // max was lowered below what was asked for
	guessed  bool       // url was not given by a link
	visited  map[string]bool
}

func newCursor(endpoint *url.URL, filters url.Values, pageSize, start int) *cursor {
	c := &cursor{endpoint: endpoint, filters: filters, max: pageSize, start: start, visited: map[string]bool{}}
	c.visit(c.atOffset())
	return c
}

// advance moves on from a page with the given header, of got entries, fresh of
// them not seen before. It returns false when the listing ends.
func (c *cursor) advance(h http.Header, got, fresh int) bool {
	if got == 0 || c.guessed && fresh == 0 || len(c.visited) >= maxPages {
		return false
	}
	target, linked := nextLink(h)
	if !linked && got < min(c.size(), defaultPage) {
		return false
	}
	end := c.start + got
	if linked {
		if next := c.follow(target, end); next != nil {
			c.guessed = false
			return c.visit(next)
		}
	}
	c.guessed, c.start = true, end
	return c.visit(c.atOffset())
}

// halve lowers the page size after a page took too long, and asks for the same
// entries. Offsets count entries, not pages, so the rest of the listing stays in
// place. It returns false when pages are as small as they get.
func (c *cursor) halve() bool {
	if c.size() <= smallestPage {
		return false
	}
	c.max, c.halved = max(c.size()/2, smallestPage), true
	q := c.url.Query()
	c.mend(q, c.start)
	return c.visit(c.with(c.url, q))
}

func (c *cursor) size() int {
	if c.max == 0 {
		return defaultPage
	}
	return c.max
}

func (c *cursor) visit(u *url.URL) bool {
	been := c.visited[u.String()]
	c.visited[u.String()], c.url = true, u
	return !been
}

// atOffset returns the address of the page at start.
func (c *cursor) atOffset() *url.URL {
	q := maps.Clone(c.filters)
	if c.max > 0 {
		q.Set("max", strconv.Itoa(c.max))
	}
	if c.start > 0 {
		q.Set("start", strconv.Itoa(c.start))
	}
	return c.with(c.endpoint, q)
}

func (c *cursor) with(u *url.URL, q url.Values) *url.URL {
	cp := *u
	cp.RawQuery = q.Encode()
	return &cp
}

// follow returns the address that a next link points to, nil if the token must
// not be sent there. The link is taken as it is, unless it lost a parameter.
func (c *cursor) follow(target string, end int) *url.URL {
	u, err := c.url.Parse(target)
	if err != nil || !sameOrigin(u, c.endpoint) {
		return nil
	}
	u.Fragment = ""
	q := u.Query()
	if c.mend(q, end) {
		u = c.with(u, q)
	}
	c.start = end
	if n, err := strconv.Atoi(q.Get("start")); err == nil && n >= 0 {
		c.start = n
	}
	return u
}

// mend puts back what a next link lost: filters, whose loss would list other
// numbers, a page size, and the offset unless another parameter stands for it.
// It reports whether it changed anything.
func (c *cursor) mend(q url.Values, end int) (changed bool) {
	set := func(name, value string) {
		q.Set(name, value)
		changed = true
	}
	for name := range q {
		if q.Get(name) == "null" { // a parameter that got lost on its way through Webex
			q.Del(name)
			changed = true
		}
	}
	for name, want := range c.filters {
		if q.Get(name) != want[0] || len(q[name]) != 1 {
			set(name, want[0])
		}
	}
	size, err := strconv.Atoi(q.Get("max"))
	if lost := err != nil || size <= 0; c.max > 0 && (lost || c.halved && size > c.max) {
		set("max", strconv.Itoa(c.max))
	}
	if n, err := strconv.Atoi(q.Get("start")); (err != nil || n < 0) && !opaque(q) && end > 0 {
		set("start", strconv.Itoa(end))
	}
	return changed
}

// opaque reports whether a query has a parameter that nobody here sends, which
// may say in Webex's own way where the page begins.
func opaque(q url.Values) bool {
	for name := range q {
		switch name {
		case "orgId", "locationId", "licenseType", "phoneNumber", "max", "start":
		default:
			return true
		}
	}
	return false
}
