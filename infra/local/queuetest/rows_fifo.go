package queuetest

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"
)

func fifoRows() []row {
	return []row{
		{"fifo: order in a group", 0, fifoOrder},
		{"fifo: order over several receives", 0, fifoOrderOneByOne},
		{"fifo: group is locked in flight", 0, fifoLock},
		{"fifo: group stays locked while any of it is in flight", 0, fifoLockRest},
		{"fifo: other groups flow", 0, fifoOtherGroups},
		{"fifo: order after the timeout", 2 * time.Second, fifoOrderAfterTimeout},
		{"fifo: returned message comes first", 0, fifoReturned},
		{"fifo: receipt ends with the timeout", 3 * time.Second, fifoExpiredReceipt},
		{"fifo: delay of the queue", 2 * time.Second, fifoDelay},
		{"fifo: sequence numbers rise", 0, fifoSequence},
		{"fifo: attributes of a receive", 0, fifoAttributes},
		{"fifo: duplicate gets the same id", 0, fifoDuplicate},
		{"fifo: deduplication outlives the delete", 0, fifoDuplicateAfterDelete},
		{"fifo: deduplication ends after five minutes", 5*time.Minute + time.Second, fifoDuplicateWindow},
		{"fifo: duplicates in a batch", 0, fifoDuplicateBatch},
		{"fifo: content-based deduplication", 0, fifoContent},
		{"fifo: group is required", 0, fifoNoGroup},
		{"fifo: deduplication id is required", 0, fifoNoDedup},
		{"fifo: delay of a message is refused", 0, fifoMessageDelay},
		{"fifo: order with several receivers", 0, fifoManyReceivers},
	}
}

func fifoOrder(r *recorder) {
	q := r.queue(Config{Name: "fifo"})
	q.post("g", "1", "2", "3", "4", "5")
	r.want(q.receive(10, 0), "1", "2", "3", "4", "5")
}

func fifoOrderOneByOne(r *recorder) {
	q := r.queue(Config{Name: "fifo"})
	q.post("g", "1", "2", "3")
	for _, want := range []string{"1", "2", "3"} {
		m := q.one(0)
		r.want([]Received{m}, want)
		q.delete(m)
	}
	q.none("at the end")
}

func fifoLock(r *recorder) {
	q := r.queue(Config{Name: "fifo"})
	q.post("g", "1", "2")
	m := q.one(0)
	q.none("while the first is in flight")
	q.post("g", "3")
	q.none("after another came")
	q.delete(m)
	r.want(q.receive(10, 0), "2", "3")
}

func fifoLockRest(r *recorder) {
	q := r.queue(Config{Name: "fifo"})
	q.post("g", "1", "2", "3")
	got := q.receive(2, 0)
	r.want(got, "1", "2")
	q.delete(got[0])
	q.none("while the second is in flight")
	q.delete(got[1])
	r.want(q.receive(10, 0), "3")
}

func fifoOtherGroups(r *recorder) {
	q := r.queue(Config{Name: "fifo"})
	q.post("a", "a1", "a2")
	r.want([]Received{q.one(0)}, "a1")
	q.post("b", "b1")
	q.post("c", "c1")
	got := q.all()
	slices.SortFunc(got, func(x, y Received) int { return int(x.Body[0]) - int(y.Body[0]) })
	r.want(got, "b1", "c1")
}

func fifoOrderAfterTimeout(r *recorder) {
	q := r.queue(Config{Name: "fifo", Visibility: 1})
	q.post("g", "1", "2", "3")
	r.want(q.receive(2, 0), "1", "2")
	sleep(1.2)
	r.want(q.receive(10, 0), "1", "2", "3")
}

func fifoReturned(r *recorder) {
	q := r.queue(Config{Name: "fifo"})
	q.post("g", "1", "2", "3")
	got := q.receive(2, 0)
	q.hide(got[0], 0)
	q.none("while the second is in flight")
	q.hide(got[1], 0)
	r.want(q.receive(10, 0), "1", "2", "3")
}

// The message must come again; whether SQS says so at the delete does not count.
func fifoExpiredReceipt(r *recorder) {
	q := r.queue(Config{Name: "fifo", Visibility: 1})
	q.post("g", "1")
	m := q.one(0)
	sleep(1.2)
	_ = q.Delete(r.Context(), m.Receipt)
	r.want([]Received{q.one(0)}, "1")
}

func fifoDelay(r *recorder) {
	q := r.queue(Config{Name: "fifo", Delay: 2})
	q.post("g", "1")
	sleep(1)
	q.post("g", "2")
	q.none("before the delay of the first ends")
	sleep(1.2)
	r.want(q.receive(10, 0), "1")
}

func fifoSequence(r *recorder) {
	q := r.queue(Config{Name: "fifo"})
	last := ""
	for i := range 12 {
		sent := q.send(Outgoing{Body: "x", Group: fmt.Sprint("g", i%2), DedupID: strconv.Itoa(i)})
		if len(sent.Sequence) < len(last) || len(sent.Sequence) == len(last) && sent.Sequence <= last {
			r.Errorf("sequence %q after %q", sent.Sequence, last)
		}
		last = sent.Sequence
	}
}

