// Package ledgertest holds every [ledger.Store] to the same promises: [Run] is
// the suite that each implementation passes, from the meaning of single calls
// to crashes and races of whole workers.
//
// The suite waits for nothing and assumes no clock but its own machine's:
// leases and rests are chosen to be over, or far from it. It shares a table
// with others if need be, since every test uses names of its own.
package ledgertest

import (
	"crypto/rand"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
)

// Options fits the suite to a store. The zero value is the whole suite for a
// store on this machine.
type Options struct {
	// Workers race in the tests of concurrency. Zero: 64.
	Workers int
	// Rounds is how often a race is run. Zero: 3.
	Rounds int
	// Many is the number of items that List must page through. Zero: 500.
	Many int
	// ListLag is how long List may miss a write. Zero: not at all.
	ListLag time.Duration
	// Brief leaves out what repeats: of the ways in which a store may answer,
	// the plain and the worst remain, of the crashes those of a few scenarios. For
	// a store that is slow and has the whole suite at other times.
	Brief bool
	// Wrong names what is known to be wrong in this store, an emulator mostly:
	// the name of the test as it is printed, without the parts before "store/"
	// or "ledger/", and the reason. Such a test is skipped. A name that no test
	// has fails the suite, so that the list stays true.
	Wrong map[string]string
}

func (o Options) withDefaults() Options {
	if o.Workers == 0 {
		o.Workers = 64
	}
	if o.Rounds == 0 {
		o.Rounds = 3
	}
	if o.Many == 0 {
		o.Many = 500
	}
	return o
}

// Run tests a store with the default [Options]. open is called once for each
// test and may return the same store or a new one.
func Run(t *testing.T, open func(t *testing.T) ledger.Store) { Options{}.Run(t, open) }

// Run tests a store; see the function [Run].
func (o Options) Run(t *testing.T, open func(t *testing.T) ledger.Store) {
	o = o.withDefaults()
	known := map[string]bool{}
	for _, c := range cases() {
		known[c.name] = true
		if o.Brief && !c.brief {
			continue
		}
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if why, wrong := o.Wrong[c.name]; wrong {
				t.Skip("known to be wrong in this store: " + why)
			}
			store := open(t)
			c.run(t, &subject{Options: o, store: c.view(store), ns: strings.ToLower(rand.Text())})
		})
	}
	for name := range o.Wrong {
		if !known[name] {
			t.Errorf("Options.Wrong names %q, which is no test of the suite", name)
		}
	}
}

// test is one case; its name holds no blanks, so that it is printed as it is.
type test struct {
	name  string
	run   run
	view  func(ledger.Store) ledger.Store
	brief bool // also in a brief run
}

// views are the ways in which a store may answer a write that it refuses, or
// that came twice. The ledger must do the same on each.
var views = []struct {
	name string
	view func(ledger.Store) ledger.Store
}{
	{"plain", func(s ledger.Store) ledger.Store { return s }},
	{"current-not-told", stripped},
	{"every-write-repeated", echoing},
	{"every-write-repeated,current-not-told", func(s ledger.Store) ledger.Store { return stripped(echoing(s)) }},
}

func cases() []test {
	var all []test
	for name, run := range storeTests() {
		all = append(all, test{"store/" + name, run, views[0].view, true})
	}
	for name, run := range ledgerTests() {
		for i, v := range views {
			all = append(all, test{"ledger/" + name + "/" + v.name, run, v.view, i == 0 || i == len(views)-1})
		}
	}
	for name, run := range crashTests() {
		scenario, _, _ := strings.Cut(name, "/")
		all = append(all, test{"crash/" + name, run, views[0].view, slices.Contains(briefCrashes, scenario)})
	}
	slices.SortFunc(all, func(a, b test) int { return strings.Compare(a.name, b.name) })
	return all
}

// briefCrashes are the scenarios of a brief run: one for each way of writing.
var briefCrashes = []string{"replace", "release-of-a-chain", "first-number-is-refused"}

