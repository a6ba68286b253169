package ucwasim_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"dialtone/infra/sim/ucwasim"
)

func TestRootNamesUserAndXFrame(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	base := strings.TrimSuffix(r.DiscoveryURL, "/")
	root := r.doc(r.want(r.ask("GET", base+"/?sipuri=sip:a@contoso.test", ""), 200))
	if got, want := href(base, root, "user"), base+"/Autodiscover/AutodiscoverService.svc/root/oauth/user?originalDomain=contoso.test"; got != want {
		t.Errorf("user link %s, want %s", got, want)
	}
	r.want(r.ask("GET", href(base, root, "xframe"), ""), 200, "<html>")
	r.want(r.ask("GET", base, "", "Accept", "application/xml"), 200,
		`<resource rel="root" href="`+base, `xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"`, `<link rel="user" href="`)
	r.want(r.ask("GET", base+"/nothing", ""), 404, "<html>")
}

func TestRootRedirect(t *testing.T) {
	t.Parallel()
	for target, want := range map[string]string{
		"/Autodiscover/AutodiscoverService.svc/root": "BASE/Autodiscover/AutodiscoverService.svc/root",
		"https://evil.example.test/root":             "https://evil.example.test/root",
	} {
		r := start(t, ucwasim.Config{RootRedirect: target})
		base := strings.TrimSuffix(r.DiscoveryURL, "/")
		root := r.doc(r.want(r.ask("GET", base, ""), 200))
		if got := href(base, root, "redirect"); got != strings.Replace(want, "BASE", base, 1) || href(base, root, "user") != "" {
			t.Errorf("%s: got redirect %q in %v", target, got, root)
		}
		r.want(r.ask("GET", base+"/autodiscover/autodiscoverservice.svc/root", ""), 200, `"user"`)
	}
}

func TestPlainHTTPIsRedirected(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{TLS: true, PlainListen: "127.0.0.1:0"})
	got := r.want(r.ask("GET", r.PlainURL+"/?sipuri=x", ""), 302)
	if loc := got.header.Get("Location"); loc != r.DiscoveryURL+"?sipuri=x" || !strings.HasPrefix(loc, "https://") {
		t.Errorf("redirected to %s", loc)
	}
	r.signIn(user("01")) // over TLS, certificate checked
}

func TestChallenge(t *testing.T) {
	t.Parallel()
	for dialect, want := range map[ucwasim.Dialect]string{
		ucwasim.Captured:  `MsRtcOAuth href="BASE/WebTicket/oauthtoken",grant_type="urn:microsoft.rtc:windows,urn:microsoft.rtc:anonmeeting,password"`,
		ucwasim.Generated: `MsRtcOAuth href=BASE/WebTicket/oauthtoken,grant_type="urn:microsoft.rtc:windows,urn:microsoft.rtc:anonmeeting,password"`,
	} {
		r := start(t, ucwasim.Config{Dialect: dialect})
		base := strings.TrimSuffix(r.DiscoveryURL, "/")
		apps := base + "/ucwa/oauth/v1/applications"
		if dialect == ucwasim.Generated {
			apps = base + "/ucwa/v1/applications"
		}
		for _, target := range []string{base + "/Autodiscover/AutodiscoverService.svc/root/oauth/user", apps, apps + "/123/me/phones"} {
			for _, auth := range []string{"", "Bearer cwt=forged", "Basic abc", "Bearer"} {
				got := r.want(r.ask("GET", target, "", "Authorization", auth), 401, "<html>")
				h := got.header.Values("WWW-Authenticate")
				if len(h) != 2 || !strings.HasPrefix(h[0], `Bearer trusted_issuers="`) || h[1] != strings.Replace(want, "BASE", base, 1) {
					t.Errorf("%s with %q: got challenges %q", target, auth, h)
				}
			}
		}
	}
}

func TestApplicationsWithoutChallenge(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{NoApplicationsChallenge: true})
	base := strings.TrimSuffix(r.DiscoveryURL, "/")
	got := r.want(r.ask("GET", base+"/ucwa/oauth/v1/applications", ""), 401)
	if h := got.header.Values("WWW-Authenticate"); len(h) != 0 {
		t.Errorf("got challenges %q", h)
	}
	r.challenged(base + "/Autodiscover/AutodiscoverService.svc/root/user")
}

