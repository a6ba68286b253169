package ucwasim_test

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
)

func TestMediaTypes(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	for accept, want := range map[string]string{
		"":                 "application/json",
		"*/*":              "application/json",
		"application/json": "application/json",
		"application/vnd.microsoft.com.ucwa+json":     "application/vnd.microsoft.com.ucwa+json",
		"application/xml":                             "application/xml",
		"application/vnd.microsoft.com.ucwa+xml":      "application/vnd.microsoft.com.ucwa+xml",
		"application/vnd.microsoft.ucwa+xml":          "application/vnd.microsoft.ucwa+xml",
		"application/xml;q=0.5, application/json":     "application/json",
		"text/html, application/xml;q=0.9, */*;q=0.1": "application/xml",
	} {
		ok := s.as("GET", "/me/phones", "", "Accept", accept)
		bad := s.as("GET", "/me/photo", "", "Accept", accept)
		for _, got := range []reply{ok, bad} {
			if ct, _, _ := strings.Cut(got.header.Get("Content-Type"), ";"); ct != want {
				t.Errorf("Accept %q: got %s, want %s", accept, ct, want)
			}
			if isXML := strings.HasPrefix(got.body, "<?xml"); isXML != strings.HasSuffix(want, "xml") {
				t.Errorf("Accept %q: body %s", accept, got.body)
			}
		}
	}
	r.want(s.as("GET", "/me/phones", "", "Accept", "text/html"), 406, "NotAcceptable")
}

// element is the test's own reading of the XML form.
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
	Text     string     `xml:",chardata"`
}

func (e element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (e element) property(name string) string {
	for _, c := range e.Children {
		if c.XMLName.Local == "property" && c.attr("name") == name {
			return c.Text
		}
	}
	return "absent"
}

func TestXMLInBothDialects(t *testing.T) {
	t.Parallel()
	for d, want := range map[ucwasim.Dialect][3]string{
		ucwasim.Captured:  {"work", "true", "absent"},
		ucwasim.Generated: {" Work", "True", "phone"},
	} {
		r := start(t, ucwasim.Config{Dialect: d})
		s := r.signIn(user("01"))
		if err := r.SetPhone(user("01"), "work", ucwasim.Phone{Number: "tel:+14255551234;ext=5", IncludeInContactCard: true}); err != nil {
			t.Fatal(err)
		}
		got := r.want(s.as("GET", "/me/phones", "", "Accept", "application/xml"), 200)
		var phones element
		if err := xml.Unmarshal([]byte(got.body), &phones); err != nil {
			t.Fatal(err)
		}
		if phones.XMLName.Space != "http://schemas.microsoft.com/rtc/2012/03/ucwa" || phones.attr("rel") != "phones" || phones.attr("href") == "" {
			t.Errorf("%s: root %+v", d, phones.Attrs)
		}
		var list []element
		for _, c := range phones.Children {
			if c.XMLName.Local == "resource" {
				list = append(list, c)
			}
		}
		if len(list) != 4 {
			t.Fatalf("%s: %d phones in %s", d, len(list), got.body)
		}
		work := list[0]
		if seen := [3]string{work.property("type"), work.property("includeInContactCard"), work.property("rel")}; seen != want {
			t.Errorf("%s: got type, sharing, rel %q, want %q", d, seen, want)
		}
		if n := work.property("number"); strings.TrimSpace(n) != "tel:+14255551234;ext=5" || (d == ucwasim.Generated) != (n[0] == ' ') {
			t.Errorf("%s: number %q", d, n)
		}
		if list[1].property("number") != "" {
			t.Errorf("%s: unset number %q", d, list[1].property("number"))
		}
		r.want(s.as("GET", "/none", "", "Accept", "application/xml"), 404,
			`<reason xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"><code>NotFound</code><message>`, "<debugInfo></debugInfo><parameters></parameters>")
		r.want(s.as("POST", s.apps, "", "Accept", "application/xml"), 400, `<subcode>ParameterValidationFailure</subcode>`, `<property name="culture">`)
	}
}

func TestGeneratedDialectInJSON(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{Dialect: ucwasim.Generated})
	s := r.signIn(user("01"))
	if !strings.Contains(s.app, "/ucwa/v1/applications/192") {
		t.Errorf("application %s", s.app)
	}
	r.want(s.as("GET", "/me/phones", ""), 200, `"type":" Home"`, `"includeInContactCard":false`, "/me/phones/phone1/changeNumber")
}

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	for _, got := range []reply{s.as("GET", "/me", ""), s.as("GET", "/none", ""), s.as("PUT", "/me", ""), r.ask("GET", s.app, "")} {
		if got.header.Get("X-MS-Server-Fqdn") != "127.0.0.1" || got.header.Get("X-MS-UcwaVersion") == "" {
			t.Errorf("%d: headers %v", got.status, got.header)
		}
	}
}

