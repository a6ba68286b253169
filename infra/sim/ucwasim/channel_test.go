package ucwasim_test

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/infra/sim/ucwasim"
)

func subscribed(t *testing.T, c ucwasim.Config) (*inMemory, string) {
	t.Helper()
	m := newInMemory(t, c)
	app := m.create("e")
	m.want("POST", app+startPath+"?duration=30", 201)
	return m, app
}

func TestEventsWaitByPriority(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, app := subscribed(t, ucwasim.Config{})
		p := m.poll(app + "/events?ack=1")
		if !p.waits() {
			t.Fatal("released without events")
		}
		m.addContact("sip:ada@contoso.test") // high, and takes a low one along
		got := p.answer(200)
		if want := []string{"added contact ada", "updated defaultGroup Other Contacts"}; !slices.Equal(news(got), want) {
			t.Errorf("got %v, want %v", news(got), want)
		}
		p = m.poll(follow(got, "next"))
		if err := m.s.PinContact(user("01"), "sip:ada@contoso.test", true); err != nil { // low
			t.Fatal(err)
		}
		time.Sleep(15*time.Second - 1)
		if !p.waits() {
			t.Fatal("a low event left too early")
		}
		time.Sleep(time.Nanosecond)
		if want := []string{"updated pinnedGroup Favorites"}; !slices.Equal(news(p.answer(200)), want) {
			t.Errorf("got %v, want %v", news(p.answer(200)), want)
		}
		// The subscription is updated 5 minutes before it expires, and 5 seconds later
		// the caller knows.
		start := time.Now().Add(-15 * time.Second) // of the subscription
		p = m.poll(app + "/events?ack=3&timeout=1800")
		<-p.done
		if got := time.Since(start); got != 25*time.Minute+5*time.Second {
			t.Errorf("warned after %v", got)
		}
		if want := []string{"updated " + subscription}; !slices.Equal(news(p.answer(200)), want) {
			t.Errorf("got %v, want %v", news(p.answer(200)), want)
		}
	})
}

// TestWarningReachesWhoWaitedBefore: the event request is older than the
// subscription whose expiry it must be told of.
func TestWarningReachesWhoWaitedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newInMemory(t, ucwasim.Config{})
		app := m.create("e")
		p := m.poll(app + "/events?ack=1&timeout=1800")
		start := time.Now()
		m.want("POST", app+startPath+"?duration=10", 201)
		<-p.done
		if got := time.Since(start); got != 5*time.Minute+5*time.Second || len(news(p.answer(200))) != 1 {
			t.Errorf("told after %v: %v", got, p.answer(200))
		}
	})
}

func TestHoldsAreChosenAndRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, app := subscribed(t, ucwasim.Config{})
		group := func(name string) { // updates the default group, which is low
			t.Helper()
			if err := m.s.MoveContact(user("01"), "sip:ada@contoso.test", name); err != nil {
				t.Fatal(err)
			}
		}
		if err := m.s.AddGroup(user("01"), ucwasim.Group{ID: "team", Name: "Team"}); err != nil {
			t.Fatal(err)
		}
		m.addContact("sip:ada@contoso.test")
		p := m.poll(app + "/events?ack=1&low=600&timeout=900")
		if want := []string{"added group Team", "added contact ada", "updated defaultGroup Other Contacts"}; !slices.Equal(news(p.answer(200)), want) {
			t.Errorf("low ones do not leave with high ones: %v", news(p.answer(200)))
		}
		group("team")
		p = m.poll(app + "/events?ack=2")
		if want := []string{"updated defaultGroup Other Contacts", "updated group Team"}; !slices.Equal(news(p.answer(200)), want) {
			t.Errorf("got %v", news(p.answer(200)))
		}
		p = m.poll(app + "/events?ack=3")
		before := time.Now()
		if err := m.s.PinContact(user("01"), "sip:ada@contoso.test", true); err != nil {
			t.Fatal(err)
		}
		<-p.done
		if got := time.Since(before); got != 600*time.Second || len(news(p.answer(200))) != 1 {
			t.Errorf("the low event after %v: %v", got, p.answer(200))
		}
		m.want("POST", app+startPath+"?duration=30", 201)
		p = m.poll(app + "/events?ack=4")
		before = time.Now()
		<-p.done
		if got := time.Since(before); got != 900*time.Second || len(news(p.answer(200))) != 0 {
			t.Errorf("an empty answer after %v: %v", got, p.answer(200))
		}
	})
}

func TestUpdatesOfTheSameThingAreOneEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, app := subscribed(t, ucwasim.Config{Subscriptions: ucwasim.SubscriptionConfig{ContactUpdates: true}})
		for _, err := range []error{
			m.s.AddGroup(user("01"), ucwasim.Group{ID: "g", Name: "One"}),
			m.s.RenameGroup(user("01"), ucwasim.Group{ID: "g", Name: "Two"}),
			m.s.AddContact(user("01"), ucwasim.Contact{URI: "tel:+14255550100", Name: "Ada", Group: "g"}),
			m.s.RenameContact(user("01"), "tel:+14255550100", "Ada L."),
			m.s.RemoveGroup(user("01"), "g"),
			m.s.AddGroup(user("01"), ucwasim.Group{ID: "g", Name: "Three"}),
			m.s.RenameGroup(user("01"), ucwasim.Group{ID: "g", Name: "Four"}),
			m.s.RemoveContact(user("01"), "TEL:+14255550100"),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		got := m.poll(app + "/events?ack=1").answer(200)
		want := []string{
			"added group Two", "added contact Ada L.", "deleted group Two",
			"updated defaultGroup Other Contacts", "added group Four", "deleted contact Ada L.",
		}
		if !slices.Equal(news(got), want) {
			t.Errorf("got %v, want %v", news(got), want)
		}
	})
}

func TestPackageStaysUntilAcknowledged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, app := subscribed(t, ucwasim.Config{})
		m.addContact("sip:ada@contoso.test")
		first := m.want("GET", app+"/events?ack=1", 200, "ada@contoso.test")
		m.addContact("sip:bob@contoso.test")
		for range 3 {
			if again := m.want("GET", app+"/events?ack=1", 200); again != first {
				t.Errorf("the package has changed from %s to %s", first, again)
			}
		}
		m.want("GET", app+"/events?ack=2", 200, "bob@contoso.test")
		for ack, target := range map[string]string{"": "ack=2", "?ack=1": "ack=2", "?ack=4": "ack=2", "?ack=0": "ack=2"} {
			got := m.doc("GET", app+"/events"+ack, 200)
			if rels := links(got); !slices.Equal(rels, []string{"resync", "self"}) || at(got, "sender") != nil {
				t.Errorf("ack %q: got %v", ack, got)
			}
			if !strings.HasSuffix(follow(got, "resync"), target) {
				t.Errorf("ack %q: resync is %s, want %s", ack, follow(got, "resync"), target)
			}
		}
		p := m.poll(app + "/events?ack=3")
		if got := m.doc("GET", app+"/events?ack=2", 200); !strings.HasSuffix(follow(got, "resync"), "ack=3") {
			t.Errorf("an acknowledged package is not gone: %v", got)
		}
		time.Sleep(time.Second)
		p.answer(409)
		if got := m.state().Channel; got.Events != 4 || got.Resyncs != 5 || got.Repeated != 3 || got.Replaced != 1 {
			t.Errorf("got %+v", got)
		}
	})
}

func TestSecondEventRequestReplacesTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, app := subscribed(t, ucwasim.Config{})
		first := m.poll(app + "/events?ack=1")
		second := m.poll(app + "/events?ack=1")
		time.Sleep(time.Second)
		if body := first.answer(409); at(body, "subcode") != "PGetReplaced" || at(body, "code") != "Conflict" {
			t.Errorf("got %v", body)
		}
		urgent := m.poll(app + "/events?ack=1&priority=1")
		time.Sleep(time.Second)
		second.answer(409)
		if body := m.poll(app + "/events?ack=1&priority=0").answer(409); at(body, "subcode") != "PGetReplaced" {
			t.Errorf("a lower priority got %v", body)
		}
		if !urgent.waits() {
			t.Error("a lower priority has replaced a higher one")
		}
		m.addContact("sip:ada@contoso.test")
		urgent.answer(200)
		if got := m.state().Channel; got.Replaced != 3 || got.Polls != 4 || got.Waiting != 0 || got.Abandoned != 0 {
			t.Errorf("got %+v", got)
		}
	})
}

// TestRetryIsNobodysReplacement: who hangs up and asks again at once, before the
// server knows, has not seen PGetReplaced.
func TestRetryIsNobodysReplacement(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, app := subscribed(t, ucwasim.Config{})
		first := m.poll(app + "/events?ack=1")
		second := m.poll(app + "/events?ack=1")
		first.hangUp()
		time.Sleep(time.Second)
		if first.waits() || !first.lost {
			t.Error("the first was answered")
		}
		if got := m.state().Channel; got.Replaced != 0 || got.Abandoned != 1 || got.Waiting != 1 || !second.waits() {
			t.Errorf("got %+v", got)
		}
		second.hangUp()
	})
}

