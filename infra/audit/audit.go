// Package audit compares three sides: the ledger, Webex's inventory, and the
// phones that Skype for Business shows of each user. Where they differ it says
// so, with what to do about it; it changes nothing by itself.
//
// It goes through one location at a time. What Webex has of the location is
// listed once; then each user who has to do with a number there is a case, read
// and judged as a whole, and so is each number that has to do with nobody. What
// the ledger says is read before and after the phones: a case that somebody
// works on meanwhile is read again. [Mender] repairs what is safe to repair.
package audit

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/ucwa"
	"dialtone/shared/webex"
)

// Config of [New]. Ledger and Webex are required.
type Config struct {
	Ledger *ledger.Ledger
	Webex  *webex.Client

	// UCWA reads users' phones. Nil: they are not read, and nobody is signed in.
	UCWA *ucwa.Client

	LocationID string // empty: all that the ledger has numbers of

	// Rate is how many users a second are signed in. Zero: 2.
	Rate float64

	// Grace is how long unfinished work may stand before it is drift. Zero: an hour.
	Grace time.Duration

	// Patience is the longest single wait for a vendor that cannot answer just now.
	// Zero: a minute.
	Patience time.Duration

	// AllOwned finds every number with an owner in Webex that dialtone never had.
	// False: only those that Webex offers as available as well, since the others
	// were never dialtone's business.
	AllOwned bool

	Logger *slog.Logger // nil: no log
}

// Auditor compares. It is for one [Auditor.Run] at a time.
type Auditor struct {
	cfg   Config
	users *rate.Limiter
	inUse map[e164.Number]bool // parked numbers that phones of the location show
}

// New returns an auditor. It asks nobody; its error reports every problem.
func New(cfg Config) (*Auditor, error) {
	var problems []error
	if cfg.Ledger == nil {
		problems = append(problems, errors.New("audit: Ledger is missing"))
	}
	if cfg.Webex == nil {
		problems = append(problems, errors.New("audit: Webex is missing"))
	}
	if cfg.Rate < 0 {
		problems = append(problems, fmt.Errorf("audit: Rate %g is negative", cfg.Rate))
	}
	if cfg.Grace < 0 {
		problems = append(problems, fmt.Errorf("audit: Grace %s is negative", cfg.Grace))
	}
	if cfg.Patience < 0 {
		problems = append(problems, fmt.Errorf("audit: Patience %s is negative", cfg.Patience))
	}
	cfg.Rate = cmp.Or(cfg.Rate, 2)
	cfg.Patience = cmp.Or(cfg.Patience, time.Minute)
	cfg.Grace = cmp.Or(cfg.Grace, time.Hour)
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Auditor{cfg: cfg, users: rate.NewLimiter(rate.Limit(cfg.Rate), 1)}, errors.Join(problems...)
}

// Position is how far an audit has come: all up to it is done. The zero value is
// the beginning.
type Position struct {
	LocationID string        `json:"locationId,omitempty"`
	Case       string        `json:"case,omitempty"`
	InUse      []e164.Number `json:"inUse,omitempty"` // parked numbers that were seen to be in use
}

// Step is one case that was judged.
type Step struct {
	At       Position
	Findings []Finding
	Numbers  int  // of the case
	Signed   bool // a user was signed in, or it was tried
	Done     int  // cases of the location that are behind, those before the beginning included
	Total    int  // cases of the location
}

// Run yields each case from a position on, in an order that is the same for every
// run, with or without findings. An error is the last thing that is yielded; Run
// can go on from the last step before it. A user who cannot be signed in is a
// finding; that a vendor is not to be asked at all is an error.
func (a *Auditor) Run(ctx context.Context, from Position) iter.Seq2[Step, error] {
	return func(yield func(Step, error) bool) {
		pools, err := a.pools(ctx)
		for _, p := range pools {
			if err != nil || p.LocationID < from.LocationID {
				continue
			}
			at := Position{}
			if p.LocationID == from.LocationID {
				at = from
			}
			var goesOn bool
			if goesOn, err = a.location(ctx, p, at, yield); !goesOn {
				return
			}
		}
		if err != nil {
			yield(Step{}, err)
		}
	}
}

// pools returns the locations to audit, ascending.
func (a *Auditor) pools(ctx context.Context) ([]ledger.Pool, error) {
	var pools []ledger.Pool
	for p, err := range a.cfg.Ledger.Pools(ctx) {
		if err != nil {
			return nil, err
		}
		if a.cfg.LocationID == "" || p.LocationID == a.cfg.LocationID {
			pools = append(pools, p)
		}
	}
	if len(pools) == 0 && a.cfg.LocationID != "" {
		return nil, fmt.Errorf("location %s is not known here: no request named it", a.cfg.LocationID)
	}
	return pools, nil
}

// location yields the cases of one location; goesOn is false when the caller has
// had enough.
func (a *Auditor) location(ctx context.Context, p ledger.Pool, from Position, yield func(Step, error) bool) (goesOn bool, err error) {
	a.inUse = map[e164.Number]bool{}
	for _, n := range from.InUse {
		a.inUse[n] = true
	}
	s, err := a.site(ctx, p)
	if err != nil {
		return true, err
	}
	s.done, _ = slices.BinarySearchFunc(s.cases, from.Case, func(c subject, key string) int { return cmp.Compare(c.key, key) })
	if s.done < len(s.cases) && s.cases[s.done].key == from.Case {
		s.done++
	}
	for s.done < len(s.cases) {
		for step, err := range a.chunk(ctx, s) {
			if err != nil {
				return true, err
			}
			if !yield(step, nil) {
				return false, nil
			}
		}
	}
	return true, nil
}

// atOnce is how many cases are read at a time. They are judged in order.
const atOnce = 16

// chunk reads the next few cases of a site at the same time.
func (a *Auditor) chunk(ctx context.Context, s *site) iter.Seq2[Step, error] {
	next := s.next(atOnce)
	results := make([]result, len(next))
	var all sync.WaitGroup
	for i, c := range next {
		all.Go(func() { results[i] = a.examine(ctx, s, c) })
	}
	all.Wait()
	return func(yield func(Step, error) bool) {
		if err := outage(results); err != nil {
			yield(Step{}, err)
			return
		}
		for i, r := range results {
			if r.err != nil {
				yield(Step{}, r.err)
				return
			}
			for _, n := range r.inUse {
				a.inUse[n] = true
			}
			s.done++
			step := Step{Findings: r.findings, Numbers: len(next[i].numbers), Signed: r.signed, Done: s.done, Total: len(s.cases)}
			step.At = Position{LocationID: s.locationID, Case: next[i].key, InUse: a.seen()}
			if !yield(step, nil) {
				return
			}
		}
	}
}

func (a *Auditor) seen() (numbers []e164.Number) {
	for n := range a.inUse {
		numbers = append(numbers, n)
	}
	slices.Sort(numbers)
	return numbers
}
