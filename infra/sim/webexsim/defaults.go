package webexsim

import (
	"cmp"
	"encoding/base64"
	"log/slog"

	"github.com/google/uuid"
)

// LocationID is the identifier of a location that is configured without one. It
// depends on the name alone, so that test data may contain it.
func LocationID(name string) string { return hydraID("LOCATION", name) }

// OrgID is the identifier of an organisation that is configured without one.
func OrgID(name string) string { return hydraID("ORGANIZATION", name) }

// hydraID has the form of the vendor's identifiers: unpadded base64 text of a
// ciscospark URL. Clients are to treat it as opaque.
func hydraID(kind, name string) string {
	id := uuid.NewSHA1(uuid.NameSpaceURL, []byte("webexsim/"+kind+"/"+name))
	return base64.RawStdEncoding.EncodeToString([]byte("ciscospark://us/" + kind + "/" + id.String()))
}

// DefaultLocations is three sites, Hamburg, Manchester and Birmingham
// (Alabama), each with perSite numbers that a person can get and some of every
// other kind among them.
func DefaultLocations(perSite int) []Location {
	special := func(l Location) Location {
		l.Numbers = perSite
		l.Inactive, l.Mobile, l.Service = 5, 4, 3
		l.TollFree, l.Reserved, l.Owned = 3, 2, 10
		return l
	}
	return []Location{
		special(Location{Name: "Hamburg", Country: "DE", Prefix: "+4940", Digits: 8, First: 66969000}),
		special(Location{Name: "Manchester", Country: "GB", Prefix: "+44161", First: 4960000}),
		special(Location{Name: "Birmingham", Country: "US", Prefix: "+1205", First: 5550100}),
	}
}

// DefaultToken is a full administrator of the partner organisation with every
// scope the simulator checks.
func DefaultToken() Token {
	return Token{
		AccessToken:  "webexsim-access-token",
		RefreshToken: "webexsim-refresh-token",
		ClientID:     "webexsim-client",
		ClientSecret: "webexsim-secret",
		Code:         "webexsim-code",
		RedirectURI:  "https://example.test/callback",
	}
}

// Scopes that the simulator checks; see [Server] for the operation of each.
const (
	ScopeTelephonyRead = "spark-admin:telephony_config_read"
	ScopePeopleRead    = "spark-admin:people_read"
	ScopeLicensesRead  = "spark-admin:licenses_read"
	ScopeLocationsRead = "spark-admin:locations_read"
	ScopeDevicesRead   = "spark-admin:devices_read"
)

// DefaultScopes are those of a token that is configured without any.
func DefaultScopes() []string {
	return []string{
		ScopeTelephonyRead, "spark-admin:telephony_config_write",
		ScopePeopleRead, "spark-admin:people_write", ScopeLicensesRead, ScopeLocationsRead,
	}
}

func defaultLicenses() []License {
	return []License{
		{Name: "Webex Calling - Professional", TotalUnits: 1000, ConsumedUnits: 10},
		{Name: "Webex Calling - Standard", TotalUnits: 500},
		{Name: "Webex Calling - Workspaces", TotalUnits: 20},
	}
}

func defaultCustomers() []Org {
	return []Org{{
		Name:      "Example Customer",
		Locations: []Location{{Name: "Bristol", Country: "GB", Prefix: "+44117", First: 4960000, Numbers: 20}},
	}}
}

// completed fills in the defaults without touching the caller's slices.
func (c Config) completed() Config {
	c.OrgID = cmp.Or(c.OrgID, OrgID("Contoso"))
	c.PageLimit = cmp.Or(c.PageLimit, defaultPageLimit)
	c.Order = cmp.Or(c.Order, OrderAscending)
	c.Links = cmp.Or(c.Links, LinkCompact)
	c.Dialect = cmp.Or(c.Dialect, Generated)
	c.ReleaseDelay = max(cmp.Or(c.ReleaseDelay, defaultReleaseDelay), 0)
	if c.Locations == nil {
		c.Locations = DefaultLocations(200)
	}
	if c.Customers == nil {
		c.Customers = defaultCustomers()
	}
	if c.Tokens == nil {
		c.Tokens = []Token{DefaultToken()}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// orgs is the home organisation followed by the customers, complete.
func (c Config) orgs() []Org {
	home := Org{ID: c.OrgID, Name: "Contoso", Locations: c.Locations, Licenses: c.Licenses}
	all := []Org{home.completed()}
	for _, o := range c.Customers {
		all = append(all, o.completed())
	}
	return all
}

func (o Org) completed() Org {
	o.ID = cmp.Or(o.ID, OrgID(o.Name))
	locations, licenses := o.Locations, o.Licenses
	if licenses == nil {
		licenses = defaultLicenses()
	}
	o.Locations, o.Licenses = nil, nil
	for _, l := range locations {
		l.ID = cmp.Or(l.ID, LocationID(l.Name))
		l.Country = cmp.Or(l.Country, "US")
		l.Digits = cmp.Or(l.Digits, defaultDigits)
		l.First = cmp.Or(l.First, 5*pow10(l.Digits-1))
		o.Locations = append(o.Locations, l)
	}
	for _, l := range licenses {
		l.ID = cmp.Or(l.ID, hydraID("LICENSE", o.Name+"/"+l.Name))
		o.Licenses = append(o.Licenses, l)
	}
	return o
}

func pow10(n int) int {
	p := 1
	for range n {
		p *= 10
	}
	return p
}
