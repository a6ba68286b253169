package ledger

import (
	"context"
	"iter"
	"maps"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/outcome"
)

// Pool is a location whose numbers the ledger keeps.
type Pool struct {
	LocationID string    `json:"locationId"`
	OrgID      string    `json:"orgId,omitempty"` // as the first request gave it; "": that of the Webex token
	Since      time.Time `json:"since"`

	// Stocks has the licences that numbers were asked for with, each with what was
	// found when its numbers were last counted.
	Stocks map[command.LicenseType]Stock `json:"stocks,omitempty"`
}

// Stock is how the numbers of a pool that fit a licence stood when they were last
// counted. The zero value was never counted.
type Stock struct {
	Tally
	TriedAt time.Time `json:"triedAt,omitzero"`  // of the last count, failed or not
	Problem string    `json:"problem,omitempty"` // why the last count failed; "": it did not
	Low     *Crossing `json:"low,omitempty"`     // nil: not low
}

// Tally is one count of the numbers of a pool that fit a licence.
type Tally struct {
	At       time.Time          `json:"at,omitzero"`
	Counts   outcome.PoolCounts `json:"counts,omitzero"`
	DaysLeft *float64           `json:"daysLeft,omitempty"` // at the pace of the last 30 days; nil: nothing was assigned in them
	Level    Level              `json:"level,omitempty"`

	// What the level was found with: free numbers, and days that they last.
	Threshold     int `json:"threshold"`
	ThresholdDays int `json:"thresholdDays"`
}

// Level is how a count stands to the thresholds of a pool. There is a step between
// low and enough, so that a pool that sways about its threshold is not news each
// time.
type Level string

// The levels.
const (
	LevelLow    Level = "low"
	LevelScant  Level = "scant" // not low, but a pool that is low stays so
	LevelEnough Level = "enough"
)

// Crossing is the fall of a pool to its threshold. What was found then is kept, so
// that the notice of it says the same whoever makes it.
type Crossing struct {
	Tally
	Told bool `json:"told,omitempty"` // the notice was announced
}

// Notice is the event that tells of the crossing.
func (c Crossing) Notice(locationID string, license command.LicenseType) outcome.Event {
	return outcome.NewPoolLow(outcome.PoolLow{
		LocationID: locationID, LicenseType: license, Free: c.Counts.Free, Threshold: c.Threshold,
		Counts: c.Counts, DaysLeft: c.DaysLeft, At: c.At,
	})
}

func poolKey(locationID string) Key { return Key{KindPool, locationID} }

func (p Pool) item() Item {
	return Item{Key: poolKey(p.LocationID), Index: "pools", Sort: p.LocationID}
}

// OpenPool makes a location known to [Ledger.Pools], and that numbers for the
// licence are asked for there. Opening it again is free of harm.
func (l *Ledger) OpenPool(ctx context.Context, locationID, orgID string, license command.LicenseType) error {
	_, err := change(ctx, l, poolKey(locationID), record[Pool]{}, func(p Pool) (Pool, error) {
		return p.opened(locationID, orgID, license, time.Now().UTC())
	})
	return err
}

// Pools yields the locations whose numbers the ledger keeps, ascending.
func (l *Ledger) Pools(ctx context.Context) iter.Seq2[Pool, error] {
	return list[Pool](ctx, l, "pools", "", "")
}

// Counted writes a count down. The pool is low from the first count that is
// [LevelLow] until one is [LevelEnough], and until somebody was told. What stands
// then is returned: if it has a crossing that nobody was told of, announce its
// notice, and say so with [Ledger.Told]. A count that is older than the one that
// stands changes nothing.
func (l *Ledger) Counted(ctx context.Context, known Pool, license command.LicenseType, t Tally) (Stock, error) {
	t.At = wall(t.At)
	return l.stock(ctx, known, license, func(s Stock) (Stock, error) { return s.counted(t) })
}

// Uncounted writes down that a count failed, and why.
func (l *Ledger) Uncounted(ctx context.Context, known Pool, license command.LicenseType, at time.Time, problem string) (Stock, error) {
	return l.stock(ctx, known, license, func(s Stock) (Stock, error) {
		s.TriedAt, s.Problem = wall(at), problem
		return s, nil
	})
}

// Told writes down that the notice of a crossing was announced. One that is not
// the latest stays as it is.
func (l *Ledger) Told(ctx context.Context, known Pool, license command.LicenseType, c Crossing) (Stock, error) {
	return l.stock(ctx, known, license, func(s Stock) (Stock, error) {
		if s.Low == nil || s.Low.Told || !s.Low.At.Equal(c.At) {
			return s, errUnchanged
		}
		told := *s.Low
		told.Told = true
		s.Low = &told
		return s, nil
	})
}

// stock moves one stock of a pool.
func (l *Ledger) stock(ctx context.Context, known Pool, license command.LicenseType, step func(Stock) (Stock, error)) (Stock, error) {
	r, err := change(ctx, l, poolKey(known.LocationID), record[Pool]{}, func(p Pool) (Pool, error) {
		if p.LocationID == "" {
			p = Pool{LocationID: known.LocationID, OrgID: known.OrgID, Since: known.Since}
		}
		next, err := step(p.Stocks[license])
		if err != nil {
			return p, err
		}
		return p.with(license, next), nil
	})
	return r.state.Stocks[license], err
}

func (p Pool) opened(locationID, orgID string, license command.LicenseType, now time.Time) (Pool, error) {
	if p.LocationID == "" {
		p = Pool{LocationID: locationID, OrgID: orgID, Since: now}
	}
	if _, known := p.Stocks[license]; known {
		return p, errUnchanged
	}
	return p.with(license, Stock{}), nil
}

func (p Pool) with(license command.LicenseType, s Stock) Pool {
	p.Stocks = maps.Clone(p.Stocks)
	if p.Stocks == nil {
		p.Stocks = map[command.LicenseType]Stock{}
	}
	p.Stocks[license] = s
	return p
}

func (s Stock) counted(t Tally) (Stock, error) {
	if t.At.Before(s.At) {
		return s, errUnchanged
	}
	s.Tally, s.TriedAt, s.Problem = t, t.At, ""
	switch {
	case t.Level == LevelLow && s.Low == nil:
		s.Low = &Crossing{Tally: t}
	case t.Level == LevelEnough && s.Low != nil && s.Low.Told:
		s.Low = nil
	}
	return s, nil
}

// Untold returns the crossing that nobody was told of yet, nil if there is none.
func (s Stock) Untold() *Crossing {
	if s.Low == nil || s.Low.Told {
		return nil
	}
	return s.Low
}

// FreeAt reports whether anybody could claim the number at that time.
func (n Number) FreeAt(t time.Time) bool { return n.claimable(Holder{}, t) }
