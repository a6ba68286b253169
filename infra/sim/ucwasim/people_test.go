package ucwasim_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
)

// texts are a property of every embedded resource of a relation.
func texts(v map[string]any, rel, name string) []string {
	all := []string{}
	many, ok := at(v, "_embedded", rel).([]any)
	if !ok && at(v, "_embedded", rel) != nil {
		many = []any{at(v, "_embedded", rel)}
	}
	for _, r := range many {
		all = append(all, fmt.Sprint(at(r, name)))
	}
	return all
}

func TestApplicationEmbedsPeople(t *testing.T) {
	t.Parallel()
	for d, want := range map[ucwasim.Dialect]string{
		ucwasim.Captured:  "people/contacts people/groups people/groupMemberships people/contactsAndGroupsSubscription",
		ucwasim.Generated: "people/myContacts people/myGroups people/myGroupMemberships people/myContactsAndGroupsSubscription",
	} {
		r := start(t, ucwasim.Config{Dialect: d})
		s := r.signIn(user("01"))
		var got []string
		for _, rel := range []string{"myContacts", "myGroups", "myGroupMemberships", subscription} {
			got = append(got, strings.TrimPrefix(s.people(rel), s.app+"/"))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: got %v, want %s", d, got, want)
		}
		if events := href(s.app, s.root, "events"); events != s.app+"/events?ack=1" {
			t.Errorf("%s: events is %s", d, events)
		}
	}
}

func TestContactsAndGroups(t *testing.T) {
	t.Parallel()
	shared := []ucwasim.Contact{
		{URI: "sip:Ada@contoso.test", Name: "Ada Example", Group: "team"},
		{URI: "sip:bob@contoso.test"},
		{URI: "tel:+14255550100", Name: "Desk", Pinned: true},
	}
	groups := []ucwasim.Group{{ID: "team", Name: "Team"}}
	r := start(t, ucwasim.Config{Each: func(_ int, u *ucwasim.User) { u.Contacts, u.Groups = shared, groups }})
	s, other := r.signIn(user("01")), r.signIn(user("02"))
	list := r.doc(r.want(s.as("GET", s.people("myContacts"), ""), 200, `"rel":"myContacts"`))
	for property, want := range map[string]string{
		"uri": "[sip:Ada@contoso.test sip:bob@contoso.test tel:+14255550100]", "name": "[Ada Example bob Desk]", "type": "[User User Phone]",
	} {
		if got := fmt.Sprint(texts(list, "contact", property)); got != want {
			t.Errorf("%s: got %s, want %s", property, got, want)
		}
	}
	all := r.doc(r.want(s.as("GET", s.people("myGroups"), ""), 200))
	members := func(rel string, index int) []string {
		g := at(all, "_embedded", rel)
		if many, ok := g.([]any); ok {
			g = many[index]
		}
		return texts(r.doc(r.want(s.as("GET", href(s.app, g, "groupContacts"), ""), 200)), "contact", "name")
	}
	if got := fmt.Sprint(texts(all, "group", "id"), texts(all, "group", "name"), members("group", 0), members("defaultGroup", 0), members("pinnedGroup", 0)); got !=
		"[team] [Team] [Ada Example] [bob Desk] [Desk]" {
		t.Errorf("groups are %s", got)
	}
	memberships := r.doc(r.want(s.as("GET", s.people("myGroupMemberships"), ""), 200))
	if got := len(texts(memberships, "myGroupMembership", "rel")); got != 4 {
		t.Errorf("there are %d memberships", got)
	}

	// What one user changes is not changed for those who began with the same lists.
	control := r.ControlURL + "/users/" + user("01")
	for _, step := range [][3]string{
		{"DELETE", "/contacts/tel:+14255550100", ""},
		{"POST", "/groups", `{"id":"fam","name":"Family"}`},
		{"PUT", "/groups/fam", `{"name":"Kin"}`},
		{"POST", "/contacts", `{"uri":"sip:eve@contoso.test","name":"Eve","group":"fam"}`},
		{"PUT", "/contacts/sip:bob@contoso.test", `{"name":"Bob","group":"fam","pinned":true}`},
		{"DELETE", "/groups/team", ""},
	} {
		r.want(r.ask(step[0], control+step[1], step[2]), 200)
	}
	st, _ := r.User(user("01"))
	if got, want := fmt.Sprint(st.People.Contacts, st.People.Groups),
		"[{sip:Ada@contoso.test Ada Example  false} {sip:bob@contoso.test Bob fam true} {sip:eve@contoso.test Eve fam false}] [{fam Kin}]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := r.want(other.as("GET", other.people("myContacts"), ""), 200, "Ada Example", `"name":"bob"`, "Desk"); strings.Contains(got.body, "Eve") {
		t.Errorf("another user has %s", got.body)
	}
	r.want(s.as("GET", "/people/groups/team", ""), 404, `"code":"NotFound"`)
	r.want(s.as("GET", "/people/groups/team/groupContacts", ""), 404)
	r.want(s.as("GET", "/people/groupMemberships/default/bob@contoso.test", ""), 404)
	r.want(s.as("GET", "/people/groupMemberships/fam/bob@contoso.test", ""), 200)
	r.want(s.as("GET", "/people/nobody@contoso.test", ""), 404)
}

