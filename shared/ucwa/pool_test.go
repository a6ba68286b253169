package ucwa_test

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
)

const ada = sipaddr.User("ada@contoso.test")

// pool is one UCWA pool as these tests need it, with wire types of its own.
type pool struct {
	*httptest.Server
	t *testing.T

	generated bool   // the dialect of generated samples instead of captured traffic
	prefix    string // of application links
	appsHost  *pool  // where the user resource says applications are; nil: here
	redirect  string // the root and user documents carry this instead
	grants    string // grant_type of the challenge
	expiresIn string // JSON value
	appBase   string // put in front of application links, empty: relative

	mu       sync.Mutex
	calls    []string // operations in order
	auth     []string // Authorization of each call
	issued   int
	revoked  map[string]bool
	phones   []*phone
	meURI    string
	fault    func(op string, n int, w http.ResponseWriter, r *http.Request) bool // true: answered; n counts from 1
	counts   map[string]int
	inputs   []string // bodies of applications and changes
	lastForm string
}

type phone struct {
	kind, number string
	shared       bool
	readOnly     bool
}

func newPool(t *testing.T) *pool {
	t.Helper()
	p := &pool{
		t: t, prefix: "/ucwa/oauth/v1", grants: "urn:microsoft.rtc:windows,urn:microsoft.rtc:anonmeeting,password",
		expiresIn: "28289", revoked: map[string]bool{}, counts: map[string]int{}, meURI: ada.URI(),
		phones: []*phone{
			{kind: "work", number: "tel:+14255551234;ext=34", shared: true, readOnly: true},
			{kind: "mobile"},
			{kind: "home", number: "4255551212"},
			{kind: "other", number: "tel:+14255550000", shared: true},
		},
	}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

// client returns a client of that pool; cfg is completed.
func (p *pool) client(cfg ucwa.Config) *ucwa.Client {
	p.t.Helper()
	if cfg.DiscoveryURL == "" {
		cfg.DiscoveryURL = p.URL + "/"
	}
	if cfg.HTTP == nil {
		cfg.HTTP = p.Client()
	}
	if cfg.Tokens == nil {
		cfg.Tokens = ucwa.NewPasswordGrant(cfg.HTTP, password("secret"))
	}
	c, err := ucwa.New(cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

func (p *pool) open(c *ucwa.Client) *ucwa.Application {
	p.t.Helper()
	app, err := c.Open(p.t.Context(), ada)
	if err != nil {
		p.t.Fatalf("Open: %v", err)
	}
	return app
}

// take returns the operations since the last take.
func (p *pool) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	s := strings.Join(p.calls, " ")
	p.calls = nil
	return s
}

func (p *pool) count(op string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.counts[op]
}

func (p *pool) set(f func(op string, n int, w http.ResponseWriter, r *http.Request) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.counts = f, map[string]int{}
}

// times answers the first n calls of an operation with f.
func (p *pool) times(op string, times int, f http.HandlerFunc) {
	p.set(func(o string, n int, w http.ResponseWriter, r *http.Request) bool {
		if o != op || n > times {
			return false
		}
		f(w, r)
		return true
	})
}

func (p *pool) operation(r *http.Request) string {
	path := strings.TrimPrefix(r.URL.Path, p.prefix)
	last := path[strings.LastIndexByte(path, '/')+1:]
	switch {
	case r.URL.Path == "/":
		return "root"
	case strings.HasPrefix(r.URL.Path, "/Autodiscover/"):
		return last // user or root
	case r.URL.Path == "/WebTicket/oauthtoken":
		return "token"
	case path == "/applications" && r.Method == http.MethodPost:
		return "create"
	case path == "/applications/192837465564" && r.Method == http.MethodDelete:
		return "delete"
	case path == "/applications/192837465564":
		return "application"
	case strings.Contains(path, "/people/"), strings.HasSuffix(path, "/events"):
		return r.Method + " " + last
	case last == "changeNumber", last == "changeVisibility", last == "phones", last == "me":
		return last
	case strings.Contains(path, "/phones/"):
		return "phone"
	}
	return r.Method + " " + path
}

func (p *pool) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	op := p.operation(r)
	p.mu.Lock()
	p.counts[op]++
	n, fault := p.counts[op], p.fault
	p.calls = append(p.calls, op)
	p.auth = append(p.auth, r.Header.Get("Authorization"))
	p.mu.Unlock()
	if fault != nil && fault(op, n, w, r) {
		return
	}
	switch op {
	case "root":
		p.serveRoot(w, r)
		return
	case "token":
		p.serveToken(w, r)
		return
	}
	if !p.authorized(r) {
		p.challenge(w)
		return
	}
	p.serve(op, w, r)
}

func (p *pool) authorized(r *http.Request) bool {
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.HasPrefix(token, "cwt="+p.name()+"-") && !p.revoked[token]
}

func (p *pool) name() string { return strings.ReplaceAll(p.Listener.Addr().String(), ":", ".") }

func (p *pool) challenge(w http.ResponseWriter) {
	w.Header().Add("WWW-Authenticate", `Bearer trusted_issuers="00000002-0000-0ff1-ce00-000000000000@contoso.test", client_id="00000004-0000-0ff1-ce00-000000000000"`)
	w.Header().Add("WWW-Authenticate", fmt.Sprintf(`MsRtcOAuth href="%s/WebTicket/oauthtoken",grant_type="%s"`, p.URL, p.grants))
	page(w, http.StatusUnauthorized)
}

// page answers as IIS does.
func page(w http.ResponseWriter, status int) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "<html><body>Sorry.</body></html>")
}

