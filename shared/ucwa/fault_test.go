package ucwa_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/ucwa"
)

// answers that are not what was asked for.
func text(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{contentType}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// cutOff promises more than it sends.
func cutOff(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)+100))
		text(status, contentType, body)(w, r)
	}
}

// hang answers never; the body is read so that the server sees the client go.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

// TestChangeIsSentOnce: whatever comes back, a change goes out once, and the
// caller learns whether it may have been applied.
func TestChangeIsSentOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		class  failure.Class
		remedy ucwa.Remedy
	}{
		"reset":            {reset, failure.Unknown, ucwa.Verify},
		"hang":             {hang, failure.Unknown, ucwa.Verify},
		"500":              {text(500, "application/json", `{"code":"ServiceFailure"}`), failure.Unknown, ucwa.Verify},
		"500 page":         {text(500, "text/html", "<html>"), failure.Unknown, ucwa.Verify},
		"502 page":         {text(502, "text/html", "<html>"), failure.Unknown, ucwa.Verify},
		"504 empty":        {text(504, "", ""), failure.Unknown, ucwa.Verify},
		"408":              {text(408, "application/json", `{"code":"ClientTimeout"}`), failure.Unknown, ucwa.Verify},
		"200 page":         {text(200, "text/html", "<html>"), failure.Unknown, ucwa.Verify},
		"200 cut off":      {cutOff(200, "application/json", "{"), failure.Unknown, ucwa.Verify},
		"200 huge":         {text(200, "application/json", strings.Repeat(" ", 4<<20+1)), failure.Unknown, ucwa.Verify},
		"503":              {text(503, "application/json", `{"code":"ServiceUnavailable"}`), failure.Unavailable, ucwa.Retry},
		"429":              {text(429, "application/json", `{"code":"TooManyRequests"}`), failure.Unavailable, ucwa.Retry},
		"404 application":  {text(404, "application/json", `{"code":"NotFound","subcode":"ApplicationNotFound"}`), failure.Unavailable, ucwa.Recreate},
		"404 cut off":      {cutOff(404, "application/json", `{"code":"NotF`), failure.Unavailable, ucwa.Refresh},
		"410 evicted":      {text(410, "application/json", `{"code":"Gone","subcode":"TooManyApplications"}`), failure.Unavailable, ucwa.Retry},
		"403":              {text(403, "application/json", `{"code":"Forbidden"}`), failure.Denied, ucwa.None},
		"409":              {text(409, "application/json", `{"code":"Conflict"}`), failure.Denied, ucwa.None},
		"412":              {text(412, "application/json", `{"code":"PreconditionFailed"}`), failure.Unavailable, ucwa.Refresh},
		"307 not followed": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/x", http.StatusTemporaryRedirect) }, failure.Unavailable, ucwa.Rediscover},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t)
			app := p.open(p.client(ucwa.Config{CallTimeout: 300 * time.Millisecond}))
			mobile := read(t, app, ucwa.Mobile)
			p.times("changeNumber", 100, c.answer)
			err := app.ChangeNumber(t.Context(), mobile, ucwa.NumberChange{Number: "+12056350001"})
			e := ucwa.As(err)
			if e == nil || e.Class != c.class || e.Remedy != c.remedy || e.Operation != "changeNumber" || e.Method != "POST" {
				t.Errorf("%v, want %s, %s", err, c.class, c.remedy)
			}
			if n := p.count("changeNumber"); n != 1 {
				t.Errorf("sent %d times", n)
			}
		})
	}
}

func TestRetryAfterReachesTheCaller(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	app := p.open(p.client(ucwa.Config{}))
	for _, status := range []int{429, 503} {
		p.times("phones", 1, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "99999999999999999999")
			page(w, status)
		})
		if _, err := app.Phones(t.Context()); err == nil || p.count("phones") != 1 {
			t.Errorf("%d: %v after %d calls, want no repetition before its time", status, err, p.count("phones"))
		}
		p.times("phones", 100, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Retry-After", "17")
			w.Header().Set("X-MS-Server-Fqdn", "fe7.contoso.test")
			page(w, status)
		})
		_, err := app.Phones(t.Context())
		e := ucwa.As(err)
		if e == nil || e.RetryAfter != 17*time.Second || e.Status != status || e.Server != "fe7.contoso.test" || p.count("phones") != 1 {
			t.Errorf("%d: %v after %d calls, want the wait at once", status, err, p.count("phones"))
		}
	}
}

// TestNothingSent: without a connection a change is known not to be applied.
func TestNothingSent(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	down := false
	tr := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		if down {
			return nil, errors.New("connection refused")
		}
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}}
	app := p.open(p.client(ucwa.Config{HTTP: &http.Client{Transport: tr}}))
	mobile := read(t, app, ucwa.Mobile)
	down = true
	change := func(ctx context.Context) *ucwa.Error {
		return ucwa.As(app.ChangeNumber(ctx, mobile, ucwa.NumberChange{Number: "+12056350001"}))
	}
	if e := change(t.Context()); e == nil || e.Class != failure.Unavailable || e.Remedy != ucwa.Retry {
		t.Errorf("no connection: %v, want unavailable, retry", e)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if e := change(ended); e == nil || e.Class != failure.Unavailable || !errors.Is(e, context.Canceled) {
		t.Errorf("context ended before: %v, want unavailable", e)
	}
}

