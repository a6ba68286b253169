package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fatih/color"

	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

// summary prints how the play went and holds it against what was expected.
func (p *play) summary() error {
	w := p.t.out
	fmt.Fprintf(w, "\n%s from %s in %s (%d new, %d known before)\n\n", count(len(p.lines), "request"), p.file,
		time.Since(p.started).Round(100*time.Millisecond), p.sent, len(p.ends)-p.sent)
	p.printNumbers()
	p.printSites()
	p.printOthers()
	p.printFailures()
	checks := p.checks()
	bad := 0
	fmt.Fprintln(w)
	for _, c := range checks {
		mark := color.GreenString("ok  ")
		if c.wrong != "" {
			mark, bad = color.RedString("BAD "), bad+1
		}
		fmt.Fprintf(w, "%s %s%s\n", mark, c.what, c.wrong)
	}
	fmt.Fprintln(w)
	if bad > 0 {
		return exitError{exitPartial, fmt.Errorf("%s did not hold", count(bad, "check"))}
	}
	return nil
}

// siteName is the name that people know a location by.
func (p *play) siteName(id string) string {
	if p.sim != nil {
		for _, l := range p.sim.Webex.Locations() {
			if l.ID == id {
				return l.Name
			}
		}
	}
	return id
}

// columns is how many hires stand side by side in the list of numbers.
const columns = 3

// printNumbers lists every hire with the number that stands now, site by site.
func (p *play) printNumbers() {
	bySite := map[string][]string{}
	for _, e := range p.ends {
		a := e.assigned()
		if a == nil {
			continue
		}
		hire, _ := e.hire()
		site, plan := p.siteName(hire.LocationID), ""
		if a.DryRun {
			plan = " (dry run)"
		}
		bySite[site] = append(bySite[site], fmt.Sprintf("%-24s %s%s", e.command.User, a.Number, plan))
	}
	for _, site := range slices.Sorted(maps.Keys(bySite)) {
		fmt.Fprintln(p.t.out, site)
		for row := range slices.Chunk(bySite[site], columns) {
			fmt.Fprintf(p.t.out, "  %s\n", strings.TrimRight(fmt.Sprintf(strings.Repeat("%-42s", len(row)), toAny(row)...), " "))
		}
		fmt.Fprintln(p.t.out)
	}
}

func toAny(row []string) []any {
	cells := make([]any, len(row))
	for i, c := range row {
		cells[i] = c
	}
	return cells
}

func (p *play) printSites() {
	type tally struct{ hires, assigned, planned, failed int }
	bySite := map[string]*tally{}
	var sites []string
	for _, e := range p.ends {
		hire, is := e.hire()
		if !is {
			continue
		}
		site := p.siteName(hire.LocationID)
		t := bySite[site]
		if t == nil {
			t = &tally{}
			bySite[site], sites = t, append(sites, site)
		}
		t.hires++
		switch a := e.assigned(); {
		case a == nil:
			t.failed++
		case a.DryRun:
			t.planned++
		default:
			t.assigned++
		}
	}
	if len(sites) == 0 {
		return
	}
	slices.Sort(sites)
	tab := newTable(p.t.out, "site", "hires", "assigned", "dry run", "failed")
	for _, s := range sites {
		t := bySite[s]
		tab.AppendRow([]any{s, t.hires, t.assigned, t.planned, t.failed})
	}
	tab.Render()
}

// printOthers counts what else was asked for, by type.
func (p *play) printOthers() {
	type tally struct{ requests, failed int }
	byType := map[string]tally{}
	for _, e := range p.ends {
		if _, is := e.hire(); is {
			continue
		}
		t := byType[e.command.Type]
		t.requests++
		if e.request.State == ledger.Failed {
			t.failed++
		}
		byType[e.command.Type] = t
	}
	if len(byType) == 0 {
		return
	}
	tab := newTable(p.t.out, "request", "count", "done", "failed")
	for _, typ := range slices.Sorted(maps.Keys(byType)) {
		t := byType[typ]
		tab.AppendRow([]any{typ, t.requests, t.requests - t.failed, t.failed})
	}
	tab.Render()
}

func (p *play) printFailures() {
	w := p.t.out
	groups := map[string][]string{}
	var order []string
	add := func(f outcome.Failed, who string) {
		key := fmt.Sprintf("%-10s %s\n%13s%s", f.Class, f.Reason, "", f.Advice)
		if groups[key] == nil {
			order = append(order, key)
		}
		groups[key] = append(groups[key], who)
	}
	for _, e := range p.ends {
		if f, err := e.request.Outcome.Failed(); err == nil {
			if hire, is := e.hire(); is {
				f.Reason = strings.ReplaceAll(f.Reason, hire.LocationID, p.siteName(hire.LocationID))
			}
			add(f, string(e.command.User))
		}
	}
	for _, l := range p.lines {
		for _, q := range l.Problems {
			add(outcome.Failed{Class: failure.Invalid, Reason: fmt.Sprintf("%s %s", q.Field, q.Problem), Advice: "To mend it: " + q.Mend + ". Nothing was queued."},
				fmt.Sprintf("line %d", l.Number))
		}
	}
	if len(order) > 0 {
		fmt.Fprintf(w, "\nfailed, and what to do\n")
	}
	for _, key := range order {
		fmt.Fprintf(w, "  %s\n%13s%s\n", key, "", color.New(color.Faint).Sprint(strings.Join(groups[key], ", ")))
	}
}
