package webexsim

import (
	"net/http"
	"strings"
)

// person is the part of "Webex: Get My Own Details" that an administrator's
// client reads: whose token it holds and for which organisation.
type person struct {
	ID          string   `json:"id"`
	Emails      []string `json:"emails"`
	DisplayName string   `json:"displayName"`
	OrgID       string   `json:"orgId"`
	Type        string   `json:"type"`
}

// me always shows the token's own organisation, whatever orgId says.
func (s *Server) me(c *call) (any, error) {
	email := c.grant.Email
	name, _, _ := strings.Cut(email, "@")
	return person{hydraID("PEOPLE", email), []string{email}, name, c.grant.org.ID, "person"}, nil
}

// locationItem is an entry of "Webex: List Locations".
type locationItem struct {
	ID                string  `json:"id"`
	Name              string  `json:"name"`
	OrgID             string  `json:"orgId"`
	TimeZone          string  `json:"timeZone"`
	PreferredLanguage string  `json:"preferredLanguage"`
	Address           address `json:"address"`
}

type address struct {
	Address1 string `json:"address1"`
	City     string `json:"city"`
	Country  string `json:"country"`
}

// items is the answer of lists outside the telephony configuration.
type items[T any] struct {
	Items []T `json:"items"`
}

// locations filters by name as "contains", without regard to case; a client has
// to compare exactly by itself.
func (s *Server) locations(c *call) (any, error) {
	p, err := s.paging(c.query)
	if err != nil {
		return nil, err
	}
	id, name := c.query.Get("id"), strings.ToLower(c.query.Get("name"))
	all := []locationItem{}
	for _, site := range c.org.sites {
		if c.grant.sees(site.ID) && (id == "" || id == site.ID) && strings.Contains(strings.ToLower(site.Name), name) {
			all = append(all, site.item())
		}
	}
	from := min(p.start, len(all))
	to := min(from+p.max, len(all))
	s.setLink(c.header, c.r, p, to < len(all))
	return items[locationItem]{all[from:to]}, nil
}

func (s *site) item() locationItem {
	zone, language := "America/Chicago", "en_US"
	switch s.Country {
	case "DE":
		zone, language = "Europe/Berlin", "de_DE"
	case "GB":
		zone, language = "Europe/London", "en_GB"
	}
	return locationItem{s.ID, s.Name, s.org.ID, zone, language, address{"1 Example Street", s.Name, s.Country}}
}

// licenseItem is an entry of "Webex: List Licenses". Its name is not the value
// that licenseType takes.
type licenseItem struct {
	ID            string `json:"id"`
	Name          string `json:"name"`
	TotalUnits    int    `json:"totalUnits"`
	ConsumedUnits int    `json:"consumedUnits"`
}

func (s *Server) licenses(c *call) (any, error) {
	all := []licenseItem{}
	for _, l := range c.org.Licenses {
		all = append(all, licenseItem(l))
	}
	return items[licenseItem]{all}, nil
}

// callingSettings is the answer of "Webex: Get Location Webex Calling Details".
type callingSettings struct {
	ID                string            `json:"id"`
	Name              string            `json:"name"`
	CallingLineID     callingLineID     `json:"callingLineId"`
	RoutingPrefix     string            `json:"routingPrefix"`
	Connection        callingConnection `json:"connection"`
	OutsideDialDigit  string            `json:"outsideDialDigit"`
	ExternalCallerID  string            `json:"externalCallerIdName"`
	AnnouncementLangs string            `json:"announcementLanguage"`
}

type callingLineID struct {
	Name        string `json:"name"`
	PhoneNumber string `json:"phoneNumber"`
}

type callingConnection struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// callingLocation answers 404 also for a location without Webex Calling, which
// is how a client tells them apart.
func (s *Server) callingLocation(c *call) (any, error) {
	_, id, _ := strings.Cut(c.r.URL.Path, "/telephony/config/locations/")
	site := c.org.site(id)
	if site == nil || site.NoCalling || !c.grant.sees(id) {
		return nil, refuse(http.StatusNotFound, "location not found or not enabled for calling")
	}
	return callingSettings{
		ID: site.ID, Name: site.Name,
		CallingLineID:     callingLineID{site.Name, site.Main},
		RoutingPrefix:     "8000",
		Connection:        callingConnection{"TRUNK", hydraID("TRUNK", site.ID)},
		OutsideDialDigit:  "9",
		ExternalCallerID:  site.Name,
		AnnouncementLangs: strings.ToLower(site.item().PreferredLanguage),
	}, nil
}
