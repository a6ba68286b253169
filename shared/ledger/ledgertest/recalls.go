package ledgertest

import (
	"reflect"
	"testing"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

// recallTests are about lines that are taken back.
func recallTests() map[string]run {
	return map[string]run{
		"person-recall-and-vacate":        recallAndVacate,
		"person-recall-and-reinstate":     recallAndReinstate,
		"person-recall-wraps-all":         recallWrapsAll,
		"person-recall-is-taken-over":     recallIsTakenOver,
		"person-recall-stands":            recallStands,
		"person-recall-of-what-changed":   recallOfWhatChanged,
		"person-recall-late-writer":       lateRecallWriter,
		"person-released-outlives-a-line": releasedOutlivesALine,
		"person-settle-names-what-rests":  settleNamesWhatRests,
		"person-replace-over-a-hand-set":  replaceOverAHandSet,
		"number-release-comes-late":       releaseComesLate,
		"number-park-for-good":            parkForGood,
	}
}

// recall takes ada's line back, in the lease with the given fence.
func (s *subject) recall(t *testing.T, known ledger.Person, id string, fence int64) ledger.Person {
	t.Helper()
	p, err := s.ledger().Recall(t.Context(), known, command.Work, s.recalled(id, fence))
	must(t, err)
	return p
}

func (s *subject) recalled(id string, fence int64) ledger.Line {
	line := s.line(1, id)
	line.Fence = fence
	return line
}

func (s *subject) released(id string) outcome.Released {
	return outcome.Released{
		Request: s.key(id), User: s.user("ada"), PhoneType: command.Work, Number: s.number(1), LocationID: s.location(),
		RestsUntil: time.Date(2030, time.May, 1, 12, 0, 0, 0, time.UTC), Before: outcome.Phone{Type: command.Work, Number: "before " + id}, Verified: outcome.ReadBack,
	}
}

func (s *subject) vacate(t *testing.T, known ledger.Person, done outcome.Released) ledger.Person {
	t.Helper()
	p, err := s.ledger().Vacate(t.Context(), known, command.Work, done)
	must(t, err)
	return p
}

// assignedLine gives ada's work phone number 1 by request "1".
func (s *subject) assignedLine(t *testing.T) ledger.Person {
	t.Helper()
	return s.settle(t, s.pin(t, s.person(t, "ada"), 1, "1", false), "1")
}

func recallAndVacate(t *testing.T, s *subject) {
	p := s.assignedLine(t)
	before := s.lined(t, ledger.LineAssigned, 1, "1")
	_, err := s.ledger().Vacate(t.Context(), p, command.Work, s.released("2"))
	fenced(t, "vacate without a recall", err)
	p = s.recall(t, p, "2", 1)
	p = s.recall(t, p, "2", 1) // again
	line := s.lined(t, ledger.LineReleasing, 1, "2")
	if got, _ := p.Line(command.Work); !reflect.DeepEqual(got, line) {
		t.Errorf("recall returned\n%+v, the ledger has\n%+v", got, line)
	}
	if line.Before.Number != "before 2" || line.Original != before.Original || line.Previous == nil || !reflect.DeepEqual(*line.Previous, before) {
		t.Errorf("recalled: %+v", line)
	}
	done := s.released("2")
	for range 2 {
		p = s.vacate(t, p, done)
		if _, found := s.person(t, "ada").Line(command.Work); found {
			t.Error("the line is still there")
		}
		if kept := s.person(t, "ada").Released[command.Work]; kept != done {
			t.Errorf("kept %+v, want %+v", kept, done)
		}
	}
}

func recallAndReinstate(t *testing.T, s *subject) {
	p := s.assignedLine(t)
	before := s.lined(t, ledger.LineAssigned, 1, "1")
	p = s.recall(t, p, "2", 1)
	for range 2 {
		var err error
		p, err = s.ledger().Reinstate(t.Context(), p, command.Work)
		must(t, err)
		if after := s.lined(t, ledger.LineAssigned, 1, "1"); !reflect.DeepEqual(after, before) {
			t.Errorf("the line came back as\n%+v, was\n%+v", after, before)
		}
	}
	s.recall(t, p, "2", 2) // and may be recalled again
	s.lined(t, ledger.LineReleasing, 1, "2")
}

func recallWrapsAll(t *testing.T, s *subject) {
	p := s.pin(t, s.assignedLine(t), 2, "2", true)
	p = s.pin(t, p, 3, "3", true)
	pinned := s.lined(t, ledger.LinePinned, 3, "3")
	p = s.recall(t, p, "4", 1)
	line := s.lined(t, ledger.LineReleasing, 1, "4")
	var chain []string
	for at := range line.Chain() {
		chain = append(chain, string(at.Number))
	}
	want := []string{string(s.number(1)), string(s.number(3)), string(s.number(2)), string(s.number(1))}
	if !reflect.DeepEqual(chain, want) || line.Original != pinned.Original {
		t.Errorf("recalled %v, originally %q; want %v, %q", chain, line.Original.Number, want, pinned.Original.Number)
	}
	if !line.Shown(s.number(2).Tel()) || line.Shown("") || line.Shown(s.number(4).Tel()) {
		t.Error("Shown does not tell the numbers of the line from others")
	}
	_, err := s.ledger().Reinstate(t.Context(), p, command.Work)
	must(t, err)
	if after := s.lined(t, ledger.LinePinned, 3, "3"); !reflect.DeepEqual(after, pinned) {
		t.Errorf("the pin came back as\n%+v, was\n%+v", after, pinned)
	}
}

func recallIsTakenOver(t *testing.T, s *subject) {
	first := s.recall(t, s.assignedLine(t), "2", 5)
	s.recall(t, first, "3", 1)
	line := s.lined(t, ledger.LineReleasing, 1, "3")
	if line.Previous == nil || line.Previous.State != ledger.LineAssigned || line.Before.Number != "before 3" || line.Original.Number != "before 1" {
		t.Errorf("taken over: %+v", line)
	}
	_, err := s.ledger().Vacate(t.Context(), first, command.Work, s.released("2"))
	fenced(t, "vacate of what was taken over", err)
	_, err = s.ledger().Reinstate(t.Context(), first, command.Work)
	must(t, err)
	s.lined(t, ledger.LineReleasing, 1, "3")
}

// recallStands in the way of everything but another recall.
func recallStands(t *testing.T, s *subject) {
	l := s.ledger()
	p := s.recall(t, s.assignedLine(t), "2", 1)
	for _, id := range []string{"1", "2", "3"} {
		for _, replace := range []bool{false, true} {
			_, err := l.Pin(t.Context(), p, command.Work, s.line(1, id), replace)
			s.standing(t, err, 1)
		}
		_, err := l.Adopt(t.Context(), p, command.Work, s.key(id))
		fenced(t, "adopt of a recalled line", err)
		_, err = l.Settle(t.Context(), p, command.Work, s.key(id))
		fenced(t, "settle of a recalled line", err)
		_, err = l.Unpin(t.Context(), p, command.Work, s.key(id))
		must(t, err)
	}
	s.lined(t, ledger.LineReleasing, 1, "2")
}

// recallOfWhatChanged knows a line that is another by now.
func recallOfWhatChanged(t *testing.T, s *subject) {
	none := s.person(t, "ada")
	_, err := s.ledger().Recall(t.Context(), none, command.Work, s.recalled("9", 1))
	fenced(t, "recall of nothing", err)
	pinned := s.pin(t, none, 1, "1", false)
	settled := s.settle(t, pinned, "1")
	_, err = s.ledger().Recall(t.Context(), pinned, command.Work, s.recalled("9", 1))
	fenced(t, "recall of a pin that was settled", err)
	s.pin(t, settled, 2, "2", true)
	_, err = s.ledger().Recall(t.Context(), settled, command.Work, s.recalled("9", 1))
	fenced(t, "recall of a line that was displaced", err)
	s.lined(t, ledger.LinePinned, 2, "2")
}

// lateRecallWriter goes on with a recall that a later lease made again.
func lateRecallWriter(t *testing.T, s *subject) {
	l := s.ledger()
	late := s.recall(t, s.assignedLine(t), "2", 1)
	now := s.recall(t, late, "2", 2)
	if line := s.lined(t, ledger.LineReleasing, 1, "2"); line.Fence != 2 || line.Before.Number != "before 2" {
		t.Errorf("recalled again: %+v", line)
	}
	_, err := l.Recall(t.Context(), late, command.Work, s.recalled("2", 1))
	fenced(t, "recall under an earlier lease", err)
	_, err = l.Vacate(t.Context(), late, command.Work, s.released("2"))
	fenced(t, "vacate under an earlier lease", err)
	_, err = l.Reinstate(t.Context(), late, command.Work)
	must(t, err)
	s.lined(t, ledger.LineReleasing, 1, "2")
	s.vacate(t, now, s.released("2"))

	next := s.pin(t, s.person(t, "ada"), 1, "3", false)
	s.settle(t, next, "3")
	_, err = l.Recall(t.Context(), late, command.Work, s.recalled("2", 1))
	fenced(t, "recall of a line that came later", err)
	_, err = l.Reinstate(t.Context(), now, command.Work)
	must(t, err)
	s.vacate(t, now, s.released("2")) // was done: no harm
	s.lined(t, ledger.LineAssigned, 1, "3")
}

// releasedOutlivesALine: a release that comes back after the next assign finds
// its answer, not the new line.
func releasedOutlivesALine(t *testing.T, s *subject) {
	p := s.vacate(t, s.recall(t, s.assignedLine(t), "2", 1), s.released("2"))
	p = s.settle(t, s.pin(t, p, 1, "3", false), "3")
	if kept := p.Released[command.Work]; kept != s.released("2") {
		t.Errorf("kept %+v", kept)
	}
	s.vacate(t, s.recall(t, p, "4", 1), s.released("4"))
	if kept := s.person(t, "ada").Released[command.Work]; kept.Request != s.key("4") {
		t.Errorf("kept %+v", kept)
	}
}

func settleNamesWhatRests(t *testing.T, s *subject) {
	p := s.pin(t, s.assignedLine(t), 2, "2", true)
	p, err := s.ledger().Settle(t.Context(), p, command.Work, s.key("2"), s.number(1))
	must(t, err)
	s.settle(t, p, "2") // again, by one who does not know
	if line := s.lined(t, ledger.LineAssigned, 2, "2"); len(line.Replaced) != 1 || line.Replaced[0] != s.number(1) {
		t.Errorf("settled: %+v", line)
	}
	s.pin(t, p, 3, "3", true)
	if line := s.lined(t, ledger.LinePinned, 3, "3"); line.Replaced != nil {
		t.Errorf("pinned: %+v", line)
	}
}

// replaceOverAHandSet: what was set by hand over our number is what a release
// restores; our own numbers never are.
func replaceOverAHandSet(t *testing.T, s *subject) {
	for _, c := range []struct{ found, original string }{
		{s.number(1).Tel(), "before 1"},
		{"", "before 1"},
		{"tel:+4989555", "tel:+4989555"},
	} {
		p := s.assignedLine(t)
		line := s.line(2, "2")
		line.Before.Number = c.found
		p, err := s.ledger().Pin(t.Context(), p, command.Work, line, true)
		must(t, err)
		if line := s.lined(t, ledger.LinePinned, 2, "2"); line.Original.Number != c.original {
			t.Errorf("found %q: originally %q, want %q", c.found, line.Original.Number, c.original)
		}
		s.vacate(t, s.recall(t, p, "9", 1), s.released("9"))
	}
}

// releaseComesLate: a number that a later request claimed stays.
func releaseComesLate(t *testing.T, s *subject) {
	l := s.ledger()
	s.claim(t, 1, s.holder("1", "ada"))
	known, _, err := l.Number(t.Context(), s.number(1))
	must(t, err)
	_, err = l.Confirm(t.Context(), s.number(1), s.holder("1", "ada"))
	must(t, err)
	_, err = l.Release(t.Context(), known, s.holder("2", "ada"), soon())
	must(t, err)
	s.kept(t, 1, ledger.Quarantined, "ada")
	s.claim(t, 1, s.holder("3", "ada"))
	_, err = l.Confirm(t.Context(), s.number(1), s.holder("3", "ada"))
	must(t, err)
	n, err := l.Release(t.Context(), known, s.holder("2", "ada"), soon())
	if s.kept(t, 1, ledger.Assigned, "ada"); err != nil || n.State != ledger.Assigned || n.Request != s.key("3") {
		t.Errorf("released late: %+v, %v", n, err)
	}
	known, _, err = l.Number(t.Context(), s.number(1))
	must(t, err)
	_, err = l.Release(t.Context(), known, s.holder("4", "ada"), soon())
	must(t, err)
	s.kept(t, 1, ledger.Quarantined, "ada")
}

// parkForGood: a number that a vendor refused for a while turns out to be in use.
func parkForGood(t *testing.T, s *subject) {
	l, h := s.ledger(), s.holder("1", "ada")
	for _, until := range []time.Time{soon(), {}, soon()} {
		_, err := l.Park(t.Context(), s.number(1), s.location(), h, "reason", until)
		must(t, err)
	}
	if n := s.kept(t, 1, ledger.Parked, ""); !n.RestsUntil.IsZero() {
		t.Errorf("parked until %s, want for good", n.RestsUntil)
	}
}
