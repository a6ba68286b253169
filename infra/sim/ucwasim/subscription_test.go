package ucwasim_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
)

const (
	subscription = "myContactsAndGroupsSubscription"
	startRel     = "startOrRefreshSubscriptionToContactsAndGroups"
	stopRel      = "stopSubscriptionToContactsAndGroups"
	startPath    = "/people/contactsAndGroupsSubscription/" + startRel
	stopPath     = "/people/contactsAndGroupsSubscription/" + stopRel
)

// people is a link of the embedded people.
func (s *session) people(rel string) string {
	s.t.Helper()
	target := href(s.app, at(s.root, "_embedded", "people"), rel)
	if target == "" {
		s.t.Fatalf("people has no %s", rel)
	}
	return target
}

func (s *session) subscribe(body string) reply {
	s.t.Helper()
	got := s.doc(s.want(s.as("GET", s.people(subscription), ""), 200))
	return s.as("POST", href(s.app, got, startRel), body)
}

func TestSubscriptionFromStartToStop(t *testing.T) {
	t.Parallel()
	for _, d := range []ucwasim.Dialect{ucwasim.Captured, ucwasim.Generated} {
		r := start(t, ucwasim.Config{Dialect: d, Events: ucwasim.ChannelConfig{ShortPolls: true}})
		s := r.signIn(user("01"))
		r.want(s.as("GET", s.people(subscription), ""), 200, `"state":"Disconnected"`)
		got := r.want(s.subscribe(`{"duration":30}`), 201, `"state":"Connecting"`, stopRel, startRel)
		stop := href(s.app, r.doc(got), stopRel)
		r.want(s.as("GET", s.people(subscription), ""), 200, `"state":"Connected"`)
		if err := r.AddContact(user("01"), ucwasim.Contact{URI: "sip:ada@contoso.test", Name: "Ada"}); err != nil {
			t.Fatal(err)
		}
		events := href(s.app, s.root, "events")
		body := r.doc(r.want(s.as("GET", events, ""), 200, `"type":"added"`, `"rel":"contact"`, `"rel":"defaultGroup"`))
		if got := r.doc(r.want(s.as("GET", href(s.app, body, "next")+"&timeout=0", ""), 200)); at(got, "sender") != nil {
			t.Errorf("%s: events came twice: %v", d, got)
		}
		r.want(s.as("POST", stop, ""), 204)
		r.want(s.as("POST", stop, ""), 409, `"code":"Conflict"`, `"subcode":"None"`)
		r.want(s.as("GET", s.people(subscription), ""), 200, `"state":"Disconnected"`)
		want := ucwasim.SubscriptionCounts{Started: 1, Stopped: 1}
		if st, _ := r.User(user("01")); st.Subscriptions != want {
			t.Errorf("%s: got %+v, want %+v", d, st.Subscriptions, want)
		}
	}
}

// TestDuration has every row of the arithmetic: what was asked for first, how much
// of it has passed, and what is asked for then.
func TestDuration(t *testing.T) {
	tests := []struct {
		first, passed, then int // minutes; then 0: no refresh
		capNew              bool
		want                int // minutes from the last request
	}{
		{first: 10, want: 10},
		{first: 30, want: 30},
		{first: 60, want: 60},
		{first: 60, capNew: true, want: 30},
		{first: 10, capNew: true, want: 10},
		{first: 10, passed: 5, then: 10, want: 15},
		{first: 30, passed: 5, then: 10, want: 30},
		{first: 30, passed: 0, then: 60, want: 30},
		{first: 30, passed: 29, then: 30, want: 30},
		{first: 30, passed: 25, then: 25, want: 30},
		{first: 30, passed: 25, then: 24, want: 29},
		{first: 60, passed: 10, then: 10, want: 30}, // shorter than the 50 that were left
		{first: 10, passed: 10, then: 60, want: 60}, // it had expired: a new one
		{first: 10, passed: 10, then: 60, capNew: true, want: 30},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newInMemory(t, ucwasim.Config{IdleTimeout: time.Hour, Subscriptions: ucwasim.SubscriptionConfig{CapNew: tt.capNew}})
				app := m.create("e")
				m.want("POST", fmt.Sprintf("%s%s?duration=%d", app, startPath, tt.first), 201, "Connecting")
				time.Sleep(time.Duration(tt.passed) * time.Minute)
				if tt.then > 0 {
					m.want("POST", fmt.Sprintf("%s%s?duration=%d", app, startPath, tt.then), 201)
				}
				st, _ := m.s.User(user("01"))
				if len(st.People.Subscriptions) != 1 {
					t.Fatalf("subscriptions are %+v", st.People.Subscriptions)
				}
				if got := time.Until(st.People.Subscriptions[0].Expires); got != time.Duration(tt.want)*time.Minute {
					t.Errorf("lasts %v, want %d minutes", got, tt.want)
				}
			})
		})
	}
}

