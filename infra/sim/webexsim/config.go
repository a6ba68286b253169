package webexsim

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Config describes the organisations, tokens and habits of a simulated cloud.
// The zero value serves [DefaultLocations] of 200 usable numbers each, one
// customer organisation, [DefaultToken], no latency, no rate limit and the
// [Generated] wire form.
type Config struct {
	// Seed decides where special numbers lie among the usable ones, the order of
	// shuffled pages and the tokens that are issued. Zero is a seed like another.
	Seed uint64

	// OrgID is the organisation that owns Locations. Empty: OrgID("Contoso").
	OrgID string
	// Locations of that organisation. Nil: DefaultLocations(200).
	Locations []Location
	// Licenses of that organisation. Nil: one each of the calling licences.
	Licenses []License
	// Customers are the further organisations a partner token may name in orgId.
	// Nil: one, with a single location of 20 numbers. Empty: none.
	Customers []Org

	// Tokens that are valid from the start. Nil: DefaultToken() alone.
	Tokens []Token
	// KeepRefreshToken returns the same refresh token on every refresh and only
	// renews its life. Default false: every refresh issues a new refresh token
	// and kills the old one, the strictest reading of the documentation.
	KeepRefreshToken bool

	// MinLatency and MaxLatency bound the time an answer takes, evenly spread.
	// Both zero: none.
	MinLatency, MaxLatency time.Duration
	// Rate limits calls per token and organisation. Zero: unlimited.
	Rate Rate

	// PageLimit is the largest page; a greater max is clamped to it without a
	// word, and it is the default page. Zero: 2000.
	PageLimit int
	// Max504 answers 504 to every list call whose page size (after clamping, so
	// also the default one) is above it. Zero: never.
	Max504 int
	// Order of list entries. Empty: OrderAscending.
	Order Order
	// Links is the form of the Link header. Empty: LinkCompact.
	Links LinkStyle
	// EmptyLastPage sends a next link with every page, even the last and the
	// empty ones after it. Default false: the last page has none.
	EmptyLastPage bool
	// Dialect decides which of the two type fields entries carry. Empty:
	// Generated.
	Dialect Dialect

	// HideSpecial leaves service, toll-free and reserved numbers out of the
	// available numbers. The documentation does not say whether they are listed;
	// default false lists them, so that a client has to filter.
	HideSpecial bool
	// UnknownLocationEmpty answers an unknown locationId with an empty list.
	// Default false: 404, as the response table says of unknown resources.
	UnknownLocationEmpty bool
	// SingleNumberFilter makes the inventory take phoneNumber as one number, as
	// its documented type says. Default false: also a comma-separated list.
	SingleNumberFilter bool

	// ReleaseDelay is how long a freed number stays with its former owner for
	// every reader and refuses a new one. Zero: 10 s. Negative: none.
	ReleaseDelay time.Duration
	// BeforeCrossCheck, when set, is called with the numbers that an inventory
	// call asks for by phoneNumber, before that call is answered. Those it
	// returns are taken by a foreign administrator at this moment, if they are
	// still free. It must not call the server and may be called concurrently.
	BeforeCrossCheck func(asked []string) []string

	// History is the number of requests kept for inspection. Zero: 10,000.
	History int
	// Logger receives one debug line per request, without numbers or tokens.
	// Nil: discard.
	Logger *slog.Logger
}

// Order is how list entries are sorted; the order of available numbers is not
// documented.
type Order string

const (
	// OrderAscending sorts by number.
	OrderAscending Order = "ascending"
	// OrderShuffled draws a new order for every request, so that pages of one
	// scan overlap and miss entries.
	OrderShuffled Order = "shuffled"
)

// Dialect is one of the two forms in which the vendor describes number entries.
type Dialect string

const (
	// Generated follows the OpenAPI document: every entry has
	// telephonyType, and a third of the mobile ones carry
	// includedTelephonyTypes with the other value besides.
	Generated Dialect = "generated"
	// Captured follows the sample on the portal page: a third of all
	// entries have includedTelephonyTypes instead of telephonyType. These do not
	// satisfy the OpenAPI document.
	Captured Dialect = "captured"
)

// LinkStyle is the form of the Link header of a page that has a successor.
type LinkStyle string

const (
	// LinkCompact has no blank before rel, as seen on telephony endpoints.
	LinkCompact LinkStyle = "compact"
	// LinkSpaced has the blank that RFC 8288 examples show.
	LinkSpaced LinkStyle = "spaced"
	// LinkPair sends two links in one header, next second.
	LinkPair LinkStyle = "pair"
	// LinkOmitted sends no header at all.
	LinkOmitted LinkStyle = "omitted"
	// LinkLossy drops every filter from the next URL.
	LinkLossy LinkStyle = "lossy"
	// LinkLoop points next to the page just answered.
	LinkLoop LinkStyle = "loop"
	// LinkForeign points next to another host, which must not get the token.
	LinkForeign LinkStyle = "foreign"
)

