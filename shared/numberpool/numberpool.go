// Package numberpool says how many numbers a location has left, and for how long.
//
// What is free is known to nobody alone: Webex lists numbers as available that
// dialtone has given away, and dialtone knows nothing of those it has never
// touched ("Webex: Get Person Primary Available Phone Numbers"). A [Survey] is what the ledger holds of a location at one moment; its
// comparison with Webex's list for a licence is a [Stock].
//
// One number of the list costs one look-up, so a count costs as much as the list
// and the ledger's numbers of the location are long, and keeps the latter in
// memory.
package numberpool

import (
	"fmt"
	"iter"
	"slices"
	"time"

	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/webex"
)

// Window is the time before a survey whose assignments give the pace.
const Window = 30 * 24 * time.Hour

// Eligible returns the numbers of a list that a person may get by policy: no caller
// ID of a location, no service or mobile number, none that is out of service.
// They are in the order of the list.
func Eligible(list []webex.AvailableNumber) []e164.Number {
	may := make([]e164.Number, 0, len(list))
	for _, n := range list {
		if n.State == webex.Active && !n.MainNumber && !n.ServiceNumber && !n.Mobile {
			may = append(may, n.PhoneNumber)
		}
	}
	return may
}

// Survey is what the ledger knows of a location's numbers at one moment. It may be
// compared with several lists, also at once.
type Survey struct {
	At time.Time

	// Counts are the numbers that nobody else could claim at that time, by state,
	// whatever licence they fit. Free is zero: only Webex knows.
	Counts outcome.PoolCounts

	// Assigned is how many were assigned within the [Window], as far as the ledger
	// still knows: of a number that was given back and assigned again, the last time.
	Assigned int

	held map[e164.Number]time.Time // when it can be had again; zero: not foreseeable
}

// Take reads the numbers of one location, as [ledger.Ledger.Numbers] yields them.
func Take(at time.Time, numbers iter.Seq2[ledger.Number, error]) (*Survey, error) {
	s := &Survey{At: at, held: map[e164.Number]time.Time{}}
	for n, err := range numbers {
		if err != nil {
			return nil, fmt.Errorf("survey numbers: %w", err)
		}
		if s.recent(n) {
			s.Assigned++
		}
		if !n.FreeAt(at) {
			s.hold(n)
		}
	}
	return s, nil
}

// recent reports whether the number was assigned within the window.
func (s *Survey) recent(n ledger.Number) bool {
	assigned := n.AssignedAt
	if n.State == ledger.Assigned {
		assigned = n.Since
	}
	return assigned.After(s.At.Add(-Window))
}

func (s *Survey) hold(n ledger.Number) {
	var back time.Time
	switch n.State {
	case ledger.Reserved:
		s.Counts.Reserved++
	case ledger.Assigned:
		s.Counts.Assigned++
	case ledger.Quarantined:
		s.Counts.Quarantined++
		back = n.RestsUntil
	case ledger.Parked:
		s.Counts.Parked++
	}
	s.held[n.Number] = back
}

// Stock is what a location has for a licence.
type Stock struct {
	Counts outcome.PoolCounts // those of the survey, and the free numbers of the list

	// DaysLeft is when the free numbers will be used up, counted from the survey, if
	// numbers are assigned at the pace of the [Window] and those in quarantine that
	// fit the licence come back on their day. Nil: nothing was assigned in it.
	DaysLeft *float64
}

// Compare counts the numbers of Webex's list that could be handed out: those that
// are [Eligible], and that the ledger does not hold. The error is the list's.
func (s *Survey) Compare(list iter.Seq2[webex.AvailableNumbersPage, error]) (Stock, error) {
	stock := Stock{Counts: s.Counts}
	var returns []time.Duration
	for page, err := range list {
		if err != nil {
			return Stock{}, err
		}
		for _, n := range Eligible(page.Numbers) {
			back, held := s.held[n]
			switch {
			case !held:
				stock.Counts.Free++
			case !back.IsZero():
				returns = append(returns, back.Sub(s.At))
			}
		}
	}
	if days, known := daysLeft(stock.Counts.Free, s.Assigned, returns); known {
		stock.DaysLeft = &days
	}
	return stock, nil
}

// daysLeft is when a stock runs out from which as many are taken as were in the
// window, evenly, and to which one is added at each of the returns. known is false
// when nothing was taken.
func daysLeft(free, taken int, returns []time.Duration) (days float64, known bool) {
	if taken == 0 {
		return 0, false
	}
	const day = 24 * time.Hour
	each := float64(Window/day) / float64(taken) // days that one number lasts
	slices.Sort(returns)
	for _, r := range returns {
		if float64(r)/float64(day) > float64(free)*each {
			break
		}
		free++
	}
	return float64(free) * each, true
}

// Thresholds say when a pool runs low: at or below either.
type Thresholds struct {
	Free int // numbers that are free
	Days int // days that they last; zero: only when none is left
}

// DefaultThresholds are those of a deployment that sets none.
func DefaultThresholds() Thresholds { return Thresholds{Free: 10, Days: 14} }

// margin is by which share a pool must exceed its thresholds to be no longer low.
const margin = 0.2

// Level says how a stock stands to the thresholds. Without a forecast only the
// free numbers count.
func (t Thresholds) Level(s Stock) ledger.Level {
	below := func(share float64) bool {
		few := float64(s.Counts.Free) <= float64(t.Free)*share
		return few || s.DaysLeft != nil && *s.DaysLeft <= float64(t.Days)*share
	}
	switch {
	case below(1):
		return ledger.LevelLow
	case below(1 + margin):
		return ledger.LevelScant
	}
	return ledger.LevelEnough
}

// Tally is the count of a stock as the ledger keeps it.
func (t Thresholds) Tally(at time.Time, s Stock) ledger.Tally {
	return ledger.Tally{
		At: at, Counts: s.Counts, DaysLeft: s.DaysLeft, Level: t.Level(s), Threshold: t.Free, ThresholdDays: t.Days,
	}
}
