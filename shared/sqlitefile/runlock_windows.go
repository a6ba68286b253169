package sqlitefile

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// region is one byte far behind the process id: Windows keeps others from
// reading what is locked.
func region() *windows.Overlapped { return &windows.Overlapped{Offset: 1 << 30} }

func tryLock(file *os.File) (held bool, err error) {
	const flags = windows.LOCKFILE_EXCLUSIVE_LOCK | windows.LOCKFILE_FAIL_IMMEDIATELY
	err = windows.LockFileEx(windows.Handle(file.Fd()), flags, 0, 1, 0, region())
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return false, nil
	}
	return err == nil, err
}

func unlock(file *os.File) error {
	return windows.UnlockFileEx(windows.Handle(file.Fd()), 0, 1, 0, region())
}
