package webexsim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// numberList is the answer of "Webex: Get Phone Numbers for an Organization
// with Given Criteria". It names the facts differently from availableList.
type numberList struct {
	PhoneNumbers []numberEntry `json:"phoneNumbers"`
	Count        *numberCount  `json:"count,omitempty"`
}

type numberEntry struct {
	PhoneNumber            string       `json:"phoneNumber"`
	State                  string       `json:"state"`
	PhoneNumberType        string       `json:"phoneNumberType"`
	MainNumber             bool         `json:"mainNumber"`
	IncludedTelephonyTypes string       `json:"includedTelephonyTypes"`
	MobileNetwork          string       `json:"mobileNetwork,omitempty"`
	RoutingProfile         string       `json:"routingProfile,omitempty"`
	TollFreeNumber         bool         `json:"tollFreeNumber"`
	IsServiceNumber        bool         `json:"isServiceNumber"`
	IsReservedNumber       bool         `json:"isReservedNumber"`
	Location               locationName `json:"location"`
	Owner                  *Owner       `json:"owner,omitempty"`
}

type locationName struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// numberCount covers the organisation, not the page.
type numberCount struct {
	Assigned        int `json:"assigned"`
	UnAssigned      int `json:"unAssigned"`
	InActive        int `json:"inActive"`
	ExtensionOnly   int `json:"extensionOnly"`
	TollFreeNumbers int `json:"tollFreeNumbers"`
	Total           int `json:"total"`
	MobileNumber    int `json:"mobileNumber"`
	ServiceNumber   int `json:"serviceNumber"`
	ReservedNumber  int `json:"reservedNumber"`
}

// numbers lists the inventory: every number with its location and owner.
func (s *Server) numbers(c *call) (any, error) {
	where, err := s.extent(c)
	if err != nil {
		return nil, err
	}
	p, err := s.paging(c.query)
	if err != nil {
		return nil, err
	}
	f, err := s.numberFilter(c.query)
	if err != nil {
		return nil, err
	}
	s.foreignAdmin(where, f.phones)
	return s.listNumbers(c, where, p, f), nil
}

func (s *Server) listNumbers(c *call, where extent, p paging, f numberFilter) numberList {
	s.inv.mu.RLock()
	defer s.inv.mu.RUnlock()
	now := time.Now()
	from := s.inv.candidates(where, f.phones)
	if f.byName {
		from = sortedByOwner(from, now)
	}
	match := func(n *number) bool { return where.contains(n) && f.matches(n, now) }
	render := func(n *number) numberEntry { return n.entry(now) }
	var list numberList
	var more bool
	list.PhoneNumbers, more = listed(s, from, p, match, render)
	if f.details {
		list.Count = count(where, now)
	}
	s.setLink(c.header, c.r, p, more)
	return list
}

func (n *number) entry(now time.Time) numberEntry {
	e := numberEntry{
		PhoneNumber: n.phone, State: n.state, PhoneNumberType: "PRIMARY", MainNumber: n.kind == KindMain,
		IncludedTelephonyTypes: n.telephonyType(), TollFreeNumber: n.kind == KindTollFree,
		IsServiceNumber: n.kind == KindService, IsReservedNumber: n.kind == KindReserved,
		Location: locationName{n.site.ID, n.site.Name}, Owner: n.shownOwner(now),
	}
	if n.kind == KindMobile {
		e.MobileNetwork, e.RoutingProfile = mobileNetwork, routingProfile
	}
	return e
}

// sortedByOwner is order=lastName: by last name, unassigned numbers last.
func sortedByOwner(from []*number, now time.Time) []*number {
	last := func(n *number) string {
		if o := n.shownOwner(now); o != nil {
			return strings.ToLower(o.LastName)
		}
		return "\U0010FFFF"
	}
	out := slices.Clone(from)
	slices.SortStableFunc(out, func(a, b *number) int { return strings.Compare(last(a), last(b)) })
	return out
}

func count(where extent, now time.Time) *numberCount {
	var c numberCount
	add := func(n *int, yes bool) {
		if yes {
			*n++
		}
	}
	for _, n := range where.org.numbers {
		if !where.grant.sees(n.site.ID) {
			continue
		}
		c.Total++
		owned := n.shownOwner(now) != nil
		add(&c.Assigned, owned)
		add(&c.UnAssigned, !owned)
		add(&c.InActive, n.state == stateInactive)
		add(&c.TollFreeNumbers, n.kind == KindTollFree)
		add(&c.MobileNumber, n.kind == KindMobile)
		add(&c.ServiceNumber, n.kind == KindService)
		add(&c.ReservedNumber, n.kind == KindReserved)
	}
	return &c
}

// numberFilter is the query of the inventory. Nil pointers and empty strings do
// not narrow.
type numberFilter struct {
	phones                                      map[string]bool
	available, assigned, tollFree, nonGeo, elin *bool
	service, reserved                           *bool
	state, telephony, phoneType, numberType     string
	ownerName, ownerID, ownerType, extension    string
	details, byName                             bool
}

