package ucwasim_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"

	"dialtone/infra/sim/ucwasim"
)

// newInMemory is a signed-in user00001 whose requests need no network, for tests in
// a bubble.
func newInMemory(t *testing.T, c ucwasim.Config) *inMemory {
	t.Helper()
	c.Users = max(c.Users, 1)
	s, err := ucwasim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	m := &inMemory{t: t, s: s}
	m.signIn()
	return m
}

func (m *inMemory) doc(method, path string, status int) map[string]any {
	m.t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(m.want(method, path, status)), &v); err != nil {
		m.t.Fatal(err)
	}
	return v
}

func (m *inMemory) addContact(uri string) {
	m.t.Helper()
	if err := m.s.AddContact(user("01"), ucwasim.Contact{URI: uri}); err != nil {
		m.t.Fatal(err)
	}
}

func (m *inMemory) state() ucwasim.UserState {
	st, _ := m.s.User(user("01"))
	return st
}

func (m *inMemory) counts(want ucwasim.SubscriptionCounts) {
	m.t.Helper()
	if got := m.state().Subscriptions; got != want {
		m.t.Errorf("subscriptions are %+v, want %+v", got, want)
	}
	if got := m.s.Totals().Subscriptions; got != want {
		m.t.Errorf("the total is %+v, want %+v", got, want)
	}
}

// pending is an event request that may still wait.
type pending struct {
	m      *inMemory
	w      *httptest.ResponseRecorder
	hangUp context.CancelFunc
	done   chan struct{}
	lost   bool // ended without an answer
}

// poll sends an event request and lets it come to rest.
func (m *inMemory) poll(path string) *pending {
	ctx, cancel := context.WithCancel(context.Background())
	p := &pending{m: m, w: httptest.NewRecorder(), hangUp: cancel, done: make(chan struct{})}
	req := httptest.NewRequestWithContext(ctx, "GET", path, http.NoBody)
	req.Header.Set("Authorization", m.bearer)
	go func() {
		defer close(p.done)
		defer func() {
			if r := recover(); r != nil && r != http.ErrAbortHandler {
				panic(r)
			} else if r != nil {
				p.lost = true
			}
		}()
		m.s.Handler().ServeHTTP(p.w, req)
	}()
	synctest.Wait()
	return p
}

func (p *pending) waits() bool {
	synctest.Wait()
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// answer is the decoded body of a request that must have been released.
func (p *pending) answer(status int) map[string]any {
	p.m.t.Helper()
	if p.waits() {
		p.m.t.Fatal("the request still waits")
	}
	if p.lost || p.w.Code != status {
		p.m.t.Fatalf("got %d %s, lost %v, want %d", p.w.Code, p.w.Body, p.lost, status)
	}
	var v map[string]any
	if err := json.Unmarshal(p.w.Body.Bytes(), &v); err != nil {
		p.m.t.Fatal(err)
	}
	return v
}

// news are the events of a package as "type rel title", in order.
func news(v map[string]any) []string {
	all := []string{}
	senders, _ := v["sender"].([]any)
	for _, s := range senders {
		events, _ := at(s, "events").([]any)
		for _, e := range events {
			text := at(e, "type").(string) + " " + at(e, "link", "rel").(string)
			if title, ok := at(e, "link", "title").(string); ok {
				text += " " + title
			}
			all = append(all, text)
		}
	}
	return all
}

// follow is the path of the one link that goes on.
func follow(v map[string]any, rel string) string {
	s, _ := at(v, "_links", rel, "href").(string)
	return s
}