// run is what a test does with a store.
type run = func(*testing.T, *subject)

// subject is the store under test with names that no other test uses.
type subject struct {
	Options
	store ledger.Store
	ns    string

	once sync.Once
	base int64
}

func (s *subject) ledger() *ledger.Ledger { return ledger.New(s.store, ledger.Options{}) }

// number returns the i-th number of this test.
func (s *subject) number(i int) e164.Number {
	s.once.Do(func() {
		n, err := rand.Int(rand.Reader, big.NewInt(1e10))
		if err != nil {
			panic(err)
		}
		s.base = n.Int64()
	})
	return e164.Number(fmt.Sprintf("+1%010d%04d", s.base, i))
}

func (s *subject) location() string { return "site-" + s.ns }

func (s *subject) user(name string) sipaddr.User {
	return sipaddr.User(name + "-" + s.ns + "@contoso.test")
}

func (s *subject) key(id string) command.Key {
	return command.Key{Source: "urn:test:" + s.ns, ID: id}
}

// assign is the command that asks for a number for a user.
func (s *subject) assign(id, user string, edit ...func(*command.Assign)) command.Command {
	a := command.Assign{User: s.user(user), LocationID: s.location(), LicenseType: command.Professional, PhoneType: command.Work}
	for _, e := range edit {
		e(&a)
	}
	return command.Command{Key: s.key(id), Type: command.TypeAssign, User: a.User, Data: a}
}

// releaseOf is the command that takes a user's number back.
func (s *subject) releaseOf(id, user string) command.Command {
	u := s.user(user)
	return command.Command{Key: s.key(id), Type: command.TypeRelease, User: u, Data: command.Release{User: u, PhoneType: command.Work}}
}

func (s *subject) holder(id, user string) ledger.Holder {
	return ledger.Holder{User: s.user(user), PhoneType: command.Work, Request: s.key(id)}
}

func (s *subject) line(i int, id string) ledger.Line {
	return ledger.Line{
		Number: s.number(i), LocationID: s.location(), Request: s.key(id),
		Before: outcome.Phone{Type: command.Work, Number: "before " + id},
	}
}

func (s *subject) assigned(c command.Command, n e164.Number) outcome.Event {
	return outcome.New(outcome.TypeAssigned, c.Key, c.User, time.Now(), outcome.Assigned{
		Request: c.Key, User: c.User, LocationID: s.location(), PhoneType: command.Work, Number: n, Managed: true, Verified: outcome.ReadBack,
	})
}

func (s *subject) failed(c command.Command) outcome.Event {
	return outcome.New(outcome.TypeFailed, c.Key, c.User, time.Now(), outcome.Failed{Request: c.Key, User: c.User, Reason: "refused"})
}

// over is a time that has passed, soon one that has not by far.
func over() time.Time { return time.Now().Add(-time.Second) }
func soon() time.Time { return time.Now().Add(time.Hour) }

// each runs fn for 0 to n-1, as many at once as there are workers.
func (s *subject) each(n int, fn func(i int)) {
	s.race(func(w int) {
		for i := w; i < n; i += s.Workers {
			fn(i)
		}
	})
}

// race runs fn once in each of the workers, all at once, and returns when all
// are done. A t.Fatal in fn ends that worker alone.
func (s *subject) race(fn func(worker int)) {
	start := make(chan struct{})
	var done sync.WaitGroup
	for w := range s.Workers {
		done.Go(func() {
			<-start
			fn(w)
		})
	}
	close(start)
	done.Wait()
}

// eventually repeats check until it returns "" or the store has no more excuse.
func (s *subject) eventually(t *testing.T, check func() string) {
	t.Helper()
	deadline := time.Now().Add(s.ListLag)
	for {
		problem := check()
		if problem == "" {
			return
		}
		if !time.Now().Before(deadline) {
			t.Fatal(problem)
		}
		<-time.After(20 * time.Millisecond)
	}
}

// must fails the test at once on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
