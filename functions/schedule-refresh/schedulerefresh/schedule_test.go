package schedulerefresh_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/events/schema/validate"
	"dialtone/functions/schedule-refresh/schedulerefresh"
	"dialtone/shared/command"
	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/ledger/sqlite"
	"dialtone/shared/sipaddr"
	"dialtone/shared/sqlitefile"
	"dialtone/shared/sqsqueue"
)

// site is a number of users, with the rate that is to them what the default is to
// 100,000.
type site struct{ users, rate, hours int }

// TestDay keeps subscriptions alive for hours, with one run that does not happen,
// and later three in a row.
func TestDay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { day(t, newModel(), site{2000, 20, 4}) })
}

func TestInLedger(t *testing.T) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			day(t, inLedger{ledger.New(ledgertest.NewMemory(), ledger.Options{})}, site{150, 4, 2})
		})
	})
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			file, err := sqlitefile.Open(t.Context(), filepath.Join(t.TempDir(), "dialtone.db"), sqlitefile.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			store, err := sqlite.New(t.Context(), file)
			if err != nil {
				t.Fatal(err)
			}
			day(t, inLedger{ledger.New(store, ledger.Options{})}, site{25, 4, 2})
		})
	})
}

// day plays hours in three parts of the same length: all is well, one run is
// missed, three are.
func day(t *testing.T, r roster, s site) {
	w := newWorld(t, r, s.rate)
	w.enrol(s.users)
	part := s.hours * 12 / 3
	w.play(part)
	w.began = time.Now()
	w.forget()
	smooth(w, w.play(part), s)
	for _, missed := range []int{1, 3} {
		w.began = time.Now()
		w.forget()
		first := part / 4
		w.play(part, []int{first, first + 1, first + 2}[:missed]...)
		t.Logf("%d missed: late %s, silence %s, %d lapsed, peak %d in a minute", missed, w.late, w.silence, w.lapsed, w.peak(60))
		if allowed := s.rate*60 + command.MaxRefresh; w.peak(60) > allowed {
			t.Errorf("%d missed: %d users in a minute, the rate allows %d", missed, w.peak(60), allowed)
		}
		if most := time.Duration(missed)*5*time.Minute + 30*time.Second; w.late > most {
			t.Errorf("%d missed: %s late, want at most %s", missed, w.late, most)
		}
		switch {
		case missed == 1 && w.lapsed > 0:
			t.Errorf("one missed: %d lapsed, after %s", w.lapsed, w.silence)
		case missed == 3 && (w.lapsed == 0 || w.lapsed > s.users):
			t.Errorf("three missed: %d contacts after a lapse, of %d users", w.lapsed, s.users)
		}
	}
}

// smooth judges hours in which nothing went wrong.
func smooth(w *world, orders []int, s site) {
	w.t.Helper()
	w.t.Logf("orders a run %d to %d, late %s, early %s, silence %s", slices.Min(orders), slices.Max(orders), w.late, w.early, w.silence)
	if w.late > time.Second || w.early > 11*time.Second || w.lapsed > 0 || w.repeats > 0 {
		w.t.Errorf("late %s, early %s, %d lapsed, %d ordered again", w.late, w.early, w.lapsed, w.repeats)
	}
	if least, most := slices.Min(orders), slices.Max(orders); s.users >= 2000 && float64(most) > 1.15*float64(least) {
		w.t.Errorf("orders a run: %d to %d", least, most)
	}
}

// TestFullOrders wants few orders for few users, and full ones for many.
func TestFullOrders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newModel(), 0)
		w.enrol(950)
		if orders := w.play(1); orders[0] != 10 {
			t.Errorf("%d orders for 950 users", orders[0])
		}
	})
}

// A run that was made twice orders nobody twice; one who is enrolled between two
// runs is ordered by the next one.
func TestNobodyTwiceAndNobodyLeftOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newModel(), 0)
		w.enrol(250)
		w.run()
		w.run()
		if w.post.sent != 3 {
			t.Errorf("%d orders for 250 users", w.post.sent)
		}
		w.until(w.began.Add(time.Minute))
		w.roster.enrol(t, "late@contoso.test", time.Now())
		w.until(w.began.Add(5 * time.Minute))
		w.run()
		w.until(time.Now().Add(time.Second))
		if _, _, worked := w.roster.contact(t, "late@contoso.test", time.Now().Add(time.Hour)); worked {
			t.Error("who is enrolled behind the place of the last run is left out")
		}
	})
}