func fifoAttributes(r *recorder) {
	q := r.queue(Config{Name: "fifo"})
	sent := q.send(Outgoing{Body: "x", Group: "user@contoso.test", DedupID: "d-1"})
	m := q.one(0)
	if m.Group != "user@contoso.test" || m.DedupID != "d-1" || m.Sequence != sent.Sequence || m.ID != sent.ID {
		r.Errorf("sent %+v, received %+v", sent, m)
	}
}

func fifoDuplicate(r *recorder) {
	q := r.queue(Config{Name: "fifo"})
	first := q.send(Outgoing{Body: "first", Group: "g", DedupID: "d"})
	second := q.send(Outgoing{Body: "second", Group: "other", DedupID: "d"})
	if second != first {
		r.Errorf("first %+v, second %+v", first, second)
	}
	r.want(q.all(), "first")
}

func fifoDuplicateAfterDelete(r *recorder) {
	q := r.queue(Config{Name: "fifo"})
	first := q.send(Outgoing{Body: "x", Group: "g", DedupID: "d"})
	q.delete(q.one(0))
	if again := q.send(Outgoing{Body: "x", Group: "g", DedupID: "d"}); again.ID != first.ID {
		r.Errorf("first %+v, again %+v", first, again)
	}
	q.none("after the duplicate")
}

func fifoDuplicateWindow(r *recorder) {
	q := r.queue(Config{Name: "fifo"})
	first := q.send(Outgoing{Body: "x", Group: "g", DedupID: "d"})
	q.delete(q.one(0))
	sleep(5*60 + 1)
	if again := q.send(Outgoing{Body: "x", Group: "g", DedupID: "d"}); again.ID == first.ID {
		r.Error("still a duplicate")
	}
	q.one(0)
}

func fifoDuplicateBatch(r *recorder) {
	q := r.queue(Config{Name: "fifo"})
	outcomes, err := q.SendBatch(r.Context(), []Outgoing{
		{Body: "1", Group: "g", DedupID: "a"}, {Body: "2", Group: "g", DedupID: "a"}, {Body: "3", Group: "g", DedupID: "b"},
	})
	if err != nil || len(outcomes) != 3 {
		r.Fatalf("send batch: %v %v", outcomes, err)
	}
	if outcomes[0].ID != outcomes[1].ID || outcomes[0].ID == outcomes[2].ID {
		r.Errorf("ids: %+v", outcomes)
	}
	r.want(q.receive(10, 0), "1", "3")
}

func fifoContent(r *recorder) {
	q := r.queue(Config{Name: "fifo", ContentDedup: true})
	first := q.send(Outgoing{Body: "same", Group: "g"})
	if again := q.send(Outgoing{Body: "same", Group: "g"}); again.ID != first.ID {
		r.Error("the same body was sent twice")
	}
	own := q.send(Outgoing{Body: "same", Group: "g", DedupID: "own"})
	if own.ID == first.ID {
		r.Error("an id of its own did not count")
	}
	r.want(q.receive(10, 0), "same", "same")
}

func fifoNoGroup(r *recorder) {
	_, err := r.queue(Config{Name: "fifo"}).Send(r.Context(), Outgoing{Body: "x", DedupID: "d"})
	r.refused("a message without group", err, "MissingParameter")
}

func fifoNoDedup(r *recorder) {
	_, err := r.queue(Config{Name: "fifo"}).Send(r.Context(), Outgoing{Body: "x", Group: "g"})
	r.refused("a message without deduplication id", err, "InvalidParameterValue")
}

func fifoMessageDelay(r *recorder) {
	_, err := r.queue(Config{Name: "fifo"}).Send(r.Context(), Outgoing{Body: "x", Group: "g", DedupID: "d", Delay: 1})
	r.refused("a delay", err, "InvalidParameterValue")
}

func fifoManyReceivers(r *recorder) {
	q := r.queue(Config{Name: "fifo"})
	const groups, each = 5, 12
	for i := range each {
		for g := range groups {
			q.send(Outgoing{Body: strconv.Itoa(i), Group: strconv.Itoa(g), DedupID: fmt.Sprintf("%d-%d", g, i)})
		}
	}
	var mu sync.Mutex
	seen := make(map[string]int)
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for {
				got, err := q.Receive(r.Context(), 3, 1, 0)
				if err != nil || len(got) == 0 {
					return
				}
				for _, m := range got {
					mu.Lock()
					if m.Body != strconv.Itoa(seen[m.Group]) {
						r.Errorf("group %s: received %s, want %d", m.Group, m.Body, seen[m.Group])
					}
					seen[m.Group]++
					mu.Unlock()
					if err := q.Delete(r.Context(), m.Receipt); err != nil {
						r.Errorf("delete: %v", err)
					}
				}
			}
		})
	}
	workers.Wait()
	for g := range groups {
		if n := seen[strconv.Itoa(g)]; n != each {
			r.Errorf("group %d: %d messages", g, n)
		}
	}
}
