package webex

import (
	"sync"
	"time"
)

// pageSizes remembers how small the pages of a listing had to become, so that the
// next listing need not find it out again: each page that takes too long is a
// failed call to whoever counts them. Safe for concurrent use; the zero value
// remembers nothing.
type pageSizes struct {
	mu sync.Mutex
	of map[string]learnt // by operation
}

type learnt struct {
	size int
	at   time.Time
}

// forget is how long a small page is asked for without trying a large one again.
const forget = time.Hour

// cap returns the page size to ask for: asked, or less where that took too long
// of late. 0 is Webex's default.
func (p *pageSizes) cap(operation string, asked int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, found := p.of[operation]
	if !found || time.Since(l.at) >= forget || asked > 0 && asked <= l.size {
		return asked
	}
	return l.size
}

// learn takes note that pages larger than size take too long.
func (p *pageSizes) learn(operation string, size int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.of == nil {
		p.of = map[string]learnt{}
	}
	p.of[operation] = learnt{size, time.Now()}
}
