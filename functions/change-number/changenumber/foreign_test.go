package changenumber_test

import (
	"testing"

	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

func TestForeignNumberIsKept(t *testing.T) {
	s := newSite(t, options{})
	free := s.freeNumber()
	if err := s.skype.SetPhone(user(1), "work", ucwasim.Phone{Number: "tel:" + free}); err != nil {
		t.Fatal(err)
	}
	a := s.done(s.assign("1", 1, nil))
	if a.Managed || string(a.Number) != free || a.Verified != outcome.AsFound {
		t.Errorf("outcome %+v", a)
	}
	if n, _, _ := s.ledger.Number(t.Context(), e164.Number(free)); n.State != ledger.Parked {
		t.Errorf("a number in use is %q in the ledger: somebody else could get it", n.State)
	}
}

func TestForeignNumberOfALaterPageIsSetAside(t *testing.T) {
	s := newSite(t, options{pageLimit: 5, locations: []webexsim.Location{{Name: "Home", Prefix: "+1205", Numbers: 20}}})
	var last string
	for _, n := range s.webex.Numbers(s.home) {
		if n.Kind == webexsim.KindStandard && n.Owner == nil {
			last = n.PhoneNumber
		}
	}
	if err := s.skype.SetPhone(user(1), "work", ucwasim.Phone{Number: "tel:" + last}); err != nil {
		t.Fatal(err)
	}
	if a := s.done(s.assign("1", 1, nil)); string(a.Number) != last || a.Managed {
		t.Fatalf("outcome %+v", a)
	}
	if n := s.number(e164.Number(last)); n.State != ledger.Parked {
		t.Errorf("a number in use is %q in the ledger: somebody else could get it", n.State)
	}
}

func TestNumberSetByHandOverOursIsSetAside(t *testing.T) {
	s := newSite(t, options{})
	s.done(s.assign("1", 1, nil))
	var free string
	for _, n := range s.webex.Numbers(s.home) {
		if n.Kind == webexsim.KindStandard && n.State == "ACTIVE" && n.Owner == nil && s.number(e164.Number(n.PhoneNumber)).State == "" {
			free = n.PhoneNumber
		}
	}
	if err := s.skype.SetPhone(user(1), "work", ucwasim.Phone{Number: "tel:" + free}); err != nil {
		t.Fatal(err)
	}
	if a := s.done(s.assign("2", 1, nil)); a.Managed || string(a.Number) != free || a.Verified != outcome.AsFound {
		t.Errorf("outcome %+v", a)
	}
	if n := s.number(e164.Number(free)); n.State != ledger.Parked {
		t.Errorf("a number in use is %q in the ledger: somebody else could get it", n.State)
	}
}
