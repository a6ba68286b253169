package ledgertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dialtone/shared/ledger"
	"dialtone/shared/sipaddr"
)

func contactsTests() map[string]run {
	return map[string]run{
		"contacts-life":                          contactsLife,
		"contacts-enrol-twice":                   contactsEnrolTwice,
		"contacts-race-to-enrol":                 contactsRaceToEnrol,
		"contacts-race-to-take":                  contactsRaceToTake,
		"contacts-repeated-order-is-not-due":     contactsNotDue,
		"contacts-lease-that-is-over":            contactsLateWorker,
		"contacts-setbacks":                      contactsSetbacks,
		"contacts-enrolled-while-worked-on":      contactsEnrolledMeanwhile,
		"contacts-kept-application":              keptApplication,
		"contacts-list-is-saved-once":            contactListSaved,
		"contacts-due-reads-the-due-alone":       contactsDue,
		"contacts-sweep-is-of-one-run-at-a-time": sweepOfOne,
	}
}

// wallTime is a time of whole seconds, relative to now.
func wallTime(from time.Duration) time.Time {
	return time.Now().UTC().Add(from).Truncate(time.Second)
}

func (s *subject) enrol(t *testing.T, l *ledger.Ledger, user string, due time.Time) ledger.Contacts {
	t.Helper()
	c, err := l.EnrolContacts(t.Context(), s.user(user), ledger.Enrolment{Request: s.key("enrol " + user), DurationMinutes: 30, Due: due})
	must(t, err)
	return c
}

func (s *subject) take(t *testing.T, l *ledger.Ledger, user string, due time.Time) *ledger.ContactsLease {
	t.Helper()
	lease, err := l.TakeContacts(t.Context(), s.user(user), due, soon())
	must(t, err)
	return lease
}

// contactsOf reads a user's subscription, which must be there.
func (s *subject) contactsOf(t *testing.T, user string) ledger.Contacts {
	t.Helper()
	c, found, err := s.ledger().Contacts(t.Context(), s.user(user))
	must(t, err)
	if !found {
		t.Fatalf("no contacts of %s", user)
	}
	return c
}

func contactsLife(t *testing.T, s *subject) {
	l, due := s.ledger(), wallTime(0)
	if _, found, err := l.Contacts(t.Context(), s.user("ada")); found || err != nil {
		t.Errorf("before: found %t, %v", found, err)
	}
	if _, err := l.TakeContacts(t.Context(), s.user("ada"), time.Time{}, soon()); !errors.Is(err, ledger.ErrNotEnrolled) {
		t.Errorf("take of nobody: %v", err)
	}
	if c := s.enrol(t, l, "ada", due); c.State != ledger.ContactsSubscribing || c.DurationMinutes != 30 || !c.Due.Equal(due) || c.Since.IsZero() {
		t.Errorf("enrolled: %+v", c)
	}
	next, expires := wallTime(7*time.Minute), wallTime(30*time.Minute)
	must(t, l.ContactsAlive(t.Context(), s.take(t, l, "ada", due), ledger.ContactsContact{Expires: expires, Due: next, List: "f1"}))
	c := s.contactsOf(t, "ada")
	if c.State != ledger.ContactsAlive || !c.Due.Equal(next) || !c.Expires.Equal(expires) || c.List != "f1" || c.Lease != "" || c.Fence != 1 || c.Alive.IsZero() {
		t.Errorf("alive: %+v", c)
	}
	if c.StateAt(expires.Add(-1)) != ledger.ContactsAlive || c.StateAt(expires) != ledger.ContactsLapsed {
		t.Error("it lapses at another time than it expires")
	}
	must(t, l.ContactsAlive(t.Context(), s.take(t, l, "ada", next), ledger.ContactsContact{Expires: expires, Due: next}))
	if c := s.contactsOf(t, "ada"); c.List != "f1" {
		t.Errorf("the fingerprint is lost: %+v", c)
	}
	must(t, l.StopContacts(t.Context(), s.take(t, l, "ada", time.Time{}), s.key("stop")))
	c = s.contactsOf(t, "ada")
	if c.State != ledger.ContactsStopped || !c.Due.IsZero() || c.List != "" || c.Request != s.key("stop") || !c.Forget.After(time.Now()) {
		t.Errorf("stopped: %+v", c)
	}
	if c := s.enrol(t, l, "ada", due); c.State != ledger.ContactsSubscribing || c.Fence != 3 || !c.Forget.IsZero() || !c.Alive.IsZero() {
		t.Errorf("enrolled again: %+v", c)
	}
}