func TestVerbsAndVersions(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	for target, methods := range map[string][]string{
		s.apps:                         {"GET", "PUT", "DELETE", "OPTIONS"},
		s.app:                          {"POST", "PUT", "PATCH"},
		"/me/phones":                   {"POST", "PUT", "DELETE"},
		"/me/phones/work/changeNumber": {"GET", "PUT", "DELETE"},
	} {
		for _, m := range methods {
			got := r.want(s.as(m, target, ""), 405, `"code":"MethodNotAllowed"`)
			if got.header.Get("Allow") == "" {
				t.Errorf("%s %s does not say what is allowed", m, target)
			}
		}
	}
	for v, status := range map[string]int{"1": 200, "2": 200, "2.0": 200, "2.1": 404, "3": 404, "x": 400} {
		got := r.want(s.as("GET", "/me", "", "X-MS-RequiresMinResourceVersion", v), status)
		if status == 404 && !strings.Contains(got.body, "APIVersionNotSupported") {
			t.Errorf("version %s: %s", v, got.body)
		}
	}
	r.want(s.as("GET", "/me/phones/fax", ""), 404, `"code":"NotFound"`)
}

func TestFaultsNameUCWAOperationsAndUsers(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	a, b := r.signIn(user("01")), r.signIn(user("02"))
	_, err := r.Script().Add(
		simkit.Fault{Operation: "changeNumber", User: user("01"), Status: 429, Code: "TooManyRequests", Header: map[string]string{"Retry-After": "3"}, Times: 1},
		simkit.Fault{Operation: "changeNumber", User: user("01"), HTML: true, Apply: true, Times: 1},
	)
	if err != nil {
		t.Fatal(err)
	}
	const post, body = "/me/phones/work/changeNumber", `{"number":"+14255551234"}`
	r.want(b.as("POST", post, body), 204)
	got := r.want(a.as("POST", post, body, "Accept", "application/xml"), 429, "<code>TooManyRequests</code>")
	if got.header.Get("Retry-After") != "3" {
		t.Error("no Retry-After")
	}
	if st, _ := r.User(user("01")); st.ChangeCount != 0 {
		t.Error("a refused request changed the user")
	}
	r.want(a.as("POST", post, body), 503, "<html>")
	r.want(a.as("POST", post, body), 204)
	if st, _ := r.User(user("01")); st.ChangeCount != 1 {
		t.Errorf("the hidden change and its repetition are one visible change, got %d", st.ChangeCount)
	}
	reqs := r.Script().Requests(simkit.Filter{Operation: "changeNumber", User: user("01")})
	if len(reqs) != 3 || reqs[0].Applied || !reqs[1].Applied || reqs[1].Status != 503 || !reqs[2].Applied {
		t.Errorf("got history %+v", reqs)
	}
	if _, err := r.Script().Add(simkit.Fault{Operation: "changeNumbers", Status: 500}); err == nil || !strings.Contains(err.Error(), "changeNumber,") {
		t.Errorf("a misspelt operation gave %v", err)
	}
}

