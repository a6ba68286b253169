package ledgertest

import (
	"errors"
	"reflect"
	"sync"
	"testing"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

func requestTests() map[string]run {
	return map[string]run{
		"request-begin-and-finish":      beginAndFinish,
		"request-duplicate-is-answered": duplicateIsAnswered,
		"request-busy":                  requestBusy,
		"request-race-to-begin":         raceToBegin,
		"request-yield-and-resume":      yieldAndResume,
		"request-takeover":              takeover,
		"request-race-to-take-over":     raceToTakeOver,
		"request-exclusive-owner":       exclusiveOwner,
		"request-mismatch":              mismatch,
		"request-fail":                  failRequest,
		"request-fail-while-running":    failWhileRunning,
		"request-reopen":                reopen,
		"request-list-of-user":          listOfUser,
	}
}

func begin(t *testing.T, l *ledger.Ledger, c command.Command, until time.Time) *ledger.Lease {
	t.Helper()
	lease, finished, err := l.Begin(t.Context(), c, until)
	if err != nil || finished != nil || lease == nil {
		t.Fatalf("begin: lease %v, finished %v, %v; want a lease", lease, finished, err)
	}
	return lease
}

func busy(t *testing.T, l *ledger.Ledger, c command.Command) {
	t.Helper()
	lease, finished, err := l.Begin(t.Context(), c, soon())
	if _, ok := errors.AsType[*ledger.BusyError](err); !ok || lease != nil || finished != nil {
		t.Fatalf("begin: lease %v, finished %v, %v; want a BusyError", lease, finished, err)
	}
}

func answered(t *testing.T, l *ledger.Ledger, c command.Command, want outcome.Event) {
	t.Helper()
	lease, finished, err := l.Begin(t.Context(), c, soon())
	if err != nil || lease != nil || !reflect.DeepEqual(finished, &want) {
		t.Fatalf("begin: lease %v, %v, finished\n %+v\nwant\n%+v", lease, err, finished, want)
	}
}

// recorded reads a request that must be in the given state.
func recorded(t *testing.T, l *ledger.Ledger, key command.Key, state ledger.RequestState) ledger.Request {
	t.Helper()
	r, found, err := l.Request(t.Context(), key)
	if err != nil || !found || r.State != state {
		t.Fatalf("request: %s, found %t, %v; want %s", r.State, found, err, state)
	}
	return r
}

func fenced(t *testing.T, what string, err error) {
	t.Helper()
	if !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("%s: %v, want ErrFenced", what, err)
	}
}

func beginAndFinish(t *testing.T, s *subject) {
	l, c, until := s.ledger(), s.assign("1", "ada"), soon()
	lease := begin(t, l, c, until)
	if lease.Key() != c.Key || !lease.Until().Equal(until) || lease.Attempts() != 1 || lease.Fence() != 1 {
		t.Errorf("lease of %s until %s, attempt %d, fence %d", lease.Key(), lease.Until(), lease.Attempts(), lease.Fence())
	}
	r := recorded(t, l, c.Key, ledger.Running)
	if r.Key != c.Key || r.User != c.User || r.Type != c.Type || r.Outcome != nil || !r.LeaseUntil.Equal(until) {
		t.Errorf("running request: %+v", r)
	}
	o := s.assigned(c, s.number(1))
	must(t, l.Finish(t.Context(), lease, o))
	r = recorded(t, l, c.Key, ledger.Done)
	if !reflect.DeepEqual(r.Outcome, &o) || !r.LeaseUntil.IsZero() || time.Until(r.Expires) < 89*24*time.Hour {
		t.Errorf("finished request: %+v", r)
	}
}

func duplicateIsAnswered(t *testing.T, s *subject) {
	l, c := s.ledger(), s.assign("1", "ada")
	lease := begin(t, l, c, soon())
	o := s.assigned(c, s.number(1))
	must(t, l.Finish(t.Context(), lease, o))
	before := recorded(t, l, c.Key, ledger.Done)
	answered(t, l, c, o)
	fenced(t, "finish again", l.Finish(t.Context(), lease, s.assigned(c, s.number(2))))
	fenced(t, "yield after finish", l.Yield(t.Context(), lease, "late"))
	must(t, l.Fail(t.Context(), c, s.failed(c)))
	if after := recorded(t, l, c.Key, ledger.Done); !reflect.DeepEqual(after, before) {
		t.Errorf("the finished request changed from\n%+v to\n%+v", before, after)
	}
}

func requestBusy(t *testing.T, s *subject) {
	l, c := s.ledger(), s.assign("1", "ada")
	until := soon()
	begin(t, l, c, until)
	_, _, err := l.Begin(t.Context(), c, until.Add(time.Hour))
	if e, ok := errors.AsType[*ledger.BusyError](err); !ok || !e.Until.Equal(until) {
		t.Errorf("begin: %v, want busy until %s", err, until)
	}
	begin(t, l, s.assign("2", "ada"), soon()) // another request is another matter
}

