package numberpool_test

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/numberpool"
	"dialtone/shared/outcome"
	"dialtone/shared/webex"
)

const day = 24 * time.Hour

var at = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// number is the i-th of the location.
func number(i int) e164.Number { return e164.Number(fmt.Sprintf("+1205635%04d", i)) }

// list is Webex's, in pages of two.
func list(entries ...webex.AvailableNumber) iter.Seq2[webex.AvailableNumbersPage, error] {
	return func(yield func(webex.AvailableNumbersPage, error) bool) {
		for page := range slices.Chunk(entries, 2) {
			if !yield(webex.AvailableNumbersPage{Numbers: page}, nil) {
				return
			}
		}
	}
}

// listed are the first n numbers, all active.
func listed(n int) []webex.AvailableNumber {
	var all []webex.AvailableNumber
	for i := range n {
		all = append(all, webex.AvailableNumber{PhoneNumber: number(i), State: webex.Active})
	}
	return all
}

func known(numbers ...ledger.Number) iter.Seq2[ledger.Number, error] {
	return func(yield func(ledger.Number, error) bool) {
		for i, n := range numbers {
			if n.Number == "" {
				n.Number = number(i)
			}
			if !yield(n, nil) {
				return
			}
		}
	}
}

func assigned(ago time.Duration) ledger.Number {
	return ledger.Number{State: ledger.Assigned, Since: at.Add(-ago)}
}

func quarantined(assigned, back time.Duration) ledger.Number {
	n := ledger.Number{State: ledger.Quarantined, User: "ada@contoso.test", Since: at.Add(-day), RestsUntil: at.Add(back)}
	if assigned > 0 {
		n.AssignedAt = at.Add(-assigned)
	}
	return n
}

func TestCompare(t *testing.T) {
	t.Parallel()
	parked := func(until time.Time) ledger.Number { return ledger.Number{State: ledger.Parked, RestsUntil: until} }
	edit := func(f func(*webex.AvailableNumber)) []webex.AvailableNumber {
		all := listed(2)
		f(&all[0])
		return all
	}
	for name, c := range map[string]struct {
		listed []webex.AvailableNumber
		known  []ledger.Number
		want   outcome.PoolCounts
		days   float64 // below zero: no forecast
	}{
		"nothing at all":         {nil, nil, outcome.PoolCounts{}, -1},
		"never touched":          {listed(5), nil, outcome.PoolCounts{Free: 5}, -1},
		"free again":             {listed(2), []ledger.Number{{State: ledger.Free}}, outcome.PoolCounts{Free: 2}, -1},
		"reserved":               {listed(2), []ledger.Number{{State: ledger.Reserved, Since: at}}, outcome.PoolCounts{Free: 1, Reserved: 1}, -1},
		"assigned, still listed": {listed(3), []ledger.Number{assigned(day)}, outcome.PoolCounts{Free: 2, Assigned: 1}, 60},
		"assigned, not listed":   {listed(1), []ledger.Number{{Number: number(9), State: ledger.Assigned, Since: at}}, outcome.PoolCounts{Free: 1, Assigned: 1}, 30},
		"assigned long ago":      {listed(3), []ledger.Number{assigned(31 * day)}, outcome.PoolCounts{Free: 2, Assigned: 1}, -1},
		"none left":              {listed(1), []ledger.Number{assigned(day)}, outcome.PoolCounts{Assigned: 1}, 0},
		"rests":                  {listed(2), []ledger.Number{quarantined(0, day)}, outcome.PoolCounts{Free: 1, Quarantined: 1}, -1},
		"rests, was assigned in the window": {
			listed(2), []ledger.Number{quarantined(2*day, 20*day)}, outcome.PoolCounts{Free: 1, Quarantined: 1}, 60,
		},
		"rests, back too late": {
			listed(2), []ledger.Number{quarantined(2*day, 31*day)}, outcome.PoolCounts{Free: 1, Quarantined: 1}, 30,
		},
		"rests, not for this licence": {
			listed(1), []ledger.Number{assigned(day), {
				Number: number(9), State: ledger.Quarantined, User: "ada@contoso.test", RestsUntil: at.Add(time.Hour),
			}}, outcome.PoolCounts{Assigned: 1, Quarantined: 1}, 0,
		},
		"rested":             {listed(2), []ledger.Number{quarantined(0, 0)}, outcome.PoolCounts{Free: 2}, -1},
		"parked for good":    {listed(2), []ledger.Number{parked(time.Time{})}, outcome.PoolCounts{Free: 1, Parked: 1}, -1},
		"parked for a time":  {listed(2), []ledger.Number{parked(at.Add(time.Hour))}, outcome.PoolCounts{Free: 1, Parked: 1}, -1},
		"parked until now":   {listed(2), []ledger.Number{parked(at)}, outcome.PoolCounts{Free: 2}, -1},
		"main number":        {edit(func(n *webex.AvailableNumber) { n.MainNumber = true }), nil, outcome.PoolCounts{Free: 1}, -1},
		"service number":     {edit(func(n *webex.AvailableNumber) { n.ServiceNumber = true }), nil, outcome.PoolCounts{Free: 1}, -1},
		"mobile number":      {edit(func(n *webex.AvailableNumber) { n.Mobile = true }), nil, outcome.PoolCounts{Free: 1}, -1},
		"out of service":     {edit(func(n *webex.AvailableNumber) { n.State = webex.Inactive }), nil, outcome.PoolCounts{Free: 1}, -1},
		"state nobody knows": {edit(func(n *webex.AvailableNumber) { n.State = "SLEEPING" }), nil, outcome.PoolCounts{Free: 1}, -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			survey, err := numberpool.Take(at, known(c.known...))
			if err != nil {
				t.Fatal(err)
			}
			got, err := survey.Compare(list(c.listed...))
			if err != nil || got.Counts != c.want {
				t.Errorf("counts %+v, %v; want %+v", got.Counts, err, c.want)
			}
			if days := forecast(got); math.Abs(days-c.days) > 1e-9 {
				t.Errorf("days left %v, want %v", days, c.days)
			}
		})
	}
}

