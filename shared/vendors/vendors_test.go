package vendors_test

import (
	"strings"
	"testing"

	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/vendors"
)

func reader(vars map[string]string) *env.Reader {
	return env.New(func(name string) (string, bool) { v, found := vars[name]; return v, found })
}

func TestEveryProblemIsNamed(t *testing.T) {
	r := reader(map[string]string{
		"WEBEX_BASE_URL": "ftp://x", "WEBEX_RATE": "fast", "UCWA_DISCOVERY_URL": "http://skype.contoso.test", "UCWA_AUTH": "magic", "DIALTONE_ALLOW_HTTP": "perhaps",
	})
	vendors.Read(r)
	err := r.Err()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, name := range []string{"WEBEX_BASE_URL", "WEBEX_RATE", "UCWA_DISCOVERY_URL", "UCWA_AUTH", "DIALTONE_ALLOW_HTTP"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

func TestBrokerNeedsItsURL(t *testing.T) {
	r := reader(map[string]string{"UCWA_AUTH": "broker"})
	vendors.Read(r)
	if err := r.Err(); err == nil || !strings.Contains(err.Error(), "UCWA_BROKER_URL") {
		t.Errorf("problems: %v", err)
	}
}

func TestConnect(t *testing.T) {
	r := reader(nil)
	s := vendors.Read(r)
	if err := r.Err(); err != nil {
		t.Fatal(err)
	}
	l := ledger.New(ledgertest.NewMemory(), ledger.Options{})
	if _, err := s.Connect(vendors.Surroundings{Ledger: l}); err == nil || !strings.Contains(err.Error(), "ecrets") {
		t.Errorf("without secrets: %v", err)
	}
}
