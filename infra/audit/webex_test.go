package audit_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"dialtone/infra/audit"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
	"dialtone/shared/webex"
)

// cloud is a ledger in memory beside a simulated Webex.
type cloud struct {
	*testing.T
	sim    *webexsim.Server
	store  ledger.Store
	ledger *ledger.Ledger
	cfg    audit.Config
}

func newCloud(t *testing.T, c webexsim.Config) *cloud {
	t.Helper()
	sim, err := webexsim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(sim.Handler())
	t.Cleanup(server.Close)
	client, err := webex.New(webex.Config{BaseURL: server.URL + "/v1", Tokens: webex.StaticToken(webexsim.DefaultToken().AccessToken), Rate: 1000})
	if err != nil {
		t.Fatal(err)
	}
	memory := ledgertest.NewMemory()
	l := ledger.New(memory, ledger.Options{})
	return &cloud{T: t, sim: sim, store: memory, ledger: l, cfg: audit.Config{Ledger: l, Webex: client, Grace: 1}}
}

// assign makes a number a user's, in the ledger.
func (c *cloud) assign(u sipaddr.User, n e164.Number, location string) {
	c.Helper()
	h := ledger.Holder{User: u, PhoneType: command.Work, Request: command.Key{Source: "test", ID: string(u)}}
	p, err := c.ledger.Person(c.Context(), u)
	if err == nil {
		p, err = c.ledger.Pin(c.Context(), p, command.Work, ledger.Line{Number: n, LocationID: location, Request: h.Request, Before: outcome.Phone{Type: command.Work}}, false)
	}
	if err == nil {
		_, err = c.ledger.Claim(c.Context(), n, location, h)
	}
	if err == nil {
		_, err = c.ledger.Confirm(c.Context(), n, h)
	}
	if err == nil {
		_, err = c.ledger.Settle(c.Context(), p, command.Work, h.Request)
	}
	if err == nil {
		err = c.ledger.OpenPool(c.Context(), location, "", command.Professional)
	}
	if err != nil {
		c.Fatal(err)
	}
}

func (c *cloud) audit() (found []audit.Finding) {
	c.Helper()
	a, err := audit.New(c.cfg)
	if err != nil {
		c.Fatal(err)
	}
	for step, err := range a.Run(c.Context(), audit.Position{}) {
		if err != nil {
			c.Fatal(err)
		}
		found = append(found, step.Findings...)
	}
	return found
}

// TestTenThousand: the calls for 10,000 numbers are those of their pages.
func TestTenThousand(t *testing.T) {
	t.Parallel()
	const numbers, pageSize = 10_000, 2000
	c := newCloud(t, webexsim.Config{Locations: []webexsim.Location{{Name: "Home", Prefix: "+4940", Numbers: numbers}}})
	location := c.sim.Locations()[0].ID
	listed := c.sim.Numbers(location)
	for i := 0; i < numbers; i += 10 {
		c.assign(user(i), e164.Number(listed[i].PhoneNumber), location)
	}
	wrong := e164.Number(listed[numbers/2].PhoneNumber)
	if err := c.sim.Assign(string(wrong), webexsim.Owner{FirstName: "Grace", LastName: "Hopper"}); err != nil {
		t.Fatal(err)
	}
	found := c.audit()
	if len(listed) <= numbers || len(found) != 1 || found[0].Kind != audit.OwnerDisagrees || found[0].Number != wrong {
		t.Errorf("%d numbers, found %+v", len(listed), found)
	}
	most := numbers/pageSize + 1 // the main number is on a page of its own
	for operation, n := range c.sim.Calls() {
		if n > most {
			t.Errorf("%d calls of %s, at most %d", n, operation, most)
		}
	}
}

// TestGone: a number that is missing from the list is asked for by name, also
// where Webex takes the names for one; it may be in another location.
func TestGone(t *testing.T) {
	t.Parallel()
	for _, single := range []bool{false, true} {
		t.Run(fmt.Sprint("one name a call: ", single), func(t *testing.T) {
			t.Parallel()
			c := newCloud(t, webexsim.Config{SingleNumberFilter: single, Locations: []webexsim.Location{
				{Name: "Home", Prefix: "+4940", Numbers: 5}, {Name: "Away", Prefix: "+4930", Numbers: 5},
			}})
			here, away := c.sim.Locations()[0].ID, c.sim.Locations()[1].ID
			moved := c.sim.Numbers(away)[2].PhoneNumber
			c.assign(user(1), e164.Number(c.sim.Numbers(here)[2].PhoneNumber), here)
			c.assign(user(2), e164.Number(moved), here)
			c.assign(user(3), "+4940777777", here)
			if got, want := brief(c.audit()), fmt.Sprintln(audit.AssignedButGone, "+4940777777", user(3)); got != want {
				t.Errorf("found %s, want %s", got, want)
			}
		})
	}
}

