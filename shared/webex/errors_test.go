package webex

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"dialtone/shared/failure"
)

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		status  int
		wrapped bool
		class   failure.Class
		remedy  Remedy
	}{
		// The response codes of the operation's page, row by row.
		{200, false, "", None},
		{201, false, failure.Unavailable, None},
		{202, false, failure.Unavailable, None},
		{204, false, failure.Unavailable, None},
		{400, false, failure.Invalid, None},
		{401, false, failure.Denied, RefreshToken},
		{403, false, failure.Denied, None},
		{404, false, failure.Invalid, None},
		{405, false, failure.Invalid, None},
		{409, false, failure.Conflict, None},
		{410, false, failure.Invalid, None},
		{415, false, failure.Invalid, None},
		{423, false, failure.Unavailable, Retry},
		{428, false, failure.Invalid, None},
		{429, false, failure.Unavailable, Retry},
		{500, false, failure.Unavailable, Retry},
		{502, false, failure.Unavailable, Retry},
		{502, true, failure.Invalid, Retry},
		{503, false, failure.Unavailable, Retry},
		{504, false, failure.Unavailable, HalvePage},
		// What the page does not have and the platform or a proxy sends.
		{206, false, failure.Unavailable, None},
		{301, false, failure.Unavailable, None},
		{302, false, failure.Unavailable, None},
		{402, false, failure.Invalid, None},
		{408, false, failure.Unavailable, Retry},
		{451, false, failure.Denied, None},
		{501, false, failure.Unavailable, None},
		{599, false, failure.Unavailable, None},
	} {
		class, remedy := classify(c.status, c.wrapped)
		if class != c.class || remedy != c.remedy {
			t.Errorf("classify(%d, %v) = %q %q, want %q %q", c.status, c.wrapped, class, remedy, c.class, c.remedy)
		}
	}
}

func TestParseErrorBody(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body    string
		message string
		codes   []int
		id      string
	}{
		"main shape": {`{"message":"Invalid","errors":[{"description":"bad start","errorCode":5001}],"trackingId":"ROUTER_1"}`, "Invalid", []int{5001}, "ROUTER_1"},
		"code inside and at the top": {
			`{"errorCode":25223,"message":"exists","errors":[{"errorCode":8363,"description":"d"}]}`, "exists", []int{8363, 25223}, "",
		},
		"same code twice":   {`{"errorCode":7,"errors":[{"errorCode":7}]}`, "", []int{7}, ""},
		"no code":           {`{"message":"m"}`, "m", nil, ""},
		"message last":      {`{"errors":[{"description":"d"}],"message":"m"}`, "m", nil, ""},
		"description only":  {`{"errors":[{"description":"d1"},{"description":"d2"}]}`, "d1", nil, ""},
		"code as text":      {`{"errors":[{"errorCode":"8363"}]}`, "", []int{8363}, ""},
		"code not a number": {`{"errors":[{"errorCode":"ERR.V.TRM.TMN60004","description":"d"}]}`, "d", nil, ""},
		"error and key": {
			`{"error":[{"key":"409","message":[{"description":"taken","code":8363}]}],"errorCode":409,"trackingId":"T"}`, "taken", []int{8363, 409}, "T",
		},
		"array": {
			`[{"errors":[{"number":"+12056350001","errorType":"x","errorCode":4202,"errorMessage":"in use","errorTitle":"t"}]}]`, "in use", []int{4202}, "",
		},
		"object of fields": {`{"errors":{"phoneNumbers":{"code":"400411","reason":"missing"}}}`, "missing", []int{400411}, ""},
		"oauth":            {`{"error":"invalid_grant"}`, "invalid_grant", nil, ""},
		"array of texts":   {`{"message":["first","second"]}`, "first", nil, ""},
		"BOM":              {"\ufeff" + `{"message":"m"}`, "m", nil, ""},
		"truncated":        {`{"message":"Invalid","errors":[{"errorCode":5001,"descr`, "Invalid", []int{5001}, ""},
		"more after it":    {`{"message":"m"} "x" {"errorCode":1}`, "m", nil, ""},
		"empty":            {"", "", nil, ""},
		"blank":            {" \r\n", "", nil, ""},
		"null":             {"null", "null", nil, ""},
		"html":             {"<!DOCTYPE html><html><head><title>502 Bad\n Gateway &amp; co</title></head></html>", "HTML page: 502 Bad Gateway & co", nil, ""},
		"html no title":    {"<h1>no</h1>", "HTML page", nil, ""},
		"text":             {"upstream\tconnect\r\nerror\x00\xff", "upstream connect error", nil, ""},
		"numbers masked":   {`{"message":"DN +12056350001 or +1 408 526-7209 or 4940123456789 taken, error 8361"}`, "DN +…0001 or +…7209 or …6789 taken, error 8361", nil, ""},
		"very long":        {strings.Repeat("ö", 5000), strings.Repeat("ö", messageLimit-1) + "…", nil, ""},
		"very deep":        {strings.Repeat("[", 1<<20), "", nil, ""},
		"closing first":    {`]`, "]", nil, ""},
	} {
		got := parseErrorBody([]byte(c.body))
		if got.message != c.message || !slices.Equal(got.codes, c.codes) || got.trackingID != c.id {
			t.Errorf("%s: %+v, want %q %v %q", name, got, c.message, c.codes, c.id)
		}
	}
}

