//go:build unix

package lambdahost_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"dialtone/infra/local/lambdahost"
)

// rig is a host whose function is the test binary.
type rig struct {
	*lambdahost.Host
	t   *testing.T
	log *diary

	mu   sync.Mutex
	pids map[int]bool // of all processes that were seen
}

// newRig starts a host that plays the role. In the end it is shut down and no
// process may be left.
func newRig(t *testing.T, role string, change func(*lambdahost.Config)) *rig {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{t: t, log: &diary{}, pids: map[int]bool{}}
	cfg := lambdahost.Config{
		Binary: binary, Env: map[string]string{roleVar: role},
		Timeout: time.Minute, InitTimeout: time.Minute, Output: &diary{},
		Logger: slog.New(slog.NewTextHandler(r.log, nil)),
	}
	if change != nil {
		change(&cfg)
	}
	if r.Host, err = lambdahost.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		r.see()
		_ = r.Shutdown(context.Background())
		r.allGone()
	})
	return r
}

// see notes the processes that run.
func (r *rig) see() {
	for _, p := range r.Processes() {
		r.mu.Lock()
		r.pids[p.PID] = true
		r.mu.Unlock()
	}
}

// allGone reports every process that is left, be it a zombie.
func (r *rig) allGone() {
	r.t.Helper()
	if left := r.Processes(); len(left) > 0 {
		r.t.Errorf("processes left: %+v", left)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for pid := range maps.Keys(r.pids) {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			r.t.Errorf("process %d is still there: %v", pid, err)
		}
	}
}

// ask has the order carried out and notes the processes.
func (r *rig) ask(o order) ([]byte, error) {
	said, err := r.Invoke(r.t.Context(), must(o))
	r.see()
	return said, err
}

// pid has the order carried out by a function that answers with its process id.
func (r *rig) pid(o order) int {
	r.t.Helper()
	said, err := r.ask(o)
	if err != nil {
		r.t.Fatalf("%s: %v", o.Do, err)
	}
	pid, err := strconv.Atoi(string(said))
	if err != nil {
		r.t.Fatal(err)
	}
	return pid
}

// refused has the order carried out and returns the function's error.
func (r *rig) refused(o order) *lambdahost.Error {
	r.t.Helper()
	said, err := r.ask(o)
	e, ok := errors.AsType[*lambdahost.Error](err)
	if !ok {
		r.t.Fatalf("%s: answer %.40q, error %v", o.Do, said, err)
	}
	return e
}

func (r *rig) account(inv lambdahost.Invocation) account {
	r.t.Helper()
	inv.Payload = must(order{Do: "account"})
	said, err := r.Do(r.t.Context(), inv)
	if err != nil {
		r.t.Fatal(err)
	}
	var a account
	if err := json.Unmarshal(said, &a); err != nil {
		r.t.Fatal(err)
	}
	return a
}

// diary is what was written, for several writers.
type diary struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (d *diary) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.b.Write(p)
}

func (d *diary) String() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.b.String()
}

// meeting is where functions in the middle of an invocation wait.
type meeting struct {
	url     string
	arrived chan struct{} // a token for each that came
	left    chan struct{} // a token for each that hung up
	open    func()        // lets all go
}

func newMeeting(t *testing.T) *meeting {
	t.Helper()
	open := make(chan struct{})
	m := &meeting{arrived: make(chan struct{}, 100), left: make(chan struct{}, 100), open: sync.OnceFunc(func() { close(open) })}
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		m.arrived <- struct{}{}
		select {
		case <-open:
		case <-r.Context().Done():
			m.left <- struct{}{}
		}
	}))
	m.url = srv.URL
	t.Cleanup(srv.Close)
	t.Cleanup(m.open)
	return m
}

// order is to come to the meeting.
func (m *meeting) order() order { return order{Do: "meet", Text: m.url} }

// await waits until so many have come.
func (m *meeting) await(n int) {
	for range n {
		<-m.arrived
	}
}

func TestProcessIsReused(t *testing.T) {
	t.Parallel()
	r := newRig(t, "function", nil)
	first := r.pid(order{})
	for range 5 {
		if again := r.pid(order{}); again != first {
			t.Fatalf("process %d, then %d", first, again)
		}
	}
	if all := r.Processes(); len(all) != 1 || all[0] != (lambdahost.Process{PID: first}) {
		t.Errorf("processes %+v, want %d alone and idle", all, first)
	}
}

