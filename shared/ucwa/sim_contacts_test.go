package ucwa_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/contactlist"
	"dialtone/shared/failure"
	"dialtone/shared/ucwa"
)

func subscribe(t *testing.T, app *ucwa.Application) ucwa.Subscription {
	t.Helper()
	s, err := app.ContactsSubscription(t.Context())
	if err != nil {
		t.Fatalf("ContactsSubscription: %v", err)
	}
	if s, err = app.RefreshSubscription(t.Context(), s, 30*time.Minute); err != nil {
		t.Fatalf("RefreshSubscription: %v", err)
	}
	return s
}

func poll(t *testing.T, app *ucwa.Application, from ucwa.Channel) ucwa.Batch {
	t.Helper()
	b, err := app.Poll(t.Context(), from, ucwa.PollOptions{Low: 5 * time.Second, Wait: 5 * time.Second})
	if err != nil {
		t.Fatalf("Poll: %v", err)
	}
	return b
}

func contactList(t *testing.T, app *ucwa.Application) contactlist.List {
	t.Helper()
	l, err := app.ContactList(t.Context())
	if err != nil {
		t.Fatalf("ContactList: %v", err)
	}
	return l
}

func someContacts(_ int, u *ucwasim.User) {
	u.Groups = []ucwasim.Group{{ID: "team", Name: "Team"}}
	u.Contacts = []ucwasim.Contact{{URI: "sip:Bob@contoso.test", Name: "Bob", Group: "team"}, {URI: "tel:+14255550199", Name: "Taxi"}}
}

// TestSimulatorContacts: what somebody changes elsewhere is told once, and the
// lists show what it was.
func TestSimulatorContacts(t *testing.T) {
	t.Parallel()
	eachSimulator(t, ucwasim.Config{Each: someContacts}, func(t *testing.T, sim *ucwasim.Running, app *ucwa.Application) {
		s, before := subscribe(t, app), contactList(t, app)
		if len(before.Contacts) != 2 || !before.Memberships || !reflect.DeepEqual(before.Contacts[0].Groups, []string{"group:team"}) {
			t.Errorf("list %+v", before)
		}
		user := string(simUser(1))
		if err := errors.Join(
			sim.AddContact(user, ucwasim.Contact{URI: "sip:ada@contoso.test", Name: "Ada"}),
			sim.RenameGroup(user, ucwasim.Group{ID: "team", Name: "Crew"}),
			sim.RemoveContact(user, "tel:+14255550199"),
		); err != nil {
			t.Fatal(err)
		}
		told := map[ucwa.EventType]int{}
		b := poll(t, app, ucwa.Channel{})
		for _, e := range b.Events {
			told[e.Type]++
			if e.Href == "" {
				t.Errorf("event %+v", e)
			}
		}
		if told[ucwa.Added] == 0 || told[ucwa.Updated] == 0 || told[ucwa.Deleted] == 0 || b.Reset || b.Resynced || b.Pending {
			t.Errorf("told %+v", b)
		}
		got := contactlist.Diff(before, contactList(t, app))
		want := contactlist.Changes{
			AddedContacts:   []contactlist.Contact{{URI: "sip:ada@contoso.test", Name: "Ada", Groups: []string{"defaultGroup"}}},
			RemovedContacts: []contactlist.Contact{{URI: "tel:+14255550199", Name: "Taxi", Groups: []string{"defaultGroup"}}},
			RenamedGroups:   []contactlist.Renamed{{ID: "group:team", From: "Team", To: "Crew"}},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("changes %+v\nwant %+v", got, want)
		}
		if err := app.StopSubscription(t.Context(), s); err != nil {
			t.Error(err)
		}
		if err := app.StopSubscription(t.Context(), s); err != nil {
			t.Errorf("stopped twice: %v", err)
		}
	})
}

