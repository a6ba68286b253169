package ucwasim_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"dialtone/infra/sim/ucwasim"
)

// TestREADMERuns runs the shell blocks of README.md in order, in one shell.
func TestREADMERuns(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"bash", "curl", "sed", "grep"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	script := "set -euo pipefail\n"
	blocks := strings.Split(string(readme), "\n```sh\n")[1:]
	if len(blocks) != 8 {
		t.Fatalf("found %d shell blocks", len(blocks))
	}
	for _, b := range blocks {
		block, _, _ := strings.Cut(b, "\n```")
		script += block + "\n"
	}
	r := start(t, ucwasim.Config{Users: 200, Seed: 1})
	cmd := exec.CommandContext(t.Context(), "bash", "-c", script)
	cmd.Env = append(os.Environ(), "UCWA="+strings.TrimSuffix(r.DiscoveryURL, "/"), "CONTROL="+r.ControlURL, "no_proxy=127.0.0.1")
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Contains(string(out), "problems") {
		t.Errorf("%v\n%s", err, out)
	}
	r.want(r.token(r.tokenURL(), user("01"), "changed"), 200) // the last line took effect
}
