package queue_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"dialtone/infra/local/queue"
	"dialtone/shared/sqlitefile"
)

// TestModel compares random histories with a model of a few lines: nothing is
// lost or invented, nothing is delivered while in flight, a receive gets what
// there is, groups keep their order, old receipts have no power, and a
// message is dead-lettered after exactly its receives.
func TestModel(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"", ".fifo"} {
		t.Run("queue"+suffix, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &machine{t: t, dir: t.TempDir(), suffix: suffix}
				rapid.Check(struct{ rapid.TB }{t}, m.check) // without Deadline, which a bubble refuses
			})
		})
	}
}

const modelReceives = 3

// entry is a message of the model.
type entry struct {
	id, group       string
	visible         time.Time
	receives, lost  int
	receipt         string
	inFlight, moved bool // moved: may be, or is, in the dead-letter queue
}

type machine struct {
	t           *testing.T
	dir, suffix string
	round       int
	file        *sqlitefile.File
	queues      *queue.Queues
	q, dead     *queue.Queue

	live     []*entry // in order of sends
	receipts []string // ever given out
	dedup    map[string]sentOnce
	sends    int
}

type sentOnce struct {
	id string
	at time.Time
}

func (m *machine) open() {
	var err error
	if m.file, err = sqlitefile.Open(m.t.Context(), filepath.Join(m.dir, fmt.Sprint(m.round, ".db")), sqlitefile.Options{Exclusive: true}); err != nil {
		m.t.Fatal(err)
	}
	if m.queues, err = queue.Open(m.t.Context(), m.file); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) lookup() {
	m.q, m.dead = lookup(m.t, m.queues, "q"+m.suffix), lookup(m.t, m.queues, "dead"+m.suffix)
}

func (m *machine) check(t *rapid.T) {
	m.round++
	m.open()
	defer func() { _ = m.file.Close() }()
	dead := "dead" + m.suffix
	declare(m.t, m.queues,
		queue.Config{Name: "q" + m.suffix, VisibilityTimeout: 30 * time.Second, MaxReceiveCount: modelReceives, DeadLetterQueue: dead},
		queue.Config{Name: dead})
	m.lookup()
	m.live, m.receipts, m.dedup = nil, nil, make(map[string]sentOnce)
	t.Repeat(map[string]func(*rapid.T){
		"":        m.compare,
		"send":    m.send,
		"receive": m.receive,
		"delete":  m.delete,
		"hide":    m.hide,
		"wait":    func(t *rapid.T) { time.Sleep(time.Duration(rapid.IntRange(0, 40).Draw(t, "seconds")) * time.Second) },
		"restart": m.restart,
		"redrive": m.redrive,
	})
	m.drain(t)
}

func (m *machine) fifo() bool { return m.suffix != "" }

func (m *machine) send(t *rapid.T) {
	m.sends++
	out := queue.Outgoing{Body: fmt.Sprint("body ", m.sends)}
	if m.fifo() {
		out.Group = rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "group")
		out.DedupID = fmt.Sprint(rapid.IntRange(0, 30).Draw(t, "dedup"))
	}
	sent, err := m.q.Send(m.t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	if before, ok := m.dedup[out.DedupID]; ok && time.Since(before.at) < 5*time.Minute {
		if !sent.Duplicate || sent.ID != before.id {
			t.Fatalf("duplicate of %v: %+v", before, sent)
		}
		return
	}
	if sent.Duplicate {
		t.Fatalf("not a duplicate: %+v", sent)
	}
	if m.fifo() {
		m.dedup[out.DedupID] = sentOnce{id: sent.ID, at: time.Now()}
	}
	m.live = append(m.live, &entry{id: sent.ID, group: out.Group, visible: time.Now()})
}

func (e *entry) hidden() bool  { return e.visible.After(time.Now()) }
func (e *entry) usedUp() bool  { return e.receives-e.lost >= modelReceives }
func (e *entry) locking() bool { return e.inFlight && e.hidden() }

