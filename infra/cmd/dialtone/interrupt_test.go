package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
)

// An interrupt that comes while the stack is opened is a stop like any other.
func TestInterruptedAtTheStart(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	var out, words bytes.Buffer
	terminal := &terminal{in: strings.NewReader(""), out: &out, err: &words}
	status := terminal.main(ctx, []string{"run", "--quick", "--listen=", "--data", filepath.Join(t.TempDir(), "d.db")})
	if status != 0 || !strings.Contains(words.String(), "stopped before anything was begun") {
		t.Errorf("status %d: %s", status, words.String())
	}
}
