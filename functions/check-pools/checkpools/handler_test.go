package checkpools_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/events/schema/validate"
	"dialtone/functions/check-pools/checkpools"
	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/numberpool"
	"dialtone/shared/outcome"
)

func TestCounts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, site("Home", "+1205", 30), site("Away", "+1206", 4))
	home, away := w.webex.Locations()[0].ID, w.webex.Locations()[1].ID
	n := w.people(home)
	w.claim(home, n[:5]...)
	for _, n := range n[1:5] {
		if _, err := w.ledger.Confirm(t.Context(), n, who); err != nil {
			t.Fatal(err)
		}
	}
	given, _, err := w.ledger.Number(t.Context(), n[4])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.ledger.Release(t.Context(), given, who, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.ledger.Park(t.Context(), n[5], home, who, "refused", time.Time{}); err != nil {
		t.Fatal(err)
	}
	w.check()
	s := w.stock(home)
	if want := (outcome.PoolCounts{Free: 24, Reserved: 1, Assigned: 3, Quarantined: 1, Parked: 1}); s.Counts != want || s.Problem != "" || s.Low != nil {
		t.Errorf("home %+v, want %+v", s, want)
	}
	// Four were assigned in 30 days, one of them rests: 25 last 187.5 days.
	if s.DaysLeft == nil || *s.DaysLeft != 187.5 {
		t.Errorf("days left %v", s.DaysLeft)
	}
	if s := w.stock(away); s.Counts.Free != 4 || s.Low == nil || s.DaysLeft != nil {
		t.Errorf("away %+v", s)
	}
	if got := w.notices(); len(got) != 1 || got[0].LocationID != away || got[0].Free != 4 || got[0].Threshold != 10 || got[0].LicenseType != command.Professional {
		t.Errorf("notices %+v", got)
	}
	if w.log.count("pool is low") != 1 || w.log.count("pool has numbers") != 1 || w.log.count("webex token works") != 1 {
		t.Errorf("log:\n%s", w.log.buf.String())
	}
}

// What is announced is what the schema promises.
func TestNoticeFitsItsSchema(t *testing.T) {
	t.Parallel()
	w := newWorld(t, site("Home", "+1205", 3))
	w.check()
	for n, err := range w.ledger.Notices(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		raw, err := json.Marshal(n.Event)
		if err != nil {
			t.Fatal(err)
		}
		if problems := validate.Notice(raw); len(problems) > 0 {
			t.Errorf("%s: %v", raw, problems)
		}
		return
	}
	t.Error("nothing was announced")
}

// A pool is news when it falls to the threshold, and not again before it has had
// enough.
func TestCrossingIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, site("Home", "+1205", 14))
		home := w.webex.Locations()[0].ID
		n := w.people(home)
		for i, step := range []struct {
			claim, unclaim int // so many of the first numbers
			told           int // since the beginning
		}{
			{0, 0, 0},
			{3, 0, 0}, // 11 free
			{4, 0, 1}, // 10
			{4, 0, 1},
			{9, 0, 1},
			{0, 7, 1}, // 12: not enough
			{9, 0, 1}, // low again, no news
			{0, 9, 1}, // 14
			{9, 0, 2},
		} {
			w.claim(home, n[:step.claim]...)
			w.unclaim(n[:step.unclaim]...)
			time.Sleep(time.Hour)
			w.check()
			if got := w.notices(); len(got) != step.told {
				t.Errorf("step %d: told of %d crossings, want %d; %+v", i, len(got), step.told, w.stock(home))
			}
		}
	})
}