// TestSimulatorReattach: the same service takes up the application that it left,
// by what it kept and by opening it again, and another one has its own.
func TestSimulatorReattach(t *testing.T) {
	t.Parallel()
	sim := simulate(t, ucwasim.Config{Users: 1, Each: someContacts})
	first, err := simClient(t, sim, ucwa.JSON).Open(t.Context(), simUser(1))
	if err != nil {
		t.Fatal(err)
	}
	k := first.Keep(subscribe(t, first), ucwa.Channel{})
	again, err := simClient(t, sim, ucwa.JSON).Open(t.Context(), simUser(1))
	if err != nil {
		t.Fatal(err)
	}
	if got := again.Keep(k.Subscription, k.Channel).Application; got != k.Application {
		t.Errorf("opened again: %s, want %s", got, k.Application)
	}
	if s, err := again.ContactsSubscription(t.Context()); err != nil || s.State != ucwa.Connected {
		t.Errorf("its subscription: %+v, %v", s, err)
	}
	if st, _ := sim.User(string(simUser(1))); st.Applications.Created != 1 || st.Subscriptions.Started != 1 {
		t.Errorf("%+v %+v", st.Applications, st.Subscriptions)
	}
}

// TestSimulatorLosesThePlace: a reset channel and a place that the server does not
// know are told apart, and both lead on.
func TestSimulatorLosesThePlace(t *testing.T) {
	t.Parallel()
	eachSimulator(t, ucwasim.Config{Each: someContacts}, func(t *testing.T, sim *ucwasim.Running, app *ucwa.Application) {
		user := string(simUser(1))
		subscribe(t, app)
		add := func(uri string) {
			t.Helper()
			if err := sim.AddContact(user, ucwasim.Contact{URI: uri}); err != nil {
				t.Fatal(err)
			}
		}
		add("sip:ada@contoso.test")
		first := poll(t, app, ucwa.Channel{})
		add("sip:eve@contoso.test")
		second := poll(t, app, first.Next)
		if repeated := poll(t, app, first.Next); !reflect.DeepEqual(repeated, second) {
			t.Errorf("the same place again: %+v, want %+v", repeated, second)
		}
		if b := poll(t, app, ucwa.Channel{}); !b.Resynced || b.Reset {
			t.Errorf("the beginning again: %+v, want a resync", b)
		} else if back := poll(t, app, b.Next); len(back.Events) == 0 {
			t.Errorf("after the resync: %+v, want what was not acknowledged", back)
		}
		if err := sim.ResetChannels(user); err != nil {
			t.Fatal(err)
		}
		b := poll(t, app, second.Next)
		if !b.Reset || !b.Next.Fresh {
			t.Errorf("after a long silence: %+v, want a reset", b)
		}
		subscribe(t, app)
		add("sip:zoe@contoso.test")
		if b = poll(t, app, b.Next); len(b.Events) == 0 || b.Next.Fresh {
			t.Errorf("after the reset: %+v", b)
		}
	})
}

// TestSimulatorTwoReaders: the second takes the channel, and the first is told.
func TestSimulatorTwoReaders(t *testing.T) {
	t.Parallel()
	sim := simulate(t, ucwasim.Config{Users: 1, Each: someContacts})
	app := simApp(t, sim, ucwa.JSON)
	ended := make(chan error)
	go func() { ended <- second(app.Poll(t.Context(), ucwa.Channel{}, ucwa.PollOptions{})) }()
	for st, _ := sim.User(string(simUser(1))); st.Channel.Waiting == 0; st, _ = sim.User(string(simUser(1))) {
		if t.Context().Err() != nil {
			t.Fatal("nobody waits")
		}
	}
	other, err := simClient(t, sim, ucwa.JSON).Open(t.Context(), simUser(1))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := other.Poll(t.Context(), ucwa.Channel{}, ucwa.PollOptions{Wait: 100 * time.Millisecond}); err != nil || !b.Pending {
		t.Errorf("second reader: %+v, %v", b, err)
	}
	if e := ucwa.As(<-ended); e == nil || e.Subcode != ucwa.PGetReplaced || e.Remedy != ucwa.Retry {
		t.Errorf("first reader: %v", e)
	}
}

