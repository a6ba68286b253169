package changenumber_test

import (
	"strings"
	"testing"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

func TestNewHireGetsANumber(t *testing.T) {
	s := newSite(t, options{})
	a := s.done(s.assign("1", 1, nil))

	n, known := s.webex.Number(string(a.Number))
	if !known || n.Kind != webexsim.KindStandard || n.State != "ACTIVE" || n.LocationID != s.home || n.Owner != nil {
		t.Errorf("number %+v is not one for a person of this site", n)
	}
	u := s.skypeUser(1)
	if !e164.Same(u.Phones["work"].Number, string(a.Number)) {
		t.Errorf("published %q, outcome %q", u.Phones["work"].Number, a.Number)
	}
	if u.ChangeCount != 1 || u.Applications.Deleted != 1 || u.Applications.Running != 0 {
		t.Errorf("changes %d, applications %+v; want one change, its application deleted", u.ChangeCount, u.Applications)
	}
	if !a.Managed || a.Verified != outcome.ReadBack || a.Before.Number != "" || !e164.Same(a.After.Number, string(a.Number)) || len(a.TrackingIDs) == 0 {
		t.Errorf("outcome %+v", a)
	}
	rec, _, err := s.ledger.Number(t.Context(), a.Number)
	if err != nil || rec.State != ledger.Assigned || string(rec.User) != user(1) {
		t.Errorf("ledger has %+v, %v", rec, err)
	}
	p, err := s.ledger.Person(t.Context(), rec.User)
	if line, _ := p.Line("work"); err != nil || line.State != ledger.LineAssigned || line.Number != a.Number {
		t.Errorf("ledger has %+v, %v", p, err)
	}
}

func TestRepeatsAreAnsweredFromTheLedger(t *testing.T) {
	s := newSite(t, options{})
	body := s.assign("1", 1, nil)
	first := s.done(body)
	calls := len(s.skype.Script().Requests(simkit.Filter{}))
	for range 3 {
		if again := s.done(body); again.Number != first.Number {
			t.Errorf("another number for the same request: %s, %s", again.Number, first.Number)
		}
	}
	s.restart()
	s.done(body)
	if now := len(s.skype.Script().Requests(simkit.Filter{})); now != calls {
		t.Errorf("%d more calls for repeats", now-calls)
	}
}

func TestSecondRequestKeepsTheNumber(t *testing.T) {
	s := newSite(t, options{})
	first := s.done(s.assign("1", 1, nil))
	second := s.done(s.assign("2", 1, nil))
	if second.Number != first.Number || second.Verified != outcome.AsFound || !second.Managed {
		t.Errorf("second outcome %+v", second)
	}
	if c := s.skypeUser(1).ChangeCount; c != 1 {
		t.Errorf("%d changes", c)
	}
}

func TestNumberWipedByHandIsPublishedAgain(t *testing.T) {
	s := newSite(t, options{})
	first := s.done(s.assign("1", 1, nil))
	if err := s.skype.SetPhone(user(1), "work", ucwasim.Phone{}); err != nil {
		t.Fatal(err)
	}
	second := s.done(s.assign("2", 1, nil))
	if second.Number != first.Number || second.Verified != outcome.ReadBack {
		t.Errorf("outcome %+v, want %s again", second, first.Number)
	}
}

func TestReplace(t *testing.T) {
	s := newSite(t, options{})
	if err := s.skype.SetPhone(user(1), "work", ucwasim.Phone{Number: "tel:+4989555"}); err != nil {
		t.Fatal(err)
	}
	first := s.done(s.assign("1", 1, data{"replace": true}))
	if first.Before.Number != "tel:+4989555" {
		t.Errorf("before %+v", first.Before)
	}
	second := s.done(s.assign("2", 1, data{"replace": true}))
	if second.Number == first.Number || len(second.Replaced) != 1 || second.Replaced[0] != first.Number {
		t.Errorf("second outcome %+v after %s", second, first.Number)
	}
	if n, _, _ := s.ledger.Number(t.Context(), first.Number); n.State != ledger.Quarantined {
		t.Errorf("the displaced number is %s", n.State)
	}
	p, _ := s.ledger.Person(t.Context(), "user00001@contoso.test")
	if line, _ := p.Line("work"); line.Original.Number != "tel:+4989555" || line.Previous != nil {
		t.Errorf("line %+v does not remember what stood before dialtone", line)
	}
}

func TestPhoneTypeAndContactCard(t *testing.T) {
	s := newSite(t, options{})
	a := s.done(s.assign("1", 1, data{"phoneType": "other", "includeInContactCard": true}))
	p := s.skypeUser(1).Phones["other"]
	if !e164.Same(p.Number, string(a.Number)) || !p.IncludeInContactCard || !a.After.IncludeInContactCard {
		t.Errorf("phone %+v, outcome %+v", p, a)
	}
}

func TestRefusedForGood(t *testing.T) {
	s := newSite(t, options{
		locations: []webexsim.Location{location("Home", 5), {Name: "Empty", Prefix: "+4940", Inactive: 3, Service: 2, TollFree: 2, Mobile: 2, Reserved: 2, Owned: 2}},
		skype: ucwasim.Config{Users: 20, Each: func(n int, u *ucwasim.User) {
			switch n {
			case 2:
				u.NoEnterpriseVoice = true
			case 3:
				u.ADOwned = []string{"work"}
			case 4:
				u.Password = "something else"
			}
		}},
	})
	shared := "ucwa/default signs in another person"
	for name, c := range map[string]struct {
		body  string
		class string
		words string
	}{
		"no enterprise voice": {s.assign("2", 2, nil), "denied", "Enterprise Voice"},
		"directory phone":     {s.assign("3", 3, nil), "denied", "Active Directory"},
		"wrong password":      {s.assign("4", 4, nil), "denied", "password"},
		"empty pool":          {s.assign("5", 5, data{"locationId": s.webex.Locations()[1].ID}), "exhausted", "no usable number"},
		"unknown location":    {s.assign("6", 6, data{"locationId": "nowhere"}), "invalid", "location"},
		"no such user":        {s.assign("7", 999, nil), "denied", "password"},
		"not a command":       {`{"specversion":"1.0"}`, "invalid", "type is missing"},
		"not JSON":            {`hello`, "invalid", "not a JSON object"},
	} {
		t.Run(name, func(t *testing.T) {
			s.queue.letters = nil
			if back := s.deliver(c.body); len(back) > 0 {
				t.Fatalf("came back: %s", s.request(c.body).Problem)
			}
			l := s.queue.letter(t)
			if l["class"] != c.class || !strings.Contains(l["reason"], c.words) || l["requestId"] == "" {
				t.Errorf("dead letter %v, want class %s and %q (%s)", l, c.class, c.words, shared)
			}
		})
	}
	if total := s.skype.Totals(); total.Changes != 0 || total.Applications.Running != 0 {
		t.Errorf("left behind: %+v", total)
	}
	for n, err := range s.ledger.Numbers(t.Context(), s.home) {
		if err != nil || n.State == ledger.Reserved || n.State == ledger.Assigned {
			t.Errorf("number left %s (%v)", n.State, err)
		}
	}
}

func TestWrongPasswordIsTriedOnce(t *testing.T) {
	s := newSite(t, options{skype: ucwasim.Config{Users: 5, Each: func(_ int, u *ucwasim.User) { u.Password = "other" }}})
	for _, id := range []string{"1", "2", "3"} {
		s.deliver(s.assign(id, 1, nil))
		s.restart() // also across processes
	}
	if got := s.skypeUser(1).Tokens.Requests; got != 1 {
		t.Errorf("%d token requests, want 1: more can lock the account", got)
	}
	if len(s.queue.letters) != 3 {
		t.Errorf("%d dead letters, want 3", len(s.queue.letters))
	}
}

func TestBatchSharesTheCalls(t *testing.T) {
	s := newSite(t, options{})
	var warm, bodies []string
	for n := 1; n <= 10; n++ {
		warm = append(warm, s.assign("warm-"+user(n), n, data{"phoneType": "other"}))
		bodies = append(bodies, s.assign(user(n), n, nil))
	}
	s.deliver(warm...) // tokens and locations of the users are known from here on
	s.skype.Script().Forget()
	s.webex.Script().Forget()
	if back := s.deliver(bodies...); len(back) > 0 {
		t.Fatalf("%d came back", len(back))
	}
	if got := len(s.skype.Script().Requests(simkit.Filter{})); got > 6*10 {
		t.Errorf("%d UCWA calls for 10 users, at most 60: %v", got, s.skype.Script().Counts())
	}
	if got := len(s.webex.Script().Requests(simkit.Filter{})); got > 2 {
		t.Errorf("%d Webex calls for the batch, at most 2: %v", got, s.webex.Calls())
	}
	s.noSharedNumbers()
}

func TestPagesThatAreUsedUpAreNotAskedForAgain(t *testing.T) {
	s := newSite(t, options{pageLimit: 10, locations: []webexsim.Location{{Name: "Home", Prefix: "+1205", Numbers: 40}}})
	for n := 1; n <= 31; n++ {
		s.done(s.assign(user(n), n, nil))
	}
	s.webex.Script().Forget()
	s.done(s.assign(user(32), 32, nil))
	if calls := s.webex.Calls(); calls[webexsim.OpAvailableNumbers] != 1 {
		t.Errorf("three of four pages are used up, and Webex was asked %v", calls)
	}
	for n := 33; n <= 40; n++ {
		s.done(s.assign(user(n), n, nil))
	}
	s.deliver(s.assign(user(41), 41, nil))
	if l := s.queue.letter(t); l["class"] != "exhausted" {
		t.Errorf("dead letter %v", l)
	}
	s.noSharedNumbers()
}

func TestNumberThatTheDialPlanRefusesIsParked(t *testing.T) {
	s := newSite(t, options{})
	s.fault(simkit.Fault{Operation: "changeNumber", Status: 400, Code: "BadRequest", Subcode: "NormalizationFailed", Times: 1})
	a := s.done(s.assign("1", 1, nil))
	parked := 0
	for n, err := range s.ledger.Numbers(t.Context(), s.home) {
		if err != nil {
			t.Fatal(err)
		}
		if n.State == ledger.Parked && strings.Contains(n.Reason, "Skype") {
			parked++
		}
	}
	if parked != 1 || a.Number == "" {
		t.Errorf("%d parked, outcome %+v", parked, a)
	}
	s.fault(simkit.Fault{Operation: "changeNumber", Status: 400, Code: "BadRequest", Subcode: "NormalizationFailed"})
	s.deliver(s.assign("2", 2, nil))
	if l := s.queue.letter(t); l["class"] != "conflict" {
		t.Errorf("dead letter %v", l)
	}
}

func TestRefusedChangeGivesTheNumberBack(t *testing.T) {
	s := newSite(t, options{})
	s.fault(simkit.Fault{Operation: "changeNumber", Status: 403, Code: "Forbidden"})
	s.deliver(s.assign("1", 1, nil))
	if l := s.queue.letter(t); l["class"] != "denied" {
		t.Errorf("dead letter %v", l)
	}
	s.nothingReserved()
	if p, err := s.ledger.Person(t.Context(), "user00001@contoso.test"); err != nil || len(p.Lines) > 0 {
		t.Errorf("a pin stays: %+v, %v", p.Lines, err)
	}
}

func TestRefusedWebexTokenKeepsTheMessage(t *testing.T) {
	s := newSite(t, options{})
	s.webex.ExpireAccessToken("")
	if back := s.deliver(s.assign("1", 1, nil)); len(back) != 1 || len(s.queue.letters) > 0 {
		t.Errorf("%d came back, %d dead letters: a token that an operator must renew is no fault of the message", len(back), len(s.queue.letters))
	}
}

func TestNumberTakenBetweenListAndCrossCheck(t *testing.T) {
	s := newSite(t, options{})
	s.webex.TakeNext(2)
	a := s.done(s.assign("1", 1, nil))
	if n, _ := s.webex.Number(string(a.Number)); n.Owner != nil {
		t.Errorf("handed out a number that somebody took: %+v", n)
	}
}

func TestOtherPersonSignedIn(t *testing.T) {
	s := newSite(t, options{skype: ucwasim.Config{Users: 5, Extra: []ucwasim.User{{URI: "eve@contoso.test", Password: "x"}}}})
	s.deliver(strings.ReplaceAll(s.assign("1", 1, nil), user(1), "mallory@contoso.test"))
	if l := s.queue.letter(t); l["class"] != "denied" {
		t.Errorf("dead letter %v", l)
	}
	if total := s.skype.Totals(); total.Changes != 0 {
		t.Errorf("%d changes to somebody", total.Changes)
	}
}

// freeNumber returns a number that a person of the site could get.
func (s *site) freeNumber() string {
	for _, n := range s.webex.Numbers(s.home) {
		if n.Kind == webexsim.KindStandard && n.State == "ACTIVE" && n.Owner == nil {
			return n.PhoneNumber
		}
	}
	s.t.Fatal("no free number")
	return ""
}

// noSharedNumbers checks what everybody's phones show: one owner for each
// number, and only numbers for people.
func (s *site) noSharedNumbers() {
	s.t.Helper()
	owner := map[string]string{}
	for _, u := range s.skype.Users() {
		for typ, p := range u.Phones {
			if p.Number == "" {
				continue
			}
			n, _, _ := e164.FromTel(p.Number)
			if other := owner[string(n)]; other != "" {
				s.t.Errorf("%s and %s share a number", other, u.User)
			}
			owner[string(n)] = u.User + " " + typ
			if w, known := s.webex.Number(string(n)); known && (w.Kind != webexsim.KindStandard || w.State != "ACTIVE" || w.Owner != nil) {
				s.t.Errorf("%s got a number that is %s, %s", u.User, w.Kind, w.State)
			}
		}
	}
}
