//go:build !unix

package lambdahost

import (
	"os"
	"syscall"
)

const canFreeze = false

// Signals, of which this system has only the last resort.
const (
	sigTerminate = syscall.SIGTERM
	sigKill      = syscall.SIGKILL
	sigStop      = syscall.Signal(-1)
	sigContinue  = syscall.Signal(-2)
)

func attributes() *syscall.SysProcAttr { return nil }

// send kills the process when it is to end; it cannot be asked to.
func send(pid int, sig syscall.Signal) {
	if sig != sigTerminate && sig != sigKill {
		return
	}
	if p, err := os.FindProcess(pid); err == nil {
		_ = p.Kill()
	}
}

func awaitStop(int) {}
