package main

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// emptyName is how the empty function is called in the table.
const emptyName = "(empty)"

// emptySource is built where it lies in a folder of its own, with the modules of
// this tree.
//
//go:embed empty.gosrc
var emptySource []byte

// function is a built function and what was found of it.
type function struct {
	name   string
	binary string // for this machine
	size   int64  // of the binary for Lambda, in bytes
	zipped int64
	starts spread // milliseconds, one a round
	memory spread // MiB, one a round; empty where it cannot be taken
	ratios spread // of starts to the empty function's
	fault  error  // why it does not build or start
}

// build builds the empty function and all of the tree, which it returns in this
// order. What does not build has a fault.
func build(ctx context.Context, s settings, dir string, progress io.Writer) ([]*function, error) {
	root, err := moduleRoot(ctx)
	if err != nil {
		return nil, err
	}
	source := filepath.Join(dir, "empty.go")
	if err := os.WriteFile(source, emptySource, 0o600); err != nil {
		return nil, fmt.Errorf("write the empty function: %w", err)
	}
	sources := map[string]string{emptyName: source}
	names := []string{emptyName}
	mains, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(s.tree), "*", "main.go"))
	if err != nil {
		return nil, fmt.Errorf("look for functions: %w", err)
	}
	for _, main := range mains {
		name := filepath.Base(filepath.Dir(main))
		names, sources[name] = append(names, name), filepath.Dir(main)
	}
	var all []*function
	for _, name := range names {
		fmt.Fprintf(progress, "build %s\n", name)
		f := &function{name: name}
		f.fault = f.build(ctx, root, sources[name], filepath.Join(dir, name), s.arch)
		if ctx.Err() != nil {
			return nil, fmt.Errorf("build %s: %w", name, context.Cause(ctx))
		}
		all = append(all, f)
	}
	return all, nil
}

// moduleRoot returns the folder of the module that the working directory is in.
func moduleRoot(ctx context.Context) (string, error) {
	out, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("find the module: %w", err)
	}
	path := strings.TrimSpace(string(out))
	if path == "" || path == os.DevNull {
		return "", errors.New("find the module: run this inside the source tree")
	}
	return filepath.Dir(path), nil
}

// build makes both binaries, in a folder of the function's own as on Lambda, and
// takes the sizes.
func (f *function) build(ctx context.Context, root, source, dir, arch string) error {
	f.binary = filepath.Join(dir, "bootstrap")
	if err := compile(ctx, root, source, f.binary, runtime.GOOS, runtime.GOARCH); err != nil {
		return err
	}
	sized := f.binary
	if arch != runtime.GOARCH || runtime.GOOS != "linux" {
		sized = filepath.Join(dir, arch, "bootstrap")
		if err := compile(ctx, root, source, sized, "linux", arch); err != nil {
			return err
		}
	}
	body, err := os.ReadFile(sized)
	if err != nil {
		return fmt.Errorf("read binary: %w", err)
	}
	f.size = int64(len(body))
	f.zipped, err = zipSize(body)
	return err
}

// compile builds as for deployment; GOFLAGS of the caller count as well.
func compile(ctx context.Context, root, source, binary, system, arch string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", binary, source)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build for %s/%s: %s: %w", system, arch, bytes.TrimSpace(out), err)
	}
	return nil
}

// zipSize is how large the deployment of a binary is.
func zipSize(binary []byte) (int64, error) {
	var size counter
	z := zip.NewWriter(&size)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.BestCompression) })
	head := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	head.SetMode(0o755)
	w, err := z.CreateHeader(head)
	if err == nil {
		_, err = w.Write(binary)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		return 0, fmt.Errorf("zip binary: %w", err)
	}
	return int64(size), nil
}

// counter counts what is written.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
