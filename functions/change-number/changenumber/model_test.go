package changenumber_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"dialtone/functions/change-number/changenumber"
	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
	"dialtone/shared/worker/mortal"
)

// TestAnyOrderOfRequests plays requests to give numbers and to take them back,
// for a few users out of a pool that is too small for them, with processes that
// die, vendors that fail, phones that are changed by hand, messages that come
// twice, dead letters and replays.
//
// At no time may a number be on two phones, or on another before its rest is
// over, nor a request change a phone twice. In the end ledger and phones agree,
// and no number is lost.
func TestAnyOrderOfRequests(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		bubble(t, rt, func(t *testing.T) {
			w := newWorld(t, rt)
			acts := []func(){w.send, w.deliver, w.deliver, w.deliver, w.dieOn, w.dieOn, w.dieForGood, w.dieForGood, w.repeat, w.byHand, w.trouble, w.wait, w.bury, w.replay}
			for range rapid.IntRange(5, 40).Draw(rt, "acts") {
				since := time.Now()
				acts[rapid.IntRange(0, len(acts)-1).Draw(rt, "act")]()
				w.look(since)
			}
			w.drain()
			w.audit()
		})
	})
}

// bubble runs fn in a time of its own and lets its panics out, in which rapid
// speaks. Rapid tells them apart by where they come from.
func bubble(t *testing.T, rt *rapid.T, fn func(*testing.T)) {
	var panicked any
	synctest.Test(t, func(t *testing.T) {
		defer func() { panicked = recover() }()
		fn(t)
	})
	switch {
	case panicked != nil && rt.Failed():
		panic(panicked) // a property does not hold
	case panicked != nil:
		panic(panicked) // these draws lead nowhere
	}
}

const (
	players = 2
	rest    = 24 * time.Hour // all of them end before a request is forgotten
)

// world is what the requests meet.
type world struct {
	*site
	rt      *rapid.T
	sent    int
	queues  [players + 1][]string // messages by user, in order
	past    []string              // answered or dead
	changes map[string]int        // visible ones, by message
	allowed map[string]int        // one, and one more with each replay
	shown   map[string]string     // by user, as last looked at
	rests   map[string]resting    // by number
}

type resting struct {
	of    string
	until time.Time
}

func newWorld(t *testing.T, rt *rapid.T) *world {
	numbers := rapid.IntRange(1, 3).Draw(rt, "numbers")
	return &world{
		site: newSite(t, options{
			inProcess: true, skype: ucwasim.Config{Users: players},
			locations: []webexsim.Location{{Name: "Home", Prefix: "+1205", Numbers: numbers}},
			edit:      func(_ string, c *changenumber.Config) { c.Quarantine = rest },
		}),
		rt: rt, changes: map[string]int{}, allowed: map[string]int{}, shown: map[string]string{}, rests: map[string]resting{},
	}
}

func (w *world) player() int { return rapid.IntRange(1, players).Draw(w.rt, "user") }

// send puts a new request on its user's queue.
func (w *world) send() {
	w.sent++
	n, id := w.player(), fmt.Sprint(w.sent)
	body := w.release(id, n, nil)
	if rapid.Bool().Draw(w.rt, "assign") {
		body = w.assign(id, n, data{"replace": rapid.Bool().Draw(w.rt, "replace")})
	}
	w.queues[n] = append(w.queues[n], body)
	w.allowed[body] = 1
}

// deliver hands the first message of a queue to the handler.
func (w *world) deliver() {
	n := w.player()
	if len(w.queues[n]) == 0 {
		w.send()
		return
	}
	w.hand(n)
}

// hand delivers the first message of a queue and takes it off if it is answered
// or dead.
func (w *world) hand(n int) {
	body, before := w.queues[n][0], w.skypeUser(n).ChangeCount
	w.queue.letters = nil
	back := w.site.deliver(body)
	w.count(body, w.skypeUser(n).ChangeCount-before)
	if len(back) > 0 || w.life != nil && w.life.IsDead() {
		return
	}
	if len(w.queue.letters) > 0 {
		w.fail(body)
	}
	w.answered(n)
}

func (w *world) count(body string, changes int) {
	if w.changes[body] += changes; w.changes[body] > w.allowed[body] {
		w.rt.Fatalf("%d visible changes by %s", w.changes[body], body)
	}
}

func (w *world) answered(n int) {
	w.past = append(w.past, w.queues[n][0])
	w.queues[n] = w.queues[n][1:]
}

// dieOn lets the process die on the first message of a queue.
func (w *world) dieOn() {
	w.life = &mortal.Life{Dies: rapid.IntRange(0, 25).Draw(w.rt, "step")}
	w.restart()
	w.deliver()
	w.life = nil
	w.restart()
}

// dieForGood is a death after which the message is given up: the next request
// of the user meets what it left.
func (w *world) dieForGood() {
	before := len(w.past)
	w.dieOn()
	if len(w.past) == before {
		w.bury()
	}
}

// repeat delivers a message again that was answered before.
func (w *world) repeat() {
	if len(w.past) == 0 {
		return
	}
	body := rapid.SampledFrom(w.past).Draw(w.rt, "again")
	before := w.skype.Totals().Changes
	if back := w.site.deliver(body); len(back) > 0 {
		w.rt.Fatalf("came back, after it was answered: %s", body)
	}
	if now := w.skype.Totals().Changes; now != before {
		w.rt.Fatalf("%d changes by a message that was answered: %s", now-before, body)
	}
}

