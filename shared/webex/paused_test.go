package webex_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/webex"
)

// closed refuses every call and sends nothing.
type closed struct{ calls int }

func (c *closed) RoundTrip(*http.Request) (*http.Response, error) {
	c.calls++
	return nil, &failure.Error{Class: failure.Unavailable, Reason: "not called", RetryAfter: 90 * time.Second, Err: failure.ErrPaused}
}

// TestPaused: a call that the transport refused is over at once, and the caller
// learns when to come back. So is one that finds no token because of it.
func TestPaused(t *testing.T) {
	t.Parallel()
	gate := &closed{}
	hc := &http.Client{Transport: gate}
	refresher, err := webex.NewRefresher(webex.RefresherConfig{
		HTTP: hc, Secrets: &vault{stored: webex.Credentials{ClientID: "c", ClientSecret: "s", RefreshToken: "r"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, tokens := range map[string]webex.TokenSource{"call": webex.StaticToken(secretToken), "token": refresher} {
		gate.calls = 0
		c, err := webex.New(webex.Config{HTTP: hc, Tokens: tokens, Rate: 1000, Burst: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{LocationID: "x"}) {
			e, _ := errors.AsType[*webex.Error](err)
			if e == nil || e.Class != failure.Unavailable || e.RetryAfter != 90*time.Second || !errors.Is(err, failure.ErrPaused) {
				t.Errorf("%s: %#v, want unavailable after 90 s", name, e)
			}
		}
		if gate.calls != 1 {
			t.Errorf("%s: tried %d times, want once", name, gate.calls)
		}
	}
}
