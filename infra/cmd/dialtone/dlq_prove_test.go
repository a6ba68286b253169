//go:build prove

package main

import (
	"strings"
	"testing"
	"time"
)

// TestTenThousandDeadLetters lists so many in about a second; the bound is a
// wide one, for machines that have other things to do.
func TestTenThousandDeadLetters(t *testing.T) {
	const many, bound = 10_000, 5 * time.Second
	path := buryMany(t, many)
	for _, args := range [][]string{{}, {"--json"}, {"--class", "exhausted", "--location", "site-1"}, {"--older-than", "1h"}} {
		began := time.Now()
		status, out, words := dialtone(t.Context(), append([]string{"dlq", "list", "--data", path}, args...)...)
		took := time.Since(began)
		t.Logf("dlq list %s: %d lines in %s", strings.Join(args, " "), strings.Count(out, "\n"), took)
		if status != 0 || took > bound {
			t.Errorf("status %d after %s: %s", status, took, words)
		}
	}
}
