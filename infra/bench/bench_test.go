package main

import (
	"bytes"
	"context"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestMain lets the test binary be the simulators' process, as the program is.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == simulatorsCommand {
		main()
		return
	}
	os.Exit(m.Run())
}

// printed is a row as a reader of the table sees it.
type printed struct {
	what             string
	measured, budget float64
	ok               bool
}

// table reads what a run printed, down to the first empty line.
func table(t *testing.T, out string) []printed {
	t.Helper()
	head, _, _ := strings.Cut(out, "\n\n")
	var rows []printed
	for _, line := range strings.Split(head, "\n")[1:] {
		cells := strings.Split(line, "|")
		if len(cells) != 4 {
			t.Fatalf("row %q has %d columns, want 4", line, len(cells))
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		r := printed{what: cells[0], measured: figure(t, cells[1]), budget: figure(t, strings.TrimPrefix(cells[2], "<= ")), ok: cells[3] == "yes"}
		if cells[3] != "yes" && cells[3] != "NO" {
			t.Errorf("row %q is neither yes nor NO", line)
		}
		rows = append(rows, r)
	}
	return rows
}

func figure(t *testing.T, s string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(strings.TrimSuffix(s, "x"), 64)
	if err != nil {
		t.Errorf("%q is not a figure: %v", s, err)
	}
	return v
}

func TestReport(t *testing.T) {
	t.Parallel()
	var r report
	r.row("kept", 1.1, 1.1, "x")
	if r.broken() {
		t.Error("a budget that is just kept counts as broken")
	}
	r.row("broken", 7, 6, "")
	r.figure("a figure %d", 1)
	var out bytes.Buffer
	if err := r.print(&out); err != nil {
		t.Fatal(err)
	}
	rows := table(t, out.String())
	want := []printed{{"kept", 1.1, 1.1, true}, {"broken", 7, 6, false}}
	if !slices.Equal(rows, want) {
		t.Errorf("rows %v, want %v", rows, want)
	}
	if !r.broken() || !strings.HasSuffix(out.String(), "\n\na figure 1\n") {
		t.Errorf("broken %v, printed\n%s", r.broken(), out.String())
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		of     spread
		median float64
	}{{spread{3}, 3}, {spread{9, 1, 2}, 2}, {spread{4, 1, 2, 3}, 2.5}} {
		if got := c.of.median(); got != c.median {
			t.Errorf("median of %v is %v, want %v", []float64(c.of), got, c.median)
		}
	}
	if got := (spread{6, 2}).over(spread{3, 4}); !slices.Equal(got, spread{2, 0.5}) {
		t.Errorf("ratios %v", []float64(got))
	}
}

func TestBadFlags(t *testing.T) {
	t.Parallel()
	err := run(context.Background(), []string{"-store", "paper", "-rounds", "0", "-users", "7"}, io.Discard, io.Discard)
	if err == nil {
		t.Fatal("no error")
	}
	for _, name := range []string{"-store", "-rounds", "-users"} {
		if !strings.Contains(err.Error(), name+" ") {
			t.Errorf("error %q does not name %s", err, name)
		}
	}
}
