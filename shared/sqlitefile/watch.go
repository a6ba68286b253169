package sqlitefile

import (
	"sync"
	"time"
)

// Watch returns a channel that is closed at the next commit of this File that
// notified topic, at the next commit of anybody else (another process, or
// another File in this one; noticed within Options.Poll), or by Close. It may
// be closed without reason. So that nothing is missed: watch, then look, then
// wait.
func (f *File) Watch(topic string) <-chan struct{} {
	ch, first := f.writer.watches.channel(topic)
	if first {
		f.writer.nudge() // polling starts with the first watcher
	}
	return ch
}

// watches holds one channel for each topic that somebody watches.
type watches struct {
	mu     sync.Mutex
	topics map[string]chan struct{}
	closed bool
}

func (s *watches) channel(topic string) (ch chan struct{}, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ch, ok := s.topics[topic]; ok {
		return ch, false
	}
	ch = make(chan struct{})
	if s.closed {
		close(ch)
		return ch, false
	}
	if s.topics == nil {
		s.topics = make(map[string]chan struct{})
	}
	s.topics[topic] = ch
	return ch, len(s.topics) == 1
}

func (s *watches) notify(topics []string) {
	if len(topics) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, topic := range topics {
		if ch, ok := s.topics[topic]; ok {
			close(ch)
			delete(s.topics, topic)
		}
	}
}

func (s *watches) notifyAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ch := range s.topics {
		close(ch)
	}
	clear(s.topics)
}

func (s *watches) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.notifyAll()
}

func (s *watches) any() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.topics) > 0
}

// pollForeign looks for commits of others if it is time to, and returns when
// to look again: nil, which is never, while nobody watches.
func (w *writer) pollForeign() <-chan time.Time {
	if !w.watches.any() {
		return nil
	}
	if time.Since(w.polled) >= w.poll {
		w.polled = time.Now()
		version, err := w.dataVersion()
		// A broken file wakes the watchers too: they will see the error.
		if err != nil || version != w.version {
			w.version = version
			w.watches.notifyAll()
			return nil
		}
	}
	return time.After(w.poll - time.Since(w.polled))
}

// dataVersion changes when another connection commits, and not when this one
// does: https://www.sqlite.org/pragma.html#pragma_data_version.
func (w *writer) dataVersion() (version int64, err error) {
	err = w.tx.QueryRow("PRAGMA data_version").Scan(&version)
	return version, classify(err)
}
