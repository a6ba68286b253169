package deployment_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"dialtone/infra/deployment"
	"dialtone/infra/local"
	"dialtone/shared/command"
)

const assign = `{"specversion":"1.0","source":"hr","id":"1","type":"dialtone.number.assign.v1","data":{"user":"ada@contoso.test","locationId":"home"}}`

func TestEmbedded(t *testing.T) {
	t.Parallel()
	place := deployment.Place{Data: filepath.Join(t.TempDir(), "new", "folder", "d.db")}
	if _, err := deployment.Look(t.Context(), place); err == nil || !strings.Contains(err.Error(), "dialtone run") {
		t.Errorf("look at what is not there: %v", err)
	}
	d, err := deployment.Join(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	c, err := command.Decode([]byte(assign))
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		replay int
		fresh  bool
	}{{0, true}, {0, false}, {1, true}, {1, false}, {2, true}} {
		if fresh, err := d.Deliver(t.Context(), c, []byte(assign), step.replay); err != nil || fresh != step.fresh {
			t.Errorf("replay %d: fresh %t, %v; want %t", step.replay, fresh, err, step.fresh)
		}
	}
	if _, err := d.Send(t.Context(), []byte("{}")); err == nil {
		t.Error("what is no command is sent")
	}
	if got := d.Flags(); !slices.Equal(got, []string{"--data", place.Data}) {
		t.Errorf("flags %q", got)
	}
	messages := waiting(t, place.Data)
	if messages != 3 {
		t.Errorf("%d messages on the queue, want 3", messages)
	}
	if _, err := d.Ledger.Person(t.Context(), c.User); err != nil {
		t.Error(err)
	}
}

// waiting counts the messages on the queue of a data file.
func waiting(t *testing.T, path string) int {
	t.Helper()
	data, err := local.Look(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	q, err := data.Queues.Queue(t.Context(), local.NumbersQueue)
	if err != nil {
		t.Fatal(err)
	}
	n, err := q.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n.Visible
}

func TestSettingsOfTheEmbeddedStack(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	place := deployment.Place{Data: filepath.Join(folder, "d.db")}
	for _, c := range []struct{ config, wants string }{
		{"", "--config"},
		{"WEBEX_RATE=many\n", "WEBEX_RATE"},
		{"WEBEX_BASE_URL=https://webex.example.test/v1\n", ""},
	} {
		place.Config = ""
		if c.config != "" {
			place.Config = filepath.Join(folder, "dialtone.env")
			if err := os.WriteFile(place.Config, []byte(c.config), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		d, err := deployment.Join(t.Context(), place)
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Settings()
		if c.wants == "" && (err != nil || s.WebexBaseURL != "https://webex.example.test/v1" || s.Secrets == nil) {
			t.Errorf("settings %+v, %v", s, err)
		}
		if c.wants != "" && (err == nil || !strings.Contains(err.Error(), c.wants)) {
			t.Errorf("settings of %q: %v", c.config, err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestRegionWithoutStack(t *testing.T) {
	t.Parallel()
	if _, err := deployment.Look(t.Context(), deployment.Place{Data: "d.db", Region: "eu-central-1"}); err == nil || !strings.Contains(err.Error(), "--stack") {
		t.Errorf("got %v", err)
	}
}
