package ucwa_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"dialtone/shared/contactlist"
	"dialtone/shared/failure"
	"dialtone/shared/ucwa"
)

// roster is a pool whose user has a contact list. It answers what it is told to,
// and knows nothing of events by itself.
type roster struct {
	*pool
	app     *ucwa.Application
	answers map[string]http.HandlerFunc // by operation, before all else
	state   string                      // of the subscription
	linked  bool                        // collections link to their members
}

const (
	getSubscription = "GET contactsAndGroupsSubscription"
	startOrRefresh  = "POST startOrRefreshSubscriptionToContactsAndGroups"
	stop            = "POST stopSubscriptionToContactsAndGroups"
)

func newRoster(t *testing.T, cfg ucwa.Config) *roster {
	t.Helper()
	r := &roster{pool: newPool(t), answers: map[string]http.HandlerFunc{}, state: "Disconnected"}
	r.app = r.open(r.client(cfg))
	r.set(r.answer)
	r.take()
	return r
}

// answer keeps to what the pages say; a test scripts before it calls.
func (r *roster) answer(op string, _ int, w http.ResponseWriter, req *http.Request) bool {
	if scripted := r.answers[op]; scripted != nil {
		scripted(w, req)
		return true
	}
	switch op {
	case getSubscription:
		r.write(w, req, 200, r.subscription(r.state))
	case startOrRefresh:
		r.keep(req)
		r.write(w, req, 201, r.subscription("Connecting"))
	case stop:
		r.keep(req)
		w.WriteHeader(http.StatusNoContent)
	default:
		return r.list(w, req)
	}
	return true
}

func (r *roster) keep(req *http.Request) {
	body, _ := readAll(req)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inputs = append(r.inputs, body)
}

func (r *roster) subscription(state string) doc {
	self := r.pool.app("/people/contactsAndGroupsSubscription")
	return doc{rel: "myContactsAndGroupsSubscription", href: self, props: []prop{{"state", state}}, links: [][2]string{
		{"startOrRefreshSubscriptionToContactsAndGroups", self + "/startOrRefreshSubscriptionToContactsAndGroups"},
		{"stopSubscriptionToContactsAndGroups", self + "/stopSubscriptionToContactsAndGroups"},
	}}
}

// list answers the collections of people, and each of their members.
func (r *roster) list(w http.ResponseWriter, req *http.Request) bool {
	name := path.Base(req.URL.Path)
	for _, c := range []struct {
		rel, path string
		members   []doc
	}{{"myContacts", "contacts", r.contacts()}, {"myGroups", "groups", r.groups()}, {"myGroupMemberships", "groupMemberships", r.memberships()}} {
		for _, m := range c.members {
			if m.href == req.URL.Path {
				r.write(w, req, 200, m)
				return true
			}
		}
		if name != c.path {
			continue
		}
		d := doc{rel: c.rel, href: req.URL.Path}
		for _, m := range c.members {
			if r.linked || r.generated { // the generated samples have both
				d.links = append(d.links, [2]string{m.rel, m.href})
			}
			if !r.linked {
				d.embedded = append(d.embedded, m)
			}
		}
		r.write(w, req, 200, d)
		return true
	}
	return false
}

func (r *roster) contacts() []doc {
	return []doc{
		{rel: "contact", href: r.pool.app("/people/282"), props: []prop{{"uri", " sip:Bob@Contoso.test"}, {"name", "Bob <Builder>"}, {"type", "User"}}},
		{rel: "contact", href: r.pool.app("/people/283"), props: []prop{{"uri", "tel:+12056350001"}, {"name", ""}, {"type", "Phone"}}},
		{rel: "contact", href: r.pool.app("/people/284"), props: []prop{{"name", "nobody"}}},
	}
}

