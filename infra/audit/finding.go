package audit

import (
	"fmt"
	"slices"
	"strings"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/sipaddr"
)

// Kind is a way in which ledger, Webex and phones can drift apart.
type Kind string

// The kinds of drift.
const (
	AssignedButGone     Kind = "assigned-but-gone"     // the phone shows no number, or Webex has it no more
	ChangedByHand       Kind = "changed-by-hand"       // the phone shows another number
	FreeButOwned        Kind = "free-but-owned"        // could be handed out, but somebody has it
	QuarantinedButUsed  Kind = "quarantined-but-used"  // rests, but somebody has it
	OwnerDisagrees      Kind = "owner-disagrees"       // two sides name two owners
	ReservedWithoutLine Kind = "reserved-without-line" // claimed for a person who has no pin for it
	AssignedWithoutLine Kind = "assigned-without-line" // the same of a number that was confirmed
	LineWithoutNumber   Kind = "line-without-number"   // a person's line whose number is not that person's
	ParkedForGood       Kind = "parked-for-good"       // until an operator frees it, and nobody is seen to use it
	NotReadable         Kind = "not-readable"          // a user's phones, or a location in Webex
)

// Kinds returns all kinds of drift, in the order in which summaries have them.
func Kinds() []Kind {
	return []Kind{
		AssignedButGone, ChangedByHand, FreeButOwned, QuarantinedButUsed, OwnerDisagrees,
		ReservedWithoutLine, AssignedWithoutLine, LineWithoutNumber, ParkedForGood, NotReadable,
	}
}

// repairable are the kinds of which some findings have a Repair.
func repairable() []Kind {
	return []Kind{AssignedButGone, FreeButOwned, QuarantinedButUsed, ReservedWithoutLine, LineWithoutNumber}
}

// ParseKinds reads the kinds to be repaired, separated by commas; "all" is all
// of which anything can be repaired. The error names what is none of them.
func ParseKinds(s string) ([]Kind, error) {
	if s == "all" {
		return repairable(), nil
	}
	var kinds []Kind
	for word := range strings.SplitSeq(s, ",") {
		k := Kind(strings.TrimSpace(word))
		switch {
		case !slices.Contains(Kinds(), k):
			return nil, fmt.Errorf("%q is no kind of drift: use one or more of %v, separated by commas", k, repairable())
		case !slices.Contains(repairable(), k):
			return nil, fmt.Errorf("%s is for a person to decide: nothing repairs it; use one or more of %v", k, repairable())
		}
		kinds = append(kinds, k)
	}
	return kinds, nil
}

// Repair is what can be done about a finding without a person's decision.
type Repair string

// The repairs. The first is a visible change, by a command on the queue; the
// others change the ledger alone.
const (
	Publish  Repair = "publish it again, by an assign on the queue"
	Rest     Repair = "set it aside for a day, or the rest of its rest"
	SetAside Repair = "set it aside until an operator frees it"
	GiveBack Repair = "take the claim back"
	Record   Repair = "record the number as that of the line"
)

// Finding is one drift, in words for the people who run dialtone.
type Finding struct {
	Kind       Kind              `json:"kind"`
	LocationID string            `json:"locationId"`
	Number     e164.Number       `json:"number,omitempty"`    // empty: a user or location as a whole
	User       sipaddr.User      `json:"user,omitempty"`      // whose line or phone it is about
	PhoneType  command.PhoneType `json:"phoneType,omitempty"` // of that user
	Problem    string            `json:"problem"`             // what is seen
	Mend       string            `json:"mend"`                // what to do about it
	Repair     Repair            `json:"repair,omitempty"`    // what --fix does; empty: a person has to decide

	// Result is what became of the repair, where one was asked for.
	Result Result `json:"result,omitempty"`
	Cause  string `json:"cause,omitempty"` // of NotRepaired

	known ledger.Number // the number as it was judged
	line  ledger.Line   // of Record
}

// Result of a repair. The zero value is that none was asked for.
type Result string

// The results.
const (
	Repaired    Result = "repaired"
	WouldRepair Result = "would be repaired" // a dry run
	NotRepaired Result = "not repaired"
)
