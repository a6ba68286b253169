package changenumber_test

import (
	"testing"
	"testing/synctest"
	"time"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/ledger"
)

// TestOldPinIsVettedAgain: Webex's word of 15 minutes ago is not believed, unless
// the phone shows the number already.
func TestOldPinIsVettedAgain(t *testing.T) {
	for name, c := range map[string]struct {
		change simkit.Fault // what became of the change
		wait   time.Duration
		kept   bool
	}{
		"fresh":             {simkit.Fault{Status: 503}, 14 * time.Minute, true},
		"old":               {simkit.Fault{Status: 503}, 16 * time.Minute, false},
		"old and published": {simkit.Fault{ResetAfter: true}, 16 * time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, options{inProcess: true})
				c.change.Operation, c.change.Times = "changeNumber", 1
				s.fault(c.change)
				s.fault(simkit.Fault{Operation: "phones", After: 1, Times: 3, Status: 503})
				body := s.assign("1", 1, nil)
				s.comesBack(body)
				s.skype.Script().Clear()
				p, err := s.ledger.Person(t.Context(), "user00001@contoso.test")
				pin, found := p.Line("work")
				if err != nil || !found {
					t.Fatal(found, err)
				}
				if err := s.webex.Assign(string(pin.Number), webexsim.Owner{FirstName: "Eva", LastName: "Else"}); err != nil {
					t.Fatal(err)
				}
				time.Sleep(c.wait)
				s.restart()
				a := s.done(body)
				if (a.Number == pin.Number) != c.kept {
					t.Errorf("pinned %s, assigned %s", pin.Number, a.Number)
				}
				if n := s.number(pin.Number); !c.kept && n.State != ledger.Parked {
					t.Errorf("the number that is owned by now is %s", n.State)
				}
				s.nothingReserved()
			})
		})
	}
}
