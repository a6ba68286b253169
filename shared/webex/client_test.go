package webex_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/webex"
)

func TestNewReportsEveryProblem(t *testing.T) {
	t.Parallel()
	_, err := webex.New(webex.Config{
		BaseURL: "ftp://x", OrgID: strings.Repeat("o", 129), Rate: -1, Burst: -1, CallTimeout: -1, MaxWait: -1,
	})
	for _, word := range []string{"BaseURL", "OrgID", "Rate", "Burst", "CallTimeout", "MaxWait", "Tokens"} {
		if err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("%v does not name %s", err, word)
		}
	}
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for base, ok := range map[string]bool{
		"": true, "https://api-usgov.webex.com/v1": true, "https://webexapis.com/v1/": true, "HTTPS://webexapis.com/v1": true,
		"http://127.0.0.1:8080/v1": true, "http://[::1]:1/v1": true, "http://localhost/v1": true,
		"http://webexapis.com/v1": false, "http://10.0.0.1/v1": false, "http://127.0.0.1.example.test/v1": false, "http://localhost.example.test": false,
		"webexapis.com/v1": false, "/v1": false, "https://": false, "https://u:p@webexapis.com/v1": false,
		"https://webexapis.com/v1?x=1": false, "https://webexapis.com/v1#f": false, "file:///etc": false, "https://a b/": false,
	} {
		_, err := webex.New(webex.Config{BaseURL: base, Tokens: webex.StaticToken("t")})
		if (err == nil) != ok {
			t.Errorf("BaseURL %q: %v, want ok %v", base, err, ok)
		}
		if strings.Contains(base, "u:p") && strings.Contains(err.Error(), "u:p") {
			t.Errorf("error shows the password: %v", err)
		}
		_, err = webex.New(webex.Config{BaseURL: base, Tokens: webex.StaticToken("t"), AllowHTTP: true})
		if strings.HasPrefix(base, "http://") && err != nil {
			t.Errorf("BaseURL %q with AllowHTTP: %v", base, err)
		}
	}
}

func TestEveryRefusalIsAnError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for code := 400; code < 600; code++ {
			c, m := connect(t, webex.Config{}, status(code, "<html>no</html>", "TrackingID", "ROUTER"))
			e := asError(t, first(t.Context(), c))
			if e.Status != code || e.Class == "" || e.TrackingID != "ROUTER" || e.Operation != "availableNumbers" || e.Method != "GET" || !strings.HasPrefix(e.URL, availableURL) {
				t.Errorf("%d: %+v, want status, class, tracking id and request", code, e)
			}
			tries := map[int]int{500: 2, 423: 4, 408: 4, 502: 4, 503: 4, 504: 1 + 5 + 4}[code]
			if code != 429 && len(m.seen()) != max(tries, 1) {
				t.Errorf("%d: %d requests, want %d", code, len(m.seen()), max(tries, 1))
			}
		}
	})
}

func TestPassingTroubleIsRepeated(t *testing.T) {
	t.Parallel()
	good := page(nil, num(1))
	broken := func(http.ResponseWriter, *http.Request) { panic("reset") }
	for name, c := range map[string]struct {
		steps []http.HandlerFunc
		ok    bool
		calls int
	}{
		"network error":         {[]http.HandlerFunc{broken, good}, true, 2},
		"423, 502, 503":         {[]http.HandlerFunc{status(423, ""), status(502, ""), status(503, ""), good}, true, 4},
		"500 once":              {[]http.HandlerFunc{status(500, ""), good}, true, 2},
		"500 twice":             {[]http.HandlerFunc{status(500, ""), status(500, ""), good}, false, 2},
		"wrapped 502 once":      {[]http.HandlerFunc{status(502, "", "cisco-spark-error-codes", "4251"), good}, true, 2},
		"wrapped 502 again":     {[]http.HandlerFunc{status(502, "", "cisco-spark-error-codes", "4251")}, false, 2},
		"504 of a small page":   {[]http.HandlerFunc{status(504, ""), good}, true, 2},
		"truncated":             {[]http.HandlerFunc{status(200, `{"phoneNumbers":[`), good}, true, 2},
		"an answer not a page":  {[]http.HandlerFunc{status(202, ""), good}, false, 1},
		"redirect not followed": {[]http.HandlerFunc{status(302, "", "Location", "https://evil.example.test/"), good}, false, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			client, m := connect(t, webex.Config{}, inTurn(c.steps...))
			if err := first(t.Context(), client); (err == nil) != c.ok || len(m.seen()) != c.calls {
				t.Errorf("%s: %v after %d requests, want ok %v after %d", name, err, len(m.seen()), c.ok, c.calls)
			}
		})
	}
}

func TestWrappedErrorCodesAreKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, _ := connect(t, webex.Config{}, status(502, "", "cisco-spark-error-codes", "4251"))
		e := asError(t, first(t.Context(), c))
		want := failure.Upstream{System: "webex", Operation: "availableNumbers", Status: 502, Code: "4251", TrackingID: e.TrackingID}
		if e.Class != failure.Invalid || e.Upstream() != want || !strings.HasPrefix(e.TrackingID, "DIALTONE_") {
			t.Errorf("%v, upstream %+v, want invalid with the code and our own tracking id", e, e.Upstream())
		}
	})
}

func TestEveryTryHasATrackingIDOfItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, m := connect(t, webex.Config{}, status(503, ""))
		e := asError(t, first(t.Context(), c))
		ids := map[string]bool{}
		for _, r := range m.seen() {
			ids[r.Header.Get("TrackingID")] = true
			if a := r.Header.Get("Authorization"); a != "Bearer "+secretToken {
				t.Errorf("Authorization %q", a)
			}
		}
		if len(ids) != 4 || ids[""] || !ids[e.TrackingID] {
			t.Errorf("tracking ids %v, error has %q, want four different ones, the last in the error", ids, e.TrackingID)
		}
	})
}

// tokens is a TokenSource that counts.
type tokens struct {
	mu       sync.Mutex
	rejected []string
	refresh  func(rejected string) (string, error)
}

func (s *tokens) Token(context.Context) (string, error) { return "t0", nil }

func (s *tokens) Refresh(_ context.Context, rejected string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rejected = append(s.rejected, rejected)
	return s.refresh(rejected)
}

func TestARefusedTokenIsRefreshedOnce(t *testing.T) {
	t.Parallel()
	auth := func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer t1" {
			status(401, `{"message":"unauthorized"}`, "TrackingID", "ROUTER")(w, r)
			return
		}
		page(nil, num(1))(w, r)
	}
	outage := &webex.Error{Class: failure.Unavailable, RetryAfter: time.Minute}
	for name, c := range map[string]struct {
		token string
		err   error
		class failure.Class // "": success
		after time.Duration
		calls int
	}{
		"new token is good":      {"t1", nil, "", 0, 2},
		"new token is bad":       {"t2", nil, failure.Denied, 0, 2},
		"no new token, for good": {"", &webex.Error{Class: failure.Denied}, failure.Denied, 0, 1},
		"no new token for now":   {"", outage, failure.Unavailable, time.Minute, 1},
		"no new token, untyped":  {"", errors.New("disk full"), failure.Unavailable, 0, 1},
	} {
		s := &tokens{refresh: func(string) (string, error) { return c.token, c.err }}
		client, m := connect(t, webex.Config{Tokens: s}, auth)
		err := first(t.Context(), client)
		if len(s.rejected) != 1 || s.rejected[0] != "t0" || len(m.seen()) != c.calls {
			t.Errorf("%s: refreshed %q, %d requests, want t0 once and %d", name, s.rejected, len(m.seen()), c.calls)
		}
		if c.class == "" {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			continue
		}
		if e := asError(t, err); e.Class != c.class || e.Status != 401 || e.RetryAfter != c.after || e.TrackingID != "ROUTER" || c.err != nil && !errors.Is(e, c.err) {
			t.Errorf("%s: %+v, want class %s and the 401", name, e, c.class)
		}
	}
}

