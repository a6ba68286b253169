package ucwasim

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Config describes the simulated deployment. The zero value is one pool without
// users, in the captured dialect, on whatever host the caller used.
type Config struct {
	// Users is how many users are generated: user00001@contoso.test with password
	// pw-user00001, and so on. They cost nothing until a request touches them.
	Users int
	// Domain is the SIP domain of generated users; empty: contoso.test.
	Domain string
	// Each may change the n-th generated user (from 1) when it is first touched; it
	// must not change URI. It may be called from several goroutines. nil: no change.
	Each func(n int, u *User)
	// Extra are users beside the generated ones.
	Extra []User
	// ADOwnedWork gives every user an AD-owned work phone, as in captured traffic.
	ADOwnedWork bool

	// Seed fixes application ids, ETags, ticket signatures, latencies and fault draws.
	Seed uint64
	// Dialect is how the answers are written; empty: Captured.
	Dialect Dialect
	// DialPlan normalises the numbers of users who have none of their own.
	DialPlan DialPlan
	// KeepForwardingTargets lets immediateForwardSettings and simultaneousRingSettings
	// keep their target when another setting becomes active; false: it becomes None.
	KeepForwardingTargets bool
	// BareForwardingTargets stores a tel: target without visual separators and a sip:
	// target in lower case, so that callers must compare canonically; false: as sent.
	BareForwardingTargets bool
	// UnconfiguredStatus comes with NoTeamMembersConfigured and
	// NoDelegatesConfigured: 403 or 409; 0: 403.
	UnconfiguredStatus int
	// MinLatency and MaxLatency bound the delay of every answer; both 0: none.
	MinLatency, MaxLatency time.Duration

	// DiscoveryURL is where callers reach discovery, such as
	// https://lyncdiscover.contoso.test; empty: the scheme and host of each request.
	DiscoveryURL string
	// PoolURLs are the web addresses of the pools, told apart by the Host header;
	// empty: one pool, on the scheme and host of each request.
	PoolURLs []string
	// Pools is for Start, which opens a port for each and fills in PoolURLs;
	// 0: 1. New takes PoolURLs instead.
	Pools int
	// SplitByRedirect sends a user of another pool there with a body redirect; false:
	// by an applications link to the other host, as directors do.
	SplitByRedirect bool
	// RootRedirect, if not empty, is the href of a redirect that the discovery root
	// answers instead of its links, absolute or relative to itself. The root below
	// /Autodiscover/ keeps its links.
	RootRedirect string
	// RedirectHTTP answers requests without TLS with a 302 to the same path on
	// DiscoveryURL, which must then be https.
	RedirectHTTP bool

	// Grants are the grant types that the token endpoint offers; empty:
	// urn:microsoft.rtc:windows, urn:microsoft.rtc:anonmeeting and password.
	Grants []string
	// RequireDomainUsername refuses user@domain at the token endpoint with
	// invalid_grant, as some directories do; DOMAIN\user still works.
	RequireDomainUsername bool
	// LockoutThreshold is how many wrong passwords in a row lock an account; 0: never.
	LockoutThreshold int
	// TokenLifetime is how long a user's web ticket lasts, to the second; 0: 8 hours.
	TokenLifetime time.Duration
	// NoApplicationsChallenge leaves WWW-Authenticate out of the 401 of the
	// applications URL, which some front ends do.
	NoApplicationsChallenge bool
	// AllowedOrigins are the values of Origin, X-Ms-Origin, Referer and
	// X-Requested-With that are not answered 403; none by default.
	AllowedOrigins []string

	// IdleTimeout ends an application that never sent an event request, and no other
	// request for so long; 0: 15 minutes. The others have Events.Gap.
	IdleTimeout time.Duration
	// ActivityTimeout ends an application that called makeMeAvailable and then did
	// not call reportMyActivity for so long; 0: 15 minutes.
	ActivityTimeout time.Duration
	// MaxApplicationsPerUser is how many applications of a user may run; one more
	// evicts the oldest; 0: 8.
	MaxApplicationsPerUser int
	// MaxResourceVersion is the highest X-MS-RequiresMinResourceVersion that is
	// served; 0: 2.
	MaxResourceVersion float64

	// Subscriptions is how contacts-and-groups subscriptions behave.
	Subscriptions SubscriptionConfig
	// Events is how event channels behave.
	Events ChannelConfig

	// History is how many requests the control API remembers; 0: 10 000.
	History int

	// Listen, ControlListen and PlainListen are for Start: the address of the first
	// pool and of discovery (empty: 127.0.0.1:0; further pools take a free port of
	// the same host), of the control API (empty: 127.0.0.1:0), and of an additional
	// plain HTTP port that redirects to https (empty: none; needs TLS).
	Listen, ControlListen, PlainListen string
	// TLS makes Start serve https with a certificate it makes for the listening host
	// and localhost; Running.CertificatePEM is what to trust.
	TLS bool
}