func TestControlAPI(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{Users: 100_000})
	s := r.signIn(user("01"))
	ctl := r.ControlURL
	r.want(r.ask("GET", ctl+"/healthz", ""), 200)
	r.want(r.ask("PUT", ctl+"/users/user00001@contoso.test/phones/mobile", `{"number":"tel:+4940123456"}`), 200, `"number": "tel:+4940123456"`)
	r.want(s.as("GET", "/me/phones/mobile", ""), 200, "tel:+4940123456")
	r.want(r.ask("POST", ctl+"/users/user00001@contoso.test/evict", ""), 200, `"evicted": 1`)
	r.want(s.as("GET", "/me", ""), 410)
	r.want(r.ask("POST", ctl+"/users/user00001@contoso.test/expireTokens", ""), 200)
	r.want(s.as("GET", "/me", ""), 401)
	r.want(r.ask("PUT", ctl+"/users/user00001@contoso.test/password", `{"password":"new"}`), 200)
	r.want(r.token(r.tokenURL(), user("01"), "new"), 200)
	r.want(r.ask("PUT", ctl+"/users/user00001@contoso.test/phones/fax", `{}`), 404, "work mobile home other")
	r.want(r.ask("PUT", ctl+"/users/nobody@contoso.test/password", `{"password":"new"}`), 404, "not in the directory")
	r.want(r.ask("PUT", ctl+"/users/user00001@contoso.test/password", `{"pasword":"new"}`), 400, `"field": "pasword"`)
	r.want(r.ask("GET", ctl+"/state?user=user99999@contoso.test", ""), 200, `"user": "user99999@contoso.test"`)
	r.want(r.ask("GET", ctl+"/state?limit=1", ""), 200, `"touched": 2`, `"user": "user00001@contoso.test"`)
	r.want(r.ask("GET", ctl+"/requests?operation=token&user=user00001@contoso.test", ""), 200, `"operation": "token"`)
	if got := r.ask("GET", ctl+"/requests", ""); strings.Contains(got.body, "pw-user00001") || strings.Contains(got.body, "cwt=") {
		t.Error("the history shows a secret")
	}
}

func TestOneUserAndManyAtOnce(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{Users: 100})
	t.Run("sessions", func(t *testing.T) {
		for i := range 16 {
			t.Run(strconv.Itoa(i), func(t *testing.T) {
				t.Parallel()
				mine := *r
				mine.t = t
				bearer := mine.bearer(mine.tokenURL(), user([]string{"01", "02", "03", "04"}[i%4]))
				s := &session{rig: &mine, bearer: bearer, apps: strings.TrimSuffix(r.DiscoveryURL, "/") + applications}
				s.create("ep-1") // four sessions of a user share one application
				for range 5 {
					s.want(s.as("POST", "/me/phones/work/changeNumber", `{"number":"+14255551234"}`), 204)
				}
			})
		}
	})
	got := r.Totals()
	if got.Users != 4 || got.Changes != 4 || got.Applications.Created != 4 || got.Applications.Running != 4 || got.Tokens.Granted != 16 {
		t.Errorf("got %+v", got)
	}
}

func TestResetReachesThroughTLS(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{TLS: true})
	s := r.signIn(user("01"))
	if _, err := r.Script().Add(simkit.Fault{Operation: "changeNumber", ResetAfter: true, Times: 1}); err != nil {
		t.Fatal(err)
	}
	req, _ := http.NewRequestWithContext(t.Context(), "POST", s.app+"/me/phones/work/changeNumber?number=%2B14255551234", nil)
	req.Header.Set("Authorization", s.bearer)
	res, err := r.client.Do(req)
	if err == nil {
		res.Body.Close()
		t.Fatalf("got %d, want a broken connection", res.StatusCode)
	}
	if st, _ := r.User(user("01")); st.ChangeCount != 1 {
		t.Errorf("changed %d times, want once", st.ChangeCount)
	}
}
