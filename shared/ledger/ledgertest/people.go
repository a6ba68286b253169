package ledgertest

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"

	"dialtone/shared/command"
	"dialtone/shared/ledger"
)

func personTests() map[string]run {
	return map[string]run{
		"person-pin-and-settle":        pinAndSettle,
		"person-pin-moves":             pinMoves,
		"person-pin-stands":            pinStands,
		"person-race-to-pin":           raceToPin,
		"person-phones-are-apart":      phonesAreApart,
		"person-replace-and-settle":    replaceAndSettle,
		"person-replace-and-unpin":     replaceAndUnpin,
		"person-confirmed-pin-stays":   confirmedPinStays,
		"person-adopt":                 adopt,
		"person-late-writer":           latePersonWriter,
		"person-stale-known-is-no-bar": staleKnown,
	}
}

func (s *subject) person(t *testing.T, user string) ledger.Person {
	t.Helper()
	p, err := s.ledger().Person(t.Context(), s.user(user))
	if err != nil || p.User != s.user(user) {
		t.Fatalf("person: %q, %v", p.User, err)
	}
	return p
}

// pin pins the i-th number on ada's work phone.
func (s *subject) pin(t *testing.T, known ledger.Person, i int, id string, replace bool) ledger.Person {
	t.Helper()
	p, err := s.ledger().Pin(t.Context(), known, command.Work, s.line(i, id), replace)
	must(t, err)
	return p
}

func (s *subject) settle(t *testing.T, known ledger.Person, id string) ledger.Person {
	t.Helper()
	p, err := s.ledger().Settle(t.Context(), known, command.Work, s.key(id))
	must(t, err)
	return p
}

// lined fails the test unless ada's work phone is where it should be.
func (s *subject) lined(t *testing.T, state ledger.LineState, i int, id string) ledger.Line {
	t.Helper()
	line, found := s.person(t, "ada").Line(command.Work)
	if !found || line.State != state || line.Number != s.number(i) || line.Request != s.key(id) {
		t.Fatalf("line: found %t, %+v; want number %d %s by %s", found, line, i, state, id)
	}
	return line
}

func (s *subject) standing(t *testing.T, err error, i int) {
	t.Helper()
	if e, ok := errors.AsType[*ledger.StandingError](err); !ok || e.Line.Number != s.number(i) {
		t.Errorf("pin: %v, want that number %d stands", err, i)
	}
}

func pinAndSettle(t *testing.T, s *subject) {
	l := s.ledger()
	p := s.person(t, "ada")
	if _, found := p.Line(command.Work); found {
		t.Fatal("an unknown person has a line")
	}
	_, err := l.Settle(t.Context(), p, command.Work, s.key("1"))
	fenced(t, "settle without a pin", err)
	p = s.pin(t, p, 1, "1", false)
	p = s.pin(t, p, 1, "1", false) // again
	line := s.lined(t, ledger.LinePinned, 1, "1")
	if got, _ := p.Line(command.Work); !reflect.DeepEqual(got, line) {
		t.Errorf("pin returned\n%+v, the ledger has\n%+v", got, line)
	}
	if line.Before.Number != "before 1" || line.Original != line.Before || line.Previous != nil {
		t.Errorf("pinned: %+v", line)
	}
	p = s.settle(t, p, "1")
	settled := s.lined(t, ledger.LineAssigned, 1, "1")
	if settled.Before != line.Before || settled.Original != line.Original {
		t.Errorf("settled: %+v", settled)
	}
	s.settle(t, p, "1")
	if again := s.lined(t, ledger.LineAssigned, 1, "1"); !reflect.DeepEqual(again, settled) {
		t.Errorf("settled twice: %+v, was %+v", again, settled)
	}
	_, err = l.Unpin(t.Context(), p, command.Work, s.key("1"))
	must(t, err)
	s.lined(t, ledger.LineAssigned, 1, "1") // it is not pinned any more
}

