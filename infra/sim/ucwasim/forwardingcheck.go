package ucwasim

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"dialtone/infra/sim/simkit"
)

// validate reports everything that is wrong with settings that have their
// defaults, as a *simkit.Invalid.
func (f Forwarding) validate() error {
	var all []simkit.Problem
	bad := func(wrong bool, field, problem, mend string) {
		if wrong {
			all = append(all, simkit.Problem{Field: field, Problem: problem, Mend: mend})
		}
	}
	oneOf := func(field, v string, allowed ...string) {
		bad(!slices.Contains(allowed, v), field, strconv.Quote(v)+" is unknown", "use one of "+strings.Join(allowed, ", "))
	}
	oneOf("activePeriod", f.ActivePeriod, always, workHours)
	oneOf("activeSetting", f.ActiveSetting, none, forwardsAtOnce, ringsTogether)
	oneOf("unansweredCallHandling", f.UnansweredCallHandling, enabled, disabled)
	for s := range settings {
		d := f.of(s)
		oneOf(s.rel()+".target", d.Target, s.targets()...)
		bad((d.Target == toContact) != (d.Contact != ""), s.rel()+".contact",
			"must be there if and only if the target is Contact", "use such as tel:+14255550100 or sip:ada@contoso.test")
		bad(d.Contact != "" && !callable(d.Contact), s.rel()+".contact", "is no tel: or sip: URI", "put the scheme before it")
		lowest, highest := s.delays()
		bad(d.RingDelay < lowest || d.RingDelay > highest, s.rel()+".ringDelay",
			fmt.Sprintf("is %d", d.RingDelay), fmt.Sprintf("use %d to %d seconds", lowest, highest))
	}
	if s, ok := f.active(); ok {
		bad(f.of(s).Target == none, s.rel()+".target", "is None although the setting is active", "name a target, or use another activeSetting")
	}
	if len(all) == 0 {
		return nil
	}
	return &simkit.Invalid{Problems: all}
}

// callable reports whether a target has one of the two documented schemes with
// something behind it. What a server does with a number that is none is not
// documented: it is assumed to store it.
func callable(target string) bool {
	scheme, rest, ok := strings.Cut(target, ":")
	return ok && rest != "" && (strings.EqualFold(scheme, "tel") || strings.EqualFold(scheme, "sip"))
}

// bareTarget is a target without what only people need: the visual separators of
// a number, the letter case of an address.
func bareTarget(target string) string {
	scheme, rest, _ := strings.Cut(target, ":")
	if strings.EqualFold(scheme, "sip") {
		return strings.ToLower(target)
	}
	return "tel:" + strings.Map(dropSeparator, rest)
}
