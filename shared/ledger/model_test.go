package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
)

const (
	site  = "hamburg"
	lease = time.Minute
	rest  = time.Hour
)

// TestWorkersInAnyOrder lets a few workers assign few numbers to few users and
// take them back, one store call at a time in any order, with crashes, calls that are applied long
// after they were sent, repeated deliveries, dead letters and replays. At no
// time may a number have two owners or be given on before its rest is over, and
// in the end everything must agree.
//
// Each user's requests come from a queue that keeps their order, as a FIFO queue
// grouped by user does: the next is delivered only when the one before is
// answered. The same message may be delivered again at any time.
func TestWorkersInAnyOrder(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		bubble(t, rt, func(ctx context.Context) {
			w := newWorld(ctx, rt)
			defer w.crashAll()
			rt.Repeat(map[string]func(*rapid.T){
				"":         w.check,
				"deliver":  w.deliver,
				"repeat":   w.repeat,
				"step":     w.step,
				"run":      w.run,
				"overtake": w.overtake,
				"crash":    w.crash,
				"wait":     w.wait,
				"bury":     w.bury,
				"deny":     w.deny,
				"replay":   w.replay,
			})
			w.drain()
			w.audit()
		})
	})
}

type world struct {
	ctx     context.Context
	t       *rapid.T
	store   ledger.Store
	phones  *ledgertest.Phones
	numbers []e164.Number
	users   []sipaddr.User
	queues  map[sipaddr.User][]*command.Command // messages in order; the first is being worked on
	past    []*command.Command
	replays map[command.Key]int
	actors  []*actor
	broken  []string             // what a write did that no write may do
	strays  map[e164.Number]bool // claimed by a call that came after its lease
}

// actor is a worker that stops before and after each of its calls.
type actor struct {
	command *command.Command
	next    func() (string, bool)
	stop    func()
	until   time.Time
	err     error
}

func newWorld(ctx context.Context, t *rapid.T) *world {
	w := &world{
		ctx: ctx, t: t, phones: &ledgertest.Phones{}, users: []sipaddr.User{"ada@contoso.test", "eva@contoso.test"},
		queues: map[sipaddr.User][]*command.Command{}, replays: map[command.Key]int{}, strays: map[e164.Number]bool{},
	}
	for i := range rapid.IntRange(1, 4).Draw(t, "numbers") {
		w.numbers = append(w.numbers, e164.Number(fmt.Sprintf("+4940555000%d", i)))
	}
	memory := ledgertest.NewMemory()
	w.store = ledgertest.Around(memory, func(c ledgertest.Call, do func() error) error {
		if c.Op != "put" || c.Key.Kind != ledger.KindNumber {
			return do()
		}
		before := w.number(memory, c.Key)
		err := do()
		w.written(before, w.number(memory, c.Key))
		return err
	})
	for i := range rapid.IntRange(1, 6).Draw(t, "requests") {
		user := rapid.SampledFrom(w.users).Draw(t, "user")
		c := command.Command{Key: command.Key{Source: "urn:test", ID: fmt.Sprint(i)}, Type: command.TypeAssign, User: user}
		if rapid.IntRange(0, 2).Draw(t, "release") == 0 {
			c.Type, c.Data = command.TypeRelease, command.Release{User: user, PhoneType: command.Work}
		} else {
			c.Data = command.Assign{User: user, LocationID: site, PhoneType: command.Work, Replace: rapid.Bool().Draw(t, "replace")}
		}
		w.queues[user] = append(w.queues[user], &c)
	}
	return w
}

func (w *world) number(s ledger.Store, key ledger.Key) (n ledger.Number) {
	item, err := s.Get(w.ctx, key)
	if err == nil && item.Version > 0 {
		err = json.Unmarshal(item.Data, &n)
	}
	if err != nil {
		w.t.Fatalf("read number: %v", err)
	}
	return n
}

// written judges each change of a number's record by itself.
func (w *world) written(from, to ledger.Number) {
	held := from.State == ledger.Reserved || from.State == ledger.Assigned
	resting := time.Now().Before(from.RestsUntil)
	switch {
	case held && to.User != "" && to.User != from.User:
		w.broken = append(w.broken, fmt.Sprintf("%s went from %s to %s while it was %s", to.Number, from.User, to.User, from.State))
	case resting && to.User != from.User && to.State != ledger.Parked:
		w.broken = append(w.broken, fmt.Sprintf("%s went from %s to %q while it rested", to.Number, from.User, to.User))
	case resting && to.State != ledger.Assigned && !to.RestsUntil.IsZero() && to.RestsUntil.Before(from.RestsUntil):
		w.broken = append(w.broken, fmt.Sprintf("the rest of %s was cut short as it became %s", to.Number, to.State))
	}
}

