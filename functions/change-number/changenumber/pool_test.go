package changenumber_test

import (
	"context"
	"strings"
	"testing"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
)

func TestNotExhaustedWhileNumbersAreLeft(t *testing.T) {
	s := newSite(t, options{locations: []webexsim.Location{{Name: "Home", Prefix: "+1205", Numbers: 60}}})
	s.webex.TakeNext(40) // whoever is asked for is gone by then
	s.done(s.assign("1", 1, nil))
}

func TestFullPageBeforeABrokenOne(t *testing.T) {
	s := newSite(t, options{pageLimit: 5, locations: []webexsim.Location{{Name: "Home", Prefix: "+1205", Numbers: 20}}})
	if _, err := s.webex.Script().Add(simkit.Fault{Operation: webexsim.OpAvailableNumbers, After: 1, Status: 500}); err != nil {
		t.Fatal(err)
	}
	var bodies []string
	for n := 1; n <= 8; n++ {
		bodies = append(bodies, s.assign(user(n), n, nil))
	}
	if back := s.deliver(bodies...); len(back) != 3 {
		t.Errorf("%d came back, want the 3 for whom the first page had no number", len(back))
	}
}

// TestEveryCandidateLostIsNoEmptyPool lets strangers claim each number a moment
// before this process does.
func TestEveryCandidateLostIsNoEmptyPool(t *testing.T) {
	memory := ledgertest.NewMemory()
	strangers := ledger.New(memory, ledger.Options{})
	busy := true
	store := ledgertest.Around(memory, func(c ledgertest.Call, do func() error) error {
		if busy && c.Op == "put" && c.Key.Kind == ledger.KindNumber {
			h := ledger.Holder{User: "eve@contoso.test", PhoneType: "work", Fence: 1}
			if _, err := strangers.Claim(context.Background(), e164.Number(c.Key.ID), "somewhere", h); err != nil {
				t.Error(err)
			}
		}
		return do()
	})
	s := newSite(t, options{store: store})
	body := s.assign("1", 1, nil)
	s.comesBack(body)
	busy = false
	s.done(body)
}

func TestInventoryThatTakesOneNumberAtATime(t *testing.T) {
	s := newSite(t, options{singleFilter: true})
	s.done(s.assign("1", 1, nil))
	for n, err := range s.ledger.Numbers(t.Context(), s.home) {
		if err != nil || n.State == ledger.Parked && strings.Contains(n.Reason, "inventory") {
			t.Errorf("set aside a number for want of an answer: %+v (%v)", n, err)
		}
	}
}