func forecast(s numberpool.Stock) float64 {
	if s.DaysLeft == nil {
		return -1
	}
	return *s.DaysLeft
}

// A list that breaks off is no count, and neither is a ledger that does.
func TestErrors(t *testing.T) {
	t.Parallel()
	gone := errors.New("gone")
	if _, err := numberpool.Take(at, func(yield func(ledger.Number, error) bool) { yield(ledger.Number{}, gone) }); !errors.Is(err, gone) {
		t.Errorf("survey: %v", err)
	}
	survey, err := numberpool.Take(at, known())
	if err != nil {
		t.Fatal(err)
	}
	stock, err := survey.Compare(func(yield func(webex.AvailableNumbersPage, error) bool) {
		_ = yield(webex.AvailableNumbersPage{Numbers: listed(3)}, nil) && yield(webex.AvailableNumbersPage{}, gone)
	})
	if !errors.Is(err, gone) || stock.Counts.Free != 0 {
		t.Errorf("stock %+v, %v", stock, err)
	}
}

func TestLevel(t *testing.T) {
	t.Parallel()
	days := func(d float64) *float64 { return &d }
	limits := numberpool.Thresholds{Free: 10, Days: 14}
	for _, c := range []struct {
		limits numberpool.Thresholds
		free   int
		days   *float64
		want   ledger.Level
	}{
		{limits, 0, nil, ledger.LevelLow},
		{limits, 10, nil, ledger.LevelLow},
		{limits, 11, nil, ledger.LevelScant},
		{limits, 12, nil, ledger.LevelScant},
		{limits, 13, nil, ledger.LevelEnough},
		{limits, 500, days(14), ledger.LevelLow},
		{limits, 500, days(14.1), ledger.LevelScant},
		{limits, 500, days(16.9), ledger.LevelEnough},
		{limits, 10, days(300), ledger.LevelLow},
		{limits, 11, days(16), ledger.LevelScant},
		{numberpool.Thresholds{}, 0, nil, ledger.LevelLow},
		{numberpool.Thresholds{}, 1, days(1), ledger.LevelEnough},
	} {
		s := numberpool.Stock{Counts: outcome.PoolCounts{Free: c.free}, DaysLeft: c.days}
		if got := c.limits.Level(s); got != c.want {
			t.Errorf("%+v of %+v: %s, want %s", c.limits, s, got, c.want)
		}
	}
}

// The forecast is what happens if numbers are taken one by one at the pace of the
// window: a slow walk through the days comes to the same day.
func TestForecastIsAWalk(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		free := rapid.IntRange(0, 40).Draw(t, "free")
		pace := rapid.IntRange(1, 90).Draw(t, "assigned in 30 days")
		backs := rapid.SliceOfN(rapid.IntRange(1, 40*24), 0, 20).Draw(t, "hours until a return")
		var numbers []ledger.Number
		for i, h := range backs {
			n := quarantined(0, time.Duration(h)*time.Hour)
			n.Number = number(free + i)
			numbers = append(numbers, n)
		}
		for i := range pace {
			n := assigned(time.Hour)
			n.Number = number(5000 + i)
			numbers = append(numbers, n)
		}
		survey, err := numberpool.Take(at, known(numbers...))
		if err != nil {
			t.Fatal(err)
		}
		stock, err := survey.Compare(list(listed(free + len(backs))...))
		if err != nil || stock.Counts.Free != free || survey.Assigned != pace {
			t.Fatalf("stock %+v, assigned %d, %v", stock, survey.Assigned, err)
		}
		if got, want := forecast(stock), walk(free, pace, backs); math.Abs(got-want) > 1e-6 {
			t.Errorf("forecast %v, walked %v", got, want)
		}
	})
}

// walk takes numbers from a stock, each when the one before is used up, and adds
// what has come back by then. It returns the day on which none is left.
func walk(free, pace int, backs []int) float64 {
	slices.Sort(backs)
	for taken := 0; ; taken++ {
		for len(backs) > 0 && float64(backs[0])/24 <= float64(taken)*30/float64(pace) {
			free, backs = free+1, backs[1:]
		}
		if taken == free {
			return float64(taken) * 30 / float64(pace)
		}
	}
}

func ExampleSurvey_Compare() {
	survey, err := numberpool.Take(at, known(assigned(day)))
	if err != nil {
		fmt.Println(err)
		return
	}
	stock, err := survey.Compare(list(listed(21)...))
	fmt.Printf("%d free, for %.0f days, %v\n", stock.Counts.Free, *stock.DaysLeft, err)
	fmt.Println(numberpool.Thresholds{Free: 10, Days: 14}.Level(stock))
	// Output:
	// 20 free, for 600 days, <nil>
	// enough
}
