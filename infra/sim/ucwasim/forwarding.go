package ucwasim

import (
	"strings"
	"time"
)

// Forwarding is what a user has set about incoming calls (UCWA 2.0:
// callForwardingSettings). The zero value is how everybody begins: calls ring the
// user alone, unanswered ones go to voicemail after 20 seconds.
type Forwarding struct {
	ActivePeriod  string `json:"activePeriod"`  // Always or Workhours; empty: Always
	ActiveSetting string `json:"activeSetting"` // None, ImmediateForward or SimultaneousRing; empty: None
	// UnansweredCallHandling is Enabled or Disabled; empty: Enabled. While
	// ImmediateForward is active the resource says Disabled whatever is stored here.
	UnansweredCallHandling string      `json:"unansweredCallHandling"`
	Immediate              Destination `json:"immediateForwardSettings"` // None, Contact, Delegates or Voicemail
	SimultaneousRing       Destination `json:"simultaneousRingSettings"` // None, Contact, Delegates or Team; delay 0 to 55
	Unanswered             Destination `json:"unansweredCallSettings"`   // None, Contact or Voicemail (the default); delay 5 to 60
}

// Destination is where one of the three settings sends calls.
type Destination struct {
	Target    string `json:"target"`              // empty: the default of the setting
	Contact   string `json:"contact,omitempty"`   // tel: or sip: URI; only with the target Contact
	RingDelay int    `json:"ringDelay,omitempty"` // in seconds; 0 in Unanswered: 20
}

// ForwardingPolicy is what administrators have decided about a user's incoming
// calls. The zero value allows everything, to a user without team and delegates.
type ForwardingPolicy struct {
	NoSimultaneousRing bool `json:"noSimultaneousRing"` // no simultaneousRingTo...
	NoForwarding       bool `json:"noForwarding"`       // no forwarding to contacts and delegates, unanswered calls included
	NoDelegation       bool `json:"noDelegation"`       // no ...ToDelegates
	NoVoicemail        bool `json:"noVoicemail"`        // no ...ToVoicemail, and reset leaves no target
	Delegates          int  `json:"delegates"`          // how many are configured; 0: NoDelegatesConfigured
	TeamMembers        int  `json:"teamMembers"`        // how many are configured; 0: NoTeamMembersConfigured
}

// Values of the documented enumerations (UCWA 2.0: CallForwardingState, PeriodType
// and the targets of the three settings). None is in the tables of PUT only.
const (
	none             = "None"
	forwardsAtOnce   = "ImmediateForward"
	ringsTogether    = "SimultaneousRing"
	always           = "Always"
	workHours        = "Workhours"
	enabled          = "Enabled"
	disabled         = "Disabled"
	toContact        = "Contact"
	toDelegates      = "Delegates"
	toTeam           = "Team"
	toVoicemail      = "Voicemail"
	unansweredDelay  = 20 // seconds; the default is not published
	maxForwardTarget = 80 // characters (UCWA 2.0: simultaneousRingToContact)
)

// setting is one of the three children of callForwardingSettings.
type setting int

const (
	immediateForward setting = iota
	simultaneousRing
	unansweredCall
	settings // how many there are
)

// rel is the relation and the last part of the path.
func (s setting) rel() string {
	return [...]string{"immediateForwardSettings", "simultaneousRingSettings", "unansweredCallSettings"}[s]
}

// putOperation names a PUT of the setting in the fault script.
func (s setting) putOperation() string {
	return "put" + strings.ToUpper(s.rel()[:1]) + s.rel()[1:]
}

// state is the activeSetting under which the setting acts; empty for unanswered
// calls, which are handled under any but ImmediateForward.
func (s setting) state() string { return [...]string{forwardsAtOnce, ringsTogether, ""}[s] }

func (s setting) targets() []string {
	return [...][]string{
		{none, toContact, toDelegates, toVoicemail},
		{none, toContact, toDelegates, toTeam},
		{none, toContact, toVoicemail},
	}[s]
}

// delays are the bounds of ringDelay in seconds; no highest: there is no ringDelay.
func (s setting) delays() (lowest, highest int) {
	b := [...][2]int{{}, {0, 55}, {5, 60}}[s]
	return b[0], b[1]
}

func (f *Forwarding) of(s setting) *Destination {
	return [...]*Destination{&f.Immediate, &f.SimultaneousRing, &f.Unanswered}[s]
}

// handling is unansweredCallHandling as seen from outside. The enumeration's page
// states the condition the other way round; the table of PUT is followed.
func (f Forwarding) handling() string {
	if f.ActiveSetting == forwardsAtOnce {
		return disabled
	}
	return f.UnansweredCallHandling
}