func TestFunctionSeesItsInvocation(t *testing.T) {
	t.Parallel()
	r := newRig(t, "function", func(c *lambdahost.Config) { c.Name, c.Region = "change-number", "eu-west-1" })
	ids := map[string]bool{}
	for range 20 {
		earliest := time.Now()
		a := r.account(lambdahost.Invocation{})
		latest := time.Now()
		if ids[a.ID] || len(a.ID) != 36 {
			t.Errorf("request id %q is no new UUID", a.ID)
		}
		ids[a.ID] = true
		if least, most := earliest.Add(time.Minute).UnixMilli(), latest.Add(time.Minute).UnixMilli(); a.Deadline < least || a.Deadline > most {
			t.Errorf("deadline %d, want %d to %d", a.Deadline, least, most)
		}
		if a.ARN != "arn:aws:lambda:eu-west-1:000000000000:function:change-number" {
			t.Errorf("ARN %s", a.ARN)
		}
		if !strings.HasPrefix(a.Trace, "Root=1-") || !strings.HasSuffix(a.Trace, ";Sampled=0") {
			t.Errorf("trace %q", a.Trace)
		}
	}
	a := r.account(lambdahost.Invocation{
		TraceID: "Root=1-2-3", ClientContext: json.RawMessage("{\"custom\":\n{\"a\":\"b\"}}"),
		Identity: json.RawMessage(`{"CognitoIdentityID":"me"}`),
	})
	if a.Trace != "Root=1-2-3" || a.Custom["a"] != "b" || a.Identity != "me" {
		t.Errorf("trace %q, custom %v, identity %q did not arrive", a.Trace, a.Custom, a.Identity)
	}
}

func TestDeadlineOfTheCaller(t *testing.T) {
	t.Parallel()
	r := newRig(t, "function", nil)
	deadline := time.Now().Add(30 * time.Second)
	ctx, cancel := context.WithDeadline(t.Context(), deadline)
	defer cancel()
	said, err := r.Invoke(ctx, must(order{Do: "account"}))
	var a account
	if err := errors.Join(err, json.Unmarshal(said, &a)); err != nil {
		t.Fatal(err)
	}
	if a.Deadline != deadline.UnixMilli() {
		t.Errorf("deadline %d, want the caller's %d", a.Deadline, deadline.UnixMilli())
	}
}

func TestEnvironment(t *testing.T) {
	t.Parallel()
	binary, _ := os.Executable()
	r := newRig(t, "function", func(c *lambdahost.Config) {
		c.Memory, c.Version = 256, "7"
		c.Env["DIALTONE_TABLE"], c.Env["TZ"] = "numbers", "Europe/Berlin"
	})
	a := r.account(lambdahost.Invocation{})
	got := map[string]string{}
	for _, line := range a.Env {
		name, value, _ := strings.Cut(line, "=")
		got[name] = value
	}
	dir := filepath.Dir(binary)
	for name, want := range map[string]string{
		"_HANDLER": "bootstrap", "LAMBDA_TASK_ROOT": dir, "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
		"AWS_LAMBDA_FUNCTION_NAME": filepath.Base(dir), "AWS_LAMBDA_FUNCTION_VERSION": "7",
		"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256", "AWS_EXECUTION_ENV": "AWS_Lambda_provided.al2023",
		"AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/" + filepath.Base(dir), "DIALTONE_TABLE": "numbers",
		"TZ": "Europe/Berlin", "PATH": os.Getenv("PATH"), "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
	} {
		if got[name] != want {
			t.Errorf("%s=%q, want %q", name, got[name], want)
		}
	}
	if home, ok := got["HOME"]; ok {
		t.Errorf("HOME=%s of the host was passed on", home)
	}
	if a.Dir != dir {
		t.Errorf("works in %s, want %s", a.Dir, dir)
	}
}

func TestManyAtATime(t *testing.T) {
	t.Parallel()
	const most = 3
	r := newRig(t, "function", func(c *lambdahost.Config) { c.MaxConcurrency = most })
	m := newMeeting(t)
	var calls sync.WaitGroup
	seen := make(chan int, 2*most)
	for range 2 * most {
		calls.Go(func() { seen <- r.pid(m.order()) })
	}
	m.await(most) // at the same time
	if all := r.Processes(); len(all) != most {
		t.Errorf("%d processes for %d calls, want %d", len(all), 2*most, most)
	}
	for _, p := range r.Processes() {
		if p.RequestID == "" {
			t.Errorf("process %d has no invocation", p.PID)
		}
	}
	m.open()
	calls.Wait()
	close(seen)
	count := map[int]int{}
	for pid := range seen {
		count[pid]++
	}
	if len(count) != most {
		t.Errorf("invocations by process %v, want %d processes", count, most)
	}
}

func TestProvision(t *testing.T) {
	t.Parallel()
	r := newRig(t, "function", func(c *lambdahost.Config) { c.MaxConcurrency = 2 })
	before := time.Now()
	first, err := r.Provision(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if first.Duration <= 0 || first.Duration > time.Since(before) {
		t.Errorf("start took %v of %v", first.Duration, time.Since(before))
	}
	if pid := r.pid(order{}); pid != first.PID {
		t.Errorf("invocation by %d, want the one provided, %d", pid, first.PID)
	}
	second, err := r.Provision(t.Context())
	if err != nil || second.PID == first.PID {
		t.Errorf("second %+v like the first, %v", second, err)
	}
	if third, err := r.Provision(t.Context()); err == nil {
		t.Errorf("third %+v of 2", third)
	}
}
