//go:build unix

package lambdahost_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dialtone/infra/local/lambdahost"
)

// What kills a process fails the invocation that it has and no other, and the
// next invocation finds a new process.
func TestCrash(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		order   order
		kind    string
		message string // part of
	}{
		"panic":          {order{Do: "panic", Text: "oh no"}, "string", "oh no"},
		"panic aside":    {order{Do: "panic aside", Text: "oh"}, lambdahost.TypeExit, "Runtime exited with error: exit status 2"},
		"exit":           {order{Do: "exit", N: 3}, lambdahost.TypeExit, "Runtime exited with error: exit status 3"},
		"exit well":      {order{Do: "exit"}, lambdahost.TypeExit, "Runtime exited without providing a reason"},
		"too large":      {order{Do: "large", N: lambdahost.MaxResponse + 1}, lambdahost.TypeTooLarge, "(6291557 bytes) exceeded maximum allowed payload size (6291556 bytes)"},
		"much too large": {order{Do: "large", N: 3 * lambdahost.MaxResponse}, lambdahost.TypeTooLarge, "(18874668 bytes)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "function", func(c *lambdahost.Config) { c.MaxConcurrency = 2 })
			m := newMeeting(t)
			var other sync.WaitGroup
			other.Go(func() { r.pid(m.order()) })
			m.await(1)
			bystander := r.Processes()[0].PID
			victim := r.pid(order{})

			e := r.refused(c.order)
			if e.Type != c.kind || !strings.Contains(e.Message, c.message) || e.Init {
				t.Errorf("error %+v, want %s with %q", e, c.kind, c.message)
			}
			if e.RequestID == "" || e.Type == lambdahost.TypeExit && !strings.HasPrefix(e.Message, "RequestId: "+e.RequestID+" Error: ") {
				t.Errorf("error %+v does not name its request", e)
			}
			if again := r.pid(order{}); again == victim || again == bystander {
				t.Errorf("process %d went on, of %d and %d", again, victim, bystander)
			}
			m.open()
			other.Wait() // it fails the test if its invocation failed
		})
	}
}

func TestKilledFromOutside(t *testing.T) {
	t.Parallel()
	r := newRig(t, "function", nil)
	m := newMeeting(t)
	done := make(chan *lambdahost.Error)
	go func() { done <- r.refused(m.order()) }()
	m.await(1)
	victim := r.Processes()[0]
	if err := syscall.Kill(victim.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	e := <-done
	if e.Type != lambdahost.TypeExit || e.RequestID != victim.RequestID || !strings.HasSuffix(e.Message, "signal: killed") {
		t.Errorf("error %+v, want %s of %s", e, lambdahost.TypeExit, victim.RequestID)
	}
	if next := r.pid(order{}); next == victim.PID {
		t.Errorf("process %d went on", next)
	}
	if !strings.Contains(r.log.String(), "signal: killed") {
		t.Errorf("log does not say so: %s", r.log)
	}
}

// A process that dies while it rests fails at most the invocation that it is
// given before its end is known.
func TestKilledWhileIdle(t *testing.T) {
	t.Parallel()
	for _, frozen := range []bool{false, true} {
		for _, known := range []bool{false, true} {
			r := newRig(t, "function", func(c *lambdahost.Config) { c.Freeze = frozen })
			victim := r.pid(order{})
			if err := syscall.Kill(victim, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			for known && len(r.Processes()) > 0 {
				runtime.Gosched()
			}
			said, err := r.ask(order{})
			if e, ok := errors.AsType[*lambdahost.Error](err); err != nil && (known || !ok || e.Type != lambdahost.TypeExit) {
				t.Errorf("answer %s, error %v", said, err)
			}
			if next := r.pid(order{}); next == victim {
				t.Errorf("process %d went on", next)
			}
			if known && !strings.Contains(r.log.String(), "ended while idle") {
				t.Errorf("log does not say so: %s", r.log)
			}
		}
	}
}

// What a process has started ends with it.
func TestChildrenGoToo(t *testing.T) {
	t.Parallel()
	r := newRig(t, "function", nil)
	l := listen(t)
	r.pid(order{Do: "beget", Text: l.Addr().String()})
	child := accept(t, l)
	if e := r.refused(order{Do: "exit", N: 1}); e.Type != lambdahost.TypeExit {
		t.Errorf("error %+v", e)
	}
	child.ends()
}

// An answer counts, whatever the process does before it asks for more.
func TestAnsweredBeforeTheEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t, "rude", func(c *lambdahost.Config) { c.Timeout = time.Second })
	for _, do := range []string{"answer and leave", "answer and hang"} {
		if said, err := r.ask(order{Do: do, Text: "well"}); err != nil || string(said) != "well" {
			t.Errorf("%s: %q, %v", do, said, err)
		}
		if n := len(r.Processes()); n != 0 {
			t.Errorf("%s: %d processes", do, n)
		}
	}
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	const timeout = time.Second
	r := newRig(t, "function", func(c *lambdahost.Config) { c.Timeout = timeout })
	victim := r.pid(order{})
	start := time.Now()
	e := r.refused(order{Do: "hang"})
	if took := time.Since(start); took < timeout {
		t.Errorf("killed after %v", took)
	}
	if e.Type != lambdahost.TypeTimeout || e.Message != "RequestId: "+e.RequestID+" Error: Task timed out after 1.00 seconds" {
		t.Errorf("error %+v", e)
	}
	shape := map[string]string{}
	if err := json.Unmarshal(must(e), &shape); err != nil || len(shape) != 2 || shape["errorType"] != e.Type || shape["errorMessage"] != e.Message {
		t.Errorf("as JSON %v, %v", shape, err)
	}
	if err := syscall.Kill(victim, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("process %d is still there: %v", victim, err)
	}
	if next := r.pid(order{}); next == victim {
		t.Errorf("process %d went on", next)
	}
}

