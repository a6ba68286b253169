package local_test

import (
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"dialtone/events/sample/onboarding"
	"dialtone/infra/local"
	"dialtone/infra/local/secretfile"
	"dialtone/shared/numberpool"
	"dialtone/shared/signin"
	"dialtone/shared/vendors"
)

// Every setting reaches the process of a function: one that is added and not
// passed on fails here.
func TestSettingsReachAnotherProcess(t *testing.T) {
	t.Parallel()
	s := local.Settings{
		Settings: vendors.Settings{
			WebexBaseURL: "http://webex.example.test/v1", WebexSecret: "my-webex", WebexOrg: "org", WebexRate: 1.0 / 3,
			DiscoveryURL: "http://skype.example.test/", Auth: signin.AuthBroker, SecretPrefix: "skype/",
			BrokerURL: "http://broker.example.test/", AllowHTTP: true,
		},
		UCWAConcurrency: 7, Quarantine: 5 * 24 * time.Hour,
		QuarantineAt: map[string]time.Duration{"hamburg": 90 * 24 * time.Hour}, Thresholds: numberpool.Thresholds{Free: 3, Days: 4}, Secrets: secretfile.Folder(t.TempDir()),
	}
	allSet(t, reflect.ValueOf(s))
	got, err := s.Sent()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, s) {
		t.Errorf("got  %+v\nwant %+v", got, s)
	}
	s.Thresholds = numberpool.Thresholds{} // low when nothing is left, which is not the default
	if got, err := s.Sent(); err != nil || got.Thresholds != s.Thresholds {
		t.Errorf("thresholds %+v, %v", got.Thresholds, err)
	}
}

// allSet keeps the test above honest.
func allSet(t *testing.T, v reflect.Value) {
	t.Helper()
	for i := range v.NumField() {
		f := v.Field(i)
		if f.Kind() == reflect.Struct {
			allSet(t, f)
		}
		if f.IsZero() {
			t.Errorf("the test does not set %s", v.Type().Field(i).Name)
		}
	}
}

func TestSimulatedSettingsReachAnotherProcess(t *testing.T) {
	t.Parallel()
	sim, err := local.Simulate(onboarding.Organisation{UCWA: onboarding.UCWA{Users: 1, Domain: "contoso.test"}}, local.Latency{})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	want := sim.Settings()
	want.Auth = signin.AuthPassword // the default, written out
	got, err := sim.Settings().Sent()
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestSecretsOfAnotherKindStayHere(t *testing.T) {
	t.Parallel()
	s := local.Settings{Secrets: struct{ signin.Vault }{}}
	if _, err := s.Sent(); err == nil || !strings.Contains(err.Error(), "give a folder") {
		t.Errorf("error %v", err)
	}
	s.Secrets = secretfile.Folder("secrets") // a process has another working directory
	got, err := s.Sent()
	if err != nil {
		t.Fatal(err)
	}
	if folder, ok := got.Secrets.(secretfile.Folder); !ok || !filepath.IsAbs(string(folder)) {
		t.Errorf("secrets %v", got.Secrets)
	}
}
