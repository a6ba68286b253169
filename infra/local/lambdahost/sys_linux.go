package lambdahost

import (
	"fmt"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// attributes give a process its own group, out of reach of a terminal's
// interrupt, and let the kernel kill it when the thread that started it dies:
// not even a host that is killed leaves functions behind.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// awaitStop returns when a process that was told to stop has done so: each of its
// threads may work on for a moment. It returns at once when the process is gone.
func awaitStop(pid int) {
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WSTOPPED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			return
		}
	}
}

// resident returns how much memory a process has in RAM, in MB; 0 when it is
// gone. It is the second number of statm, in pages (proc_pid_statm(5)).
func resident(pid int) int {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	var size, pages int
	if _, err := fmt.Sscan(string(raw), &size, &pages); err != nil {
		return 0
	}
	return pages * os.Getpagesize() >> 20
}