// check is what holds at any time.
func (w *world) check(t *rapid.T) {
	if problems := append(w.broken, w.phones.Problems()...); len(problems) > 0 {
		t.Fatalf("%s", strings.Join(problems, "\n"))
	}
	made := map[command.Key]int{}
	for _, c := range w.phones.Changes() {
		if made[c.Request]++; made[c.Request] > 1+w.replays[c.Request] {
			t.Fatalf("request %s made %d changes: %v", c.Request, made[c.Request], w.phones.Changes())
		}
	}
}

func (w *world) worker() *ledgertest.Worker {
	return &ledgertest.Worker{
		Ledger: ledger.New(w.store, ledger.Options{}), Phones: w.phones, Numbers: w.numbers, Lease: lease, Rest: rest,
	}
}

func pick[T any](t *rapid.T, what string, from []T) T {
	if len(from) == 0 {
		t.Skip("no " + what)
	}
	return rapid.SampledFrom(from).Draw(t, what)
}

// deliver gives the first message of a queue to a new worker.
func (w *world) deliver(t *rapid.T) {
	user := pick(t, "user", w.users)
	if len(w.queues[user]) == 0 || len(w.actors) > 5 {
		t.Skip("nothing to deliver")
	}
	w.start(t, w.queues[user][0])
}

// repeat delivers a message again that was answered before.
func (w *world) repeat(t *rapid.T) {
	c, changes := pick(t, "answered", w.past), len(w.phones.Changes())
	if err := w.worker().Work(w.ctx, *c); err != nil {
		t.Fatalf("answered request %s, delivered again: %v", c.Key, err)
	}
	if len(w.phones.Changes()) != changes {
		t.Fatalf("answered request %s, delivered again, made a change", c.Key)
	}
}

func (w *world) start(t *rapid.T, c *command.Command) {
	worker := w.worker()
	worker.Blind = rapid.Bool().Draw(t, "blind")
	worker.Numbers = rapid.Permutation(w.numbers).Draw(t, "candidates")
	a := &actor{command: c, until: time.Now().Add(lease)}
	a.next, a.stop = iter.Pull(a.calls(w, worker))
	w.actors = append(w.actors, a)
}

// calls runs the worker and yields before and after each of its calls. When it
// is not asked to go on, it crashes there.
func (a *actor) calls(w *world, worker *ledgertest.Worker) iter.Seq[string] {
	return func(yield func(string) bool) {
		crashed := false
		around := func(c ledgertest.Call, do func() error) error {
			if crashed = crashed || !yield("before "+c.Op); crashed {
				return errors.New("crashed")
			}
			late := !time.Now().Before(a.until)
			if late && (c.Op == "publish" || c.Op == "look") {
				return ledgertest.ErrLate // a call to a vendor times out before the lease
			}
			err := do()
			w.t.Logf("request %s, lease over: %t: %s %s: %v", a.command.Key.ID, late, c.Op, c.Key, err)
			if late && c.Op == "put" && c.Key.Kind == ledger.KindNumber {
				w.strays[e164.Number(c.Key.ID)] = true
			}
			if crashed = crashed || !yield("after "+c.Op); crashed {
				return errors.New("crashed")
			}
			return err
		}
		worker.Ledger = ledger.New(ledgertest.Around(w.store, around), ledger.Options{})
		worker.Around = around
		a.err = worker.Work(w.ctx, *a.command)
	}
}

// advance lets an actor make half a call; done is true when it has come to its end.
func (w *world) advance(a *actor) (done bool) {
	if _, more := a.next(); more {
		return false
	}
	w.actors = slices.DeleteFunc(w.actors, func(b *actor) bool { return a == b })
	if a.err == nil {
		w.answered(a.command)
	}
	return true
}

// answered takes a message off its queue.
func (w *world) answered(c *command.Command) {
	if queue := w.queues[c.User]; len(queue) > 0 && queue[0] == c {
		w.queues[c.User] = queue[1:]
		w.past = append(w.past, c)
	}
}

func (w *world) step(t *rapid.T) { w.advance(pick(t, "worker", w.actors)) }

func (w *world) run(t *rapid.T) {
	a := pick(t, "worker", w.actors)
	for range rapid.IntRange(2, 40).Draw(t, "steps") {
		if w.advance(a) {
			return
		}
	}
}

