package webexsim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"dialtone/infra/sim/simkit"
)

// Operations, as faults, history and counts name them.
const (
	OpAvailableNumbers = "availableNumbers" // GET /v1/telephony/config/people/primary/availableNumbers
	OpNumbers          = "numbers"          // GET /v1/telephony/config/numbers
	OpCallingLocation  = "callingLocation"  // GET /v1/telephony/config/locations/{id}
	OpLocations        = "locations"        // GET /v1/locations
	OpLicenses         = "licenses"         // GET /v1/licenses
	OpMe               = "me"               // GET /v1/people/me
	OpAccessToken      = "accessToken"      // POST /v1/access_token
	OpUnknown          = "unknown"          // any other path, answered 404
)

// Server is a simulated Webex cloud. Create it with [New]; all methods are safe
// for concurrent use.
//
// Which scope an operation needs: the telephony operations
// spark-admin:telephony_config_read, licences spark-admin:licenses_read,
// locations spark-admin:locations_read or people_read or devices_read, and
// /people/me spark-admin:people_read. Any other token gets 403.
type Server struct {
	cfg      Config
	inv      *inventory
	tokens   *tokenStore
	limit    *limiter
	script   *simkit.Script
	routes   []endpoint
	shuffles atomic.Uint64 // numbers the shuffled lists, so that each differs
	take     atomic.Int64  // numbers a foreign administrator still takes
}

// New builds a server. The error joins everything that is wrong with the
// configuration.
func New(c Config) (*Server, error) {
	c = c.completed()
	inv, generated := newInventory(c)
	tokens, granted := newTokenStore(c, inv, time.Now())
	s := &Server{cfg: c, inv: inv, tokens: tokens, limit: newLimiter(c.Rate), routes: endpoints()}
	script, scripted := simkit.New(simkit.Config{
		Seed: c.Seed, MinLatency: c.MinLatency, MaxLatency: c.MaxLatency, History: c.History,
		Operations: s.operations(), Identify: s.identify, Refuse: writeFault, State: s.state,
	})
	s.script = script
	if err := errors.Join(c.validate(), generated, granted, scripted); err != nil {
		return nil, fmt.Errorf("webexsim: %w", err)
	}
	return s, nil
}

// Script is the fault script and the request history.
func (s *Server) Script() *simkit.Script { return s.script }

// Locations returns the locations of the home organisation, complete with
// identifiers and main numbers.
func (s *Server) Locations() []Location {
	var all []Location
	for _, site := range s.inv.orgs[0].sites {
		all = append(all, site.Location)
	}
	return all
}

// Calls counts the requests of each operation since the start or the last
// Script().Forget.
func (s *Server) Calls() map[string]int { return s.script.Counts() }

// Handler serves the API; its paths begin with /v1.
func (s *Server) Handler() http.Handler {
	inner := s.script.Middleware(http.HandlerFunc(s.serve))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := trackingID(r)
		// The map is written directly because Set would spell it Trackingid.
		w.Header()["TrackingID"] = []string{id}
		inner.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), trackingKey{}, id)))
	})
}

type trackingKey struct{}

// tracking is the identifier that the answer to r carries.
func tracking(r *http.Request) string {
	id, _ := r.Context().Value(trackingKey{}).(string)
	return id
}

// trackingID is the caller's own identifier, if it is a printable word of decent
// length, else a new one in the vendor's form.
func trackingID(r *http.Request) string {
	id := r.Header.Get("TrackingID")
	printable := func(c rune) bool { return c > ' ' && c < 0x7f }
	if id != "" && len(id) <= 128 && strings.IndexFunc(id, func(c rune) bool { return !printable(c) }) < 0 {
		return id
	}
	return "ROUTER_" + strings.ToUpper(uuid.NewString())
}

// endpoint is one operation of the API.
type endpoint struct {
	operation string
	method    string
	path      string   // below /v1; a last segment * matches one segment
	scopes    []string // any one suffices; none: no token needed
	serve     func(s *Server, c *call) (any, error)
}

// call is one authorised request.
type call struct {
	r      *http.Request
	header http.Header // of the answer
	query  url.Values
	grant  *grant
	org    *org // the one that orgId names, or the token's own
}

func endpoints() []endpoint {
	telephony := []string{ScopeTelephonyRead}
	return []endpoint{
		{OpAvailableNumbers, "GET", "/telephony/config/people/primary/availableNumbers", telephony, (*Server).availableNumbers},
		{OpNumbers, "GET", "/telephony/config/numbers", telephony, (*Server).numbers},
		{OpCallingLocation, "GET", "/telephony/config/locations/*", telephony, (*Server).callingLocation},
		{OpLocations, "GET", "/locations", []string{ScopeLocationsRead, ScopePeopleRead, ScopeDevicesRead}, (*Server).locations},
		{OpLicenses, "GET", "/licenses", []string{ScopeLicensesRead}, (*Server).licenses},
		{OpMe, "GET", "/people/me", []string{ScopePeopleRead}, (*Server).me},
		{OpAccessToken, "POST", "/access_token", nil, (*Server).accessToken},
	}
}

