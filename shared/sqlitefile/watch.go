package sqlitefile

import (
	"sync"
	"time"
)

// Watch returns a channel that is closed at the next commit of this File that
// notified topic, at the next commit of anybody else (another process, or
// another File in this one; noticed within Options.Poll), or by Close. It may
// be closed without reason. So that nothing is missed: watch, then look, then
// wait. stop must be called once the channel is of no more interest; polling
// ends with the last watcher.
func (f *File) Watch(topic string) (changed <-chan struct{}, stop func()) {
	w, first := f.writer.watches.add(topic)
	if first {
		f.writer.nudge() // polling starts with the first watcher
	}
	return w.changed, sync.OnceFunc(func() { f.writer.watches.drop(topic, w) })
}

// watches holds one channel for each topic that somebody watches.
type watches struct {
	mu     sync.Mutex
	topics map[string]*watch
	closed bool
}

// watch is shared by all that watch one topic.
type watch struct {
	changed chan struct{}
	holders int
}

func (s *watches) add(topic string) (w *watch, first bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w, ok := s.topics[topic]; ok {
		w.holders++
		return w, false
	}
	w = &watch{changed: make(chan struct{}), holders: 1}
	if s.closed {
		close(w.changed)
		return w, false
	}
	if s.topics == nil {
		s.topics = make(map[string]*watch)
	}
	s.topics[topic] = w
	return w, len(s.topics) == 1
}

func (s *watches) drop(topic string, w *watch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w.holders--
	if w.holders == 0 && s.topics[topic] == w {
		delete(s.topics, topic)
	}
}

func (s *watches) notify(topics []string) {
	if len(topics) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, topic := range topics {
		if w, ok := s.topics[topic]; ok {
			close(w.changed)
			delete(s.topics, topic)
		}
	}
}

func (s *watches) notifyAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.topics {
		close(w.changed)
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
