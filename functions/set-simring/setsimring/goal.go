package setsimring

import (
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/ucwa"
)

// goal is what call forwarding is to become when simultaneous ringing ends.
type goal struct {
	outcome.Forwarding
	restore bool // it stood before; else all stays but that nothing rings elsewhere
}

// silenced is the goal of ending the ringing and no more.
func silenced(found outcome.Forwarding) goal {
	found.Active = string(ucwa.NotForwarding)
	return goal{Forwarding: found}
}

// aspect is one thing about call forwarding that a goal wants.
type aspect struct {
	differs func(now outcome.Forwarding, g goal) bool

	// ways are the steps that bring it about, best first. Where a step that does not
	// bring it about is better than nothing, it comes last. Nil: there is none
	// without a side effect.
	ways func(now outcome.Forwarding, g goal) []step

	// words say what is not as it was.
	words func(now outcome.Forwarding, g goal) string
}

// aspects are in the order in which they are brought about: while all calls are
// forwarded, the server lets nobody change what happens to unanswered ones
// (UCWA 2.0: unansweredCallToContact).
func aspects() []aspect {
	return []aspect{
		{differs: unansweredDiffers, ways: unansweredWays, words: unansweredWords},
		{differs: activeDiffers, ways: activeWays, words: activeWords},
		{differs: handlingDiffers, ways: handlingWays, words: handlingWords},
		{differs: periodDiffers, ways: periodWays, words: periodWords},
		{differs: ringDelayDiffers, ways: ringDelayWays, words: ringDelayWords},
		{differs: idleForwardDiffers, words: idleForwardWords},
		{differs: idleRingDiffers, words: idleRingWords},
	}
}

// next is the step to take; more is false when the goal is reached or nothing
// can be done about what is left. can tells which steps there are.
func (g goal) next(now outcome.Forwarding, can func(step) bool) (s step, more bool) {
	for _, a := range aspects() {
		if a.ways == nil || !a.differs(now, g) {
			continue
		}
		for _, s := range a.ways(now, g) {
			if can(s) {
				return s, true
			}
		}
	}
	return step{}, false
}

// missing says what is not as the goal has it, and why.
func (g goal) missing(now outcome.Forwarding, why func(step) string) []string {
	var all []string
	for _, a := range aspects() {
		if !a.differs(now, g) {
			continue
		}
		text := a.words(now, g)
		if a.ways != nil {
			if ways := a.ways(now, g); len(ways) > 0 {
				text += ": " + why(ways[0])
			}
		}
		all = append(all, text)
	}
	return all
}

// foresee is what the settings will be when all steps do as expected.
func (g goal) foresee(now outcome.Forwarding, can func(step) bool) outcome.Forwarding {
	for range disableRounds {
		s, more := g.next(now, can)
		if !more {
			break
		}
		now = s.on(now)
	}
	return now
}

// setByHand reports that calls go where neither dialtone nor what stood before it
// has them go: a person has set something else since.
func setByHand(found outcome.Forwarding, r ledger.SimRing) bool {
	before := goal{Forwarding: r.Original, restore: true}
	return found.Active != string(ucwa.NotForwarding) && !r.Rings(found) && !before.reached(found)
}

// reached reports that calls go where the goal has them go at first.
func (g goal) reached(now outcome.Forwarding) bool { return !activeDiffers(now, g) }

func activeDiffers(now outcome.Forwarding, g goal) bool {
	switch {
	case !g.restore && now.Active != string(ucwa.SimultaneousRing):
		return false // whatever it is, it does not ring elsewhere as well
	case now.Active != g.Active:
		return true
	case g.Active == string(ucwa.ImmediateForward):
		return !now.Immediate.LeadsTo(g.Immediate)
	case g.Active == string(ucwa.SimultaneousRing):
		return !now.Ring.LeadsTo(g.Ring)
	}
	return false
}

