package webex_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"

	"dialtone/shared/e164"
	"dialtone/shared/webex"
)

const secretToken = "very-secret-token"

// memory is a RoundTripper that asks a handler in the same goroutine, so that
// tests in a synctest bubble wait for nothing but the clock.
type memory struct {
	handler http.HandlerFunc

	mu       sync.Mutex
	requests []*http.Request
}

func (m *memory) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	m.requests = append(m.requests, req)
	m.mu.Unlock()
	defer func() {
		if p := recover(); p != nil {
			resp, err = nil, fmt.Errorf("connection reset: %v", p)
		}
	}()
	if req.Body == nil { // as a server sees it
		req = req.Clone(req.Context())
		req.Body = http.NoBody
	}
	rec := httptest.NewRecorder()
	m.handler(rec, req)
	return rec.Result(), nil
}

func (m *memory) seen() []*http.Request {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.requests
}

// connect returns a client whose requests go to handler, without a rate limit
// unless cfg has one.
func connect(t *testing.T, cfg webex.Config, handler http.HandlerFunc) (*webex.Client, *memory) {
	t.Helper()
	m := &memory{handler: handler}
	cfg.HTTP = &http.Client{Transport: m}
	if cfg.Rate == 0 {
		cfg.Rate, cfg.Burst = 1e9, 1e6
	}
	if cfg.Tokens == nil {
		cfg.Tokens = webex.StaticToken(secretToken)
	}
	c, err := webex.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c, m
}

// inTurn answers the nth request with the nth handler, the last for ever.
func inTurn(handlers ...http.HandlerFunc) http.HandlerFunc {
	var mu sync.Mutex
	n := 0
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		do := handlers[min(n, len(handlers)-1)]
		n++
		mu.Unlock()
		do(w, r)
	}
}

// status answers with a code, a body and header lines as name, value, ...
func status(code int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Add(header[i], header[i+1])
		}
		w.WriteHeader(code)
		_, _ = w.Write([]byte(body))
	}
}

// page answers with entries for the given numbers.
func page(header []string, numbers ...string) http.HandlerFunc {
	entries := []map[string]any{}
	for _, n := range numbers {
		entries = append(entries, map[string]any{
			"phoneNumber": n, "state": "ACTIVE", "isMainNumber": false, "isServiceNumber": false, "telephonyType": "PSTN_NUMBER",
		})
	}
	var b bytes.Buffer
	_ = json.NewEncoder(&b).Encode(map[string]any{"phoneNumbers": entries})
	return status(200, b.String(), header...)
}

func num(n int) string { return fmt.Sprintf("+1205635%04d", n) }

func nums(from, to int) []string {
	var all []string
	for n := from; n < to; n++ {
		all = append(all, num(n))
	}
	return all
}

// collect returns what a listing of available numbers yields.
func collect(seq iter.Seq2[webex.AvailableNumber, error]) (numbers []string, err error) {
	for n, e := range seq {
		if e != nil {
			return numbers, e
		}
		numbers = append(numbers, string(n.PhoneNumber))
	}
	return numbers, nil
}

// first makes one request for available numbers.
func first(ctx context.Context, c *webex.Client) error {
	_, err := collect(c.AvailableNumbers(ctx, webex.AvailableNumbersOptions{}))
	return err
}

// asError returns the *Error that err must be.
func asError(t *testing.T, err error) *webex.Error {
	t.Helper()
	e, ok := errors.AsType[*webex.Error](err)
	if !ok {
		t.Fatalf("error %v (%T), want an *Error", err, err)
	}
	return e
}

func e164s(numbers ...string) []e164.Number {
	var all []e164.Number
	for _, n := range numbers {
		all = append(all, e164.Number(n))
	}
	return all
}

func itoa(n int) string { return strconv.Itoa(n) }

func intOf(r *http.Request, name string, absent int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil {
		return absent
	}
	return n
}
