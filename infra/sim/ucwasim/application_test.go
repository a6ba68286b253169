package ucwasim_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/infra/sim/ucwasim"
)

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestApplicationByTuple(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	create := func(body string) (int, string) {
		got := s.as("POST", s.apps, body)
		return got.status, href(s.apps, r.doc(got), "self")
	}
	tests := []struct {
		name, body string
		status     int
		same       bool
	}{
		{"repeat", `{"culture":"en-US","endpointId":"ep-1","userAgent":"test"}`, 200, true},
		{"other case of names", `{"Culture":"en-US","EndpointId":"ep-1","UserAgent":"test"}`, 200, true},
		{"new instance", `{"culture":"en-US","endpointId":"ep-1","userAgent":"test","instanceId":"i1"}`, 201, true},
		{"known instance", `{"culture":"en-US","endpointId":"ep-1","userAgent":"test","instanceId":"i1"}`, 200, true},
		{"new endpoint", `{"culture":"en-US","endpointId":"ep-2","userAgent":"test","type":"Browser"}`, 201, false},
	}
	for _, tt := range tests {
		status, self := create(tt.body)
		if status != tt.status || (self == s.app) != tt.same {
			t.Errorf("%s: got %d %s, want %d, same %v as %s", tt.name, status, self, tt.status, tt.same, s.app)
		}
	}
	r.want(s.as("POST", s.apps, `{"culture":"de-DE","endpointId":"ep-1","userAgent":"test"}`), 409, "AlreadyExists")
	r.want(s.as("POST", s.apps, `<input xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"><property name="culture">en-US</property>`+
		`<property name="endpointId">ep-1</property><property name="userAgent">test</property></input>`,
		"Content-Type", "application/xml"), 200)
	r.want(s.as("POST", s.apps+"?culture=en-US&endpointId=ep-1&userAgent=test", ""), 200)
}

func TestApplicationInputsAreChecked(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	long := strings.Repeat("x", 101)
	for body, want := range map[string][]string{
		`{}`: {"ParameterValidationFailure", "culture", "endpointId", "userAgent"},
		`{"culture":"","endpointId":"e","userAgent":null}`:                {"ParameterValidationFailure", "culture", "userAgent"},
		`{"culture":"c","endpointId":"` + long + `","userAgent":"u"}`:     {"ParameterValidationFailure", "100"},
		`{"culture":"c","endpointId":"e","userAgent":"u","type":"Phone"}`: {"ParameterValidationFailure", "Browser"},
		`{"culture":1,"endpointId":"e","userAgent":"u"}`:                  {"DeserializationFailure", "culture"},
		`{"culture":`: {"DeserializationFailure"},
		`null`:        {"DeserializationFailure"},
		`[]`:          {"DeserializationFailure"},
	} {
		r.want(s.as("POST", s.apps, body), 400, append(want, `"code":"BadRequest"`)...)
	}
}

func TestApplicationEmbedsALurkersMe(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{Extra: []ucwasim.User{{
		URI: "ada@contoso.test", Password: "pw-ada", Name: "Ada Example", Title: "Engineer", Department: "Voice",
		Company: "Contoso", OfficeLocation: "H 1", EmailAddresses: []string{"ada@contoso.test"},
		Phones: map[string]ucwasim.Phone{"mobile": {Number: "tel:+4915112345678"}},
	}}})
	s := r.signIn("ada@contoso.test")
	me := at(s.root, "_embedded", "me")
	if got := strings.Join(links(me), " "); got != "callForwardingSettings makeMeAvailable phones self" {
		t.Errorf("links before makeMeAvailable: %s", got)
	}
	for name, want := range map[string]string{
		"name": "Ada Example", "uri": "sip:ada@contoso.test", "title": "Engineer", "department": "Voice", "company": "Contoso",
		"officeLocation": "H 1", "mobilePhoneNumber": "tel:+4915112345678",
	} {
		if got := at(me, name); got != want {
			t.Errorf("%s is %v, want %s", name, got, want)
		}
	}
	if at(me, "workPhoneNumber") != nil {
		t.Error("an unset number is present")
	}
	r.want(s.as("POST", "/me/phones/mobile/changeNumber", ""), 204)
	r.want(s.as("GET", "/me", ""), 200, `"mobilePhoneNumber":"tel:+4915112345678"`) // not updated in an application's life

	r.want(s.as("POST", "/me/reportMyActivity", ""), 409, "MakeMeAvailableRequired")
	r.want(s.as("POST", "/me/makeMeAvailable", `{"signInAs":"Asleep"}`), 400, "ParameterValidationFailure", "signInAs")
	r.want(s.as("POST", "/me/makeMeAvailable", `{"signInAs":"Away","supportedMessageFormats":["Plain"]}`), 204)
	r.want(s.as("POST", "/me/makeMeAvailable", `{"signInAs":"Away"}`), 409, "AlreadyExists")
	r.want(s.as("POST", "/me/reportMyActivity", ""), 204)
	if got := strings.Join(links(r.doc(s.as("GET", "/me", ""))), " "); got != "callForwardingSettings phones reportMyActivity self" {
		t.Errorf("links after makeMeAvailable: %s", got)
	}
}

