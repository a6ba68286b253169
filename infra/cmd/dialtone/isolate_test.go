package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"dialtone/infra/local"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
)

// built makes the real program.
func built(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "dialtone")
	if out, err := exec.Command("go", "build", "-o", bin, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// TestIsolatedPlayEndsTheSame plays twenty hires, two of whom do not exist,
// with and without --isolate.
func TestIsolatedPlayEndsTheSame(t *testing.T) {
	t.Parallel()
	bin, dir := built(t), t.TempDir()
	file := filepath.Join(dir, "hires.jsonl")
	var lines bytes.Buffer
	var keys []command.Key
	for n := 1; n <= 20; n++ {
		user := fmt.Sprintf("user%05d@contoso.test", n)
		if n%10 == 0 {
			user = fmt.Sprintf("nobody%d@contoso.test", n)
		}
		keys = append(keys, command.Key{Source: "hr", ID: fmt.Sprint(n)})
		_ = json.NewEncoder(&lines).Encode(map[string]any{
			"specversion": "1.0", "source": "hr", "id": fmt.Sprint(n), "type": command.TypeAssign,
			"data": map[string]any{"user": user, "locationId": webexsim.LocationID("Hamburg")},
		})
	}
	if err := os.WriteFile(file, lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	var said [2]string
	var ends [2][]string
	for i, flags := range [][]string{{}, {"--isolate"}} {
		data := filepath.Join(dir, fmt.Sprint(i), "dialtone.db")
		run := exec.Command(bin, append([]string{"run", "--quick", "--exit", "--play", file, "--data", data}, flags...)...)
		var stderr bytes.Buffer
		run.Stderr = &stderr
		out, err := run.Output()
		if err != nil {
			t.Fatalf("%v: %v\n%s%s", flags, err, out, stderr.String())
		}
		said[i], ends[i] = comparable(string(out)), endState(t, data, keys)
	}
	if said[0] != said[1] {
		t.Errorf("in one process:\n%s\nisolated:\n%s", said[0], said[1])
	}
	if !slices.Equal(ends[0], ends[1]) || len(ends[0]) != len(keys) {
		t.Errorf("in one process %v\nisolated %v", ends[0], ends[1])
	}
}

// comparable is a summary without what differs from run to run: which number it
// was, and how long it took.
func comparable(summary string) string {
	for _, differs := range []string{`\+49\d+`, `in [0-9.]+m?s`} {
		summary = regexp.MustCompile(differs).ReplaceAllString(summary, "...")
	}
	return summary
}

// endState tells how each request ended, and what stands for its user.
func endState(t *testing.T, path string, keys []command.Key) []string {
	t.Helper()
	d, err := local.Look(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var all []string
	for _, key := range keys {
		r, _, err := d.Ledger.Request(t.Context(), key)
		if err != nil || r.Outcome == nil {
			t.Fatalf("%s: %s, %v", key, r.State, err)
		}
		p, err := d.Ledger.Person(t.Context(), r.User)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, fmt.Sprint(key, r.State, r.Outcome.Type, p.Lines["work"].State, p.Lines["work"].LocationID))
	}
	return all
}

// A process of a function that somebody starts by hand says which variables it
// lacks.
func TestFunctionByHand(t *testing.T) {
	t.Parallel()
	run := exec.Command(built(t), "function", "change-number")
	run.Env = []string{"UCWA_AUTH=magic"}
	out, err := run.CombinedOutput()
	if err == nil || run.ProcessState.ExitCode() != 1 {
		t.Errorf("ended with %v", err)
	}
	first, _, _ := strings.Cut(string(out), "\n")
	for _, want := range []string{"the function cannot start", "DIALTONE_DATA: is not set", "DIALTONE_RUN: is not set", "AWS_LAMBDA_RUNTIME_API: is not set", "UCWA_AUTH: "} {
		if !strings.Contains(first, want) {
			t.Errorf("first line %q does not say %q", first, want)
		}
	}
}
