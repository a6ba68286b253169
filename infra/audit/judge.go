package audit

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
)

// judge returns all drift of a case: of its numbers, of the user's lines in the
// location, and of what else the user's phones show.
func (f facts) judge() []Finding {
	var found []Finding
	if f.reading != nil && f.reading.err != nil && len(f.books.person.Lines) > 0 {
		found = append(found, f.unreadable())
	}
	for _, n := range f.own {
		found = append(found, f.judgeNumber(f.number(n))...)
	}
	for _, t := range slices.Sorted(maps.Keys(f.books.person.Lines)) {
		found = append(found, f.judgeLine(t, f.books.person.Lines[t])...)
	}
	if f.readable() {
		for _, t := range slices.Sorted(maps.Keys(f.reading.phones)) {
			found = append(found, f.judgeShown(t, f.reading.phones[t])...)
		}
	}
	return found
}

// finding is one about a number and whom the ledger says has it.
func (f facts) finding(k Kind, n ledger.Number, r Repair, problem, mend string) []Finding {
	return []Finding{{
		Kind: k, LocationID: f.locationID, Number: n.Number, User: n.User, PhoneType: n.PhoneType,
		Problem: problem, Mend: mend, Repair: r, known: n,
	}}
}

// unreadable tells of a user whose phones could not be read. One who has no line
// may well have left; that the account is closed then is no drift.
func (f facts) unreadable() Finding {
	mend := "nothing to correct is known"
	if f.reading.err.Class.Permanent() {
		mend, _, _ = strings.Cut(f.reading.err.Advice, ", then") // what comes then is about requests
	}
	return Finding{
		Kind: NotReadable, LocationID: f.locationID, User: f.books.user,
		Problem: "the user's phones could not be read: " + f.reading.err.Reason,
		Mend:    strings.TrimSuffix(mend, ".") + "; then audit the location again",
	}
}

func (f facts) judgeNumber(n ledger.Number) []Finding {
	switch {
	case n.User != "" && n.User != f.books.user:
		return nil // somebody else's by now: a case of its own
	case n.State == ledger.Assigned:
		return slices.Concat(f.judgeAssigned(n), f.judgeOwner(n))
	case n.State == ledger.Reserved:
		return f.judgeReserved(n)
	case n.ParkedForGood():
		return f.judgeParked(n)
	case n.State == ledger.Parked:
		return nil // whatever the vendors say: it is not handed out unseen
	case n.State == ledger.Quarantined && f.now.Before(n.RestsUntil):
		return f.judgeResting(n)
	}
	return f.judgeFree(n)
}

func (f facts) judgeAssigned(n ledger.Number) []Finding {
	line, found := f.lineOf(n)
	switch {
	case !found && f.old(n.Since):
		return f.finding(AssignedWithoutLine, n, "",
			fmt.Sprintf("the ledger has it assigned to %s, who has no line with it", n.User),
			"send an assign for the user with this number, or release it there and free it")
	case !found:
		return nil
	case f.gone(n.Number):
		return f.finding(AssignedButGone, n, "", "Webex does not have the number any more",
			"add it in Control Hub again, or send a release for the user and assign another")
	case !f.readable() || line.State != ledger.LineAssigned || line.Number != n.Number:
		return nil
	}
	shown := f.reading.phones[n.PhoneType]
	switch {
	case e164.Same(shown, string(n.Number)):
		return nil
	case shown == "":
		return f.finding(AssignedButGone, n, Publish, fmt.Sprintf("the user's %s phone shows no number", n.PhoneType),
			"publish it again: --fix="+string(AssignedButGone)+" does; or send a release for the user")
	}
	return f.finding(ChangedByHand, n, "", fmt.Sprintf("the user's %s phone shows %s instead", n.PhoneType, shown),
		`send an assign for the user with this number and "replace": true to put it back, or a release to keep what the phone shows`)
}