// available are the messages that a receive of any size may get, in order.
func (m *machine) available() (list []*entry) {
	locked := make(map[string]bool)
	for _, e := range m.live {
		if m.fifo() && e.locking() {
			locked[e.group] = true
		}
	}
	for _, e := range m.live {
		if !e.hidden() && !e.usedUp() && !locked[e.group] {
			list = append(list, e)
		}
	}
	return list
}

func (m *machine) receive(t *rapid.T) {
	limit := rapid.IntRange(1, 10).Draw(t, "limit")
	timeout := time.Duration(rapid.IntRange(1, 60).Draw(t, "visibility")) * time.Second
	available := m.available()
	got, err := m.q.Receive(m.t.Context(), queue.ReceiveOptions{Max: limit, Visibility: timeout})
	if err != nil {
		t.Fatal(err)
	}
	want := min(limit, len(available))
	if m.fifo() && slices.ContainsFunc(m.live, (*entry).usedUp) {
		want = min(want, 1) // dead letters at the front of a group may have filled the limit
	}
	if len(got) < want || len(got) > limit {
		t.Fatalf("received %d, %d are available, limit %d", len(got), len(available), limit)
	}
	for _, r := range got {
		i := slices.IndexFunc(available, func(e *entry) bool {
			return e.id == r.ID || m.fifo() && e.group == r.Group // the first of the group must be it
		})
		if i < 0 || available[i].id != r.ID {
			t.Fatalf("received %s of group %q out of turn", r.ID, r.Group)
		}
		e := available[i]
		available = slices.Delete(available, i, i+1)
		e.receives++
		e.inFlight, e.visible, e.receipt = true, time.Now().Add(timeout), r.Receipt
		if r.ReceiveCount != e.receives || r.DeadLetterSource != "" {
			t.Fatalf("receive count %d, want %d", r.ReceiveCount, e.receives)
		}
		m.receipts = append(m.receipts, r.Receipt)
	}
}

// holder is the message that a receipt still stands for.
func (m *machine) holder(receipt string) int {
	return slices.IndexFunc(m.live, func(e *entry) bool { return e.receipt == receipt && !e.moved })
}

func (m *machine) pickReceipt(t *rapid.T) string {
	if len(m.receipts) == 0 {
		t.Skip("no receipts")
	}
	return m.receipts[rapid.IntRange(max(0, len(m.receipts)-12), len(m.receipts)-1).Draw(t, "receipt")]
}

func (m *machine) delete(t *rapid.T) {
	receipt := m.pickReceipt(t)
	err := m.q.Delete(m.t.Context(), receipt)
	i := m.holder(receipt)
	if i >= 0 && (!m.fifo() || m.live[i].hidden()) {
		if err != nil {
			t.Fatalf("delete: %v", err)
		}
		m.live = slices.Delete(m.live, i, i+1)
	} // otherwise it has no effect, which compare sees
}

func (m *machine) hide(t *rapid.T) {
	receipt := m.pickReceipt(t)
	timeout := time.Duration(rapid.IntRange(0, 60).Draw(t, "visibility")) * time.Second
	err := m.q.ChangeVisibility(m.t.Context(), receipt, timeout)
	i := m.holder(receipt)
	if valid := i >= 0 && m.live[i].hidden(); valid != (err == nil) {
		t.Fatalf("change with valid receipt %t: %v", valid, err)
	}
	if err == nil {
		m.live[i].visible = time.Now().Add(timeout)
	}
}

