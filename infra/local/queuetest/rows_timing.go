package queuetest

import "time"

func timingRows() []row {
	return []row{
		{"visibility timeout hides and ends", 2 * time.Second, visibilityTimeout},
		{"visibility timeout of one receive", 2 * time.Second, visibilityOverride},
		{"visibility extended", 3 * time.Second, visibilityExtended},
		{"visibility zero returns at once", 0, visibilityZero},
		{"visibility of a returned message cannot change", 2 * time.Second, visibilityNotInFlight},
		{"stale receipt cannot delete", 4 * time.Second, staleDelete},
		{"stale receipt cannot change visibility", 2 * time.Second, staleChange},
		{"delay of a message", 2 * time.Second, messageDelay},
		{"delay of a queue", 2 * time.Second, queueDelay},
		{"long poll waits its time", time.Second, longPollWaits},
		{"long poll wakes for a send", time.Second, longPollSend},
		{"long poll wakes when a delay ends", time.Second, longPollDelay},
		{"long poll wakes when a visibility timeout ends", time.Second, longPollVisibility},
		{"retention ends", 70 * time.Second, retention},
	}
}

func visibilityTimeout(r *recorder) {
	q := r.queue(Config{Visibility: 2})
	q.sendBodies("x")
	q.one(0)
	q.none("right after the receive")
	sleep(1)
	q.none("before the timeout")
	sleep(1.1)
	q.one(0)
}

func visibilityOverride(r *recorder) {
	q := r.queue(Config{Visibility: 600})
	q.sendBodies("x")
	q.one(1)
	q.none("right after the receive")
	sleep(1.1)
	q.one(0)
}

func visibilityExtended(r *recorder) {
	q := r.queue(Config{Visibility: 1})
	q.sendBodies("x")
	m := q.one(0)
	q.hide(m, 3)
	sleep(2)
	q.none("in the extended timeout")
	sleep(1.2)
	q.one(0)
}

func visibilityZero(r *recorder) {
	q := r.queue(Config{Visibility: 600})
	q.sendBodies("x")
	m := q.one(0)
	q.hide(m, 0)
	if again := q.one(0); again.ReceiveCount != 2 || again.ID != m.ID {
		r.Errorf("second receive: %+v", again)
	}
}

func visibilityNotInFlight(r *recorder) {
	q := r.queue(Config{Visibility: 1})
	q.sendBodies("x")
	m := q.one(0)
	sleep(1.2)
	r.refused("a change after the timeout", q.ChangeVisibility(r.Context(), m.Receipt, 60),
		"MessageNotInflight", "InvalidParameterValue", "ReceiptHandleIsInvalid")
	q.one(0)
}

// SQS may answer a stale delete with success; what counts is that the message stays.
func staleDelete(r *recorder) {
	q := r.queue(Config{Visibility: 1})
	q.sendBodies("x")
	stale := q.one(1)
	sleep(1.2)
	q.one(1)
	_ = q.Delete(r.Context(), stale.Receipt)
	sleep(1.2)
	q.delete(q.one(0))
	sleep(1.2)
	q.none("after the delete with the last receipt")
}

func staleChange(r *recorder) {
	q := r.queue(Config{Visibility: 1})
	q.sendBodies("x")
	stale := q.one(1)
	sleep(1.2)
	q.one(600)
	_ = q.ChangeVisibility(r.Context(), stale.Receipt, 0)
	q.none("after a change with the stale receipt")
}

func messageDelay(r *recorder) {
	q := r.queue(Config{})
	q.send(Outgoing{Body: "later", Delay: 2})
	q.sendBodies("now")
	r.want([]Received{q.one(0)}, "now")
	q.none("before the delay ends")
	sleep(2.1)
	r.want([]Received{q.one(0)}, "later")
}

func queueDelay(r *recorder) {
	q := r.queue(Config{Delay: 1})
	q.sendBodies("x")
	q.none("before the delay ends")
	sleep(1.1)
	q.one(0)
}

// poll receives with a wait of ten seconds and returns how long it took.
func (s *subject) poll() (got []Received, took time.Duration) {
	s.r.Helper()
	began := time.Now()
	got, err := s.Receive(s.r.Context(), 1, 10, 0)
	if err != nil {
		s.r.Fatalf("receive: %v", err)
	}
	return got, time.Since(began)
}

func longPollWaits(r *recorder) {
	q := r.queue(Config{})
	began := time.Now()
	if got, err := q.Receive(r.Context(), 1, 1, 0); err != nil || len(got) != 0 {
		r.Errorf("received %v %v", got, err)
	}
	r.near("the empty answer came", time.Since(began), time.Second)
}

func longPollSend(r *recorder) {
	q := r.queue(Config{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		sleep(0.5)
		q.sendBodies("x")
	}()
	got, took := q.poll()
	<-done
	r.want(got, "x")
	r.near("it came", took, 500*time.Millisecond)
}

func longPollDelay(r *recorder) {
	q := r.queue(Config{})
	q.send(Outgoing{Body: "x", Delay: 1})
	got, took := q.poll()
	r.want(got, "x")
	r.near("it came", took, time.Second)
}

func longPollVisibility(r *recorder) {
	q := r.queue(Config{})
	q.sendBodies("x")
	q.one(1)
	got, took := q.poll()
	r.want(got, "x")
	r.near("it came", took, time.Second)
}

func retention(r *recorder) {
	q := r.queue(Config{Retention: 60})
	q.sendBodies("a", "b")
	sleep(30)
	q.sendBodies("c")
	if got := q.receive(10, 5); len(got) == 0 {
		r.Error("nothing was kept for 30 s")
	}
	sleep(31)
	r.want(q.all(), "c")
	if c, err := q.Counts(r.Context()); err != nil || c.Visible+c.InFlight+c.Delayed != 1 {
		r.Errorf("counts after a and b expired: %+v %v", c, err)
	}
}
