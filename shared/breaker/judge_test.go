package breaker

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	none := func(ctx context.Context) context.Context { return ctx }
	cancelled := func(ctx context.Context) context.Context {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return ctx
	}
	late := func(ctx context.Context) context.Context {
		ctx, cancel := context.WithTimeout(ctx, 0)
		t.Cleanup(cancel)
		return ctx
	}
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
	for name, c := range map[string]struct {
		shared bool // one set of credentials
		ctx    func(context.Context) context.Context
		status int
		after  string // Retry-After
		err    error
		took   time.Duration
		want   verdict
	}{
		"success":                     {false, none, 200, "", nil, 0, verdict{sign: alive}},
		"refusals are answers":        {false, none, 403, "", nil, 0, verdict{sign: alive}},
		"not signed in":               {true, none, 401, "", nil, 0, verdict{sign: alive}},
		"locked":                      {true, none, 423, "60", nil, 0, verdict{sign: alive}},
		"redirect":                    {false, none, 302, "", nil, 0, verdict{sign: alive}},
		"not implemented":             {false, none, 501, "", nil, 0, verdict{sign: alive}},
		"wrong pool":                  {false, none, 500, "wrong pool", nil, 0, verdict{sign: alive}},
		"server error, one user":      {false, none, 500, "", nil, 0, verdict{sign: failed, reason: "status 500", personal: true}},
		"server error":                {true, none, 500, "", nil, 0, verdict{sign: failed, reason: "status 500"}},
		"bad gateway":                 {false, none, 502, "", nil, 0, verdict{sign: failed, reason: "status 502"}},
		"unavailable":                 {false, none, 503, "30", nil, 0, verdict{sign: failed, reason: "status 503", hold: 30 * time.Second}},
		"unavailable for moments":     {false, none, 503, "4", nil, 0, verdict{sign: failed, reason: "status 503"}},
		"unavailable for years":       {false, none, 503, "999999999", nil, 0, verdict{sign: failed, reason: "status 503", hold: longest}},
		"gateway timeout":             {false, none, 504, "", nil, 0, verdict{sign: failed, reason: "status 504"}},
		"throttled, one user":         {false, none, 429, "30", nil, 0, verdict{sign: failed, reason: "status 429", personal: true}},
		"throttled, all":              {true, none, 429, "30", nil, 0, verdict{sign: failed, reason: "status 429", hold: 30 * time.Second}},
		"throttled, all, for moments": {true, none, 429, "4", nil, 0, verdict{sign: failed, reason: "status 429"}},
		"throttled, all, for years":   {true, none, 429, "999999999", nil, 0, verdict{sign: failed, reason: "status 429", hold: longestHold}},
		"unavailable, all":            {true, none, 503, "5", nil, 0, verdict{sign: failed, reason: "status 503", hold: 5 * time.Second}},
		"504 holds nobody":            {true, none, 504, "30", nil, 0, verdict{sign: failed, reason: "status 504"}},
		"no connection":               {false, none, 0, "", refused, 0, verdict{sign: failed, reason: "no connection"}},
		"connection lost":             {false, none, 0, "", io.ErrUnexpectedEOF, 0, verdict{sign: failed, reason: "connection lost"}},
		"certificate":                 {false, none, 0, "", &tls.CertificateVerificationError{Err: errors.New("expired")}, 0, verdict{sign: failed, reason: "connection lost"}},
		"caller gave up":              {false, cancelled, 0, "", context.Canceled, time.Minute, verdict{sign: silent}},
		"caller gave up on a refusal": {false, cancelled, 0, "", refused, time.Minute, verdict{sign: silent}},
		"caller's time was short":     {false, late, 0, "", context.DeadlineExceeded, patience - 1, verdict{sign: silent}},
		"no answer in time":           {false, late, 0, "", context.DeadlineExceeded, patience, verdict{sign: failed, reason: "no answer in time"}},
		"timeout of the transport":    {false, none, 0, "", &net.DNSError{IsTimeout: true}, 0, verdict{sign: failed, reason: "no answer in time"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg := Config{PerUser: !c.shared, Alive: func(r *http.Response) bool { return r.Header.Get("Retry-After") == "wrong pool" }}
			req, err := http.NewRequestWithContext(c.ctx(t.Context()), http.MethodGet, "https://vendor.test/", nil)
			if err != nil {
				t.Fatal(err)
			}
			var resp *http.Response
			if c.err == nil {
				resp = &http.Response{StatusCode: c.status, Header: http.Header{"Retry-After": {c.after}}}
			}
			if got := cfg.judge(req, resp, c.err, c.took); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestPace plays an outage of 14 days: how often a message is received that is
// put back each time, if luck has it come back as early as can be, and how long
// after the vendor's recovery the next probe is, at most.
func TestPace(t *testing.T) {
	t.Parallel()
	const fortnight = 14 * 24 * time.Hour
	receives := 0
	for age := time.Duration(0); age < fortnight; age += quiet(age) {
		receives++
		every, calm := interval(age), quiet(age)
		for range 20 {
			if back := comeBack(calm); back < calm || back > every {
				t.Fatalf("after %s: back %s after a probe, want %s to %s", age, back, calm, every)
			}
		}
		if every < shortest || every > longest || age > 4*shortest && every > age/4 {
			t.Errorf("after %s: a probe every %s", age, every)
		}
	}
	if receives > 700 {
		t.Errorf("%d receives in 14 days, of the 1000 that a queue can allow", receives)
	}
	t.Logf("%d receives at most", receives)
}