func TestDurationIsChecked(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	post := func(query, body string, headers ...string) reply {
		return s.as("POST", startPath+query, body, headers...)
	}
	for _, bad := range []string{"9", "61", "0", "-10", "10.5", "ten", "1e1", "", "99999999999999999999"} {
		r.want(post("?duration="+url.QueryEscape(bad), ""), 400, `"code":"BadRequest"`, "ParameterValidationFailure", `"name":"duration"`)
	}
	for _, bad := range []string{`{}`, `{"duration":null}`, `{"duration":9}`, `{"duration":61}`, `{"duration":"ten"}`, `{"duration":10.5}`} {
		r.want(post("", bad), 400, "ParameterValidationFailure", `"name":"duration"`)
	}
	r.want(post("", ""), 400, "ParameterValidationFailure", `"name":"duration"`)
	r.want(post("", `{"duration":[10]}`), 400, "DeserializationFailure")
	if st, _ := r.User(user("01")); st.Subscriptions.Started != 0 {
		t.Errorf("a refused start has started: %+v", st.Subscriptions)
	}
	for _, good := range []reply{
		post("?duration=10", ""), post("?Duration=60", ""), post("", `{"Duration":10}`), post("", `{"duration":"60"}`),
		post("", `<input xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"><property name="duration">10</property></input>`,
			"Content-Type", "application/xml"),
	} {
		r.want(good, 201, `"state":"Connecting"`)
	}
}

func TestSubscriptionAsXML(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{Dialect: ucwasim.Generated})
	s := r.signIn(user("01"))
	got := r.want(s.as("POST", s.people(subscription)+"/"+startRel+"?duration=10", "", "Accept", "application/xml"), 201)
	app := strings.TrimPrefix(s.app, strings.TrimSuffix(r.DiscoveryURL, "/"))
	self := app + "/people/myContactsAndGroupsSubscription"
	want := `<?xml version="1.0" encoding="utf-8"?>` +
		`<resource rel="myContactsAndGroupsSubscription" href="` + self + `" xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa">` +
		`<link rel="` + startRel + `" href="` + self + `/` + startRel + `"></link>` +
		`<link rel="` + stopRel + `" href="` + self + `/` + stopRel + `"></link>` +
		`<property name="rel">myContactsAndGroupsSubscription</property><property name="state">Connecting</property></resource>`
	if got.body != want {
		t.Errorf("got  %s\nwant %s", got.body, want)
	}
}

func TestSubscriptionOffersWhatItsStateAllows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newInMemory(t, ucwasim.Config{Subscriptions: ucwasim.SubscriptionConfig{ConnectDelay: time.Minute, DisconnectDelay: time.Minute}})
		app := m.create("e")
		is := func(state, rels string) {
			t.Helper()
			got := m.doc("GET", app+"/people/contactsAndGroupsSubscription", 200)
			if at(got, "state") != state || strings.Join(links(got), " ") != rels {
				t.Errorf("got %v with %v, want %s with %s", at(got, "state"), links(got), state, rels)
			}
		}
		both := "self " + startRel + " " + stopRel
		is("Disconnected", "self "+startRel)
		m.want("POST", app+stopPath, 409, `"subcode":"None"`)
		m.want("POST", app+startPath+"?duration=10", 201)
		is("Connecting", both)
		m.addContact("sip:early@contoso.test")
		time.Sleep(time.Minute)
		is("Connected", both)
		m.addContact("sip:ada@contoso.test")
		m.want("POST", app+startPath+"?duration=10", 201, "Connecting") // is what the answer says
		is("Connected", both)
		if got := m.want("GET", app+"/events?ack=1", 200, "ada@contoso.test"); strings.Contains(got, "early") {
			t.Errorf("an event from before it was connected: %s", got)
		}
		m.want("POST", app+stopPath, 204)
		is("Disconnecting", "self")
		m.want("POST", app+startPath+"?duration=10", 409, `"subcode":"None"`)
		m.want("POST", app+stopPath, 409, `"subcode":"None"`)
		time.Sleep(time.Minute)
		is("Disconnected", "self "+startRel)
	})
}

func TestPeoplePolicy(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	r.want(s.subscribe(`{"duration":10}`), 201)
	get, list := s.people(subscription), s.people("myContacts")
	for name, tt := range map[string]struct{ get, list, post int }{
		`{}`:                            {200, 200, 201},
		`{"noContactList":true}`:        {403, 403, 201},
		`{"noPendingContacts":true}`:    {403, 200, 201},
		`{"readOnlyContactList":true}`:  {200, 200, 403},
		`{"noDelegates":true}`:          {200, 200, 403},
		`{"noDistributionGroups":true}`: {200, 200, 403},
	} {
		r.want(r.ask("PUT", r.ControlURL+"/users/"+user("01")+"/peoplePolicy", name), 200)
		check := func(got reply, status int) {
			t.Helper()
			if r.want(got, status); status == 403 {
				r.want(got, 403, `"code":"Forbidden"`, `"subcode":"None"`)
			}
		}
		got := s.as("GET", get, "")
		check(got, tt.get)
		check(s.as("GET", list, ""), tt.list)
		check(s.as("POST", startPath, `{"duration":10}`), tt.post)
		if tt.post == 403 {
			check(s.as("POST", stopPath, ""), 403)
			if rels := links(r.doc(got)); len(rels) != 1 {
				t.Errorf("%s: links are %v", name, rels)
			}
		}
	}
	anonymous := r.anonymous()
	if at(anonymous.root, "_embedded", "people") != nil {
		t.Error("an anonymous user has people")
	}
	r.want(anonymous.as("GET", "/people/contacts", ""), 403, `"subcode":"None"`)
}