// TestLostOrders has orders disappear: their users are ordered again after ten
// minutes, twenty, and so on.
func TestLostOrders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newModel(), 0)
		var ordered []time.Duration
		w.work = func(sipaddr.User) bool {
			ordered = append(ordered, time.Since(w.began).Truncate(time.Minute))
			return false
		}
		w.enrol(1)
		w.play(12 * 4)
		want := []time.Duration{0, 10 * time.Minute, 20 * time.Minute, 40 * time.Minute, 80 * time.Minute, 160 * time.Minute}
		if !slices.Equal(ordered, want) {
			t.Errorf("ordered after %v, want %v", ordered, want)
		}
	})
}

// TestPartialFailure refuses one order of a batch: the run fails, and the next one
// goes on from there. No user is left out.
func TestPartialFailure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newModel(), 10_000)
		away := errors.New("out of reach")
		w.post.refuse = func(i int) error {
			if i == 13 {
				return away
			}
			return nil
		}
		w.enrol(3000)
		if err := w.h.Handle(t.Context()); !errors.Is(err, away) {
			t.Fatalf("got %v", err)
		}
		if w.post.sent != 20 {
			t.Errorf("%d orders sent", w.post.sent)
		}
		w.run()
		if w.post.sent != 20+17 {
			t.Errorf("%d orders sent, want those from the refused one on again", w.post.sent)
		}
		w.until(time.Now().Add(time.Minute))
		if len(w.contacts) == 0 || w.peak(60) != 3000 {
			t.Errorf("%d users contacted", w.peak(60))
		}
	})
}

// An order that the queue will never take stops nobody else; its users are
// ordered again, in other company, when they are overdue.
func TestRefusedOrder(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newModel(), 10_000)
		w.post.refuse = func(i int) error {
			if i == 1 {
				return &sqsqueue.EntryError{Code: "InvalidMessageContents", SenderFault: true}
			}
			return nil
		}
		w.enrol(500)
		w.play(1)
		if w.peak(300) != 400 {
			t.Errorf("%d users contacted", w.peak(300))
		}
		w.play(3)
		for i := range 500 {
			if c := w.roster.(*model).users[user(i)]; c.Alive.IsZero() {
				t.Errorf("%s is never contacted", c.User)
			}
		}
	})
}

// TestStopsInTime has calls so slow that a run cannot end: each goes on where the
// one before stopped, and none overruns.
func TestStopsInTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newModel(), 100_000)
		w.post.slow = 7 * time.Second
		w.enrol(5000) // 5 calls
		for run, want := range []int{20, 40, 50} {
			ctx, cancel := context.WithTimeout(t.Context(), 25*time.Second)
			if err := w.h.Handle(ctx); err != nil || ctx.Err() != nil {
				t.Errorf("run %d: %v, %v", run, err, ctx.Err())
			}
			cancel()
			if w.post.sent != want {
				t.Errorf("run %d: %d orders sent, want %d", run, w.post.sent, want)
			}
		}
	})
}

// TestTooMany has more due than the rate allows until the next run: that is how
// much a run hands out.
func TestTooMany(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, newModel(), 10)
		w.enrol(10_000)
		for run := range 3 {
			w.run()
			w.run() // at once again: there is no room left
			if most := (run+1)*30 + 2; w.post.sent > most || w.post.sent < most-3 {
				t.Errorf("run %d: %d orders sent", run, w.post.sent)
			}
			w.until(w.began.Add(time.Duration(run+1) * 5 * time.Minute))
		}
		if w.peak(60) > 700 {
			t.Errorf("%d users in a minute", w.peak(60))
		}
	})
}

// TestRunsAtTheSameTime lets two runs begin at the same place: one goes on.
func TestRunsAtTheSameTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, inLedger{ledger.New(ledgertest.NewMemory(), ledger.Options{})}, 100_000)
		w.enrol(2500)
		w.post.slow = time.Second
		other := &post{t: t, slow: 1500 * time.Millisecond}
		h := w.handler(other, 100_000)
		ended := make(chan error)
		go func() { ended <- h.Handle(t.Context()) }()
		w.run()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if w.post.sent != 25 || other.sent != 10 {
			t.Errorf("the runs sent %d and %d orders", w.post.sent, other.sent)
		}
	})
}

