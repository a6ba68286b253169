package emulators

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
)

// component is what one package manager installs into the folder of its name.
type component struct {
	name  string
	files []string // what is pinned, below the folder of that name here too
	steps [][]string
}

//go:embed npm/package.json npm/package-lock.json pip/requirements.txt maven/pom.xml maven/ElasticMQ.java
var pinned embed.FS

// npm runs no install script of any package.
func npm() component {
	return component{"npm", []string{"package.json", "package-lock.json"}, [][]string{
		{"npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"},
	}}
}

func pip() component {
	return component{"pip", []string{"requirements.txt"}, [][]string{
		{"python3", "-m", "venv", "--clear", "venv"},
		{python(), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r", "requirements.txt"},
	}}
}

// python is the interpreter of pip's folder, relative to it.
func python() string {
	if runtime.GOOS == "windows" {
		return filepath.Join("venv", "Scripts", "python.exe")
	}
	return filepath.Join("venv", "bin", "python")
}

// Install puts the emulators into the folder, or leaves those alone that are
// there already, and says on log what it does. only names where they come from:
// npm, pip, maven; none: all. npm needs npm, pip needs python3, maven needs mvn
// and javac, and each its package registry. Two must not run at once in one folder.
func Install(ctx context.Context, folder string, log io.Writer, only ...string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("install emulators: %w", err)
	}
	// A module of its own hides whatever comes from elsewhere from ./... here.
	if err := os.WriteFile(filepath.Join(folder, "go.mod"), []byte("module emulators\n"), 0o644); err != nil {
		return fmt.Errorf("install emulators: %w", err)
	}
	for _, c := range []component{npm(), pip(), maven()} {
		if len(only) > 0 && !slices.Contains(only, c.name) {
			continue
		}
		if c.installed(folder) {
			fmt.Fprintf(log, "emulators: %s: there already\n", c.name)
			continue
		}
		fmt.Fprintf(log, "emulators: %s: installing into %s\n", c.name, filepath.Join(folder, c.name))
		if err := c.install(ctx, folder, log); err != nil {
			return fmt.Errorf("install emulators: %s: %w", c.name, err)
		}
	}
	return nil
}

func (c component) install(ctx context.Context, folder string, log io.Writer) error {
	dir := filepath.Join(folder, c.name)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, file := range c.files {
		if err := os.WriteFile(filepath.Join(dir, file), c.pinned(file), 0o644); err != nil {
			return err
		}
	}
	for _, argv := range c.steps {
		cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
		cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
		if err := cmd.Run(); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(argv[0]), err)
		}
	}
	return os.WriteFile(c.stamp(folder), []byte(c.version()), 0o644)
}

// installed reports whether all that is pinned today is there.
func (c component) installed(folder string) bool {
	stamp, err := os.ReadFile(c.stamp(folder))
	return err == nil && string(stamp) == c.version()
}

// stamp is written last: without it the folder is half made.
func (c component) stamp(folder string) string { return filepath.Join(folder, c.name, ".installed") }

// version changes with anything that is pinned.
func (c component) version() string {
	sum := sha256.New()
	for _, file := range c.files {
		sum.Write(c.pinned(file))
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func (c component) pinned(file string) []byte {
	data, err := fs.ReadFile(pinned, c.name+"/"+file)
	if err != nil {
		panic(err) // embedded above
	}
	return data
}
