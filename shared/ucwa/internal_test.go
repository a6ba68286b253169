package ucwa

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/shared/sipaddr"
)

func TestParseChallenges(t *testing.T) {
	t.Parallel()
	const href = "https://web.contoso.test/WebTicket/oauthtoken"
	grants := []string{"urn:microsoft.rtc:windows", "urn:microsoft.rtc:anonmeeting", "password"}
	const quoted = `MsRtcOAuth href="` + href + `",grant_type="urn:microsoft.rtc:windows,urn:microsoft.rtc:anonmeeting,password"`
	const bearer = `Bearer trusted_issuers="00000002-0000-0ff1-ce00-000000000000@contoso.test, other", client_id="00000004"`
	for name, values := range map[string][]string{
		"one header":       {quoted},
		"two headers":      {bearer, quoted},
		"other order":      {quoted, bearer},
		"one line":         {bearer + ", " + quoted},
		"one line turned":  {quoted + "," + bearer},
		"between others":   {"Negotiate, NTLM, " + quoted + ", Basic realm=\"a \\\"b\\\", MsRtcOAuth href=x\""},
		"token68":          {"Negotiate YIIabc+/==, " + quoted},
		"unquoted href":    {`MsRtcOAuth href=` + href + `,grant_type="urn:microsoft.rtc:windows,urn:microsoft.rtc:anonmeeting,password"`},
		"unquoted all":     {`MsRtcOAuth href=` + href + `, grant_type=urn:microsoft.rtc:windows,urn:microsoft.rtc:anonmeeting,password`},
		"unquoted, Bearer": {`MsRtcOAuth grant_type=urn:microsoft.rtc:windows,urn:microsoft.rtc:anonmeeting,password, href=` + href + `, ` + bearer},
		"blanks and case":  {"  msrtcoauth  HREF = \"" + href + "\" ,, Grant_Type = \"urn:microsoft.rtc:windows, urn:microsoft.rtc:anonmeeting, password\" "},
		"relative href":    {strings.Replace(quoted, "https://web.contoso.test", "", 1)},
		"no closing quote": {strings.TrimSuffix(quoted, `"`)},
	} {
		base, _ := url.Parse("https://web.contoso.test/user")
		got := readChallenge(base, map[string][]string{"Www-Authenticate": values})
		if got == nil || got.tokenURL == nil || got.tokenURL.String() != href || !reflect.DeepEqual(got.grants, grants) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	for _, v := range []string{"", "Negotiate", bearer, "MsRtcOAuth", `MsRtcOAuth href=""`, `MsRtcOAuth href="data:x"`, "= = =", `href="x"`} {
		if got := readChallenge(&url.URL{Scheme: "https", Host: "h"}, map[string][]string{"Www-Authenticate": {v}}); got != nil {
			t.Errorf("%q: %+v, want none", v, got)
		}
	}
	modern := readChallenge(&url.URL{}, map[string][]string{"Www-Authenticate": {bearer + `, authorization_uri="https://login.example.test/"`}})
	if modern == nil || modern.tokenURL != nil || modern.authorizationURI != "https://login.example.test/" {
		t.Errorf("modern authentication only: %+v", modern)
	}
}

func FuzzChallenge(f *testing.F) {
	f.Add(`MsRtcOAuth href="https://h/t",grant_type="a,b"`, `Bearer x="y, z"`)
	f.Add(`MsRtcOAuth href=https://h/t,grant_type=a,b`, `Negotiate, NTLM`)
	f.Add("=", `a="\`)
	f.Fuzz(func(t *testing.T, a, b string) {
		base := &url.URL{Scheme: "https", Host: "web.contoso.test", Path: "/user"}
		c := readChallenge(base, map[string][]string{"Www-Authenticate": {a, b}})
		if c != nil && c.tokenURL != nil && (c.tokenURL.Host == "" || c.tokenURL.Scheme != "http" && c.tokenURL.Scheme != "https") {
			t.Errorf("token endpoint %v", c.tokenURL)
		}
		for _, s := range parseChallenges([]string{a, b}) {
			if s.scheme == "" || s.scheme != strings.ToLower(s.scheme) || strings.ContainsAny(s.scheme, ", \t=") {
				t.Errorf("scheme %q", s.scheme)
			}
		}
	})
}

func TestResolve(t *testing.T) {
	t.Parallel()
	base, _ := url.Parse("https://fe1.contoso.test:443/ucwa/oauth/v1/applications/1?x=1")
	for href, want := range map[string]string{
		"/ucwa/oauth/v1/applications/1/me/phones":  "https://fe1.contoso.test:443/ucwa/oauth/v1/applications/1/me/phones",
		" /ucwa/v1/applications/1/events?ack=1 ":   "https://fe1.contoso.test:443/ucwa/v1/applications/1/events?ack=1",
		"phones":                                   "https://fe1.contoso.test:443/ucwa/oauth/v1/applications/phones",
		"https://FE2.contoso.test/a?b=c%2Bd#e":     "https://FE2.contoso.test/a?b=c%2Bd",
		"//fe3.contoso.test/a":                     "https://fe3.contoso.test/a",
		"data:text/plain,x":                        "",
		"javascript:alert(1)":                      "",
		"https://user:secret@fe1.contoso.test/":    "",
		"https:///a":                               "",
		"http://[::1":                              "",
		"\x00":                                     "",
		"https://fe1.contoso.test:443@evil.test/a": "",
	} {
		u, err := resolve(base, href)
		if got := fmt.Sprint(u); want != "" && (err != nil || got != want) || want == "" && !errors.Is(err, ErrUntrusted) {
			t.Errorf("resolve(%q) = %v, %v, want %s", href, u, err, want)
		}
	}
}

func FuzzLinks(f *testing.F) {
	for _, s := range []string{"/a", "a/../b", "//h/x", "https://h", `/\h`, "data:,x", "?q", "#f", ""} {
		f.Add(s)
	}
	base, _ := url.Parse("https://fe1.contoso.test/ucwa/oauth/v1/applications/1")
	f.Fuzz(func(t *testing.T, href string) {
		u, err := resolve(base, href)
		if err != nil {
			if !errors.Is(err, ErrUntrusted) {
				t.Errorf("%q: %v", href, err)
			}
			return
		}
		if u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil {
			t.Errorf("%q became %v", href, u)
		}
		ref, _ := url.Parse(strings.TrimSpace(href))
		if ref.Host == "" && u.Host != base.Host {
			t.Errorf("relative %q left the host: %v", href, u)
		}
	})
}

// checkDecoded holds what every decoder promises: a resource or ErrUnreadable,
// and views that never panic.
func checkDecoded(t *testing.T, contentType string, body []byte) {
	t.Helper()
	res, err := decode(contentType, body)
	if err != nil {
		if !errors.Is(err, ErrUnreadable) || len(err.Error()) > 300 {
			t.Errorf("%q: %v", body, err)
		}
		return
	}
	res.settle(&url.URL{Scheme: "https", Host: "fe1.contoso.test"})
	p := phoneOf(res)
	if p.Number != strings.TrimSpace(p.Number) || string(p.Type) != strings.ToLower(string(p.Type)) {
		t.Errorf("phone %+v", p)
	}
	for rel := range res.links {
		_, _ = res.target(rel)
	}
	for rel := range res.embedded {
		phoneOf(res.only(rel))
	}
	_ = meOf(res)
	if b, err := batchOf("events", res); err == nil && b.Next.Next == "" {
		t.Errorf("batch %+v leads nowhere", b)
	}
	_, _ = subscriptionOf(startOrRefresh, res)
	groups := []member{{"group", res}, {"distributionGroup", res}, {"defaultGroup", res}}
	if l := listOf([]member{{"contact", res}}, groups, groups, true); len(l.Groups) == 0 || len(l.Groups) > 3 {
		t.Errorf("list %+v", l)
	}
	_ = forwardOf(simultaneousRing, res)
	checkSentBack(t, contentType, res)
}

// TestAt: one place is the same key, however its href is written.
func TestAt(t *testing.T) {
	t.Parallel()
	base := &url.URL{Scheme: "https", Host: "fe1.contoso.test", Path: "/ucwa/x"}
	for _, href := range []string{"/ucwa/groups/7?a=b", "https://fe1.contoso.test/ucwa/groups/7?a=b", "https://FE1.contoso.test:443/ucwa/groups/7?a=b"} {
		r := newResource()
		r.links["group"] = []link{{href: href}}
		r.settle(base)
		if got := r.at("group"); got != "https://fe1.contoso.test/ucwa/groups/7?a=b" || r.at("contact") != "" {
			t.Errorf("%s: %s", href, got)
		}
	}
}

func FuzzDecodeJSON(f *testing.F) {
	f.Add([]byte(`{"rel":"phones","_links":{"self":{"href":"/a"},"phone":[{"href":"/b"}]},"_embedded":{"phone":[{"number":" tel:+1","includeInContactCard":"True","etag":7}]}}`))
	f.Add([]byte("\ufeff" + `{"code":"Gone"}`))
	f.Add([]byte(`{"_links":[],"_embedded":{"me":null,"x":[1,{"_links":{"self":"/a"}}]}}`))
	f.Add([]byte(`{} {}`))
	f.Add([]byte(`{"_links":{"next":{"href":"/e?ack=2"}},"sender":[{"rel":"people","events":[{"link":{"rel":"contact","href":"/c"},"in":{"rel":"myContacts"},"type":"added"}]}]}`))
	f.Add([]byte(strings.Repeat(`{"_embedded":{"a":`, 70) + `{}` + strings.Repeat(`}}`, 70)))
	f.Fuzz(func(t *testing.T, body []byte) { checkDecoded(t, "application/json", body) })
}

func FuzzDecodeXML(f *testing.F) {
	f.Add([]byte(`<?xml version="1.0" encoding="utf-8"?><resource rel="phones" href="/a" xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"><link rel="x" href="/y"/><property name="number"/><propertyList name="l"><item>1</item></propertyList><resource rel="phone"><property name="includeInContactCard">True</property></resource></resource>`))
	f.Add([]byte("\ufeff" + `<reason><code>Gone</code></reason>`))
	f.Add([]byte(`<resource rel="a">` + strings.Repeat(`<resource rel="b">`, 70) + strings.Repeat(`</resource>`, 71)))
	f.Add([]byte(`<html><body></body></html>`))
	f.Add([]byte(`<events href="/e?ack=1"><link rel="resume" href="/e?ack=2"/><sender rel="people"><added rel="contact" href="/c"><in rel="myContacts"/></added></sender></events>`))
	f.Fuzz(func(t *testing.T, body []byte) { checkDecoded(t, "application/xml", body) })
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"_embedded":{"a":`, 70) + `{}` + strings.Repeat(`}}`, 70)
	for _, c := range []struct{ contentType, body, says string }{
		{"application/json", "", "empty"},
		{"application/json", " \ufeff \n", "JSON"},
		{"application/json", "\ufeff", "empty"},
		{"application/json", `{"a":`, "truncated"},
		{"application/json", `{"a":1}}`, "followed"},
		{"application/json", `[]`, "not an object"},
		{"application/json", `nul`, "JSON"},
		{"application/json", "<html>", "malformed JSON"},
		{"application/json", deep, "nested"},
		{"application/xml", "<resource>", "XML"},
		{"application/xml", "<resource/><resource/>", "followed"},
		{"application/xml", "<html/>", "not a resource"},
		{"application/xml", "{}", "XML"},
		{"application/xml", `<?xml version="1.0" encoding="utf-16"?><resource/>`, "malformed XML"},
		{"application/xml", strings.Repeat("<resource>", 70) + strings.Repeat("</resource>", 70), "nested"},
		{"text/html; charset=utf-8", "<html/>", "neither"},
		{"application/xhtml+xml", "<html/>", "neither"},
		{"", "{}", "neither"},
		{"application/" + strings.Repeat("x", 500), "{}", "neither"},
	} {
		_, err := decode(c.contentType, []byte(c.body))
		if !errors.Is(err, ErrUnreadable) || !strings.Contains(err.Error(), c.says) || len(err.Error()) > 300 {
			t.Errorf("decode(%.40q, %.40q): %v, want %s", c.contentType, c.body, err, c.says)
		}
	}
	for _, contentType := range []string{
		"application/json", "APPLICATION/JSON; charset=utf-8", "application/vnd.microsoft.com.ucwa+json", "text/json",
		"application/json;;", // malformed, but clear enough
	} {
		if _, err := decode(contentType, []byte(`{}`)); err != nil {
			t.Errorf("%s: %v", contentType, err)
		}
	}
}

func TestBareETag(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{`"346579618"`: "346579618", "3109609770": "3109609770", ` W/"a" `: "a", "": ""} {
		if got := bareETag(in); got != want {
			t.Errorf("bareETag(%q) = %q", in, got)
		}
	}
}

// TestEndpointIDIsStable pins the value: another one would add applications
// beside the running ones.
func TestEndpointIDIsStable(t *testing.T) {
	t.Parallel()
	id := func(service string, user sipaddr.User) string {
		return (&Client{cfg: Config{Service: service}}).endpointID(user)
	}
	if got, want := id("dialtone", "ada@contoso.test"), "05cf841f2bbd296760f25e48a00c1bcc"; got != want {
		t.Errorf("endpointId %s, want %s", got, want)
	}
	if id("dialtone", "ada@contoso.test") == id("dialtone", "bob@contoso.test") || id("dialtone", "ada@contoso.test") == id("other", "ada@contoso.test") {
		t.Error("endpointIds are not told apart")
	}
}

func TestHold(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for life, want := range map[time.Duration]time.Duration{
		8 * time.Hour: 8*time.Hour - 2*time.Minute, 10 * time.Minute: 9 * time.Minute, 10 * time.Second: 9 * time.Second, -time.Hour: -time.Hour,
	} {
		if got := hold(Token{Expires: now.Add(life)}, now).renewAt.Sub(now.Round(0)); got != want {
			t.Errorf("a token of %s is renewed after %s, want %s", life, got, want)
		}
	}
	if h := hold(Token{}, now); !h.usable() {
		t.Error("a token without a known end is not used")
	}
	synctest.Test(t, func(t *testing.T) {
		h := hold(Token{Expires: time.Now().Add(time.Hour)}, time.Now())
		time.Sleep(57 * time.Minute)
		if !h.usable() {
			t.Error("not usable three minutes before its end")
		}
		if time.Sleep(time.Minute + time.Second); h.usable() {
			t.Error("still usable just before its end")
		}
	})
}

func TestCacheKeepsTheRecentlyUsed(t *testing.T) {
	t.Parallel()
	c := newCache[int, int](3, nil)
	for i := range 3 {
		c.put(i, i)
	}
	c.peek(0)
	c.put(3, 3)
	for key, want := range map[int]bool{0: true, 1: false, 2: true, 3: true} {
		if _, ok := c.peek(key); ok != want {
			t.Errorf("key %d kept: %t", key, ok)
		}
	}
	c.drop(0, func(v int) bool { return v == 99 })
	if _, ok := c.peek(0); !ok {
		t.Error("another value than the one found wanting was dropped")
	}
	if c.drop(0, func(v int) bool { return v == 0 }); len(c.entries) != 2 || c.recent.Len() != 2 {
		t.Errorf("%d entries, want 2", len(c.entries))
	}
}

// TestCacheLoads: one load serves all who wait; one whose caller gave up is
// begun again by another; a panic does not leave anybody waiting.
func TestCacheLoads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := newCache[string, int](3, nil)
		var loads atomic.Int32
		leader, giveUp := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		load := func(ctx context.Context) func() (int, error) {
			return func() (int, error) {
				loads.Add(1)
				select {
				case <-ctx.Done():
					return 0, ctx.Err()
				case <-time.After(time.Second):
					return 7, nil
				}
			}
		}
		wg.Go(func() {
			if _, _, err := c.get(leader, "k", load(leader)); !errors.Is(err, context.Canceled) {
				t.Errorf("leader: %v", err)
			}
		})
		synctest.Wait()
		for range 10 {
			wg.Go(func() {
				if v, _, err := c.get(t.Context(), "k", load(t.Context())); v != 7 || err != nil {
					t.Errorf("waiting: %d, %v", v, err)
				}
			})
		}
		synctest.Wait()
		giveUp()
		wg.Wait()
		if loads.Load() != 2 {
			t.Errorf("%d loads, want 2", loads.Load())
		}
		func() {
			defer func() { _ = recover() }()
			_, _, _ = c.get(t.Context(), "p", func() (int, error) { panic("load") })
		}()
		if v, _, err := c.get(t.Context(), "p", func() (int, error) { return 1, nil }); v != 1 || err != nil {
			t.Errorf("after a panic: %d, %v", v, err)
		}
		wait, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		go func() { _, _, _ = c.get(t.Context(), "slow", load(t.Context())) }()
		synctest.Wait()
		if _, _, err := c.get(wait, "slow", load(wait)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("impatient caller: %v", err)
		}
	})
}