// TestEveryLinkIsServed follows all links and finds no 404, in both dialects.
func TestEveryLinkIsServed(t *testing.T) {
	t.Parallel()
	for _, d := range []ucwasim.Dialect{ucwasim.Captured, ucwasim.Generated} {
		r := start(t, ucwasim.Config{Dialect: d})
		for _, uri := range []string{"sip:ada@contoso.test", "sip:bob@contoso.test", "tel:+14255550199"} {
			if err := r.AddContact(user("01"), ucwasim.Contact{URI: uri}); err != nil {
				t.Fatal(err)
			}
		}
		to := ucwasim.Destination{Target: "Contact", Contact: "tel:+14255550100"}
		if err := r.SetForwarding(user("01"), ucwasim.Forwarding{Immediate: to, SimultaneousRing: to, Unanswered: to}); err != nil {
			t.Fatal(err)
		}
		s := r.signIn(user("01"))
		var seen []string
		var walk func(v any)
		walk = func(v any) {
			switch v := v.(type) {
			case []any:
				for _, e := range v {
					walk(e)
				}
			case map[string]any:
				for _, rel := range links(v) {
					target := href(s.app, v, rel)
					if rel == "events" || slices.Contains(seen, target) { // events would wait
						continue
					}
					seen = append(seen, target)
					got := s.as("GET", target, "")
					if got.status != 200 && got.status != 405 {
						t.Errorf("%s: %s is %d", d, target, got.status)
					} else if got.status == 200 {
						walk(r.doc(got))
					}
				}
				for _, e := range v {
					walk(e)
				}
			}
		}
		walk(s.root)
		phones, forwarding := 1+4*3, 2+3+9+1
		people := 5 + 1 + 3*2 + 2*2 // lists, start, contacts and memberships, the common groups with their members
		if len(seen) != 3+phones+forwarding+people {
			t.Errorf("%s: walked %d links: %v", d, len(seen), seen)
		}
	}
}

func TestOneApplicationTooManyEvictsTheOldest(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{MaxApplicationsPerUser: 2})
	s := r.signIn(user("01"))
	first := s.app
	s.create("ep-2")
	s.create("ep-3")
	r.want(s.as("GET", first+"/me", ""), 410, `"code":"Gone"`, `"subcode":"TooManyApplications"`)
	r.want(s.as("GET", "/me", ""), 200)
	if err := r.Evict(user("01")); err != nil {
		t.Fatal(err)
	}
	r.want(s.as("DELETE", s.app, ""), 410, "TooManyApplications")
	st, _ := r.User(user("01"))
	if st.Applications != (ucwasim.ApplicationCounts{Created: 3, Evicted: 3}) || st.Applications.Leaked() != 3 {
		t.Errorf("got %+v", st.Applications)
	}
	s.create("ep-1")
	if s.app == first {
		t.Error("an id came back")
	}
}

func TestEndedApplicationsAreForgottenInTime(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{MaxApplicationsPerUser: 1})
	s := r.signIn(user("01"))
	first := s.app
	for i := range 40 {
		s.create(fmt.Sprint("more-", i))
	}
	r.want(s.as("GET", first, ""), 404, "ApplicationNotFound")
}

func TestApplicationNotFound(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	a, b := r.signIn(user("01")), r.signIn(user("02"))
	r.want(b.as("GET", a.app, ""), 404, `"subcode":"ApplicationNotFound"`) // somebody else's
	r.want(a.as("DELETE", a.app, ""), 204)
	r.want(a.as("DELETE", a.app, ""), 404, `"subcode":"ApplicationNotFound"`)
	r.want(a.as("GET", "/me/phones", ""), 404, `"subcode":"ApplicationNotFound"`)
	got := r.want(b.as("GET", "/me/photo", ""), 404, `"code":"NotFound"`)
	if strings.Contains(got.body, "subcode") {
		t.Errorf("a missing resource is not a missing application: %s", got.body)
	}
}

func TestUserAgentPolicy(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{Each: func(_ int, u *ucwasim.User) { u.AllowedUserAgents = []string{"other"} }})
	s := r.signInOn(user("01"))
	r.want(s.as("POST", s.apps, `{"culture":"en-US","endpointId":"e","userAgent":"test"}`), 410, "UserAgentNotAllowed")
	r.want(s.as("POST", s.apps, `{"culture":"en-US","endpointId":"e","userAgent":"other"}`), 201)
}

func TestSilentApplicationsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := ucwasim.New(ucwasim.Config{Users: 1, ActivityTimeout: 20 * time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		m := &inMemory{t: t, s: s}
		m.signIn()
		app := m.create("e")
		for range 3 { // any request keeps it
			time.Sleep(15*time.Minute - 1)
			m.want("GET", app+"/me/phones", 200)
		}
		time.Sleep(15 * time.Minute)
		m.want("GET", app, 404, "ApplicationNotFound")
		if got := s.Totals(); got.Applications != (ucwasim.ApplicationCounts{Created: 1, Expired: 1}) || got.Leaked != 1 {
			t.Errorf("got %+v", got)
		}

		app = m.create("e")
		m.want("POST", app+"/me/makeMeAvailable", 204)
		time.Sleep(14 * time.Minute)
		m.want("POST", app+"/me/reportMyActivity", 204)
		time.Sleep(14 * time.Minute)
		m.want("GET", app, 200)
		time.Sleep(6 * time.Minute)
		m.want("GET", app, 410, "InactiveApplicationExpired")
	})
}

func TestAnonymousUsersReachNothing(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.anonymous()
	if rels := links(at(s.root, "_embedded", "me")); len(rels) != 1 {
		t.Errorf("an anonymous me has links %v", rels)
	}
	r.want(s.as("GET", "/me/phones", ""), 403, "AnonymousNotAllowed")
	r.want(s.as("POST", "/me/makeMeAvailable", ""), 403, "AnonymousNotAllowed")
	r.want(r.token(r.tokenURL(), "anonymous@contoso.test", ""), 400)
}