func TestCallerHangsUp(t *testing.T) {
	for _, park := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			m, app := subscribed(t, ucwasim.Config{Events: ucwasim.ChannelConfig{ParkAbandoned: park}})
			p := m.poll(app + "/events?ack=1")
			time.Sleep(10 * time.Second)
			p.hangUp()
			if p.waits() || !p.lost {
				t.Fatal("the request goes on")
			}
			waiting := 0
			if park {
				waiting = 1
			}
			if got := m.state().Channel; got.Abandoned != 1 || got.Waiting != waiting {
				t.Errorf("park %v: got %+v", park, got)
			}
			m.addContact("sip:ada@contoso.test")
			if got := m.state().Channel; got.Waiting != 0 {
				t.Errorf("park %v: an event does not release it: %+v", park, got)
			}
			// Released to nobody or not, the same URL has the event.
			m.want("GET", app+"/events?ack=1", 200, "ada@contoso.test")

			p = m.poll(app + "/events?ack=2&timeout=1800&medium=1800")
			p.hangUp()
			p.waits()
			kept := 15 * time.Minute
			if park {
				kept += 30 * time.Minute
			}
			time.Sleep(kept - 1)
			m.want("GET", app, 200)
			time.Sleep(time.Nanosecond)
			m.want("GET", app, 404, "ApplicationNotFound")
		})
	}
}

func TestGapBetweenEventRequestsEndsTheApplication(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, app := subscribed(t, ucwasim.Config{})
		for n := range 3 { // a waiting request keeps it, and then 15 minutes more
			p := m.poll(app + "/events?timeout=1800&medium=1800&ack=" + string(rune('1'+n)))
			<-p.done
			p.answer(200)
			time.Sleep(15*time.Minute - 1)
		}
		m.want("GET", app, 200)
		time.Sleep(time.Nanosecond)
		m.want("GET", app+"/events?ack=4", 404, `"code":"NotFound"`, "ApplicationNotFound")
		if got := m.s.Totals(); got.Applications.Expired != 1 || got.Leaked != 1 || got.Subscriptions.Lapsed != 1 {
			t.Errorf("got %+v", got)
		}
		app = m.create("e") // other requests do not help
		m.poll(app + "/events?ack=1").hangUp()
		synctest.Wait()
		for range 14 {
			time.Sleep(time.Minute)
			m.want("GET", app+"/me", 200)
		}
		time.Sleep(time.Minute)
		m.want("GET", app+"/me", 404, "ApplicationNotFound")
	})
}

func TestEndOfTheApplicationReleasesItsEventRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, app := subscribed(t, ucwasim.Config{MaxApplicationsPerUser: 1})
		p := m.poll(app + "/events?ack=1")
		m.want("DELETE", app, 204)
		if got := p.answer(404); at(got, "subcode") != "ApplicationNotFound" {
			t.Errorf("got %v", got)
		}
		app = m.create("e")
		p = m.poll(app + "/events?ack=1")
		app = m.create("other")
		if got := p.answer(410); at(got, "subcode") != "TooManyApplications" {
			t.Errorf("got %v", got)
		}
		p = m.poll(app + "/events?ack=1&timeout=1800")
		m.want("POST", app+"/me/makeMeAvailable", 204)
		<-p.done
		if got := p.answer(410); at(got, "subcode") != "InactiveApplicationExpired" {
			t.Errorf("got %v", got)
		}
	})
}

func TestLongSilenceResumes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, app := subscribed(t, ucwasim.Config{Events: ucwasim.ChannelConfig{ResumeAfter: 10 * time.Minute}})
		m.poll(app + "/events?ack=1&timeout=600").hangUp()
		synctest.Wait()
		m.addContact("sip:ada@contoso.test")
		time.Sleep(10 * time.Minute)
		m.counts(ucwasim.SubscriptionCounts{Started: 1, Dropped: 1})
		first := m.want("GET", app+"/events?ack=1", 200, `"resume"`)
		got := m.doc("GET", app+"/events?ack=1", 200) // its answer may be lost too
		if rels := links(got); !slices.Equal(rels, []string{"resume", "self"}) || at(got, "sender") != nil {
			t.Errorf("got %v, at first %s", got, first)
		}
		p := m.poll(follow(got, "resume"))
		before := time.Now()
		<-p.done
		if waited := time.Since(before); waited != 180*time.Second {
			t.Errorf("the timeout is still remembered: %v", waited)
		}
		next := p.answer(200)

		m.want("POST", app+startPath+"?duration=10", 201)
		p = m.poll(follow(next, "next"))
		if err := m.s.ResetChannels(user("01")); err != nil {
			t.Fatal(err)
		}
		if got := p.answer(200); follow(got, "resume") == "" {
			t.Errorf("a waiting request got %v", got)
		}
		m.counts(ucwasim.SubscriptionCounts{Started: 2, Dropped: 2})
		if got := m.state().Channel; got.Resumes != 2 {
			t.Errorf("got %+v", got)
		}
	})
}
