//go:build unix

package lambdahost_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"dialtone/infra/local/lambdahost"
)

// echo is a process that sends back what it gets, in a goroutine that outlives
// its invocation.
type echo struct {
	t    *testing.T
	conn net.Conn
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func accept(t *testing.T, l net.Listener) echo {
	t.Helper()
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return echo{t, conn}
}

func (e echo) send() {
	e.t.Helper()
	if _, err := e.conn.Write([]byte("x")); err != nil {
		e.t.Error(err)
	}
}

// hears reports whether an echo arrives in that time.
func (e echo) hears(within time.Duration) bool {
	e.t.Helper()
	_ = e.conn.SetReadDeadline(time.Now().Add(within))
	_, err := e.conn.Read(make([]byte, 1))
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		e.t.Errorf("read echo: %v", err)
	}
	return err == nil
}

// ends waits until the process is gone.
func (e echo) ends() {
	e.t.Helper()
	_ = e.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	if n, err := io.Copy(io.Discard, e.conn); errors.Is(err, os.ErrDeadlineExceeded) {
		e.t.Errorf("process is still there, after %d bytes", n)
	}
}

const (
	long  = 30 * time.Second
	short = 100 * time.Millisecond
)

func TestFrozenBetweenInvocations(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("the process stops a moment after its invocation, and may be heard until then")
	}
	r := newRig(t, "function", func(c *lambdahost.Config) { c.Freeze = true })
	l := listen(t)
	pid := r.pid(order{Do: "outlive", Text: l.Addr().String()})
	e := accept(t, l)
	for range 3 {
		e.send()
		if e.hears(short) {
			t.Fatal("the function worked between its invocations")
		}
		m := newMeeting(t)
		done := make(chan int)
		go func() { done <- r.pid(m.order()) }()
		m.await(1)
		if !e.hears(long) {
			t.Error("the function does not work in its invocation")
		}
		m.open()
		if again := <-done; again != pid {
			t.Errorf("process %d instead of %d", again, pid)
		}
	}
}

// Without Freeze the same goroutine works on: what the test above shows is due
// to it.
func TestNotFrozen(t *testing.T) {
	t.Parallel()
	r := newRig(t, "function", nil)
	l := listen(t)
	r.pid(order{Do: "outlive", Text: l.Addr().String()})
	e := accept(t, l)
	e.send()
	if !e.hears(long) {
		t.Error("the function stands still")
	}
}

func TestFrozenOneIsTakenDown(t *testing.T) {
	t.Parallel()
	r := newRig(t, "function", func(c *lambdahost.Config) { c.Freeze, c.Grace = true, time.Minute })
	r.pid(order{})
	if err := r.Shutdown(t.Context()); err != nil { // by SIGTERM: the grace is longer than tests may take
		t.Error(err)
	}
	r.allGone()
}

func TestShutdownWaits(t *testing.T) {
	t.Parallel()
	r := newRig(t, "function", func(c *lambdahost.Config) { c.MaxConcurrency = 2 })
	m := newMeeting(t)
	var busy sync.WaitGroup
	busy.Go(func() { r.pid(m.order()) })
	m.await(1)
	r.pid(order{})
	r.see()
	over := make(chan error)
	go func() { over <- r.Shutdown(t.Context()) }()
	for {
		// Refused as soon as the shutdown has begun; until then served.
		if _, err := r.ask(order{}); err != nil {
			if !errors.Is(err, lambdahost.ErrClosed) {
				t.Errorf("refused with %v", err)
			}
			break
		}
	}
	if _, err := r.Provision(t.Context()); !errors.Is(err, lambdahost.ErrClosed) {
		t.Errorf("provision refused with %v", err)
	}
	select {
	case err := <-over:
		t.Errorf("over before the invocation: %v", err)
	default:
	}
	m.open()
	busy.Wait()
	if err := <-over; err != nil {
		t.Error(err)
	}
	r.allGone()
	if err := r.Shutdown(t.Context()); err != nil {
		t.Errorf("again: %v", err)
	}
}

