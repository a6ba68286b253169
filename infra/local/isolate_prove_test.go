//go:build prove && unix

package local_test

import (
	"errors"
	"strings"
	"syscall"
	"testing"
	"time"

	"dialtone/infra/local"
)

// A process that hangs is killed at its timeout, and its messages come back.
func TestIsolatedProcessHangs(t *testing.T) {
	t.Parallel()
	a := newApart(t, 6, local.Isolation{Timeout: 15 * time.Second})
	stopped := make(chan int, 1)
	go func() {
		pid := a.busy(0)
		_ = syscall.Kill(pid, syscall.SIGSTOP) // nothing of it runs any more
		stopped <- pid
	}()
	runUntilDone(t, a.Stack, a.keys)
	checkHires(t, a.Ledger, a.sim, a.org, a.keys)
	if !strings.Contains(a.logs.String(), "function timed out and was killed") {
		t.Error("nothing timed out")
	}
	if err := syscall.Kill(<-stopped, 0); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("the process is still there: %v", err)
	}
}