// activeWays makes the target active, by setting it or, where it is stored
// still, by itself. That nothing rings elsewhere is better than what rings now.
func activeWays(now outcome.Forwarding, g goal) []step {
	var ways []step
	stored := step{do: activate, target: g.Active, delay: none}
	switch ucwa.ForwardingState(g.Active) {
	case ucwa.ImmediateForward:
		ways = append(ways, towards(forwardAtOnce, g.Immediate))
		if now.Immediate.LeadsTo(g.Immediate) {
			ways = append(ways, stored)
		}
	case ucwa.SimultaneousRing:
		ways = append(ways, towards(ringToo, g.Ring))
		if now.Active != g.Active && now.Ring.LeadsTo(g.Ring) {
			ways = append(ways, stored)
		}
	}
	if now.Active == string(ucwa.SimultaneousRing) {
		ways = append(ways, step{do: activate, target: string(ucwa.NotForwarding), delay: none}, step{do: turnOff, delay: none})
	}
	return ways
}

func unansweredDiffers(now outcome.Forwarding, g goal) bool {
	return !now.NoAnswer.LeadsTo(g.NoAnswer) || delayDiffers(now.NoAnswer, g.NoAnswer)
}

func unansweredWays(now outcome.Forwarding, g goal) []step {
	if now.Active == string(ucwa.ImmediateForward) {
		return nil
	}
	var ways []step
	if now.NoAnswer.LeadsTo(g.NoAnswer) {
		ways = append(ways, step{do: delayUnanswered, delay: *g.NoAnswer.RingDelaySeconds})
	}
	if g.NoAnswer.Target != string(ucwa.ToNobody) {
		ways = append(ways, towards(sendUnanswered, g.NoAnswer))
	}
	return ways
}

// handlingDiffers leaves out what stands while all calls are forwarded: the
// server says "Disabled" then, whatever is set (UCWA 2.0: callForwardingSettings).
func handlingDiffers(now outcome.Forwarding, g goal) bool {
	at := func(f outcome.Forwarding) bool {
		return f.Active == string(ucwa.ImmediateForward) || f.Unanswered == ""
	}
	return !at(now) && !at(g.Forwarding) && now.Unanswered != g.Unanswered
}

func handlingWays(_ outcome.Forwarding, g goal) []step {
	return []step{{do: handle, target: g.Unanswered, delay: none}}
}

func periodDiffers(now outcome.Forwarding, g goal) bool {
	return now.Period != "" && g.Period != "" && now.Period != g.Period
}

func periodWays(_ outcome.Forwarding, g goal) []step {
	return []step{{do: limit, target: g.Period, delay: none}}
}

func ringDelayDiffers(now outcome.Forwarding, g goal) bool {
	return g.restore && delayDiffers(now.Ring, g.Ring)
}

func ringDelayWays(_ outcome.Forwarding, g goal) []step {
	return []step{{do: delayRing, delay: *g.Ring.RingDelaySeconds}}
}

// idleForwardDiffers tells whether the target of forwarding at once, which is
// not in effect, is another. To set it would forward calls.
func idleForwardDiffers(now outcome.Forwarding, g goal) bool {
	at := string(ucwa.ImmediateForward)
	return g.Active != at && now.Active != at && !now.Immediate.LeadsTo(g.Immediate)
}

// idleRingDiffers is the same of simultaneous ringing. Where the ringing is only
// to end, whether its target is kept is the server's business.
func idleRingDiffers(now outcome.Forwarding, g goal) bool {
	at := string(ucwa.SimultaneousRing)
	return g.restore && g.Active != at && now.Active != at && !now.Ring.LeadsTo(g.Ring)
}

// delayDiffers reports whether both delays are known and not the same.
func delayDiffers(a, b outcome.ForwardTarget) bool {
	return a.RingDelaySeconds != nil && b.RingDelaySeconds != nil && *a.RingDelaySeconds != *b.RingDelaySeconds
}
