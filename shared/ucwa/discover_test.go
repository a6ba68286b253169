package ucwa_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"dialtone/shared/failure"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
)

// TestBodyRedirects: the root of one pool and the user resource of another
// point elsewhere; each pool on the way signs the user in for itself.
func TestBodyRedirects(t *testing.T) {
	t.Parallel()
	entry, front, home := newPool(t), newPool(t), newPool(t)
	entry.redirect = front.URL + "/Autodiscover/AutodiscoverService.svc/root"
	front.set(func(op string, _ int, w http.ResponseWriter, r *http.Request) bool {
		switch {
		case op == "root":
			front.serveRoot(w, r)
		case op == "user" && front.authorized(r):
			front.write(w, r, 200, doc{rel: "user", href: "/u", links: [][2]string{{"redirect", home.URL + "/Autodiscover/AutodiscoverService.svc/root"}}})
		default:
			return false
		}
		return true
	})
	home.set(func(op string, _ int, w http.ResponseWriter, r *http.Request) bool {
		if op == "root" {
			home.serveRoot(w, r)
		}
		return op == "root"
	})
	c := entry.client(ucwa.Config{})
	assign(t, home, entry.open(c))
	for p, want := range map[*pool]string{
		entry: "root", front: "root user token user", home: "root user token user create phones changeNumber phones delete",
	} {
		if got := p.take(); got != want {
			t.Errorf("calls %s, want %s", got, want)
		}
	}
}

// network routes host names to test servers.
type network struct {
	mu    sync.Mutex
	hosts map[string]string // "host:port" -> address; missing: no such host
	asked []string
}

func (n *network) client(t *testing.T) *http.Client {
	tr := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // names are made up
		DialContext: func(ctx context.Context, _, addr string) (net.Conn, error) {
			n.mu.Lock()
			n.asked = append(n.asked, addr)
			real, ok := n.hosts[addr]
			n.mu.Unlock()
			if !ok {
				return nil, &net.DNSError{Err: "no such host", Name: addr, IsNotFound: true}
			}
			var d net.Dialer
			return d.DialContext(ctx, "tcp", real)
		},
	}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// TestCandidates: without a configured URL the internal name is tried before
// the external one.
func TestCandidates(t *testing.T) {
	t.Parallel()
	root := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = fmt.Fprintf(w, `{"_links":{"user":{"href":"https://%s/user"}}}`, r.Host)
		}
	}
	elsewhere := func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://parking.example.test/", http.StatusFound)
	}
	within := func(w http.ResponseWriter, r *http.Request) {
		if r.Host == "web.contoso.test" {
			root(200)(w, r)
			return
		}
		http.Redirect(w, r, "https://web.contoso.test/root", http.StatusFound)
	}
	const internal, external, web = "lyncdiscoverinternal.contoso.test:443", "lyncdiscover.contoso.test:443", "web.contoso.test:443"
	for _, c := range []struct {
		name  string
		hosts map[string]http.HandlerFunc
		asked string // where the user resource is read, or nothing
	}{
		{"internal", map[string]http.HandlerFunc{internal: root(200), external: root(200)}, internal},
		{"external", map[string]http.HandlerFunc{external: root(200)}, external},
		{"internal does not know", map[string]http.HandlerFunc{internal: root(404), external: root(200)}, external},
		{"internal is sick", map[string]http.HandlerFunc{internal: root(503), external: root(200)}, external},
		{"internal leads astray", map[string]http.HandlerFunc{internal: elsewhere, external: root(200)}, external},
		{"HTTP redirect within the domain", map[string]http.HandlerFunc{internal: within, web: within}, web},
		{"nobody", nil, ""},
		{"both lead astray", map[string]http.HandlerFunc{internal: elsewhere, external: elsewhere}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := &network{hosts: map[string]string{}}
			var mu sync.Mutex
			users := ""
			for host, h := range c.hosts {
				srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path != "/user" {
						h(w, r)
						return
					}
					mu.Lock()
					users += host
					mu.Unlock()
					reason(w, r, 403, "Forbidden", "None")
				}))
				t.Cleanup(srv.Close)
				n.hosts[host] = srv.Listener.Addr().String()
			}
			client, err := ucwa.New(ucwa.Config{HTTP: n.client(t), Tokens: failing{errors.New("unused")}})
			if err != nil {
				t.Fatal(err)
			}
			_, err = client.Open(t.Context(), ada)
			e := ucwa.As(err)
			wantClass := failure.Denied // of the user resource, or of redirects that lead astray
			if c.name == "nobody" {
				wantClass = failure.Unavailable
			}
			// The 403 of the user resource makes discovery start anew, once.
			if mu.Lock(); e == nil || e.Class != wantClass || strings.ReplaceAll(users, c.asked, "") != "" || (users == "") != (c.asked == "") {
				t.Errorf("%v, user resources read at %q, want %s at %q", err, users, wantClass, c.asked)
			}
			mu.Unlock()
			for _, a := range n.asked {
				if strings.Contains(a, "parking") {
					t.Errorf("asked %s", a)
				}
			}
		})
	}
}