func FuzzErrorBody(f *testing.F) {
	for _, s := range []string{
		`{"message":"m","errors":[{"description":"d","errorCode":1}],"trackingId":"t"}`, `[{"errors":[{"errorCode":1}]}]`,
		`{"error":[{"message":[{"code":1}]}]}`, `{"errors":{"a":{"code":"1","reason":"r"}}}`, "<title>x</title>", "text", "", "{", "{}}", `{}"x"`, "\ufeff{",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		got := parseErrorBody(body)
		if !utf8.ValidString(got.message) || strings.ContainsAny(got.message, "\r\n\x00") || utf8.RuneCountInString(got.message) > messageLimit {
			t.Errorf("message %q is not one short line", got.message)
		}
		if long.MatchString(got.message) {
			t.Errorf("message %q has a phone number", got.message)
		}
	})
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	u, _ := url.Parse("https://webexapis.com/v1/telephony/config/numbers?phoneNumber=%2B12056350001%2C%2B12056350002&orgId=o")
	resp := &http.Response{StatusCode: 409, Header: http.Header{"Trackingid": {"ROUTER_1"}}}
	e := refusal("numbers", "GET", u, resp, []byte(`{"message":"no","errors":[{"errorCode":8363}]}`))
	e.Err = errors.New("dial +12056350003 via 127.0.0.1:8080")
	want := "webex numbers: GET https://webexapis.com/v1/telephony/config/numbers?phoneNumber=%2B…0001%2C%2B…0002&orgId=o: " +
		"409 Conflict: no: codes [8363]: tracking id ROUTER_1: dial +…0003 via 127.0.0.1:8080"
	if got := e.Error(); got != want {
		t.Errorf("Error() =\n%s, want\n%s", got, want)
	}
	if got, want := e.Upstream(), (failure.Upstream{System: "webex", Operation: "numbers", Status: 409, Code: "8363", TrackingID: "ROUTER_1"}); got != want {
		t.Errorf("Upstream() = %+v, want %+v", got, want)
	}
}

func TestRefusalReadsHeaders(t *testing.T) {
	t.Parallel()
	u := &url.URL{Scheme: "https", Host: "webexapis.com"}
	for _, c := range []struct {
		name   string
		status int
		header http.Header
		body   string
		codes  []int
		id     string
		after  time.Duration
		class  failure.Class
	}{
		{"any case", 400, http.Header{"trackingID": {"T"}}, "", nil, "T", 0, failure.Invalid},
		{"the body's id is better than ours", 400, http.Header{"Trackingid": {trackingPrefix + "1"}}, `{"trackingId":"ROUTER"}`, nil, "ROUTER", 0, failure.Invalid},
		{"the header's id is better than the body's", 400, http.Header{"Trackingid": {"HEAD"}}, `{"trackingId":"ROUTER"}`, nil, "HEAD", 0, failure.Invalid},
		{"wrapped", 502, http.Header{"Cisco-Spark-Error-Codes": {"4251, 12"}}, `{"errorCode":1}`, []int{1, 4251, 12}, "", 0, failure.Invalid},
		{"retry", 503, http.Header{"Retry-After": {"7"}}, "", nil, "", 7 * time.Second, failure.Unavailable},
		{"429 without", 429, http.Header{}, "", nil, "", 5 * time.Second, failure.Unavailable},
		{"429 malformed", 429, http.Header{"Retry-After": {"soon"}}, "", nil, "", 5 * time.Second, failure.Unavailable},
		{"429 zero", 429, http.Header{"Retry-After": {"0"}}, "", nil, "", 0, failure.Unavailable},
	} {
		e := refusal("numbers", "GET", u, &http.Response{StatusCode: c.status, Header: c.header}, []byte(c.body))
		if !slices.Equal(e.ErrorCodes, c.codes) || e.TrackingID != c.id || e.RetryAfter != c.after || e.Class != c.class {
			t.Errorf("%s: %+v, want %+v", c.name, e, c)
		}
	}
}
