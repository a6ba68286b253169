package lambdahost

import "syscall"

// attributes give a process its own group, out of reach of a terminal's
// interrupt, and let the kernel kill it when the thread that started it dies:
// not even a host that is killed leaves functions behind.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