func contactsEnrolTwice(t *testing.T, s *subject) {
	l, due := s.ledger(), wallTime(time.Minute)
	first := s.enrol(t, l, "ada", due)
	if again := s.enrol(t, l, "ada", due.Add(-time.Second)); again != first {
		t.Errorf("the same request changed\n     %+v\ninto %+v", first, again)
	}
	must(t, l.ContactsAlive(t.Context(), s.take(t, l, "ada", due), ledger.ContactsContact{Expires: soon(), Due: due}))
	other := ledger.Enrolment{Request: s.key("other"), DurationMinutes: 60, Due: due.Add(time.Hour)}
	c, err := l.EnrolContacts(t.Context(), s.user("ada"), other)
	must(t, err)
	if c.State != ledger.ContactsAlive || c.DurationMinutes != 60 || !c.Due.Equal(due) || c.Request != other.Request {
		t.Errorf("another request: %+v", c)
	}
	other.Due, other.DurationMinutes = due.Add(-time.Hour), 10
	if c, err = l.EnrolContacts(t.Context(), s.user("ada"), other); err != nil || !c.Due.Equal(other.Due) {
		t.Errorf("an earlier time: %+v, %v", c, err)
	}
}

func contactsRaceToEnrol(t *testing.T, s *subject) {
	s.race(func(int) {
		_, err := s.ledger().EnrolContacts(t.Context(), s.user("ada"), ledger.Enrolment{Request: s.key("1"), DurationMinutes: 30, Due: over()})
		if err != nil {
			t.Errorf("enrol: %v", err)
		}
	})
	if c := s.contactsOf(t, "ada"); c.State != ledger.ContactsSubscribing || c.Request != s.key("1") {
		t.Errorf("%+v", c)
	}
}

// contactsRaceToTake has all workers take a user at once: one works at a time,
// and only the first finds anything to do.
func contactsRaceToTake(t *testing.T, s *subject) {
	l := s.ledger()
	s.enrol(t, l, "ada", over())
	for round := range s.Rounds {
		before := s.contactsOf(t, "ada")
		var took, within atomic.Int32
		s.race(func(int) {
			l := s.ledger()
			lease, err := l.TakeContacts(t.Context(), s.user("ada"), before.Due, soon())
			locked, isLocked := errors.AsType[*ledger.LockedError](err)
			_, notDue := errors.AsType[*ledger.NotDueError](err)
			switch {
			case err == nil:
			case isLocked && locked.Until.After(time.Now()), notDue:
				return
			default:
				t.Errorf("take: %v", err)
				return
			}
			took.Add(1)
			if within.Add(1) > 1 {
				t.Error("two at a time")
			}
			defer within.Add(-1)
			if err := l.ContactsAlive(t.Context(), lease, ledger.ContactsContact{Expires: soon(), Due: before.Due.Add(time.Minute)}); err != nil {
				t.Errorf("alive: %v", err)
			}
		})
		if c := s.contactsOf(t, "ada"); took.Load() != 1 || c.Fence != int64(round+1) || c.Lease != "" {
			t.Errorf("taken %d times; %+v", took.Load(), c)
		}
	}
}