// Errors that the function reports leave the process as it is.
func TestReportedErrors(t *testing.T) {
	t.Parallel()
	r := newRig(t, "function", nil)
	pid := r.pid(order{})
	for _, c := range []struct {
		order         order
		kind, message string
	}{
		{order{Do: "fail", Text: "no such table"}, "errorString", "no such table"},
		{order{Do: "break off"}, "errorString", "the disk is gone"},
	} {
		e := r.refused(c.order)
		if e.Type != c.kind || e.Message != c.message {
			t.Errorf("%s: %+v, want %s: %s", c.order.Do, e, c.kind, c.message)
		}
	}
	if _, err := r.Invoke(t.Context(), []byte(`"not an order"`)); err == nil || !strings.Contains(err.Error(), "UnmarshalTypeError") {
		t.Errorf("event of another shape: %v", err)
	}
	for _, event := range []string{"", "{", `{"a":}`, strings.Repeat(" ", lambdahost.MaxRequest) + "1"} {
		if said, err := r.Invoke(t.Context(), []byte(event)); err == nil {
			t.Errorf("event %.10q answered with %q", event, said)
		}
	}
	if _, err := r.Do(t.Context(), lambdahost.Invocation{Payload: []byte("1"), ClientContext: []byte("x: y")}); err == nil {
		t.Error("a client context that is no JSON was passed on")
	}
	if again := r.pid(order{}); again != pid {
		t.Errorf("process %d instead of %d", again, pid)
	}
}

// Answers are passed on as they are.
func TestAnswers(t *testing.T) {
	t.Parallel()
	r := newRig(t, "function", nil)
	if said, err := r.ask(order{Do: "large", N: lambdahost.MaxResponse}); err != nil || len(said) != lambdahost.MaxResponse {
		t.Errorf("largest answer: %d bytes, %v", len(said), err)
	}
	largest := append(bytes.Repeat([]byte(" "), lambdahost.MaxRequest-2), "{}"...)
	if _, err := r.Invoke(t.Context(), largest); err != nil {
		t.Errorf("largest event: %v", err)
	}
	for _, text := range []string{"{not json", "<p>\x00ÿ", `{"batchItemFailures":[]}`} {
		if said, err := r.ask(order{Do: "raw", Text: text}); err != nil || string(said) != text {
			t.Errorf("answer %q, %v, want %q", said, err, text)
		}
	}
	if n := len(r.Processes()); n != 1 {
		t.Errorf("%d processes", n)
	}
}

