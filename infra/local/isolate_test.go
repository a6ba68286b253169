//go:build unix

package local_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"dialtone/events/sample/onboarding"
	"dialtone/infra/local"
	"dialtone/infra/local/queue"
	"dialtone/shared/command"
	"dialtone/shared/logattr"
)

// TestMain lets the test binary be the process of a function.
func TestMain(m *testing.M) {
	if len(os.Args) == 3 && os.Args[1] == "function" {
		_ = local.Serve(context.Background(), os.Args[2], os.LookupEnv)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// apart is an isolated stack between simulators.
type apart struct {
	*local.Stack
	t    *testing.T
	sim  *local.Simulation
	org  onboarding.Organisation
	logs *lockedBuffer
	keys []command.Key
}

// newApart opens an isolated stack for so many people, all of whom are on the
// queue. Vendors take their time, so that what happens to a process hits one with
// calls under way.
func newApart(t *testing.T, people int, i local.Isolation) *apart {
	t.Helper()
	a := &apart{t: t, org: organisation(people), logs: &lockedBuffer{}}
	var err error
	if a.sim, err = local.Simulate(a.org, local.Latency{Min: 20 * time.Millisecond, Max: 60 * time.Millisecond}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.sim.Close() })
	settings := a.sim.Settings()
	settings.WebexRate, settings.UCWAConcurrency = 1000, 3
	if i.Binary == "" {
		i.Binary, _ = os.Executable()
	}
	i.Args = []string{"function"}
	a.Stack, err = local.Open(t.Context(), local.Options{
		Path: filepath.Join(t.TempDir(), "dialtone.db"), Settings: settings, Isolation: &i,
		Logger: slog.New(logattr.Handler(a.logs, slog.LevelDebug)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
		checkQuiet(t, a.logs.String())
	})
	for n := 1; n <= people; n++ {
		body := hire(fmt.Sprint("hire-", n), n, a.org.Webex.Sites[n%3].ID)
		c, _ := command.Decode(body)
		a.keys = append(a.keys, c.Key)
		send(t, a.Stack, body)
	}
	return a
}

// busy waits for a process of change-number that has an invocation, and some
// changes behind it.
func (a *apart) busy(changes int) int {
	a.t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		if a.sim.Skype.Totals().Changes >= changes {
			for _, p := range a.Processes("change-number") {
				if p.RequestID != "" {
					return p.PID
				}
			}
		}
		select {
		case <-tick.C:
		case <-a.t.Context().Done():
			a.t.Fatal("no process had work")
		}
	}
}

// Processes that are killed with calls under way cost nobody anything: not the
// wrong number, not a second change, not their request, and no wait for leases
// and visibility timeouts of the dead, which last for minutes.
func TestIsolatedProcessesAreKilled(t *testing.T) {
	t.Parallel()
	const people, kills = 24, 4
	a := newApart(t, people, local.Isolation{})
	killed := make(chan struct{})
	go func() {
		defer close(killed)
		for k := range kills {
			if err := syscall.Kill(a.busy(k*people/8), syscall.SIGKILL); err != nil && !errors.Is(err, syscall.ESRCH) {
				t.Error(err)
			}
		}
	}()
	start := time.Now()
	runUntilDone(t, a.Stack, a.keys)
	<-killed
	checkHires(t, a.Ledger, a.sim, a.org, a.keys)
	if n := strings.Count(a.logs.String(), "function process ended in an invocation"); n < kills/2 {
		t.Errorf("%d of %d kills met an invocation: the test proves little", n, kills)
	}
	if took := time.Since(start); took > time.Minute {
		t.Errorf("took %s: somebody waited for the dead", took)
	}
	lost := 0
	for _, key := range a.keys {
		r, _, _ := a.Ledger.Request(t.Context(), key)
		lost += r.Lost
	}
	if lost == 0 {
		t.Error("no lease was taken over from the dead")
	}
	if !strings.Contains(a.logs.String(), `"message":"number assigned","function":"change-number"`) {
		t.Error("what processes log is not in the log")
	}
}

// A function that cannot start says why before anything is worked on, and its
// messages stay.
func TestIsolatedFunctionCannotStart(t *testing.T) {
	t.Parallel()
	sim, err := local.Simulate(organisation(1), local.Latency{})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	settings := sim.Settings()
	settings.WebexRate, settings.Auth = 1e6, "magic"
	self, _ := os.Executable()
	path := filepath.Join(t.TempDir(), "dialtone.db")
	d, err := local.Join(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Send(t.Context(), hire("hire-1", 1, "site")); err != nil {
		t.Fatal(err)
	}
	_, err = local.Open(t.Context(), local.Options{Path: path, Settings: settings, Isolation: &local.Isolation{Binary: self, Args: []string{"function"}}})
	for _, want := range append(local.Names(), "cannot start", `UCWA_AUTH: "magic" is not known: set one of`, "WEBEX_RATE: ") {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
	if n := counts(t, d); n.Visible != 1 {
		t.Errorf("messages %+v, want one that waits", n)
	}
	_, err = local.Open(t.Context(), local.Options{Path: path, Settings: sim.Settings(), Isolation: &local.Isolation{Binary: "missing"}})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v, want that the program does not exist", err)
	}
}

// A process that is killed while it starts tells nothing of its function: another
// one is started, and the stack opens.
func TestIsolatedFunctionIsKilledAtItsStart(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	binary := filepath.Join(folder, "once-killed")
	script := fmt.Sprintf("#!/bin/sh\nif mkdir '%s/'\"$2\" 2>/dev/null; then kill -9 $$; fi\nexec '%s' \"$@\"\n", folder, self)
	if err := os.WriteFile(binary, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	sim, err := local.Simulate(organisation(1), local.Latency{})
	if err != nil {
		t.Fatal(err)
	}
	defer sim.Close()
	stack, err := local.Open(t.Context(), local.Options{
		Path: filepath.Join(t.TempDir(), "dialtone.db"), Settings: sim.Settings(),
		Isolation: &local.Isolation{Binary: binary, Args: []string{"function"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	for _, name := range local.Names() {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Errorf("%s was never killed, so the test proves nothing: %v", name, err)
		}
	}
}

// A function that cannot start any more, in a run that goes on, keeps its
// messages, and works on them as soon as it can start again.
func TestIsolatedFunctionStartsAgain(t *testing.T) {
	t.Parallel()
	binary, away := filepath.Join(t.TempDir(), "dialtone"), filepath.Join(t.TempDir(), "away")
	self, _ := os.Executable()
	if err := os.Symlink(self, binary); err != nil {
		t.Fatal(err)
	}
	a := newApart(t, 3, local.Isolation{Binary: binary})
	if err := os.Rename(binary, away); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(a.Processes("change-number")[0].PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	back := make(chan struct{})
	go func() {
		defer close(back)
		for !strings.Contains(a.logs.String(), "function does not start") { // an invocation may fail before, with the killed process
			time.Sleep(time.Millisecond)
		}
		if n := counts(t, a.Data); n.Visible+n.InFlight != 3 {
			t.Errorf("messages %+v, want all three", n)
		}
		if err := os.Rename(away, binary); err != nil {
			t.Error(err)
		}
	}()
	runUntilDone(t, a.Stack, a.keys)
	<-back
	checkHires(t, a.Ledger, a.sim, a.org, a.keys)
}

func TestIsolationIsChecked(t *testing.T) {
	t.Parallel()
	_, err := local.Open(t.Context(), local.Options{Path: "unused", Isolation: &local.Isolation{Timeout: time.Second, Memory: -1}})
	for _, want := range []string{"timeout is 1s, want 15s to 1m0s", "memory is -1 MB"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v does not say %q", err, want)
		}
	}
}

func counts(t *testing.T, d *local.Data) queue.Counts {
	t.Helper()
	q, err := d.Queues.Queue(t.Context(), local.NumbersQueue)
	if err != nil {
		t.Fatal(err)
	}
	n, err := q.Counts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// No process is left when a stack is closed.
func TestIsolatedProcessesEnd(t *testing.T) {
	t.Parallel()
	a := newApart(t, 1, local.Isolation{})
	runUntilDone(t, a.Stack, a.keys)
	var pids []int
	for _, name := range local.Names() {
		for _, p := range a.Processes(name) {
			pids = append(pids, p.PID)
		}
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	if len(pids) < len(local.Names()) {
		t.Errorf("%d processes for %d functions", len(pids), len(local.Names()))
	}
	for _, pid := range pids {
		if err := syscall.Kill(pid, 0); !errors.Is(err, syscall.ESRCH) {
			t.Errorf("process %d is left: %v", pid, err)
		}
	}
}

// An interrupt lets an invocation finish; nothing has to be done twice.
func TestIsolatedStopWaits(t *testing.T) {
	t.Parallel()
	a := newApart(t, 4, local.Isolation{})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	a.busy(1)
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	for _, key := range a.keys {
		r, found, err := a.Ledger.Request(t.Context(), key)
		if err != nil || found && r.Outcome == nil {
			t.Errorf("%s was begun and not finished: %s, %v", key, r.State, err)
		}
	}
	if strings.Contains(a.logs.String(), "invocation failed") {
		t.Error("an invocation was cut")
	}
}

// Every queue is some function's, and none is that of two.
func TestEveryQueueHasItsFunction(t *testing.T) {
	t.Parallel()
	d, err := local.Join(t.Context(), filepath.Join(t.TempDir(), "dialtone.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	all, err := d.Queues.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, q := range all {
		names = append(names, q.Name())
	}
	slices.Sort(names)
	if got := local.MappedQueues(); !slices.Equal(got, names) {
		t.Errorf("functions handle %v, there are %v", got, names)
	}
}
