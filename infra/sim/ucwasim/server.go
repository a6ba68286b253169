package ucwasim

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"dialtone/infra/sim/simkit"
)

// Server is a simulated deployment. Safe for concurrent use. Use [New] or
// [Start]; the zero value does nothing.
type Server struct {
	config    Config
	script    *simkit.Script
	endpoints []endpoint
	handler   http.Handler
	key       []byte            // signs web tickets
	extra     map[string]User   // Config.Extra by folded address
	domains   map[string]string // first label of a domain, as in DOMAIN\user, to the domain
	created   atomic.Uint64     // applications

	mu    sync.RWMutex
	users map[string]*user // those touched so far
}

// New returns a deployment without any port of its own; see [Server.Handler]. It
// reports everything that is wrong with the config at once.
func New(c Config) (*Server, error) {
	c = c.withDefaults()
	if err := c.validate(); err != nil {
		return nil, err
	}
	s := &Server{
		config: c, extra: map[string]User{}, users: map[string]*user{},
		key:     fmt.Appendf(nil, "ticket key of seed %d", c.Seed),
		domains: map[string]string{label(c.Domain): strings.ToLower(c.Domain)},
	}
	for _, u := range c.Extra {
		u.URI = strings.ToLower(u.URI)
		s.extra[u.URI] = u
		_, domain, _ := strings.Cut(u.URI, "@")
		s.domains[label(domain)] = domain
	}
	s.endpoints = s.table()
	script, err := simkit.New(simkit.Config{
		Seed: c.Seed, Operations: operations(s.endpoints), History: c.History,
		MinLatency: c.MinLatency, MaxLatency: c.MaxLatency,
		Identify: s.identify, Refuse: s.refuse, State: s.state,
	})
	if err != nil {
		return nil, fmt.Errorf("ucwasim: %w", err)
	}
	s.script = script
	s.handler = script.Middleware(http.HandlerFunc(s.serve))
	return s, nil
}

func label(domain string) string {
	first, _, _ := strings.Cut(strings.ToLower(domain), ".")
	return first
}

// Handler serves every simulated host: discovery, the ticket service and UCWA are
// told apart by path, the pools by the Host header.
func (s *Server) Handler() http.Handler { return s.handler }

// Script is the fault script and the request history. Operations are named by
// their UCWA relation (applications, phones, changeNumber, ...); application has
// the second operation deleteApplication, resources with PUT have another with
// put before it (putCallForwardingSettings), and discovery adds root, user,
// xframe and token. With Apply or ResetAfter a fault of events waits as the request
// would, and the package stays for who asks again.
func (s *Server) Script() *simkit.Script { return s.script }

// call is one request on its way through the server.
type call struct {
	server *Server
	w      http.ResponseWriter
	r      *http.Request
	pool   int    // index of the pool that was asked
	base   string // its scheme and host
	format format
	args   map[string]string // by placeholder of the path
	user   *user             // locked from the guard on
	app    *application
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if s.config.RedirectHTTP && r.TLS == nil {
		http.Redirect(w, r, s.config.DiscoveryURL+r.URL.RequestURI(), http.StatusFound)
		return
	}
	c := &call{server: s, w: w, r: r}
	c.pool, c.base = s.addressed(r)
	c.format, _ = negotiate(r.Header.Get("Accept"))
	e, args := s.match(r.URL.Path)
	if e == nil {
		writeHTML(w, http.StatusNotFound, "The resource could not be found.")
		return
	}
	c.args = args
	defer c.release()
	if !e.guard(c) {
		return
	}
	v, ok := e.verbs[r.Method]
	if !ok {
		c.refuseVerb(e)
		return
	}
	v.serve(c)
}

func (c *call) refuseVerb(e *endpoint) {
	if len(e.verbs) == 0 {
		c.fail(fail(http.StatusNotFound, "NotFound", "", "The resource does not exist."))
		return
	}
	c.w.Header().Set("Allow", e.allow())
	c.fail(fail(http.StatusMethodNotAllowed, "MethodNotAllowed", "", "The verb is not supported here."))
}

func (c *call) release() {
	if c.user != nil {
		c.user.mu.Unlock()
	}
}

func (c *call) answer(status int, r *resource) {
	c.format.write(c.w, status, r, c.server.config.Dialect)
}

func (c *call) fail(f *failure) {
	c.format.write(c.w, f.Status, f, c.server.config.Dialect)
}

func (c *call) done() { c.w.WriteHeader(http.StatusNoContent) }

// addressed returns the pool that a request is for and its scheme and host.
func (s *Server) addressed(r *http.Request) (int, string) {
	for i, raw := range s.config.PoolURLs {
		if u, err := url.Parse(raw); err == nil && strings.EqualFold(u.Host, r.Host) {
			return i, raw
		}
	}
	return 0, s.poolURL(0, r)
}

// poolURL is the scheme and host of a pool, by default those of the request.
func (s *Server) poolURL(pool int, r *http.Request) string {
	if pool < len(s.config.PoolURLs) {
		return s.config.PoolURLs[pool]
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// fqdn is the host that diagnostics name as their source.
func (c *call) fqdn() string {
	u, err := url.Parse(c.base)
	if err != nil {
		return c.r.Host
	}
	return u.Hostname()
}

func (c *call) diagnose(number int, reason string) {
	c.w.Header().Set("X-Ms-diagnostics", fmt.Sprintf(`%d;source="%s";reason="%s"`, number, c.fqdn(), reason))
}

// identify names a request for the script: the operation by path and verb, the
// user by ticket, or by the username of a token request.
func (s *Server) identify(r *http.Request) (operation, user string) {
	operation = "unknown"
	if e, _ := s.match(r.URL.Path); e != nil {
		if v, ok := e.verbs[r.Method]; ok {
			operation = v.operation
		}
	}
	if operation == "token" && r.ParseForm() == nil {
		return operation, s.address(r.PostForm.Get("username"))
	}
	t, _ := s.readTicket(r)
	return operation, t.user
}

// refuse writes the error of a fault as the asked service would.
func (s *Server) refuse(w http.ResponseWriter, r *http.Request, f simkit.Fault) {
	if operation, _ := s.identify(r); operation == "token" {
		code := f.Code
		setDefault(&code, "server_error")
		writeToken(w, f.Status, map[string]string{"error": code})
		return
	}
	code := f.Code
	setDefault(&code, strings.ReplaceAll(http.StatusText(f.Status), " ", ""))
	form, _ := negotiate(r.Header.Get("Accept"))
	form.write(w, f.Status, fail(f.Status, code, f.Subcode, "Fault "+f.Name+" of the script."), s.config.Dialect)
}
