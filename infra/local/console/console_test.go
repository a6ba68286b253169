package console_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"dialtone/infra/local/console"
	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/outcome"
)

// serve starts a console over a ledger with one number and one dead letter.
func serve(t *testing.T) *httptest.Server {
	t.Helper()
	ctx := t.Context()
	l := ledger.New(ledgertest.NewMemory(), ledger.Options{})
	key := command.Key{Source: "hr", ID: "1"}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(l.OpenPool(ctx, "site", "", command.Professional))
	days := 3.5
	_, err := l.Counted(ctx, ledger.Pool{LocationID: "site"}, command.Standard, ledger.Tally{
		At: time.Now(), Counts: outcome.PoolCounts{Free: 7}, DaysLeft: &days, Threshold: 10, Level: ledger.LevelLow,
	})
	must(err)
	_, err = l.Claim(ctx, "+12056350001", "site", ledger.Holder{User: "ada@contoso.test", PhoneType: command.Work, Request: key})
	must(err)
	must(l.Bury(ctx, ledger.DeadLetter{
		Request: key, User: "bob@contoso.test", Queue: "numbers.fifo", Body: "the body", At: time.Now(),
		Failure: outcome.Failed{Class: failure.Denied, Reason: "no voice", Advice: "enable it"},
	}))
	s := httptest.NewServer(console.Handler(console.Config{
		Ledger: l,
		Requests: func(context.Context) (map[ledger.RequestState]int, error) {
			return map[ledger.RequestState]int{ledger.Done: 3}, nil
		},
		Numbers: func(context.Context) (map[string]map[ledger.NumberState]int, error) {
			return map[string]map[ledger.NumberState]int{"site": {ledger.Reserved: 1}}, nil
		},
		Queues: func(context.Context) ([]console.Queue, error) {
			return []console.Queue{{Name: "numbers.fifo", Waiting: 2}}, nil
		},
	}))
	t.Cleanup(s.Close)
	return s
}

func get(t *testing.T, url string, status int) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var raw json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&raw); err != nil || resp.StatusCode != status {
		t.Fatalf("%s: status %d, want %d (%v)", url, resp.StatusCode, status, err)
	}
	return string(raw)
}

func TestData(t *testing.T) {
	s := serve(t)
	for path, want := range map[string][]string{
		"/api/overview": {`"done":3`, `"numbers.fifo"`, `"locationId":"site"`, `"reserved":1`, `"free":7,"daysLeft":3.5,"lowSince":"2`, `{"licenseType":"Webex Calling Professional","free":0}`},
		"/api/numbers":  {`+12056350001`, `ada@contoso.test`},
		"/api/numbers?q=ADA&location=site&limit=1": {`+12056350001`},
		"/api/failures":               {`"denied"`, `no voice`, `enable it`, `bob@contoso.test`},
		"/api/users/Ada@contoso.test": {`"user":"ada@contoso.test"`, `"requests":[]`},
	} {
		body := get(t, s.URL+path, http.StatusOK)
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("%s: %s lacks %s", path, body, w)
			}
		}
		if strings.Contains(body, "the body") {
			t.Errorf("%s shows the body of a message", path)
		}
	}
	for _, path := range []string{"/api/numbers?q=nobody", "/api/numbers?location=elsewhere"} {
		if body := get(t, s.URL+path, http.StatusOK); body != "[]" {
			t.Errorf("%s: %s", path, body)
		}
	}
}

func TestBadQuestions(t *testing.T) {
	s := serve(t)
	for path, want := range map[string]string{
		"/api/numbers?limit=all": "limit must be a whole number",
		"/api/failures?limit=0":  "limit must be a whole number",
		"/api/users/ada":         "not user@domain",
	} {
		if body := get(t, s.URL+path, http.StatusBadRequest); !strings.Contains(body, want) {
			t.Errorf("%s: %s lacks %q", path, body, want)
		}
	}
}

func TestPageIsSelfContained(t *testing.T) {
	resp, err := http.Get(serve(t).URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	csp := resp.Header.Get("Content-Security-Policy")
	if resp.StatusCode != http.StatusOK || !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "connect-src 'self'") {
		t.Errorf("status %d, policy %q", resp.StatusCode, csp)
	}
}
