// Package onboarding writes and describes the play of `make run`: 200 new hires
// of one company at three sites, some of whom cannot get a number.
//
// The play is three files. onboarding.jsonl has the messages, one a line.
// onboarding.sim.json is the [Organisation] they are played against, for the
// simulators. onboarding.expected.json is the [Expected] end of every line.
// [Build] makes all three from the same script, byte for byte the same every
// time.
package onboarding

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// Organisation is what the simulators must be told before the play.
type Organisation struct {
	Webex Webex `json:"webex"`
	UCWA  UCWA  `json:"ucwa"`
}

// Webex is the Webex side of the organisation.
type Webex struct {
	// Seed decides which of a site's numbers are ordinary ones.
	Seed uint64 `json:"seed"`
	// PageLimit is the largest page of a list. It is smaller than the two big
	// sites, so that the exact numbers that some hires ask for, all on the last
	// page, are not handed to others before.
	PageLimit int    `json:"pageLimit"`
	Sites     []Site `json:"sites"`
}

// Site is a Webex location.
type Site struct {
	Name string `json:"name"`
	ID   string `json:"id"`
	// Numbers is how many a person can get there; special ones come on top.
	Numbers int `json:"numbers"`
}

// UCWA is the Skype for Business side. Its users are generated:
// user00001@contoso.test with password pw-user00001, and so on.
type UCWA struct {
	Users             int               `json:"users"` // how many
	Domain            string            `json:"domain"`
	NoEnterpriseVoice []string          `json:"noEnterpriseVoice"` // users without a phone
	ADOwned           []ADOwned         `json:"adOwned"`           // phones that cannot be changed
	Passwords         map[string]string `json:"passwords"`         // by user, where not the generated one
}

// ADOwned names the phones of a user that come from Active Directory.
type ADOwned struct {
	User       string   `json:"user"`
	PhoneTypes []string `json:"phoneTypes"`
}

// Expected is how every line of the play must end: malformed, failed, exhausted
// or planned as listed, and assigned if not listed.
type Expected struct {
	Source    string      `json:"source"`    // CloudEvents source of every line
	Lines     int         `json:"lines"`     // of the file
	Assigned  int         `json:"assigned"`  // lines that end with a number of their site, all different
	Exact     []Exact     `json:"exact"`     // of these, those that get the very number they ask for
	Planned   []Request   `json:"planned"`   // dry runs: success, nothing changed
	Failed    []Failed    `json:"failed"`    // by request
	Exhausted []Exhausted `json:"exhausted"` // by site: who goes without is not known before
	Malformed []Malformed `json:"malformed"` // refused before anything is queued
}

// Request is a line by the id of its event.
type Request struct {
	ID   string `json:"id"`
	User string `json:"user"`
}

// Exact is a request that names its number.
type Exact struct {
	Request
	Number string `json:"number"`
}

// Failed is a request that must fail.
type Failed struct {
	Request
	Class string `json:"class"` // of the outcome
	Why   string `json:"why"`   // for people
}

// Exhausted is a site with fewer numbers than hires.
type Exhausted struct {
	LocationID string `json:"locationId"`
	Site       string `json:"site"`
	Class      string `json:"class"` // of the outcomes
	Count      int    `json:"count"` // hires of the site that go without
}

// Malformed is a line that is not a command.
type Malformed struct {
	Line  int    `json:"line"`  // from 1
	Field string `json:"field"` // that is wrong
}

// ParseExpected reads onboarding.expected.json, or a file like it, strictly.
func ParseExpected(raw []byte) (Expected, error) { return parse[Expected](raw, "expected end") }

// ParseOrganisation reads onboarding.sim.json, or a file like it, strictly.
func ParseOrganisation(raw []byte) (Organisation, error) {
	return parse[Organisation](raw, "simulated organisation")
}

func parse[T any](raw []byte, what string) (T, error) {
	var v T
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	err := d.Decode(&v)
	if _, more := d.Token(); err == nil && !errors.Is(more, io.EOF) {
		err = errors.New("more than one JSON value")
	}
	if err != nil {
		return v, fmt.Errorf("read %s of a play: %w", what, err)
	}
	return v, nil
}
