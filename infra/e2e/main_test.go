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

// root is the repository, seen from here.
const root = "../.."

// bootstraps is the folder that [TestMain] builds the functions into, each in a
// folder of its name.
var bootstraps string //nolint:gochecknoglobals // set once, before any test

// TestMain builds the functions as `make build` does, for this machine. Tests
// wait for servers, so a few may run at once however few processors there are.
func TestMain(m *testing.M) {
	flag.Parse()
	code := func() int {
		dir, err := os.MkdirTemp("", "dialtone-e2e-")
		if err != nil {
			return complain(err)
		}
		defer os.RemoveAll(dir)
		bootstraps = dir
		if err := build(dir); err != nil {
			return complain(err)
		}
		return m.Run()
	}()
	os.Exit(code)
}

func complain(err error) int {
	fmt.Fprintln(os.Stderr, "e2e: error:", err)
	return 1
}

func build(dir string) error {
	mains, err := filepath.Glob(filepath.Join(root, "functions", "*", "main.go"))
	if err != nil || len(mains) == 0 {
		return fmt.Errorf("no functions in %s: %v", root, err)
	}
	for _, main := range mains {
		name := filepath.Base(filepath.Dir(main))
		cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w",
			"-o", filepath.Join(dir, name, "bootstrap"), "./functions/"+name)
		cmd.Dir, cmd.Env = root, append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build %s: %w\n%s", name, err, out)
		}
	}
	return nil
}