// A runtime that breaks the protocol is refused, and its invocations go on.
func TestRudeRuntime(t *testing.T) {
	t.Parallel()
	r := newRig(t, "rude", nil)
	said, err := r.ask(order{})
	const want = `["403 InvalidStateTransition","400 InvalidRequestID","403 InvalidStateTransition","404"]`
	if err != nil || string(said) != want {
		t.Errorf("told %s, %v, want %s", said, err, want)
	}
	if said, err := r.ask(order{Do: "answer"}); err != nil || said == nil || len(said) != 0 {
		t.Errorf("empty answer: %q, %v", said, err)
	}
	for text, want := range map[string]lambdahost.Error{
		"<html>":                            {Type: lambdahost.TypeUnknown, Message: "<html>"},
		"":                                  {Type: lambdahost.TypeUnknown},
		`{"errorMessage":7}`:                {Type: lambdahost.TypeUnknown, Message: `{"errorMessage":7}`},
		`{"errorType":"A","stackTrace":[]}`: {Type: "A", StackTrace: json.RawMessage("[]")},
	} {
		e := r.refused(order{Do: "error", Text: text})
		if e.Type != want.Type || e.Message != want.Message || string(e.StackTrace) != string(want.StackTrace) {
			t.Errorf("error %q is %+v, want %+v", text, e, want)
		}
	}
	if n := len(r.Processes()); n != 1 {
		t.Errorf("%d processes", n)
	}
}

// A function that does not start says why, in what it returns each time and in
// the log once.
func TestDoesNotStart(t *testing.T) {
	t.Parallel()
	noProgram := filepath.Join(t.TempDir(), "bootstrap")
	if err := os.WriteFile(noProgram, []byte("not a program"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		role    string
		change  func(*lambdahost.Config)
		kind    string
		message string // part of
		first   string
	}{
		{"init exits", nil, lambdahost.TypeExit, "exit status 7", "WEBEX_SECRET_ID is missing: set it"},
		{"init reports", nil, "Config.Bad", "no table", "first line"},
		{"init hangs", func(c *lambdahost.Config) { c.InitTimeout = 500 * time.Millisecond }, lambdahost.TypeTimeout, "Init timed out after 0.50 seconds", "still here"},
		{"", func(c *lambdahost.Config) { c.Binary = noProgram }, lambdahost.TypeEntrypoint, noProgram, ""},
	} {
		t.Run(c.role, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, c.role, c.change)
			for range 2 {
				e := r.refused(order{})
				if !e.Init || e.Type != c.kind || !strings.Contains(e.Message, c.message) || e.FirstLine != c.first || e.RequestID != "" {
					t.Errorf("error %+v, want %s with %q and the line %q", e, c.kind, c.message, c.first)
				}
				if text := e.Error(); !strings.HasPrefix(text, "function does not start: "+c.kind+": ") || !strings.HasSuffix(text, c.first) {
					t.Errorf("error reads %q", text)
				}
				if n := len(r.Processes()); n != 0 {
					t.Errorf("%d processes", n)
				}
			}
			if n := strings.Count(r.log.String(), "function does not start"); n != 1 {
				t.Errorf("logged %d times:\n%s", n, r.log)
			}
		})
	}
}

func TestCallerGivesUp(t *testing.T) {
	t.Parallel()
	r := newRig(t, "function", nil)
	m := newMeeting(t)
	reason := errors.New("no longer wanted")
	ctx, cancel := context.WithCancelCause(t.Context())
	busy, waiting := make(chan error), make(chan error)
	go func() {
		_, err := r.Invoke(ctx, must(m.order()))
		busy <- err
	}()
	m.await(1)
	victim := r.Processes()[0]
	go func() {
		_, err := r.Invoke(ctx, must(order{}))
		waiting <- err
	}()
	cancel(reason)
	if err := <-waiting; !errors.Is(err, reason) {
		t.Errorf("the one that waited: %v", err)
	}
	if err := <-busy; !errors.Is(err, reason) || !strings.Contains(err.Error(), victim.RequestID) {
		t.Errorf("the one that worked: %v", err)
	}
	<-m.left
	if _, err := r.Invoke(ctx, must(order{})); !errors.Is(err, reason) {
		t.Errorf("the one that came later: %v", err)
	}
	if next := r.pid(order{}); next == victim.PID {
		t.Errorf("process %d went on", next)
	}
}

func TestCallerGivesUpWhileItStarts(t *testing.T) {
	t.Parallel()
	started := make(chan struct{})
	r := newRig(t, "init hangs", func(c *lambdahost.Config) { c.Output = signalling(started) })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-started
		cancel()
	}()
	if _, err := r.Invoke(ctx, must(order{})); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if n := len(r.Processes()); n != 0 {
		t.Errorf("%d processes", n)
	}
}

// signalling is closed by the first line.
type signalling chan struct{}

func (s signalling) Write(p []byte) (int, error) {
	close(s)
	return len(p), nil
}
