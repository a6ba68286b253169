package audit

import (
	"cmp"
	"maps"
	"reflect"
	"slices"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/sipaddr"
	"dialtone/shared/webex"
)

// facts are all that is known of one case: a user, with the numbers of one
// location that have to do with that user; or one number that has to do with
// nobody. What is drift is decided from them alone.
type facts struct {
	now        time.Time
	grace      time.Duration // how long unfinished work may stand
	locationID string

	webex *inventory // nil: Webex does not tell
	books books
	own   []e164.Number // of the case, ascending

	reading *reading             // nil: the user's phones were not read
	inUse   map[e164.Number]bool // parked numbers that phones of other cases show
}

// books is what the ledger says. Numbers holds those of the case, those of the
// user's lines in the location, and those that the user's phones show.
type books struct {
	user     sipaddr.User // "": nobody
	person   ledger.Person
	numbers  map[e164.Number]ledger.Number
	requests map[command.Key]ledger.Request // that work on the user's lines; State "" where one is forgotten
}

// reading is what Skype for Business shows of a user.
type reading struct {
	name   string // as displayed
	phones map[command.PhoneType]string
	err    *failure.Error // why there is nothing to see; nil: there is
}

// same reports whether two readings of the ledger say the same of what both have.
func (b books) same(c books) bool {
	for n := range c.numbers {
		if known, both := b.numbers[n]; both && !reflect.DeepEqual(known, c.numbers[n]) {
			return false
		}
	}
	return reflect.DeepEqual(b.person, c.person) && reflect.DeepEqual(b.requests, c.requests)
}

// number returns a number as the ledger has it; one that it never saw is free.
func (f facts) number(n e164.Number) ledger.Number {
	known := f.books.numbers[n]
	known.Number = n
	known.LocationID = cmp.Or(known.LocationID, f.locationID)
	return known
}

// old reports whether what began at a time has had its time to be finished.
func (f facts) old(since time.Time) bool { return f.now.Sub(since) > f.grace }

// readable reports whether the user's phones were read.
func (f facts) readable() bool { return f.reading != nil && f.reading.err == nil }

// shownOn returns the phone that shows a number, "" if none does.
func (f facts) shownOn(n e164.Number) command.PhoneType {
	if !f.readable() {
		return ""
	}
	for _, t := range slices.Sorted(maps.Keys(f.reading.phones)) {
		if e164.Same(f.reading.phones[t], string(n)) {
			return t
		}
	}
	return ""
}

// lineOf returns the user's line that has the number, or has displaced it.
func (f facts) lineOf(n ledger.Number) (line ledger.Line, found bool) {
	line, found = f.books.person.Line(n.PhoneType)
	return line, found && line.Shown(string(n.Number))
}

// busy reports whether somebody works on a line, or will when a queue delivers it.
func (f facts) busy(line ledger.Line) bool {
	state := f.books.requests[line.Request].State
	return !f.old(line.Since) || state == ledger.Running || state == ledger.Waiting
}

// inventory is what Webex says of a location's numbers.
type inventory struct {
	numbers map[e164.Number]webex.Number
	offered map[e164.Number]bool // listed as available although somebody owns it
	absent  map[e164.Number]bool // asked for by name, and not there
}

// entry returns what Webex has of a number; found is false where it has or tells nothing.
func (f facts) entry(n e164.Number) (entry webex.Number, found bool) {
	if f.webex == nil {
		return entry, false
	}
	entry, found = f.webex.numbers[n]
	return entry, found
}

// owner returns who has a number in Webex, nil if nobody is known to.
func (f facts) owner(n e164.Number) *webex.Owner {
	entry, _ := f.entry(n)
	return entry.Owner
}

// gone reports whether Webex is sure not to have the number any more.
func (f facts) gone(n e164.Number) bool { return f.webex != nil && f.webex.absent[n] }
