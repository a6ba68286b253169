package webexsim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/webexsim"
)

func TestScriptedAnswers(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	header := func(name, value string) map[string]string { return map[string]string{name: value} }
	for name, tc := range map[string]struct {
		fault  simkit.Fault
		status int
		header string // "Name: value"; no colon: absent
		body   string // part of it
	}{
		"429 seconds":      {simkit.Fault{Status: 429, Header: header("Retry-After", "5")}, 429, "Retry-After: 5", "trackingId"},
		"429 absent":       {simkit.Fault{Status: 429}, 429, "Retry-After", "trackingId"},
		"429 zero":         {simkit.Fault{Status: 429, Header: header("Retry-After", "0")}, 429, "Retry-After: 0", ""},
		"429 malformed":    {simkit.Fault{Status: 429, Header: header("Retry-After", "soon")}, 429, "Retry-After: soon", ""},
		"423":              {simkit.Fault{Status: 423, Header: header("Retry-After", "3")}, 423, "Retry-After: 3", "Locked"},
		"502 wrapped":      {simkit.Fault{Status: 502, Header: header("cisco-spark-error-codes", "4251")}, 502, "cisco-spark-error-codes: 4251", ""},
		"502 plain":        {simkit.Fault{Status: 502}, 502, "cisco-spark-error-codes", ""},
		"503 page":         {simkit.Fault{Status: 503, Subcode: "html"}, 503, "Content-Type: text/html", "<h1>503 Service Unavailable</h1>"},
		"kit's page":       {simkit.Fault{HTML: true}, 503, "Content-Type: text/html", "<html>"},
		"text":             {simkit.Fault{Status: 503, Subcode: "text"}, 503, "Content-Type: text/plain", "Service Unavailable"},
		"empty":            {simkit.Fault{Status: 500, Subcode: "empty"}, 500, "", ""},
		"nested":           {simkit.Fault{Status: 409, Code: "8363", Subcode: "nested"}, 409, "", `"code":8363`},
		"list":             {simkit.Fault{Status: 400, Code: "8363", Subcode: "list"}, 400, "", `[{"errors":[{"errorCode":8363`},
		"top":              {simkit.Fault{Status: 409, Code: "25223", Subcode: "top"}, 409, "", `"errorCode":25223,"errors":[{`},
		"200 of something": {simkit.Fault{Body: `{"items":[]}`}, 200, "", `{"items":[]}`},
	} {
		tc.fault.Times = 1
		r.fault(tc.fault)
		a := r.get(availablePath)
		if a.status != tc.status || !strings.Contains(string(a.body), tc.body) || a.header.Get("TrackingID") == "" {
			t.Errorf("%s: %d %v %s", name, a.status, a.header, a.body)
		}
		h, value, _ := strings.Cut(tc.header, ": ")
		if h != "" && a.header.Get(h) != value {
			t.Errorf("%s: %s is %q, want %q", name, h, a.header.Get(h), value)
		}
	}
	r.get(availablePath).want(t, http.StatusOK)
}

func TestErrorShapes(t *testing.T) {
	t.Parallel()
	for shape, want := range map[webexsim.Shape]string{
		webexsim.ShapeMain:   `{"errors":[{"description":"d","errorCode":1}],"message":"d","trackingId":"T"}`,
		webexsim.ShapeTop:    `{"errorCode":1,"errors":[{"description":"d","errorCode":1}],"message":"d","trackingId":"T"}`,
		webexsim.ShapeNested: `{"error":[{"key":"409","message":[{"code":1,"description":"d"}]}],"errorCode":1,"trackingId":"T"}`,
		webexsim.ShapeList:   `[{"errors":[{"errorCode":1,"errorMessage":"d","errorTitle":"Conflict","errorType":"ERROR"}],"trackingId":"T"}]`,
		webexsim.ShapeText:   "Conflict\n",
		webexsim.ShapeEmpty:  "",
		"":                   `{"errors":[{"description":"d","errorCode":1}],"message":"d","trackingId":"T"}`,
	} {
		if _, got := webexsim.ErrorBody(shape, 409, 1, "d", "T"); string(got) != want {
			t.Errorf("%q: %s, want %s", shape, got, want)
		}
	}
	if _, got := webexsim.ErrorBody(webexsim.ShapeTop, 409, 0, "d", "T"); strings.Contains(string(got), "errorCode") {
		t.Errorf("code 0 is not left out: %s", got)
	}
}

