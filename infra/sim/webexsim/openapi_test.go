package webexsim_test

import (
	"bytes"
	"io"
	"net/http"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/webexsim"
)

// contract checks answers against the vendor's document.
type contract struct{ router routers.Router }

func loadContract(t *testing.T, base string) contract {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("testdata/available-numbers.openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	doc.Servers = openapi3.Servers{{URL: base}}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return contract{router}
}

func (c contract) check(t *testing.T, req *http.Request, a reply) error {
	t.Helper()
	route, params, err := c.router.FindRoute(req)
	if err != nil {
		t.Fatal(err)
	}
	return openapi3filter.ValidateResponse(t.Context(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: req, Route: route, PathParams: params},
		Status:                 a.status,
		Header:                 a.header,
		Body:                   io.NopCloser(bytes.NewReader(a.body)),
		Options:                &openapi3filter.Options{IncludeResponseStatus: true},
	})
}

func (r *rig) ask(query string) (*http.Request, reply) {
	r.t.Helper()
	req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, r.http.URL+"/v1"+availablePath+"?"+query, nil)
	if err != nil {
		r.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.token)
	return req, r.send(req)
}

var contractQueries = []string{
	"", "max=1", "max=5&start=3", "start=10000", "locationId=" + webexsim.LocationID("Hamburg"),
	"licenseType=Webex+Calling+Professional", "phoneNumber=%2B49405000001,%2B49405000002", "phoneNumber=none",
	"max=-1", "licenseType=x", "locationId=nowhere", "orgId=nobody",
}

func TestAnswersSatisfyTheOpenAPIDocument(t *testing.T) {
	t.Parallel()
	for _, order := range []webexsim.Order{webexsim.OrderAscending, webexsim.OrderShuffled} {
		c := small()
		c.Order, c.EmptyLastPage = order, true
		r := start(t, c)
		doc := loadContract(t, r.http.URL+"/v1")
		for _, q := range contractQueries {
			req, a := r.ask(q)
			if err := doc.check(t, req, a); err != nil {
				t.Errorf("%s, %q: %v", order, q, err)
			}
		}
	}
}

func TestScriptedErrorsSatisfyTheOpenAPIDocument(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	doc := loadContract(t, r.http.URL+"/v1")
	for _, status := range []int{400, 401, 403, 404, 405, 409, 410, 415, 423, 428, 429, 500, 502, 503, 504} {
		for _, shape := range []webexsim.Shape{webexsim.ShapeMain, webexsim.ShapeTop} {
			r.fault(simkit.Fault{Status: status, Code: "8363", Subcode: string(shape), Times: 1})
			req, a := r.ask("")
			if a.status != status {
				t.Fatalf("got %d, want %d", a.status, status)
			}
			if err := doc.check(t, req, a); err != nil {
				t.Errorf("%d %s: %v", status, shape, err)
			}
		}
	}
}

// The captured dialect is exempt from the document; this shows that the
// validation above is able to notice.
func TestCapturedDialectBreaksTheOpenAPIDocument(t *testing.T) {
	t.Parallel()
	c := small()
	c.Dialect = webexsim.Captured
	r := start(t, c)
	req, a := r.ask("")
	if loadContract(t, r.http.URL+"/v1").check(t, req, a) == nil {
		t.Error("entries without telephonyType pass")
	}
}
