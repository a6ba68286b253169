package changenumber_test

import (
	"strings"
	"testing"

	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/outcome"
)

func TestDryRunChangesNothing(t *testing.T) {
	s := newSite(t, options{})
	a := s.done(s.assign("1", 1, data{"dryRun": true}))
	if !a.DryRun || a.Verified != outcome.PlanOnly || a.Number == "" {
		t.Errorf("outcome %+v", a)
	}
	if _, known, _ := s.ledger.Number(t.Context(), a.Number); known {
		t.Error("a dry run claimed its number")
	}
	if c := s.skypeUser(1).ChangeCount; c != 0 {
		t.Errorf("a dry run made %d changes", c)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		skype ucwasim.Phone
		more  data
	}{
		"new hire":       {ucwasim.Phone{}, data{}},
		"foreign number": {ucwasim.Phone{Number: "tel:free"}, data{}},
		"replace":        {ucwasim.Phone{Number: "tel:free"}, data{"replace": true}},
		"exact":          {ucwasim.Phone{}, data{"number": "free"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := ledgertest.Around(ledgertest.NewMemory(), func(call ledgertest.Call, do func() error) error {
				if call.Op == "put" && call.Key.Kind != ledger.KindRequest && call.Key.Kind != ledger.KindSession {
					t.Errorf("wrote a %s", call.Key.Kind)
				}
				return do()
			})
			// few numbers are usable, so that vetting meets those that are not
			s := newSite(t, options{store: store, locations: []webexsim.Location{{Name: "Home", Prefix: "+1205", Numbers: 2, TollFree: 30, Reserved: 30}}})
			free := s.freeNumber()
			if c.more["number"] != nil {
				c.more["number"] = free
			}
			c.skype.Number = strings.ReplaceAll(c.skype.Number, "free", free)
			if err := s.skype.SetPhone(user(1), "work", c.skype); err != nil {
				t.Fatal(err)
			}
			c.more["dryRun"] = true
			s.done(s.assign("1", 1, c.more))
		})
	}
}

// TestReplaceIsNoReplaceByTheSame: neither in a plan nor in earnest.
func TestReplaceIsNoReplaceByTheSame(t *testing.T) {
	for _, dry := range []bool{true, false} {
		s := newSite(t, options{locations: []webexsim.Location{{Name: "Home", Prefix: "+1205", Numbers: 1}}})
		s.set(1, ucwasim.Phone{Number: "tel:" + s.freeNumber()})
		s.deliver(s.assign("1", 1, data{"replace": true, "dryRun": dry}))
		if l := s.queue.letter(t); l["class"] != "exhausted" {
			t.Errorf("dry run %t: dead letter %v", dry, l)
		}
	}
}

func TestDryRunTakesNoCandidateAway(t *testing.T) {
	s := newSite(t, options{})
	want := s.freeNumber()
	earnest := s.assign("2", 2, data{"number": want})
	s.deliver(s.assign("1", 1, data{"number": want, "dryRun": true}), earnest)
	if r := s.request(earnest); r.State != ledger.Done {
		t.Errorf("request is %s, dead letter %v", r.State, s.queue.letters)
	}
}

func TestDryRunSaysWhatWouldHappen(t *testing.T) {
	s := newSite(t, options{})
	mine := s.done(s.assign("1", 1, nil))
	dry := s.done(s.assign("2", 1, data{"dryRun": true}))
	if dry.Number != mine.Number || !dry.Managed {
		t.Errorf("plan %+v", dry)
	}
	if err := s.skype.SetPhone(user(1), "work", ucwasim.Phone{Number: "tel:+4989555"}); err != nil {
		t.Fatal(err)
	}
	if dry := s.done(s.assign("3", 1, data{"dryRun": true})); dry.Managed || dry.After.Number != "tel:+4989555" {
		t.Errorf("the number set by hand would stay, the plan says %+v", dry)
	}
}
