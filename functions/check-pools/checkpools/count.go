package checkpools

import (
	"context"
	"log/slog"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/explain"
	"dialtone/shared/ledger"
	"dialtone/shared/logattr"
	"dialtone/shared/numberpool"
	"dialtone/shared/webex"
)

// count is the count of one location for one licence.
type count struct {
	h       *Handler
	pool    ledger.Pool
	license command.LicenseType
	log     *slog.Logger
}

// run counts, writes down what was found or why nothing was, and tells of a
// crossing. survey is nil when there was no time for it. The error is the
// ledger's.
func (c count) run(ctx context.Context, survey *numberpool.Survey, token *proof) error {
	stock, err := c.compare(ctx, survey)
	if ctx.Err() == nil {
		token.add(err)
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWord)
	defer cancel()
	var kept ledger.Stock
	if err == nil {
		kept, err = c.h.cfg.Ledger.Counted(late, c.pool, c.license, c.h.cfg.Thresholds.Tally(survey.At, stock))
	} else {
		kept, err = c.missed(late, err)
	}
	if err != nil {
		return err
	}
	c.report(ctx, kept)
	return c.tell(late, kept)
}

// compare asks Webex for the list of the licence.
func (c count) compare(ctx context.Context, survey *numberpool.Survey) (numberpool.Stock, error) {
	if survey == nil {
		return numberpool.Stock{}, context.Cause(ctx)
	}
	return survey.Compare(c.h.cfg.Webex.AvailableNumberPages(ctx, webex.AvailableNumbersOptions{
		OrgID: c.pool.OrgID, LocationID: c.pool.LocationID, LicenseType: webex.LicenseType(c.license),
	}))
}

// missed writes down why there is no count. What was found before stands.
func (c count) missed(ctx context.Context, cause error) (ledger.Stock, error) {
	f := explain.Error(cause)
	c.log.WarnContext(ctx, "pool not counted", logattr.Class(f.Class), logattr.Error(cause), logattr.Advice(f))
	return c.h.cfg.Ledger.Uncounted(ctx, c.pool, c.license, time.Now(), f.Reason)
}

// report logs how the pool stands. An alarm counts the lines of those that are low.
func (c count) report(ctx context.Context, s ledger.Stock) {
	if s.At.IsZero() {
		return
	}
	attrs := []any{slog.Int("free", s.Counts.Free), slog.Time("counted", s.At)}
	if s.DaysLeft != nil {
		attrs = append(attrs, slog.Float64("days_left", *s.DaysLeft))
	}
	if s.Low == nil {
		c.log.InfoContext(ctx, "pool has numbers", attrs...)
		return
	}
	c.log.WarnContext(ctx, "pool is low", append(attrs, slog.Time("since", s.Low.At))...)
}

// tell announces a crossing that nobody was told of yet.
func (c count) tell(ctx context.Context, s ledger.Stock) error {
	news := s.Untold()
	if news == nil {
		return nil
	}
	if err := c.h.cfg.Ledger.Announce(ctx, news.Notice(c.pool.LocationID, c.license)); err != nil {
		return err
	}
	_, err := c.h.cfg.Ledger.Told(ctx, c.pool, c.license, *news)
	return err
}
