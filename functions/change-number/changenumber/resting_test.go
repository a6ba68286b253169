package changenumber_test

import (
	"testing"
	"testing/synctest"
	"time"

	"dialtone/functions/change-number/changenumber"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

// TestWhoGaveANumberBackGetsItAgain: out of forty, several times.
func TestWhoGaveANumberBackGetsItAgain(t *testing.T) {
	s := newSite(t, options{})
	first := s.done(s.assign("0", 1, nil))
	for _, id := range []string{"1", "2", "3"} {
		s.released(s.release("r"+id, 1, nil))
		if plan := s.done(s.assign("p"+id, 1, data{"dryRun": true})); plan.Number != first.Number {
			t.Errorf("planned %s, had %s", plan.Number, first.Number)
		}
		again := s.done(s.assign("a"+id, 1, data{"replace": id == "3"}))
		if again.Number != first.Number || !again.Managed || again.Verified != outcome.ReadBack || len(again.TrackingIDs) == 0 {
			t.Errorf("got %+v, had %s", again, first.Number)
		}
	}
	if n := s.number(first.Number); n.State != ledger.Assigned || !n.RestsUntil.IsZero() {
		t.Errorf("number %+v", n)
	}
	s.agree("in the end")
}

// TestWhoGetsAnotherNumber instead of the one that rests for them.
func TestWhoGetsAnotherNumber(t *testing.T) {
	locations := []webexsim.Location{location("Home", 40), {Name: "Away", Prefix: "+4940", Numbers: 40}}
	for name, c := range map[string]struct {
		want   func(s *site) data
		before func(s *site, number string)
	}{
		"names another":    {want: func(s *site) data { return data{"number": s.lastFree()} }},
		"another location": {want: func(s *site) data { return data{"locationId": s.webex.Locations()[1].ID} }},
		"another phone":    {want: func(*site) data { return data{"phoneType": "other"} }},
		"owned in Webex":   {before: func(s *site, n string) { s.own(n) }},
		"somebody else by now": {before: func(s *site, n string) {
			time.Sleep(31 * 24 * time.Hour)
			s.done(s.assign("other", 2, data{"number": n}))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, options{inProcess: true, locations: locations})
				had := s.done(s.assign("0", 1, data{"number": s.freeNumber()}))
				s.released(s.release("1", 1, nil))
				if c.before != nil {
					c.before(s, string(had.Number))
				}
				var want data
				if c.want != nil {
					want = c.want(s)
				}
				if got := s.done(s.assign("2", 1, want)); got.Number == had.Number || want["number"] != nil && string(got.Number) != want["number"] {
					t.Errorf("got %s, had %s, asked for %v", got.Number, had.Number, want)
				}
				s.noSharedNumbers()
			})
		})
	}
}

// lastFree returns another number than [site.freeNumber].
func (s *site) lastFree() (last string) {
	for _, n := range s.webex.Numbers(s.home) {
		if n.Kind == webexsim.KindStandard && n.State == "ACTIVE" && n.Owner == nil {
			last = n.PhoneNumber
		}
	}
	return last
}

func (s *site) own(n string) {
	s.t.Helper()
	if err := s.webex.Assign(n, webexsim.Owner{FirstName: "Eva", LastName: "Else"}); err != nil {
		s.t.Fatal(err)
	}
}

// TestRestingNumberPublishedByHandIsTakenBack: it is theirs to have.
func TestRestingNumberPublishedByHandIsTakenBack(t *testing.T) {
	s := newSite(t, options{})
	had := s.done(s.assign("0", 1, nil))
	s.released(s.release("1", 1, nil))
	s.set(1, ucwasim.Phone{Number: had.Number.Tel()})
	changes := s.skypeUser(1).ChangeCount
	if a := s.done(s.assign("2", 1, nil)); a.Number != had.Number || !a.Managed {
		t.Errorf("outcome %+v", a)
	}
	if now := s.skypeUser(1).ChangeCount; now != changes {
		t.Errorf("%d changes of a phone that is right", now-changes)
	}
	// What the phone showed before is no state to go back to: it is taken away.
	if r := s.released(s.release("3", 1, nil)); r.After.Number != "" || r.Verified != outcome.ReadBack {
		t.Errorf("outcome %+v", r)
	}
	s.agree("in the end")
}

// TestRestEndsOnTheSecond, and not before, by location.
func TestRestEndsOnTheSecond(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		edit func(home string, c *changenumber.Config)
		days time.Duration
	}{
		"default":       {nil, 30},
		"for all":       {func(_ string, c *changenumber.Config) { c.Quarantine = 7 * day }, 7},
		"for this":      {func(home string, c *changenumber.Config) { c.QuarantineAt = map[string]time.Duration{home: 90 * day} }, 90},
		"for others":    {func(_ string, c *changenumber.Config) { c.QuarantineAt = map[string]time.Duration{"elsewhere": day} }, 30},
		"for this none": {func(home string, c *changenumber.Config) { c.QuarantineAt = map[string]time.Duration{home: 0} }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSite(t, options{inProcess: true, edit: c.edit})
				had := s.done(s.assign("0", 1, nil))
				before := time.Now()
				r := s.released(s.release("1", 1, nil))
				if got := r.RestsUntil.Sub(before); got < c.days*day || got > c.days*day+time.Minute {
					t.Errorf("rests for %s, want %d days", got, c.days)
				}
				time.Sleep(time.Until(r.RestsUntil) - 1)
				if c.days > 0 {
					s.deliver(s.assign("2", 2, data{"number": string(had.Number)}))
					if l := s.queue.letter(t); l["class"] != "conflict" {
						t.Errorf("dead letter %v", l)
					}
				}
				time.Sleep(time.Until(r.RestsUntil))
				if a := s.done(s.assign("3", 3, data{"number": string(had.Number)})); a.Number != had.Number {
					t.Errorf("got %s", a.Number)
				}
			})
		})
	}
}
