//go:build prove

package main

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"testing"
)

// Every measurement runs, small, and prints rows that a program can read. What
// they measure at this size says nothing, but for what cannot vary.
func TestQuickRun(t *testing.T) {
	for _, store := range []string{"sqlite", "memory"} {
		t.Run(store, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			if err := run(t.Context(), []string{"-quick", "-store", store}, &out, io.Discard); err != nil {
				t.Fatal(err)
			}
			rows, found := table(t, out.String()), 0
			for _, want := range []struct {
				what     string
				min, max float64
			}{
				{"UCWA calls per assign", 5, 6},
				{"Webex calls per batch", 2, 2},
				{"CPU per assign over the bare loop's", 0.1, 100},
				{"reserve attempts per assign", 1, 3},
				{"users without a number of their own", 0, 0},
				{"wall of a batch of 10 over that of 1", 0.1, 100},
				{"ledger operations per assign, 10 -> 1000 people", 0.5, 2},
				{"CPU per assign, 10 -> 1000 people", 0.01, 100},
				{"Webex calls per batch of 10 at a crowded location", 2, 4},
			} {
				if store == "memory" && strings.HasPrefix(want.what, "CPU per assign, ") {
					continue // its searches are a model's
				}
				found++
				i := slices.IndexFunc(rows, func(r printed) bool { return strings.HasPrefix(r.what, want.what) })
				if i < 0 {
					t.Errorf("no row %q in\n%s", want.what, out.String())
					continue
				}
				if got := rows[i].measured; got < want.min || got > want.max {
					t.Errorf("%s is %v, want %v to %v", want.what, got, want.min, want.max)
				}
			}
			if len(rows) != found {
				t.Errorf("%d rows, want %d:\n%s", len(rows), found, out.String())
			}
		})
	}
}
