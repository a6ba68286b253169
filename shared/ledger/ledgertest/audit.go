package ledgertest

import (
	"context"
	"fmt"
	"slices"

	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/sipaddr"
)

// Audit compares the people with the numbers of a location when nobody is at
// work, and returns what does not agree: an assigned line whose number is not
// assigned to this person, and a number that is reserved or assigned for
// somebody without such a line. A pin alone is no claim: it may stay behind on
// a number that went to somebody else, when its request failed. Lines that a
// pin displaced count until the number of the pin is confirmed.
func Audit(ctx context.Context, l *ledger.Ledger, locationID string, users ...sipaddr.User) (problems []string, err error) {
	lines := map[owned]ledger.LineState{}
	for _, u := range users {
		p, err := l.Person(ctx, u)
		if err != nil {
			return nil, err
		}
		for _, line := range p.Lines {
			if err := displaced(ctx, l, u, &line, lines); err != nil {
				return nil, err
			}
		}
	}
	for line, state := range lines {
		n, _, err := l.Number(ctx, line.number)
		if err != nil {
			return nil, err
		}
		if state == ledger.LineAssigned && (n.State != ledger.Assigned || n.User != line.user) {
			problems = append(problems, fmt.Sprintf("%s is on the line of %s, but its number is %s of %q", line.number, line.user, n.State, n.User))
		}
	}
	for n, err := range l.Numbers(ctx, locationID) {
		if err != nil {
			return nil, err
		}
		state, found := lines[owned{n.Number, n.User}]
		if n.State == ledger.Reserved && state != ledger.LinePinned || n.State == ledger.Assigned && !found {
			problems = append(problems, fmt.Sprintf("%s is %s for %s, whose line is %q", n.Number, n.State, n.User, state))
		}
	}
	slices.Sort(problems)
	return problems, nil
}

// owned is a number on somebody's line.
type owned struct {
	number e164.Number
	user   sipaddr.User
}

// displaced adds a line and those under it. Once the number of a pin is
// confirmed, those under it never stand again: they only wait for their release,
// as all do of a line that is recalled.
func displaced(ctx context.Context, l *ledger.Ledger, u sipaddr.User, line *ledger.Line, lines map[owned]ledger.LineState) error {
	confirmed := line.State == ledger.LineReleasing
	for ; line != nil; line = line.Previous {
		if _, again := lines[owned{line.Number, u}]; again {
			continue
		}
		if confirmed {
			lines[owned{line.Number, u}] = ledger.LinePinned
			continue
		}
		lines[owned{line.Number, u}] = line.State
		n, _, err := l.Number(ctx, line.Number)
		if err != nil {
			return err
		}
		confirmed = n.State == ledger.Assigned && n.User == u
	}
	return nil
}
