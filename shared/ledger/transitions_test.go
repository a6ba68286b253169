package ledger

import (
	"errors"
	"strings"
	"testing"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/outcome"
)

var (
	now    = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	before = now.Add(-time.Second)
	after  = now.Add(time.Second)
	mine   = command.Key{Source: "urn:test", ID: "mine"}
	theirs = command.Key{Source: "urn:test", ID: "theirs"}
)

// word names what a transition answered: the next state, "=" for no change, or
// the refusal.
func word[S ~string](next S, err error) string {
	_, isTaken := errors.AsType[*TakenError](err)
	_, isBusy := errors.AsType[*BusyError](err)
	_, isStanding := errors.AsType[*StandingError](err)
	switch {
	case err == nil:
		return string(next)
	case errors.Is(err, errUnchanged):
		return "="
	case errors.Is(err, ErrFenced):
		return "fenced"
	case errors.Is(err, ErrMismatch):
		return "mismatch"
	case errors.Is(err, errFinished):
		return "answered"
	case isTaken:
		return "taken"
	case isBusy:
		return "busy"
	case isStanding:
		return "stands"
	}
	return err.Error()
}

func TestNumberTransitions(t *testing.T) {
	me := Holder{User: "ada@contoso.test", PhoneType: command.Work, Request: mine, Fence: 2}
	held := func(state NumberState, edit func(*Number)) Number {
		n := Number{Number: "+12056350001", LocationID: "site", State: state, User: me.User, PhoneType: me.PhoneType, Request: mine, Fence: 2}
		if edit != nil {
			edit(&n)
		}
		return n
	}
	others := func(n *Number) { n.User, n.Request = "eva@contoso.test", theirs }
	nobodys := func(until time.Time) func(*Number) {
		return func(n *Number) { n.User, n.PhoneType, n.RestsUntil = "", "", until }
	}
	for _, c := range []struct {
		name string
		from Number
		want string // after claim, confirm, unclaim, park, release
	}{
		{"unknown", Number{}, "reserved fenced = parked ="},
		{"free", held(Free, nobodys(time.Time{})), "reserved fenced = parked ="},
		{"reserved by this lease", held(Reserved, nil), "= assigned free parked quarantined"},
		{"reserved by an earlier lease", held(Reserved, func(n *Number) { n.Fence = 1 }), "reserved assigned free parked quarantined"},
		{"reserved by a later lease", held(Reserved, func(n *Number) { n.Fence = 3 }), "fenced fenced = = quarantined"},
		{"reserved by another request of hers", held(Reserved, func(n *Number) { n.Request = theirs }), "reserved fenced = = quarantined"},
		{"reserved for another phone of hers", held(Reserved, func(n *Number) { n.PhoneType = command.Home }), "taken fenced = = ="},
		{"reserved for another", held(Reserved, others), "taken fenced = = ="},
		{"reserved out of a rest", held(Reserved, func(n *Number) { n.RestsUntil = after }), "= assigned quarantined parked quarantined"},
		{"reserved out of a rest that is over", held(Reserved, func(n *Number) { n.RestsUntil = now }), "= assigned free parked quarantined"},
		{"assigned to her", held(Assigned, nil), "= = = = quarantined"},
		{"assigned to her by another request", held(Assigned, func(n *Number) { n.Request = theirs }), "= = = = quarantined"},
		{"assigned to another", held(Assigned, others), "taken fenced = = ="},
		{"quarantined after her", held(Quarantined, func(n *Number) { n.RestsUntil = after }), "reserved fenced = parked ="},
		{"quarantined after another", held(Quarantined, func(n *Number) { others(n); n.RestsUntil = after }), "taken fenced = = ="},
		{"rested after another, on the second", held(Quarantined, func(n *Number) { others(n); n.RestsUntil = now }), "reserved fenced = parked ="},
		{"parked for good", held(Parked, nobodys(time.Time{})), "taken fenced = = ="},
		{"parked", held(Parked, nobodys(after)), "taken fenced = = ="},
		{"parked long enough", held(Parked, nobodys(before)), "reserved fenced = parked ="},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, event := range []func() (Number, error){
				func() (Number, error) { return c.from.claimed("+12056350001", "site", me, now) },
				func() (Number, error) { return c.from.confirmed(me, now) },
				func() (Number, error) { return c.from.unclaimed(me, now) },
				func() (Number, error) { return c.from.parked("+12056350001", "site", me, "refused", after, now) },
				func() (Number, error) { return c.from.released(c.from.Request, me, after, now) },
			} {
				next, err := event()
				got = append(got, word(next.State, err))
				if err == nil && (next.Number != "+12056350001" || next.LocationID != "site" || !next.Since.Equal(now)) {
					t.Errorf("became %+v", next)
				}
				if err == nil && next.State != Reserved && next.Fence != 0 {
					t.Errorf("%s with fence %d", next.State, next.Fence)
				}
			}
			if got := strings.Join(got, " "); got != c.want {
				t.Errorf("claim, confirm, unclaim, park, release:\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

// A rest never ends sooner than it was to end, whatever happens to the number.
func TestNumberKeepsTheLaterRest(t *testing.T) {
	me := Holder{User: "ada@contoso.test", PhoneType: command.Work, Request: mine}
	resting := Number{State: Quarantined, User: me.User, PhoneType: me.PhoneType, RestsUntil: after}
	reserved, err := resting.claimed("+12056350001", "site", me, now)
	if err != nil {
		t.Fatal(err)
	}
	for _, until := range []time.Time{now, after, after.Add(time.Hour)} {
		want := later(until, after)
		if n, err := reserved.released(mine, me, until, now); err != nil || !n.RestsUntil.Equal(want) {
			t.Errorf("released until %s rests until %s, %v; want %s", until, n.RestsUntil, err, want)
		}
		for name, n := range map[string]Number{"resting": resting, "reserved": reserved} {
			if n, err := n.parked("+12056350001", "site", me, "refused", until, now); err != nil || !n.RestsUntil.Equal(want) {
				t.Errorf("%s, parked until %s rests until %s, %v; want %s", name, until, n.RestsUntil, err, want)
			}
		}
	}
	if n, err := reserved.parked("+12056350001", "site", me, "refused", time.Time{}, now); err != nil || !n.RestsUntil.IsZero() {
		t.Errorf("parked for good until %s, %v", n.RestsUntil, err)
	}
	if n, err := reserved.confirmed(me, now); err != nil || !n.RestsUntil.IsZero() {
		t.Errorf("assigned with a rest until %s, %v", n.RestsUntil, err)
	}
}

func TestRequestTransitions(t *testing.T) {
	want := Request{Key: mine, Type: command.TypeAssign, User: "ada@contoso.test", Fingerprint: "f", Owner: "me", Lease: "new", LeaseUntil: after}
	from := func(state RequestState, edit func(*Request)) Request {
		r := Request{Key: mine, Type: command.TypeAssign, User: "ada@contoso.test", Fingerprint: "f", State: state, Fence: 1, Attempts: 1, Received: before}
		if edit != nil {
			edit(&r)
		}
		return r
	}
	leased := func(owner string, until time.Time) func(*Request) {
		return func(r *Request) { r.Owner, r.LeaseUntil, r.Lease = owner, until, "old" }
	}
	for _, c := range []struct {
		name string
		from Request
		want string // after begin, begin by an exclusive owner, fail, reopen
	}{
		{"unknown", Request{}, "running running failed ="},
		{"running here", from(Running, leased("me", after)), "busy busy failed ="},
		{"running elsewhere", from(Running, leased("you", after)), "busy running failed ="},
		{"running until now", from(Running, leased("me", now)), "running running failed ="},
		{"lost", from(Running, leased("you", before)), "running running failed ="},
		{"waiting", from(Waiting, nil), "running running failed ="},
		{"waiting, mended", from(Waiting, func(r *Request) { r.Fingerprint, r.User = "", "eva@contoso.test" }), "running running failed ="},
		{"done", from(Done, nil), "answered answered = ="},
		{"failed", from(Failed, nil), "answered answered = waiting"},
		{"failed, never read", from(Failed, func(r *Request) { r.Fingerprint, r.Type, r.User = "", "", "" }), "answered answered = waiting"},
		{"another's, running", from(Running, func(r *Request) { r.Fingerprint = "g" }), "mismatch mismatch failed ="},
		{"another's, waiting", from(Waiting, func(r *Request) { r.Fingerprint = "g" }), "mismatch mismatch failed ="},
		{"another's, done", from(Done, func(r *Request) { r.Fingerprint = "g" }), "mismatch mismatch = ="},
	} {
		t.Run(c.name, func(t *testing.T) {
			begun, err := c.from.begin(want, false, now)
			got := []string{word(begun.State, err)}
			if err == nil {
				checkBegun(t, c.from, begun, want)
			}
			next, err := c.from.begin(want, true, now)
			got = append(got, word(next.State, err))
			failed, err := c.from.failed(command.Command{Key: mine}, outcome.Event{ID: "1"}, now, time.Hour)
			got = append(got, word(failed.State, err))
			if err == nil && (failed.Outcome == nil || failed.Owner+failed.Lease != "" || !failed.LeaseUntil.IsZero() || !failed.Expires.Equal(now.Add(time.Hour))) {
				t.Errorf("failed: %+v", failed)
			}
			next, err = c.from.reopened(false, now)
			got = append(got, word(next.State, err))
			if got := strings.Join(got, " "); got != c.want {
				t.Errorf("begin, begin exclusively, fail, reopen:\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func checkBegun(t *testing.T, from, got, want Request) {
	t.Helper()
	lost := 0
	if from.State == Running {
		lost = 1
	}
	if got.Fence != from.Fence+1 || got.Attempts != from.Attempts+1 || got.Lost != from.Lost+lost {
		t.Errorf("fence %d, attempts %d, lost %d", got.Fence, got.Attempts, got.Lost)
	}
	if got.Key != want.Key || got.Type != want.Type || got.User != want.User || got.Fingerprint != want.Fingerprint ||
		got.Owner != want.Owner || got.Lease != want.Lease || !got.LeaseUntil.Equal(want.LeaseUntil) {
		t.Errorf("begun: %+v", got)
	}
	if received := from.Received; !received.IsZero() && !got.Received.Equal(received) {
		t.Errorf("received at %s, was %s", got.Received, received)
	}
}

func TestPersonTransitions(t *testing.T) {
	earlier := Line{State: LineAssigned, Number: "+12056350009", Request: command.Key{ID: "earlier"}, Original: outcome.Phone{Number: "original"}}
	line := func(state LineState, number string, request command.Key, previous *Line) map[command.PhoneType]Line {
		return map[command.PhoneType]Line{command.Work: {
			State: state, Number: e164.Number("+1205635000" + number), Request: request, Previous: previous,
			Before: outcome.Phone{Number: "before"}, Original: outcome.Phone{Number: "original"},
		}}
	}
	for _, c := range []struct {
		name  string
		lines map[command.PhoneType]Line
		want  string // after pin of 1 by one who knew 1, the same with replace, adopt of 1, settle of 1, unpin of 1
	}{
		{"no line", nil, "pinned pinned fenced fenced ="},
		{"pinned to 1 by this request", line(LinePinned, "1", mine, nil), "pinned pinned = assigned none"},
		{"pinned to 1 by this request, replacing", line(LinePinned, "1", mine, &earlier), "pinned pinned = assigned assigned"},
		{"pinned to 1 under a later lease", fencedAt(3, line(LinePinned, "1", mine, nil)), "fenced fenced = fenced ="},
		{"pinned to 1 under an earlier lease", fencedAt(1, line(LinePinned, "1", mine, nil)), "pinned pinned = assigned none"},
		{"pinned to 2 by this request", line(LinePinned, "2", mine, nil), "fenced fenced fenced fenced ="},
		{"pinned to 1 by another", line(LinePinned, "1", theirs, nil), "stands pinned pinned fenced ="},
		{"pinned to 2 by another", line(LinePinned, "2", theirs, nil), "stands pinned fenced fenced ="},
		{"assigned 1 by this request", line(LineAssigned, "1", mine, nil), "stands stands = = ="},
		{"assigned 2 by this request", line(LineAssigned, "2", mine, nil), "stands stands fenced fenced ="},
		{"assigned 1 by another", line(LineAssigned, "1", theirs, nil), "stands pinned assigned fenced ="},
		{"assigned 2 by another", line(LineAssigned, "2", theirs, nil), "stands pinned fenced fenced ="},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := Person{User: "ada@contoso.test", Lines: c.lines}
			one := Line{State: LinePinned, Number: "+12056350001", Request: mine, Fence: 2, Before: outcome.Phone{Number: "found"}}
			known := Line{Number: one.Number, Request: theirs}
			var got []string
			for _, event := range []func() (Person, error){
				func() (Person, error) { return p.pinned(command.Work, one.Number, one, false, now) },
				func() (Person, error) { return p.pinned(command.Work, one.Number, one, true, now) },
				func() (Person, error) { return p.adopted(command.Work, known, mine) },
				func() (Person, error) { return p.settled(command.Work, one, mine, nil, now) },
				func() (Person, error) { return p.unpinned(command.Work, one, mine) },
			} {
				next, err := event()
				state := LineState("none")
				if l, found := next.Line(command.Work); found {
					state = l.State
				}
				got = append(got, word(state, err))
			}
			if got := strings.Join(got, " "); got != c.want {
				t.Errorf("pin, replace, adopt, settle, unpin:\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func fencedAt(fence int64, lines map[command.PhoneType]Line) map[command.PhoneType]Line {
	line := lines[command.Work]
	line.Fence = fence
	return map[command.PhoneType]Line{command.Work: line}
}
