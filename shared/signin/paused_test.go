package signin_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/signin"
	"dialtone/shared/ucwa"
)

// closed refuses every call and sends nothing.
type closed struct{}

func (closed) RoundTrip(*http.Request) (*http.Response, error) {
	return nil, &failure.Error{Class: failure.Unavailable, Reason: "not called", RetryAfter: 90 * time.Second, Err: failure.ErrPaused}
}

// TestPaused: a request that was not let out is no refusal, and its wait reaches
// the caller.
func TestPaused(t *testing.T) {
	t.Parallel()
	hc := &http.Client{Transport: closed{}}
	broker, err := signin.NewBroker(signin.BrokerConfig{URL: "https://broker.contoso.test/token", HTTP: hc})
	if err != nil {
		t.Fatal(err)
	}
	renewal, err := signin.NewOAuth(signin.OAuthConfig{
		Secrets: consents("https://login.contoso.test/token"), Prefix: "ucwa/", Ledger: newLedger(), HTTP: hc,
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range map[string]ucwa.TokenSource{"broker": broker, "oauth": renewal} {
		_, err := source.Token(t.Context(), ask("https://pool.contoso.test/WebTicket/oauthtoken"))
		e, f := ucwa.As(err), failure.As(err)
		if e == nil || e.Remedy != ucwa.Retry || e.RetryAfter != 90*time.Second || f.Class != failure.Unavailable || f.RetryAfter != 90*time.Second || !errors.Is(err, failure.ErrPaused) {
			t.Errorf("%s: %#v", name, err)
		}
	}
}
