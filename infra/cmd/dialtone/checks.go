package main

import (
	"fmt"
	"slices"
	"strings"

	"dialtone/events/sample/onboarding"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/failure"
	"dialtone/shared/sipaddr"
)

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
		hire, _ := e.hire()
		if w.LocationID != hire.LocationID || w.Kind != webexsim.KindStandard || w.State != "ACTIVE" || w.Owner != nil {
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
	asked := p.changes()
	for e, n := range p.numbers() {
		u, _ := p.sim.Skype.User(string(e.command.User))
		if u.ChangeCount == 0 || asked[e.command.User] > 1 { // of several requests the last one stands
			continue
		}
		looked++
		hire, _ := e.hire()
		if typ := hire.PhoneType; !e164.Same(u.Phones[string(typ)].Number, string(n)) {
			wrong = append(wrong, string(e.command.User))
		}
	}
	return check{fmt.Sprintf("%d phones in Skype for Business were looked at and show the number of the outcome", looked), failures(wrong)}
}

// changes counts the requests that may change a user's phones.
func (p *play) changes() map[sipaddr.User]int {
	asked := map[sipaddr.User]int{}
	for _, e := range p.ends {
		switch e.command.Data.(type) {
		case command.Assign, command.Release:
			asked[e.command.User]++
		}
	}
	return asked
}

func (p *play) oneChange() check {
	var wrong []string
	asked := p.changes()
	for _, u := range p.sim.Skype.Users() {
		if u.ChangeCount > asked[sipaddr.User(u.User)] {
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
		hire, _ := e.hire()
		got, site := "", hire.LocationID
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
