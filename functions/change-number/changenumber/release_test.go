package changenumber_test

import (
	"strings"
	"testing"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

// release makes the body of a release with id for the n-th user.
func (s *site) release(id string, n int, more data) string {
	d := data{"user": user(n)}
	for k, v := range more {
		d[k] = v
	}
	return s.message(command.TypeRelease, id, d)
}

// released delivers a release, which must succeed, and returns its outcome.
func (s *site) released(body string) outcome.Released {
	s.t.Helper()
	o, err := s.end(body).Released()
	if err != nil {
		s.t.Fatal(err)
	}
	return o
}

// shows checks what a user's work phone shows; "" is nothing.
func (s *site) shows(n int, want string) {
	s.t.Helper()
	if got := s.skypeUser(n).Phones["work"].Number; !e164.Same(got, want) {
		s.t.Errorf("the phone shows %q, want %q", got, want)
	}
}

func TestReleaseClearsAPhoneThatWasEmpty(t *testing.T) {
	s := newSite(t, options{})
	a := s.done(s.assign("1", 1, nil))
	body := s.release("2", 1, nil)
	r := s.released(body)
	if r.Number != a.Number || r.LocationID != s.home || !r.Restored || r.Verified != outcome.ReadBack ||
		!e164.Same(r.Before.Number, string(a.Number)) || r.After.Number != "" {
		t.Errorf("outcome %+v", r)
	}
	s.shows(1, "")
	n := s.number(a.Number)
	if n.State != ledger.Quarantined || !n.RestsUntil.Equal(r.RestsUntil) || string(n.User) != user(1) {
		t.Errorf("number %+v, outcome says it rests until %s", n, r.RestsUntil)
	}
	if again := s.released(body); again != r {
		t.Errorf("a repeat says %+v, said %+v", again, r)
	}
	if u := s.skypeUser(1); u.ChangeCount != 2 || u.Applications.Running != 0 {
		t.Errorf("%d changes, %d applications left open", u.ChangeCount, u.Applications.Running)
	}
	s.agree("after the release")
}

func TestReleaseRestoresWhatStoodBefore(t *testing.T) {
	for name, before := range map[string]ucwasim.Phone{
		"foreign":              {Number: "tel:+4989555123", IncludeInContactCard: true},
		"foreign, not shown":   {Number: "tel:+4989555123"},
		"with an extension":    {Number: "tel:+4989555123;ext=17", IncludeInContactCard: true},
		"never normalised":     {Number: "(205) 555-0199"},
		"empty, but was shown": {IncludeInContactCard: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, options{})
			s.set(1, before)
			card := !before.IncludeInContactCard
			s.done(s.assign("1", 1, data{"replace": true, "includeInContactCard": card}))
			r := s.released(s.release("2", 1, nil))
			after := s.skypeUser(1).Phones["work"]
			if !r.Restored || r.Verified != outcome.ReadBack || after.IncludeInContactCard != before.IncludeInContactCard || r.After.Number != after.Number {
				t.Errorf("outcome %+v, phone %+v; want %+v back", r, after, before)
			}
			if want := before.Number; want == "(205) 555-0199" {
				s.shows(1, "tel:+12055550199")
			} else {
				s.shows(1, want)
			}
			if c := s.skypeUser(1).ChangeCount; c != 2 {
				t.Errorf("%d changes", c)
			}
		})
	}
}

// A number that is put back is set aside where operators find it: at the location
// of the line, if the ledger does not know of which it is.
func TestWhatIsPutBackIsFoundAtTheLocation(t *testing.T) {
	s := newSite(t, options{})
	s.set(1, ucwasim.Phone{Number: foreign})
	s.done(s.assign("1", 1, data{"replace": true}))
	s.released(s.release("2", 1, nil))
	for n, err := range s.ledger.Numbers(t.Context(), s.home) {
		if err != nil {
			t.Fatal(err)
		}
		if e164.Same(foreign, string(n.Number)) && n.ParkedForGood() {
			return
		}
	}
	t.Errorf("nothing of it at the location: %+v", s.number("+4989555123"))
}

