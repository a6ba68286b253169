package ucwasim_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"dialtone/infra/sim/ucwasim"
)

// rig is a running deployment and one raw HTTP client that follows nothing.
type rig struct {
	*ucwasim.Running
	t      *testing.T
	client *http.Client
}

func start(t *testing.T, c ucwasim.Config) *rig {
	t.Helper()
	if c.Users == 0 {
		c.Users = 20
	}
	run, err := ucwasim.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(run.CertificatePEM)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := run.Close(); err != nil {
			t.Error(err)
		}
	})
	return &rig{run, t, &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// reply is an answer as bytes; the test's own idea of the protocol reads it.
type reply struct {
	status int
	header http.Header
	body   string
}

// ask sends one request. Headers come in pairs.
func (r *rig) ask(method, target, body string, headers ...string) reply {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := r.client.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(b)}
}

func (r *rig) want(got reply, status int, parts ...string) reply {
	r.t.Helper()
	if got.status != status {
		r.t.Fatalf("got %d %s, want %d", got.status, got.body, status)
	}
	for _, p := range parts {
		if !strings.Contains(got.body, p) {
			r.t.Fatalf("answer lacks %s: %s", p, got.body)
		}
	}
	return got
}

// doc decodes a JSON answer as a tree.
func (r *rig) doc(got reply) map[string]any {
	r.t.Helper()
	var v map[string]any
	if err := json.NewDecoder(bytes.NewReader([]byte(got.body))).Decode(&v); err != nil {
		r.t.Fatalf("%v in %s", err, got.body)
	}
	return v
}

// at walks a tree by keys; nil when something is missing.
func at(v any, keys ...string) any {
	for _, k := range keys {
		m, _ := v.(map[string]any)
		v = m[k]
	}
	return v
}

// href is a link of a tree, made absolute against base; empty when missing.
func href(base string, v any, rel string) string {
	s, _ := at(v, "_links", rel, "href").(string)
	if strings.HasPrefix(s, "/") {
		u, _ := url.Parse(base)
		return u.Scheme + "://" + u.Host + s
	}
	return s
}

func (r *rig) token(tokenURL, user, password string) reply {
	r.t.Helper()
	form := url.Values{"grant_type": {"password"}, "username": {user}, "password": {password}}
	return r.ask("POST", tokenURL, form.Encode(), "Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
}

// session is a signed-in user with a running application.
type session struct {
	*rig
	host, bearer, apps, app string
	root                    map[string]any // the application resource
}

// signIn goes the documented way from the root to an application.
func (r *rig) signIn(user string) *session {
	r.t.Helper()
	s := &session{rig: r, host: r.DiscoveryURL}
	root := r.doc(r.want(r.ask("GET", r.DiscoveryURL, ""), 200))
	userURL := href(r.DiscoveryURL, root, "user")
	s.bearer = r.bearer(r.challenged(userURL), user)
	me := r.doc(r.want(r.ask("GET", userURL, "", "Authorization", s.bearer), 200))
	s.apps = href(userURL, me, "applications")
	s.create("ep-1")
	return s
}

// challenged returns the token URL of a 401.
func (r *rig) challenged(target string) string {
	r.t.Helper()
	got := r.want(r.ask("GET", target, ""), 401)
	for _, h := range got.header.Values("WWW-Authenticate") {
		if rest, ok := strings.CutPrefix(h, "MsRtcOAuth href="); ok {
			u, _, _ := strings.Cut(rest, ",")
			return strings.Trim(u, `"`)
		}
	}
	r.t.Fatalf("no MsRtcOAuth challenge in %v", got.header)
	return ""
}

func (r *rig) bearer(tokenURL, user string) string {
	r.t.Helper()
	local, _, _ := strings.Cut(user, "@")
	got := r.doc(r.want(r.token(tokenURL, user, "pw-"+local), 200))
	return "Bearer " + got["access_token"].(string)
}

func (s *session) create(endpoint string) {
	s.t.Helper()
	got := s.as("POST", s.apps, `{"culture":"en-US","endpointId":"`+endpoint+`","userAgent":"test"}`)
	if got.status != 201 && got.status != 200 {
		s.t.Fatalf("create: %d %s", got.status, got.body)
	}
	s.root = s.doc(got)
	s.app = href(s.apps, s.root, "self")
}

// anonymous is a session of somebody who was invited to a meeting.
func (r *rig) anonymous() *session {
	r.t.Helper()
	got := r.doc(r.ask("POST", r.tokenURL(),
		"grant_type=urn:microsoft.rtc:anonmeeting&password=k&ms_rtc_conferenceuri=sip:a@contoso.test%3Bgruu%3Bopaque=app:conf:focus:id:X",
		"Content-Type", "application/x-www-form-urlencoded"))
	s := &session{rig: r, bearer: "Bearer " + got["access_token"].(string), apps: strings.TrimSuffix(r.DiscoveryURL, "/") + applications}
	s.create("e")
	return s
}

// as asks with the session's ticket; a path is relative to the application.
func (s *session) as(method, target, body string, headers ...string) reply {
	s.t.Helper()
	if !strings.HasPrefix(target, "http") {
		target = s.app + target
	}
	return s.ask(method, target, body, append([]string{"Authorization", s.bearer}, headers...)...)
}

// lose asks for something whose answer must not arrive.
func (s *session) lose(target string) {
	s.t.Helper()
	req, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, target, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", s.bearer)
	s.client.CloseIdleConnections() // on a kept one the transport would ask again by itself
	res, err := s.client.Do(req)
	if err == nil {
		_ = res.Body.Close()
		s.t.Fatal("the answer was not lost")
	}
}

func user(n string) string { return "user000" + n + "@contoso.test" }