func pinMoves(t *testing.T, s *subject) {
	p := s.pin(t, s.person(t, "ada"), 1, "1", false)
	moved := s.line(2, "1")
	moved.Before.Number = "seen after the first try"
	p, err := s.ledger().Pin(t.Context(), p, command.Work, moved, false)
	must(t, err)
	if line := s.lined(t, ledger.LinePinned, 2, "1"); line.Before.Number != "before 1" {
		t.Errorf("moved: before %q, want what the first pin found", line.Before.Number)
	}
	for range 2 {
		p, err = s.ledger().Unpin(t.Context(), p, command.Work, s.key("1"))
		must(t, err)
		if _, found := s.person(t, "ada").Line(command.Work); found {
			t.Error("the line is still there")
		}
	}
}

func pinStands(t *testing.T, s *subject) {
	l := s.ledger()
	none := s.person(t, "ada")
	p := s.pin(t, none, 1, "1", false)
	for _, known := range []ledger.Person{none, p} {
		_, err := l.Pin(t.Context(), known, command.Work, s.line(2, "2"), false)
		s.standing(t, err, 1)
	}
	_, err := l.Settle(t.Context(), p, command.Work, s.key("2"))
	fenced(t, "settle of another's pin", err)
	_, err = l.Unpin(t.Context(), p, command.Work, s.key("2"))
	must(t, err)
	s.lined(t, ledger.LinePinned, 1, "1")
	p = s.settle(t, p, "1")
	for _, replace := range []bool{false, true} { // its own line is no more to be replaced
		_, err = l.Pin(t.Context(), p, command.Work, s.line(2, "1"), replace)
		s.standing(t, err, 1)
	}
	_, err = l.Pin(t.Context(), p, command.Work, s.line(2, "2"), false)
	s.standing(t, err, 1)
}

func raceToPin(t *testing.T, s *subject) {
	none := s.person(t, "ada")
	var mu sync.Mutex
	won := map[string]int{}
	s.race(func(w int) {
		id := fmt.Sprint("request", w)
		_, err := s.ledger().Pin(t.Context(), none, command.Work, s.line(w, id), false)
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			won[id] = w
		} else if _, ok := errors.AsType[*ledger.StandingError](err); !ok {
			t.Errorf("pin: %v, want a StandingError", err)
		}
	})
	if len(won) != 1 {
		t.Fatalf("%d requests pinned, want 1", len(won))
	}
	for id, w := range won {
		s.lined(t, ledger.LinePinned, w, id)
	}
}

func phonesAreApart(t *testing.T, s *subject) {
	none := s.person(t, "ada")
	p := s.pin(t, none, 1, "1", false)
	q, err := s.ledger().Pin(t.Context(), none, command.Mobile, s.line(2, "2"), false)
	must(t, err)
	s.settle(t, p, "1") // knows nothing of the mobile phone
	_, err = s.ledger().Unpin(t.Context(), q, command.Mobile, s.key("2"))
	must(t, err)
	s.lined(t, ledger.LineAssigned, 1, "1")
	if lines := s.person(t, "ada").Lines; len(lines) != 1 {
		t.Errorf("lines: %v", lines)
	}
}

func replaceAndSettle(t *testing.T, s *subject) {
	p := s.settle(t, s.pin(t, s.person(t, "ada"), 1, "1", false), "1")
	second := s.line(2, "2")
	second.Before.Number = s.number(1).Tel()
	p, err := s.ledger().Pin(t.Context(), p, command.Work, second, true)
	must(t, err)
	p = s.pin(t, p, 3, "2", true) // moved to another candidate
	line := s.lined(t, ledger.LinePinned, 3, "2")
	if line.Previous == nil || line.Previous.Number != s.number(1) || line.Previous.State != ledger.LineAssigned {
		t.Fatalf("displaced: %+v", line.Previous)
	}
	if line.Before != second.Before || line.Original.Number != "before 1" {
		t.Errorf("before %q, originally %q", line.Before.Number, line.Original.Number)
	}
	s.settle(t, p, "2")
	if line := s.lined(t, ledger.LineAssigned, 3, "2"); line.Previous != nil || line.Original.Number != "before 1" {
		t.Errorf("settled: %+v", line)
	}
}

func replaceAndUnpin(t *testing.T, s *subject) {
	p := s.settle(t, s.pin(t, s.person(t, "ada"), 1, "1", false), "1")
	before := s.lined(t, ledger.LineAssigned, 1, "1")
	p = s.pin(t, p, 2, "2", true)
	p = s.pin(t, p, 3, "3", true) // a third request displaces a pin
	for _, id := range []string{"3", "2"} {
		var err error
		p, err = s.ledger().Unpin(t.Context(), p, command.Work, s.key(id))
		must(t, err)
	}
	if after := s.lined(t, ledger.LineAssigned, 1, "1"); !reflect.DeepEqual(after, before) {
		t.Errorf("the line came back as\n%+v, was\n%+v", after, before)
	}
}