func raceToBegin(t *testing.T, s *subject) {
	for round := range s.Rounds {
		l, c := s.ledger(), s.assign(string(rune('a'+round)), "ada")
		until := soon()
		var mu sync.Mutex
		var leases []*ledger.Lease
		s.race(func(int) {
			lease, finished, err := l.Begin(t.Context(), c, until)
			mu.Lock()
			defer mu.Unlock()
			if lease != nil {
				leases = append(leases, lease)
				return
			}
			if _, ok := errors.AsType[*ledger.BusyError](err); !ok || finished != nil {
				t.Errorf("begin: finished %v, %v; want a BusyError", finished, err)
			}
		})
		if len(leases) != 1 {
			t.Fatalf("%d leases for one request, want 1", len(leases))
		}
		if r := recorded(t, l, c.Key, ledger.Running); r.Fence != 1 || r.Attempts != 1 {
			t.Errorf("fence %d, attempts %d; want 1, 1", r.Fence, r.Attempts)
		}
		must(t, l.Finish(t.Context(), leases[0], s.assigned(c, s.number(1))))
	}
}

func yieldAndResume(t *testing.T, s *subject) {
	l, c := s.ledger(), s.assign("1", "ada")
	lease := begin(t, l, c, soon())
	must(t, l.Yield(t.Context(), lease, "Webex is away"))
	r := recorded(t, l, c.Key, ledger.Waiting)
	if r.Problem != "Webex is away" || r.Owner != "" || !r.LeaseUntil.IsZero() {
		t.Errorf("waiting request: %+v", r)
	}
	again := begin(t, l, c, soon())
	fenced(t, "yield of the old lease", l.Yield(t.Context(), lease, "late"))
	if r := recorded(t, l, c.Key, ledger.Running); r.Problem != "" || r.Fence != 2 || r.Attempts != 2 || r.Lost != 0 || again.Fence() != 2 {
		t.Errorf("resumed request: %+v", r)
	}
}

func takeover(t *testing.T, s *subject) {
	l, c := s.ledger(), s.assign("1", "ada")
	old := begin(t, l, c, over())
	lease := begin(t, l, c, soon())
	before := recorded(t, l, c.Key, ledger.Running)
	if before.Fence != 2 || before.Lost != 1 || before.Attempts != 2 {
		t.Errorf("fence %d, lost %d, attempts %d; want 2, 1, 2", before.Fence, before.Lost, before.Attempts)
	}
	fenced(t, "late finish", l.Finish(t.Context(), old, s.assigned(c, s.number(1))))
	fenced(t, "late yield", l.Yield(t.Context(), old, "late"))
	if after := recorded(t, l, c.Key, ledger.Running); !reflect.DeepEqual(after, before) {
		t.Errorf("a late writer changed\n%+v to\n%+v", before, after)
	}
	o := s.assigned(c, s.number(2))
	must(t, l.Finish(t.Context(), lease, o))
	fenced(t, "late finish", l.Finish(t.Context(), old, s.assigned(c, s.number(1))))
	answered(t, l, c, o)
}

func raceToTakeOver(t *testing.T, s *subject) {
	l, c := s.ledger(), s.assign("1", "ada")
	old := begin(t, l, c, over())
	until := soon()
	leases := make(chan *ledger.Lease, s.Workers)
	s.race(func(int) {
		if lease, _, _ := l.Begin(t.Context(), c, until); lease != nil {
			leases <- lease
		}
		fenced(t, "yield of the old lease", l.Yield(t.Context(), old, "late"))
	})
	if len(leases) != 1 {
		t.Fatalf("%d leases after a takeover, want 1", len(leases))
	}
	must(t, l.Finish(t.Context(), <-leases, s.assigned(c, s.number(1))))
}

func exclusiveOwner(t *testing.T, s *subject) {
	c := s.assign("1", "ada")
	before := ledger.New(s.store, ledger.Options{Owner: "run 1"})
	dead := begin(t, before, c, soon())
	busy(t, ledger.New(s.store, ledger.Options{Owner: "run 2"}), c) // it may be alive, for all run 2 knows
	now := ledger.New(s.store, ledger.Options{Owner: "run 2", Exclusive: true})
	lease := begin(t, now, c, soon())
	if lease.Fence() != 2 {
		t.Errorf("fence %d, want 2", lease.Fence())
	}
	busy(t, now, c) // its own workers are alive
	fenced(t, "finish of the dead", before.Finish(t.Context(), dead, s.assigned(c, s.number(1))))
	must(t, now.Finish(t.Context(), lease, s.assigned(c, s.number(1))))

	left := s.assign("2", "ada")
	begin(t, before, left, soon())
	must(t, now.Fail(t.Context(), left, s.failed(left)))
	recorded(t, now, left.Key, ledger.Failed)
}