func TestBrokenConnections(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	r.fault(simkit.Fault{Truncate: 40, Times: 1})
	if a := r.get(availablePath); a.status != http.StatusOK || a.err == nil || len(a.body) > 40 {
		t.Errorf("truncated: %d, %v, %s", a.status, a.err, a.body)
	}
	r.fault(simkit.Fault{ResetBefore: true, Times: 1})
	if a := r.get(availablePath); a.err == nil {
		t.Errorf("reset: %d", a.status)
	}
	// The refresh happens although its answer is lost: the old token is dead.
	r.fault(simkit.Fault{Operation: webexsim.OpAccessToken, ResetAfter: true, Times: 1})
	if a := r.refresh(webexsim.DefaultToken().RefreshToken); a.err == nil {
		t.Errorf("reset after: %d", a.status)
	}
	r.refresh(webexsim.DefaultToken().RefreshToken).want(t, http.StatusBadRequest)
}

func TestFaultsChooseOperationAndOrganisation(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	customer := webexsim.OrgID("Example Customer")
	r.fault(simkit.Fault{Operation: webexsim.OpNumbers, User: customer, Status: 503})
	r.get(numbersPath, "orgId", customer).want(t, http.StatusServiceUnavailable)
	r.get(numbersPath).want(t, http.StatusOK)
	r.get(availablePath, "orgId", customer).want(t, http.StatusOK)
	if _, err := r.sim.Script().Add(simkit.Fault{Operation: "changeNumber", Status: 500}); err == nil {
		t.Error("a fault for an operation that does not exist is accepted")
	}
}

func TestHistoryAndCounts(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	r.get(availablePath, "licenseType", "VAR_BASIC")
	r.get(numbersPath)
	r.get(numbersPath)
	r.get("/nowhere")
	r.refresh("x")
	want := map[string]int{
		webexsim.OpAvailableNumbers: 1, webexsim.OpNumbers: 2, webexsim.OpUnknown: 1, webexsim.OpAccessToken: 1,
	}
	got := r.sim.Calls()
	for op, n := range want {
		if got[op] != n {
			t.Errorf("%s: %d calls, want %d", op, got[op], n)
		}
	}
	list := r.sim.Script().Requests(simkit.Filter{Operation: webexsim.OpAvailableNumbers})
	if len(list) != 1 || !strings.Contains(list[0].Path, "licenseType=VAR_BASIC") || list[0].User != webexsim.OrgID("Contoso") || !list[0].Applied {
		t.Errorf("history %+v", list)
	}
	if dump, _ := json.Marshal(r.sim.Script().Requests(simkit.Filter{})); strings.Contains(string(dump), r.token) {
		t.Error("a token is in the history")
	}
}

// FuzzQuery: no query makes the simulator fail by itself or break its contract.
func FuzzQuery(f *testing.F) {
	for _, q := range append(contractQueries, "%zz", "a=1;b=2", "max=1&max=2", "phoneNumber=,,", "order=lastName", "available=true&numberType=EXTENSION") {
		f.Add(q)
	}
	sim, err := webexsim.New(small())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{availablePath, numbersPath, "/locations"} {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1"+path, nil)
			req.URL.RawQuery = query
			req.Header.Set("Authorization", "Bearer "+webexsim.DefaultToken().AccessToken)
			rec := httptest.NewRecorder()
			sim.Handler().ServeHTTP(rec, req)
			if rec.Code >= 500 || !json.Valid(rec.Body.Bytes()) {
				t.Errorf("%s?%s: %d %s", path, query, rec.Code, rec.Body)
			}
		}
	})
}