func TestShutdownRefusesThoseThatWait(t *testing.T) {
	t.Parallel()
	r := newRig(t, "function", nil)
	m := newMeeting(t)
	var busy sync.WaitGroup
	busy.Go(func() { r.pid(m.order()) })
	m.await(1)
	waiting, over := make(chan error), make(chan error)
	go func() {
		_, err := r.ask(order{})
		waiting <- err
	}()
	go func() { over <- r.Shutdown(context.Background()) }()
	if err := <-waiting; !errors.Is(err, lambdahost.ErrClosed) {
		t.Errorf("the one that waited: %v", err)
	}
	m.open()
	busy.Wait()
	if err := <-over; err != nil {
		t.Error(err)
	}
}

func TestShutdownKillsWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	r := newRig(t, "function", nil)
	m := newMeeting(t)
	busy := make(chan error)
	go func() {
		_, err := r.ask(m.order())
		busy <- err
	}()
	m.await(1)
	r.see()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("shutdown: %v", err)
	}
	r.allGone()
	if err := <-busy; !errors.Is(err, lambdahost.ErrClosed) {
		t.Errorf("invocation: %v", err)
	}
}

// A process that does not listen is killed after the grace, or at once when
// nobody waits for it.
func TestStubbornOnes(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		grace   time.Duration
		waits   bool
		atLeast time.Duration
	}{
		"grace":   {short, true, short},
		"no time": {time.Hour, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "stubborn", func(cfg *lambdahost.Config) { cfg.Grace = c.grace })
			r.pid(order{})
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			if !c.waits {
				cancel()
			}
			start := time.Now()
			if err := r.Shutdown(ctx); (err == nil) != c.waits {
				t.Error(err)
			}
			if took := time.Since(start); took < c.atLeast {
				t.Errorf("killed after %v", took)
			}
			r.allGone()
		})
	}
}

// Not even a host that is killed leaves a function behind, be it frozen or at
// work.
func TestHostIsKilled(t *testing.T) {
	t.Parallel()
	l, m := listen(t), newMeeting(t)
	host := exec.Command(os.Args[0])
	host.Env = append(os.Environ(), roleVar+"=host", "LIFELINE="+l.Addr().String(), "MEETING="+m.url)
	host.Stderr = os.Stderr
	out, err := host.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := host.Start(); err != nil {
		t.Fatal(err)
	}
	e := accept(t, l)
	m.await(1)
	if line, err := bufio.NewReader(out).ReadString('\n'); line != "frozen\n" {
		t.Fatalf("host says %q, %v", line, err)
	}
	if err := host.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = host.Wait()
	e.ends()
	if runtime.GOOS == "linux" { // elsewhere it ends when its work is done
		<-m.left
	}
}

func TestOutput(t *testing.T) {
	t.Parallel()
	var out diary
	r := newRig(t, "function", func(c *lambdahost.Config) { c.Output = &out })
	for _, text := range []string{"one\n", "two ", "halves\r\n\n", "the end"} {
		r.pid(order{Do: "print", Text: text})
	}
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "one\ntwo halves\n\nthe end\n"; got != want {
		t.Errorf("output %q, want %q", got, want)
	}
}

func TestOutputToTheLog(t *testing.T) {
	t.Parallel()
	r := newRig(t, "function", func(c *lambdahost.Config) { c.Output, c.Name = nil, "change-number" })
	r.pid(order{Do: "print", Text: "a word to +49 40 555 0001\n"})
	if err := r.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(r.log.String(), `function=change-number line="a word to +…0001"`) {
		t.Errorf("log %s", r.log)
	}
}

func TestBadConfig(t *testing.T) {
	t.Parallel()
	_, err := lambdahost.New(lambdahost.Config{
		Timeout: time.Hour, InitTimeout: -1, Grace: -1, MaxConcurrency: -1, Memory: -1,
		Env: map[string]string{"AWS_REGION": "x", "_HANDLER": "y", "FINE": "z"},
	})
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"Binary", "Timeout", "InitTimeout", "Grace", "MaxConcurrency", "Memory", "AWS_REGION", "_HANDLER"} {
		if !strings.Contains(err.Error(), name+" ") {
			t.Errorf("error %q does not name %s", err, name)
		}
	}
	if strings.Contains(err.Error(), "FINE") {
		t.Errorf("error %q names what is fine", err)
	}
	for _, binary := range []string{t.TempDir(), "/does/not/exist"} {
		if _, err := lambdahost.New(lambdahost.Config{Binary: binary}); err == nil || !strings.Contains(err.Error(), binary) {
			t.Errorf("binary %s: %v", binary, err)
		}
	}
}
