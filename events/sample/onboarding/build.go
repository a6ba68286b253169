package onboarding

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// Names of the files of the play.
const (
	PlayFile         = "onboarding.jsonl"
	ExpectedFile     = "onboarding.expected.json"
	OrganisationFile = "onboarding.sim.json"
)

// event is a line of the play.
type event struct {
	SpecVersion string `json:"specversion"`
	Source      string `json:"source"`
	ID          string `json:"id"`
	Type        string `json:"type"`
	Time        string `json:"time"`
	Subject     string `json:"subject"`
	StartDate   string `json:"startdate"` // an extension, as HR systems add them
	Data        assign `json:"data"`
}

type assign struct {
	User                 string `json:"user"`
	LocationID           string `json:"locationId"`
	LicenseType          string `json:"licenseType,omitempty"`
	LicenceType          string `json:"licenceType,omitempty"` // the one mistake in the file
	Number               string `json:"number,omitempty"`
	PhoneType            string `json:"phoneType,omitempty"`
	IncludeInContactCard *bool  `json:"includeInContactCard,omitempty"`
	DryRun               bool   `json:"dryRun,omitempty"`
}

// Build returns the content of the three files by name.
func Build() (map[string][]byte, error) {
	var play bytes.Buffer
	lines := json.NewEncoder(&play)
	for n := 1; n <= hires; n++ {
		if err := lines.Encode(hire(n)); err != nil {
			return nil, fmt.Errorf("write hire %d: %w", n, err)
		}
	}
	expected, err := indented(expected())
	if err != nil {
		return nil, err
	}
	organisation, err := indented(organisation())
	if err != nil {
		return nil, err
	}
	return map[string][]byte{PlayFile: play.Bytes(), ExpectedFile: expected, OrganisationFile: organisation}, nil
}

func indented(v any) ([]byte, error) {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write %T: %w", v, err)
	}
	return append(raw, '\n'), nil
}

// hire writes the n-th line, from 1.
func hire(n int) event {
	t, p := twists()[n], places()[siteOf(n)]
	return event{
		SpecVersion: "1.0", Source: source, ID: idOf(n), Type: typeAssign,
		Time:      time.Date(2026, 11, 23, 7, 30, 0, 0, time.UTC).Add(time.Duration(n) * 47 * time.Second).Format(time.RFC3339),
		Subject:   p.first[n%len(p.first)] + " " + p.last[n%len(p.last)],
		StartDate: "2026-12-01",
		Data:      wishes(n, t, p),
	}
}

// wishes varies what is asked for. Most people take the defaults.
func wishes(n int, t twist, p place) assign {
	a := assign{User: userOf(n), LocationID: p.id, Number: t.exact, DryRun: t.dry}
	if n%7 == 0 {
		a.LicenseType = standard
	}
	if n%9 == 0 {
		card := n%2 == 0
		a.IncludeInContactCard = &card
	}
	switch {
	case t.trait != none: // these speak of the work phone
	case n%41 == 0:
		a.PhoneType = "mobile"
	case n%67 == 0:
		a.PhoneType = "other"
	}
	if t.trait == misspelt {
		a.LicenseType, a.LicenceType = "", standard
	}
	return a
}

// demand is how many numbers each site is asked for and must give out.
func demand() (wanted [3]int) {
	for n := 1; n <= hires; n++ {
		if t := twists()[n]; t.trait == none && !t.dry {
			wanted[siteOf(n)]++
		}
	}
	return wanted
}

func expected() Expected {
	b := places()[birmingham]
	e := Expected{
		Source: source, Lines: hires, Assigned: -short,
		Exact: []Exact{}, Planned: []Request{}, Failed: []Failed{}, Malformed: []Malformed{},
		Exhausted: []Exhausted{{LocationID: b.id, Site: b.name, Class: "exhausted", Count: short}},
	}
	for _, wanted := range demand() {
		e.Assigned += wanted
	}
	for n := 1; n <= hires; n++ {
		e.add(n, twists()[n])
	}
	return e
}

func (e *Expected) add(n int, t twist) {
	r := Request{ID: idOf(n), User: userOf(n)}
	switch {
	case t.trait == misspelt:
		e.Malformed = append(e.Malformed, Malformed{Line: n, Field: "data.licenceType"})
	case t.trait != none:
		e.Failed = append(e.Failed, Failed{Request: r, Class: "denied", Why: why[t.trait]})
	case t.dry:
		e.Planned = append(e.Planned, r)
	case t.exact != "":
		e.Exact = append(e.Exact, Exact{Request: r, Number: t.exact})
	}
}

func organisation() Organisation {
	o := Organisation{
		Webex: Webex{PageLimit: pageLimit},
		UCWA:  UCWA{Users: hires, Domain: domain, NoEnterpriseVoice: []string{}, ADOwned: []ADOwned{}, Passwords: map[string]string{}},
	}
	for i, p := range places() {
		if i == birmingham {
			p.numbers = demand()[i] - short
		}
		o.Webex.Sites = append(o.Webex.Sites, Site{Name: p.name, ID: p.id, Numbers: p.numbers})
	}
	for n := 1; n <= hires; n++ {
		o.UCWA.add(userOf(n), twists()[n].trait)
	}
	return o
}

func (u *UCWA) add(user string, t trait) {
	switch t {
	case noEnterpriseVoice:
		u.NoEnterpriseVoice = append(u.NoEnterpriseVoice, user)
	case adOwned:
		u.ADOwned = append(u.ADOwned, ADOwned{User: user, PhoneTypes: []string{"work"}})
	case otherPassword:
		u.Passwords[user] = "changed-last-week"
	}
}