// confirmedPinStays would move or take back a pin whose number was read back:
// the number of the line under it may be somebody else's soon.
func confirmedPinStays(t *testing.T, s *subject) {
	l := s.ledger()
	s.owns(t, 1)
	p := s.pin(t, s.person(t, "ada"), 2, "2", true)
	s.claim(t, 2, s.holder("2", "ada"))
	_, err := l.Confirm(t.Context(), s.number(2), s.holder("2", "ada"))
	must(t, err)
	_, err = l.Pin(t.Context(), p, command.Work, s.line(3, "2"), true)
	s.standing(t, err, 2)
	_, err = l.Unpin(t.Context(), p, command.Work, s.key("2"))
	must(t, err)
	s.lined(t, ledger.LinePinned, 2, "2")

	p = s.pin(t, s.settle(t, p, "2"), 2, "3", true) // the number that stands, wanted by name
	_, err = l.Unpin(t.Context(), p, command.Work, s.key("3"))
	must(t, err)
	s.lined(t, ledger.LineAssigned, 2, "2")
}

func adopt(t *testing.T, s *subject) {
	l := s.ledger()
	p := s.pin(t, s.person(t, "ada"), 1, "1", false)
	for range 2 {
		_, err := l.Adopt(t.Context(), p, command.Work, s.key("2"))
		must(t, err)
		s.lined(t, ledger.LinePinned, 1, "2")
	}
	_, err := l.Adopt(t.Context(), p, command.Work, s.key("3"))
	fenced(t, "adopt what was adopted", err)
	_, err = l.Settle(t.Context(), p, command.Work, s.key("1"))
	fenced(t, "settle what was adopted", err)
	s.settle(t, s.person(t, "ada"), "2")
	_, err = l.Adopt(t.Context(), s.person(t, "eva"), command.Work, s.key("3"))
	fenced(t, "adopt of nothing", err)
	s.lined(t, ledger.LineAssigned, 1, "2")
}

// latePersonWriter goes on with a pin that the same request, under another
// lease, moved to another number.
func latePersonWriter(t *testing.T, s *subject) {
	l := s.ledger()
	none := s.person(t, "ada")
	late := s.pin(t, none, 1, "1", false)
	now := s.pin(t, late, 2, "1", false)
	_, err := l.Settle(t.Context(), late, command.Work, s.key("1"))
	fenced(t, "settle of a pin that was moved", err)
	for _, known := range []ledger.Person{none, late} {
		_, err = l.Pin(t.Context(), known, command.Work, s.line(3, "1"), false)
		fenced(t, "pin over a pin that was moved", err)
		_, err = l.Unpin(t.Context(), known, command.Work, s.key("1"))
		must(t, err)
	}
	s.lined(t, ledger.LinePinned, 2, "1")

	line, _ := now.Line(command.Work)
	line.Fence = 2 // the next lease resumes the pin
	resumed, err := l.Pin(t.Context(), now, command.Work, line, false)
	must(t, err)
	_, err = l.Settle(t.Context(), now, command.Work, s.key("1"))
	fenced(t, "settle under an earlier lease", err)
	_, err = l.Pin(t.Context(), now, command.Work, s.line(3, "1"), false)
	fenced(t, "pin under an earlier lease", err)
	_, err = l.Unpin(t.Context(), now, command.Work, s.key("1"))
	must(t, err)
	s.lined(t, ledger.LinePinned, 2, "1")
	s.settle(t, resumed, "1")
	s.lined(t, ledger.LineAssigned, 2, "1")
}

// staleKnown acts on a person as it was: what counts is what stands.
func staleKnown(t *testing.T, s *subject) {
	none := s.person(t, "ada")
	p := s.pin(t, none, 1, "1", false)
	_, err := s.ledger().Unpin(t.Context(), p, command.Work, s.key("1"))
	must(t, err)
	s.pin(t, p, 2, "2", false) // p has a pin in the way that is gone
	s.lined(t, ledger.LinePinned, 2, "2")
}