// A process that dies at any of its writes leaves one notice of one crossing to
// the next one.
func TestCrash(t *testing.T) {
	t.Parallel()
	for _, afterward := range []bool{false, true} {
		for dies := 1; ; dies++ {
			w := newWorld(t, site("Home", "+1205", 5))
			home := w.webex.Locations()[0].ID
			process := &mortal{Store: w.store, dies: dies, afterward: afterward}
			err := w.handler(process).Handle(t.Context())
			if err == nil {
				if dies < 4 { // count, notice, told
					t.Errorf("only %d writes", dies-1)
				}
				break
			}
			if !errors.Is(err, errDead) {
				t.Fatal(err)
			}
			w.check()
			w.check()
			if got := w.notices(); len(got) != 1 || got[0].Free != 5 {
				t.Errorf("died at write %d (after it: %t): notices %+v", dies, afterward, got)
			}
			if s := w.stock(home); s.Low == nil || !s.Low.Told || s.Counts.Free != 5 {
				t.Errorf("died at write %d (after it: %t): %+v", dies, afterward, s)
			}
		}
	}
}

func TestChecksAtTheSameTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, site("Home", "+1205", 5), site("Away", "+1206", 5))
	var all sync.WaitGroup
	for range 8 {
		h := w.handler(w.store)
		all.Go(func() {
			if err := h.Handle(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := w.notices(); len(got) != 2 {
		t.Errorf("notices %+v", got)
	}
}

// A location that Webex does not answer for keeps its last figures, says why, and
// stops nobody else.
func TestOneFailureStopsNobody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, site("Home", "+1205", 30))
	home := w.webex.Locations()[0].ID
	w.open("aaa-gone", command.Professional)
	w.open("zzz-gone", command.Professional)
	w.check()
	if s := w.stock(home); s.Counts.Free != 30 {
		t.Errorf("home %+v", s)
	}
	for _, gone := range []string{"aaa-gone", "zzz-gone"} {
		if s := w.stock(gone); s.Problem == "" || s.TriedAt.IsZero() || !s.At.IsZero() {
			t.Errorf("%s: %+v", gone, s)
		}
	}
	if _, err := w.webex.Script().Add(simkit.Fault{Operation: "availableNumbers", Status: 403}); err != nil {
		t.Fatal(err)
	}
	w.check()
	if s := w.stock(home); s.Counts.Free != 30 || s.Problem == "" || !s.TriedAt.After(s.At) {
		t.Errorf("home, refused: %+v", s)
	}
	if w.log.count("pool not counted") != 5 || w.log.count("webex token works") != 2 {
		t.Errorf("log:\n%s", w.log.buf.String())
	}
}

// A check that runs out of time ends by itself, in the sixth location. The next one
// begins with those that had no turn; the sixth has its own in the third.
func TestEndsInTimeAndGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var sites []webexsim.Location
		for i := range 10 {
			sites = append(sites, webexsim.Location{Name: fmt.Sprint("Site ", i), Prefix: fmt.Sprint("+120", i), Numbers: 20})
		}
		w := worldOf(t, webexsim.Config{Locations: sites, MinLatency: 8 * time.Second, MaxLatency: 8 * time.Second})
		for run, want := range []int{5, 9, 10} {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
			if err := w.handler(w.store).Handle(ctx); err != nil || ctx.Err() != nil {
				t.Errorf("run %d: %v, %v", run, err, ctx.Err())
			}
			cancel()
			counted := 0
			for _, l := range w.webex.Locations() {
				if s := w.stock(l.ID); s.Counts.Free == 20 {
					counted++
				}
			}
			if counted != want {
				t.Errorf("run %d: %d locations counted, want %d", run, counted, want)
			}
			time.Sleep(time.Hour)
		}
	})
}