func TestReleaseLeavesAPhoneThatWasChangedByHand(t *testing.T) {
	for name, hand := range map[string]string{"another number": "tel:+4989555123", "wiped": ""} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, options{})
			s.set(1, ucwasim.Phone{Number: "tel:+4930555"})
			a := s.done(s.assign("1", 1, data{"replace": true}))
			s.set(1, ucwasim.Phone{Number: hand})
			changes := s.skypeUser(1).ChangeCount
			r := s.released(s.release("2", 1, nil))
			if r.Restored || r.Verified != outcome.AsFound || r.Number != a.Number || r.After.Number != hand || r.RestsUntil.IsZero() {
				t.Errorf("outcome %+v", r)
			}
			if s.shows(1, hand); s.skypeUser(1).ChangeCount != changes {
				t.Error("the phone was changed")
			}
			if n := s.number(a.Number); n.State != ledger.Quarantined {
				t.Errorf("the number is %s", n.State)
			}
		})
	}
}

func TestReleaseOfNothingAsksNobody(t *testing.T) {
	s := newSite(t, options{skype: ucwasim.Config{Users: 5, Each: func(_ int, u *ucwasim.User) { u.Password = "disabled" }}})
	want := func(r outcome.Released) {
		t.Helper()
		if r.Number != "" || r.Restored || r.Verified != outcome.AsFound || r.Before != (outcome.Phone{}) {
			t.Errorf("outcome %+v", r)
		}
	}
	want(s.released(s.release("1", 1, nil)))
	want(s.released(s.release("2", 1, data{"dryRun": true, "phoneType": "mobile"})))
	if calls := s.skype.Script().Requests(simkit.Filter{}); len(calls) > 0 {
		t.Errorf("%d calls for a user who has nothing", len(calls))
	}
}

func TestSecondReleaseFindsNothing(t *testing.T) {
	s := newSite(t, options{})
	s.done(s.assign("1", 1, nil))
	s.released(s.release("2", 1, nil))
	calls := len(s.skype.Script().Requests(simkit.Filter{}))
	if r := s.released(s.release("3", 1, nil)); r.Number != "" || r.Verified != outcome.AsFound {
		t.Errorf("outcome %+v", r)
	}
	if now := len(s.skype.Script().Requests(simkit.Filter{})); now != calls {
		t.Errorf("%d calls for a user who has nothing", now-calls)
	}
}

// TestReleaseThatIsDenied: nothing is given away, and either way on is open.
func TestReleaseThatIsDenied(t *testing.T) {
	forbidden := func(operation string) func(*site, string) {
		return func(s *site, _ string) { s.fault(simkit.Fault{Operation: operation, Status: 403, Code: "Forbidden"}) }
	}
	for name, refuse := range map[string]func(s *site, number string){
		"sign-in": forbidden("applications"),
		"phones":  forbidden("phones"),
		"change":  forbidden("changeNumber"),
		"read-only": func(s *site, number string) { // no link changeNumber
			s.fault(simkit.Fault{Operation: "phones", Header: map[string]string{"Content-Type": "application/json"}, Body: `{"_embedded":{"phone":[{"type":"work","number":"tel:` + number + `"}]}}`})
		},
		"after a try": func(s *site, _ string) {
			s.fault(simkit.Fault{Operation: "changeNumber", Status: 503, Times: 1})
			s.comesBack(s.release("2", 1, nil))
			s.fault(simkit.Fault{Operation: "phones", Status: 403, Code: "Forbidden"})
		},
		"change, after a try": func(s *site, _ string) {
			s.fault(simkit.Fault{Operation: "changeNumber", Status: 503, Times: 1})
			s.comesBack(s.release("2", 1, nil))
			s.fault(simkit.Fault{Operation: "changeNumber", Status: 403, Code: "Forbidden"})
		},
	} {
		for _, next := range []string{"assign", "release"} {
			t.Run(name+", then "+next, func(t *testing.T) {
				t.Parallel()
				s := newSite(t, options{})
				a := s.done(s.assign("1", 1, nil))
				refuse(s, string(a.Number))
				s.deliver(s.release("2", 1, nil))
				if l := s.queue.letter(t); l["class"] != "denied" {
					t.Fatalf("dead letter %v", l)
				}
				if n := s.number(a.Number); n.State != ledger.Assigned {
					t.Errorf("the number is %s", n.State)
				}
				s.shows(1, string(a.Number))
				s.skype.Script().Clear()
				if next == "assign" {
					if b := s.done(s.assign("3", 1, nil)); b.Number != a.Number || b.Verified != outcome.AsFound {
						t.Errorf("outcome %+v", b)
					}
				} else if r := s.released(s.release("3", 1, nil)); r.Number != a.Number || !r.Restored {
					t.Errorf("outcome %+v", r)
				}
				s.agree("in the end")
			})
		}
	}
}