// TestSubscriptionErrorsFromTheScript answers every other row of the error tables
// in the vendor's form.
func TestSubscriptionErrorsFromTheScript(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	r.want(s.subscribe(`{"duration":10}`), 201)
	for operation, ask := range map[string]func() reply{
		startRel:     func() reply { return s.as("POST", startPath, `{"duration":10}`) },
		stopRel:      func() reply { return s.as("POST", stopPath, "") },
		subscription: func() reply { return s.as("GET", s.people(subscription), "") },
		"events":     func() reply { return s.as("GET", href(s.app, s.root, "events"), "") },
		"myContacts": func() reply { return s.as("GET", s.people("myContacts"), "") },
		"myGroups":   func() reply { return s.as("GET", s.people("myGroups"), "") },
	} {
		for _, row := range []simkit.Fault{
			{Status: 500, Code: "ServiceFailure", Subcode: "CallbackChannelError"},
			{Status: 500, Code: "ServiceFailure", Subcode: "InvalidExchangeServerVersion"},
			{Status: 403, Code: "Forbidden", Subcode: "None"},
			{Status: 409, Code: "Conflict", Subcode: "AlreadyExists"},
			{Status: 409, Code: "Conflict", Subcode: "TooManyGroups"},
			{Status: 409, Code: "Conflict", Subcode: "None"},
			{Status: 409, Code: "Conflict", Subcode: "PGetReplaced"},
			{Status: 410, Code: "Gone", Subcode: "CannotRedirect"},
		} {
			row.Operation, row.Times = operation, 1
			if _, err := r.Script().Add(row); err != nil {
				t.Fatal(err)
			}
			r.want(ask(), row.Status, `"code":"`+row.Code+`"`, `"subcode":"`+row.Subcode+`"`)
		}
	}
	// A start that was carried out although its answer was lost.
	if _, err := r.Script().Add(simkit.Fault{Operation: startRel, Apply: true, Status: 500, Code: "ServiceFailure", Times: 1}); err != nil {
		t.Fatal(err)
	}
	r.want(s.as("POST", startPath, `{"duration":30}`), 500)
	if st, _ := r.User(user("01")); st.Subscriptions.Refreshed != 1 {
		t.Errorf("got %+v", st.Subscriptions)
	}
}

func TestSubscriptionLapses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newInMemory(t, ucwasim.Config{})
		app := m.create("e")
		m.want("POST", app+startPath+"?duration=10", 201)
		time.Sleep(10*time.Minute - 1)
		m.want("GET", app+"/people/contactsAndGroupsSubscription", 200, `"Connected"`)
		time.Sleep(time.Nanosecond)
		m.want("GET", app+"/people/contactsAndGroupsSubscription", 200, `"Disconnected"`)
		m.addContact("sip:late@contoso.test")
		m.counts(ucwasim.SubscriptionCounts{Started: 1, Lapsed: 1})
		if got := m.want("GET", app+"/events?ack=1", 200, `"updated"`); strings.Contains(got, "late") {
			t.Errorf("an event without a subscription: %s", got)
		}
		m.want("POST", app+startPath+"?duration=10", 201)
		m.want("POST", app+startPath+"?duration=10", 201)
		m.want("DELETE", app, 204)
		m.counts(ucwasim.SubscriptionCounts{Started: 2, Refreshed: 1, Lapsed: 1, Stopped: 1})

		app = m.create("e") // its 15 minutes are over before the 30 of the subscription
		m.want("POST", app+startPath+"?duration=30", 201)
		time.Sleep(time.Hour)
		m.counts(ucwasim.SubscriptionCounts{Started: 3, Refreshed: 1, Lapsed: 1, Stopped: 1, Dropped: 1})
		if got := m.s.Totals(); got.Applications != (ucwasim.ApplicationCounts{Created: 2, Deleted: 1, Expired: 1}) || got.Leaked != 1 {
			t.Errorf("got %+v", got)
		}
		app = m.create("e") // here it is the other way round
		m.want("POST", app+startPath+"?duration=10", 201)
		time.Sleep(time.Hour)
		m.counts(ucwasim.SubscriptionCounts{Started: 4, Refreshed: 1, Lapsed: 2, Stopped: 1, Dropped: 1})
	})
}
