package emulators_test

import (
	"os"
	"strings"
	"testing"

	"dialtone/infra/emulators"
)

// Whoever runs the tests without the emulators is told what to run.
func TestNotInstalled(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("go.mod", nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, start := range []func(emulators.Options) (*emulators.Server, error){emulators.StartDynalite, emulators.StartMoto} {
		if _, err := start(emulators.Options{}); err == nil || !strings.Contains(err.Error(), "make emulators") {
			t.Errorf("start: %v; want advice to run make emulators", err)
		}
	}
}