func (f Forwarding) withDefaults(p ForwardingPolicy) Forwarding {
	setDefault(&f.ActivePeriod, always)
	setDefault(&f.ActiveSetting, none)
	setDefault(&f.UnansweredCallHandling, enabled)
	setDefault(&f.Immediate.Target, none)
	setDefault(&f.SimultaneousRing.Target, none)
	setDefault(&f.Unanswered.Target, p.unanswered())
	setDefault(&f.Unanswered.RingDelay, unansweredDelay)
	return f
}

// unanswered is where unanswered calls go by default.
func (p ForwardingPolicy) unanswered() string {
	if p.NoVoicemail {
		return none
	}
	return toVoicemail
}

// allows reports whether policy lets a setting have a target.
func (p ForwardingPolicy) allows(s setting, target string) bool {
	switch {
	case s == simultaneousRing && p.NoSimultaneousRing,
		s != simultaneousRing && p.NoForwarding && (target == toContact || target == toDelegates),
		target == toDelegates && p.NoDelegation,
		target == toVoicemail && p.NoVoicemail:
		return false
	}
	return true
}

// active is the setting that acts on calls before anybody could answer.
func (f Forwarding) active() (setting, bool) {
	for _, s := range []setting{immediateForward, simultaneousRing} {
		if s.state() == f.ActiveSetting {
			return s, true
		}
	}
	return 0, false
}

// direct returns the settings after an action gave one of them a destination. It
// displaces what was active. Where the pages are silent it is assumed that what
// is not active loses its target, unless keep is set.
func (f Forwarding) direct(s setting, to Destination, keep bool) Forwarding {
	*f.of(s) = to
	if s == unansweredCall {
		f.UnansweredCallHandling = enabled
		return f
	}
	return f.activate(s.state(), keep)
}

func (f Forwarding) activate(state string, keep bool) Forwarding {
	f.ActiveSetting = state
	for _, s := range []setting{immediateForward, simultaneousRing} {
		if d := f.of(s); s.state() != state && !keep {
			d.Target, d.Contact = none, ""
		}
	}
	return f
}

// reset returns the settings with unanswered calls as they are by default (UCWA
// 2.0: resetUnansweredCallSettings).
func (f Forwarding) reset(p ForwardingPolicy) Forwarding {
	f.UnansweredCallHandling = enabled
	f.Unanswered = Destination{Target: p.unanswered(), RingDelay: unansweredDelay}
	return f
}

// ForwardingChange is one request that made call forwarding different from before.
type ForwardingChange struct {
	At          time.Time  `json:"at"`
	Application string     `json:"application"` // its id
	Operation   string     `json:"operation"`   // as in the fault script
	Old         Forwarding `json:"old"`
	New         Forwarding `json:"new"`
}

// forwardingLog is what happened to a user's call forwarding.
type forwardingLog struct {
	version     uint64           // of callForwardingSettings without its children
	versions    [settings]uint64 // of the children
	changes     []ForwardingChange
	changeCount int
}

// start makes versions that repeat with the seed and differ from those of phones.
func (l *forwardingLog) start(seed uint64) {
	l.version = mix(seed, uint64(len(phoneTypes)))
	for s := range settings {
		l.versions[s] = mix(seed, uint64(len(phoneTypes)+1)+uint64(s))
	}
}

// forward changes call forwarding and notes it if anything is different
// afterwards.
func (u *user) forward(next Forwarding, operation, app string) {
	if u.Forwarding == next {
		return
	}
	l := &u.forwardings
	l.changeCount++
	l.changes = append(l.changes, ForwardingChange{time.Now(), app, operation, u.Forwarding, next})
	l.changes = l.changes[max(0, len(l.changes)-keptChanges):]
	u.setForwarding(next)
}

// setForwarding stores settings. A child has a version of its own, and does not
// count as a part of the container's (UCWA 2.0: callForwardingSettings).
func (u *user) setForwarding(next Forwarding) {
	old, l := u.Forwarding, &u.forwardings
	if old.ActivePeriod != next.ActivePeriod || old.ActiveSetting != next.ActiveSetting || old.handling() != next.handling() {
		l.version = mix(l.version, 1)
	}
	for s := range settings {
		if *old.of(s) != *next.of(s) {
			l.versions[s] = mix(l.versions[s], 1)
		}
	}
	u.Forwarding = next
}

// setPolicy stores a policy. Every link may have come or gone.
func (u *user) setPolicy(p ForwardingPolicy) {
	u.ForwardingPolicy = p
	for s := range settings {
		u.forwardings.versions[s] = mix(u.forwardings.versions[s], 1)
	}
}