func TestNoToken(t *testing.T) {
	t.Parallel()
	c, m := connect(t, webex.Config{Tokens: webex.StaticToken("")}, page(nil))
	if e := asError(t, first(t.Context(), c)); e.Class != failure.Denied || len(m.seen()) != 0 {
		t.Errorf("%v after %d requests, want denied without a call", e, len(m.seen()))
	}
	c, _ = connect(t, webex.Config{}, status(401, ""))
	if e := asError(t, first(t.Context(), c)); e.Class != failure.Denied {
		t.Errorf("static token refused: %v, want denied", e)
	}
}

func TestQuietLogsAndErrors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var logs bytes.Buffer
		logger := slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
		c, _ := connect(t, webex.Config{Logger: logger}, inTurn(
			func(http.ResponseWriter, *http.Request) { panic("reset") },
			status(504, ""),
			page([]string{"Link", "<" + availableURL + `?start=1&phoneNumber=%2B12056350001>;rel=next`}, num(1), "bad"),
			page([]string{"Link", `<https://evil.example.test/?phoneNumber=%2B12056350001>;rel=next`}, num(2)),
			status(400, `{"message":"number +12056350001 is not yours, `+secretToken[:4]+`","trackingId":"T"}`),
		))
		_, err := collect(c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{PhoneNumbers: e164s(num(1), num(2), num(3))}))
		asError(t, err)
		for _, text := range []string{logs.String(), err.Error()} {
			text = regexp.MustCompile(`time=\S+|duration=\S+`).ReplaceAllString(text, "")
			if strings.Contains(text, secretToken) || regexp.MustCompile(`[0-9]{9}`).MatchString(text) {
				t.Errorf("shows a token or a number: %s", text)
			}
		}
		for _, word := range []string{"no answer", "smaller one", "left out", "configured host", "tracking_id=", "status=504"} {
			if !strings.Contains(logs.String(), word) {
				t.Errorf("logs lack %q:\n%s", word, logs.String())
			}
		}
	})
}

// TestOverRealHTTP covers what only a connection does: resets, bodies that break
// off, bodies without end, and a redirect.
func TestOverRealHTTP(t *testing.T) {
	t.Parallel()
	var calls int
	var mu sync.Mutex
	var mode string
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/telephony/config/people/primary/availableNumbers", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		calls++
		n, m := calls, mode
		mu.Unlock()
		switch {
		case m == "redirect":
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		case m == "endless":
			_, _ = io.Copy(w, io.LimitReader(zeros{}, 9<<20))
		case n == 1:
			panic(http.ErrAbortHandler)
		case n == 2:
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"phoneNumbers":[`)
		case n == 3:
			w.Header().Set("Content-Length", "1000")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, `{"message":"cut`)
		default:
			page(nil, num(1))(w, r)
		}
	})
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { t.Error("redirect followed") })
	srv := httptest.NewServer(mux)
	defer srv.Close()
	c, err := webex.New(webex.Config{BaseURL: srv.URL + "/v1/", Tokens: webex.StaticToken(secretToken), HTTP: srv.Client(), MaxWait: time.Minute, Rate: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := collect(c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{})); err != nil || len(got) != 1 || calls != 4 {
		t.Errorf("%v %v after %d requests, want the number after 4", got, err, calls)
	}
	for _, c2 := range []struct {
		mode   string
		status int
	}{{"redirect", 307}, {"endless", 200}} {
		mu.Lock()
		calls, mode = 0, c2.mode
		mu.Unlock()
		e := asError(t, first(t.Context(), c))
		if e.Status != c2.status || e.Class != failure.Unavailable || calls != 1 {
			t.Errorf("%s: %v after %d requests, want unavailable after 1", c2.mode, e, calls)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