// Every licence that numbers were asked for with is counted. A pool from before
// licences were written down has the default one.
func TestLicences(t *testing.T) {
	t.Parallel()
	w := newWorld(t, site("Home", "+1205", 30))
	home := w.webex.Locations()[0].ID
	w.open(home, command.Standard)
	err := w.store.Put(t.Context(), ledger.Item{
		Key: ledger.Key{Kind: ledger.KindPool, ID: "old"}, Index: "pools", Sort: "old", Data: []byte(`{"locationId":"old","since":"2026-01-01T00:00:00Z"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	w.check()
	for license, s := range w.pool(home).Stocks {
		if s.Counts.Free != 30 {
			t.Errorf("%s: %+v", license, s)
		}
	}
	if n := len(w.pool(home).Stocks); n != 2 {
		t.Errorf("%d licences, want 2", n)
	}
	if old := w.pool("old"); old.Stocks[command.Professional].Problem == "" || old.Since.Year() != 2026 || old.Since.Month() != time.January {
		t.Errorf("the old pool: %+v", old)
	}
}

// The token is proven also where no number was asked for yet, and is not where
// Webex refuses it.
func TestToken(t *testing.T) {
	t.Parallel()
	w := worldOf(t, webexsim.Config{Locations: []webexsim.Location{}})
	w.check()
	if calls := w.webex.Calls(); w.log.count("webex token works") != 1 || calls["numbers"] != 1 {
		t.Errorf("calls %v, log:\n%s", calls, w.log.buf.String())
	}
	w.webex.ExpireAccessToken("")
	w.check()
	if w.log.count("webex token works") != 1 || w.log.count("webex token not proven") != 1 {
		t.Errorf("log:\n%s", w.log.buf.String())
	}
}

func TestLedgerOutOfReach(t *testing.T) {
	t.Parallel()
	w := newWorld(t, site("Home", "+1205", 30))
	err := w.handler(&mortal{Store: w.store}).Handle(t.Context())
	if !errors.Is(err, errDead) {
		t.Errorf("got %v", err)
	}
}

// What the ledger has of one location cannot be read: the other is counted, and
// the token is proven.
func TestOneUnreadableLocation(t *testing.T) {
	t.Parallel()
	for bad, good := range []int{1, 0} { // one of them is the first in turn
		w := newWorld(t, site("Home", "+1205", 30), site("Away", "+1206", 30))
		broken, whole := w.webex.Locations()[bad].ID, w.webex.Locations()[good].ID
		err := w.store.Put(t.Context(), ledger.Item{Key: ledger.Key{Kind: ledger.KindNumber, ID: "broken"}, Index: "location/" + broken, Data: []byte(`{"state":0}`)})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.handler(w.store).Handle(t.Context()); err == nil || !strings.Contains(err.Error(), broken) {
			t.Errorf("error %v", err)
		}
		if s := w.stock(whole); s.Counts.Free != 30 || w.log.count("webex token works") != 1 {
			t.Errorf("%+v, log:\n%s", s, w.log.buf.String())
		}
	}
}

func TestConfigIsCheckedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := checkpools.New(checkpools.Config{Thresholds: numberpool.Thresholds{Free: -1, Days: -1}})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, field := range []string{"Ledger", "Webex", "Thresholds.Free", "Thresholds.Days"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("%v does not name %s", err, field)
		}
	}
}

func TestThresholds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		vars map[string]string
		want numberpool.Thresholds
		bad  string
	}{
		{nil, numberpool.Thresholds{Free: 10, Days: 14}, ""},
		{map[string]string{"POOL_LOW": "0", "POOL_LOW_DAYS": "0"}, numberpool.Thresholds{}, ""},
		{map[string]string{"POOL_LOW": "25", "POOL_LOW_DAYS": "7"}, numberpool.Thresholds{Free: 25, Days: 7}, ""},
		{map[string]string{"POOL_LOW": "-1"}, numberpool.Thresholds{Days: 14}, "POOL_LOW"},
		{map[string]string{"POOL_LOW_DAYS": "a week"}, numberpool.Thresholds{Free: 10}, "POOL_LOW_DAYS"},
	} {
		r := env.New(func(name string) (string, bool) { v, found := c.vars[name]; return v, found })
		got, err := checkpools.ReadThresholds(r), r.Err()
		if got != c.want || (err != nil) != (c.bad != "") || err != nil && !strings.Contains(err.Error(), c.bad+":") {
			t.Errorf("%v: %+v, %v", c.vars, got, err)
		}
	}
}
