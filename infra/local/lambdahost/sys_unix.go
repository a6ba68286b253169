//go:build unix

package lambdahost

import (
	"os"
	"syscall"
)

const canFreeze = true

// signals that a process and those it has started get.
const (
	sigTerminate = syscall.SIGTERM
	sigKill      = syscall.SIGKILL
	sigStop      = syscall.SIGSTOP
	sigContinue  = syscall.SIGCONT
)

// send sends a signal to the whole process group, of which the function's
// process is the leader. A group that is gone is no error.
func send(leader *os.Process, sig syscall.Signal) { _ = syscall.Kill(-leader.Pid, sig) }

// sweep ends what a process that is gone has started and left behind. A group
// keeps its id as long as it has members, so no other is hit.
func sweep(leader *os.Process) { send(leader, sigKill) }