// User is a person of the directory. URI and Password are required.
type User struct {
	URI      string // SIP address without "sip:", such as ada@contoso.test
	Password string
	Pool     int // home pool, from 1; 0: 1

	// NoEnterpriseVoice answers everything about phones and call forwarding with 403
	// None.
	NoEnterpriseVoice bool
	// NoPhonesLink leaves the phones link out of me, as a policy would.
	NoPhonesLink bool
	// ADOwned are the phone types whose value comes from Active Directory and cannot
	// be changed: work, mobile, home, other.
	ADOwned []string
	// Phones are the numbers at the start, by type; types left out are empty.
	Phones map[string]Phone
	// NoForwardingLink leaves the callForwardingSettings link out of me.
	NoForwardingLink bool
	// Forwarding is what is set about incoming calls at the start.
	Forwarding Forwarding
	// ForwardingPolicy is what may be set.
	ForwardingPolicy ForwardingPolicy
	// Contacts and Groups are the contact list at the start. They are never written
	// to, so that users may share them.
	Contacts []Contact
	Groups   []Group
	// PeoplePolicy is what the user may not do with it.
	PeoplePolicy PeoplePolicy
	// DialPlan replaces Config.DialPlan for this user; nil: that one.
	DialPlan *DialPlan
	// AllowedUserAgents are the application user agents that policy lets in; none: all.
	AllowedUserAgents []string

	Name, Title, Department, Company, OfficeLocation string // of me; empty ones are absent, but Name defaults to the local part
	EmailAddresses                                   []string
}

// Phone is one published number of a user.
type Phone struct {
	Number               string `json:"number"` // as stored; empty: none
	IncludeInContactCard bool   `json:"includeInContactCard"`
}

// phoneTypes are the four phones that every user has (UCWA 2.0: Me dashboard).
var phoneTypes = [...]string{"work", "mobile", "home", "other"}

const (
	defaultDomain       = "contoso.test"
	defaultTicket       = 8 * time.Hour
	defaultIdle         = 15 * time.Minute
	defaultApplications = 8
	defaultVersion      = 2
)

func (c Config) withDefaults() Config {
	setDefault(&c.Domain, defaultDomain)
	setDefault(&c.Dialect, Captured)
	setDefault(&c.Pools, max(len(c.PoolURLs), 1))
	setDefault(&c.TokenLifetime, defaultTicket)
	setDefault(&c.IdleTimeout, defaultIdle)
	setDefault(&c.ActivityTimeout, defaultIdle)
	setDefault(&c.MaxApplicationsPerUser, defaultApplications)
	setDefault(&c.MaxResourceVersion, defaultVersion)
	setDefault(&c.UnconfiguredStatus, http.StatusForbidden)
	setDefault(&c.Listen, "127.0.0.1:0")
	setDefault(&c.ControlListen, "127.0.0.1:0")
	if len(c.Grants) == 0 {
		c.Grants = []string{grantWindows, grantAnonymous, grantPassword}
	}
	c.DialPlan = c.DialPlan.withDefaults()
	c.Subscriptions = c.Subscriptions.withDefaults()
	c.Events = c.Events.withDefaults()
	return c
}

