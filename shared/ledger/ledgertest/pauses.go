package ledgertest

import (
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"dialtone/shared/ledger"
)

func pauseTests() map[string]run {
	return map[string]run{
		"pause-life":       pauseLife,
		"pause-one-probe":  pauseOneProbe,
		"pause-late-word":  pauseLateWord,
		"pause-many-agree": pauseManyAgree,
	}
}

func (s *subject) host() string { return "vendor/" + s.ns + ".test:443" }

// paused returns the pause as it stands.
func (s *subject) paused(t *testing.T) ledger.Pause {
	t.Helper()
	p, err := s.ledger().Pause(t.Context(), s.host())
	must(t, err)
	return p
}

func (s *subject) pauseListed(t *testing.T, want bool) {
	t.Helper()
	s.eventually(t, func() string {
		pauses, err := all(s.ledger().Pauses(t.Context()))
		must(t, err)
		listed := slices.ContainsFunc(pauses, func(p ledger.Pause) bool { return p.Name == s.host() })
		if listed != want {
			return "the list of what is paused is wrong"
		}
		return ""
	})
}

func pauseLife(t *testing.T, s *subject) {
	l, known := s.ledger(), s.paused(t)
	if known.Paused() || known.Name != s.host() {
		t.Fatalf("from the start: %+v", known)
	}
	until := soon()
	p, err := l.Suspend(t.Context(), known, until, "status 503")
	must(t, err)
	if !p.Paused() || !p.Until.Equal(until) || p.Reason != "status 503" || time.Since(p.Since) > time.Minute {
		t.Errorf("suspended: %+v", p)
	}
	s.pauseListed(t, true)
	again, err := l.Suspend(t.Context(), known, over(), "status 502") // who does not know it yet
	must(t, err)
	if again != p {
		t.Errorf("suspended for less: %+v, want %+v", again, p)
	}
	if _, granted, err := l.Probe(t.Context(), p, soon()); err != nil || granted {
		t.Errorf("probe too early: %t, %v", granted, err)
	}
	p, err = l.Prolong(t.Context(), p, over(), "status 504")
	must(t, err)
	probe, granted, err := l.Probe(t.Context(), known, soon())
	must(t, err)
	if !granted || probe.Probes != 1 || !probe.Since.Equal(p.Since) {
		t.Errorf("probe: %t, %+v", granted, probe)
	}
	p, err = l.Resume(t.Context(), probe)
	must(t, err)
	if p.Paused() || s.paused(t).Paused() {
		t.Errorf("resumed: %+v", p)
	}
	s.pauseListed(t, false)
}

func pauseOneProbe(t *testing.T, s *subject) {
	known, err := s.ledger().Suspend(t.Context(), s.paused(t), over(), "status 503")
	must(t, err)
	until := soon() // the same for all, so that their writes differ in nothing else
	for round := range s.Rounds {
		var granted atomic.Int64
		s.race(func(int) {
			_, mine, err := s.ledger().Probe(t.Context(), known, until)
			if err != nil {
				t.Error(err)
			}
			if mine {
				granted.Add(1)
			}
		})
		if n := granted.Load(); n != 1 {
			t.Errorf("round %d: %d probes at a time", round, n)
		}
		known, err = s.ledger().Prolong(t.Context(), s.paused(t), over(), "status 503")
		must(t, err)
	}
}

// pauseLateWord: a probe that somebody else has followed up decides nothing.
func pauseLateWord(t *testing.T, s *subject) {
	l := s.ledger()
	known, err := l.Suspend(t.Context(), s.paused(t), over(), "status 503")
	must(t, err)
	late, _, err := l.Probe(t.Context(), known, over())
	must(t, err)
	probe, granted, err := l.Probe(t.Context(), late, soon())
	must(t, err)
	if !granted {
		t.Fatal("no probe after one whose time is over")
	}
	_, err = l.Resume(t.Context(), late)
	must(t, err)
	_, err = l.Prolong(t.Context(), late, over(), "late")
	must(t, err)
	if stands := s.paused(t); stands != probe {
		t.Errorf("stands %+v, want %+v", stands, probe)
	}
}

// pauseManyAgree: all who find a host down at once make one pause.
func pauseManyAgree(t *testing.T, s *subject) {
	known, until := s.paused(t), soon()
	s.race(func(worker int) {
		if _, err := s.ledger().Suspend(t.Context(), known, until.Add(time.Duration(worker)*time.Second), "status 503"); err != nil {
			t.Error(err)
		}
	})
	if p := s.paused(t); p.Fence != 1 || p.Until.Before(until.Add(time.Duration(s.Workers-1)*time.Second).Truncate(time.Millisecond)) {
		t.Errorf("%+v, want the first pause, until the latest time", p)
	}
}
