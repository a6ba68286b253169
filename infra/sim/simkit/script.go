package simkit

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const defaultHistory = 10_000

// Config says what a simulator brings to its script. Only Identify is required.
type Config struct {
	// Seed fixes latencies and the draws of Fault.Rate.
	Seed uint64
	// Operations are the names a fault may use; none: every name is accepted.
	Operations []string
	// MinLatency and MaxLatency bound the delay added to every request, evenly
	// spread. Both 0: none.
	MinLatency, MaxLatency time.Duration
	// History is the number of requests kept; 0: 10 000. Counts cover all.
	History int
	// Identify names the operation of a request and the user it acts for; both may
	// be empty. The body may be read with ParseForm, which keeps its result on r.
	// Called once a request, from many goroutines.
	Identify func(r *http.Request) (operation, user string)
	// Refuse writes the error answer of a fault that has a Status but neither Body
	// nor HTML, in the simulated API's own form. nil: {"code": ..., "subcode": ...}.
	Refuse func(w http.ResponseWriter, r *http.Request, f Fault)
	// State answers GET /state of the control API; the query may narrow it. nil: {}.
	State func(query url.Values) any
}

// Script is the list of faults, the general latency and the request history of
// one simulator. Safe for concurrent use.
type Script struct {
	config Config

	mu       sync.Mutex
	random   *rand.Rand
	faults   []*active
	ids      int
	min, max time.Duration
	history  history
}

// active is a fault in the script. gone is closed on removal, which ends hangs.
type active struct {
	FaultStatus
	gone chan struct{}
}

// New returns an empty script. It refuses a config without Identify, and
// latencies that are negative or the wrong way round.
func New(c Config) (*Script, error) {
	if c.Identify == nil {
		return nil, errors.New("simkit: config: Identify is required")
	}
	if c.History < 0 {
		return nil, fmt.Errorf("simkit: config: History is %d, must not be negative", c.History)
	}
	if c.History == 0 {
		c.History = defaultHistory
	}
	s := &Script{
		config:  c,
		random:  rand.New(rand.NewPCG(c.Seed, 0)),
		history: newHistory(c.History),
	}
	if err := s.SetLatency(c.MinLatency, c.MaxLatency); err != nil {
		return nil, fmt.Errorf("simkit: config: %w", err)
	}
	return s, nil
}

// Add appends faults to the script, or none of them: an *Invalid lists what is
// wrong. It returns them with their IDs.
func (s *Script) Add(faults ...Fault) ([]FaultStatus, error) {
	var problems []Problem
	for i, f := range faults {
		for _, p := range f.problems(s.config.Operations) {
			if len(faults) > 1 {
				p.Field = strings.TrimSuffix(fmt.Sprintf("[%d].%s", i, p.Field), ".")
			}
			problems = append(problems, p)
		}
	}
	if len(problems) > 0 {
		return nil, &Invalid{problems}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	added := make([]FaultStatus, len(faults))
	for i, f := range faults {
		s.ids++
		a := &active{FaultStatus{ID: strconv.Itoa(s.ids), Fault: f}, make(chan struct{})}
		a.Header = maps.Clone(f.Header)
		if a.Name == "" {
			a.Name = a.ID
		}
		s.faults = append(s.faults, a)
		added[i] = a.FaultStatus
	}
	return added, nil
}

// Faults returns the script in the order in which faults are tried.
func (s *Script) Faults() []FaultStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]FaultStatus, len(s.faults))
	for i, a := range s.faults {
		out[i] = a.FaultStatus
	}
	return out
}

// Remove takes every fault with that ID or name out of the script, ends the
// hangs it caused, and returns how many there were.
func (s *Script) Remove(idOrName string) int {
	return s.removeIf(func(a *active) bool { return a.ID == idOrName || a.Name == idOrName })
}

// Clear removes all faults and returns how many there were.
func (s *Script) Clear() int { return s.removeIf(func(*active) bool { return true }) }

func (s *Script) removeIf(match func(*active) bool) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.faults)
	s.faults = slices.DeleteFunc(s.faults, func(a *active) bool {
		if !match(a) {
			return false
		}
		close(a.gone)
		return true
	})
	return before - len(s.faults)
}

// SetLatency replaces the general latency from the next request on.
func (s *Script) SetLatency(lowest, highest time.Duration) error {
	if lowest < 0 || highest < lowest {
		return &Invalid{[]Problem{{
			"min", fmt.Sprintf("%v to %v is not a range of latencies", lowest, highest),
			"use 0 or more for min, and a max that is not below it",
		}}}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.min, s.max = lowest, highest
	return nil
}

// Latency returns the general latency.
func (s *Script) Latency() (lowest, highest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.min, s.max
}

// Requests returns the kept requests that match, oldest first. A request is
// listed from its arrival; its Status is 0 until it is answered.
func (s *Script) Requests(f Filter) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.history.list(f)
}

// Counts returns how many requests of each operation arrived, forgotten ones
// excluded, kept or not.
func (s *Script) Counts() map[string]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.history.count)
}

// Forget empties the history and the counts.
func (s *Script) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.history = newHistory(s.config.History)
}

// begin records an arrival and decides what happens to it: the general latency
// and the fault, if any, that acts.
func (s *Script) begin(rec *Request) (time.Duration, *active) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.history.add(rec)
	wait := s.min
	if s.max > s.min {
		wait += time.Duration(s.random.Int64N(int64(s.max-s.min) + 1))
	}
	a := s.pick(rec)
	if a != nil {
		rec.Fault = a.Name
	}
	return wait, a
}

func (s *Script) pick(rec *Request) *active {
	for _, a := range s.faults {
		if !(Filter{a.Operation, a.User}).matches(rec) || a.Times > 0 && a.Fired >= a.Times {
			continue
		}
		a.Matched++
		if a.Matched <= a.After || a.Rate > 0 && s.random.Float64() >= a.Rate {
			continue
		}
		a.Fired++
		return a
	}
	return nil
}

// finish completes a record under the lock that readers of the history take.
func (s *Script) finish(rec *Request, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec.Status, rec.Duration = status, Duration(time.Since(rec.At))
}

func (s *Script) applied(rec *Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rec.Applied = true
}
