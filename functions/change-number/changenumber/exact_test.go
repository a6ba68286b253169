package changenumber_test

import (
	"testing"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
)

func TestExactNumber(t *testing.T) {
	s := newSite(t, options{})
	want := s.freeNumber()
	if a := s.done(s.assign("1", 1, data{"number": want})); string(a.Number) != want {
		t.Errorf("got %s, want %s", a.Number, want)
	}
	s.deliver(s.assign("2", 2, data{"number": want}))
	if l := s.queue.letter(t); l["class"] != "conflict" {
		t.Errorf("dead letter %v", l)
	}
}

func TestExactNumberIsGoneOnWith(t *testing.T) {
	for name, more := range map[string]data{"new": {}, "replace": {"replace": true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, options{})
			want := s.freeNumber()
			more["number"] = want
			s.fault(simkit.Fault{Operation: "changeNumber", Status: 503, Times: 1})
			body := s.assign("1", 1, more)
			s.comesBack(body)
			s.restart()
			if a := s.done(body); string(a.Number) != want {
				t.Errorf("got %s, want %s", a.Number, want)
			}
		})
	}
}

func TestExactNumberOfTheSamePerson(t *testing.T) {
	s := newSite(t, options{})
	mine := s.freeNumber()
	s.done(s.assign("1", 1, data{"number": mine}))
	if a := s.done(s.assign("2", 1, data{"number": mine, "replace": true})); string(a.Number) != mine || len(a.Replaced) > 0 {
		t.Errorf("asked for the number at hand, got %+v", a)
	}
	if a := s.done(s.assign("3", 1, data{"replace": true})); string(a.Number) == mine {
		t.Fatal("not replaced")
	}
	s.deliver(s.assign("4", 2, data{"number": mine}))
	if l := s.queue.letter(t); l["class"] != "conflict" {
		t.Errorf("somebody else got a resting number: %v", l)
	}
	s.queue.letters = nil
	if a := s.done(s.assign("5", 1, data{"number": mine, "replace": true})); string(a.Number) != mine {
		t.Errorf("got %s back, want %s", a.Number, mine)
	}
	s.noSharedNumbers()
}

func TestUserWithANumberNeedsNoFreeOne(t *testing.T) {
	s := newSite(t, options{})
	want := s.freeNumber()
	s.done(s.assign("1", 1, data{"number": want}))
	if err := s.skype.SetPhone(user(2), "work", ucwasim.Phone{Number: "tel:+4989555"}); err != nil {
		t.Fatal(err)
	}
	if a := s.done(s.assign("2", 2, data{"number": want})); a.Managed || a.After.Number != "tel:+4989555" {
		t.Errorf("outcome %+v", a)
	}
}