func (r *roster) groups() []doc {
	return []doc{
		{rel: "defaultGroup", href: r.pool.app("/groups/1"), single: true, props: []prop{{"id", "1"}, {"name", "Other Contacts"}}},
		{rel: "group", href: r.pool.app("/groups/7"), props: []prop{{"id", "7"}, {"name", "Team"}}},
		{rel: "distributionGroup", href: r.pool.app("/groups/9"), props: []prop{{"id", "7"}, {"uri", "sip:all@contoso.test"}, {"name", "All"}}, embedded: []doc{
			{rel: "contact", href: r.pool.app("/people/999"), props: []prop{{"uri", "sip:member@contoso.test"}}},
		}},
	}
}

func (r *roster) memberships() []doc {
	pair := func(contact, rel, group string) doc {
		return doc{rel: "myGroupMembership", href: r.pool.app("/people/" + contact + "-" + group), links: [][2]string{
			{"contact", r.pool.app("/people/" + contact)}, {rel, r.pool.app("/groups/" + group)},
		}}
	}
	return []doc{pair("282", "group", "7"), pair("282", "defaultGroup", "1"), pair("283", "defaultGroup", "1"), pair("285", "group", "7"), pair("282", "group", "8")}
}

// eachRoster runs a test in both formats and dialects.
func eachRoster(t *testing.T, test func(t *testing.T, r *roster)) {
	for _, generated := range []bool{false, true} {
		for format, name := range []string{ucwa.JSON: "JSON", ucwa.XML: "XML"} {
			t.Run(fmt.Sprintf("%s generated %t", name, generated), func(t *testing.T) {
				t.Parallel()
				r := newRoster(t, ucwa.Config{Format: ucwa.Format(format)})
				r.generated = generated
				test(t, r)
			})
		}
	}
}

func (r *roster) read() ucwa.Subscription {
	r.t.Helper()
	s, err := r.app.ContactsSubscription(r.t.Context())
	if err != nil {
		r.t.Fatalf("ContactsSubscription: %v", err)
	}
	r.take()
	return s
}

func TestSubscription(t *testing.T) {
	t.Parallel()
	eachRoster(t, func(t *testing.T, r *roster) {
		s := r.read()
		if s.State != ucwa.Disconnected || s.Refresh == "" || s.Stop == "" || !s.Expires.IsZero() {
			t.Errorf("never started: %+v", s)
		}
		before := time.Now()
		s, err := r.app.RefreshSubscription(t.Context(), s, 30*time.Minute)
		if err != nil || s.State != ucwa.Connecting || s.Expires.Before(before.Add(30*time.Minute).Round(0)) || s.Expires.After(time.Now().Add(30*time.Minute)) {
			t.Fatalf("started: %+v, %v", s, err)
		}
		if s, err = r.app.RefreshSubscription(t.Context(), s, 60*time.Minute); err != nil || s.Expires.After(time.Now().Add(30*time.Minute)) {
			t.Errorf("refreshed: %+v, %v, want no more than the ceiling", s, err)
		}
		if err := r.app.StopSubscription(t.Context(), s); err != nil {
			t.Errorf("stop: %v", err)
		}
		if got, want := r.take(), startOrRefresh+" "+startOrRefresh+" "+stop; got != want {
			t.Errorf("calls %s, want %s", got, want)
		}
		want := []string{`{"duration":30}`, `{"duration":60}`, ""}
		if strings.HasPrefix(r.inputs[1], "<?xml") {
			want = []string{inXML(`<property name="duration">30</property>`), inXML(`<property name="duration">60</property>`), ""}
		}
		if got := r.inputs[1:]; !slices.Equal(got, want) { // the first is that of applications
			t.Errorf("sent %q, want %q", got, want)
		}
	})
}

