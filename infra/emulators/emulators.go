// Package emulators starts the programs that stand in for AWS in end-to-end
// tests: each on a free port of the loopback address, each gone when the test
// is over, whatever ends it.
//
// The programs come from the public package registries at pinned versions, once,
// into build/emulators: `make emulators`. Nothing else of this repository needs
// them, so tests that do are behind the build tag e2e.
//
// No emulator is right about everything. dynalite is right under races and
// quick, and knows neither TTL settings, streams nor the old item of a failed
// condition. moto knows the shapes of the API strictly, and slows down with
// every item it holds: it is for small tests.
package emulators

import (
	"bufio"
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Region is the region of every emulator; AccessKey and SecretKey are what a
// client signs with, since some client libraries insist. The emulators check
// neither.
const (
	Region    = "eu-central-1"
	AccessKey = "emulated"
	SecretKey = "emulated"
)

// Options of one emulator; the zero value is right for most tests.
type Options struct {
	// Port on the loopback address. Zero: a free one. A restarted emulator
	// takes the port of the one before.
	Port int
	// Folder keeps the data, so that a restarted emulator finds it. Empty: in
	// memory. Only dynalite and ElasticMQ keep data.
	Folder string
}

// Dynalite starts dynalite, an emulator of DynamoDB, and returns its URL. Tables
// are ready at once. It is stopped at the end of the test.
func Dynalite(t testing.TB) string { return serve(t, StartDynalite) }

// Moto starts moto, an emulator of many AWS services on one port, and returns
// its URL. It is stopped at the end of the test.
func Moto(t testing.TB) string { return serve(t, StartMoto) }

// StartDynalite is [Dynalite] for those who stop it themselves.
func StartDynalite(o Options) (*Server, error) {
	return node("dynalite", dynaliteScript).start(o)
}

// StartMoto is [Moto] for those who stop it themselves.
func StartMoto(o Options) (*Server, error) {
	return program{name: "moto", parts: pip(), argv: []string{python(), "-c", motoScript}}.start(o)
}

//go:embed dynalite.js
var dynaliteScript string

//go:embed moto.py
var motoScript string

// serve starts an emulator for the length of a test. A test that needs one
// which is not installed fails: to skip it would hide that nothing was tested.
func serve(t testing.TB, start func(Options) (*Server, error)) string {
	t.Helper()
	s, err := start(Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s.URL()
}

// program is an emulator's start script. It is given the port (0: any) and the
// folder ("": none) as arguments, listens on 127.0.0.1, prints its URL as its
// first line, and ends when its standard input does, so that none outlives the
// test process, however that ends.
type program struct {
	name  string
	parts component
	argv  []string // relative to the component's folder
}

// node is a program in Node.js.
func node(name, script string) program {
	return program{name: name, parts: npm(), argv: []string{"node", "-e", script, "--"}}
}

// startTime is how long an emulator may take until it listens. It takes under a
// second on an idle machine.
const startTime = time.Minute

func (p program) start(o Options) (*Server, error) {
	root, err := Folder()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	if !p.parts.installed(root) {
		return nil, fmt.Errorf("start %s: it is not installed in %s: run `make emulators` once", p.name, root)
	}
	cmd := exec.Command(p.argv[0], append(p.argv[1:], strconv.Itoa(o.Port), o.Folder)...)
	cmd.Dir = filepath.Join(root, p.parts.name)
	s := &Server{name: p.name, cmd: cmd, ended: make(chan struct{})}
	cmd.Stderr = &s.said
	if s.stdin, err = cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", p.name, err)
	}
	if err := s.ready(stdout); err != nil {
		s.Kill()
		return nil, fmt.Errorf("start %s: %w\n%s", p.name, err, s.said.String())
	}
	return s, nil
}

// Server is a running emulator. Its methods are safe for concurrent use.
type Server struct {
	name  string
	cmd   *exec.Cmd
	stdin io.Closer
	url   *url.URL
	said  tail
	ended chan struct{}
	once  sync.Once
}

// URL is where the emulator listens, such as http://127.0.0.1:40001.
func (s *Server) URL() string { return s.url.String() }

// Port is the port it listens on.
func (s *Server) Port() int {
	port, _ := strconv.Atoi(s.url.Port()) // it was checked when it came
	return port
}

// Stop asks the emulator to end and waits until it has. It may be called again.
func (s *Server) Stop() error {
	_ = s.stdin.Close()
	timer := time.NewTimer(10 * time.Second)
	defer timer.Stop()
	select {
	case <-s.ended:
		return nil
	case <-timer.C:
		s.Kill()
		return fmt.Errorf("stop %s: it did not end by itself and was killed", s.name)
	}
}

// Kill ends the emulator at once, as a power cut would, and waits until it has
// ended. It may be called again.
func (s *Server) Kill() {
	_ = s.cmd.Process.Kill() // an ended process is what is wanted
	s.wait()
}

// ready waits for the line that says where the emulator listens, and reads
// whatever it says later, so that it is never held up.
func (s *Server) ready(stdout io.Reader) error {
	line := make(chan string, 1)
	go func() {
		lines := bufio.NewReader(stdout)
		first, _ := lines.ReadString('\n') // "" says enough
		line <- strings.TrimSpace(first)
		_, _ = io.Copy(&s.said, lines)
		s.wait()
	}()
	timer := time.NewTimer(startTime)
	defer timer.Stop()
	select {
	case first := <-line:
		u, err := url.Parse(first)
		if err != nil || u.Hostname() != "127.0.0.1" || u.Port() == "" {
			return fmt.Errorf("it said %q, which is no URL on the loopback address", first)
		}
		s.url = u
		return nil
	case <-timer.C:
		return fmt.Errorf("it did not listen within %s", startTime)
	}
}

func (s *Server) wait() {
	s.once.Do(func() {
		_ = s.cmd.Wait() // how an emulator ends is no finding
		close(s.ended)
	})
}

// tail keeps the end of what a program says.
type tail struct {
	mu   sync.Mutex
	last []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = append(t.last, p...)
	if over := len(t.last) - 4<<10; over > 0 {
		t.last = t.last[over:]
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.last))
}

// Folder is where the emulators are installed: build/emulators of the module
// that the working directory is in.
func Folder() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return filepath.Join(dir, "build", "emulators"), nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("no go.mod here or above")
		}
		dir = parent
	}
}