// TestUnknownLocation: a location that Webex does not know is one finding, and
// the others are audited; none by that name is an error.
func TestUnknownLocation(t *testing.T) {
	t.Parallel()
	c := newCloud(t, webexsim.Config{Locations: []webexsim.Location{{Name: "Home", Prefix: "+4940", Numbers: 5}}})
	here := c.sim.Locations()[0].ID
	taken := c.sim.Numbers(here)[2].PhoneNumber
	c.assign(user(1), e164.Number(taken), here)
	c.assign(user(2), "+4940777777", "nowhere")
	if err := c.sim.Assign(taken, webexsim.Owner{Type: "PLACE", LastName: "Lobby"}); err != nil {
		t.Fatal(err)
	}
	got := brief(c.audit())
	if want := fmt.Sprintln(audit.NotReadable, "", "") + fmt.Sprintln(audit.OwnerDisagrees, taken, user(1)); got != want {
		t.Errorf("found\n%swant\n%s", got, want)
	}
	c.cfg.LocationID = "nowhere"
	if got := brief(c.audit()); got != fmt.Sprintln(audit.NotReadable, "", "") {
		t.Errorf("that location alone: %s", got)
	}
	c.cfg.LocationID = "elsewhere"
	a, err := audit.New(c.cfg)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range a.Run(t.Context(), audit.Position{}) {
		if err == nil || !strings.Contains(err.Error(), "elsewhere is not known") {
			t.Errorf("got %v", err)
		}
	}
}

// TestAllOwned: numbers that were never dialtone's business are found if asked for.
func TestAllOwned(t *testing.T) {
	t.Parallel()
	c := newCloud(t, webexsim.Config{Locations: []webexsim.Location{{Name: "Home", Prefix: "+4940", Numbers: 5, Owned: 3}}})
	here := c.sim.Locations()[0].ID
	if err := c.ledger.OpenPool(t.Context(), here, "", command.Professional); err != nil {
		t.Fatal(err)
	}
	if found := c.audit(); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
	c.cfg.AllOwned = true
	if found := c.audit(); len(found) != 3 || found[0].Kind != audit.FreeButOwned {
		t.Errorf("found %+v, want 3", found)
	}
}

// TestChangedMeanwhile: what somebody mends between the readings is no finding.
func TestChangedMeanwhile(t *testing.T) {
	t.Parallel()
	c := newCloud(t, webexsim.Config{Locations: []webexsim.Location{{Name: "Home", Prefix: "+4940", Numbers: 5}}})
	here := c.sim.Locations()[0].ID
	c.assign(user(1), e164.Number(c.sim.Numbers(here)[2].PhoneNumber), here)
	stray := e164.Number(c.sim.Numbers(here)[3].PhoneNumber)
	h := ledger.Holder{User: user(1), PhoneType: command.Mobile, Request: command.Key{Source: "test", ID: "late"}}
	if _, err := c.ledger.Claim(t.Context(), stray, here, h); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	store := ledgertest.Around(c.store, func(call ledgertest.Call, do func() error) error {
		err := do()
		if call.Op == "get" && call.Key.ID == string(stray) {
			once.Do(func() {
				if _, err := c.ledger.Unclaim(t.Context(), stray, h); err != nil {
					t.Error(err)
				}
			})
		}
		return err
	})
	c.cfg.Ledger = ledger.New(store, ledger.Options{})
	if found := c.audit(); len(found) > 0 {
		t.Errorf("found %+v", found)
	}
	if n, _, err := c.ledger.Number(t.Context(), stray); err != nil || n.State != ledger.Free {
		t.Errorf("nothing was mended: %+v, %v", n, err)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	_, err := audit.New(audit.Config{Rate: -1, Grace: -1, Patience: -1})
	for _, word := range []string{"Ledger", "Webex", "Rate", "Grace", "Patience"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v does not name %s", err, word)
		}
	}
}