// Rate is a token bucket per token and organisation. The zero value is
// unlimited. Webex publishes no figure for telephony configuration.
type Rate struct {
	// PerSecond is the sustained rate. Zero: unlimited.
	PerSecond float64
	// Burst is the size of the bucket. Zero: 1.
	Burst int
	// RetryAfter is what a 429 names, in whole seconds. Zero: the time until the
	// bucket has a token again, at least one second.
	RetryAfter time.Duration
}

// Org is a customer organisation below the partner.
type Org struct {
	ID        string     // empty: OrgID(Name)
	Name      string     // required
	Locations []Location // may be empty
	Licenses  []License  // nil: one each of the calling licences
}

// Location is a site and the numbers generated for it. All counts default to
// zero; the main number comes on top of them.
type Location struct {
	ID      string // empty: LocationID(Name)
	Name    string // required, unique in its organisation
	Country string // ISO 3166-1 alpha-2; empty: US
	Prefix  string // E.164 start with +, such as "+4940"; required with any number
	Digits  int    // digits after Prefix; zero: 7
	First   int    // first subscriber number; zero: 5 and noughts
	Main    string // +E.164 of the calling line ID, unassigned; empty: generated

	Numbers  int // unassigned, active, standard: what a person can get
	Inactive int // unassigned, not yet in service
	Mobile   int // unassigned, every second one inactive
	Service  int // unassigned service numbers
	TollFree int // unassigned; only the inventory says so
	Reserved int // unassigned; only the inventory says so
	Owned    int // assigned to generated people

	// NoCalling marks a location without Webex Calling: it is listed, but has no
	// calling settings and no numbers.
	NoCalling bool
}

// License is a subscription of an organisation, as listed by "Webex: List
// Licenses".
type License struct {
	ID            string // empty: derived from Name
	Name          string // display name, such as "Webex Calling - Professional"
	TotalUnits    int
	ConsumedUnits int
}

// Token is one consent: a token pair and what it may do.
type Token struct {
	AccessToken  string // required
	RefreshToken string // empty: cannot be refreshed
	ClientID     string // required with RefreshToken or Code
	ClientSecret string // required with RefreshToken or Code
	// Code is a one-time authorization code that yields a further token pair;
	// RedirectURI must then match the request's. Empty: none.
	Code        string
	RedirectURI string

	OrgID     string   // organisation of the token; empty: that of the Config
	Customers []string // organisations that orgId may name; nil: all, if OrgID is that of the Config
	Locations []string // location administrator: the only ones visible; nil: all
	Scopes    []string // nil: DefaultScopes()
	Email     string   // of the person or machine account; empty: admin@contoso.test

	AccessLifetime  time.Duration // zero: 14 days
	RefreshLifetime time.Duration // zero: 90 days, renewed by every refresh
}

const (
	defaultPageLimit       = 2000
	defaultReleaseDelay    = 10 * time.Second
	defaultAccessLifetime  = 14 * 24 * time.Hour
	defaultRefreshLifetime = 90 * 24 * time.Hour
	defaultDigits          = 7
	maxDigits              = 10
)

// validate reports everything that is wrong with a completed configuration.
func (c *Config) validate() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.PageLimit < 0 {
		bad("PageLimit %d is negative", c.PageLimit)
	}
	if c.Max504 < 0 {
		bad("Max504 %d is negative", c.Max504)
	}
	if c.Rate.PerSecond < 0 || c.Rate.Burst < 0 || c.Rate.RetryAfter < 0 {
		bad("Rate is negative")
	}
	if !oneOf(c.Order, OrderAscending, OrderShuffled) {
		bad("Order %q is unknown", c.Order)
	}
	if !oneOf(c.Dialect, Generated, Captured) {
		bad("Dialect %q is unknown", c.Dialect)
	}
	if !oneOf(c.Links, LinkCompact, LinkSpaced, LinkPair, LinkOmitted, LinkLossy, LinkLoop, LinkForeign) {
		bad("Links %q is unknown", c.Links)
	}
	for _, t := range c.Tokens {
		problems = append(problems, t.problems()...)
	}
	return errors.Join(problems...)
}

func (t Token) problems() []error {
	var problems []error
	if t.AccessToken == "" {
		problems = append(problems, errors.New("Token has no AccessToken"))
	}
	if (t.RefreshToken != "" || t.Code != "") && (t.ClientID == "" || t.ClientSecret == "") {
		problems = append(problems, errors.New("Token that can be renewed has no ClientID or ClientSecret"))
	}
	if t.AccessLifetime < 0 || t.RefreshLifetime < 0 {
		problems = append(problems, errors.New("Token has a negative lifetime"))
	}
	return problems
}

func oneOf[T comparable](v T, allowed ...T) bool {
	for _, a := range allowed {
		if v == a {
			return true
		}
	}
	return false
}
