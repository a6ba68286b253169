package changenumber_test

import (
	"fmt"
	"testing"
	"testing/synctest"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
	"dialtone/shared/worker/mortal"
)

// deed is what happens to the first user: a request with an id, whose message is
// returned, or something done by hand, without one.
type deed func(s *site, id string) (body string)

func assigning(d data) deed {
	return func(s *site, id string) string { return s.assign(id, 1, d) }
}

func releasing(d data) deed {
	return func(s *site, id string) string { return s.release(id, 1, d) }
}

func byHand(number string) deed {
	return func(s *site, _ string) string { s.set(1, ucwasim.Phone{Number: number}); return "" }
}

// crash is a request that dies on the way.
type crash struct {
	before  []deed        // done before
	left    deed          // a request that never ended, after these; nil: none
	trouble *simkit.Fault // of its changeNumber; nil: 503, not applied
	last    deed
	changes int  // visible ones that it may make
	whole   bool // it dies everywhere, whatever that costs
	open    bool // the request that never ended is open after it, too
	check   func(t *testing.T, s *site, answer outcome.Event)
}

// TestCrashAtEverySideEffect lets the process die before the first of its side
// effects and after each in turn, and hands the message to a new one. To die
// before one is to die after the one before it.
//
// `make prove` plays every death of every request. Otherwise that is done with a
// plain assign and a plain release; the others die at every eighth step, each
// beginning at another one.
func TestCrashAtEverySideEffect(t *testing.T) {
	first := []deed{assigning(nil)}
	for name, c := range map[string]crash{
		"new hire":                  {last: assigning(nil), changes: 1, whole: true},
		"replace":                   {before: first, last: assigning(data{"replace": true}), changes: 1, check: replacedOne},
		"already there":             {before: first, last: assigning(nil)},
		"other phone, on the card":  {last: assigning(data{"phoneType": "other", "includeInContactCard": true}), changes: 1},
		"dry run changes nothing":   {last: assigning(data{"dryRun": true})},
		"dry run of a replacement":  {before: first, last: assigning(data{"replace": true, "dryRun": true})},
		"another wished for":        {before: []deed{assigning(data{"number": "+12055000000"})}, last: assigning(data{"number": "+12055000003", "replace": true}), changes: 1},
		"the one at hand":           {before: []deed{assigning(data{"number": "+12055000003"})}, last: assigning(data{"number": "+12055000003", "replace": true})},
		"over a number set by hand": {before: []deed{byHand("tel:+4989555123")}, last: assigning(data{"replace": true}), changes: 1},
		"after a first that failed": {left: assigning(nil), last: assigning(nil), changes: 1},
		"after a failed replace":    {before: first, left: assigning(data{"replace": true}), last: assigning(nil)},
		"replace after another":     {before: first, left: assigning(data{"replace": true}), last: assigning(data{"replace": true}), changes: 1},
	} {
		t.Run(name, c.everywhere)
	}
}

func replacedOne(t *testing.T, _ *site, answer outcome.Event) {
	if a, err := answer.Assigned(); err != nil || len(a.Replaced) != 1 {
		t.Errorf("outcome %+v, %v; want one number that rests", a, err)
	}
}

func (c crash) everywhere(t *testing.T) {
	t.Parallel()
	alive := false
	first, stride := len(t.Name())%deathStride, deathStride
	if c.whole {
		first, stride = 0, 1
	}
	for step := first; !alive && step < 100; step += stride {
		synctest.Test(t, func(t *testing.T) { // a dead process waits for a while before it gives up
			l := &mortal.Life{Dies: step}
			c.once(t, l)
			alive = !l.IsDead() // it lived through all its steps
		})
	}
	if !alive {
		t.Error("the request never ends")
	}
}

func (c crash) once(t *testing.T, l *mortal.Life) {
	t.Helper()
	s := smallSite(t)
	c.prepare(s)
	before := s.skypeUser(1).ChangeCount
	body := c.last(s, "the one")
	s.life = l
	s.restart()
	s.deliver(body)
	s.life = nil
	s.restart()
	answer := s.end(body)
	where := fmt.Sprintf("death after step %d", l.Dies)
	if again := s.end(body); string(again.Data) != string(answer.Data) {
		t.Errorf("%s: two answers: %s, %s", where, answer.Data, again.Data)
	}
	if got := s.skypeUser(1).ChangeCount - before; got != c.changes {
		t.Errorf("%s: %d visible changes, want %d", where, got, c.changes)
	}
	if len(s.queue.letters) > 0 {
		t.Errorf("%s: dead letter %v", where, s.queue.letters[0].Attributes)
	}
	if !c.open {
		s.agree(where)
	}
	if c.check != nil {
		c.check(t, s, answer)
	}
	if t.Failed() {
		t.Log(where)
	}
}

// smallSite is quickly made, for tests that make many.
func smallSite(t *testing.T) *site {
	t.Helper()
	return newSite(t, options{
		inProcess: true, skype: ucwasim.Config{Users: 2},
		locations: []webexsim.Location{{Name: "Home", Prefix: "+1205", Numbers: 6}},
	})
}

func (c crash) prepare(s *site) {
	s.t.Helper()
	for i, d := range c.before {
		if body := d(s, fmt.Sprint("before-", i)); body != "" {
			s.end(body)
		}
	}
	if c.left == nil {
		return
	}
	trouble := simkit.Fault{Status: 503}
	if c.trouble != nil {
		trouble = *c.trouble
		s.fault(simkit.Fault{Operation: "phones", After: 1, Status: 503})
	}
	trouble.Operation, trouble.Times = "changeNumber", 1
	s.fault(trouble)
	s.comesBack(c.left(s, "left"))
	s.skype.Script().Clear()
	s.restart()
}

// agree checks that ledger and phones tell the same, with nothing half done.
func (s *site) agree(where string) {
	s.t.Helper()
	s.noSharedNumbers()
	held := map[e164.Number]bool{}
	for _, u := range s.skype.Users() {
		p, err := s.ledger.Person(s.t.Context(), sipaddr.User(u.User))
		if err != nil {
			s.t.Fatal(err)
		}
		for typ, line := range p.Lines {
			held[line.Number] = true
			if line.State != ledger.LineAssigned || line.Previous != nil {
				s.t.Errorf("%s: line %+v", where, line)
			}
			if !e164.Same(u.Phones[string(typ)].Number, string(line.Number)) {
				s.t.Errorf("%s: %s phone shows %q, ledger says %q", where, typ, u.Phones[string(typ)].Number, line.Number)
			}
		}
	}
	for n, err := range s.ledger.Numbers(s.t.Context(), s.home) {
		if err != nil {
			s.t.Fatal(err)
		}
		taken := n.State == ledger.Reserved || n.State == ledger.Assigned
		if taken != held[n.Number] || n.State == ledger.Reserved {
			s.t.Errorf("%s: number is %s, held by a line: %v", where, n.State, held[n.Number])
		}
	}
}
