package schedulerefresh_test

import (
	"cmp"
	"container/heap"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"testing"
	"time"

	"dialtone/functions/schedule-refresh/schedulerefresh"
	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/sipaddr"
	"dialtone/shared/sqsqueue"
	"dialtone/shared/subscription"
)

// roster is who is enrolled, as the schedule and the worker see it: a ledger, or
// a faster model of one.
type roster interface {
	ContactsDue(ctx context.Context, shard int, until time.Time) iter.Seq2[ledger.Contacts, error]
	Sweep(context.Context) (ledger.Sweep, error)
	SaveSweep(ctx context.Context, known, next ledger.Sweep) (ledger.Sweep, error)

	enrol(t *testing.T, user sipaddr.User, due time.Time)
	// contact is the worker's part: the user's application is contacted now, if
	// the user is due, and due again at next. It returns when the user was due
	// and was contacted before; worked is false for one who was not due.
	contact(t *testing.T, user sipaddr.User, next time.Time) (due, before time.Time, worked bool)
}

// early is by how much a worker takes users before they are due.
const early = time.Minute

// inLedger is a roster in a real ledger.
type inLedger struct{ *ledger.Ledger }

func (l inLedger) enrol(t *testing.T, user sipaddr.User, due time.Time) {
	t.Helper()
	key := command.Key{Source: "test", ID: string(user)}
	if _, err := l.EnrolContacts(t.Context(), user, ledger.Enrolment{Request: key, DurationMinutes: 30, Due: due}); err != nil {
		t.Fatal(err)
	}
}

func (l inLedger) contact(t *testing.T, user sipaddr.User, next time.Time) (due, before time.Time, worked bool) {
	t.Helper()
	lease, err := l.TakeContacts(t.Context(), user, time.Now().Add(early), time.Now().Add(time.Minute))
	if _, ok := errors.AsType[*ledger.NotDueError](err); ok {
		return due, before, false
	}
	if err != nil {
		t.Fatal(err)
	}
	c := lease.Contacts()
	if err := l.ContactsAlive(t.Context(), lease, ledger.ContactsContact{Expires: time.Now().Add(subscription.Ceiling), Due: next}); err != nil {
		t.Fatal(err)
	}
	return c.Due, c.Alive, true
}

// model is a roster for many: nothing is encoded. Its lists are put in order when
// they are read.
type model struct {
	users  map[sipaddr.User]*ledger.Contacts
	shards [ledger.ContactsShards][]*ledger.Contacts
	sweep  ledger.Sweep
}

func newModel() *model { return &model{users: map[sipaddr.User]*ledger.Contacts{}} }

func (m *model) enrol(_ *testing.T, user sipaddr.User, due time.Time) {
	c := &ledger.Contacts{User: user, State: ledger.ContactsSubscribing, Due: due, DueSet: time.Now()}
	m.users[user] = c
	shard := ledger.ContactsShard(user)
	m.shards[shard] = append(m.shards[shard], c)
}

func (m *model) contact(_ *testing.T, user sipaddr.User, next time.Time) (due, before time.Time, worked bool) {
	c, now := m.users[user], time.Now()
	if c.Due.After(now.Add(early)) {
		return due, before, false
	}
	due, before = c.Due, c.Alive
	c.Due, c.DueSet, c.Alive = next, now, now
	return due, before, true
}

func (m *model) ContactsDue(ctx context.Context, shard int, until time.Time) iter.Seq2[ledger.Contacts, error] {
	return func(yield func(ledger.Contacts, error) bool) {
		var found []*ledger.Contacts
		for _, c := range m.shards[shard] {
			if !c.Due.After(until) {
				found = append(found, c)
			}
		}
		slices.SortFunc(found, func(a, b *ledger.Contacts) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.User, b.User)) })
		for _, c := range found {
			if err := ctx.Err(); err != nil {
				yield(ledger.Contacts{}, err)
				return
			}
			if !yield(*c, nil) {
				return
			}
		}
	}
}

func (m *model) Sweep(context.Context) (ledger.Sweep, error) { return m.sweep, nil }

func (m *model) SaveSweep(_ context.Context, _, next ledger.Sweep) (ledger.Sweep, error) {
	m.sweep = next
	return next, nil
}

// parcel is an order on its way.
type parcel struct {
	at    time.Time
	users []sipaddr.User
}

// post is the queue, with the orders on their way by the time of delivery.
type post struct {
	t       *testing.T
	waiting parcels
	sent    int // orders

	refuse func(i int) error // of the ith order that was ever sent; nil: none
	slow   time.Duration     // for one call
}

func (p *post) Send(ctx context.Context, messages ...sqsqueue.Message) []sqsqueue.Result {
	results := make([]sqsqueue.Result, len(messages))
	if p.slow > 0 {
		select {
		case <-time.After(p.slow):
		case <-ctx.Done():
			for i := range results {
				results[i].Err = ctx.Err()
			}
			return results
		}
	}
	if len(messages) > 10 {
		p.t.Errorf("%d orders in one call", len(messages))
	}
	for i, m := range messages {
		p.sent++
		if p.refuse != nil {
			if results[i].Err = p.refuse(p.sent - 1); results[i].Err != nil {
				continue
			}
		}
		results[i].ID = fmt.Sprint(p.sent)
		heap.Push(&p.waiting, parcel{time.Now().Add(m.Delay), p.open(m)})
	}
	return results
}