// byHand changes a phone as its user would. A request that is under way finds its
// change undone and makes it again.
func (w *world) byHand() {
	n := w.player()
	if len(w.queues[n]) > 0 {
		w.allowed[w.queues[n][0]]++
	}
	w.set(n, ucwasim.Phone{Number: rapid.SampledFrom([]string{"", fmt.Sprintf("tel:+498955512%d", n)}).Draw(w.rt, "number")})
}

// trouble lets a vendor fail once.
func (w *world) trouble() {
	w.fault(rapid.SampledFrom([]simkit.Fault{
		{Operation: "changeNumber", Status: 503, Times: 1},
		{Operation: "changeNumber", Status: 504, Apply: true, Times: 1},
		{Operation: "changeNumber", Status: 403, Code: "Forbidden", Times: 1},
		{Operation: "changeNumber", Status: 400, Code: "BadRequest", Subcode: "NormalizationFailed", Times: 1},
		{Operation: "phones", After: 1, Status: 500, Times: 1},
		{Operation: "phones", After: 1, Status: 403, Code: "Forbidden", Times: 1},
		{Operation: "applications", Status: 403, Code: "Forbidden", Times: 1},
	}).Draw(w.rt, "fault"))
}

func (w *world) wait() {
	time.Sleep(rapid.SampledFrom([]time.Duration{time.Minute, 20 * time.Minute, rest / 2, rest}).Draw(w.rt, "time"))
}

// bury gives up the first message of a queue, as a queue does with one that was
// delivered too often.
func (w *world) bury() {
	n := w.player()
	if len(w.queues[n]) > 0 {
		w.fail(w.queues[n][0])
		w.answered(n)
	}
}

func (w *world) fail(body string) {
	c, err := command.Decode([]byte(body))
	if err != nil {
		w.rt.Fatal(err)
	}
	err = w.books().Fail(w.t.Context(), c, outcome.Failure(c, errors.New("given up"), 1, time.Now()))
	if err != nil {
		w.rt.Fatalf("fail %s: %v", body, err)
	}
}

// books is the ledger in the hands of somebody who does not die.
func (w *world) books() *ledger.Ledger {
	return ledger.New(w.store, ledger.Options{Owner: "somebody", Exclusive: true})
}

// replay puts an answered request behind the others of its user; it is worked on
// again if it had failed.
func (w *world) replay() {
	if len(w.past) == 0 {
		return
	}
	i := rapid.IntRange(0, len(w.past)-1).Draw(w.rt, "replayed")
	body := w.past[i]
	if r := w.request(body); r.State == ledger.Failed {
		if err := w.books().Reopen(w.t.Context(), r.Key, r.Outcome.Time, false); err != nil {
			w.rt.Fatal(err)
		}
	}
	w.past = append(w.past[:i:i], w.past[i+1:]...)
	w.allowed[body]++
	for n := range players {
		if strings.Contains(body, user(n+1)) {
			w.queues[n+1] = append(w.queues[n+1], body)
		}
	}
}

// look is what holds at any time. It does not ask the ledger.
func (w *world) look(since time.Time) {
	on := map[string]string{}
	for n := 1; n <= players; n++ {
		u, now := user(n), w.skypeUser(n).Phones["work"].Number
		if old := w.shown[u]; old != now && old != "" {
			w.rests[old] = resting{u, since.Add(rest)}
		}
		if r, found := w.rests[now]; found && r.of != u && since.Before(r.until) {
			w.rt.Fatalf("%s shows %s, which rests after %s until %s", u, now, r.of, r.until)
		}
		if other := on[now]; other != "" && now != "" {
			w.rt.Fatalf("%s and %s both show %s", other, u, now)
		}
		on[now], w.shown[u] = u, now
	}
}

// drain delivers what is left until all is answered.
func (w *world) drain() {
	w.skype.Script().Clear()
	for n := 1; n <= players; n++ {
		for tries := 0; len(w.queues[n]) > 0; tries++ {
			if tries > 50 {
				w.rt.Fatalf("never ends: %s: %s", w.queues[n][0], w.request(w.queues[n][0]).Problem)
			}
			since := time.Now()
			w.hand(n)
			w.look(since)
			time.Sleep(time.Minute)
		}
	}
}

// audit is what holds when all work is done.
func (w *world) audit() {
	problems, err := ledgertest.Audit(w.t.Context(), w.ledger, w.home, sipaddr.User(user(1)), sipaddr.User(user(2)))
	if err != nil || len(problems) > 0 {
		w.rt.Fatalf("%v\n%s", err, strings.Join(problems, "\n"))
	}
	for n, err := range w.ledger.Numbers(w.t.Context(), w.home) {
		if err != nil {
			w.rt.Fatal(err)
		}
		for i := 1; i <= players; i++ {
			if shown := w.skypeUser(i).Phones["work"].Number; e164.Same(shown, string(n.Number)) && !w.asShown(n, i) {
				w.rt.Fatalf("%s shows %s, which is %s of %q", user(i), shown, n.State, n.User)
			}
		}
	}
}

// asShown reports whether the ledger has a number as it must have one that a
// phone shows: as its user's, or as set by hand.
func (w *world) asShown(n ledger.Number, player int) bool {
	if n.ParkedForGood() {
		return strings.HasPrefix(string(n.Number), "+498955512")
	}
	return string(n.User) == user(player) && n.State != ledger.Quarantined
}
