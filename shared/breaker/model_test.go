package breaker_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"dialtone/shared/breaker"
	"dialtone/shared/failure"
	"dialtone/shared/ledger/ledgertest"
)

// model is one host as processes with a common ledger must treat it.
type model struct {
	v         *vendor
	processes []*breaker.Transport

	down   bool
	fails  []int       // in a row, of each process
	free   []time.Time // when the process read that calls are free; zero: it does not believe so
	paused bool
	since  time.Time
	next   time.Time // when a probe is due
}

// TestModel: processes call one after the other, a vendor goes and comes back,
// time passes. Each call is let through or refused as the model says, and who is
// refused comes back between the next probe and a quarter of the wait later.
func TestModel(t *testing.T) {
	t.Parallel()
	step := rapid.Custom(func(r *rapid.T) step {
		return step{
			what:    rapid.SampledFrom([]string{"goes", "comes", "call", "calls", "calls", "moment", "time"}).Draw(r, "what"),
			process: rapid.IntRange(0, 2).Draw(r, "process"),
			moment:  time.Duration(rapid.Int64Range(0, int64(10*time.Second)).Draw(r, "moment")),
			time:    time.Duration(rapid.Int64Range(0, int64(10*time.Hour)).Draw(r, "time")),
		}
	})
	rapid.Check(t, func(r *rapid.T) {
		steps := rapid.SliceOfN(step, 30, 120).Draw(r, "steps")
		var problem error
		synctest.Test(t, func(t *testing.T) { problem = play(t, steps) })
		if problem != nil {
			r.Fatal(problem)
		}
	})
}

// step is one thing that happens.
type step struct {
	what         string
	process      int
	moment, time time.Duration
}

func play(t *testing.T, steps []step) error {
	m, store := &model{v: &vendor{}, fails: make([]int, 3), free: make([]time.Time, 3)}, ledgertest.NewMemory()
	for range 3 {
		m.processes = append(m.processes, process(t, m.v, store))
	}
	for i, s := range steps {
		calls := 0
		switch s.what {
		case "goes":
			m.down = true
			m.v.does(reset)
		case "comes":
			m.down = false
			m.v.does(nil)
		case "call":
			calls = 1
		case "calls":
			calls = 6
		case "moment":
			time.Sleep(s.moment)
		case "time":
			time.Sleep(s.time)
		}
		for range calls {
			if err := m.call(t, s.process); err != nil {
				return fmt.Errorf("step %d: %w", i, err)
			}
		}
	}
	return nil
}

func (m *model) call(t *testing.T, p int) error {
	now := time.Now()
	believes := !m.free[p].IsZero() && now.Before(m.free[p].Add(5*time.Second))
	paused := m.paused && !believes
	refused := call(t.Context(), m.processes[p], home)
	if asked := m.v.asked(); asked > 1 || (asked == 0) != (refused != nil) {
		return fmt.Errorf("%d calls, refused with %v", asked, refused)
	}
	switch {
	case paused && now.Before(m.next):
		m.free[p] = time.Time{}
		return back(refused, m.next.Sub(now))
	case refused != nil:
		return fmt.Errorf("let nobody through: %w", refused)
	case paused:
		m.probed(p, now)
	default:
		if !believes {
			m.free[p] = now
		}
		m.counted(p, now)
	}
	return nil
}

func back(refused *failure.Error, left time.Duration) error {
	if refused == nil {
		return fmt.Errorf("called %s before a probe is due", left)
	}
	if left = max(left, time.Second); refused.RetryAfter < left || refused.RetryAfter > left+left/4 {
		return fmt.Errorf("back in %s, a probe is due in %s", refused.RetryAfter, left)
	}
	return nil
}

func (m *model) probed(p int, now time.Time) {
	if m.down {
		every := min(max(now.Sub(m.since)/4, 5*time.Second), 40*time.Minute)
		m.next, m.free[p] = now.Add(every*4/5), time.Time{}
		return
	}
	m.paused, m.free[p] = false, now
	clear(m.fails)
}

func (m *model) counted(p int, now time.Time) {
	if !m.down {
		m.fails[p] = 0
		return
	}
	m.free[p] = time.Time{}
	if m.fails[p]++; m.fails[p] == 5 {
		m.paused, m.since, m.next = true, now, now.Add(4*time.Second)
		clear(m.fails)
	}
}
