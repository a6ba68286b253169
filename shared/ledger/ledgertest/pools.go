package ledgertest

import (
	"sync/atomic"
	"testing"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

func poolTests() map[string]run {
	return map[string]run{
		"pool-open-twice":                openPool,
		"pool-crossing-is-told-once":     crossing,
		"pool-crossing-waits-until-told": crossingWaits,
		"pool-race-to-cross":             raceToCross,
		"pool-late-count":                lateCount,
		"notice-is-announced-once":       announce,
	}
}

func openPool(t *testing.T, s *subject) {
	l := s.ledger()
	licenses := []command.LicenseType{command.Professional, command.Standard}
	s.race(func(w int) {
		if err := l.OpenPool(t.Context(), s.location(), "org", licenses[w%2]); err != nil {
			t.Errorf("open pool: %v", err)
		}
	})
	s.eventually(t, func() string {
		p, found := s.pool(t)
		switch {
		case !found:
			return "the pool is not listed"
		case p.OrgID != "org" || p.Since.IsZero() || len(p.Stocks) != min(2, s.Workers):
			t.Errorf("pool %+v", p)
		}
		return ""
	})
}

// pool finds the pool of this test in the list.
func (s *subject) pool(t *testing.T) (ledger.Pool, bool) {
	t.Helper()
	for p, err := range s.ledger().Pools(t.Context()) {
		must(t, err)
		if p.LocationID == s.location() {
			return p, true
		}
	}
	return ledger.Pool{}, false
}

// tally is a count of that many free numbers, made so many minutes after midnight.
func tally(minute, free int, level ledger.Level) ledger.Tally {
	at := time.Date(2026, 11, 22, 0, minute, 0, 0, time.UTC)
	return ledger.Tally{At: at, Counts: outcome.PoolCounts{Free: free}, Threshold: 10, Level: level}
}

// count writes a count down and tells of its crossing as a check does. It returns
// what was told, nil if nothing was.
func (s *subject) count(t *testing.T, l *ledger.Ledger, c ledger.Tally) *ledger.Crossing {
	t.Helper()
	known := ledger.Pool{LocationID: s.location()}
	stock, err := l.Counted(t.Context(), known, command.Standard, c)
	must(t, err)
	news := stock.Untold()
	if news != nil {
		must(t, l.Announce(t.Context(), news.Notice(s.location(), command.Standard)))
		stock, err = l.Told(t.Context(), known, command.Standard, *news)
		must(t, err)
		if stock.Untold() != nil {
			t.Errorf("told, and still untold: %+v", stock)
		}
	}
	return news
}

func crossing(t *testing.T, s *subject) {
	l := s.ledger()
	must(t, l.OpenPool(t.Context(), s.location(), "", command.Standard))
	for i, step := range []struct {
		free  int
		level ledger.Level
		news  bool
	}{
		{50, ledger.LevelEnough, false},
		{11, ledger.LevelScant, false},
		{10, ledger.LevelLow, true},
		{9, ledger.LevelLow, false},
		{11, ledger.LevelScant, false}, // it sways
		{10, ledger.LevelLow, false},
		{30, ledger.LevelEnough, false},
		{11, ledger.LevelScant, false},
		{8, ledger.LevelLow, true},
	} {
		news := s.count(t, l, tally(i, step.free, step.level))
		if (news != nil) != step.news || news != nil && (news.Counts.Free != step.free || !news.At.Equal(tally(i, 0, "").At)) {
			t.Errorf("count %d of %d (%s): told %+v, want news %t", i, step.free, step.level, news, step.news)
		}
	}
	failed, err := l.Uncounted(t.Context(), ledger.Pool{LocationID: s.location()}, command.Standard, time.Now(), "webex is down")
	must(t, err)
	if failed.Problem != "webex is down" || failed.Counts.Free != 8 || failed.Low == nil || failed.TriedAt.Equal(failed.At) {
		t.Errorf("after a count that failed: %+v", failed)
	}
	if s.count(t, l, tally(100, 40, ledger.LevelEnough)) != nil {
		t.Error("news of enough")
	}
}

// A crossing that nobody was told of outlives the refill of its pool, with the
// figures of its own moment.
func crossingWaits(t *testing.T, s *subject) {
	l, known := s.ledger(), ledger.Pool{LocationID: s.location()}
	_, err := l.Counted(t.Context(), known, command.Standard, tally(1, 3, ledger.LevelLow))
	must(t, err)
	if news := s.count(t, l, tally(2, 90, ledger.LevelEnough)); news == nil || news.Counts.Free != 3 {
		t.Errorf("told %+v", news)
	}
	if news := s.count(t, l, tally(3, 90, ledger.LevelEnough)); news != nil {
		t.Errorf("told twice: %+v", news)
	}
	if news := s.count(t, l, tally(4, 2, ledger.LevelLow)); news == nil {
		t.Error("the next crossing is no news")
	}
}

// raceToCross has all workers find the pool low at once: they tell of one crossing.
func raceToCross(t *testing.T, s *subject) {
	for round := range s.Rounds {
		minute := round * s.Workers * 3
		s.count(t, s.ledger(), tally(minute, 90, ledger.LevelEnough))
		var ids [2]atomic.Value
		s.race(func(w int) {
			l, known := s.ledger(), ledger.Pool{LocationID: s.location()}
			stock, err := l.Counted(t.Context(), known, command.Standard, tally(minute+1+w, 5, ledger.LevelLow))
			if err != nil {
				t.Errorf("count: %v", err)
				return
			}
			id := stock.Low.Notice(s.location(), command.Standard).ID
			if !ids[0].CompareAndSwap(nil, id) && ids[0].Load() != id {
				ids[1].Store(id)
			}
			if err := l.Announce(t.Context(), stock.Low.Notice(s.location(), command.Standard)); err != nil {
				t.Errorf("announce: %v", err)
			}
			if _, err := l.Told(t.Context(), known, command.Standard, *stock.Low); err != nil {
				t.Errorf("told: %v", err)
			}
		})
		if ids[1].Load() != nil {
			t.Errorf("two crossings: %v and %v", ids[0].Load(), ids[1].Load())
		}
	}
}

func lateCount(t *testing.T, s *subject) {
	l, known := s.ledger(), ledger.Pool{LocationID: s.location()}
	s.count(t, l, tally(5, 20, ledger.LevelEnough))
	stock, err := l.Counted(t.Context(), known, command.Standard, tally(4, 2, ledger.LevelLow))
	must(t, err)
	if stock.Counts.Free != 20 || stock.Low != nil {
		t.Errorf("an older count stands: %+v", stock)
	}
	other, err := l.Told(t.Context(), known, command.Standard, ledger.Crossing{Tally: tally(4, 2, ledger.LevelLow)})
	must(t, err)
	if other.Low != nil {
		t.Errorf("told of a crossing that is none: %+v", other)
	}
	_, err = l.Counted(t.Context(), known, command.Standard, tally(6, 2, ledger.LevelLow))
	must(t, err)
	late, err := l.Told(t.Context(), known, command.Standard, ledger.Crossing{Tally: tally(4, 2, ledger.LevelLow)})
	must(t, err)
	if late.Untold() == nil {
		t.Error("a late word of an older crossing silenced the latest")
	}
}

func announce(t *testing.T, s *subject) {
	l := s.ledger()
	first := ledger.Crossing{Tally: tally(1, 9, ledger.LevelLow)}.Notice(s.location(), command.Standard)
	other := ledger.Crossing{Tally: tally(1, 4, ledger.LevelLow)}.Notice(s.location(), command.Standard)
	must(t, l.Announce(t.Context(), first))
	must(t, l.Announce(t.Context(), other)) // the same crossing
	s.eventually(t, func() string {
		for n, err := range l.Notices(t.Context()) {
			must(t, err)
			if n.Event.ID != first.ID {
				continue
			}
			if p, err := n.Event.PoolLow(); err != nil || p.Free != 9 || !n.Expires.After(time.Now()) {
				t.Errorf("notice %+v, %v", n, err)
			}
			return ""
		}
		return "the notice is not listed"
	})
}
