package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
)

// resident returns the bytes of a process that are in memory now. The peak that
// its parent learns is of no use: it includes the parent, which the process was
// before it became another program.
func resident(_ context.Context, pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("memory of process %d: %w", pid, err)
	}
	for line := range bytes.Lines(status) {
		var kib int64
		if n, _ := fmt.Sscanf(string(line), "VmRSS: %d kB", &kib); n == 1 {
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("memory of process %d: not in its status", pid)
}
