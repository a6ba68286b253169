package changenumber

import (
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
	org, location string
	license       command.LicenseType
	exact         e164.Number // "": any number
}

func keyOf(a command.Assign) poolKey {
	return poolKey{org: a.OrgID, location: a.LocationID, license: a.LicenseType, exact: a.Number}
}

func newPools(h *Handler, e events.SQSEvent) *pools {
	p := &pools{h: h, want: map[poolKey]int{}, by: map[poolKey]*pool{}}
	for _, r := range e.Records {
		if c, err := command.Decode([]byte(r.Body)); err == nil {
			p.want[keyOf(c.Data.(command.Assign))]++
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
		if p.err == nil {
			p.err = p.exhausted()
		}
		return candidate{}, p.err
	}
	c := p.ready[0]
	p.ready = p.ready[1:]
	return c, nil
}

// lists reports whether Webex offered the number as available.
func (p *pool) lists(n e164.Number) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, found := slices.BinarySearch(p.listed, n)
	return found
}

// fill gets candidates for the batch. What went wrong is kept for all who ask,
// unless it was only this caller's time that ran out.
func (p *pool) fill(ctx context.Context) error {
	found, err := p.search(ctx)
	p.ready = append(p.ready, found...)
	if err != nil && ctx.Err() != nil {
		return err
	}
	p.fills++
	if err == nil && len(p.ready) == 0 {
		err = p.exhausted()
	}
	p.err = err
	return err
}

// search looks for free numbers and has a random few of them vetted. It starts
// at the page that had some the last time: Webex goes on listing what dialtone
// has given away, so the first pages of a large location fill up for good.
func (p *pool) search(ctx context.Context) ([]candidate, error) {
	if err := p.h.openPool(ctx, p.key.location); err != nil {
		return nil, err
	}
	start := p.h.lastPage(p.key)
	found, err := p.scan(ctx, start, nil)
	if err != nil || len(found) >= p.want || start == 0 {
		return found, err
	}
	return p.scan(ctx, 0, found)
}

// scan adds to found, page by page, until there are as many as are wanted.
func (p *pool) scan(ctx context.Context, start int, found []candidate) ([]candidate, error) {
	for page, err := range p.pages(ctx, start) {
		if err != nil {
			return found, err
		}
		p.listed = merge(p.listed, page.numbers)
		free, err := p.free(ctx, page.numbers, 2*p.want+spare)
		if err != nil {
			return found, err
		}
		more, err := p.vetSome(ctx, free, p.want-len(found), page.tracking)
		if len(more) > 0 {
			p.h.foundAt(p.key, page.start)
		}
		found = append(found, more...)
		if err != nil || len(found) >= p.want {
			return found, err
		}
	}
	return found, nil
}

// free drops what the ledger holds. It looks at windows of the list that start
// at a random place and double in size, so that the cost does not grow with the
// pool and concurrent workers look at different parts of it.
func (p *pool) free(ctx context.Context, usable []e164.Number, enough int) ([]e164.Number, error) {
	var free []e164.Number
	for _, w := range windows(usable, 4*enough, rand.IntN(max(1, len(usable)))) {
		held, err := p.h.cfg.Ledger.Held(ctx, p.key.location, w[0], w[len(w)-1], ledger.Holder{})
		if err != nil {
			return nil, err
		}
		for _, n := range w {
			if _, is := held[n]; !is {
				free = append(free, n)
			}
		}
		if len(free) >= enough {
			break
		}
	}
	return free, nil
}

// vetSome vets random free numbers, twice as many as are needed, until n are
// found usable.
func (p *pool) vetSome(ctx context.Context, free []e164.Number, n int, tracking string) ([]candidate, error) {
	rand.Shuffle(len(free), func(i, j int) { free[i], free[j] = free[j], free[i] })
	var found []candidate
	for len(free) > 0 && len(found) < n {
		k := min(len(free), 2*n+spare)
		more, err := p.vet(ctx, ledger.Holder{}, free[:k]...)
		if err != nil {
			return found, err
		}
		for i := range more {
			more[i].tracking = []string{tracking}
		}
		found, free = append(found, more...), free[k:]
	}
	return found, nil
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