func (f facts) judgeOwner(n ledger.Number) []Finding {
	o := f.owner(n.Number)
	displayed := ""
	if f.readable() {
		displayed = f.reading.name
	}
	if o == nil || isOwner(*o, n.User, displayed) {
		return nil
	}
	return f.finding(OwnerDisagrees, n, "",
		fmt.Sprintf("the ledger has it assigned to %s, Webex to %s; Webex gives no address, so names were compared", n.User, describe(*o)),
		"if it is another one: correct the owner in Control Hub, or send a release for the user")
}

func (f facts) judgeReserved(n ledger.Number) []Finding {
	if _, found := f.lineOf(n); found || !f.old(n.Since) {
		return nil
	}
	if t := f.shownOn(n.Number); t != "" {
		return f.finding(ReservedWithoutLine, n, "",
			fmt.Sprintf("it is claimed for %s, who has no line with it, but whose %s phone shows it", n.User, t),
			"send an assign for the user with this number")
	}
	late := fmt.Sprintf("it is claimed for %s since %s, who has no line with it: the claim came late", n.User, day(n.Since))
	if !f.readable() {
		return f.finding(ReservedWithoutLine, n, "", late+"; "+unseen,
			"audit with the phones of the user, which tell whether the claim may be taken back")
	}
	return f.finding(ReservedWithoutLine, n, GiveBack, late, "take the claim back: --fix="+string(ReservedWithoutLine)+" does")
}

func (f facts) judgeResting(n ledger.Number) []Finding {
	until := "it rests until " + day(n.RestsUntil)
	if o := f.owner(n.Number); o != nil {
		return f.finding(QuarantinedButUsed, n, Rest, until+", but Webex has it with "+describe(*o),
			"take it from the owner in Control Hub, or leave it: it is not handed out while it is owned")
	}
	line, found := f.books.person.Line(n.PhoneType)
	t := f.shownOn(n.Number)
	if t == "" || found && line.State == ledger.LineReleasing && f.busy(line) {
		return nil
	}
	return f.finding(QuarantinedButUsed, n, "", fmt.Sprintf("%s, but the %s phone of %s shows it", until, t, f.books.user),
		"send an assign for the user, who gets this number back, or clear the phone before the rest is over")
}

func (f facts) judgeFree(n ledger.Number) []Finding {
	if o := f.owner(n.Number); o != nil {
		problem := "dialtone would hand it out, but Webex has it with " + describe(*o)
		if f.webex.offered[n.Number] {
			problem += " and offers it as available as well"
		}
		return f.finding(FreeButOwned, n, Rest, problem, "nothing, if the owner is right: it is asked about once more before it is handed out; or take it from the owner in Control Hub")
	}
	if t := f.shownOn(n.Number); t != "" {
		return f.visible(n, t)
	}
	return nil
}

// visible tells of a number that is free, and shown by one of the user's phones:
// Webex knows nothing of that, so nothing keeps it from being handed out.
func (f facts) visible(n ledger.Number, t command.PhoneType) []Finding {
	if n.User != f.books.user {
		n.Request = f.requestOf(t)
	}
	n.User, n.PhoneType = f.books.user, t
	return f.finding(FreeButOwned, n, SetAside, fmt.Sprintf("dialtone would hand it out, but the %s phone of %s shows it", t, n.User),
		"set it aside: --fix="+string(FreeButOwned)+" does; or clear the phone")
}

// requestOf returns a request of the user, at best that of the line of a phone.
func (f facts) requestOf(t command.PhoneType) command.Key {
	p := f.books.person
	if line, found := p.Lines[t]; found {
		return line.Request
	}
	for _, other := range slices.Sorted(maps.Keys(p.Lines)) {
		return p.Lines[other].Request
	}
	return p.Released[t].Request
}

// unseen is what is not known of a number when phones are not read.
const unseen = "whether a phone shows it was not to be seen"

func (f facts) judgeParked(n ledger.Number) []Finding {
	if f.owner(n.Number) != nil || f.inUse[n.Number] || f.shownOn(n.Number) != "" {
		return nil
	}
	seen := "nobody is seen to use it"
	if !f.readable() {
		seen = unseen
	}
	return f.finding(ParkedForGood, n, "",
		fmt.Sprintf("it is parked since %s until an operator frees it, because: %s; %s", day(n.Since), n.Reason, seen),
		fmt.Sprintf("once that is over: dialtone numbers free %s --reason '...'", n.Number))
}