func contactsNotDue(t *testing.T, s *subject) {
	l, due := s.ledger(), wallTime(0)
	s.enrol(t, l, "ada", due)
	next := due.Add(7 * time.Minute)
	must(t, l.ContactsAlive(t.Context(), s.take(t, l, "ada", due), ledger.ContactsContact{Expires: soon(), Due: next}))
	_, err := l.TakeContacts(t.Context(), s.user("ada"), due.Add(time.Minute), soon())
	if e, ok := errors.AsType[*ledger.NotDueError](err); !ok || !e.Due.Equal(next) || e.State != ledger.ContactsAlive {
		t.Errorf("take again: %v", err)
	}
	must(t, l.ParkContacts(t.Context(), s.take(t, l, "ada", next), "no way"))
	if c := s.contactsOf(t, "ada"); c.State != ledger.ContactsParked || c.Problem != "no way" {
		t.Errorf("parked: %+v", c)
	}
	_, err = l.TakeContacts(t.Context(), s.user("ada"), soon(), soon())
	if e, ok := errors.AsType[*ledger.NotDueError](err); !ok || e.State != ledger.ContactsParked {
		t.Errorf("take of who is parked: %v", err)
	}
	s.take(t, l, "ada", time.Time{})
}

// contactsLateWorker lets a lease end: the next worker takes over, and the first
// writes nothing any more.
func contactsLateWorker(t *testing.T, s *subject) {
	l := s.ledger()
	due := s.enrol(t, l, "ada", over()).Due
	late, err := l.TakeContacts(t.Context(), s.user("ada"), due, over())
	must(t, err)
	must(t, l.KeepApplication(t.Context(), late, ledger.KeptApplication{Application: json.RawMessage(`{"n":1}`)}))
	next := s.take(t, l, "ada", due)
	if next.Fence() != late.Fence()+1 {
		t.Errorf("fence %d after %d", next.Fence(), late.Fence())
	}
	must(t, l.KeepApplication(t.Context(), next, ledger.KeptApplication{Application: json.RawMessage(`{"n":2}`)}))
	for what, write := range map[string]func() error{
		"alive":    func() error { return l.ContactsAlive(t.Context(), late, ledger.ContactsContact{Due: soon()}) },
		"postpone": func() error { return l.PostponeContacts(t.Context(), late, ledger.ContactsSetback{Due: soon()}) },
		"park":     func() error { return l.ParkContacts(t.Context(), late, "") },
		"stop":     func() error { return l.StopContacts(t.Context(), late, s.key("late")) },
		"drop":     func() error { return l.DropApplication(t.Context(), late) },
		"keep": func() error {
			return l.KeepApplication(t.Context(), late, ledger.KeptApplication{Application: json.RawMessage(`{"n":3}`)})
		},
	} {
		if err := write(); !errors.Is(err, ledger.ErrFenced) {
			t.Errorf("%s under a lease that is over: %v", what, err)
		}
	}
	must(t, l.ContactsAlive(t.Context(), next, ledger.ContactsContact{Expires: soon(), Due: soon()}))
	if err := l.ContactsAlive(t.Context(), late, ledger.ContactsContact{Due: over()}); !errors.Is(err, ledger.ErrFenced) {
		t.Errorf("after the next worker: %v", err)
	}
}

func contactsSetbacks(t *testing.T, s *subject) {
	l := s.ledger()
	due := s.enrol(t, l, "ada", over()).Due
	postpone := func(b ledger.ContactsSetback) ledger.Contacts {
		t.Helper()
		due = due.Add(time.Second)
		b.Due = due
		must(t, l.PostponeContacts(t.Context(), s.take(t, l, "ada", soon()), b))
		return s.contactsOf(t, "ada")
	}
	c := postpone(ledger.ContactsSetback{Problem: "first", Lapsed: true})
	if c.State != ledger.ContactsSubscribing || c.Failures != 1 || c.Failing.IsZero() || c.Problem != "first" || !c.Due.Equal(due) {
		t.Errorf("first: %+v", c)
	}
	since := c.Failing
	if c = postpone(ledger.ContactsSetback{Problem: "second"}); c.Failures != 2 || !c.Failing.Equal(since) {
		t.Errorf("second: %+v", c)
	}
	if c = postpone(ledger.ContactsSetback{Problem: "outage", Excused: true}); c.Failures != 2 || c.Problem != "outage" {
		t.Errorf("excused: %+v", c)
	}
	alive := func(expires time.Time) {
		t.Helper()
		must(t, l.ContactsAlive(t.Context(), s.take(t, l, "ada", soon()), ledger.ContactsContact{Expires: expires, Due: due}))
	}
	alive(soon())
	if c = s.contactsOf(t, "ada"); c.Failures != 0 || !c.Failing.IsZero() || c.Problem != "" {
		t.Errorf("alive: %+v", c)
	}
	if c = postpone(ledger.ContactsSetback{Problem: "a moment"}); c.State != ledger.ContactsAlive || c.Expires.IsZero() {
		t.Errorf("it lives: %+v", c)
	}
	if c = postpone(ledger.ContactsSetback{Lapsed: true}); c.State != ledger.ContactsLapsed || !c.Expires.IsZero() {
		t.Errorf("gone: %+v", c)
	}
	alive(over())
	if c = postpone(ledger.ContactsSetback{}); c.State != ledger.ContactsLapsed {
		t.Errorf("over: %+v", c)
	}
}

