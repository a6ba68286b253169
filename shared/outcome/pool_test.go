package outcome_test

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/outcome"
)

func low(days float64) outcome.PoolLow {
	return outcome.PoolLow{
		LocationID: "L1", LicenseType: command.Standard, Free: 9, Threshold: 10,
		Counts:   outcome.PoolCounts{Free: 9, Reserved: 2, Assigned: 187, Quarantined: 4, Parked: 1},
		DaysLeft: &days, At: at,
	}
}

func TestPoolLowRoundTrip(t *testing.T) {
	in := low(0) // empty today is not the same as no forecast
	raw, err := json.Marshal(outcome.NewPoolLow(in))
	if err != nil {
		t.Fatal(err)
	}
	var e outcome.Event
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	got, err := e.PoolLow()
	if in.At = at.UTC(); err != nil || !reflect.DeepEqual(got, in) {
		t.Errorf("got %+v, %v; want %+v", got, err, in)
	}
	if e.Subject != "L1" || e.Source != outcome.Source || !e.Time.Equal(at) {
		t.Errorf("event %+v", e)
	}
	if _, err := e.Assigned(); err == nil {
		t.Error("a notice decoded as an answer")
	}
}

func TestPoolLowIDIsStablePerCrossing(t *testing.T) {
	first := outcome.NewPoolLow(low(4))
	for name, c := range map[string]struct {
		change func(*outcome.PoolLow)
		same   bool
	}{
		"other figures":           {func(p *outcome.PoolLow) { p.Free, p.Counts, p.DaysLeft = 3, outcome.PoolCounts{}, nil }, true},
		"stored to the second":    {func(p *outcome.PoolLow) { p.At = p.At.Add(400 * time.Millisecond) }, true},
		"another zone":            {func(p *outcome.PoolLow) { p.At = p.At.UTC() }, true},
		"the next crossing":       {func(p *outcome.PoolLow) { p.At = p.At.Add(time.Second) }, false},
		"another location":        {func(p *outcome.PoolLow) { p.LocationID = "L2" }, false},
		"another licence":         {func(p *outcome.PoolLow) { p.LicenseType = command.Professional }, false},
		"a location with a slash": {func(p *outcome.PoolLow) { p.LocationID = "L1/" + string(command.Standard) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			p := low(4)
			c.change(&p)
			if again := outcome.NewPoolLow(p); (again.ID == first.ID) != c.same {
				t.Errorf("%s and %s: same %t, want %t", first.ID, again.ID, !c.same, c.same)
			}
		})
	}
}

func TestPoolLowForecastIsANumberOrAbsent(t *testing.T) {
	for _, days := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if e := outcome.NewPoolLow(low(days)); strings.Contains(string(e.Data), "daysLeft") {
			t.Errorf("%v became %s", days, e.Data)
		}
	}
}
