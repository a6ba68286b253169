package webex_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"dialtone/shared/webex"
)

// contract is the published description of the operation, see testdata/LICENSE.md.
type contract struct {
	doc    *openapi3.T
	router routers.Router
}

func loadContract(t *testing.T) contract {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromFile("testdata/available-numbers.openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return contract{doc, router}
}

// input routes a request to the operation that describes it.
func (c contract) input(req *http.Request) (*openapi3filter.RequestValidationInput, error) {
	route, params, err := c.router.FindRoute(req)
	if err != nil {
		return nil, err
	}
	return &openapi3filter.RequestValidationInput{
		Request: req, Route: route, PathParams: params,
		Options: &openapi3filter.Options{AuthenticationFunc: bearer},
	}, nil
}

func bearer(_ context.Context, in *openapi3filter.AuthenticationInput) error {
	if in.RequestValidationInput.Request.Header.Get("Authorization") != "Bearer "+secretToken {
		return fmt.Errorf("no bearer token")
	}
	return nil
}

// TestRequestsKeepTheContract sends every combination of the parameters, with
// values at their limits, and checks each request against the description; and
// the next page's request, whose link lost everything.
func TestRequestsKeepTheContract(t *testing.T) {
	t.Parallel()
	spec := loadContract(t)
	choices := []func(*webex.AvailableNumbersOptions){
		func(o *webex.AvailableNumbersOptions) { o.OrgID = strings.Repeat("o", 128) },
		func(o *webex.AvailableNumbersOptions) { o.LocationID = strings.Repeat("l", 128) },
		func(o *webex.AvailableNumbersOptions) { o.LicenseType = webex.Professional },
		func(o *webex.AvailableNumbersOptions) { o.LicenseType = webex.Standard },
		func(o *webex.AvailableNumbersOptions) { o.PhoneNumbers = e164s(num(1)) },
		func(o *webex.AvailableNumbersOptions) { o.PhoneNumbers = e164s(num(1), "+4940123456", num(3)) },
		func(o *webex.AvailableNumbersOptions) { o.Max = 2 },
		func(o *webex.AvailableNumbersOptions) { o.Start = 1999 },
	}
	for _, org := range []string{"", "o"} {
		c, m := connect(t, webex.Config{OrgID: org}, func(w http.ResponseWriter, r *http.Request) {
			if start := intOf(r, "start", 0); start != 0 && start != 1999 {
				page(nil)(w, r)
				return
			}
			page([]string{"Link", "<" + availableURL + ">;rel=next"}, num(1), num(2))(w, r)
		})
		for set := range 1 << len(choices) {
			var opts webex.AvailableNumbersOptions
			for i, choose := range choices {
				if set>>i&1 == 1 {
					choose(&opts)
				}
			}
			if _, err := collect(c.AvailableNumbers(t.Context(), opts)); err != nil {
				t.Fatalf("%+v: %v", opts, err)
			}
		}
		for _, req := range m.seen() {
			in, err := spec.input(req)
			if err == nil {
				err = openapi3filter.ValidateRequest(t.Context(), in)
			}
			if err != nil {
				t.Fatalf("%s: %v", req.URL, err)
			}
			if v := req.URL.Query()["phoneNumber"]; len(v) > 1 || strings.Contains(req.URL.RawQuery, "phoneNumber=+") {
				t.Fatalf("%s: want one comma-joined value, the plus encoded", req.URL)
			}
		}
		if want := 2 << len(choices); len(m.seen()) != want {
			t.Errorf("%d requests checked, want two for each combination, %d", len(m.seen()), want)
		}
	}
}

// TestTheContractCanFail shows that the check above would notice a bad request.
func TestTheContractCanFail(t *testing.T) {
	t.Parallel()
	spec := loadContract(t)
	for _, bad := range []string{
		availableURL + "?max=many", availableURL + "?start=-1", availableURL + "?licenseType=VAR_BASIC", availableURL + "?orgId=" + strings.Repeat("o", 129),
	} {
		req := httptest.NewRequest(http.MethodGet, bad, nil)
		req.Header.Set("Authorization", "Bearer "+secretToken)
		in, err := spec.input(req)
		if err == nil {
			err = openapi3filter.ValidateRequest(t.Context(), in)
		}
		if err == nil {
			t.Errorf("%s passes", bad)
		}
	}
}

// TestSamplesDecode feeds every sample of the description to the client, and
// checks those against the schema that claim to satisfy it.
func TestSamplesDecode(t *testing.T) {
	t.Parallel()
	spec := loadContract(t)
	op := spec.doc.Paths.Value("/telephony/config/people/primary/availableNumbers").Get
	media := op.Responses.Status(http.StatusOK).Value.Content["application/json"]
	samples := map[string]any{}
	for name, ex := range media.Examples {
		samples[name] = ex.Value.Value
		if err := media.Schema.Value.VisitJSON(ex.Value.Value); err != nil {
			t.Errorf("sample %s breaks its own schema: %v", name, err)
		}
	}
	portal, _ := media.Extensions["x-portal-sample"].(map[string]any)
	samples["portal"] = portal["value"]
	for name, want := range map[string]int{"upstream": 3, "empty": 0, "portal": 3} {
		body, err := json.Marshal(samples[name])
		if err != nil {
			t.Fatal(err)
		}
		c, _ := connect(t, webex.Config{}, status(200, string(body)))
		n := 0
		for number, err := range c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{}) {
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if mobile, main := n == 0, n == 1; number.Mobile != mobile || number.MainNumber != main {
				t.Errorf("%s: entry %d is %+v, want the first mobile, the second main", name, n+1, number)
			}
			n++
		}
		if n != want || len(samples) != 3 {
			t.Errorf("%s: %d entries of %d samples, want %d of 3", name, n, len(samples), want)
		}
	}
}

// FuzzPageBody proves that no body makes the client panic, list a number twice or
// hand out what is not a number.
func FuzzPageBody(f *testing.F) {
	for _, s := range []string{
		`{"phoneNumbers":[{"phoneNumber":"+12056350001","state":"ACTIVE","includedTelephonyTypes":["A",null]}]}`,
		`{"phoneNumbers":[{"phoneNumber":"+12056350001"},{"phoneNumber":"+12056350001"}]}`,
		`{"phoneNumbers":[{"phoneNumber":5},{"includedTelephonyTypes":{}}]}`, `{"phoneNumbers":{}}`, `{}`, `[]`, ``, "\ufeff{}", `{"PHONENUMBERS":[null]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if !json.Valid(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf"))) {
			body = []byte(`{}`) // anything else is repeated first, which takes real time
		}
		c, _ := connect(t, webex.Config{}, inTurn(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.Copy(w, bytes.NewReader(body)) }))
		got, err := collect(c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{}))
		if err != nil {
			asError(t, err)
		}
		seen := map[string]bool{}
		for _, n := range got {
			if seen[n] || len(n) < 8 || n[0] != '+' {
				t.Errorf("%q among %q", n, got)
			}
			seen[n] = true
		}
		for _, err := range c.Numbers(t.Context(), webex.NumbersOptions{}) {
			if err != nil {
				asError(t, err)
			}
		}
	})
}