func TestReleaseDryRun(t *testing.T) {
	s := newSite(t, options{})
	s.set(1, ucwasim.Phone{Number: "tel:+4989555123", IncludeInContactCard: true})
	a := s.done(s.assign("1", 1, data{"replace": true}))
	r := s.released(s.release("2", 1, data{"dryRun": true}))
	if !r.DryRun || r.Verified != outcome.PlanOnly || !r.Restored || r.After.Number != "tel:+4989555123" || r.Number != a.Number || r.RestsUntil.IsZero() {
		t.Errorf("plan %+v", r)
	}
	s.shows(1, string(a.Number))
	if n := s.number(a.Number); n.State != ledger.Assigned {
		t.Errorf("the number is %s", n.State)
	}
	if _, known, _ := s.ledger.Number(t.Context(), "+4989555123"); known {
		t.Error("a dry run set a number aside")
	}
	if done := s.released(s.release("3", 1, nil)); done.After != r.After || done.Restored != r.Restored {
		t.Errorf("planned %+v, done %+v", r, done)
	}
}

// TestReleaseOfAChain: what dead requests left behind is taken back with the
// line under it.
func TestReleaseOfAChain(t *testing.T) {
	for name, change := range map[string]simkit.Fault{
		"pins never published": {Status: 503},
		"last pin published":   {Apply: true, Status: 504},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, options{})
			s.set(1, ucwasim.Phone{Number: "tel:+4989555123"})
			first := s.done(s.assign("1", 1, data{"replace": true}))
			for _, id := range []string{"2", "3"} {
				change.Operation, change.Times = "changeNumber", 1
				s.fault(change)
				s.fault(simkit.Fault{Operation: "phones", After: 1, Status: 503})
				s.comesBack(s.assign(id, 1, data{"replace": true})) // and never again
				s.skype.Script().Clear()
			}
			if r := s.released(s.release("4", 1, nil)); !r.Restored || r.Verified != outcome.ReadBack || r.RestsUntil.IsZero() {
				t.Errorf("outcome %+v", r)
			}
			s.shows(1, "tel:+4989555123")
			resting := 0
			for n, err := range s.ledger.Numbers(t.Context(), s.home) {
				if err != nil {
					t.Fatal(err)
				}
				if n.State == ledger.Quarantined && string(n.User) == user(1) {
					resting++
				}
			}
			if resting != 3 || s.number(first.Number).State != ledger.Quarantined {
				t.Errorf("%d numbers rest, want 3; the first is %s", resting, s.number(first.Number).State)
			}
			s.agree("after the release")
		})
	}
}

func TestReleaseOfAPinAlone(t *testing.T) {
	s := newSite(t, options{})
	s.fault(simkit.Fault{Operation: "changeNumber", Status: 503, Times: 1})
	s.comesBack(s.assign("1", 1, nil)) // and never again
	r := s.released(s.release("2", 1, nil))
	if r.Number == "" || r.Verified != outcome.AsFound || !r.Restored {
		t.Errorf("outcome %+v", r)
	}
	s.nothingReserved()
	s.agree("after the release")
}

