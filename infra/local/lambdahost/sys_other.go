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
func send(p *os.Process, sig syscall.Signal) {
	if sig == sigTerminate || sig == sigKill {
		_ = p.Kill()
	}
}

// sweep does nothing: what the process has started is not known.
func sweep(*os.Process) {}

func awaitStop(int) {}

// resident is not known here.
func resident(int) int { return 0 }