func TestContactListChangesAreChecked(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	control := r.ControlURL + "/users/" + user("01")
	r.want(r.ask("POST", control+"/contacts", `{"uri":"sip:ada@contoso.test"}`), 200)
	r.want(r.ask("POST", control+"/groups", `{"id":"g","name":"G"}`), 200)
	for _, tt := range [][4]string{
		{"POST", "/contacts", `{"uri":"ada@contoso.test"}`, `"field": "uri"`},
		{"POST", "/contacts", `{"uri":"SIP:ADA@contoso.test"}`, `"field": "uri"`},
		{"POST", "/contacts", `{"uri":"sip:bob@contoso.test","group":"none"}`, `"field": "group"`},
		{"POST", "/contacts", `{"url":"sip:bob@contoso.test"}`, `"field": "url"`},
		{"PUT", "/contacts/sip:bob@contoso.test", `{"name":"Bob"}`, `"field": "uri"`},
		{"PUT", "/contacts/sip:bob@contoso.test", `{"pinned":true}`, `"field": "uri"`},
		{"PUT", "/contacts/sip:ada@contoso.test", `{"group":"none"}`, `"field": "group"`},
		{"DELETE", "/contacts/sip:bob@contoso.test", ``, `"field": "uri"`},
		{"POST", "/groups", `{"id":"g","name":"Again"}`, `"field": "id"`},
		{"POST", "/groups", `{"id":"No/Path","name":"G"}`, `"field": "id"`},
		{"POST", "/groups", `{"id":"default","name":"G"}`, `"field": "id"`},
		{"POST", "/groups", `{"id":"h"}`, `"field": "name"`},
		{"PUT", "/groups/none", `{"name":"G"}`, `"field": "id"`},
		{"DELETE", "/groups/pinned", ``, `"field": "id"`},
	} {
		r.want(r.ask(tt[0], control+tt[1], tt[2]), 400, tt[3], `"mend"`)
	}
	r.want(r.ask("POST", r.ControlURL+"/users/nobody@contoso.test/contacts", `{"uri":"sip:ada@contoso.test"}`), 404, "not in the directory")
	if _, err := ucwasim.New(ucwasim.Config{
		Events:        ucwasim.ChannelConfig{Gap: -1, Low: -1},
		Subscriptions: ucwasim.SubscriptionConfig{Warning: 1 << 60, ConnectDelay: -1},
		Extra: []ucwasim.User{{
			URI: "ada@contoso.test", Groups: []ucwasim.Group{{ID: "x", Name: "X"}, {ID: "x", Name: "Y"}},
			Contacts: []ucwasim.Contact{{URI: "sip:b@contoso.test", Group: "y"}, {URI: "sip:B@contoso.test"}},
		}},
	}); err == nil {
		t.Error("no error")
	} else {
		for _, part := range []string{"Gap", "Low", "Warning", "ConnectDelay", "Groups[1]", "Contacts[0]", "Contacts[1]"} {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("nothing about %s in %v", part, err)
			}
		}
	}
}

