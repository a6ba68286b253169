//go:build unix

package lambdahost

import "syscall"

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
func send(leader int, sig syscall.Signal) { _ = syscall.Kill(-leader, sig) }