func mismatch(t *testing.T, s *subject) {
	l, c := s.ledger(), s.assign("1", "ada")
	lease := begin(t, l, c, soon())
	other := s.assign("1", "ada", func(a *command.Assign) { a.Replace = true })
	try := func() {
		t.Helper()
		if lease, finished, err := l.Begin(t.Context(), other, soon()); !errors.Is(err, ledger.ErrMismatch) || lease != nil || finished != nil {
			t.Errorf("begin: %v, %v, %v; want ErrMismatch", lease, finished, err)
		}
	}
	try()
	must(t, l.Yield(t.Context(), lease, "later"))
	try()
	lease = begin(t, l, c, soon())
	o := s.assigned(c, s.number(1))
	must(t, l.Finish(t.Context(), lease, o))
	try()
	sooner := c
	sooner.Time = time.Unix(1, 0) // when it was sent is not what it asks
	answered(t, l, sooner, o)
}

func failRequest(t *testing.T, s *subject) {
	l, c := s.ledger(), s.assign("1", "ada")
	o := s.failed(c)
	must(t, l.Fail(t.Context(), command.Command{Key: c.Key}, o)) // never begun, and unreadable
	must(t, l.Fail(t.Context(), c, s.failed(s.assign("other", "ada"))))
	r := recorded(t, l, c.Key, ledger.Failed)
	if !reflect.DeepEqual(r.Outcome, &o) || r.Expires.IsZero() {
		t.Errorf("failed request: %+v", r)
	}
	answered(t, l, c, o)

	waiting := s.assign("2", "ada")
	must(t, l.Yield(t.Context(), begin(t, l, waiting, soon()), "later"))
	for _, other := range []command.Command{{Key: waiting.Key}, s.assign("2", "eva")} { // the same key by mistake
		if err := l.Fail(t.Context(), other, o); !errors.Is(err, ledger.ErrMismatch) {
			t.Errorf("fail by another message: %v", err)
		}
	}
	must(t, l.Fail(t.Context(), waiting, o))
	if r := recorded(t, l, waiting.Key, ledger.Failed); r.Problem != "" || r.User != waiting.User {
		t.Errorf("failed request: %+v", r)
	}
}

func failWhileRunning(t *testing.T, s *subject) {
	l, c := s.ledger(), s.assign("1", "ada")
	until := soon()
	lease := begin(t, l, c, until)
	err := l.Fail(t.Context(), c, s.failed(c))
	if e, ok := errors.AsType[*ledger.BusyError](err); !ok || !e.Until.Equal(until) {
		t.Fatalf("fail: %v, want busy until %s", err, until)
	}
	must(t, l.Finish(t.Context(), lease, s.assigned(c, s.number(1)))) // it was not disturbed

	lost := s.assign("2", "ada")
	old := begin(t, l, lost, over())
	must(t, l.Fail(t.Context(), lost, s.failed(lost)))
	fenced(t, "late finish", l.Finish(t.Context(), old, s.assigned(lost, s.number(1))))
	recorded(t, l, lost.Key, ledger.Failed)
}

func reopen(t *testing.T, s *subject) {
	l, c := s.ledger(), s.assign("1", "ada")
	must(t, l.Reopen(t.Context(), c.Key, time.Now(), false)) // unknown
	if _, found, err := l.Request(t.Context(), c.Key); found || err != nil {
		t.Fatalf("reopening an unknown request made one: %t, %v", found, err)
	}
	old := begin(t, l, c, over())
	must(t, l.Reopen(t.Context(), c.Key, time.Now(), false)) // running
	recorded(t, l, c.Key, ledger.Running)
	must(t, l.Fail(t.Context(), c, s.failed(c)))
	for range 2 {
		must(t, l.Reopen(t.Context(), c.Key, time.Now(), false))
		if r := recorded(t, l, c.Key, ledger.Waiting); r.Outcome != nil || !r.Expires.IsZero() {
			t.Errorf("reopened request: %+v", r)
		}
	}
	fenced(t, "finish of a lease from before", l.Finish(t.Context(), old, s.assigned(c, s.number(1))))
	must(t, l.Fail(t.Context(), c, s.failed(c)))
	must(t, l.Reopen(t.Context(), c.Key, time.Now(), true))
	mended := s.assign("1", "eva", func(a *command.Assign) { a.Replace = true })
	lease := begin(t, l, mended, soon())
	o := s.assigned(mended, s.number(1))
	must(t, l.Finish(t.Context(), lease, o))
	if r := recorded(t, l, c.Key, ledger.Done); r.User != mended.User || r.Fence != 2 {
		t.Errorf("mended request: %+v", r)
	}
	must(t, l.Reopen(t.Context(), c.Key, time.Now(), true)) // done
	answered(t, l, mended, o)
}

func listOfUser(t *testing.T, s *subject) {
	l := s.ledger()
	var want []command.Key
	for _, id := range []string{"c", "a", "b"} {
		begin(t, l, s.assign(id, "ada"), soon())
		want = append(want, s.key(id))
	}
	begin(t, l, s.assign("d", "eva"), soon())
	s.eventually(t, func() string {
		requests, err := all(l.Requests(t.Context(), s.user("ada")))
		must(t, err)
		var got []command.Key
		for i, r := range requests {
			got = append(got, r.Key)
			if i > 0 && r.Received.Before(requests[i-1].Received) {
				t.Errorf("received %s after %s", r.Received, requests[i-1].Received)
			}
		}
		if len(got) != len(want) {
			return "the user's requests are not all listed"
		}
		return ""
	})
}
