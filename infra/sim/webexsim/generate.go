package webexsim

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"regexp"
	"slices"
)

// Kind says what a number is for. It never changes.
type Kind string

const (
	KindStandard Kind = "standard"  // what a person can get
	KindMain     Kind = "main"      // calling line ID of its location
	KindMobile   Kind = "mobile"    // for persons only
	KindService  Kind = "service"   // high-volume, for queues and attendants
	KindTollFree Kind = "toll-free" // recognisable in the inventory only
	KindReserved Kind = "reserved"  // refuses every owner
)

// number is one entry of the inventory. Fields below the line change under the
// inventory's lock; the others never do.
type number struct {
	phone   string
	site    *site
	kind    Kind
	variant uint8 // which of three wire forms a dialect gives it

	state        string // "ACTIVE" or "INACTIVE"
	owner        *Owner
	former       *Owner // shown until blockedUntil
	blockedUntil int64  // Unix nanoseconds; zero: never released
}

// site is a location with its numbers, ascending.
type site struct {
	Location
	org     *org
	numbers []*number
}

// org is an organisation with its sites and all their numbers, ascending.
type org struct {
	Org
	sites   []*site
	numbers []*number
}

func (o *org) site(id string) *site {
	for _, s := range o.sites {
		if s.ID == id {
			return s
		}
	}
	return nil
}

// generator builds the inventory and collects everything that is wrong with the
// locations on the way.
type generator struct {
	seed     uint64
	byPhone  map[string]*number
	problems []error
}

func (g *generator) bad(format string, args ...any) {
	g.problems = append(g.problems, fmt.Errorf(format, args...))
}

func (g *generator) orgs(configured []Org) []*org {
	var all []*org
	ids := map[string]bool{}
	for _, c := range configured {
		o := &org{Org: c}
		if c.Name == "" {
			g.bad("an Org has no Name")
		}
		if ids[c.ID] {
			g.bad("Org %q: its ID is in use", c.Name)
		}
		ids[c.ID] = true
		for _, l := range c.Locations {
			g.location(o, l)
		}
		slices.SortFunc(o.numbers, byNumber)
		all = append(all, o)
	}
	return all
}

func byNumber(a, b *number) int { return cmp.Compare(a.phone, b.phone) }

func (g *generator) location(o *org, l Location) {
	if problem := l.problem(); problem != nil {
		g.problems = append(g.problems, problem)
		return
	}
	if o.site(l.ID) != nil {
		g.bad("Location %q: its ID is in use", l.Name)
		return
	}
	s := &site{Location: l, org: o}
	o.sites = append(o.sites, s)
	if l.NoCalling || (l.Prefix == "" && l.Main == "") {
		return
	}
	if l.Main != "" {
		g.add(s, l.Main, lot{kind: KindMain, state: stateActive})
	}
	g.block(s)
	slices.SortFunc(s.numbers, byNumber)
	o.numbers = append(o.numbers, s.numbers...)
}

var e164Pattern = regexp.MustCompile(`^\+[1-9][0-9]{0,14}$`)

func (l Location) problem() error {
	total := 0
	for _, n := range []int{l.Numbers, l.Inactive, l.Mobile, l.Service, l.TollFree, l.Reserved, l.Owned} {
		if n < 0 {
			return fmt.Errorf("Location %q: a count is negative", l.Name)
		}
		total += n
	}
	switch {
	case l.Name == "":
		return errors.New("a Location has no Name")
	case l.NoCalling && (total > 0 || l.Main != ""):
		return fmt.Errorf("Location %q: numbers without calling", l.Name)
	case l.Main != "" && !e164Pattern.MatchString(l.Main):
		return fmt.Errorf("Location %q: Main is not +E.164", l.Name)
	case (total > 0 || l.Prefix != "") && !e164Pattern.MatchString(l.Prefix):
		return fmt.Errorf("Location %q: Prefix %q is not the start of +E.164", l.Name, l.Prefix)
	case l.Digits < 1 || l.Digits > maxDigits || len(l.Prefix)+l.Digits > 16:
		return fmt.Errorf("Location %q: Digits %d does not fit the prefix", l.Name, l.Digits)
	case l.First < 0 || l.First+total+1 > pow10(l.Digits):
		return fmt.Errorf("Location %q: %d numbers from %d on do not fit %d digits", l.Name, total, l.First, l.Digits)
	}
	return nil
}

// lot is the state a number starts in.
type lot struct {
	kind    Kind
	state   string
	owner   *Owner
	variant uint8
}

// lots lists what the location's block holds, in an order drawn from the seed
// and the location's identity, so that one location does not shift another.
func (g *generator) lots(s *site) []lot {
	var lots []lot
	repeat := func(n int, make func(i int) lot) {
		for i := range n {
			l := make(i)
			l.variant = uint8(i % 3)
			lots = append(lots, l)
		}
	}
	unassigned := func(k Kind, state string) func(int) lot {
		return func(int) lot { return lot{kind: k, state: state} }
	}
	if s.Main == "" {
		repeat(1, unassigned(KindMain, stateActive))
	}
	repeat(s.Numbers, unassigned(KindStandard, stateActive))
	repeat(s.Inactive, unassigned(KindStandard, stateInactive))
	repeat(s.Mobile, func(i int) lot { return lot{kind: KindMobile, state: []string{stateInactive, stateActive}[i%2]} })
	repeat(s.Service, unassigned(KindService, stateActive))
	repeat(s.TollFree, unassigned(KindTollFree, stateActive))
	repeat(s.Reserved, unassigned(KindReserved, stateActive))
	repeat(s.Owned, func(i int) lot {
		return lot{kind: KindStandard, state: stateActive, owner: generatedOwner(s.Location, i)}
	})

	h := fnv.New64a()
	h.Write([]byte(s.ID))
	rng := rand.New(rand.NewPCG(g.seed, h.Sum64()))
	rng.Shuffle(len(lots), func(i, j int) { lots[i], lots[j] = lots[j], lots[i] })
	return lots
}

// block numbers the lots consecutively, passing over numbers that exist already
// because another location shares the prefix or a main number lies inside.
func (g *generator) block(s *site) {
	next, end := s.First, pow10(s.Digits)
	for _, l := range g.lots(s) {
		for ; next < end; next++ {
			if g.byPhone[s.subscriber(next)] == nil {
				break
			}
		}
		if next == end {
			g.bad("Location %q: no numbers are left below its prefix", s.Name)
			return
		}
		g.add(s, s.subscriber(next), l)
	}
}

func (l Location) subscriber(n int) string { return fmt.Sprintf("%s%0*d", l.Prefix, l.Digits, n) }

func (g *generator) add(s *site, phone string, l lot) {
	if g.byPhone[phone] != nil {
		g.bad("Location %q: its main number is in use", s.Name)
		return
	}
	n := &number{phone: phone, site: s, kind: l.kind, state: l.state, owner: l.owner, variant: l.variant}
	g.byPhone[phone] = n
	s.numbers = append(s.numbers, n)
	if n.kind == KindMain {
		s.Main = phone
	}
}

func generatedOwner(l Location, i int) *Owner {
	name := fmt.Sprintf("%s %d", l.Name, i+1)
	return &Owner{ID: hydraID("PEOPLE", l.ID+"/"+name), Type: "PEOPLE", FirstName: "Employee", LastName: name}
}
