package sqlitefile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
)

// runLock is an advisory lock of the operating system on a small file beside
// the database. It ends with the process, however that ends. The file stays:
// removing it would let two processes hold locks on two files of that name.
type runLock struct {
	file *os.File
	held bool
}

func openLock(path string) (*runLock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	return &runLock{file: file}, nil
}

// acquire takes the lock without waiting and writes the process id into it.
func (l *runLock) acquire() error {
	var err error
	if l.held, err = tryLock(l.file); err != nil {
		return fmt.Errorf("lock %s: %w", l.file.Name(), err)
	}
	if !l.held {
		return &InUseError{Path: l.file.Name(), PID: l.owner()}
	}
	pid := strconv.Itoa(os.Getpid()) + "\n"
	if err := l.file.Truncate(0); err != nil {
		return err
	}
	_, err = l.file.WriteAt([]byte(pid), 0)
	return err
}

// owner reads the process id of the holder; 0 if it has not written it yet.
func (l *runLock) owner() int {
	text, err := io.ReadAll(io.LimitReader(io.NewSectionReader(l.file, 0, 32), 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(string(bytes.TrimSpace(text)))
	if err != nil {
		return 0
	}
	return pid
}

func (l *runLock) release() error {
	var err error
	if l.held {
		err = unlock(l.file)
	}
	return errors.Join(err, l.file.Close())
}
