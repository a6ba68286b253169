package ledger

import (
	"strings"
	"testing"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/outcome"
)

func TestRecallTransitions(t *testing.T) {
	on := func(state LineState, number string, request command.Key, fence int64, previous *Line) map[command.PhoneType]Line {
		return map[command.PhoneType]Line{command.Work: {
			State: state, Number: e164.Number("+1205635000" + number), Request: request, Fence: fence, Previous: previous,
		}}
	}
	under := on(LineAssigned, "1", theirs, 0, nil)[command.Work]
	answered := map[command.PhoneType]outcome.Released{command.Work: {Request: mine}}
	for _, c := range []struct {
		name     string
		lines    map[command.PhoneType]Line
		released map[command.PhoneType]outcome.Released
		want     string // after recall by one who knew 1 assigned by another, the same by one who knew this line, reinstate, vacate
	}{
		{"no line", nil, nil, "fenced fenced = fenced"},
		{"no line any more", nil, answered, "fenced fenced = ="},
		{"assigned 1 by another", on(LineAssigned, "1", theirs, 0, nil), nil, "releasing releasing = fenced"},
		{"assigned 1 by another, later", on(LineAssigned, "1", theirs, 0, nil), answered, "releasing releasing = ="},
		{"assigned 2 by another", on(LineAssigned, "2", theirs, 0, nil), nil, "fenced releasing = fenced"},
		{"pinned to 1 by another", on(LinePinned, "1", theirs, 1, nil), nil, "fenced releasing = fenced"},
		{"recalled by this lease", on(LineReleasing, "1", mine, 2, &under), nil, "= = assigned none"},
		{"recalled by an earlier lease", on(LineReleasing, "1", mine, 1, &under), nil, "releasing releasing assigned none"},
		{"recalled by a later lease", on(LineReleasing, "1", mine, 3, &under), nil, "fenced fenced = fenced"},
		{"recalled by another", on(LineReleasing, "1", theirs, 1, &under), nil, "fenced releasing = fenced"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Person{User: "ada@contoso.test", Lines: c.lines, Released: c.released}
			recall := Line{State: LineReleasing, Number: "+12056350001", Request: mine, Fence: 2, Before: outcome.Phone{Number: "found"}}
			var got []string
			for _, event := range []func() (Person, error){
				func() (Person, error) { return p.recalled(command.Work, under, recall, now) },
				func() (Person, error) { return p.recalled(command.Work, c.lines[command.Work], recall, now) },
				func() (Person, error) { return p.reinstated(command.Work, recall) },
				func() (Person, error) { return p.vacated(command.Work, recall, outcome.Released{Request: mine}) },
			} {
				next, err := event()
				state := LineState("none")
				if l, found := next.Line(command.Work); found {
					state = l.State
				}
				got = append(got, word(state, err))
				if len(p.Released) != len(c.released) || len(p.Lines) != len(c.lines) {
					t.Fatal("the person as it was is not what it was")
				}
			}
			if got := strings.Join(got, " "); got != c.want {
				t.Errorf("recall, recall as known, reinstate, vacate:\n got %s\nwant %s", got, c.want)
			}
		})
	}
}
