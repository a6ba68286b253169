package ucwasim_test

import (
	"encoding/base64"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
)

func (r *rig) tokenURL() string { return r.DiscoveryURL + "WebTicket/oauthtoken" }

func TestTokenGrants(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{
		Grants: []string{"password", "urn:microsoft.rtc:windows", "urn:microsoft.rtc:anonmeeting", "urn:microsoft.rtc:passive"},
	})
	const right = "&username=user00001%40contoso.test&password=pw-user00001"
	conference := "&ms_rtc_conferenceuri=" + url.QueryEscape("sip:a@contoso.test;gruu;opaque=app:conf:focus:id:X")
	negotiate := func(s string) string { return "Negotiate " + base64.StdEncoding.EncodeToString([]byte(s)) }
	tests := []struct {
		name, form, auth string
		status           int
		want             string
	}{
		{"user principal name", "grant_type=password" + right, "", 200, `"access_token":"cwt=`},
		{"sip address", "grant_type=password&username=sip:User00001@contoso.test&password=pw-user00001", "", 200, `"expires_in":28800`},
		{"domain name", `grant_type=password&username=CONTOSO%5Cuser00001&password=pw-user00001`, "", 200, `"token_type":"Bearer"`},
		{"scope all", "grant_type=password&scope=all" + right, "", 200, `"cwt=`},
		{"other scope", "grant_type=password&scope=some" + right, "", 400, `"invalid_scope"`},
		{"wrong password", "grant_type=password&username=user00001%40contoso.test&password=x", "", 400, `"invalid_grant"`},
		{"nobody", "grant_type=password&username=nobody%40contoso.test&password=x", "", 400, `"invalid_grant"`},
		{"beyond the last user", "grant_type=password&username=user00021%40contoso.test&password=pw-user00021", "", 400, `"invalid_grant"`},
		{"no password", "grant_type=password&username=a", "", 400, `"invalid_request"`},
		{"no grant", "username=a", "", 400, `"invalid_request"`},
		{"twice", "grant_type=password&grant_type=password" + right, "", 400, `"invalid_request"`},
		{"not a form", "{}", "json", 400, `"invalid_request"`},
		{"unknown grant", "grant_type=client_credentials", "", 400, `"unsupported_grant_type"`},
		{"passive", "grant_type=urn:microsoft.rtc:passive", "", 400, `"ms_rtc_passiveauthuri"`},
		{"windows without Negotiate", "grant_type=urn:microsoft.rtc:windows", "", 401, "<html>"},
		{"windows", "grant_type=urn:microsoft.rtc:windows", negotiate(`CONTOSO\user00001:pw-user00001`), 200, `"cwt=`},
		{"windows wrong", "grant_type=urn:microsoft.rtc:windows", negotiate(`CONTOSO\user00001:x`), 400, `"invalid_grant"`},
		{"windows with fields", "grant_type=urn:microsoft.rtc:windows" + right, "", 400, `"invalid_request"`},
		{"anonymous", "grant_type=urn:microsoft.rtc:anonmeeting&password=key" + conference, "", 200, `"expires_in":3600`},
		{"anonymous without conference", "grant_type=urn:microsoft.rtc:anonmeeting&password=key", "", 400, `"invalid_request"`},
		{"anonymous at no conference", "grant_type=urn:microsoft.rtc:anonmeeting&password=k&ms_rtc_conferenceuri=x", "", 400, `"invalid_grant"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			media := "application/x-www-form-urlencoded;charset=UTF-8"
			if tt.auth == "json" {
				media, tt.auth = "application/json", ""
			}
			got := r.want(r.ask("POST", r.tokenURL(), tt.form, "Content-Type", media, "Authorization", tt.auth), tt.status, tt.want)
			if tt.status == 200 && got.header.Get("Cache-Control") != "no-store" {
				t.Error("a token may be cached")
			}
		})
	}
	got := r.ask("POST", r.tokenURL(), "grant_type=x", "Content-Type", "application/x-www-form-urlencoded")
	if d := got.header.Get("X-Ms-diagnostics"); !strings.HasPrefix(d, "28029;") {
		t.Errorf("diagnostics of a grant that is off: %q", d)
	}
}

func TestDirectoryThatWantsDomainNames(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{RequireDomainUsername: true})
	r.want(r.token(r.tokenURL(), user("01"), "pw-user00001"), 400, "invalid_grant")
	r.want(r.token(r.tokenURL(), `contoso\user00001`, "pw-user00001"), 200)
}

func TestLockoutAndPasswords(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{LockoutThreshold: 3})
	for range 3 {
		r.want(r.token(r.tokenURL(), user("01"), "wrong"), 400)
	}
	r.want(r.token(r.tokenURL(), user("01"), "pw-user00001"), 400, "invalid_grant")
	st, _ := r.User(user("01"))
	if !st.Locked || st.Tokens != (ucwasim.TokenCounts{Requests: 4, Refused: 4}) {
		t.Errorf("got locked %v, %+v", st.Locked, st.Tokens)
	}
	if err := r.SetPassword("sip:"+user("01"), "new"); err != nil {
		t.Fatal(err)
	}
	r.want(r.token(r.tokenURL(), user("01"), "new"), 200)
	if err := r.SetPassword("nobody@contoso.test", "x"); err == nil {
		t.Error("set the password of nobody")
	}
}

func TestTokenServerErrorByFault(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	if _, err := r.Script().Add(simkit.Fault{Operation: "token", User: user("01"), Status: 400, Times: 1}); err != nil {
		t.Fatal(err)
	}
	r.want(r.token(r.tokenURL(), user("02"), "pw-user00002"), 200)
	r.want(r.token(r.tokenURL(), "sip:"+user("01"), "pw-user00001"), 400, `{"error":"server_error"}`)
	r.want(r.token(r.tokenURL(), user("01"), "pw-user00001"), 200)
}

func TestTicketsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, err := ucwasim.New(ucwasim.Config{Users: 1, TokenLifetime: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		m := &inMemory{t: t, s: s}
		m.signIn()
		time.Sleep(time.Hour - 1)
		m.want("GET", autodiscover+"/oauth/user", 200)
		time.Sleep(time.Nanosecond)
		m.want("GET", autodiscover+"/oauth/user", 401)
		m.signIn()
		m.want("GET", autodiscover+"/oauth/user", 200)
		if err := s.ExpireTokens(user("01")); err != nil {
			t.Fatal(err)
		}
		m.want("GET", autodiscover+"/oauth/user", 401)
		m.signIn()
		m.want("GET", autodiscover+"/oauth/user", 200)
	})
}

const (
	autodiscover = "/Autodiscover/AutodiscoverService.svc/root"
	applications = "/ucwa/oauth/v1/applications"
)

// inMemory asks the handler without a network, for tests that turn the clock.
type inMemory struct {
	t      *testing.T
	s      *ucwasim.Server
	bearer string
}

func (m *inMemory) ask(method, path, body, media string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.Header.Set("Content-Type", media)
	req.Header.Set("Authorization", m.bearer)
	m.s.Handler().ServeHTTP(w, req)
	return w
}

func (m *inMemory) want(method, path string, status int, parts ...string) string {
	m.t.Helper()
	w := m.ask(method, path, "", "application/json")
	for _, p := range append(parts, "") {
		if w.Code != status || !strings.Contains(w.Body.String(), p) {
			m.t.Fatalf("%s %s: got %d %s, want %d with %s", method, path, w.Code, w.Body, status, p)
		}
	}
	return w.Body.String()
}

func (m *inMemory) signIn() {
	m.t.Helper()
	body := m.ask("POST", "/WebTicket/oauthtoken", "grant_type=password&username=user00001@contoso.test&password=pw-user00001",
		"application/x-www-form-urlencoded").Body.String()
	_, rest, _ := strings.Cut(body, `"access_token":"`)
	token, _, ok := strings.Cut(rest, `"`)
	if !ok {
		m.t.Fatalf("no token in %s", body)
	}
	m.bearer = "Bearer " + token
}

// create returns the path of a new application.
func (m *inMemory) create(endpoint string) string {
	m.t.Helper()
	w := m.ask("POST", applications, `{"culture":"en-US","endpointId":"`+endpoint+`","userAgent":"u"}`, "application/json")
	_, rest, _ := strings.Cut(w.Body.String(), `"id":"`)
	id, _, ok := strings.Cut(rest, `"`)
	if !ok {
		m.t.Fatalf("create: %d %s", w.Code, w.Body)
	}
	return applications + "/" + id
}
