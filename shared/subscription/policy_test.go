package subscription_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dialtone/shared/subscription"
)

func TestDue(t *testing.T) {
	t.Parallel()
	var standard subscription.Policy
	for _, c := range []struct {
		what             string
		policy           subscription.Policy
		lifetime         time.Duration
		earliest, latest time.Duration
	}{
		{"the channel rule counts", standard, 30 * minute, 6 * minute, 8 * minute},
		{"and not the new 60", standard, 60 * minute, 6 * minute, 8 * minute},
		{"a short life counts", standard, 10 * minute, minute, 3 * minute},
		{"too short for the window", standard, 8 * minute, 0, minute},
		{"too short at all", standard, 5 * minute, 0, 0},
		{"no miss is borne", subscription.Policy{Misses: -1}, 30 * minute, 11 * minute, 13 * minute},
		{"two misses of a quicker run", subscription.Policy{Run: minute, Misses: 2}, 30 * minute, 9 * minute, 11 * minute},
	} {
		if e, l := c.policy.Due(c.lifetime); e != c.earliest || l != c.latest {
			t.Errorf("%s: %s to %s, want %s to %s", c.what, e, l, c.earliest, c.latest)
		}
	}
}

func TestMissed(t *testing.T) {
	t.Parallel()
	var p subscription.Policy
	for _, c := range []struct {
		runs     int
		lifetime time.Duration
		want     subscription.Loss
	}{
		{0, 30 * minute, subscription.Loss{Silence: 10 * minute}},
		{1, 30 * minute, subscription.Loss{Silence: 15 * minute}},
		{2, 30 * minute, subscription.Loss{Silence: 20 * minute, Application: true, Subscription: true}},
		{3, 30 * minute, subscription.Loss{Silence: 25 * minute, Application: true, Subscription: true}},
		{1, 10 * minute, subscription.Loss{Silence: 10 * minute}},
		{2, 10 * minute, subscription.Loss{Silence: 15 * minute, Subscription: true}},
		{-1, 30 * minute, subscription.Loss{Silence: 10 * minute}},
	} {
		if got := p.Missed(c.runs, c.lifetime); got != c.want {
			t.Errorf("%d runs of %s: %+v, want %+v", c.runs, c.lifetime, got, c.want)
		}
	}
}

func TestCheckReportsEverything(t *testing.T) {
	t.Parallel()
	if err := (subscription.Policy{}).Check(); err != nil {
		t.Errorf("the default: %v", err)
	}
	err := subscription.Policy{Run: -1, Margin: -1, Window: -1}.Check()
	for _, name := range []string{"Run", "Margin", "Window"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: does not name %s", err, name)
		}
	}
	if err := (subscription.Policy{Misses: 2}).Check(); err == nil || !strings.Contains(err.Error(), "12m0s of the 10m0s") {
		t.Errorf("no time is left: %v", err)
	}
}

// TestNothingLapses plays users with a schedule that misses as many runs in a
// row as the policy bears, whenever it likes, but no more.
func TestNothingLapses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		p := subscription.Policy{Run: 3 * minute, Misses: rapid.IntRange(1, 2).Draw(t, "misses")}
		d := time.Duration(rapid.IntRange(10, 60).Draw(t, "duration")) * minute
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		share := rapid.Float64Range(0, 1)
		contact, life := start, subscription.Planned(0, d)
		due := p.Next(contact, life, share.Draw(t, "share"))
		missed := 0
		for run := start; run.Before(start.Add(4 * time.Hour)); run = run.Add(p.Run) {
			if missed < p.Misses && rapid.Bool().Draw(t, "missed") {
				missed++
				continue
			}
			missed = 0
			for due.Before(run.Add(p.Run)) {
				at := due
				if at.Before(run) {
					at = run
				}
				at = at.Add(time.Duration(rapid.IntRange(0, 120).Draw(t, "delay")) * time.Second)
				if silent := at.Sub(contact); silent > subscription.End(life) {
					t.Fatalf("silent for %s with %s to live", silent, life)
				}
				life = subscription.Planned(life-at.Sub(contact), d)
				contact, due = at, p.Next(at, life, share.Draw(t, "share"))
			}
		}
	})
}

func TestNextKeepsToTheSpan(t *testing.T) {
	t.Parallel()
	var p subscription.Policy
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for share, want := range map[float64]time.Duration{-1: 6 * minute, 0: 6 * minute, 0.5: 7 * minute, 1: 8 * minute, 7: 8 * minute} {
		if got := p.Next(at, 30*minute, share).Sub(at); got != want {
			t.Errorf("share %v: %s, want %s", share, got, want)
		}
	}
}

// One missed run costs nothing, three cost the application.
func ExamplePolicy_Missed() {
	var p subscription.Policy
	fmt.Println(p.Due(subscription.Ceiling))
	fmt.Printf("%+v\n", p.Missed(1, subscription.Ceiling))
	fmt.Printf("%+v\n", p.Missed(3, subscription.Ceiling))
	// Output:
	// 6m0s 8m0s
	// {Silence:15m0s Application:false Subscription:false}
	// {Silence:25m0s Application:true Subscription:true}
}
