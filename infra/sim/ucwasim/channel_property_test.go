package ucwasim_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"

	"pgregory.net/rapid"
)

// listener is a client of the event channel that may lose answers, ask again, and
// lose track. It believes a package once: by the ack that it has.
type listener struct {
	*session
	next string   // where to go on
	acks []string // asked so far
	read map[string]string
	got  []string // names of added contacts, in order
}

// take processes an answer.
func (l *listener) take(t *rapid.T, asked string, answer reply) {
	if answer.status != http.StatusOK {
		t.Fatalf("%s: got %d %s", asked, answer.status, answer.body)
	}
	body := l.doc(answer)
	if resync := follow(body, "resync"); resync != "" {
		if len(news(body)) > 0 {
			t.Fatalf("a resync has events: %s", answer.body)
		}
		l.next = l.absolute(resync)
		return
	}
	self := follow(body, "self")
	if before, known := l.read[self]; known {
		if before != answer.body {
			t.Fatalf("package %s was %s and is %s", self, before, answer.body)
		}
	} else {
		l.read[self] = answer.body
		for _, n := range news(body) {
			if name, ok := strings.CutPrefix(n, "added contact "); ok {
				l.got = append(l.got, name)
			}
		}
	}
	l.next = l.absolute(follow(body, "next"))
}

func (l *listener) absolute(path string) string {
	return strings.TrimSuffix(l.DiscoveryURL, "/") + path
}

func (l *listener) ask(target string) reply {
	l.acks = append(l.acks, target)
	return l.as("GET", target+"&timeout=0", "")
}

// TestEveryEventArrivesOnce: whatever is asked for again, lost on the way or out
// of range, every contact that was added is told exactly once and in order.
func TestEveryEventArrivesOnce(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{Users: 99_999, Events: ucwasim.ChannelConfig{ShortPolls: true}})
	users := 0
	rapid.Check(t, func(t *rapid.T) {
		users++
		address := fmt.Sprintf("user%05d@contoso.test", users)
		s := r.signIn(address)
		r.want(s.subscribe(`{"duration":30}`), 201)
		l := &listener{session: s, next: href(s.app, s.root, "events"), read: map[string]string{}}
		var added []string
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				name := fmt.Sprint("c", len(added))
				if err := r.AddContact(address, ucwasim.Contact{URI: "sip:" + name + "@contoso.test"}); err != nil {
					t.Fatal(err)
				}
				added = append(added, name)
			},
			"next": func(t *rapid.T) { l.take(t, l.next, l.ask(l.next)) },
			"repeat": func(t *rapid.T) {
				if len(l.acks) > 0 {
					target := rapid.SampledFrom(l.acks).Draw(t, "target")
					l.take(t, target, l.ask(target))
				}
			},
			"invented": func(t *rapid.T) {
				// Not the following ack: that would acknowledge a package that was lost.
				ack := len(l.read) + rapid.IntRange(3, 9).Draw(t, "beyond")
				target := fmt.Sprintf("%s/events?ack=%d", s.app, ack)
				l.take(t, target, l.as("GET", target+"&timeout=0", ""))
			},
			"lose": func(t *rapid.T) {
				if _, err := r.Script().Add(simkit.Fault{
					Operation: "events", User: address, Status: 503, HTML: true, Apply: rapid.Bool().Draw(t, "apply"), Times: 1,
				}); err != nil {
					t.Fatal(err)
				}
				if got := l.ask(l.next); got.status != http.StatusServiceUnavailable {
					t.Fatalf("got %d", got.status)
				}
			},
		})
		for range 3 { // at most: a resync, what is left, and nothing
			l.take(t, l.next, l.ask(l.next))
		}
		if !slices.Equal(l.got, added) {
			t.Fatalf("told %v, added %v", l.got, added)
		}
	})
}