// TestForeignNumberComesBackToItsOwner: a number of the pool that was published
// by other means and displaced is nobody else's meanwhile.
func TestForeignNumberComesBackToItsOwner(t *testing.T) {
	s := newSite(t, options{})
	foreign := s.freeNumber()
	s.set(1, ucwasim.Phone{Number: "tel:" + foreign})
	s.done(s.assign("1", 1, data{"replace": true}))
	s.deliver(s.assign("2", 2, data{"number": foreign}))
	if l := s.queue.letter(t); l["class"] != "conflict" {
		t.Errorf("dead letter %v", l)
	}
	if r := s.released(s.release("3", 1, nil)); !r.Restored || !e164.Same(r.After.Number, foreign) {
		t.Errorf("outcome %+v", r)
	}
	s.noSharedNumbers()
}

// TestNumberSetByHandOverOursAndDisplaced: replace makes it the state that a
// release restores.
func TestNumberSetByHandOverOursAndDisplaced(t *testing.T) {
	s := newSite(t, options{})
	s.done(s.assign("1", 1, nil))
	s.set(1, ucwasim.Phone{Number: "tel:+4989555123"})
	s.done(s.assign("2", 1, data{"replace": true}))
	if r := s.released(s.release("3", 1, nil)); !r.Restored {
		t.Errorf("outcome %+v", r)
	}
	s.shows(1, "tel:+4989555123")
}

// TestWhatSomebodyElseHasByNowIsNotPutBack: no number is published twice.
func TestWhatSomebodyElseHasByNowIsNotPutBack(t *testing.T) {
	s := newSite(t, options{locations: []webexsim.Location{location("Home", 10), {Name: "Away", Prefix: "+4940", Numbers: 10}}})
	away := s.webex.Locations()[1].ID
	var foreign string
	for _, n := range s.webex.Numbers(away) {
		foreign = n.PhoneNumber
	}
	s.set(1, ucwasim.Phone{Number: "tel:" + foreign})
	s.done(s.assign("1", 1, data{"replace": true})) // Home does not know the number
	s.done(s.assign("2", 2, data{"locationId": away, "number": foreign}))
	if plan := s.released(s.release("3", 1, data{"dryRun": true})); plan.Restored || plan.After.Number != "" {
		t.Errorf("plan %+v", plan)
	}
	if r := s.released(s.release("4", 1, nil)); r.Restored || r.After.Number != "" || r.Verified != outcome.ReadBack {
		t.Errorf("outcome %+v", r)
	}
	s.shows(1, "")
	s.noSharedNumbers()
}

func TestOriginalThatIsRefusedIsCleared(t *testing.T) {
	s := newSite(t, options{})
	s.set(1, ucwasim.Phone{Number: "tel:17"})
	s.done(s.assign("1", 1, data{"replace": true}))
	if r := s.released(s.release("2", 1, nil)); r.Restored || r.After.Number != "" || r.Verified != outcome.ReadBack {
		t.Errorf("outcome %+v", r)
	}
	if s.shows(1, ""); s.skypeUser(1).ChangeCount != 2 {
		t.Errorf("%d changes", s.skypeUser(1).ChangeCount)
	}
}

func TestMessageOfAnotherQueue(t *testing.T) {
	s := newSite(t, options{})
	other := s.message(command.TypeEnableSimRing, "1", data{"user": user(1), "target": "tel:+4989555123"})
	good := s.assign("2", 2, nil)
	if back := s.deliver(other, good); len(back) > 0 {
		t.Errorf("%d came back", len(back))
	}
	if l := s.queue.letter(t); l["class"] != "invalid" || !strings.Contains(l["reason"], "does not belong") || l["requestId"] != "1" {
		t.Errorf("dead letter %v", l)
	}
	if r := s.request(good); r.State != ledger.Done {
		t.Errorf("the other message of the batch is %q", r.State)
	}
}

// set publishes a number by other means.
func (s *site) set(n int, p ucwasim.Phone) {
	s.t.Helper()
	if err := s.skype.SetPhone(user(n), "work", p); err != nil {
		s.t.Fatal(err)
	}
}