// opaque is a transport that tells nobody about its connections.
type opaque struct{ err error }

func (o opaque) RoundTrip(*http.Request) (*http.Response, error) { return nil, o.err }

// switching uses next once it is set.
type switching struct{ now http.RoundTripper }

func (s *switching) RoundTrip(r *http.Request) (*http.Response, error) { return s.now.RoundTrip(r) }

func TestUnknownTransportMayHaveSent(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	s := &switching{now: http.DefaultTransport}
	app := p.open(p.client(ucwa.Config{HTTP: &http.Client{Transport: s}}))
	mobile := read(t, app, ucwa.Mobile)
	s.now = opaque{errors.New("lost")}
	err := app.ChangeNumber(t.Context(), mobile, ucwa.NumberChange{Number: "+12056350001"})
	if e := ucwa.As(err); e == nil || e.Remedy != ucwa.Verify {
		t.Errorf("%v, want verify", err)
	}
}

// TestReadsAreRepeated a few times, and only where that can help.
func TestReadsAreRepeated(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		calls  int // when it is always answered so
	}{
		"reset":       {reset, 3},
		"500":         {text(500, "application/json", `{"code":"ServiceFailure"}`), 3},
		"503 page":    {text(503, "text/html", "<html>"), 3},
		"504":         {text(504, "", ""), 3},
		"502":         {text(502, "", ""), 3},
		"200 page":    {text(200, "text/html", "<html>"), 3},
		"200 empty":   {text(200, "application/json", ""), 3},
		"200 cut off": {cutOff(200, "application/json", `{"_links":`), 3},
		"200 broken":  {text(200, "application/json", `{"_links":`), 3},
		"200 xml":     {text(200, "application/xml", `<resource rel="phones"><link`), 3},
		"200 list":    {text(200, "application/json", `[]`), 3},
		"200 huge":    {text(200, "application/json", `"`+strings.Repeat("x", 4<<20)+`"`), 1},
		"429":         {text(429, "", ""), 1},
		"400":         {text(400, "application/json", `{"code":"BadRequest"}`), 1},
		"403":         {text(403, "application/json", `{"code":"Forbidden"}`), 1},
		"404":         {text(404, "application/json", `{"code":"NotFound"}`), 1},
		"410 evicted": {text(410, "application/json", `{"code":"Gone","subcode":"TooManyApplications"}`), 1},
		"410 expired": {text(410, "application/json", `{"code":"Gone","subcode":"InactiveApplicationExpired"}`), 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPool(t)
			app := p.open(p.client(ucwa.Config{}))
			p.times("phones", 100, c.answer)
			_, err := app.Phones(t.Context())
			e := ucwa.As(err)
			n := p.count("phones")
			if name == "reset" && n == 4 {
				n-- // net/http itself repeats a read on a connection that it had kept
			}
			if e == nil || n != c.calls || e.Class == failure.Unknown || e.Class == "" {
				t.Errorf("%v after %d calls, want %d", err, n, c.calls)
			}
			if strings.HasPrefix(name, "200") && !errors.Is(err, ucwa.ErrUnreadable) {
				t.Errorf("%v is not ErrUnreadable", err)
			}
			if p.times("phones", 2, c.answer); c.calls == 3 {
				if _, err := app.Phones(t.Context()); err != nil {
					t.Errorf("third try: %v", err)
				}
			}
		})
	}
}

// TestRepeatsStayWithinTheDeadline: a wait that the deadline cuts off is not
// begun.
func TestRepeatsStayWithinTheDeadline(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	app := p.open(p.client(ucwa.Config{}))
	p.times("phones", 100, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "1")
		page(w, 503)
	})
	ctx, cancel := context.WithTimeout(t.Context(), 800*time.Millisecond)
	defer cancel()
	_, err := app.Phones(ctx)
	if e := ucwa.As(err); e == nil || e.Status != 503 || p.count("phones") != 1 || ctx.Err() != nil {
		t.Errorf("%v after %d calls, context %v", err, p.count("phones"), ctx.Err())
	}
}

// TestErrorAnswers: the reason is read in both formats.
func TestErrorAnswers(t *testing.T) {
	t.Parallel()
	for _, format := range []ucwa.Format{ucwa.JSON, ucwa.XML} {
		p := newPool(t)
		app := p.open(p.client(ucwa.Config{Format: format}))
		p.times("phones", 1, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-MS-DIAGNOSTICS", `1003;source="fe1.contoso.test"`)
			reason(w, r, 409, "Conflict", "AlreadyExists")
		})
		_, err := app.Phones(t.Context())
		want := failure.Upstream{
			System: "ucwa", Operation: "phones", Status: 409, Code: "Conflict", Subcode: "AlreadyExists",
			Diagnostics: `1003;source="fe1.contoso.test"`,
		}
		if e := ucwa.As(err); e == nil || e.Upstream() != want || e.Message != "About +…0001." {
			t.Errorf("%v, want %+v", err, want)
		}
	}
}
