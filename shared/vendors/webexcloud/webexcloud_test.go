package webexcloud_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/vendors/webexcloud"
	"dialtone/shared/webex"
)

func reader(vars map[string]string) *env.Reader {
	return env.New(func(name string) (string, bool) { v, found := vars[name]; return v, found })
}

func TestEveryProblemIsNamed(t *testing.T) {
	t.Parallel()
	r := reader(map[string]string{"WEBEX_BASE_URL": "http://webex.example.test", "WEBEX_RATE": "0", "DIALTONE_ALLOW_HTTP": "perhaps"})
	webexcloud.Read(r)
	err := r.Err()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, name := range []string{"WEBEX_BASE_URL", "WEBEX_RATE", "DIALTONE_ALLOW_HTTP"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

// oneSecret holds an access token alone.
type oneSecret struct{}

func (oneSecret) Secret(_ context.Context, name string) ([]byte, error) {
	if name != "mine" {
		return nil, errors.New("no such secret: " + name)
	}
	return []byte(`{"accessToken":"the token"}`), nil
}

func (oneSecret) Save(context.Context, string, []byte) error { return errors.New("nothing to save") }

// The client calls the Webex of the settings, with the token of the secret.
func TestConnect(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer the token" || r.FormValue("orgId") != "org" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = w.Write([]byte(`{"phoneNumbers":[{"phoneNumber":"+12056350001","state":"ACTIVE"}]}`))
	}))
	defer server.Close()
	r := reader(map[string]string{"WEBEX_BASE_URL": server.URL + "/v1", "WEBEX_SECRET_ID": "mine", "WEBEX_ORG_ID": "org"})
	s := webexcloud.Read(r)
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	l := ledger.New(ledgertest.NewMemory(), ledger.Options{})
	client, gate, err := s.Connect(webexcloud.Surroundings{Ledger: l, Secrets: oneSecret{}, Processes: 4})
	if err != nil {
		t.Fatal(err)
	}
	for n, err := range client.Numbers(t.Context(), webex.NumbersOptions{}) {
		if err != nil || n.PhoneNumber != "+12056350001" {
			t.Errorf("%+v, %v", n, err)
		}
	}
	if err := gate.Ready(t.Context(), client.BaseURL()); err != nil {
		t.Errorf("paused: %v", err)
	}
	if _, _, err := s.Connect(webexcloud.Surroundings{}); err == nil || !strings.Contains(err.Error(), "Ledger") || !strings.Contains(err.Error(), "ecrets") {
		t.Errorf("without anything: %v", err)
	}
}
