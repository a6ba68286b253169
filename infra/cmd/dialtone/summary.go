package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fatih/color"

	"dialtone/events/sample/onboarding"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/failure"
	"dialtone/shared/outcome"
)

// summary prints how the play went and holds it against what was expected.
func (p *play) summary() error {
	w := p.t.out
	fmt.Fprintf(w, "\n%s from %s in %s (%d new, %d known before)\n\n", count(len(p.lines), "request"), p.file,
		time.Since(p.started).Round(100*time.Millisecond), p.sent, len(p.ends)-p.sent)
	p.printSites()
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

func (p *play) printSites() {
	type tally struct{ hires, assigned, planned, failed int }
	bySite := map[string]*tally{}
	var sites []string
	for _, e := range p.ends {
		site := p.siteName(e.command.Data.(command.Assign).LocationID)
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
	slices.Sort(sites)
	tab := newTable(p.t.out, "site", "hires", "assigned", "dry run", "failed")
	for _, s := range sites {
		t := bySite[s]
		tab.AppendRow([]any{s, t.hires, t.assigned, t.planned, t.failed})
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
			site := e.command.Data.(command.Assign).LocationID
			f.Reason = strings.ReplaceAll(f.Reason, site, p.siteName(site))
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

// check is one statement about the play; wrong says how it does not hold.
type check struct{ what, wrong string }

func (p *play) checks() []check {
	checks := []check{p.everyEnd(), p.distinct()}
	if p.sim != nil {
		checks = append(checks, p.rightSite(), p.phonesAgree(), p.oneChange())
	}
	if c, found := p.asExpected(); found {
		checks = append(checks, c)
	}
	return checks
}

func (p *play) everyEnd() check {
	refused := 0
	for _, l := range p.lines {
		if len(l.Problems) > 0 {
			refused++
		}
	}
	c := check{what: fmt.Sprintf("every message has an end: %d by outcome, %d refused before they were queued", len(p.ends), refused)}
	if len(p.ends)+refused != len(p.lines) {
		c.wrong = fmt.Sprintf(": %d lines", len(p.lines))
	}
	return c
}

// numbers are those that the play assigned, by user.
func (p *play) numbers() map[*end]e164.Number {
	got := map[*end]e164.Number{}
	for i := range p.ends {
		if a := p.ends[i].assigned(); a != nil && !a.DryRun {
			got[&p.ends[i]] = a.Number
		}
	}
	return got
}

func (p *play) distinct() check {
	owner := map[e164.Number]string{}
	var shared []string
	for e, n := range p.numbers() {
		if o := owner[n]; o != "" && o != string(e.command.User) {
			shared = append(shared, fmt.Sprintf("%s has two owners", n.Masked()))
		}
		owner[n] = string(e.command.User)
	}
	return check{fmt.Sprintf("%d numbers, each with one owner", len(owner)), failures(shared)}
}

func (p *play) rightSite() check {
	var wrong []string
	for e, n := range p.numbers() {
		w, _ := p.sim.Webex.Number(string(n))
		if w.LocationID != e.command.Data.(command.Assign).LocationID || w.Kind != webexsim.KindStandard || w.State != "ACTIVE" || w.Owner != nil {
			wrong = append(wrong, fmt.Sprintf("%s got a number that is %s, %s, of %s", e.command.User, w.Kind, w.State, w.Location))
		}
	}
	return check{"every number is of the hire's own site, in service, and none is a main, service, mobile or toll-free number", failures(wrong)}
}

// phonesAgree looks at the simulated phones of those whom this run worked on:
// a simulation that was started anew knows nothing of earlier runs.
func (p *play) phonesAgree() check {
	var wrong []string
	looked := 0
	for e, n := range p.numbers() {
		u, _ := p.sim.Skype.User(string(e.command.User))
		if u.ChangeCount == 0 {
			continue
		}
		looked++
		if typ := e.command.Data.(command.Assign).PhoneType; !e164.Same(u.Phones[string(typ)].Number, string(n)) {
			wrong = append(wrong, string(e.command.User))
		}
	}
	return check{fmt.Sprintf("%d phones in Skype for Business were looked at and show the number of the outcome", looked), failures(wrong)}
}

func (p *play) oneChange() check {
	var wrong []string
	for _, u := range p.sim.Skype.Users() {
		if u.ChangeCount > 1 {
			wrong = append(wrong, fmt.Sprintf("%s was changed %d times", u.User, u.ChangeCount))
		}
	}
	total := p.sim.Skype.Totals()
	return check{fmt.Sprintf("%d visible changes, at most one for a request", total.Changes), failures(wrong)}
}

// asExpected compares with the file beside the play, if there is one.
func (p *play) asExpected() (check, bool) {
	raw, err := sidecar(p.file, ".expected.json")
	if raw == nil && err == nil {
		return check{}, false
	}
	var want onboarding.Expected
	if err == nil {
		want, err = onboarding.ParseExpected(raw)
	}
	c := check{what: "every message ended as it should"}
	if err != nil {
		c.wrong = ": " + err.Error()
	} else {
		c.wrong = failures(p.differences(want))
	}
	return c, true
}

func (p *play) differences(want onboarding.Expected) []string {
	class := map[string]string{} // by request id; "": assigned
	for _, f := range want.Failed {
		class[f.ID] = f.Class
	}
	left := map[string]int{} // of exhausted sites
	for _, x := range want.Exhausted {
		left[x.LocationID] = x.Count
	}
	var wrong []string
	for _, e := range p.ends {
		got, site := "", e.command.Data.(command.Assign).LocationID
		if f, err := e.request.Outcome.Failed(); err == nil {
			got = string(f.Class)
		}
		if got == string(failure.Exhausted) && left[site] > 0 {
			left[site]--
			continue
		}
		if got != class[e.command.Key.ID] {
			wrong = append(wrong, fmt.Sprintf("%s ended %q, not %q", e.command.Key.ID, got, class[e.command.Key.ID]))
		}
	}
	for site, n := range left {
		if n > 0 {
			wrong = append(wrong, fmt.Sprintf("%d more of %s should have gone without", n, p.siteName(site)))
		}
	}
	return append(wrong, p.refusedOtherwise(want)...)
}

func (p *play) refusedOtherwise(want onboarding.Expected) []string {
	var wrong []string
	for _, l := range p.lines {
		i := slices.IndexFunc(want.Malformed, func(m onboarding.Malformed) bool { return m.Line == l.Number })
		if (i >= 0) != (len(l.Problems) > 0) {
			wrong = append(wrong, fmt.Sprintf("line %d: refused %v", l.Number, len(l.Problems) > 0))
		}
	}
	return wrong
}

// failures renders what is wrong behind a check; "" when nothing is.
func failures(wrong []string) string {
	if len(wrong) == 0 {
		return ""
	}
	slices.Sort(wrong)
	if more := len(wrong) - 5; more > 0 {
		wrong = append(wrong[:5:5], fmt.Sprintf("and %d more", more))
	}
	return ": " + strings.Join(wrong, "; ")
}
