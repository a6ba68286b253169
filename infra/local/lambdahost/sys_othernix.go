//go:build unix && !linux

package lambdahost

import "syscall"

// attributes give a process its own group, out of reach of a terminal's
// interrupt. When the host is killed, a running function ends as it finds the
// Runtime API gone; a stopped one is hung up on by the kernel, since its group
// has lost its parent.
func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }

// awaitStop does nothing: the process stops a moment later.
func awaitStop(int) {}

// resident is not known here.
func resident(int) int { return 0 }