// overtake lets the lease of a worker pass in the middle of a call, another
// take over from it, and then the call come through.
func (w *world) overtake(t *rapid.T) {
	a := pick(t, "worker", w.actors)
	if queue := w.queues[a.command.User]; len(queue) == 0 || queue[0] != a.command {
		t.Skip("its message is answered")
	}
	time.Sleep(lease)
	w.start(t, a.command)
	other := w.actors[len(w.actors)-1]
	for range rapid.IntRange(2, 40).Draw(t, "steps") {
		if w.advance(other) {
			break
		}
	}
	for range rapid.IntRange(1, 4).Draw(t, "late steps") {
		if w.advance(a) {
			return
		}
	}
}

func (w *world) crash(t *rapid.T) {
	a := pick(t, "worker", w.actors)
	a.stop()
	w.actors = slices.DeleteFunc(w.actors, func(b *actor) bool { return a == b })
}

func (w *world) crashAll() {
	for _, a := range w.actors {
		a.stop()
	}
	w.actors = nil
}

func (w *world) wait(t *rapid.T) {
	time.Sleep(pick(t, "time", []time.Duration{lease / 3, lease, rest / 2, rest})) // in the bubble's time
}

// deny changes the vendor's mind about a user or a number.
func (w *world) deny(t *rapid.T) {
	no := rapid.Bool().Draw(t, "no")
	if rapid.Bool().Draw(t, "a user") {
		w.phones.Deny(pick(t, "user", w.users), no)
	} else {
		w.phones.Refuse(pick(t, "number", w.numbers), no)
	}
}

// bury fails the first message of a queue, as the dead-letter queue does with
// one that was delivered too often, once nobody has it in hand.
func (w *world) bury(t *rapid.T) {
	user := pick(t, "user", w.users)
	if len(w.queues[user]) == 0 {
		t.Skip("nothing to bury")
	}
	c := w.queues[user][0]
	if slices.ContainsFunc(w.actors, func(a *actor) bool { return a.command == c && time.Now().Before(a.until) }) {
		t.Skip("it is in flight")
	}
	err := w.worker().Ledger.Fail(w.ctx, *c, outcome.New(outcome.TypeFailed, c.Key, c.User, time.Now(), outcome.Failed{Request: c.Key}))
	if _, busy := errors.AsType[*ledger.BusyError](err); busy {
		return
	}
	if err != nil {
		t.Fatalf("fail: %v", err)
	}
	w.answered(c)
}

// replay puts an answered request behind the others of its user; it is worked
// on again if it had failed.
func (w *world) replay(t *rapid.T) {
	c := pick(t, "answered", w.past)
	if err := w.worker().Ledger.Reopen(w.ctx, c.Key, time.Now(), false); err != nil {
		t.Fatalf("reopen: %v", err)
	}
	w.replays[c.Key]++
	w.past = slices.DeleteFunc(w.past, func(d *command.Command) bool { return d == c })
	again := *c
	w.queues[c.User] = append(w.queues[c.User], &again)
}

// drain ends all work: whoever is at work crashes or goes on, leases pass, and
// what is left on the queues is delivered until it is answered.
func (w *world) drain() {
	if rapid.Bool().Draw(w.t, "crash in the end") {
		w.crashAll()
	}
	for len(w.actors) > 0 {
		w.run(w.t)
		w.check(w.t)
	}
	for _, user := range w.users {
		for len(w.queues[user]) > 0 {
			time.Sleep(lease)
			c := w.queues[user][0]
			if err := w.worker().Work(w.ctx, *c); err != nil {
				w.t.Fatalf("request %s is not to be finished: %v", c.Key, err)
			}
			w.answered(c)
			w.check(w.t)
		}
	}
}

// audit is what holds when all work is done.
func (w *world) audit() {
	l := w.worker().Ledger
	problems, err := ledgertest.Audit(w.ctx, l, site, w.users...)
	if err != nil {
		w.t.Fatal(err)
	}
	problems = slices.DeleteFunc(problems, func(p string) bool {
		return strings.Contains(p, "is reserved for") && w.strays[e164.Number(p[:len(w.numbers[0])])]
	})
	for _, user := range w.users {
		p, err := l.Person(w.ctx, user)
		if err != nil {
			w.t.Fatal(err)
		}
		line, found := p.Line(command.Work)
		if found && line.State == ledger.LineAssigned && w.phones.Shows(user) != line.Number {
			problems = append(problems, fmt.Sprintf("the ledger says %s, the phone of %s shows %q", line.Number, user, w.phones.Shows(user)))
		}
	}
	if len(problems) > 0 {
		w.t.Fatalf("%s", strings.Join(problems, "\n"))
	}
}
