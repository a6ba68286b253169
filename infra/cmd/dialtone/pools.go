package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"dialtone/infra/deployment"
	"dialtone/shared/command"
	"dialtone/shared/explain"
	"dialtone/shared/ledger"
	"dialtone/shared/numberpool"
	"dialtone/shared/outcome"
	"dialtone/shared/vendors"
	"dialtone/shared/webex"
)

// poolsFlags are those of the pools command.
type poolsFlags struct {
	place    deployment.Place
	location string
	live     bool
	asJSON   bool
}

func (t *terminal) poolsCommand() *cobra.Command {
	var f poolsFlags
	c := &cobra.Command{
		Use:   "pools",
		Short: "Show what each location has left, and for how long",
		Long: "Show for each location and licence how many numbers are free, and for how long at the pace of\n" +
			"the last 30 days. Free numbers are those of the last hourly check, or of Webex's list now with\n" +
			"--live; all others are counted in the ledger now.",
		Example: "  dialtone pools\n  dialtone pools --stack dialtone --live --json",
		Args:    exactly(),
		RunE:    func(c *cobra.Command, _ []string) error { return t.pools(c.Context(), f) },
	}
	placeFlags(c, &f.place)
	jsonFlag(c, &f.asJSON)
	c.Flags().StringVar(&f.location, "location", "", "only this Webex location")
	c.Flags().BoolVar(&f.live, "live", false, "ask Webex now; nothing is written down")
	c.Flags().StringVar(&f.place.Config, "config", "", "with --data and --live: file of NAME=value settings that lead to the real Webex")
	return c
}

// poolView is how a location stands for a licence.
type poolView struct {
	LocationID  string              `json:"locationId"`
	LicenseType command.LicenseType `json:"licenseType"`
	Counts      outcome.PoolCounts  `json:"counts"` // free: as counted last; the others now
	DaysLeft    *float64            `json:"daysLeft,omitempty"`
	Level       ledger.Level        `json:"level,omitempty"` // empty: never counted
	LowSince    time.Time           `json:"lowSince,omitzero"`
	CountedAt   time.Time           `json:"countedAt,omitzero"`
	TriedAt     time.Time           `json:"triedAt,omitzero"`
	Problem     string              `json:"problem,omitempty"` // why the last count failed
}

func (t *terminal) pools(ctx context.Context, f poolsFlags) error {
	d, err := deployment.Look(ctx, f.place)
	if err != nil {
		return err
	}
	defer d.Close()
	var client *webex.Client
	if f.live {
		if client, err = connectWebex(d); err != nil {
			return err
		}
	}
	views, err := poolViews(ctx, d.Ledger, client, f.location)
	switch {
	case err != nil:
		return err
	case f.asJSON:
		err = printJSON(t.out, views)
	default:
		t.printPools(views)
	}
	if err == nil && len(views) == 0 && f.location != "" {
		return exitError{exitPartial, fmt.Errorf("location %s is not known here: no request named it", f.location)}
	}
	if n := unanswered(views); err == nil && f.live && n > 0 {
		return exitError{exitPartial, fmt.Errorf("%d of %d could not be counted now; see the problems above", n, len(views))}
	}
	return err
}

// connectWebex makes a client that takes as small a share of the rate as one
// function.
func connectWebex(d *deployment.Deployment) (*webex.Client, error) {
	s, err := d.Settings()
	if err != nil {
		return nil, err
	}
	return s.ConnectWebex(vendors.Surroundings{Ledger: d.Ledger, Secrets: s.Secrets, Processes: 4})
}

// poolViews looks at all locations, or one. client is nil if Webex is not to be
// asked.
func poolViews(ctx context.Context, l *ledger.Ledger, client *webex.Client, only string) ([]poolView, error) {
	views := []poolView{}
	for p, err := range l.Pools(ctx) {
		if err != nil {
			return nil, err
		}
		if only != "" && p.LocationID != only {
			continue
		}
		survey, err := numberpool.Take(time.Now().UTC(), l.Numbers(ctx, p.LocationID))
		if err != nil {
			return nil, err
		}
		for _, license := range slices.Sorted(maps.Keys(p.Stocks)) {
			v := viewOf(p, license, survey)
			if client != nil {
				v.count(ctx, p, survey, client)
			}
			views = append(views, v)
		}
	}
	return views, ctx.Err()
}

// viewOf is what the ledger says.
func viewOf(p ledger.Pool, license command.LicenseType, survey *numberpool.Survey) poolView {
	s := p.Stocks[license]
	v := poolView{
		LocationID: p.LocationID, LicenseType: license, Counts: survey.Counts, DaysLeft: s.DaysLeft, Level: s.Level,
		CountedAt: s.At, TriedAt: s.TriedAt, Problem: s.Problem,
	}
	v.Counts.Free = s.Counts.Free
	if s.Low != nil {
		v.LowSince = s.Low.At
	}
	return v
}

// count asks Webex, by the thresholds of the last check.
func (v *poolView) count(ctx context.Context, p ledger.Pool, survey *numberpool.Survey, client *webex.Client) {
	limits := numberpool.DefaultThresholds()
	if last := p.Stocks[v.LicenseType]; !last.At.IsZero() {
		limits = numberpool.Thresholds{Free: last.Threshold, Days: last.ThresholdDays}
	}
	v.TriedAt = survey.At
	stock, err := survey.Compare(client.AvailableNumberPages(ctx, webex.AvailableNumbersOptions{
		OrgID: p.OrgID, LocationID: p.LocationID, LicenseType: webex.LicenseType(v.LicenseType),
	}))
	if err != nil {
		f := explain.Error(err)
		v.Problem = f.Reason + ". " + f.Advice
		return
	}
	v.Counts, v.DaysLeft, v.Level, v.CountedAt, v.Problem = stock.Counts, stock.DaysLeft, limits.Level(stock), survey.At, ""
}

func unanswered(views []poolView) (n int) {
	for _, v := range views {
		if v.Problem != "" {
			n++
		}
	}
	return n
}

func (t *terminal) printPools(views []poolView) {
	if len(views) > 0 {
		tab := newTable(t.out, "location", "licence", "free", "reserved", "assigned", "quarantined", "parked", "days left", "state", "counted", "problem")
		for _, v := range views {
			c := v.Counts
			tab.AppendRow([]any{
				v.LocationID, shortLicense(v.LicenseType), v.free(), c.Reserved, c.Assigned, c.Quarantined, c.Parked,
				v.days(), v.state(), when(v.CountedAt), v.Problem,
			})
		}
		tab.Render()
	}
	low := 0
	for _, v := range views {
		if v.low() {
			low++
		}
	}
	t.say("%d pools, %d low", len(views), low)
}

// low reports whether the pool is low, or was and has not had enough since.
func (v poolView) low() bool { return v.Level == ledger.LevelLow || !v.LowSince.IsZero() }

// free is a number that was counted at some time, or a dash.
func (v poolView) free() any {
	if v.CountedAt.IsZero() {
		return "-"
	}
	return v.Counts.Free
}

func (v poolView) days() string {
	if v.DaysLeft == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f", *v.DaysLeft)
}

func (v poolView) state() string {
	switch {
	case !v.LowSince.IsZero():
		return "low since " + when(v.LowSince)
	case v.Level == ledger.LevelLow:
		return "low"
	case v.CountedAt.IsZero():
		return "not counted yet"
	}
	return "enough"
}

// shortLicense drops what both licences share.
func shortLicense(l command.LicenseType) string {
	const both = "Webex Calling "
	if len(l) > len(both) && l[:len(both)] == both {
		return string(l[len(both):])
	}
	return string(l)
}
