//go:build e2e

package e2e_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

const (
	// root is the repository, seen from here.
	root = "../.."

	// bootstraps is where [TestMain] builds the functions, each in a folder of
	// its name.
	bootstraps = root + "/build/e2e"
)

// TestMain builds the functions as `make build` does, for this machine.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := build(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: error:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func build() error {
	mains, err := filepath.Glob(filepath.Join(root, "functions", "*", "main.go"))
	if err != nil || len(mains) == 0 {
		return fmt.Errorf("there are no functions in %s", root)
	}
	for _, main := range mains {
		name := filepath.Base(filepath.Dir(main))
		cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w",
			"-o", filepath.Join("build", "e2e", name, "bootstrap"), "./functions/"+name)
		cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return nil
}