// reason answers as UCWA does.
func reason(w http.ResponseWriter, r *http.Request, status int, code, subcode string) {
	if strings.Contains(r.Header.Get("Accept"), "xml") {
		w.Header().Set("Content-Type", "application/xml; charset=utf-8")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><reason xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"><code>%s</code><subcode>%s</subcode><message>About +12056350001.</message><debugInfo/></reason>`, code, subcode)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "\ufeff"+`{"code":%q,"subcode":%q,"message":"About +12056350001.","debugInfo":{"errorReportId":"x"}}`, code, subcode)
}

func (p *pool) serveRoot(w http.ResponseWriter, r *http.Request) {
	d := doc{rel: "root", href: p.URL + "/Autodiscover/AutodiscoverService.svc/root"}
	if p.redirect != "" {
		d.links = [][2]string{{"redirect", p.redirect}}
	} else {
		d.links = [][2]string{
			{"user", p.URL + "/Autodiscover/AutodiscoverService.svc/root/oauth/user?originalDomain=contoso.test"},
			{"xframe", p.URL + "/Autodiscover/XFrame/XFrame.html"},
		}
	}
	p.write(w, r, 200, d)
}

func (p *pool) serveToken(w http.ResponseWriter, r *http.Request) {
	_ = r.ParseForm()
	w.Header().Set("Content-Type", "application/json")
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lastForm = r.Form.Encode()
	if r.Form.Get("grant_type") != "password" || r.Form.Get("password") != "secret" || r.Header.Get("Authorization") != "" {
		w.WriteHeader(400)
		_, _ = io.WriteString(w, `{"error":"invalid_grant"}`)
		return
	}
	p.issued++
	_, _ = fmt.Fprintf(w, `{"access_token":"cwt=%s-%d","token_type":"Bearer","expires_in":%s,"ms_rtc_identityscope":"local"}`, p.name(), p.issued, p.expiresIn)
}

func (p *pool) serve(op string, w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch op {
	case "user":
		apps := p
		if p.appsHost != nil {
			apps = p.appsHost
		}
		p.write(w, r, 200, doc{rel: "user", href: r.URL.Path, links: [][2]string{{"applications", apps.URL + apps.prefix + "/applications"}}})
	case "create":
		p.inputs = append(p.inputs, string(body))
		p.write(w, r, 201, p.application())
	case "application":
		p.write(w, r, 200, p.application())
	case "phones":
		d := doc{rel: "phones", href: p.app("/me/phones")}
		for _, ph := range p.phones {
			d.embedded = append(d.embedded, p.phone(ph))
		}
		p.write(w, r, 200, d)
	case "phone", "changeNumber", "changeVisibility":
		p.servePhone(op, w, r, body)
	case "delete":
		w.WriteHeader(http.StatusNoContent)
	default:
		reason(w, r, 404, "NotFound", "ResourceNotFound")
	}
}

func (p *pool) servePhone(op string, w http.ResponseWriter, r *http.Request, body []byte) {
	for _, ph := range p.phones {
		switch {
		case !strings.Contains(r.URL.Path, "/phones/"+ph.kind):
		case op == "phone":
			w.Header().Set("ETag", `"3109609770"`)
			p.write(w, r, 200, p.phone(ph))
			return
		default:
			p.inputs = append(p.inputs, string(body))
			in := decodeInput(p.t, r.Header.Get("Content-Type"), body)
			if op == "changeNumber" {
				ph.number = in["number"]
			}
			if v, ok := in["includeInContactCard"]; ok {
				ph.shared = v == "true"
			}
			w.WriteHeader(http.StatusNoContent)
			return
		}
	}
	reason(w, r, 404, "NotFound", "")
}

// decodeInput refuses what a server would: a body without its content type.
func decodeInput(t *testing.T, contentType string, body []byte) map[string]string {
	in := map[string]string{}
	switch {
	case len(body) == 0 && contentType == "":
	case strings.HasPrefix(contentType, "application/json"):
		var v map[string]any
		if err := json.Unmarshal(body, &v); err != nil {
			t.Errorf("input %q: %v", body, err)
		}
		for k, x := range v {
			in[k] = fmt.Sprint(x)
		}
	case strings.HasPrefix(contentType, "application/xml"):
		var v struct {
			XMLName    xml.Name `xml:"http://schemas.microsoft.com/rtc/2012/03/ucwa input"`
			Properties []struct {
				Name  string `xml:"name,attr"`
				Value string `xml:",chardata"`
			} `xml:"property"`
		}
		if err := xml.Unmarshal(body, &v); err != nil {
			t.Errorf("input %q: %v", body, err)
		}
		for _, x := range v.Properties {
			in[x.Name] = x.Value
		}
	default:
		t.Errorf("input %q has content type %q", body, contentType)
	}
	return in
}

func (p *pool) app(path string) string {
	return p.appBase + p.prefix + "/applications/192837465564" + path
}

func (p *pool) application() doc {
	me := doc{
		rel: "me", href: p.app("/me"), single: true,
		props: []prop{{"uri", p.meURI}, {"name", "Ada Lovelace"}, {"emailAddresses", []string{"ada@contoso.test", "al@contoso.test"}}},
		links: [][2]string{{"phones", p.app("/me/phones")}, {"callForwardingSettings", p.app("/me/callForwardingSettings")}},
	}
	people := doc{rel: "people", href: p.app("/people"), single: true, links: [][2]string{
		{"myContactsAndGroupsSubscription", p.app("/people/contactsAndGroupsSubscription")},
		{"myContacts", p.app("/people/contacts")},
		{"myGroups", p.app("/people/groups")},
		{"myGroupMemberships", p.app("/people/groupMemberships")},
	}}
	return doc{
		rel: "application", href: p.app(""), props: []prop{{"culture", "en-US"}, {"etag", "346579618"}},
		links: [][2]string{{"events", p.app("/events?ack=1")}}, embedded: []doc{me, people},
	}
}

func (p *pool) phone(ph *phone) doc {
	self := p.app("/me/phones/" + ph.kind)
	d := doc{rel: "phone", href: self, props: []prop{{"number", ph.number}, {"type", ph.kind}, {"includeInContactCard", ph.shared}, {"etag", "42"}}}
	if p.generated {
		d.props = []prop{{"rel", "phone"}, {"includeInContactCard", ph.shared}, {"number", " " + ph.number}, {"type", " " + strings.ToUpper(ph.kind[:1]) + ph.kind[1:]}}
	}
	if !ph.readOnly {
		d.links = [][2]string{{"changeNumber", self + "/changeNumber"}, {"changeVisibility", self + "/changeVisibility"}}
	}
	return d
}

func password(p string) ucwa.CredentialsFunc {
	return func(_ context.Context, u sipaddr.User) (ucwa.Credentials, error) {
		return ucwa.Credentials{Username: string(u), Password: p}, nil
	}
}

// reset breaks the connection without an answer.
func reset(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }

// debugLog returns a logger and what it has written.
func debugLog() (*slog.Logger, *syncWriter) {
	w := &syncWriter{}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelDebug})), w
}

type syncWriter struct {
	mu sync.Mutex
	b  strings.Builder
}

func (w *syncWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func (w *syncWriter) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.String()
}