func setDefault[T comparable](v *T, fallback T) {
	var zero T
	if *v == zero {
		*v = fallback
	}
}

// validate reports everything that is wrong with a config that has its defaults.
func (c Config) validate() error {
	var errs []error
	bad := func(wrong bool, format string, args ...any) {
		if wrong {
			errs = append(errs, fmt.Errorf("ucwasim: config: "+format, args...))
		}
	}
	bad(c.Users < 0, "Users is %d, must not be negative", c.Users)
	bad(c.Dialect != Captured && c.Dialect != Generated, "Dialect is %q, must be %q or %q", c.Dialect, Captured, Generated)
	bad(c.TokenLifetime < time.Second, "TokenLifetime is %v, must be at least 1s", c.TokenLifetime)
	bad(c.IdleTimeout < 0, "IdleTimeout is %v, must not be negative", c.IdleTimeout)
	bad(c.ActivityTimeout < 0, "ActivityTimeout is %v, must not be negative", c.ActivityTimeout)
	bad(c.MaxApplicationsPerUser < 0, "MaxApplicationsPerUser is %d, must not be negative", c.MaxApplicationsPerUser)
	bad(c.LockoutThreshold < 0, "LockoutThreshold is %d, must not be negative", c.LockoutThreshold)
	bad(c.UnconfiguredStatus != http.StatusForbidden && c.UnconfiguredStatus != http.StatusConflict,
		"UnconfiguredStatus is %d, must be 403 or 409", c.UnconfiguredStatus)
	bad(c.Pools < 1, "Pools is %d, must not be negative", c.Pools)
	bad(c.Pools != max(len(c.PoolURLs), 1), "Pools is %d but PoolURLs has %d: give every address, or use Start", c.Pools, len(c.PoolURLs))
	bad(c.RedirectHTTP && !strings.HasPrefix(c.DiscoveryURL, "https:"), "RedirectHTTP needs an https DiscoveryURL, has %q", c.DiscoveryURL)
	for _, raw := range append(slices.Clone(c.PoolURLs), c.DiscoveryURL) {
		u, err := url.Parse(raw)
		bad(raw != "" && (err != nil || u.Host == "" || u.Path != ""), "URL %q must be scheme and host only", raw)
	}
	for _, g := range c.Grants {
		bad(!slices.Contains(allGrants[:], g), "Grants has %q, must be of %s", g, strings.Join(allGrants[:], ", "))
	}
	errs = append(errs, c.Subscriptions.validate(), c.Events.validate())
	for i, u := range c.Extra {
		if err := u.validate(max(len(c.PoolURLs), 1)); err != nil {
			errs = append(errs, fmt.Errorf("ucwasim: config: Extra[%d]: %w", i, err))
		}
	}
	return errors.Join(errs...)
}

func (u User) validate(pools int) error {
	var errs []error
	local, domain, ok := strings.Cut(u.URI, "@")
	if !ok || local == "" || domain == "" || strings.Contains(u.URI, ":") {
		errs = append(errs, fmt.Errorf("address is %q, must be user@domain", u.URI))
	}
	if u.Pool < 0 || u.Pool > pools {
		errs = append(errs, fmt.Errorf("home pool is %d, there are %d", u.Pool, pools))
	}
	for _, t := range u.ADOwned {
		if !slices.Contains(phoneTypes[:], t) {
			errs = append(errs, fmt.Errorf("list ADOwned has %q, must be of %v", t, phoneTypes))
		}
	}
	for t := range u.Phones {
		if !slices.Contains(phoneTypes[:], t) {
			errs = append(errs, fmt.Errorf("map Phones has %q, must be of %v", t, phoneTypes))
		}
	}
	if err := u.Forwarding.withDefaults(u.ForwardingPolicy).validate(); err != nil {
		errs = append(errs, fmt.Errorf("field Forwarding: %w", err))
	}
	errs = append(errs, checkContactList(u.Contacts, u.Groups))
	return errors.Join(errs...)
}
