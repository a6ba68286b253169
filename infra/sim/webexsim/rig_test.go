package webexsim_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/webexsim"
)

const (
	availablePath = "/telephony/config/people/primary/availableNumbers"
	numbersPath   = "/telephony/config/numbers"
)

// rig is a simulator behind a real HTTP listener and a caller with a token.
type rig struct {
	t     *testing.T
	sim   *webexsim.Server
	http  *httptest.Server
	token string
}

func start(t *testing.T, c webexsim.Config) *rig {
	t.Helper()
	sim, err := webexsim.New(c)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	srv := httptest.NewServer(sim.Handler())
	t.Cleanup(srv.Close)
	return &rig{t, sim, srv, webexsim.DefaultToken().AccessToken}
}

// reply is an answer with its body read; err is what reading it ended with.
type reply struct {
	status int
	header http.Header
	body   []byte
	err    error
}

func (r *rig) do(method, pathOrURL, contentType, body string) reply {
	r.t.Helper()
	u := pathOrURL
	if strings.HasPrefix(u, "/") {
		u = r.http.URL + "/v1" + u
	}
	req, err := http.NewRequestWithContext(r.t.Context(), method, u, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	return r.send(req)
}

func (r *rig) send(req *http.Request) reply {
	r.t.Helper()
	res, err := r.http.Client().Do(req)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, got, err}
}

func (r *rig) get(path string, query ...string) reply {
	r.t.Helper()
	return r.do(http.MethodGet, path+"?"+form(query...), "", "")
}

// form encodes name, value, name, value.
func form(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

func (a reply) want(t *testing.T, status int) reply {
	t.Helper()
	if a.err != nil || a.status != status {
		t.Fatalf("got status %d, error %v, want status %d; body %s", a.status, a.err, status, a.body)
	}
	return a
}

func decode[T any](t *testing.T, a reply) T {
	t.Helper()
	a.want(t, http.StatusOK)
	var v T
	if err := json.Unmarshal(a.body, &v); err != nil {
		t.Fatalf("body %s: %v", a.body, err)
	}
	return v
}

// The wire as a client reads it; deliberately not the types under test.
type availableBody struct {
	PhoneNumbers []struct {
		PhoneNumber            string
		State                  string
		IsMainNumber           *bool
		TelephonyType          string
		IncludedTelephonyTypes string
		MobileNetwork          string
		IsServiceNumber        *bool
	}
}

type inventoryBody struct {
	PhoneNumbers []struct {
		PhoneNumber            string
		State                  string
		PhoneNumberType        string
		MainNumber             bool
		IncludedTelephonyTypes string
		TollFreeNumber         bool
		IsServiceNumber        bool
		IsReservedNumber       bool
		Location               struct{ ID, Name string }
		Owner                  *struct{ ID, Type, FirstName, LastName string }
	}
	Count map[string]int
}

type errorBody struct {
	Message    string
	Errors     []struct{ Description string }
	TrackingID string `json:"trackingId"`
}

func phones(t *testing.T, a reply) []string {
	t.Helper()
	body := decode[availableBody](t, a)
	list := []string{}
	for _, n := range body.PhoneNumbers {
		list = append(list, n.PhoneNumber)
	}
	return list
}

// site is one location with some of everything, small enough to count by hand.
func site(name, prefix string) webexsim.Location {
	return webexsim.Location{
		Name: name, Prefix: prefix,
		Numbers: 6, Inactive: 2, Mobile: 3, Service: 1, TollFree: 1, Reserved: 1, Owned: 4,
	}
}

// small is one location: 15 listed numbers (the main one included), 4 owned.
func small() webexsim.Config {
	return webexsim.Config{Locations: []webexsim.Location{site("Hamburg", "+4940")}}
}

func (r *rig) ofKind(k webexsim.Kind) []webexsim.Number {
	return slices.DeleteFunc(r.sim.Numbers(webexsim.LocationID("Hamburg")), func(n webexsim.Number) bool { return n.Kind != k })
}

func (r *rig) fault(f simkit.Fault) {
	r.t.Helper()
	if _, err := r.sim.Script().Add(f); err != nil {
		r.t.Fatal(err)
	}
}