// mortal is a ledger whose process dies at one of its calls, before or after it
// took effect.
type mortal struct {
	roster
	dies, calls int
	afterward   bool
}

var errDead = errors.New("the process is dead")

func (m *mortal) SaveSweep(ctx context.Context, known, next ledger.Sweep) (ledger.Sweep, error) {
	m.calls++
	if m.calls > m.dies || m.calls == m.dies && !m.afterward {
		return ledger.Sweep{}, errDead
	}
	saved, err := m.roster.SaveSweep(ctx, known, next)
	if m.calls == m.dies {
		return ledger.Sweep{}, errDead
	}
	return saved, err
}

// TestCrash lets a run die at each of its writes: the next one leaves nobody out.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, afterward := range []bool{false, true} {
		for dies := 1; dies <= 4; dies++ {
			t.Run(fmt.Sprint(dies, afterward), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					l := newModel()
					w := newWorld(t, l, 100_000)
					w.enrol(2500)
					w.roster = &mortal{roster: l, dies: dies, afterward: afterward}
					if err := w.handler(w.post, 100_000).Handle(t.Context()); !errors.Is(err, errDead) {
						t.Fatalf("got %v", err)
					}
					w.roster = l
					w.run()
					w.until(time.Now().Add(time.Minute))
					if w.peak(60) != 2500 || w.repeats > 1000 {
						t.Errorf("%d users contacted, %d ordered again", w.peak(60), w.repeats)
					}
				})
			})
		}
	}
}

// TestOrders reads the messages as the receiver does.
func TestOrders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r, seen := newModel(), map[command.Key]bool{}
		var first, users int
		q := queueFunc(func(messages []sqsqueue.Message) {
			for _, m := range messages {
				if problems := validate.Command([]byte(m.Body)); problems != nil {
					t.Errorf("%v: %s", problems, m.Body)
				}
				c, err := command.Decode([]byte(m.Body))
				if err != nil {
					t.Fatal(err)
				}
				data := c.Data.(command.RefreshContacts)
				users += len(data.Users)
				if c.Key.Source != schedulerefresh.Source || len(c.Key.ID) != len("2026-11-22T09:05:00Z/0123456789abcdef") || m.Group != "" || m.DedupID != "" {
					t.Errorf("message %+v", m)
				}
				seen[c.Key] = true
				first++
			}
		})
		w := newWorld(t, r, 0)
		w.enrol(1234)
		h := w.handler(q, 0)
		for range 2 { // the same run twice sends the same requests
			r.sweep = ledger.Sweep{}
			if err := h.Handle(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if users != 2*1234 || first != 26 || len(seen) != 13 {
			t.Errorf("%d users in %d orders with %d keys", users, first, len(seen))
		}
	})
}

type queueFunc func([]sqsqueue.Message)

func (f queueFunc) Send(_ context.Context, messages ...sqsqueue.Message) []sqsqueue.Result {
	f(messages)
	return make([]sqsqueue.Result, len(messages))
}

// Nothing is written for a user, and nobody is read who is not due.
func TestWritesAreFew(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reads, writes := 0, 0
		store := ledgertest.Around(ledgertest.NewMemory(), func(c ledgertest.Call, do func() error) error {
			switch c.Op {
			case "put":
				writes++
			default:
				reads++
			}
			return do()
		})
		w := newWorld(t, inLedger{ledger.New(store, ledger.Options{})}, 0)
		w.enrol(1500)
		reads, writes = 0, 0
		w.run()
		if reads > ledger.ContactsShards+1 || writes > 3 {
			t.Errorf("%d reads and %d writes for 15 orders", reads, writes)
		}
		w.until(w.began.Add(5 * time.Minute))
	})
}

func TestConfigIsCheckedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := schedulerefresh.New(schedulerefresh.Config{Period: time.Hour, UsersPerSecond: -1, Patience: time.Second})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, field := range []string{"Ledger", "Queue", "Period", "UsersPerSecond", "Patience"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not name %s", err, field)
		}
	}
}

func TestReadRate(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]int{"": 500, "20": 20, "0": 0, "many": 0} {
		r := env.New(func(string) (string, bool) { return value, value != "" })
		got := schedulerefresh.ReadRate(r)
		if err := r.Err(); (err != nil) != (want == 0) || err == nil && got != want || err != nil && !strings.Contains(err.Error(), "CONTACTS_RATE:") {
			t.Errorf("%q: %d, %v", value, got, err)
		}
	}
}