func (s *Server) numberFilter(q url.Values) (numberFilter, error) {
	r := filterReader{q: q}
	f := numberFilter{
		available: r.flag("available"), assigned: r.flag("assigned"), tollFree: r.flag("tollFreeNumbers"),
		nonGeo: r.flag("restrictedNonGeoNumbers"), elin: r.flag("elinEnabled"),
		service: r.flag("serviceNumber"), reserved: r.flag("reservedNumber"),
		state:      r.choice("state", stateActive, stateInactive),
		telephony:  r.choice("includedTelephonyTypes", pstnNumber, mobileNumber),
		phoneType:  r.choice("phoneNumberType", "PRIMARY", "ALTERNATE", "FAX", "DNIS"),
		numberType: r.choice("numberType", "NUMBER", "EXTENSION"),
		ownerName:  q.Get("ownerName"), ownerID: q.Get("ownerId"), ownerType: q.Get("ownerType"), extension: q.Get("extension"),
		byName: r.choice("order", "lastName", "dn", "extension") == "lastName",
	}
	details := r.flag("details")
	f.details = details != nil && *details
	if q.Has("phoneNumber") {
		f.phones = asked(q["phoneNumber"])
		if s.cfg.SingleNumberFilter {
			f.phones = map[string]bool{q.Get("phoneNumber"): true}
		}
	}
	if r.err == nil {
		r.err = f.conflict()
	}
	return f, r.err
}

// conflict refuses the combinations that the page and the OpenAPI document
// exclude.
func (f numberFilter) conflict() error {
	either := f.available != nil || f.assigned != nil
	switch {
	case f.numberType == "EXTENSION" && (either || f.state != ""):
		return refuse(http.StatusBadRequest, "available, assigned and state cannot be used with numberType=EXTENSION")
	case f.reserved != nil && either:
		return refuse(http.StatusBadRequest, "reservedNumber cannot be used with available or assigned")
	case f.available != nil && *f.available && f.ownerType != "":
		return refuse(http.StatusBadRequest, "ownerType cannot be used with available=true")
	}
	return nil
}

func (f numberFilter) matches(n *number, now time.Time) bool {
	owner := n.shownOwner(now)
	return is(f.available, owner == nil) && is(f.assigned, owner != nil) &&
		is(f.tollFree, n.kind == KindTollFree) && is(f.nonGeo, false) && is(f.elin, false) &&
		is(f.service, n.kind == KindService) && is(f.reserved, n.kind == KindReserved) &&
		(f.state == "" || f.state == n.state) && (f.telephony == "" || f.telephony == n.telephonyType()) &&
		(f.phoneType == "" || f.phoneType == "PRIMARY") && f.numberType != "EXTENSION" && f.extension == "" &&
		f.ownedBy(owner)
}

func is(want *bool, have bool) bool { return want == nil || *want == have }

func (f numberFilter) ownedBy(o *Owner) bool {
	if f.ownerName == "" && f.ownerID == "" && f.ownerType == "" {
		return true
	}
	if o == nil {
		return false
	}
	name := strings.ToLower(o.FirstName + " " + o.LastName)
	return (f.ownerID == "" || f.ownerID == o.ID) && (f.ownerType == "" || f.ownerType == o.Type) &&
		strings.Contains(name, strings.ToLower(f.ownerName))
}

// filterReader reads query parameters and keeps the first that is wrong.
type filterReader struct {
	q   url.Values
	err error
}

// flag reads a boolean, which is lower-case only.
func (r *filterReader) flag(name string) *bool {
	if r.choice(name, "true", "false") == "" {
		return nil
	}
	v := r.q.Get(name) == "true"
	return &v
}

func (r *filterReader) choice(name string, allowed ...string) string {
	v := r.q.Get(name)
	if !r.q.Has(name) || slices.Contains(allowed, v) {
		return v
	}
	if r.err == nil {
		r.err = refuse(http.StatusBadRequest, fmt.Sprintf("%s is not one of %s", name, strings.Join(allowed, ", ")))
	}
	return ""
}

// foreignAdmin takes numbers that a cross-check asks for, just before it is
// answered: those the configuration's hook names and as many as TakeNext armed.
func (s *Server) foreignAdmin(where extent, phones map[string]bool) {
	if len(phones) == 0 {
		return
	}
	var names []string
	s.inv.mu.RLock()
	for _, n := range s.inv.candidates(where, phones) {
		if where.contains(n) {
			names = append(names, n.phone)
		}
	}
	s.inv.mu.RUnlock()
	if s.cfg.BeforeCrossCheck != nil {
		for _, phone := range s.cfg.BeforeCrossCheck(slices.Clone(names)) {
			_ = s.inv.assign(phone, foreignOwner(), time.Now()) // one that is taken already is as good
		}
	}
	for _, phone := range names {
		if !s.takeOne(phone) {
			return
		}
	}
}

// takeOne spends one of the armed takings on the number, if it can be had; false
// when none is left.
func (s *Server) takeOne(phone string) bool {
	if s.take.Add(-1) < 0 {
		s.take.Add(1)
		return false
	}
	if n, _ := s.Number(phone); n.Owner != nil || s.inv.assign(phone, foreignOwner(), time.Now()) != nil {
		s.take.Add(1)
	}
	return true
}

func foreignOwner() Owner { return Owner{FirstName: "Foreign", LastName: "Admin"}.completed() }

// TakeNext lets a foreign administrator take the next n free numbers that
// inventory calls ask for by phoneNumber, each just before the call is answered:
// between a client's list and its cross-check. It adds to what is still armed.
func (s *Server) TakeNext(n int) { s.take.Add(int64(max(n, 0))) }
