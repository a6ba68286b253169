// Package checkpools counts what the locations have left, hour by hour, and tells
// when one runs low.
//
// For each location and licence that numbers were asked for, the order of things
// is, each arrow a point where a crash does no harm:
//
//	read the ledger's numbers -> list Webex's -> count written, and with it the
//	crossing of a threshold -> notice announced -> crossing told
//
// A crossing that was written and not told is told by the next check, under the
// same id. A pool that is low is no news again until it has had enough, which is a
// fifth more than the thresholds.
//
// A check also proves once an hour that the Webex token works, which renews it in
// time where nobody else calls Webex for weeks.
package checkpools

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/logattr"
	"dialtone/shared/numberpool"
	"dialtone/shared/webex"
)

// Config of a [Handler]. Ledger and Webex are required.
type Config struct {
	Ledger     *ledger.Ledger
	Webex      *webex.Client
	Thresholds numberpool.Thresholds // the zero value: low when nothing is left
	Logger     *slog.Logger          // nil: no log
}

// ReadThresholds reads POOL_LOW and POOL_LOW_DAYS; problems are left with the
// reader.
func ReadThresholds(r *env.Reader) numberpool.Thresholds {
	d := numberpool.DefaultThresholds()
	return numberpool.Thresholds{
		Free: r.IntOr("POOL_LOW", d.Free, 0, 100_000),
		Days: r.IntOr("POOL_LOW_DAYS", d.Days, 0, 3650),
	}
}

// Handler checks all pools. It is safe for concurrent use; checks at the same time
// tell of a crossing once.
type Handler struct {
	cfg Config
	log *slog.Logger
}

const (
	// turn is the longest that one location may take, and all of them when nothing
	// else bounds it.
	turn = 2 * time.Minute

	// closing is how long before the end no count is begun or goes on.
	closing = 5 * time.Second

	// lastWord is how long the ledger may then take to hear how it went.
	lastWord = 2 * time.Second
)

// New checks the configuration, all at once.
func New(cfg Config) (*Handler, error) {
	var problems []error
	refuse := func(wrong bool, problem string) {
		if wrong {
			problems = append(problems, errors.New(problem))
		}
	}
	refuse(cfg.Ledger == nil, "Ledger is missing")
	refuse(cfg.Webex == nil, "Webex is missing")
	refuse(cfg.Thresholds.Free < 0, "Thresholds.Free is negative")
	refuse(cfg.Thresholds.Days < 0, "Thresholds.Days is negative")
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("check-pools: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Handler{cfg: cfg, log: cfg.Logger}, nil
}

// Handle checks every pool that the ledger knows, those first that were not looked
// at for longest. It ends in time before the deadline of ctx: what is left then is
// first the next time. That Webex does not answer for a location is written down
// there. Neither that nor what the ledger cannot do for one location stops the
// others; the error is the ledger's.
func (h *Handler) Handle(ctx context.Context) error {
	begun := time.Now()
	until := begun.Add(turn)
	if end, limited := ctx.Deadline(); limited {
		until = end.Add(-closing)
	}
	working, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	pools, err := h.pools(working)
	if err != nil {
		return fmt.Errorf("check pools: %w", err)
	}
	var token proof
	var failed []error
	left := len(pools)
	for _, p := range pools {
		if working.Err() != nil {
			break
		}
		if err := h.check(working, p, &token); err != nil {
			failed = append(failed, fmt.Errorf("check pool %s: %w", p.LocationID, err))
			continue
		}
		left--
	}
	h.prove(working, &token)
	h.log.InfoContext(ctx, "pools checked", slog.Int("pools", len(pools)-left), slog.Int("left", left), slog.Duration("took", time.Since(begun)))
	return errors.Join(failed...)
}

// pools returns those of the ledger, in the order of their turn.
func (h *Handler) pools(ctx context.Context) ([]ledger.Pool, error) {
	var all []ledger.Pool
	for p, err := range h.cfg.Ledger.Pools(ctx) {
		if err != nil {
			return nil, err
		}
		if len(p.Stocks) == 0 { // known before licences were written down
			p.Stocks = map[command.LicenseType]ledger.Stock{command.Professional: {}}
		}
		all = append(all, p)
	}
	slices.SortStableFunc(all, func(a, b ledger.Pool) int { return tried(a).Compare(tried(b)) })
	return all, nil
}

// tried is when the pool was last looked at, for the licence whose turn is longest
// ago.
func tried(p ledger.Pool) time.Time {
	return slices.MinFunc(slices.Collect(maps.Values(p.Stocks)), byTurn).TriedAt
}

func byTurn(a, b ledger.Stock) int { return a.TriedAt.Compare(b.TriedAt) }

// check counts one location for each of its licences.
func (h *Handler) check(ctx context.Context, p ledger.Pool, token *proof) error {
	ctx, cancel := context.WithTimeout(ctx, turn)
	defer cancel()
	survey, err := numberpool.Take(time.Now().UTC(), h.cfg.Ledger.Numbers(ctx, p.LocationID))
	if err != nil && ctx.Err() == nil {
		return err
	}
	licenses := slices.SortedFunc(maps.Keys(p.Stocks), func(a, b command.LicenseType) int {
		return cmp.Or(byTurn(p.Stocks[a], p.Stocks[b]), cmp.Compare(a, b))
	})
	for _, license := range licenses {
		c := count{h: h, pool: p, license: license, log: h.log.With(logattr.Location(p.LocationID), slog.String("license", string(license)))}
		if err := c.run(ctx, survey, token); err != nil {
			return err
		}
	}
	return nil
}
