package webexsim

import (
	"net/http"
	"time"
)

// availableList is the answer of "Webex: Get Person Primary Available Phone
// Numbers".
type availableList struct {
	PhoneNumbers []availableEntry `json:"phoneNumbers"`
}

type availableEntry struct {
	PhoneNumber            string `json:"phoneNumber"`
	State                  string `json:"state"`
	IsMainNumber           bool   `json:"isMainNumber"`
	IncludedTelephonyTypes string `json:"includedTelephonyTypes,omitempty"`
	MobileNetwork          string `json:"mobileNetwork,omitempty"`
	RoutingProfile         string `json:"routingProfile,omitempty"`
	TelephonyType          string `json:"telephonyType,omitempty"`
	IsServiceNumber        bool   `json:"isServiceNumber"`
}

const (
	pstnNumber     = "PSTN_NUMBER"
	mobileNumber   = "MOBILE_NUMBER"
	mobileNetwork  = "mobileNetwork"
	routingProfile = "AttRtPf"
)

// availableNumbers lists the unassigned numbers. The licence type is checked
// but narrows nothing: which numbers it excludes is not documented.
func (s *Server) availableNumbers(c *call) (any, error) {
	where, err := s.extent(c)
	if err != nil {
		return nil, err
	}
	p, err := s.paging(c.query)
	if err != nil {
		return nil, err
	}
	if err := checkLicenseType(c); err != nil {
		return nil, err
	}
	var want map[string]bool
	if c.query.Has("phoneNumber") {
		want = asked(c.query["phoneNumber"])
	}
	s.inv.mu.RLock()
	defer s.inv.mu.RUnlock()
	now := time.Now()
	match := func(n *number) bool { return where.contains(n) && s.inv.available(n, now) }
	page, more := listed(s, s.inv.candidates(where, want), p, match, s.availableEntry)
	s.setLink(c.header, c.r, p, more)
	return availableList{page}, nil
}

// checkLicenseType accepts the documented values and those documented until
// August 2024.
func checkLicenseType(c *call) error {
	known := oneOf(c.query.Get("licenseType"), "Webex Calling Professional", "Webex Calling Standard", "VAR_STANDARD", "VAR_BASIC")
	if c.query.Has("licenseType") && !known {
		return refuse(http.StatusBadRequest, "licenseType is not one of Webex Calling Professional, Webex Calling Standard")
	}
	return nil
}

// availableEntry renders a number in the dialect of the configuration.
func (s *Server) availableEntry(n *number) availableEntry {
	e := availableEntry{
		PhoneNumber: n.phone, State: n.state,
		IsMainNumber: n.kind == KindMain, IsServiceNumber: n.kind == KindService,
		TelephonyType: n.telephonyType(),
	}
	if n.kind == KindMobile {
		e.MobileNetwork, e.RoutingProfile = mobileNetwork, routingProfile
		if n.variant == 1 { // as in the sample of the OpenAPI document
			e.TelephonyType, e.IncludedTelephonyTypes = pstnNumber, mobileNumber
		}
	}
	if s.cfg.Dialect == Captured && n.variant == 0 { // as in the sample of the portal
		e.TelephonyType, e.IncludedTelephonyTypes = "", n.telephonyType()
	}
	return e
}

func (n *number) telephonyType() string {
	if n.kind == KindMobile {
		return mobileNumber
	}
	return pstnNumber
}
