package changenumber

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
)

// pools holds the candidates of one batch, by what the requests want. Webex is
// asked once for all requests of the same location and licence: one list, and
// one cross-check of the few numbers that will be handed to them.
type pools struct {
	h    *Handler
	want map[poolKey]int // requests of the batch

	mu sync.Mutex
	by map[poolKey]*pool
}

// poolKey is what must be equal for two requests to draw from the same list.
type poolKey struct {
	site
	exact e164.Number   // "": any number
	owner ledger.Holder // who wants the exact number: it may be resting for them
	dry   bool          // a dry run takes no candidate from those in earnest, and parks nothing
}

// site is what Webex lists numbers by.
type site struct {
	org, location string
	license       command.LicenseType
}

func keyOf(a command.Assign) poolKey {
	k := poolKey{site: site{org: a.OrgID, location: a.LocationID, license: a.LicenseType}, exact: a.Number, dry: a.DryRun}
	if a.Number != "" {
		k.owner = ledger.Holder{User: a.User, PhoneType: a.PhoneType}
	}
	return k
}

func newPools(h *Handler, e events.SQSEvent) *pools {
	p := &pools{h: h, want: map[poolKey]int{}, by: map[poolKey]*pool{}}
	for _, r := range e.Records {
		c, _ := command.Decode([]byte(r.Body)) // what cannot be read wants nothing
		if want, ok := c.Data.(command.Assign); ok {
			p.want[keyOf(want)]++
		}
	}
	return p
}

func (p *pools) of(a command.Assign) *pool {
	p.mu.Lock()
	defer p.mu.Unlock()
	k := keyOf(a)
	if p.by[k] == nil {
		p.by[k] = &pool{h: p.h, key: k, want: max(1, p.want[k])}
	}
	return p.by[k]
}

// candidate is a number that may be claimed: listed as available by Webex, not
// held by the ledger, and found usable in Webex's inventory.
type candidate struct {
	number   e164.Number
	vetted   time.Time
	tracking []string // Webex answers behind it
}

// pool hands out candidates, each once. The first who needs one fills it; the
// others wait and share the answer, a refusal too.
type pool struct {
	h    *Handler
	key  poolKey
	want int

	mu     sync.Mutex
	fills  int
	ready  []candidate
	given  []e164.Number // of a dry run: handed out
	listed []e164.Number // usable numbers that Webex listed, ascending
	err    error
}

const (
	// spare candidates are vetted with the wanted ones, twice over, so that
	// neither a lost race nor a few refused numbers cost another call.
	spare = 2

	// maxFills bounds how often one batch asks for more.
	maxFills = 4
)

// prepare fills the pool if nobody has.
func (p *pool) prepare(ctx context.Context) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fills == 0 {
		return p.fill(ctx)
	}
	return p.err
}

// take returns a candidate that nobody else of the batch gets.
func (p *pool) take(ctx context.Context) (candidate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.ready) == 0 && p.err == nil && p.fills < maxFills {
		if err := p.fill(ctx); err != nil {
			return candidate{}, err
		}
	}
	if len(p.ready) == 0 {
		return candidate{}, cmp.Or(p.err, outrun())
	}
	c := p.ready[0]
	p.ready = p.ready[1:]
	if p.key.dry { // no claim will tell the next search that it is taken
		p.given = append(p.given, c.number)
	}
	return c, nil
}

// offers reports whether Webex lists the number as available. It is asked for by
// name unless it was seen: a pool reads no more of the list than it needs.
func (p *pool) offers(ctx context.Context, n e164.Number) (bool, error) {
	p.mu.Lock()
	_, seen := slices.BinarySearch(p.listed, n)
	p.mu.Unlock()
	if seen {
		return true, nil
	}
	named := &pool{h: p.h, key: poolKey{site: p.key.site, exact: n}}
	for page, err := range named.pages(ctx, 0) {
		if err != nil || slices.Contains(page.numbers, n) {
			return err == nil, err
		}
	}
	return false, nil
}

// fill gets candidates for the batch. What went wrong is kept for all who ask,
// unless there are candidates all the same, or it was only this caller's time
// that ran out.
func (p *pool) fill(ctx context.Context) error {
	err := p.search(ctx)
	if err != nil && ctx.Err() != nil {
		return err
	}
	p.fills++
	switch {
	case len(p.ready) > 0:
		err = nil
	case err == nil:
		err = p.exhausted()
	}
	p.err = err
	return err
}

