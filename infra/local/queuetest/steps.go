package queuetest

import (
	"crypto/rand"
	"fmt"
	"strings"
	"time"
)

// queue creates a queue under a name that nobody used before.
func (r *recorder) queue(c Config) *subject {
	r.Helper()
	kind := ""
	if c.Name == "fifo" {
		kind = ".fifo"
	}
	c.Name = "t-" + rand.Text() + kind
	q, err := r.broker.Create(r.Context(), c)
	if err != nil {
		r.Fatalf("create %+v: %v", c, err)
	}
	return &subject{Queue: q, r: r, name: c.Name}
}

// subject is a queue with steps that end the row when they fail.
type subject struct {
	Queue
	r    *recorder
	name string
}

func (s *subject) send(m Outgoing) Sent {
	s.r.Helper()
	sent, err := s.Send(s.r.Context(), m)
	if err != nil {
		s.r.Fatalf("send %q: %v", clip(m.Body), err)
	}
	if sent.ID == "" {
		s.r.Fatal("a message was sent without an id")
	}
	return sent
}

func (s *subject) sendBodies(bodies ...string) {
	s.r.Helper()
	for _, body := range bodies {
		s.send(Outgoing{Body: body})
	}
}

// post sends to a group, with the body as deduplication id.
func (s *subject) post(group string, bodies ...string) {
	s.r.Helper()
	for _, body := range bodies {
		s.send(Outgoing{Body: body, Group: group, DedupID: body})
	}
}

// receive takes what comes, without waiting.
func (s *subject) receive(limit, visibility int) []Received {
	s.r.Helper()
	got, err := s.Receive(s.r.Context(), limit, 0, visibility)
	if err != nil {
		s.r.Fatalf("receive: %v", err)
	}
	return got
}

// one takes one message that has to be there, within two seconds.
func (s *subject) one(visibility int) Received {
	s.r.Helper()
	got, err := s.Receive(s.r.Context(), 1, 2, visibility)
	if err != nil {
		s.r.Fatalf("receive: %v", err)
	}
	if len(got) != 1 {
		s.r.Fatalf("received %d messages, want one", len(got))
	}
	return got[0]
}

// none makes sure that nothing can be received.
func (s *subject) none(when string) {
	s.r.Helper()
	if got := s.receive(10, 0); len(got) > 0 {
		s.r.Fatalf("%s: received %s, want nothing", when, bodies(got))
	}
}

// all takes messages until none come.
func (s *subject) all() (list []Received) {
	s.r.Helper()
	for {
		got, err := s.Receive(s.r.Context(), 10, 1, 0)
		if err != nil {
			s.r.Fatalf("receive: %v", err)
		}
		if len(got) == 0 {
			return list
		}
		list = append(list, got...)
	}
}

func (s *subject) delete(m Received) {
	s.r.Helper()
	if err := s.Delete(s.r.Context(), m.Receipt); err != nil {
		s.r.Fatalf("delete %q: %v", clip(m.Body), err)
	}
}

func (s *subject) hide(m Received, seconds int) {
	s.r.Helper()
	if err := s.ChangeVisibility(s.r.Context(), m.Receipt, seconds); err != nil {
		s.r.Fatalf("hide %q for %d s: %v", clip(m.Body), seconds, err)
	}
}

// want compares the bodies of messages, in order.
func (r *recorder) want(got []Received, want ...string) {
	r.Helper()
	if bodies(got) != strings.Join(want, " ") {
		r.Fatalf("received %q, want %q", bodies(got), strings.Join(want, " "))
	}
}

// refused makes sure that an error has one of the codes.
func (r *recorder) refused(what string, err error, codes ...string) {
	r.Helper()
	if err == nil {
		r.Errorf("%s was accepted", what)
		return
	}
	got := r.code(err)
	for _, code := range codes {
		if got == code {
			return
		}
	}
	r.Errorf("%s: code %q, want one of %q (%v)", what, got, codes, err)
}

// near compares a duration with a generous tolerance for slow machines: it may
// not be early by more than 50 ms.
func (r *recorder) near(what string, got, want time.Duration) {
	r.Helper()
	if got < want-50*time.Millisecond || got > want+1500*time.Millisecond {
		r.Errorf("%s after %s, want %s", what, got, want)
	}
}

func bodies(list []Received) string {
	var texts []string
	for _, m := range list {
		texts = append(texts, clip(m.Body))
	}
	return strings.Join(texts, " ")
}

func clip(s string) string {
	if len(s) > 40 {
		return fmt.Sprintf("%s... (%d bytes)", s[:40], len(s))
	}
	return s
}

func sleep(seconds float64) { time.Sleep(time.Duration(seconds * float64(time.Second))) }
