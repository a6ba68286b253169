package webexsim

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// paging is the part of a list that a call asks for; max is at least one.
type paging struct{ start, max int }

// paging reads max and start. A max above the page limit is clamped without a
// word; zero, undocumented, counts as absent.
func (s *Server) paging(q url.Values) (paging, error) {
	size, err := wholeNumber(q, "max")
	if err != nil {
		return paging{}, err
	}
	start, err := wholeNumber(q, "start")
	if err != nil {
		return paging{}, err
	}
	if size == 0 || size > s.cfg.PageLimit {
		size = s.cfg.PageLimit
	}
	if s.cfg.Max504 > 0 && size > s.cfg.Max504 {
		return paging{}, refuse(http.StatusGatewayTimeout, "an upstream server did not answer in time, reduce max")
	}
	return paging{start: start, max: size}, nil
}

// wholeNumber reads a parameter that counts something. Absent is zero, too large
// for the machine is the largest; negative, fractional and non-numeric values
// are refused, which the documentation leaves open.
func wholeNumber(q url.Values, name string) (int, error) {
	if !q.Has(name) {
		return 0, nil
	}
	v, err := strconv.ParseUint(q.Get(name), 10, 31)
	if errors.Is(err, strconv.ErrRange) {
		return math.MaxInt32, nil
	}
	if err != nil {
		return 0, refuse(http.StatusBadRequest, fmt.Sprintf("%s must be a whole number, zero or above", name))
	}
	return int(v), nil
}

// identifier reads a parameter of 1 to 128 characters, the limits of the
// OpenAPI document. The prose of the pages says 36, which fits no real
// identifier.
func identifier(q url.Values, name string) (string, error) {
	v := q.Get(name)
	if q.Has(name) && (v == "" || len(v) > 128) {
		return "", refuse(http.StatusBadRequest, name+" must have 1 to 128 characters")
	}
	return v, nil
}

// listed collects one page of the numbers that match, in the configured order,
// and reports whether more follow.
func listed[T any](s *Server, from []*number, p paging, match func(*number) bool, render func(*number) T) (page []T, more bool) {
	page = []T{}
	if s.cfg.Order == OrderShuffled {
		from = s.shuffled(from)
	}
	seen := 0
	for _, n := range from {
		if !match(n) {
			continue
		}
		if len(page) == p.max {
			return page, true
		}
		if seen++; seen > p.start {
			page = append(page, render(n))
		}
	}
	return page, false
}

func (s *Server) shuffled(from []*number) []*number {
	rng := rand.New(rand.NewPCG(s.cfg.Seed, s.shuffles.Add(1)))
	out := make([]*number, len(from))
	for i, j := range rng.Perm(len(from)) {
		out[i] = from[j]
	}
	return out
}

// setLink announces the next page the way the configuration says.
func (s *Server) setLink(h http.Header, r *http.Request, p paging, more bool) {
	if !more && !s.cfg.EmptyLastPage || s.cfg.Links == LinkOmitted {
		return
	}
	next := s.nextURL(r, p).String()
	switch s.cfg.Links {
	case LinkSpaced:
		h.Set("Link", fmt.Sprintf(`<%s>; rel="next"`, next))
	case LinkPair:
		first := pageURL(r, r.URL.Query(), paging{0, p.max})
		h.Set("Link", fmt.Sprintf(`<%s>; rel="first", <%s>; rel="next"`, first, next))
	default:
		h.Set("Link", fmt.Sprintf(`<%s>;rel="next"`, next))
	}
}

func (s *Server) nextURL(r *http.Request, p paging) *url.URL {
	q := r.URL.Query()
	next := paging{p.start + p.max, p.max}
	switch s.cfg.Links {
	case LinkLossy:
		return pageURL(r, url.Values{}, next)
	case LinkLoop:
		return pageURL(r, q, p)
	case LinkForeign:
		u := pageURL(r, q, next)
		u.Host = "elsewhere.example.test"
		return u
	}
	return pageURL(r, q, next)
}

// pageURL is the absolute URL of a page, on the host the caller used.
func pageURL(r *http.Request, q url.Values, p paging) *url.URL {
	q.Set("start", strconv.Itoa(p.start))
	q.Set("max", strconv.Itoa(p.max))
	u := &url.URL{Scheme: "http", Host: r.Host, Path: r.URL.Path, RawQuery: q.Encode()}
	if r.TLS != nil || strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
		u.Scheme = "https"
	}
	return u
}

// asked is what phoneNumber names: one comma-joined value, repeated ones, or
// both. A plus that was sent bare arrives as a blank and so matches nothing.
func asked(values []string) map[string]bool {
	want := map[string]bool{}
	for _, v := range values {
		for _, one := range strings.Split(v, ",") {
			want[one] = true
		}
	}
	return want
}

// extent is where a list call looks: an organisation or one of its locations,
// as far as the holder of the token may see.
type extent struct {
	grant *grant
	org   *org
	site  *site // nil: every location
}

func (s *Server) extent(c *call) (extent, error) {
	e := extent{grant: c.grant, org: c.org}
	id, err := identifier(c.query, "locationId")
	if err != nil || id == "" {
		return e, err
	}
	e.site = c.org.site(id)
	switch {
	case e.site != nil && c.grant.sees(id):
		return e, nil
	case s.cfg.UnknownLocationEmpty:
		e.site = &site{}
		return e, nil
	}
	return e, refuse(http.StatusNotFound, "location not found")
}

func (e extent) contains(n *number) bool {
	return n.site.org == e.org && (e.site == nil || e.site == n.site) && e.grant.sees(n.site.ID)
}

func (e extent) numbers() []*number {
	if e.site != nil {
		return e.site.numbers
	}
	return e.org.numbers
}

// candidates are the numbers a call has to look at, ascending: all of the
// extent, or only those it names, which then need no scan.
func (inv *inventory) candidates(e extent, want map[string]bool) []*number {
	if want == nil {
		return e.numbers()
	}
	var found []*number
	for phone := range want {
		if n := inv.byPhone[phone]; n != nil {
			found = append(found, n)
		}
	}
	slices.SortFunc(found, byNumber)
	return found
}
