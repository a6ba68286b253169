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
// work, and returns what does not agree: a line whose number is not this
// person's in the same state, and a number that is reserved or assigned for
// somebody without such a line. Lines that a pin displaced count until the pin
// is settled.
func Audit(ctx context.Context, l *ledger.Ledger, locationID string, users ...sipaddr.User) (problems []string, err error) {
	a := audit{lines: map[e164.Number]owned{}}
	for _, u := range users {
		p, err := l.Person(ctx, u)
		if err != nil {
			return nil, err
		}
		for _, line := range p.Lines {
			a.add(u, line)
		}
	}
	for n, line := range a.lines {
		kept, _, err := l.Number(ctx, n)
		if err != nil {
			return nil, err
		}
		a.compare(line, kept)
	}
	for n, err := range l.Numbers(ctx, locationID) {
		if err != nil {
			return nil, err
		}
		a.line(n)
	}
	slices.Sort(a.problems)
	return a.problems, nil
}

type owned struct {
	ledger.Line
	user sipaddr.User
}

type audit struct {
	lines    map[e164.Number]owned
	problems []string
}

func (a *audit) problem(format string, args ...any) {
	a.problems = append(a.problems, fmt.Sprintf(format, args...))
}

func (a *audit) add(u sipaddr.User, line ledger.Line) {
	if line.Previous != nil {
		a.add(u, *line.Previous)
	}
	if other, shared := a.lines[line.Number]; shared && other.user != u {
		a.problem("%s is on the lines of %s and %s", line.Number, other.user, u)
	}
	a.lines[line.Number] = owned{line, u}
}

func (a *audit) compare(line owned, n ledger.Number) {
	if line.State == ledger.LineAssigned && (n.State != ledger.Assigned || n.User != line.user) {
		a.problem("%s is on the line of %s, but its number is %s of %q", line.Number, line.user, n.State, n.User)
	}
}

// line checks that a number which is somebody's is on a line of theirs.
func (a *audit) line(n ledger.Number) {
	line := a.lines[n.Number]
	switch {
	case n.State != ledger.Reserved && n.State != ledger.Assigned:
	case line.user != n.User, n.State == ledger.Reserved && line.State != ledger.LinePinned:
		a.problem("%s is %s for %s, whose line is %q", n.Number, n.State, n.User, line.State)
	}
}