// judgeLine tells of a line whose number is not the user's. While somebody works
// on a line the two may differ.
func (f facts) judgeLine(t command.PhoneType, line ledger.Line) []Finding {
	n := f.number(line.Number)
	held := n.HeldBy(ledger.Holder{User: f.books.user, PhoneType: t})
	switch {
	case line.LocationID != f.locationID:
		return nil
	case line.State == ledger.LineAssigned && held && n.State == ledger.Assigned:
		return nil
	case line.State != ledger.LineAssigned && f.busy(line), line.State == ledger.LinePinned && held:
		return nil
	}
	problem := fmt.Sprintf("the %s line of %s has it, but the number is %s", t, f.books.user, f.standing(n))
	mend, repair := "send an assign for the user once more: it goes on from there", Repair("")
	switch {
	case line.State == ledger.LineReleasing:
		problem, mend = problem+", and its release did not end", "send the release for the user once more: it goes on from there"
	case line.State == ledger.LineAssigned && f.recordable(n, t):
		mend, repair = "record it as the user's: --fix="+string(LineWithoutNumber)+" does", Record
	case line.State == ledger.LineAssigned:
		mend = "find out who has it; send a release for the one who is wrong"
	}
	n.User, n.PhoneType = f.books.user, t
	found := f.finding(LineWithoutNumber, n, repair, problem, mend)
	found[0].line = line
	return found
}

// standing says in words how the ledger has a number.
func (f facts) standing(n ledger.Number) string {
	switch {
	case n.State == "":
		return "not known to the ledger"
	case n.User != "":
		return fmt.Sprintf("%s for %s (%s)", n.State, n.User, n.PhoneType)
	}
	return string(n.State)
}

// recordable reports whether a number can be the line's after all: nobody else
// has it, and the phone is not seen to show something else.
func (f facts) recordable(n ledger.Number, t command.PhoneType) bool {
	if o := f.owner(n.Number); o != nil && !isOwner(*o, f.books.user, "") {
		return false
	}
	if f.readable() && f.shownOn(n.Number) != t {
		return false
	}
	switch n.State {
	case "", ledger.Free:
		return true
	case ledger.Quarantined, ledger.Reserved:
		return n.User == f.books.user && n.PhoneType == t
	}
	return false
}

// judgeShown tells of a number that one of the user's phones shows, and that is
// neither of the case nor that of a line.
func (f facts) judgeShown(t command.PhoneType, shown string) []Finding {
	x, ext, international := e164.FromTel(shown)
	if !international || ext != "" || slices.Contains(f.own, x) || f.books.person.Lines[t].Shown(shown) {
		return nil
	}
	n := f.number(x)
	entry, listed := f.entry(x)
	switch {
	case f.books.numbers[x].LocationID == "" && !listed, n.LocationID != f.locationID, n.User == f.books.user:
		return nil // a number of some other place
	case n.State == ledger.Assigned, n.State == ledger.Reserved:
		return f.elsewhere(n, OwnerDisagrees, t, fmt.Sprintf("the ledger has it %s for %s", n.State, n.User),
			"find out who has it; send a release for the one who is wrong, or clear the phone")
	case n.State == ledger.Quarantined && f.now.Before(n.RestsUntil):
		return f.elsewhere(n, QuarantinedButUsed, t, "it rests until "+day(n.RestsUntil), "clear the phone before the rest is over")
	case n.State == ledger.Parked, entry.Owner != nil:
		return nil
	}
	return f.visible(n, t)
}

// elsewhere tells of a number that is shown by a phone of the user of the case,
// who has nothing to do with it.
func (f facts) elsewhere(n ledger.Number, k Kind, t command.PhoneType, problem, mend string) []Finding {
	found := f.finding(k, n, "", fmt.Sprintf("%s, but the %s phone of %s shows it", problem, t, f.books.user), mend)
	found[0].User, found[0].PhoneType = f.books.user, t
	return found
}

// day is a moment as people read it.
func day(at time.Time) string { return at.UTC().Format("2006-01-02 15:04 UTC") }