// contactsEnrolledMeanwhile changes the duration while a worker is at it: both
// writes stand.
func contactsEnrolledMeanwhile(t *testing.T, s *subject) {
	l := s.ledger()
	due := s.enrol(t, l, "ada", over()).Due
	lease := s.take(t, l, "ada", due)
	_, err := l.EnrolContacts(t.Context(), s.user("ada"), ledger.Enrolment{Request: s.key("other"), DurationMinutes: 60, Due: soon()})
	must(t, err)
	next := wallTime(time.Minute)
	must(t, l.ContactsAlive(t.Context(), lease, ledger.ContactsContact{Expires: soon(), Due: next}))
	if c := s.contactsOf(t, "ada"); c.DurationMinutes != 60 || c.State != ledger.ContactsAlive || !c.Due.Equal(next) {
		t.Errorf("%+v", c)
	}
}

func keptApplication(t *testing.T, s *subject) {
	l := s.ledger()
	if _, found, err := l.KeptApplication(t.Context(), s.user("ada")); found || err != nil {
		t.Errorf("before: %t, %v", found, err)
	}
	s.enrol(t, l, "ada", over())
	lease := s.take(t, l, "ada", time.Time{})
	k := ledger.KeptApplication{
		Application: json.RawMessage(`{"a":1}`), Pool: "pool.contoso.test", SignIn: []byte{0, 255, 7}, SignInUntil: soon(),
	}
	for range 2 {
		must(t, l.KeepApplication(t.Context(), lease, k))
	}
	got, found, err := l.KeptApplication(t.Context(), s.user("ada"))
	if err != nil || !found || string(got.Application) != `{"a":1}` || got.Pool != k.Pool || string(got.SignIn) != string(k.SignIn) {
		t.Errorf("kept: %+v, %t, %v", got, found, err)
	}
	k.SignInUntil = over()
	must(t, l.KeepApplication(t.Context(), lease, k))
	if got, found, err = l.KeptApplication(t.Context(), s.user("ada")); err != nil || !found || got.SignIn != nil {
		t.Errorf("a sign-in that is over: %+v, %t, %v", got, found, err)
	}
	if err := l.KeepApplication(t.Context(), lease, ledger.KeptApplication{Application: json.RawMessage(`{`)}); err == nil {
		t.Error("kept what is not JSON")
	}
	must(t, l.DropApplication(t.Context(), lease))
	if got, found, err = l.KeptApplication(t.Context(), s.user("ada")); err != nil || found {
		t.Errorf("dropped: %+v, %t, %v", got, found, err)
	}
}

// contactListSaved has workers replace one list at once: one of them does, and
// what it told is what stands.
func contactListSaved(t *testing.T, s *subject) {
	l, user := s.ledger(), s.user("ada")
	none, err := l.ContactList(t.Context(), user)
	if err != nil || none.Seq != 0 || none.User != user {
		t.Fatalf("before: %+v, %v", none, err)
	}
	known, err := l.SaveContactList(t.Context(), none, ledger.ContactList{Fingerprint: "f0", List: json.RawMessage(`[]`), At: over()})
	must(t, err)
	for round := range s.Rounds {
		var won, seen atomic.Int32
		s.race(func(w int) {
			next := ledger.ContactList{Fingerprint: fmt.Sprint("f", w), List: fmt.Appendf(nil, `["%d.%d"]`, round, w), At: over()}
			saved, err := s.ledger().SaveContactList(t.Context(), known, next)
			switch {
			case err == nil && saved.Seq == known.Seq+1 && saved.Fingerprint == next.Fingerprint:
				won.Add(1)
				seen.Store(int32(w))
			case !errors.Is(err, ledger.ErrFenced):
				t.Errorf("save: %+v, %v", saved, err)
			}
		})
		stands, err := l.ContactList(t.Context(), user)
		must(t, err)
		if won.Load() != 1 || stands.Seq != known.Seq+1 || stands.Fingerprint != fmt.Sprint("f", seen.Load()) {
			t.Errorf("%d have saved; %+v", won.Load(), stands)
		}
		known = stands
	}
}