func TestEventsOverHTTP(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{Events: ucwasim.ChannelConfig{ShortPolls: true}})
	s := r.signIn(user("01"))
	r.want(s.subscribe(`{"duration":30}`), 201)
	control := r.ControlURL + "/users/" + user("01")
	r.want(r.ask("POST", control+"/groups", `{"id":"team","name":"Team"}`), 200)
	r.want(r.ask("POST", control+"/contacts", `{"uri":"sip:ada@contoso.test","name":"Ada <A> & Co","group":"team"}`), 200)
	// The answer is lost: the same URL has the same events, in another format too.
	if _, err := r.Script().Add(simkit.Fault{Operation: "events", ResetAfter: true, Times: 1}); err != nil {
		t.Fatal(err)
	}
	events := href(s.app, s.root, "events")
	s.lose(events)
	app := strings.TrimPrefix(s.app, strings.TrimSuffix(r.DiscoveryURL, "/"))
	got := r.want(s.as("GET", events, "", "Accept", "application/vnd.microsoft.com.ucwa+xml"), 200)
	if media := got.header.Get("Content-Type"); media != "application/vnd.microsoft.com.ucwa+xml; charset=utf-8" {
		t.Errorf("the media type is %s", media)
	}
	for _, part := range []string{
		`<events href="` + app + `/events?ack=1" xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa">`,
		`<link rel="next" href="` + app + `/events?ack=2"></link><sender rel="people" href="` + app + `/people">`,
		`<added rel="group" href="` + app + `/people/groups/team" title="Team"><resource rel="group"`,
		`<added rel="contact" href="` + app + `/people/ada@contoso.test" title="Ada &lt;A&gt; &amp; Co">` +
			`<in rel="myContacts" href="` + app + `/people/contacts"></in><resource rel="contact"`,
	} {
		if !strings.Contains(got.body, part) {
			t.Errorf("no %s in %s", part, got.body)
		}
	}
	body := r.doc(r.want(s.as("GET", events, ""), 200))
	if want := []string{"added group Team", "added contact Ada <A> & Co", "updated group Team"}; !slices.Equal(news(body), want) &&
		!slices.Equal(news(body), want[:2]) {
		t.Errorf("got %v", news(body))
	}
	if senders := body["sender"].([]any); len(senders) < 2 || at(senders[1], "rel") != "people" {
		t.Errorf("a change of the kind of thing begins no new sender: %v", senders)
	}
	r.want(s.as("GET", events, "", "Accept", "application/xml"), 406, "<code>NotAcceptable</code>")
	r.want(s.as("GET", events+"&timeout=-1", ""), 400, "ParameterValidationFailure", `"name":"timeout"`)
	r.want(s.as("GET", s.app+"/events?ack=two&low=1801", ""), 400, `"name":"ack"`, `"name":"low"`)
	r.want(s.as("POST", events, ""), 405)

	lean := start(t, ucwasim.Config{Events: ucwasim.ChannelConfig{LeanEvents: true}})
	s = lean.signIn(user("01"))
	lean.want(s.subscribe(`{"duration":30}`), 201)
	if err := lean.AddContact(user("01"), ucwasim.Contact{URI: "sip:ada@contoso.test"}); err != nil {
		t.Fatal(err)
	}
	events = href(s.app, s.root, "events")
	if got := lean.want(s.as("GET", events, ""), 200, `"added"`); strings.Contains(got.body, "_embedded") {
		t.Errorf("got %s", got.body)
	}
	for _, floor := range []string{"timeout=179", "low=4", "medium=4", "timeout=1801", "medium=1801"} {
		lean.want(s.as("GET", events+"&"+floor, ""), 400, "ParameterValidationFailure", strings.Split(floor, "=")[0])
	}
}

// TestHangUpOverHTTP: the server notices a caller who is gone by the connection.
func TestHangUpOverHTTP(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	r.want(s.subscribe(`{"duration":30}`), 201)
	waiting := func(n int) {
		for {
			st, _ := r.User(user("01"))
			if st.Channel.Waiting == n {
				return
			}
			if t.Context().Err() != nil {
				t.Fatalf("got %+v", st.Channel)
			}
			runtime.Gosched()
		}
	}
	ctx, hangUp := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, href(s.app, s.root, "events"), http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", s.bearer)
	ended := make(chan error)
	go func() {
		res, err := r.client.Do(req)
		if err == nil {
			err = res.Body.Close()
		}
		ended <- err
	}()
	waiting(1)
	hangUp()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("the request ended with %v", err)
	}
	waiting(0)
	if st, _ := r.User(user("01")); st.Channel != (ucwasim.ChannelCounts{Polls: 1, Abandoned: 1}) {
		t.Errorf("got %+v", st.Channel)
	}
}

// TestEveryApplicationIsTold has two applications of a user, of which one has no
// subscription, and a third that subscribes later.
func TestEveryApplicationIsTold(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{Events: ucwasim.ChannelConfig{ShortPolls: true}})
	s := r.signIn(user("01"))
	var events []string
	for n := range 3 {
		s.create(fmt.Sprint("ep-", n))
		events = append(events, href(s.app, s.root, "events")+"&timeout=0")
		if n < 2 {
			r.want(s.subscribe(`{"duration":30}`), 201)
		}
	}
	if err := r.AddContact(user("01"), ucwasim.Contact{URI: "sip:ada@contoso.test"}); err != nil {
		t.Fatal(err)
	}
	r.want(s.subscribe(`{"duration":30}`), 201) // of the last, too late
	for n, want := range []int{2, 2, 0} {
		if got := news(r.doc(r.want(s.as("GET", events[n], ""), 200))); len(got) != want {
			t.Errorf("application %d is told %v", n, got)
		}
	}
}