func (m *machine) restart(t *rapid.T) {
	if err := m.file.Close(); err != nil {
		t.Fatal(err)
	}
	m.open()
	m.lookup()
	returned, err := m.queues.ReturnInFlight(m.t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range m.live {
		if e.locking() {
			e.inFlight, e.visible, e.receipt = false, time.Now(), ""
			e.lost++
			returned--
		}
	}
	if returned != 0 {
		t.Fatalf("returned %d too many", returned)
	}
}

// redrive gives what is in the dead-letter queue a new life, as new messages.
func (m *machine) redrive(t *rapid.T) {
	want := m.peek(t, m.dead)
	n, err := m.dead.Redrive(m.t.Context(), queue.RedriveOptions{})
	if err != nil || n != len(want) {
		t.Fatalf("redriven %d of %d: %v", n, len(want), err)
	}
	known := make(map[string]bool)
	m.live = slices.DeleteFunc(m.live, func(e *entry) bool {
		_, gone := want[e.id]
		known[e.id] = true
		return gone
	})
	var back []queue.Stored
	for _, s := range m.peek(t, m.q) {
		if !known[s.ID] {
			back = append(back, s)
		}
	}
	if len(back) != n {
		t.Fatalf("%d of %d redriven messages are there", len(back), n)
	}
	slices.SortFunc(back, func(a, b queue.Stored) int {
		return a.SentAt.Compare(b.SentAt)*2 + compareText(a.Sequence, b.Sequence)
	})
	for _, s := range back {
		m.live = append(m.live, &entry{id: s.ID, group: s.Group, visible: time.Now()})
	}
}

func compareText(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func (m *machine) peek(t *rapid.T, q *queue.Queue) map[string]queue.Stored {
	found := make(map[string]queue.Stored)
	for cursor := ""; ; {
		page, next, err := q.Peek(m.t.Context(), cursor, 50)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range page {
			found[s.ID] = s
		}
		if next == "" {
			return found
		}
		cursor = next
	}
}

// compare holds the whole content of both queues against the model.
func (m *machine) compare(t *rapid.T) {
	stored, dead := m.peek(t, m.q), m.peek(t, m.dead)
	var counts queue.Counts
	for _, e := range m.live {
		s, here := stored[e.id]
		if _, moved := dead[e.id]; moved {
			if here || !e.usedUp() || e.locking() {
				t.Fatalf("message %+v is dead-lettered", *e)
			}
			e.moved = true
			delete(dead, e.id)
			continue
		}
		state := queue.Visible
		if e.locking() {
			state = queue.InFlight
			counts.InFlight++
		} else {
			counts.Visible++
		}
		if !here || s.State != state || s.ReceiveCount != e.receives {
			t.Fatalf("model %+v, stored %+v (%t)", *e, s, here)
		}
		delete(stored, e.id)
	}
	if len(stored)+len(dead) > 0 {
		t.Fatalf("unknown messages: %v, dead %v", stored, dead)
	}
	got, err := m.q.Counts(m.t.Context())
	got.Oldest = 0
	if err != nil || got != counts {
		t.Fatalf("counts %+v %v, want %+v", got, err, counts)
	}
}

// drain receives and deletes until nothing comes: all must end, or be dead.
func (m *machine) drain(t *rapid.T) {
	for {
		got, err := m.q.Receive(m.t.Context(), queue.ReceiveOptions{Max: 10, Wait: 20 * time.Second})
		if err != nil {
			t.Fatal(err)
		}
		c, err := m.q.Counts(m.t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if len(got) == 0 && c.Visible+c.InFlight == 0 {
			break
		}
		for _, r := range got {
			if err := m.q.Delete(m.t.Context(), r.Receipt); err != nil {
				t.Fatal(err)
			}
			m.live = slices.DeleteFunc(m.live, func(e *entry) bool { return e.id == r.ID })
		}
	}
	dead := m.peek(t, m.dead)
	for _, e := range m.live {
		if s, ok := dead[e.id]; !ok || s.ReceiveCount != e.receives || !e.usedUp() {
			t.Fatalf("message %+v ended as %+v", *e, s)
		}
	}
	if len(dead) != len(m.live) {
		t.Fatalf("%d dead letters, want %d", len(dead), len(m.live))
	}
}
