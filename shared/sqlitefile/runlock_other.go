//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package sqlitefile

import (
	"errors"
	"os"
)

func tryLock(*os.File) (held bool, err error) { return false, errors.ErrUnsupported }

func unlock(*os.File) error { return nil }
