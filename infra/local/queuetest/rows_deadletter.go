package queuetest

import "time"

func deadLetterRows() []row {
	return []row{
		{"dead letter after exactly three returned receives", 0, deadLetterReturned},
		{"dead letter after exactly two timeouts", 3 * time.Second, deadLetterTimeout},
		{"dead letter keeps body, id and attributes", 2 * time.Second, deadLetterKeeps},
		{"long poll moves dead letters", 2 * time.Second, deadLetterLongPoll},
		{"redrive returns messages", 2 * time.Second, redrive},
		{"fifo: dead letter frees its group", 0, fifoDeadLetter},
		{"fifo: dead letters keep their order", 0, fifoDeadLetterOrder},
		{"fifo: redrive passes the deduplication window", 0, fifoRedrive},
	}
}

// pair creates a queue with a dead-letter queue.
func (r *recorder) pair(c Config) (q, dead *subject) {
	r.Helper()
	dead = r.queue(Config{Name: c.Name})
	c.DeadLetter = dead.name
	return r.queue(c), dead
}

// exhaust receives and returns the first message n times.
func (s *subject) exhaust(n int) (last Received) {
	s.r.Helper()
	for i := range n {
		last = s.one(0)
		if last.ReceiveCount != i+1 {
			s.r.Fatalf("receive %d has count %d", i+1, last.ReceiveCount)
		}
		s.hide(last, 0)
	}
	return last
}

func deadLetterReturned(r *recorder) {
	q, dead := r.pair(Config{MaxReceives: 3})
	q.sendBodies("x")
	q.exhaust(3)
	dead.none("before the fourth receive")
	q.none("the fourth receive")
	r.want([]Received{dead.one(0)}, "x")
}

func deadLetterTimeout(r *recorder) {
	q, dead := r.pair(Config{MaxReceives: 2, Visibility: 1})
	q.sendBodies("x")
	q.one(0)
	sleep(1.2)
	q.one(0)
	sleep(1.2)
	q.none("the third receive")
	r.want([]Received{dead.one(0)}, "x")
}

func deadLetterKeeps(r *recorder) {
	q, dead := r.pair(Config{MaxReceives: 1})
	sent := q.send(Outgoing{Body: "x\n", Attributes: map[string]Attribute{"reason": {DataType: "String", StringValue: "why"}}})
	q.exhaust(1)
	q.none("the second receive")
	m := dead.one(0)
	if m.ID != sent.ID || m.Body != "x\n" || m.Attributes["reason"].StringValue != "why" {
		r.Errorf("sent %+v, dead letter %+v", sent, m)
	}
}

func deadLetterLongPoll(r *recorder) {
	q, dead := r.pair(Config{MaxReceives: 1, Visibility: 1})
	q.sendBodies("x")
	q.one(0)
	if got, err := q.Receive(r.Context(), 1, 2, 0); err != nil || len(got) > 0 {
		r.Errorf("received %v %v", got, err)
	}
	r.want([]Received{dead.one(0)}, "x")
}

func redrive(r *recorder) {
	q, dead := r.pair(Config{MaxReceives: 1})
	q.send(Outgoing{Body: "x", Attributes: map[string]Attribute{"reason": {DataType: "String", StringValue: "why"}}})
	q.exhaust(1)
	q.none("the second receive")
	if err := dead.Redrive(r.Context()); err != nil {
		r.Fatalf("redrive: %v", err)
	}
	dead.none("after the redrive")
	m := q.one(0)
	if m.Body != "x" || m.ReceiveCount != 1 || m.Attributes["reason"].StringValue != "why" {
		r.Errorf("redriven: %+v", m)
	}
}

func fifoDeadLetter(r *recorder) {
	q, dead := r.pair(Config{Name: "fifo", MaxReceives: 2})
	q.post("g", "1")
	q.exhaust(2)
	q.post("g", "2")
	r.want([]Received{q.one(0)}, "2")
	m := dead.one(0)
	r.want([]Received{m}, "1")
	if m.Group != "g" || m.DedupID != "1" {
		r.Errorf("dead letter %+v", m)
	}
}

func fifoDeadLetterOrder(r *recorder) {
	q, dead := r.pair(Config{Name: "fifo", MaxReceives: 1})
	q.post("g", "1", "2", "3")
	for _, m := range q.receive(10, 0) {
		q.hide(m, 0)
	}
	q.none("the second receive")
	r.want(dead.receive(10, 0), "1", "2", "3")
}

func fifoRedrive(r *recorder) {
	q, dead := r.pair(Config{Name: "fifo", MaxReceives: 1})
	q.post("g", "1", "2")
	for _, m := range q.receive(10, 0) {
		q.hide(m, 0)
	}
	q.none("the second receive")
	if err := dead.Redrive(r.Context()); err != nil {
		r.Fatalf("redrive: %v", err)
	}
	got := q.receive(10, 0)
	r.want(got, "1", "2")
	if got[0].Group != "g" || got[0].DedupID != "1" {
		r.Errorf("redriven: %+v", got[0])
	}
	dead.none("after the redrive")
}
