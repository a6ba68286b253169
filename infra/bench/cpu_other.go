//go:build !unix

package main

import (
	"errors"
	"time"
)

func cpuTime() (time.Duration, error) {
	return 0, errors.New("this system does not tell the CPU time of a process: run the benchmark on Linux or macOS")
}
