package ledgertest

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/sipaddr"
)

// Phones is what the people's work phones show, as a vendor would keep it. It
// does not believe the ledger: it watches by itself that no number is on two
// phones, or on another before its rest is over. The zero value is ready for
// use, also by many goroutines.
type Phones struct {
	mu       sync.Mutex
	refused  map[e164.Number]bool
	denied   map[sipaddr.User]bool
	shows    map[sipaddr.User]e164.Number
	rests    map[e164.Number]rest
	changes  []Change
	problems []string
}

// Change is one change of a phone, as its user sees it.
type Change struct {
	User    sipaddr.User
	Number  e164.Number // "": none any more
	Request command.Key // that made it
}

type rest struct {
	of    sipaddr.User
	until time.Time
}

// Refuse makes a number one that cannot be published, or one that can.
func (p *Phones) Refuse(n e164.Number, no bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refused == nil {
		p.refused = map[e164.Number]bool{}
	}
	p.refused[n] = no
}

// Deny makes a user one who may not be changed, or one who may.
func (p *Phones) Deny(u sipaddr.User, no bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.denied == nil {
		p.denied = map[sipaddr.User]bool{}
	}
	p.denied[u] = no
}

// Set publishes a number for a user by other means, or none.
func (p *Phones) Set(u sipaddr.User, n e164.Number) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shows == nil {
		p.shows, p.rests = map[sipaddr.User]e164.Number{}, map[e164.Number]rest{}
	}
	p.shows[u] = n
}

// Shows returns the number on a user's phone.
func (p *Phones) Shows(u sipaddr.User) e164.Number {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.shows[u]
}

// Changes returns what was changed so far, in order.
func (p *Phones) Changes() []Change {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.changes)
}

// Problems returns what must never happen and did.
func (p *Phones) Problems() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.problems)
}

func (p *Phones) publish(c Change, quiet time.Duration) error {
	u, n := c.User, c.Number
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.denied[u] {
		return errDenied
	}
	if p.refused[n] {
		return errRefused
	}
	if p.shows == nil {
		p.shows, p.rests = map[sipaddr.User]e164.Number{}, map[e164.Number]rest{}
	}
	for other, shown := range p.shows {
		if other != u && shown == n && n != "" {
			p.problems = append(p.problems, fmt.Sprintf("%s is published for %s and for %s", n, other, u))
		}
	}
	if r := p.rests[n]; r.of != u && time.Now().Before(r.until) {
		p.problems = append(p.problems, fmt.Sprintf("%s is published for %s before its rest after %s is over", n, u, r.of))
	}
	if old := p.shows[u]; old != "" {
		p.rests[old] = rest{of: u, until: time.Now().Add(quiet)}
	}
	p.shows[u] = n
	p.changes = append(p.changes, c)
	return nil
}
