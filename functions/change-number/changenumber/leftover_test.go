package changenumber_test

import (
	"testing"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
)

// TestLeftoverOfAReplace: a replace that never came to an end must not happen by
// way of a later request that wants no replace.
func TestLeftoverOfAReplace(t *testing.T) {
	for name, found := range map[string]string{"managed": "", "foreign": "tel:+4989555"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, options{})
			if found == "" {
				found = "tel:" + string(s.done(s.assign("0", 1, nil)).Number)
			} else if err := s.skype.SetPhone(user(1), "work", ucwasim.Phone{Number: found}); err != nil {
				t.Fatal(err)
			}
			changes := s.skypeUser(1).ChangeCount
			s.fault(simkit.Fault{Operation: "changeNumber", Status: 503, Times: 1})
			s.comesBack(s.assign("1", 1, data{"replace": true})) // and never again
			if a := s.done(s.assign("2", 1, nil)); a.After.Number != found {
				t.Errorf("outcome %+v, want %s kept", a, found)
			}
			if got := s.skypeUser(1).ChangeCount; got != changes {
				t.Errorf("%d changes by a request that wants none", got-changes)
			}
			s.nothingReserved()
		})
	}
}

// TestLeftoverOfAnotherSite: a pin that was never published binds nobody to its
// location.
func TestLeftoverOfAnotherSite(t *testing.T) {
	s := newSite(t, options{locations: []webexsim.Location{location("Home", 10), {Name: "Away", Prefix: "+4940", Numbers: 10}}})
	away := s.webex.Locations()[1].ID
	s.fault(simkit.Fault{Operation: "changeNumber", Status: 503, Times: 1})
	s.comesBack(s.assign("1", 1, nil))
	a := s.done(s.assign("2", 1, data{"locationId": away}))
	if n, _ := s.webex.Number(string(a.Number)); n.LocationID != away || a.LocationID != away {
		t.Errorf("asked for a number of %s, got one of %s (outcome: %s)", away, n.LocationID, a.LocationID)
	}
	s.nothingReserved()
}