// open reads an order, quickly; see TestOrders for what it must be.
func (p *post) open(m sqsqueue.Message) []sipaddr.User {
	var e struct {
		ID   string
		Data struct{ Users []sipaddr.User }
	}
	if err := json.Unmarshal([]byte(m.Body), &e); err != nil {
		p.t.Error(err)
	}
	if n := len(e.Data.Users); n < 1 || n > command.MaxRefresh || m.Delay < 0 || m.Delay > 15*time.Minute {
		p.t.Errorf("an order of %d users in %s", n, m.Delay)
	}
	return e.Data.Users
}

type parcels []parcel

func (p parcels) Len() int           { return len(p) }
func (p parcels) Less(i, j int) bool { return p[i].at.Before(p[j].at) }
func (p parcels) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p *parcels) Push(x any)        { *p = append(*p, x.(parcel)) }
func (p *parcels) Pop() any {
	last := len(*p) - 1
	x := (*p)[last]
	*p = (*p)[:last]
	return x
}

// world is a schedule, a queue and a worker that is done at once.
type world struct {
	t      *testing.T
	roster roster
	post   *post
	h      *schedulerefresh.Handler
	policy subscription.Policy
	work   func(user sipaddr.User) bool // nil: every order is worked on

	began    time.Time
	contacts map[int]int // users contacted in each second since the beginning
	repeats  int         // who were ordered and not due
	late     time.Duration
	early    time.Duration
	silence  time.Duration // longest time between two contacts of a user
	lapsed   int           // contacts after the application had ended
}

func newWorld(t *testing.T, r roster, rate int) *world {
	t.Helper()
	w := &world{t: t, roster: r, post: &post{t: t}, began: time.Now(), contacts: map[int]int{}}
	w.h = w.handler(w.post, rate)
	return w
}

func (w *world) handler(q interface {
	Send(context.Context, ...sqsqueue.Message) []sqsqueue.Result
}, rate int,
) *schedulerefresh.Handler {
	w.t.Helper()
	h, err := schedulerefresh.New(schedulerefresh.Config{Ledger: w.roster, Queue: q, UsersPerSecond: rate})
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

func user(i int) sipaddr.User { return sipaddr.User(fmt.Sprintf("user%05d@contoso.test", i)) }

// enrol enrols n users who are due, some time ago.
func (w *world) enrol(n int) {
	for i := range n {
		w.roster.enrol(w.t, user(i), time.Now())
	}
	time.Sleep(time.Minute)
	w.began = time.Now()
}

// run makes one run of the schedule.
func (w *world) run() {
	w.t.Helper()
	if err := w.h.Handle(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// until works on orders as they come, until a time.
func (w *world) until(end time.Time) {
	for len(w.post.waiting) > 0 && !w.post.waiting[0].at.After(end) {
		p := heap.Pop(&w.post.waiting).(parcel)
		time.Sleep(time.Until(p.at))
		for _, u := range p.users {
			if w.work == nil || w.work(u) {
				w.contact(u)
			}
		}
	}
	time.Sleep(time.Until(end))
}

func (w *world) contact(u sipaddr.User) {
	now := time.Now()
	due, before, worked := w.roster.contact(w.t, u, w.policy.Next(now, subscription.Ceiling, ledger.ContactsShare(u)))
	if !worked {
		w.repeats++
		return
	}
	w.contacts[int(now.Sub(w.began)/time.Second)]++
	w.late, w.early = max(w.late, now.Sub(due)), max(w.early, due.Sub(now))
	if before.IsZero() {
		return
	}
	w.silence = max(w.silence, now.Sub(before))
	if now.Sub(before) > subscription.ChannelGap {
		w.lapsed++
	}
}

// play makes a run every five minutes, but for those to miss, and returns the
// orders of each run.
func (w *world) play(runs int, missed ...int) []int {
	w.t.Helper()
	orders := make([]int, runs)
	for i := range runs {
		before := w.post.sent
		if !slices.Contains(missed, i) {
			w.run()
		}
		orders[i] = w.post.sent - before
		w.until(w.began.Add(time.Duration(i+1) * 5 * time.Minute))
	}
	return orders
}

// forget begins to measure anew.
func (w *world) forget() {
	w.repeats, w.late, w.early, w.silence, w.lapsed = 0, 0, 0, 0, 0
	clear(w.contacts)
}

// peak is the most users that were contacted within so many seconds in a row.
func (w *world) peak(seconds int) int {
	most, end := 0, int(time.Since(w.began)/time.Second)
	sum := 0
	for s := range end + 1 {
		sum += w.contacts[s] - w.contacts[s-seconds]
		most = max(most, sum)
	}
	return most
}
