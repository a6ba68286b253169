package webexsim

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

const (
	stateActive   = "ACTIVE"
	stateInactive = "INACTIVE"
)

var (
	// ErrUnknownNumber means that no organisation holds the number.
	ErrUnknownNumber = errors.New("unknown number")
	// ErrTaken means that the number has an owner or was freed too recently.
	ErrTaken = errors.New("number is taken")
	// ErrNotAssignable means that a number of this kind refuses this owner:
	// reserved ones every owner, mobile ones all but people.
	ErrNotAssignable = errors.New("number is not assignable")
)

// Owner is who a number belongs to, as "Webex: Get Phone Numbers for an
// Organization with Given Criteria" shows it.
type Owner struct {
	ID        string `json:"id"`        // empty when assigning: derived from the names
	Type      string `json:"type"`      // PEOPLE, PLACE, CALL_QUEUE, ...; empty when assigning: PEOPLE
	FirstName string `json:"firstName"` // may be empty
	LastName  string `json:"lastName"`  // may be empty
}

// Number is the state of one number at one moment.
type Number struct {
	PhoneNumber string `json:"phoneNumber"` // +E.164
	OrgID       string `json:"orgId"`
	LocationID  string `json:"locationId"`
	Location    string `json:"location"` // its name
	Kind        Kind   `json:"kind"`
	State       string `json:"state"`           // "ACTIVE" or "INACTIVE"
	Owner       *Owner `json:"owner,omitempty"` // nil: nobody
	// Available: listed by "Get Person Primary Available Phone Numbers".
	Available bool `json:"available"`
	// Blocked: freed, but still with its former owner for every reader.
	Blocked bool `json:"blocked"`
}

// inventory holds the numbers of all organisations. Its structure is fixed at
// the start; owners and states change under mu.
type inventory struct {
	mu           sync.RWMutex
	orgs         []*org
	byPhone      map[string]*number
	releaseDelay time.Duration
	hideSpecial  bool
}

func newInventory(c Config) (*inventory, error) {
	g := &generator{seed: c.Seed, byPhone: map[string]*number{}}
	inv := &inventory{orgs: g.orgs(c.orgs()), byPhone: g.byPhone, releaseDelay: c.ReleaseDelay, hideSpecial: c.HideSpecial}
	return inv, errors.Join(g.problems...)
}

func (inv *inventory) org(id string) *org {
	for _, o := range inv.orgs {
		if o.ID == id {
			return o
		}
	}
	return nil
}

func (n *number) blocked(now time.Time) bool { return now.UnixNano() < n.blockedUntil }

// shownOwner is the owner that readers see.
func (n *number) shownOwner(now time.Time) *Owner {
	if n.owner == nil && n.blocked(now) {
		return n.former
	}
	return n.owner
}

// available reports whether the list of available numbers has the entry.
func (inv *inventory) available(n *number, now time.Time) bool {
	if n.owner != nil || n.blocked(now) {
		return false
	}
	special := n.kind == KindService || n.kind == KindTollFree || n.kind == KindReserved
	return !special || !inv.hideSpecial
}

// assign gives the number to the owner; the same owner again changes nothing.
func (inv *inventory) assign(phone string, to Owner, now time.Time) error {
	to = to.completed()
	inv.mu.Lock()
	defer inv.mu.Unlock()
	n := inv.byPhone[phone]
	switch {
	case n == nil:
		return ErrUnknownNumber
	case n.owner != nil && *n.owner == to:
		return nil
	case n.owner != nil || n.blocked(now):
		return ErrTaken
	case n.kind == KindReserved || n.kind == KindMobile && to.Type != "PEOPLE":
		return ErrNotAssignable
	}
	n.owner, n.former, n.blockedUntil = &to, nil, 0
	if n.kind == KindMobile {
		n.state = stateActive
	}
	return nil
}

func (o Owner) completed() Owner {
	if o.Type == "" {
		o.Type = "PEOPLE"
	}
	if o.ID == "" {
		o.ID = hydraID(o.Type, o.FirstName+"/"+o.LastName)
	}
	return o
}

// free takes the number from its owner; a number without one stays as it is.
func (inv *inventory) free(phone string, now time.Time) error {
	inv.mu.Lock()
	defer inv.mu.Unlock()
	n := inv.byPhone[phone]
	if n == nil {
		return ErrUnknownNumber
	}
	if n.owner != nil {
		n.former, n.owner = n.owner, nil
		n.blockedUntil = now.Add(inv.releaseDelay).UnixNano()
	}
	return nil
}

func (inv *inventory) describe(n *number, now time.Time) Number {
	d := Number{
		PhoneNumber: n.phone, OrgID: n.site.org.ID, LocationID: n.site.ID, Location: n.site.Name,
		Kind: n.kind, State: n.state, Available: inv.available(n, now), Blocked: n.blocked(now),
	}
	if o := n.shownOwner(now); o != nil {
		owner := *o
		d.Owner = &owner
	}
	return d
}

// snapshot describes the numbers of one location, or of all with an empty id.
func (inv *inventory) snapshot(locationID string, now time.Time) []Number {
	inv.mu.RLock()
	defer inv.mu.RUnlock()
	all := []Number{}
	for _, o := range inv.orgs {
		for _, n := range o.numbers {
			if locationID == "" || n.site.ID == locationID {
				all = append(all, inv.describe(n, now))
			}
		}
	}
	return all
}

// Assign gives a number to owner as a foreign administrator would, in the
// middle of anything. Giving it to the same owner again changes nothing. The
// error wraps ErrUnknownNumber, ErrTaken or ErrNotAssignable.
func (s *Server) Assign(number string, owner Owner) error {
	if err := s.inv.assign(number, owner, time.Now()); err != nil {
		return fmt.Errorf("assign: %w", err)
	}
	return nil
}

// Free takes a number from its owner. For Config.ReleaseDelay every reader still
// sees the former owner and nobody can get the number. The error wraps
// ErrUnknownNumber.
func (s *Server) Free(number string) error {
	if err := s.inv.free(number, time.Now()); err != nil {
		return fmt.Errorf("free: %w", err)
	}
	return nil
}

// Number describes one number; false when no organisation holds it.
func (s *Server) Number(number string) (Number, bool) {
	s.inv.mu.RLock()
	defer s.inv.mu.RUnlock()
	n := s.inv.byPhone[number]
	if n == nil {
		return Number{}, false
	}
	return s.inv.describe(n, time.Now()), true
}

// Numbers describes the numbers of a location in ascending order; an empty id
// means all locations of all organisations.
func (s *Server) Numbers(locationID string) []Number {
	return s.inv.snapshot(locationID, time.Now())
}
