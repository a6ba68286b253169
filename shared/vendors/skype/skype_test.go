package skype_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/vendors/skype"
)

func reader(vars map[string]string) *env.Reader {
	return env.New(func(name string) (string, bool) { v, found := vars[name]; return v, found })
}

func TestEveryProblemIsNamed(t *testing.T) {
	t.Parallel()
	r := reader(map[string]string{"UCWA_DISCOVERY_URL": "http://skype.contoso.test", "UCWA_AUTH": "magic", "DIALTONE_ALLOW_HTTP": "perhaps"})
	skype.Read(r)
	err := r.Err()
	if err == nil {
		t.Fatal("accepted")
	}
	for _, name := range []string{"UCWA_DISCOVERY_URL", "UCWA_AUTH", "DIALTONE_ALLOW_HTTP"} {
		if !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
	broker := reader(map[string]string{"UCWA_AUTH": "broker"})
	skype.Read(broker)
	if err := broker.Err(); err == nil || !strings.Contains(err.Error(), "UCWA_BROKER_URL") {
		t.Errorf("a broker without address: %v", err)
	}
}

// passwords has one for everybody.
type passwords struct{}

func (passwords) Secret(_ context.Context, name string) ([]byte, error) {
	user := strings.TrimPrefix(name, "people/")
	local, _, _ := strings.Cut(user, "@")
	return json.Marshal(map[string]string{"username": user, "password": "pw-" + local})
}

func (passwords) Save(context.Context, string, []byte) error { return nil }

// Two programs with names of their own do not end each other's applications.
func TestConnect(t *testing.T) {
	t.Parallel()
	sim, err := ucwasim.Start(ucwasim.Config{Users: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sim.Close() }()
	s := skype.Read(reader(map[string]string{"UCWA_DISCOVERY_URL": sim.DiscoveryURL, "UCWA_SECRET_PREFIX": "people/"}))
	l := ledger.New(ledgertest.NewMemory(), ledger.Options{})
	for _, service := range []string{"one", "two"} {
		client, gate, err := s.Connect(skype.Surroundings{Ledger: l, Secrets: passwords{}, Service: service})
		if err != nil {
			t.Fatal(err)
		}
		app, err := client.Open(t.Context(), "user00001@contoso.test")
		if err != nil {
			t.Fatal(err)
		}
		if err := app.CheckUser(); err != nil {
			t.Error(err)
		}
		if err := gate.Ready(t.Context(), client.Next("user00001@contoso.test")...); err != nil {
			t.Errorf("paused: %v", err)
		}
	}
	if u, _ := sim.User("user00001@contoso.test"); u.Applications.Running != 2 {
		t.Errorf("%d applications run", u.Applications.Running)
	}
	if _, _, err := s.Connect(skype.Surroundings{}); err == nil || !strings.Contains(err.Error(), "Ledger") {
		t.Errorf("without anything: %v", err)
	}
}