func TestSplitPoolByLink(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{Pools: 2, Each: func(n int, u *ucwasim.User) { u.Pool = 1 + n%2 }})
	s := r.signInOn(user("01"))
	got := r.want(s.as("POST", s.apps, `{"culture":"en-US","endpointId":"e","userAgent":"u"}`), 500, "<html>")
	if d := got.header.Get("x-ms-diagnostics"); !strings.HasPrefix(d, "28032;source=") {
		t.Errorf("diagnostics %q", d)
	}
	s.bearer = r.bearer(r.challenged(s.apps), user("01"))
	s.create("e")
	r.want(s.as("GET", "/me/phones", ""), 200)
}

// signInOn stops after the user resource, without an application.
func (r *rig) signInOn(address string) *session {
	r.t.Helper()
	s := &session{rig: r}
	userURL := href(r.DiscoveryURL, r.doc(r.ask("GET", r.DiscoveryURL, "")), "user")
	s.bearer = r.bearer(r.challenged(userURL), address)
	me := r.doc(r.want(s.as("GET", userURL, ""), 200))
	s.apps, s.host = href(userURL, me, "applications"), href(userURL, me, "redirect")
	return s
}

func TestSplitPoolByRedirect(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{Pools: 2, SplitByRedirect: true, Each: func(_ int, u *ucwasim.User) { u.Pool = 2 }})
	s := r.signInOn(user("01"))
	if s.apps != "" || s.host == "" || strings.HasPrefix(s.host, r.DiscoveryURL) {
		t.Fatalf("got applications %q, redirect %q", s.apps, s.host)
	}
	second := href(s.host, r.doc(r.want(r.ask("GET", s.host, ""), 200)), "user")
	r.want(s.as("GET", second, ""), 500)
	s.bearer = r.bearer(r.challenged(second), user("01"))
	s.apps = href(second, r.doc(r.want(s.as("GET", second, ""), 200)), "applications")
	s.create("e")
}

func TestHostHeaderTellsPoolsApart(t *testing.T) {
	t.Parallel()
	s, err := ucwasim.New(ucwasim.Config{Users: 1, PoolURLs: []string{"https://one.contoso.test", "https://two.contoso.test"}})
	if err != nil {
		t.Fatal(err)
	}
	srv := serve(t, s.Handler())
	req, _ := http.NewRequestWithContext(t.Context(), "GET", srv+"/ucwa/oauth/v1/applications", nil)
	req.Host = "two.contoso.test"
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if h := strings.Join(res.Header.Values("WWW-Authenticate"), " "); !strings.Contains(h, "https://two.contoso.test/WebTicket") {
		t.Errorf("challenge %s", h)
	}
	if got := res.Header.Get("X-MS-Server-Fqdn"); got != "two.contoso.test" {
		t.Errorf("X-MS-Server-Fqdn %q", got)
	}
}

func TestOriginHeadersAreRefused(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{AllowedOrigins: []string{"https://ok.contoso.test"}})
	s := r.signIn(user("01"))
	for _, h := range []string{"Origin", "X-Ms-Origin", "Referer", "X-Requested-With"} {
		got := r.want(s.as("GET", "/me", "", h, "https://page.example.test"), 403)
		if d := got.header.Get("X-Ms-diagnostics"); !strings.Contains(d, "cross domain") {
			t.Errorf("%s: diagnostics %q", h, d)
		}
		r.want(s.as("GET", "/me", "", h, "https://ok.contoso.test"), 200)
	}
}

func TestConfigProblemsAreReportedTogether(t *testing.T) {
	t.Parallel()
	_, err := ucwasim.New(ucwasim.Config{
		Users: -1, Dialect: "x", Pools: 3, PoolURLs: []string{"https://a.test/path"}, Grants: []string{"g"},
		RedirectHTTP: true, LockoutThreshold: -1, TokenLifetime: -1, IdleTimeout: -1, ActivityTimeout: -1, MaxApplicationsPerUser: -1,
		Extra: []ucwasim.User{{URI: "sip:a@b", Pool: 9, ADOwned: []string{"fax"}, Phones: map[string]ucwasim.Phone{"fax": {}}}},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{
		"Users", "Dialect", "Pools", "path", "Grants", "RedirectHTTP", "LockoutThreshold", "TokenLifetime",
		"IdleTimeout", "ActivityTimeout", "MaxApplicationsPerUser", "address", "home pool", "ADOwned", "Phones",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not mentioned in %v", part, err)
		}
	}
}

// links lists the relations of a tree.
func links(v any) (rels []string) {
	m, _ := at(v, "_links").(map[string]any)
	for rel := range m {
		rels = append(rels, rel)
	}
	slices.Sort(rels)
	return rels
}