func (s *Server) operations() []string {
	names := []string{OpUnknown}
	for _, e := range s.routes {
		names = append(names, e.operation)
	}
	return names
}

func (s *Server) route(r *http.Request) (endpoint, bool) {
	path, ok := strings.CutPrefix(r.URL.Path, "/v1")
	for _, e := range s.routes {
		if ok && e.matches(path) {
			return e, true
		}
	}
	return endpoint{operation: OpUnknown}, false
}

func (e endpoint) matches(path string) bool {
	prefix, wild := strings.CutSuffix(e.path, "*")
	if !wild {
		return path == e.path
	}
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && rest != "" && !strings.Contains(rest, "/")
}

// identify names the operation of a request and the organisation it acts on,
// which faults call its user.
func (s *Server) identify(r *http.Request) (operation, user string) {
	e, _ := s.route(r)
	if id := r.URL.Query().Get("orgId"); id != "" {
		return e.operation, id
	}
	if g := s.tokens.holder(bearer(r), time.Now()); g != nil {
		return e.operation, g.org.ID
	}
	return e.operation, ""
}

func bearer(r *http.Request) string {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(token)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	answer, err := s.answer(w.Header(), r)
	status := http.StatusOK
	if err != nil {
		status = writeError(w, r, err)
	} else {
		writeBody(w, answer)
	}
	e, _ := s.route(r)
	s.cfg.Logger.DebugContext(r.Context(), "webexsim: answered",
		"operation", e.operation, "status", status, "tracking_id", tracking(r))
}

// answer takes a request through the checks of the vendor's gateway and hands it
// to its endpoint.
func (s *Server) answer(header http.Header, r *http.Request) (any, error) {
	e, found := s.route(r)
	switch {
	case !found:
		return nil, refuse(http.StatusNotFound, "the requested URI does not exist")
	case r.Method != e.method:
		header.Set("Allow", e.method)
		return nil, refuse(http.StatusMethodNotAllowed, "method not allowed")
	}
	c := &call{r: r, header: header}
	if err := s.admit(c, e); err != nil {
		return nil, err
	}
	return e.serve(s, c)
}

// admit checks token, scope, organisation and rate, in this order.
func (s *Server) admit(c *call, e endpoint) error {
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return refuse(http.StatusBadRequest, "the query string is malformed")
	}
	c.query = query
	if len(e.scopes) == 0 {
		return nil
	}
	if c.grant = s.tokens.holder(bearer(c.r), time.Now()); c.grant == nil {
		return refuse(http.StatusUnauthorized, "the request needs a valid access token in the Authorization header")
	}
	if !c.grant.allows(e.scopes) {
		return refuse(http.StatusForbidden, "the access token lacks the scope "+strings.Join(e.scopes, " or "))
	}
	if c.org, err = c.target(); err != nil {
		return err
	}
	if wait := s.limit.admit(c.grant, c.org, time.Now()); wait != "" {
		c.header.Set("Retry-After", wait)
		return refuse(http.StatusTooManyRequests, "too many requests")
	}
	return nil
}

func (g *grant) allows(scopes []string) bool {
	for _, scope := range scopes {
		if g.scopes[scope] {
			return true
		}
	}
	return false
}

// target is the organisation a call acts on. One the token does not reach is
// 403 whether or not it exists, so that nothing leaks.
func (c *call) target() (*org, error) {
	id, err := identifier(c.query, "orgId")
	if err != nil {
		return nil, err
	}
	if id == "" {
		return c.grant.org, nil
	}
	if o := c.grant.reaches(id); o != nil {
		return o, nil
	}
	return nil, refuse(http.StatusForbidden, "the access token does not reach this organization")
}

// writeError answers with the main error shape and returns the status. Detailed
// codes are left out: none is documented for these operations.
func writeError(w http.ResponseWriter, r *http.Request, err error) int {
	status, description := http.StatusInternalServerError, "internal server error"
	if e, ok := errors.AsType[*apiError](err); ok {
		status, description = e.status, e.description
	}
	writeShape(w, ShapeMain, status, 0, description, tracking(r))
	return status
}

func writeShape(w http.ResponseWriter, shape Shape, status, code int, description, trackingID string) {
	contentType, body := ErrorBody(shape, status, code, description, trackingID)
	if contentType != "" {
		w.Header().Set("Content-Type", contentType)
	}
	w.WriteHeader(status)
	_, _ = w.Write(body) // a caller that has gone is its own affair
}

// writeFault answers a scripted fault: Code is the detailed code, Subcode the
// Shape of the body.
func writeFault(w http.ResponseWriter, r *http.Request, f simkit.Fault) {
	code, _ := strconv.Atoi(f.Code)
	writeShape(w, Shape(f.Subcode), f.Status, code, http.StatusText(f.Status), tracking(r))
}

func writeBody(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", jsonType)
	_ = json.NewEncoder(w).Encode(v) // wire types always encode
}