// TestRedirectSecurity: a redirect that did not come over https stays within
// the user's domain or leads to a trusted one.
func TestRedirectSecurity(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		https   bool
		target  string
		trusted []string
		follow  bool
	}{
		{"https anywhere", true, "https://sip.example.test/root", nil, true},
		{"http elsewhere", false, "https://sip.example.test/root", nil, false},
		{"http elsewhere, suffix only", false, "https://notcontoso.test/root", nil, false},
		{"http within the domain", false, "https://web.contoso.test/root", nil, true},
		{"http to the domain itself", false, "https://contoso.test/root", nil, true},
		{"http to a trusted domain", false, "https://sip.example.test/root", []string{"example.test"}, true},
		{"http to a trusted host", false, "https://sip.example.test/root", []string{"sip.Example.test"}, true},
		{"https to plain http", true, "http://web.contoso.test/root", nil, false},
		{"https to a file", true, "file:///etc/passwd", nil, false},
	} {
		h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"_links":{"redirect":{"href":%q}}}`, c.target)
		})
		n := &network{hosts: map[string]string{}}
		srv, root := httptest.NewServer(h), "http://localhost:80/"
		if c.https {
			srv, root = httptest.NewTLSServer(h), "https://discover.contoso.test/"
		}
		t.Cleanup(srv.Close)
		n.hosts["localhost:80"], n.hosts["discover.contoso.test:443"] = srv.Listener.Addr().String(), srv.Listener.Addr().String()
		client, err := ucwa.New(ucwa.Config{HTTP: n.client(t), DiscoveryURL: root, Tokens: failing{}, TrustedDomains: c.trusted})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.Open(t.Context(), ada)
		followed := len(n.asked) > 1 && errors.As(err, new(*net.DNSError)) // the target does not exist
		if followed != c.follow || !c.follow && (!errors.Is(err, ucwa.ErrUntrusted) || ucwa.As(err).Class != failure.Denied) {
			t.Errorf("%s: followed %t, %v", c.name, followed, err)
		}
	}
}

func TestRedirectLoopEnds(t *testing.T) {
	t.Parallel()
	for name, target := range map[string]func(p *pool, n int) string{
		"same":    func(p *pool, _ int) string { return p.URL + "/" },
		"endless": func(p *pool, n int) string { return fmt.Sprintf("%s/?%d", p.URL, n) },
	} {
		for kind, answer := range map[string]func(w http.ResponseWriter, r *http.Request, to string){
			"body": func(w http.ResponseWriter, _ *http.Request, to string) {
				w.Header().Set("Content-Type", "application/json")
				_, _ = fmt.Fprintf(w, `{"_links":{"redirect":{"href":%q}}}`, to)
			},
			"HTTP": func(w http.ResponseWriter, r *http.Request, to string) { http.Redirect(w, r, to, http.StatusFound) },
		} {
			p := newPool(t)
			p.set(func(op string, n int, w http.ResponseWriter, r *http.Request) bool {
				answer(w, r, target(p, n))
				return true
			})
			_, err := p.client(ucwa.Config{}).Open(t.Context(), ada)
			if e := ucwa.As(err); e == nil || e.Class != failure.Unavailable || p.count("root") > 8 {
				t.Errorf("%s %s: %v after %d calls", name, kind, err, p.count("root"))
			}
		}
	}
}

// TestStaleLocation: what shows that a remembered location is stale makes the
// client look it up again, once.
func TestStaleLocation(t *testing.T) {
	t.Parallel()
	for name, stale := range map[string]http.HandlerFunc{
		"403":           func(w http.ResponseWriter, r *http.Request) { reason(w, r, 403, "Forbidden", "None") },
		"403 page":      func(w http.ResponseWriter, _ *http.Request) { page(w, 403) },
		"404 page":      func(w http.ResponseWriter, _ *http.Request) { page(w, 404) },
		"410":           func(w http.ResponseWriter, r *http.Request) { reason(w, r, 410, "Gone", "CannotRedirect") },
		"502":           func(w http.ResponseWriter, _ *http.Request) { page(w, 502) },
		"500 28032":     wrongPool,
		"reset":         reset,
		"moved":         func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusFound) },
		"not stale 400": func(w http.ResponseWriter, r *http.Request) { reason(w, r, 400, "BadRequest", "") },
		"not stale 503": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Retry-After", "60"); page(w, 503) },
		"not stale 410": func(w http.ResponseWriter, r *http.Request) { reason(w, r, 410, "Gone", "TooManyApplications") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			front, old, home := newPool(t), newPool(t), newPool(t)
			front.appsHost = old
			c := front.client(ucwa.Config{})
			front.open(c)
			front.take()
			front.mu.Lock()
			front.appsHost = home
			front.mu.Unlock()
			old.times("create", 100, stale)
			_, err := c.Open(t.Context(), ada)
			if strings.HasPrefix(name, "not") {
				if e := ucwa.As(err); e == nil || front.take() != "" {
					t.Errorf("%v, but looked up again", err)
				}
				return
			}
			if got := front.take(); err != nil || got != "user" || home.count("create") != 1 {
				t.Errorf("%v, discovery %q, %d at the new home", err, got, home.count("create"))
			}
		})
	}
}

// TestStaleLocationIsBounded: a location that is stale again is reported.
func TestStaleLocationIsBounded(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	c := p.client(ucwa.Config{})
	p.open(c)
	p.take()
	p.times("create", 100, func(w http.ResponseWriter, r *http.Request) { reason(w, r, 403, "Forbidden", "None") })
	_, err := c.Open(t.Context(), ada)
	if e := ucwa.As(err); e == nil || e.Class != failure.Denied {
		t.Errorf("Open: %v, want denied", err)
	}
	if got := p.take(); got != "create user create" {
		t.Errorf("calls %s, want create user create", got)
	}
}

// TestStaleRoot: the remembered user link fails, the root knows a new one.
func TestStaleRoot(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	c := p.client(ucwa.Config{})
	p.open(c)
	p.take()
	p.set(func(op string, n int, w http.ResponseWriter, _ *http.Request) bool {
		if op == "user" && n == 1 {
			page(w, 404)
			return true
		}
		return false
	})
	p.mu.Lock()
	p.meURI = "sip:bob@contoso.test"
	p.mu.Unlock()
	app, err := c.Open(t.Context(), sipaddr.User("bob@contoso.test"))
	if err != nil || app.CheckUser() != nil {
		t.Fatalf("Open: %v", err)
	}
	if got := p.take(); got != "token user root user create" {
		t.Errorf("calls %s", got)
	}
}
