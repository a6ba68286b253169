package simkit

import (
	"strings"
	"time"
)

// Request is one request that a simulator received. It carries no header and no
// body, so neither a password nor a token.
type Request struct {
	At        time.Time `json:"at"`
	Operation string    `json:"operation"`
	Method    string    `json:"method"`
	Path      string    `json:"path"` // with its query
	User      string    `json:"user,omitempty"`
	Status    int       `json:"status"`          // of the answer as sent; 0: none yet, or none ever
	Fault     string    `json:"fault,omitempty"` // name of the fault that acted
	Applied   bool      `json:"applied"`         // carried out: the simulator itself answered below 400, whatever the caller saw
	Duration  Duration  `json:"duration"`        // until the answer was ready
}

// Filter picks requests. Zero fields match everything.
type Filter struct {
	Operation string
	User      string // folded before comparing
}

func (f Filter) matches(r *Request) bool {
	return (f.Operation == "" || f.Operation == r.Operation) &&
		(f.User == "" || strings.EqualFold(f.User, r.User))
}

// history keeps the latest requests in order of arrival, and a count of all by
// operation. It is guarded by the script's lock.
type history struct {
	ring  []*Request
	next  int // where the following request goes
	total int
	count map[string]int
}

func newHistory(size int) history {
	return history{ring: make([]*Request, size), count: map[string]int{}}
}

func (h *history) add(r *Request) {
	h.ring[h.next] = r
	h.next = (h.next + 1) % len(h.ring)
	h.total++
	h.count[r.Operation]++
}

func (h *history) list(f Filter) []Request {
	out := []Request{}
	for i := range h.ring {
		r := h.ring[(h.next+i)%len(h.ring)]
		if r != nil && f.matches(r) {
			out = append(out, *r)
		}
	}
	return out
}
