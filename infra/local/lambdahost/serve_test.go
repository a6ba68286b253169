//go:build unix

package lambdahost_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"dialtone/infra/local/lambdahost"
)

// A function that serves with Serve is to its host like one that uses the
// library of Lambda.
func TestServe(t *testing.T) {
	t.Parallel()
	r := newRig(t, "guest", func(c *lambdahost.Config) { c.Name = "guest" })
	pid := r.pid(order{})
	start := time.Now()
	a := r.account(lambdahost.Invocation{RequestID: "the-first"})
	if a.PID != pid || a.ID != "the-first" || !strings.HasSuffix(a.ARN, ":function:guest") {
		t.Errorf("account %+v of process %d", a, pid)
	}
	if least := start.Add(time.Minute).UnixMilli(); a.Deadline < least || a.Deadline > least+time.Minute.Milliseconds() {
		t.Errorf("deadline %d, want a minute after %d", a.Deadline, start.UnixMilli())
	}
	if e := r.refused(order{Do: "fail", Text: "no such table"}); e.Type != "errorString" || e.Message != "no such table" {
		t.Errorf("error %+v", e)
	}
	if e := r.refused(order{Do: "large", N: lambdahost.MaxResponse + 1}); e.Type != lambdahost.TypeTooLarge {
		t.Errorf("error %+v", e)
	}
	if again := r.pid(order{}); again != pid {
		t.Errorf("process %d instead of %d", again, pid)
	}
	if e := r.refused(order{Do: "panic", Text: "oh no"}); e.Type != lambdahost.TypeExit {
		t.Errorf("error %+v, want the process to end", e)
	}
	if again := r.pid(order{}); again == pid {
		t.Errorf("process %d went on after a panic", pid)
	}
}

func TestServeTimesOut(t *testing.T) {
	t.Parallel()
	r := newRig(t, "guest", func(c *lambdahost.Config) { c.Timeout = time.Second })
	if e := r.refused(order{Do: "hang"}); e.Type != lambdahost.TypeTimeout {
		t.Errorf("error %+v", e)
	}
}

func TestServeWithoutHost(t *testing.T) {
	t.Parallel()
	l := listen(t)
	_ = l.Close()
	err := lambdahost.Serve(t.Context(), l.Addr().String(), func(context.Context, []byte) ([]byte, error) { return nil, nil })
	if !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("error %v, want refused", err)
	}
}

func TestArguments(t *testing.T) {
	t.Parallel()
	r := newRig(t, "function", func(c *lambdahost.Config) { c.Args = []string{"function", "change-number"} })
	if said, err := r.ask(order{Do: "args"}); err != nil || string(said) != `["function","change-number"]` {
		t.Errorf("arguments %s, %v", said, err)
	}
}

// A process that has too much memory is killed with the invocation that it has.
func TestMemory(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("memory is looked at on Linux only")
	}
	const memory = 400 // far above what the race detector adds to an idle process
	m := newMeeting(t)
	r := newRig(t, "function", func(c *lambdahost.Config) { c.Memory, c.LimitMemory = memory, true })
	victim := r.pid(order{})
	e := r.refused(order{Do: "bloat", N: memory + 50, Text: m.url})
	if e.Type != lambdahost.TypeMemory || !strings.Contains(e.Message, "it has 400 MB") || !strings.Contains(e.Message, e.RequestID) {
		t.Errorf("error %+v", e)
	}
	if next := r.pid(order{}); next == victim {
		t.Errorf("process %d went on", next)
	}
	if !strings.Contains(r.log.String(), "too much memory") {
		t.Errorf("log does not say so: %s", r.log)
	}
}
