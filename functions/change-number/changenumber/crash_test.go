package changenumber_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"

	"dialtone/infra/sim/simkit"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/sipaddr"
)

// life is a process that dies at one of its side effects: a write to the ledger
// or a call to a vendor, counted from 1, before or after it took effect. From
// then on nothing it does reaches anybody.
type life struct {
	mu        sync.Mutex
	step      int
	dies      int
	afterward bool
	dead      bool
	end       context.CancelFunc
}

var errDead = errors.New("the process is dead")

// act runs one side effect of the process.
func (l *life) act(effect func() error) error {
	l.mu.Lock()
	l.step++
	last, dead := l.step == l.dies, l.dead
	l.dead = dead || last
	l.mu.Unlock()
	if dead || last && !l.afterward {
		l.end()
		return errDead
	}
	err := effect()
	if last {
		l.end()
		return errDead
	}
	return err
}

func (l *life) isDead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

type mortalTransport struct {
	http.RoundTripper
	life *life
}

func (m mortalTransport) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	dead := m.life.act(func() error { resp, err = m.RoundTripper.RoundTrip(r); return nil })
	if dead != nil {
		if resp != nil {
			_ = resp.Body.Close()
		}
		return nil, dead
	}
	return resp, err
}

type mortalStore struct {
	ledger.Store
	life *life
}

func (m mortalStore) Put(ctx context.Context, i ledger.Item) (err error) {
	if dead := m.life.act(func() error { err = m.Store.Put(ctx, i); return nil }); dead != nil {
		return dead
	}
	return err
}

func (m mortalStore) Get(ctx context.Context, k ledger.Key) (ledger.Item, error) {
	if m.life.isDead() {
		return ledger.Item{}, errDead
	}
	return m.Store.Get(ctx, k)
}

func (m mortalStore) List(ctx context.Context, index, from, to string) iter.Seq2[ledger.Item, error] {
	if m.life.isDead() {
		return func(yield func(ledger.Item, error) bool) { yield(ledger.Item{}, errDead) }
	}
	return m.Store.List(ctx, index, from, to)
}

// TestCrashAtEverySideEffect lets the process die at each of its side effects
// in turn, before and after the effect, and hands the message to a new one.
func TestCrashAtEverySideEffect(t *testing.T) {
	for name, c := range map[string]struct {
		prepare []data // requests done before
		crash   data
		changes int  // visible ones that the request may make
		left    data // a request that never ended, after prepare; nil: none
	}{
		"new hire":                  {nil, nil, 1, nil},
		"replace":                   {[]data{nil}, data{"replace": true}, 1, nil},
		"already there":             {[]data{nil}, nil, 0, nil},
		"other phone, on the card":  {[]data{nil}, data{"phoneType": "other", "includeInContactCard": true}, 1, nil},
		"dry run changes nothing":   {nil, data{"dryRun": true}, 0, nil},
		"dry run of a replacement":  {[]data{nil}, data{"replace": true, "dryRun": true}, 0, nil},
		"another wished for":        {[]data{{"number": "+12055000000"}}, data{"number": "+12055000003", "replace": true}, 1, nil},
		"the one at hand":           {[]data{{"number": "+12055000003"}}, data{"number": "+12055000003", "replace": true}, 0, nil},
		"after a first that failed": {nil, nil, 1, data{}},
		"after a failed replace":    {[]data{nil}, nil, 0, data{"replace": true}},
		"replace after another":     {[]data{nil}, data{"replace": true}, 1, data{"replace": true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, afterward := range []bool{false, true} {
				alive := false
				for step := 1; !alive && step < 100; step++ {
					synctest.Test(t, func(t *testing.T) { // a dead process waits for a while before it gives up
						l := &life{dies: step, afterward: afterward}
						crashOnce(t, l, c.prepare, c.left, c.crash, c.changes)
						alive = !l.isDead() // it lived through all its steps
					})
				}
				if !alive {
					t.Error("the request never ends")
				}
			}
		})
	}
}

func crashOnce(t *testing.T, l *life, prepare []data, left, last data, changes int) {
	t.Helper()
	s := newSite(t, options{inProcess: true})
	for i, d := range prepare {
		s.done(s.assign(fmt.Sprint("before-", i), 1, d))
	}
	if left != nil {
		s.fault(simkit.Fault{Operation: "changeNumber", Status: 503, Times: 1})
		s.comesBack(s.assign("left", 1, left))
	}
	before := s.skypeUser(1).ChangeCount
	body := s.assign("the one", 1, last)
	s.life = l
	s.restart()
	s.deliver(body)
	s.life = nil
	s.restart()
	a := s.done(body)
	again := s.done(body)
	where := fmt.Sprintf("death at step %d, afterward %v", l.dies, l.afterward)
	if a.Number != again.Number {
		t.Errorf("%s: two answers: %s, %s", where, a.Number, again.Number)
	}
	u := s.skypeUser(1)
	if got := u.ChangeCount - before; got != changes {
		t.Errorf("%s: %d visible changes, want %d", where, got, changes)
	}
	if len(s.queue.letters) > 0 {
		t.Errorf("%s: dead letter %v", where, s.queue.letters[0].Attributes)
	}
	s.agree(where)
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
