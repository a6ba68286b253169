package changenumber_test

import (
	"strings"
	"testing"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
)

// TestRefusedReadingAfterTheChange: the change may have been applied, so the
// number stays this person's whatever becomes of the reading.
func TestRefusedReadingAfterTheChange(t *testing.T) {
	for name, change := range map[string]simkit.Fault{
		"change answered":    {},
		"answer to it lost":  {Operation: "changeNumber", Apply: true, Status: 504, Times: 1},
		"connection dropped": {Operation: "changeNumber", ResetAfter: true, Times: 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, options{})
			if change.Operation != "" {
				s.fault(change)
			}
			s.fault(simkit.Fault{Operation: "phones", After: 1, Times: 1, Status: 403, Code: "Forbidden"})
			body := s.assign("1", 1, nil)
			s.comesBack(body)
			p, err := s.ledger.Person(t.Context(), "user00001@contoso.test")
			line, found := p.Line("work")
			if err != nil || !found || s.number(line.Number).State != ledger.Reserved {
				t.Fatalf("the number on the phone is %+v of line %+v, %v", s.number(line.Number), line, err)
			}
			if a := s.done(body); a.Number != line.Number || s.skypeUser(1).ChangeCount != 1 {
				t.Errorf("assigned %s after %s, %d changes", a.Number, line.Number, s.skypeUser(1).ChangeCount)
			}
		})
	}
}

// TestRefusedCardKeepsThePublishedNumber: the number is on the phone, only its
// visibility could not be set.
func TestRefusedCardKeepsThePublishedNumber(t *testing.T) {
	s := newSite(t, options{})
	s.fault(simkit.Fault{Operation: "phones", After: 1, Times: 1, Status: 503})
	s.fault(simkit.Fault{Operation: "phones", After: 1, Times: 2, Status: 503})
	body := s.assign("1", 1, data{"includeInContactCard": true})
	s.comesBack(body)
	number := s.skypeUser(1).Phones["work"].Number
	if number == "" {
		t.Fatal("nothing was published")
	}
	s.skype.Script().Clear()
	if err := s.skype.SetPhone(user(1), "work", ucwasim.Phone{Number: number}); err != nil {
		t.Fatal(err)
	}
	s.fault(simkit.Fault{Operation: "changeNumber", Status: 409, Code: "Conflict"})
	s.deliver(body)
	n, _, _ := e164.FromTel(number)
	if got := s.number(n); got.State != ledger.Reserved && got.State != ledger.Assigned || string(got.User) != user(1) {
		t.Errorf("%s shows a number that is %s of %q", user(1), got.State, got.User)
	}
}

// TestRefusedByAProxy: a 403 that UCWA did not write says that the way there is
// stale, not that the user may not (UCWA 2.0: Root URL).
func TestRefusedByAProxy(t *testing.T) {
	for _, operation := range []string{"applications", "phones", "changeNumber"} {
		t.Run(operation, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, options{})
			s.fault(simkit.Fault{Operation: operation, Status: 403, HTML: true, Times: 1})
			body := s.assign("1", 1, nil)
			s.deliver(body)
			if len(s.queue.letters) > 0 {
				t.Fatalf("dead letter %v", s.queue.letters[0].Attributes)
			}
			if r := s.request(body); r.State != ledger.Done {
				t.Errorf("request is %s: %s", r.State, r.Problem)
			}
		})
	}
}

func TestProxyThatGoesOnRefusing(t *testing.T) {
	s := newSite(t, options{})
	s.fault(simkit.Fault{Operation: "changeNumber", Status: 403, HTML: true})
	s.deliver(s.assign("1", 1, nil))
	if l := s.queue.letter(t); l["class"] != "denied" || strings.Contains(l["reason"], "Enterprise Voice") {
		t.Errorf("dead letter %v", l)
	}
	s.nothingReserved()
}
