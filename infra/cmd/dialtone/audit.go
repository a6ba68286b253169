package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dialtone/infra/audit"
	"dialtone/infra/deployment"
	"dialtone/shared/vendors"
)

// auditFlags of the audit command.
type auditFlags struct {
	place                      deployment.Place
	location, fix, journal     string
	rate                       float64
	skipUCWA, allOwned         bool
	dry, resume, asJSON, asCSV bool
	kinds                      []audit.Kind // of fix
}

func (t *terminal) auditCommand() *cobra.Command {
	var f auditFlags
	c := &cobra.Command{
		Use:   "audit [--fix [KIND,...]]",
		Short: "Compare ledger, Webex and the users' phones, and repair what is safe to repair",
		Long: "Compare what the ledger says with Webex's inventory and with the phones that Skype for Business shows of\n" +
			"each user, and say where they drift apart, with what to do about it. Every user who has to do with a\n" +
			"number is signed in, " + "--rate users a second; --skip-ucwa compares with Webex alone.\n\n" +
			"Nothing is changed without --fix, which repairs what needs no decision: of all kinds, or of those named.\n" +
			"An audit that is interrupted goes on with --resume, and tells what it had found before as well.\n\n" +
			"Kinds: " + kindList() + ".\n\n" +
			"Exit status: 0 no drift, 3 drift was found, repaired or not, 1 the audit could not be finished.",
		Example: "  dialtone audit --stack dialtone --skip-ucwa\n  dialtone audit --stack dialtone --location Y2lzY29... --csv >drift.csv\n" +
			"  dialtone audit --config dialtone.env --fix=assigned-but-gone --dry-run",
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := f.check(args); err != nil {
				return exitError{exitUsage, err}
			}
			return t.audit(c.Context(), f)
		},
	}
	placeFlags(c, &f.place)
	c.Flags().StringVar(&f.place.Config, "config", "", "with --data: file of NAME=value settings that lead to real systems")
	c.Flags().StringVar(&f.location, "location", "", "only this Webex location")
	c.Flags().BoolVar(&f.skipUCWA, "skip-ucwa", false, "read no phones: nobody is signed in")
	c.Flags().BoolVar(&f.allOwned, "all-owned", false, "find numbers with an owner in Webex that dialtone never had, too")
	c.Flags().Float64Var(&f.rate, "rate", 2, "at most so many users a second are signed in")
	c.Flags().StringVar(&f.fix, "fix", "", "repair what is safe to repair: of all kinds, or of these, with commas between")
	c.Flags().Lookup("fix").NoOptDefVal = "all"
	c.Flags().BoolVar(&f.dry, "dry-run", false, "with --fix: say what would be repaired, and change nothing")
	c.Flags().BoolVar(&f.resume, "resume", false, "go on with an audit that was interrupted")
	c.Flags().StringVar(&f.journal, "journal", "", "file that an interrupted audit goes on from; empty: beside the data file, or in the cache folder")
	c.Flags().BoolVar(&f.asJSON, "json", false, "print JSON, an object a line")
	c.Flags().BoolVar(&f.asCSV, "csv", false, "print CSV")
	return c
}

func kindList() string {
	var names []string
	for _, k := range audit.Kinds() {
		names = append(names, string(k))
	}
	return strings.Join(names, ", ")
}

// check reads what the flags say together.
func (f *auditFlags) check(args []string) (err error) {
	if len(args) == 1 && f.fix == "all" {
		f.fix, args = args[0], nil // --fix KIND, without the equals sign
	}
	switch {
	case len(args) > 0:
		return fmt.Errorf("%q is too much: kinds go after --fix; see 'dialtone audit --help'", args[0])
	case f.dry && f.fix == "":
		return errors.New("--dry-run goes with --fix: without it nothing is changed anyway")
	case f.asJSON && f.asCSV:
		return errors.New("--json and --csv are two forms: give one of them")
	case f.rate <= 0:
		return fmt.Errorf("--rate is %g: give a number above 0", f.rate)
	case f.fix != "":
		if f.kinds, err = audit.ParseKinds(f.fix); err != nil {
			err = fmt.Errorf("--fix %w", err)
		}
	}
	return err
}