// TestSimulatorContactRefusals: what policy takes away is denied for good.
func TestSimulatorContactRefusals(t *testing.T) {
	t.Parallel()
	sim := simulate(t, ucwasim.Config{Users: 1, Each: someContacts})
	app := simApp(t, sim, ucwa.JSON)
	s := subscribe(t, app)
	for _, c := range []struct {
		policy ucwasim.PeoplePolicy
		do     func(context.Context) error
	}{
		{ucwasim.PeoplePolicy{ReadOnlyContactList: true}, func(ctx context.Context) error { return second(app.RefreshSubscription(ctx, s, 30*time.Minute)) }},
		{ucwasim.PeoplePolicy{NoDelegates: true}, func(ctx context.Context) error { return app.StopSubscription(ctx, s) }},
		{ucwasim.PeoplePolicy{NoDistributionGroups: true}, func(ctx context.Context) error { return second(app.RefreshSubscription(ctx, s, 10*time.Minute)) }},
		{ucwasim.PeoplePolicy{NoContactList: true}, func(ctx context.Context) error { return second(app.ContactList(ctx)) }},
		{ucwasim.PeoplePolicy{NoPendingContacts: true}, func(ctx context.Context) error { return second(app.ContactsSubscription(ctx)) }},
	} {
		if err := sim.SetPeoplePolicy(string(simUser(1)), c.policy); err != nil {
			t.Fatal(err)
		}
		if e := ucwa.As(c.do(t.Context())); e == nil || e.Status != 403 || e.Class != failure.Denied || e.Remedy != ucwa.None {
			t.Errorf("%+v: %v, want denied", c.policy, e)
		}
	}
}

// TestSimulatorContactFaults: whatever the network does, the subscription stays
// and every change is found.
func TestSimulatorContactFaults(t *testing.T) {
	t.Parallel()
	sim := simulate(t, ucwasim.Config{Users: 1, Each: someContacts})
	app := simApp(t, sim, ucwa.JSON)
	s, seen := subscribe(t, app), contactList(t, app)
	const start = "startOrRefreshSubscriptionToContactsAndGroups"
	if _, err := sim.Script().Add(
		simkit.Fault{Operation: start, ResetAfter: true, Rate: 0.2}, simkit.Fault{Operation: start, Status: 500, HTML: true, Apply: true, Rate: 0.2},
		simkit.Fault{Operation: "events", ResetAfter: true, Rate: 0.2}, simkit.Fault{Operation: "events", Truncate: 40, Rate: 0.2},
		simkit.Fault{Operation: "myContacts", Truncate: 60, Rate: 0.2}, simkit.Fault{Operation: "myGroups", Status: 503, HTML: true, Rate: 0.2},
	); err != nil {
		t.Fatal(err)
	}
	insist := func(do func() error) {
		t.Helper()
		for try := 0; ; try++ {
			err := do()
			if e := ucwa.As(err); err != nil && (e == nil || e.Class.Permanent() || try == 40) {
				t.Fatalf("try %d: %v", try, err)
			} else if err == nil {
				return
			}
		}
	}
	var at ucwa.Channel
	added := 0
	for _, uri := range []string{"sip:a@contoso.test", "sip:b@contoso.test", "sip:c@contoso.test", "sip:d@contoso.test"} {
		if err := sim.AddContact(string(simUser(1)), ucwasim.Contact{URI: uri}); err != nil {
			t.Fatal(err)
		}
		var b ucwa.Batch
		insist(func() (err error) { s, err = app.RefreshSubscription(t.Context(), s, 30*time.Minute); return err })
		insist(func() (err error) {
			b, err = app.Poll(t.Context(), at, ucwa.PollOptions{Wait: 5 * time.Second})
			return err
		})
		var now contactlist.List
		insist(func() (err error) { now, err = app.ContactList(t.Context()); return err })
		added += len(contactlist.Diff(seen, now).AddedContacts)
		if len(b.Events) == 0 {
			t.Errorf("%s was not told: %+v", uri, b)
		}
		at, seen = b.Next, now
	}
	st, _ := sim.User(string(simUser(1)))
	if added != 4 || st.Subscriptions.Running != 1 || st.Subscriptions.Started != 1 || st.Applications.Created != 1 {
		t.Errorf("%d added, %+v, %+v", added, st.Subscriptions, st.Applications)
	}
}
