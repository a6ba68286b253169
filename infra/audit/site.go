package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"dialtone/shared/e164"
	"dialtone/shared/explain"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/sipaddr"
)

// site is one location with all its cases.
type site struct {
	locationID string
	webex      *inventory
	cases      []subject // ascending by key
	done       int
}

// subject is what a case is about.
type subject struct {
	key     string
	user    sipaddr.User  // "": numbers that have to do with nobody
	numbers []e164.Number // ascending
	finding *Finding      // of the location itself; nothing else then
}

// The kinds of subject, in the order of their keys. Numbers come after users,
// whose phones may show them.
const (
	ofLocation = "1 location"
	ofUser     = "2 "
	ofNumber   = "3 "
)

// next returns the next few cases, all of one kind.
func (s *site) next(atMost int) []subject {
	rest := s.cases[s.done:]
	for i, c := range rest {
		if i == atMost || c.key[0] != rest[0].key[0] {
			return rest[:i]
		}
	}
	return rest
}

// site lists what the ledger and Webex have of a location.
func (a *Auditor) site(ctx context.Context, p ledger.Pool) (*site, error) {
	s := &site{locationID: p.LocationID}
	known, err := a.known(ctx, p.LocationID)
	if err != nil {
		return nil, err
	}
	if s.webex, err = a.inventory(ctx, p, known); explain.Error(err).Class == failure.Invalid {
		s.cases = append(s.cases, unlisted(p.LocationID, explain.Error(err)))
	} else if err != nil {
		return nil, fmt.Errorf("list Webex's numbers of location %s: %w", p.LocationID, err)
	}
	byUser, err := a.byUser(ctx, known)
	if err != nil {
		return nil, err
	}
	for user, numbers := range byUser {
		s.cases = append(s.cases, subject{key: ofUser + string(user), user: user, numbers: numbers})
	}
	for _, n := range a.nobodys(s.webex, known) {
		s.cases = append(s.cases, subject{key: ofNumber + string(n), numbers: []e164.Number{n}})
	}
	slices.SortFunc(s.cases, func(a, b subject) int { return cmp.Compare(a.key, b.key) })
	return s, nil
}

func unlisted(locationID string, f *failure.Error) subject {
	return subject{key: ofLocation, finding: &Finding{
		Kind: NotReadable, LocationID: locationID,
		Problem: "Webex does not list the location's numbers, so they were not compared with it: " + f.Reason,
		Mend:    "check that the location still exists in Control Hub, and that the token is of its organisation",
	}}
}

// known returns the numbers of a location that the ledger knows.
func (a *Auditor) known(ctx context.Context, locationID string) (map[e164.Number]ledger.Number, error) {
	known := map[e164.Number]ledger.Number{}
	for n, err := range a.cfg.Ledger.Numbers(ctx, locationID) {
		if err != nil {
			return nil, err
		}
		known[n.Number] = n
	}
	return known, nil
}

// byUser returns the numbers that have to do with somebody: who has or had them,
// or, of one that is parked for good, whose request parked it.
func (a *Auditor) byUser(ctx context.Context, known map[e164.Number]ledger.Number) (map[sipaddr.User][]e164.Number, error) {
	users := map[sipaddr.User][]e164.Number{}
	for _, n := range known {
		user := n.User
		if n.ParkedForGood() {
			r, _, err := a.cfg.Ledger.Request(ctx, n.Request)
			if err != nil {
				return nil, err
			}
			user = r.User
		}
		if user != "" {
			users[user] = append(users[user], n.Number)
			n.User = user
			known[n.Number] = n
		}
	}
	for _, numbers := range users {
		slices.Sort(numbers)
	}
	return users, nil
}

// nobodys returns the numbers that have to do with no user, and that are worth a
// look: parked for good, or owned in Webex while dialtone would hand them out.
func (a *Auditor) nobodys(w *inventory, known map[e164.Number]ledger.Number) (numbers []e164.Number) {
	for _, n := range known {
		free := n.State == ledger.Free || n.State == ledger.Quarantined
		if n.User == "" && (n.ParkedForGood() || free && w.owned(n.Number)) {
			numbers = append(numbers, n.Number)
		}
	}
	if w == nil {
		return numbers
	}
	for n, entry := range w.numbers {
		if _, had := known[n]; !had && entry.Owner != nil && (a.cfg.AllOwned || w.offered[n]) {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

func (w *inventory) owned(n e164.Number) bool { return w != nil && w.numbers[n].Owner != nil }