// search looks for free numbers and has a random few of them vetted. It starts
// at the page that had some the last time: Webex goes on listing what dialtone
// has given away, so the first pages of a large location fill up for good.
func (p *pool) search(ctx context.Context) error {
	start := p.h.lastPage(p.key)
	err := p.scan(ctx, start)
	if err != nil || p.enough() || start == 0 {
		return err
	}
	return p.scan(ctx, 0)
}

func (p *pool) enough() bool { return len(p.ready) >= p.want }

// scan draws candidates page by page until there are enough.
func (p *pool) scan(ctx context.Context, start int) error {
	for page, err := range p.pages(ctx, start) {
		if err != nil {
			return err
		}
		if err := p.opened(ctx, page); err != nil {
			return err
		}
		p.listed = merge(p.listed, page.numbers)
		had := len(p.ready)
		err := p.draw(ctx, page)
		if len(p.ready) > had {
			p.h.foundAt(p.key, page.start)
		}
		if err != nil || p.enough() {
			return err
		}
	}
	return nil
}

// draw has free numbers of a page vetted until there are enough candidates. It
// looks at windows of the page that start at a random place and double in size,
// so that the cost does not grow with the pool and concurrent workers look at
// different parts of it.
func (p *pool) draw(ctx context.Context, page page) error {
	choice := 2*p.want + spare
	var free []e164.Number
	all := windows(page.numbers, 4*choice, rand.IntN(max(1, len(page.numbers))))
	for i, w := range all {
		more, err := p.free(ctx, w)
		if err != nil {
			return err
		}
		if free = append(free, more...); len(free) < choice && i < len(all)-1 {
			continue
		}
		if err := p.vetSome(ctx, free, page.tracking); err != nil || p.enough() {
			return err
		}
		free = nil
	}
	return nil
}

// free drops from a window what the ledger holds and what is a candidate already.
func (p *pool) free(ctx context.Context, window []e164.Number) ([]e164.Number, error) {
	held, err := p.h.cfg.Ledger.Held(ctx, p.key.location, window[0], window[len(window)-1], p.key.owner)
	if err != nil {
		return nil, err
	}
	var free []e164.Number
	for _, n := range window {
		_, is := held[n]
		if !is && !slices.Contains(p.given, n) && !slices.ContainsFunc(p.ready, func(c candidate) bool { return c.number == n }) {
			free = append(free, n)
		}
	}
	return free, nil
}

// vetSome vets random ones of the free numbers, twice as many as are missing,
// until there are enough candidates.
func (p *pool) vetSome(ctx context.Context, free []e164.Number, tracking string) error {
	rand.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
	for len(free) > 0 && !p.enough() {
		k := min(len(free), 2*(p.want-len(p.ready))+spare)
		found, err := p.vet(ctx, p.key.owner, free[:k]...)
		if err != nil {
			return err
		}
		for _, c := range found {
			c.tracking = []string{tracking}
			p.ready = append(p.ready, c)
		}
		free = free[k:]
	}
	return nil
}

func (p *pool) exhausted() error {
	if p.key.exact != "" {
		return &failure.Error{
			Class:  failure.Conflict,
			Reason: "the number asked for is not free at this location: Webex does not list it as available for the licence, or it is held already",
			Advice: "Ask for another number, or leave number out to get any number of the location.",
		}
	}
	return &failure.Error{
		Class:  failure.Exhausted,
		Reason: fmt.Sprintf("no usable number is left at location %s for %s", p.key.location, p.key.license),
		Advice: "Order numbers for the location in Webex Control Hub, or release unused ones, then replay the request.",
	}
}

// outrun is for free numbers that were found each time, and gone each time when
// they were claimed: that pool is not exhausted.
func outrun() error {
	return &failure.Error{
		Class:  failure.Unavailable,
		Reason: "others took each free number of the location first",
		Advice: "Nothing to do: the request waits on its queue and is tried again.",
	}
}

// windows cuts a sorted list into contiguous runs that start at the given
// place, wrap around, and double in size. They cover the list exactly.
func windows(list []e164.Number, size, start int) [][]e164.Number {
	var cut [][]e164.Number
	for _, part := range [][]e164.Number{list[start:], list[:start]} {
		for len(part) > 0 {
			k := min(size, len(part))
			cut, part = append(cut, part[:k]), part[k:]
			size *= 2
		}
	}
	return cut
}

// merge returns both sorted lists as one, without repeats.
func merge(a, b []e164.Number) []e164.Number {
	all := slices.Concat(a, b)
	slices.Sort(all)
	return slices.Compact(all)
}
