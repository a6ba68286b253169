package changenumber_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"dialtone/functions/change-number/changenumber"
	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/signin"
	"dialtone/shared/ucwa"
	"dialtone/shared/webex"
)

// pauses makes the site's handler ask whether vendors are ready: nil for the
// first so many times, then they are paused for 90 s.
func (s *site) pauses(after int) {
	s.t.Helper()
	client := &http.Client{Transport: s.transport}
	cloud, err := webex.New(webex.Config{BaseURL: s.api, HTTP: client, Tokens: webex.StaticToken(webexsim.DefaultToken().AccessToken), Rate: 1000, Burst: 1000})
	if err != nil {
		s.t.Fatal(err)
	}
	secrets := signin.Passwords{Secrets: simSecrets{}, Prefix: "ucwa/"}
	skype, err := ucwa.New(ucwa.Config{DiscoveryURL: s.skype.DiscoveryURL, HTTP: client, Tokens: ucwa.NewPasswordGrant(client, secrets.Credentials)})
	if err != nil {
		s.t.Fatal(err)
	}
	s.handler, err = changenumber.New(changenumber.Config{
		Ledger: s.ledger, Webex: cloud, UCWA: skype, Visibility: s.queue, DeadLetters: s.queue,
		Ready: func(_ context.Context, c command.Command) error {
			if after--; after >= 0 || c.User == "" {
				return nil
			}
			return &failure.Error{Class: failure.Unavailable, Reason: "not called", RetryAfter: 90 * time.Second, Err: failure.ErrPaused}
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

// waitsForThePause delivers one command and wants it back after 90 s.
func (s *site) waitsForThePause() {
	s.t.Helper()
	if back := s.deliver(s.assign("1", 1, nil)); len(back) != 1 {
		s.t.Errorf("%d messages come back, want the only one", len(back))
	}
	if len(s.queue.waits) != 1 || s.queue.waits[0] != 90*time.Second {
		s.t.Errorf("waits %v, want 90 s", s.queue.waits)
	}
}

// TestPausedBefore: what would be in vain costs neither vendor a call, nor the
// ledger a write.
func TestPausedBefore(t *testing.T) {
	t.Parallel()
	s := newSite(t, options{})
	s.pauses(0)
	s.waitsForThePause()
	if n := len(s.skype.Script().Counts()) + len(s.webex.Script().Counts()); n > 0 {
		t.Errorf("%d calls", n)
	}
	c, err := command.Decode([]byte(s.assign("1", 1, nil)))
	if err != nil {
		t.Fatal(err)
	}
	if _, found, err := s.ledger.Request(t.Context(), c.Key); found || err != nil {
		t.Errorf("the ledger knows of it: %t, %v", found, err)
	}
}

// TestPausedMeanwhile: a message that failed while the vendor went down comes
// back with those that found it so.
func TestPausedMeanwhile(t *testing.T) {
	t.Parallel()
	s := newSite(t, options{})
	s.fault(simkit.Fault{Operation: "token", Status: 503})
	s.pauses(1)
	s.waitsForThePause()
}
