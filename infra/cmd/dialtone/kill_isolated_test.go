//go:build prove && linux

package main_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFunctionsKilledAtRandom kills processes of functions thirty times while an
// isolated run works on 500 hires, and the run itself five times, and counts: no
// wrong number, no shared number, no visible change beyond one, nothing lost.
func TestFunctionsKilledAtRandom(t *testing.T) {
	const ofFunctions, ofRuns = 30, 5
	r := newRig(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	keys := r.sendAll()
	run := r.start("--isolate")
	hit := 0
	for n := 1; n <= ofFunctions; n++ {
		time.Sleep(time.Duration(50+rng.IntN(300)) * time.Millisecond) // the moment of death is the random input
		before := r.skype.Totals().Changes
		children := childrenOf(t, run.Process.Pid)
		if len(children) == 0 {
			continue // it has just begun
		}
		if syscall.Kill(children[rng.IntN(len(children))], syscall.SIGKILL) == nil && before > 0 && before < hires {
			hit++
		}
		if n%(ofFunctions/ofRuns) == 0 {
			_ = run.Process.Kill()
			_ = run.Wait()
			gone(t, children)
			run = r.start("--isolate")
		}
	}
	t.Logf("%d of %d kills hit a run with work in progress; %d changes by then", hit, ofFunctions, r.skype.Totals().Changes)
	if hit < ofFunctions/5 {
		t.Errorf("only %d kills hit a busy run: the test proves little", hit)
	}
	r.waitForAll(keys)
	children := childrenOf(t, run.Process.Pid)
	if err := run.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := run.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	gone(t, children)
	r.check(keys)
}

// childrenOf returns the processes that a process has started (proc_pid_stat(5):
// the fourth field, two behind the name in parentheses).
func childrenOf(t *testing.T, parent int) []int {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	var all []int
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended meanwhile
		}
		fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
		if len(fields) > 1 && fields[1] == fmt.Sprint(parent) && fields[0] != "Z" {
			pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(path)))
			all = append(all, pid)
		}
	}
	return all
}

// gone reports processes of a run that has ended which are left.
func gone(t *testing.T, pids []int) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for _, pid := range pids {
		for {
			raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			if err != nil || !bytes.Contains(raw, []byte("\x00function\x00")) {
				break
			}
			if time.Now().After(deadline) {
				t.Errorf("process %d is left", pid)
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}