// TestSubscriptionAccepts200: the page shows 201, its sibling for presence 200.
func TestSubscriptionAccepts200(t *testing.T) {
	t.Parallel()
	eachRoster(t, func(t *testing.T, r *roster) {
		r.answers[startOrRefresh] = func(w http.ResponseWriter, req *http.Request) { r.write(w, req, 200, r.subscription(" Connected")) }
		if s, err := r.app.RefreshSubscription(t.Context(), r.read(), 10*time.Minute); err != nil || s.State != ucwa.Connected {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// TestSubscriptionRefusedWithoutACall: what cannot be done is found out without a
// request.
func TestSubscriptionRefusedWithoutACall(t *testing.T) {
	t.Parallel()
	r := newRoster(t, ucwa.Config{})
	ctx, s := t.Context(), r.read()
	for name, c := range map[string]struct {
		do    func() error
		class failure.Class
		says  string
	}{
		"too short":  {func() error { return second(r.app.RefreshSubscription(ctx, s, 9*time.Minute)) }, failure.Invalid, "duration is 9 minutes: give 10 to 60"},
		"too long":   {func() error { return second(r.app.RefreshSubscription(ctx, s, 61*time.Minute)) }, failure.Invalid, "duration is 61 minutes"},
		"not whole":  {func() error { return second(r.app.RefreshSubscription(ctx, s, 90*time.Second)) }, failure.Invalid, "duration is 1m30s: give whole minutes"},
		"no refresh": {func() error { return second(r.app.RefreshSubscription(ctx, ucwa.Subscription{}, 30*time.Minute)) }, failure.Denied, "no startOrRefresh"},
		"no stop":    {func() error { return r.app.StopSubscription(ctx, ucwa.Subscription{State: ucwa.Connected}) }, failure.Denied, "no stop"},
		"stopping": {func() error {
			return second(r.app.RefreshSubscription(ctx, ucwa.Subscription{State: ucwa.Disconnecting}, 30*time.Minute))
		}, failure.Unavailable, "about to stop"},
		"foreign link": {func() error {
			return second(r.app.RefreshSubscription(ctx, ucwa.Subscription{Refresh: "data:x"}, 30*time.Minute))
		}, failure.Denied, "not trusted"},
	} {
		err := c.do()
		if e := ucwa.As(err); e == nil || e.Class != c.class || !strings.Contains(err.Error(), c.says) || strings.HasPrefix(c.says, "no ") != errors.Is(err, ucwa.ErrMissingLink) {
			t.Errorf("%s: %v, want %s, %q", name, err, c.class, c.says)
		}
	}
	if err := r.app.StopSubscription(ctx, ucwa.Subscription{State: ucwa.Disconnected}); err != nil {
		t.Errorf("stop of one that is not there: %v", err)
	}
	if calls := r.take(); calls != "" {
		t.Errorf("calls %s, want none", calls)
	}
}

func second[T any](_ T, err error) error { return err }

// TestSubscriptionRepeats: a refresh and a stop whose answers are lost are sent
// again, and the outcome is known.
func TestSubscriptionRepeats(t *testing.T) {
	t.Parallel()
	r := newRoster(t, ucwa.Config{})
	s := r.read()
	lost := true
	once := func(then http.HandlerFunc) http.HandlerFunc {
		lost = true
		return func(w http.ResponseWriter, req *http.Request) {
			if lost {
				lost = false
				reset(w, req)
			}
			then(w, req)
		}
	}
	r.answers[startOrRefresh] = once(func(w http.ResponseWriter, req *http.Request) { r.write(w, req, 201, r.subscription("Connecting")) })
	s, err := r.app.RefreshSubscription(t.Context(), s, 60*time.Minute)
	if err != nil || s.Expires.After(time.Now().Add(30*time.Minute)) || r.count(startOrRefresh) != 2 {
		t.Errorf("refresh: %+v, %v after %d calls", s, err, r.count(startOrRefresh))
	}
	r.answers[stop] = once(func(w http.ResponseWriter, req *http.Request) { reason(w, req, 409, "Conflict", "None") })
	r.state = "Disconnecting"
	if err := r.app.StopSubscription(t.Context(), s); err != nil || r.count(stop) != 2 {
		t.Errorf("stop: %v after %d calls, want what the subscription shows", err, r.count(stop))
	}
	r.state = "Connected"
	if e := ucwa.As(r.app.StopSubscription(t.Context(), s)); e == nil || e.Class != failure.Unavailable || e.Remedy != ucwa.Retry {
		t.Errorf("stop that is refused: %v, want a retry", e)
	}
}

func TestContactList(t *testing.T) {
	t.Parallel()
	want := contactlist.New(
		[]contactlist.Contact{
			{URI: "sip:bob@contoso.test", Name: "Bob <Builder>", Groups: []string{"group:7", "defaultGroup"}},
			{URI: "tel:+12056350001", Groups: []string{"defaultGroup"}},
		},
		[]contactlist.Group{
			{ID: "defaultGroup", Kind: "defaultGroup", Name: "Other Contacts"},
			{ID: "group:7", Kind: "group", Name: "Team"},
			{ID: "distributionGroup:sip:all@contoso.test", Kind: "distributionGroup", Name: "All"},
		}, true)
	eachRoster(t, func(t *testing.T, r *roster) {
		got, err := r.app.ContactList(t.Context())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v\nwant %+v", got, err, want)
		}
		if calls := r.take(); calls != "GET contacts GET groups GET groupMemberships" {
			t.Errorf("calls %s", calls)
		}
		r.linked = true
		if got, err = r.app.ContactList(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("by links: %+v, %v", got, err)
		}
		if n := len(strings.Fields(r.take())) / 2; n != 3+3+3+5 {
			t.Errorf("by links: %d calls, want one for each", n)
		}
	})
}

// TestContactListWithoutLinks: what is not offered is an answer.
func TestContactListWithoutLinks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		missing     string
		memberships bool
		err         error
	}{{"myContacts", false, ucwa.ErrMissingLink}, {"myGroups", false, ucwa.ErrMissingLink}, {"myGroupMemberships", false, nil}} {
		p := newPool(t)
		r := &roster{pool: p}
		p.set(func(op string, n int, w http.ResponseWriter, req *http.Request) bool {
			if op != "create" {
				return r.list(w, req)
			}
			app := p.application()
			people := &app.embedded[1]
			people.links = slices.DeleteFunc(people.links, func(l [2]string) bool { return l[0] == c.missing })
			p.write(w, req, 201, app)
			return true
		})
		l, err := p.open(p.client(ucwa.Config{})).ContactList(t.Context())
		if !errors.Is(err, c.err) || l.Memberships || err == nil && (len(l.Contacts) != 2 || l.Contacts[0].Groups != nil) {
			t.Errorf("without %s: %+v, %v", c.missing, l, err)
		}
	}
}

// TestPeopleLinkedInsteadOfEmbedded: they are read once, when they are needed.
func TestPeopleLinkedInsteadOfEmbedded(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	r := &roster{pool: p, state: "Connected", answers: map[string]http.HandlerFunc{}}
	p.set(func(op string, n int, w http.ResponseWriter, req *http.Request) bool {
		app := p.application()
		people := app.embedded[1]
		switch {
		case op == "create":
			app.embedded, app.links = app.embedded[:1], append(app.links, [2]string{"people", people.href})
			p.write(w, req, 201, app)
		case req.URL.Path == (&url.URL{Path: people.href}).Path:
			p.write(w, req, 200, people)
		default:
			return r.answer(op, n, w, req)
		}
		return true
	})
	r.app = p.open(p.client(ucwa.Config{}))
	p.take()
	for range 2 {
		if s, err := r.app.ContactsSubscription(t.Context()); err != nil || s.State != ucwa.Connected {
			t.Errorf("%+v, %v", s, err)
		}
	}
	if calls := strings.Count(p.take(), "GET"); calls != 3 {
		t.Errorf("%d calls, want 3: people once", calls)
	}
}