// contactsDue checks that a shard yields those that are due, in their order, and
// nobody who was stopped or parked.
func contactsDue(t *testing.T, s *subject) {
	l, start := s.ledger(), wallTime(0)
	shard := ledger.ContactsShard(s.user("0"))
	var want []sipaddr.User
	for i := 0; len(want) < 6; i++ {
		name := fmt.Sprint(i)
		if ledger.ContactsShard(s.user(name)) != shard {
			continue
		}
		want = append(want, s.user(name))
		s.enrol(t, l, name, start.Add(time.Duration(len(want)/2)*time.Second))
	}
	slices.SortFunc(want, func(a, b sipaddr.User) int { return comparePlaces(t, l, a, b) })
	lease, err := l.TakeContacts(t.Context(), want[1], time.Time{}, soon())
	must(t, err)
	must(t, l.ParkContacts(t.Context(), lease, "parked"))
	lease, err = l.TakeContacts(t.Context(), want[2], time.Time{}, soon())
	must(t, err)
	must(t, l.StopContacts(t.Context(), lease, s.key("stop")))
	for _, c := range []struct {
		until time.Duration
		want  []sipaddr.User
	}{
		{time.Minute, []sipaddr.User{want[0], want[3], want[4], want[5]}},
		{2 * time.Second, []sipaddr.User{want[0], want[3], want[4]}},
		{2*time.Second - 1, []sipaddr.User{want[0]}},
		{-time.Second, nil},
	} {
		s.eventually(t, func() string {
			var got []sipaddr.User
			for k, err := range l.ContactsDue(t.Context(), shard, start.Add(c.until)) {
				must(t, err)
				if s.isMine(k.User) {
					got = append(got, k.User)
				}
			}
			if !slices.Equal(got, c.want) {
				return fmt.Sprintf("due until %s: %v, want %v", c.until, got, c.want)
			}
			return ""
		})
	}
}

func comparePlaces(t *testing.T, l *ledger.Ledger, a, b sipaddr.User) int {
	t.Helper()
	ca, _, err := l.Contacts(t.Context(), a)
	must(t, err)
	cb, _, err := l.Contacts(t.Context(), b)
	must(t, err)
	if ca.Place() < cb.Place() {
		return -1
	}
	return 1
}

// sweepOfOne has runs write down how far they have come at once: one of those
// that began at the same place goes on. Other tests may share the item.
func sweepOfOne(t *testing.T, s *subject) {
	l := s.ledger()
	known, err := l.Sweep(t.Context())
	must(t, err)
	var won atomic.Int32
	s.race(func(w int) {
		next := ledger.Sweep{At: fmt.Sprintf("%s/%d", s.ns, w), Start: wallTime(0)}
		saved, err := s.ledger().SaveSweep(t.Context(), known, next)
		switch {
		case err == nil:
			won.Add(1)
			if _, err := s.ledger().SaveSweep(t.Context(), saved, saved); err != nil && !errors.Is(err, ledger.ErrFenced) {
				t.Errorf("go on: %v", err)
			}
		case !errors.Is(err, ledger.ErrFenced):
			t.Errorf("save: %v", err)
		}
	})
	if won.Load() > 1 {
		t.Errorf("%d runs go on", won.Load())
	}
}

// isMine reports whether a user is of this test.
func (s *subject) isMine(u sipaddr.User) bool { return strings.Contains(string(u), "-"+s.ns+"@") }