// audit runs from the beginning or from where the last one was interrupted.
func (t *terminal) audit(ctx context.Context, f auditFlags) error {
	d, err := deployment.Look(ctx, f.place)
	if err != nil {
		return err
	}
	defer d.Close()
	a, err := f.auditor(d)
	if err != nil {
		return err
	}
	j, err := t.auditJournal(f, d.Flags())
	if err != nil {
		return err
	}
	out, err := t.findings(f)
	if err != nil {
		return errors.Join(err, j.Close())
	}
	run := auditRun{t: t, journal: j, out: out, mender: audit.Mender{Ledger: d.Ledger, Queue: d, Kinds: f.kinds, DryRun: f.dry, Audit: j.Audit}}
	if err := run.all(ctx, a); err != nil {
		if closed := j.Close(); closed != nil {
			return errors.Join(err, closed)
		}
		t.say("%s so far; go on with\n  %s", count(len(j.Findings), "finding"), f.again(d.Flags()))
		if ctx.Err() != nil {
			return errors.New("the audit was interrupted")
		}
		return fmt.Errorf("the audit was not finished: %w", err)
	}
	if err := j.End(); err != nil {
		return err
	}
	return run.verdict()
}

// auditShare is the part of the deployment's Webex rate that an audit takes: one
// in four, so as not to stand in the way of those who work.
const auditShare = 4

func (f auditFlags) auditor(d *deployment.Deployment) (*audit.Auditor, error) {
	s, err := d.Settings()
	if err != nil {
		return nil, err
	}
	w := vendors.Surroundings{Ledger: d.Ledger, Secrets: s.Secrets, Processes: auditShare, Service: "dialtone audit"}
	cfg := audit.Config{Ledger: d.Ledger, LocationID: f.location, Rate: f.rate, AllOwned: f.allOwned}
	if f.skipUCWA {
		cfg.Webex, err = s.ConnectWebex(w)
	} else {
		var c vendors.Clients
		c, err = s.Connect(w)
		cfg.Webex, cfg.UCWA = c.Webex, c.UCWA
	}
	if err != nil {
		return nil, err
	}
	return audit.New(cfg)
}

// auditJournal begins a journal, or takes up that of an interrupted audit.
func (t *terminal) auditJournal(f auditFlags, place []string) (*audit.Journal, error) {
	path, err := f.journalPath()
	if err != nil {
		return nil, err
	}
	scope := quoted(slices.Concat(place, f.scope())...)
	if !f.resume {
		if _, err := os.Stat(path); err == nil {
			t.say("an audit was interrupted before; this one begins anew")
		}
		return audit.Begin(path, scope)
	}
	j, err := audit.Resume(path, scope)
	if err == nil {
		t.say("going on with the audit of %s: %s so far", when(j.Began), count(len(j.Findings), "finding"))
	}
	return j, err
}

func (f auditFlags) journalPath() (string, error) {
	switch {
	case f.journal != "":
		return f.journal, nil
	case f.place.Stack == "":
		return f.place.Data + ".audit", nil
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("%w: name a file with --journal", err)
	}
	return filepath.Join(cache, "dialtone", "audit-"+f.place.Stack+"-"+f.place.Region+".jsonl"), nil
}

// scope is what the flags say is audited, as arguments.
func (f auditFlags) scope() (args []string) {
	for _, g := range []struct {
		given bool
		arg   string
	}{
		{f.place.Config != "", "--config=" + f.place.Config},
		{f.location != "", "--location=" + f.location},
		{f.skipUCWA, "--skip-ucwa"},
		{f.allOwned, "--all-owned"},
		{f.fix != "", "--fix=" + f.fix},
		{f.dry, "--dry-run"},
	} {
		if g.given {
			args = append(args, g.arg)
		}
	}
	return args
}

// again is the command that goes on with an interrupted audit.
func (f auditFlags) again(place []string) string {
	args := slices.Concat([]string{"dialtone", "audit", "--resume"}, place, f.scope(), []string{fmt.Sprintf("--rate=%g", f.rate)})
	for _, g := range []struct {
		given bool
		arg   string
	}{{f.journal != "", "--journal=" + f.journal}, {f.asJSON, "--json"}, {f.asCSV, "--csv"}} {
		if g.given {
			args = append(args, g.arg)
		}
	}
	return quoted(args...)
}
