//go:build prove

package main

import (
	"bytes"
	"errors"
	"io"
	"math"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// row is a function as a reader of the table sees it.
type row struct {
	name                              string
	start, p90, ratio, memory, bin, z float64 // NaN for "-"
	ok                                bool
}

// rows reads the table down to the first empty line.
func rows(t *testing.T, out string) []row {
	t.Helper()
	head, _, _ := strings.Cut(out, "\n\n")
	var all []row
	for i, line := range strings.Split(strings.TrimSpace(head), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) != 8 {
			t.Fatalf("row %q has %d columns, want 8", line, len(cells))
		}
		if i < 2 {
			continue // names and budgets
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if cells[7] != "yes" && cells[7] != "NO" {
			t.Errorf("row %q is neither yes nor NO", line)
		}
		n := func(i int) float64 { return number(t, cells[i]) }
		all = append(all, row{cells[0], n(1), n(2), n(3), n(4), n(5), n(6), cells[7] == "yes"})
	}
	return all
}

func number(t *testing.T, s string) float64 {
	t.Helper()
	if s == "-" {
		return math.NaN()
	}
	v, err := strconv.ParseFloat(strings.TrimSuffix(s, "x"), 64)
	if err != nil {
		t.Errorf("%q is not a figure: %v", s, err)
	}
	return v
}

// The whole program runs, on a function that starts and one that does not. What
// it measures in two rounds says nothing, but for what cannot vary.
func TestTwoRounds(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	args := []string{
		"-runs", "2", "-arch", runtime.GOARCH, "-functions", "infra/coldstart/testdata/functions",
		"-env", "DIALTONE_TABLE=table of the test",
	}
	if err := run(t.Context(), args, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	all := rows(t, out.String())
	if len(all) != 4 || all[0].name != emptyName || all[1].name != "broken" || all[2].name != "quick" || all[3].name != "unbuilt" {
		t.Fatalf("rows %+v, want the empty one, broken, quick and unbuilt", all)
	}
	empty, bad, quick := all[0], all[1], all[2]
	if all[3].ok || !strings.Contains(out.String(), "unbuilt: go build for ") {
		t.Errorf("what does not build is %+v in\n%s", all[3], out.String())
	}
	if empty.ratio != 1 || !empty.ok {
		t.Errorf("the empty function is no measure of itself: %+v", empty)
	}
	if !math.IsNaN(bad.start) || bad.ok {
		t.Errorf("one that does not start is %+v", bad)
	}
	if want := "its first line: table of the test: set NO_SUCH_VARIABLE\n"; !strings.Contains(out.String(), want) {
		t.Errorf("printed\n%s\nwithout %q", out.String(), want)
	}
	for _, r := range []row{empty, quick} {
		if r.start <= 0 || r.p90 < r.start || r.memory < 1 || r.z < 1 || r.z > 4 || r.bin < 1.5*r.z || r.bin > 10 {
			t.Errorf("figures %+v cannot be", r)
		}
	}
}

func TestTable(t *testing.T) {
	t.Parallel()
	all := []*function{
		{name: "just", size: 2e6, zipped: maxZipped, starts: spread{1, 2}, memory: spread{3}, ratios: spread{maxRatio}},
		{name: "large", size: 2e6, zipped: maxZipped + 1, starts: spread{1}, ratios: spread{1}},
		{name: "slow", size: 2e6, zipped: 1, starts: spread{1}, ratios: spread{maxRatio + 0.01}},
		{name: "faulty", size: 2e6, zipped: 1, fault: errors.New("because")},
	}
	var out bytes.Buffer
	if err := table(&out, all); err != nil {
		t.Fatal(err)
	}
	got := rows(t, out.String())
	for i, want := range []bool{true, false, false, false} {
		if got[i].ok != want || got[i].name != all[i].name {
			t.Errorf("row %+v, want ok %t", got[i], want)
		}
	}
	if r := got[0]; r.start != 1.5 || r.p90 != 2 || r.ratio != 2 || r.memory != 3 || r.bin != 2 || r.z != 6 {
		t.Errorf("row %+v", r)
	}
	if !strings.HasSuffix(out.String(), "\n\nfaulty: because\n") {
		t.Errorf("printed\n%s", out.String())
	}
	if !broken(all) || broken(all[:1]) {
		t.Error("a broken budget is not noticed, or a kept one is")
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		of          spread
		median, p90 float64
	}{
		{spread{3}, 3, 3},
		{spread{9, 1, 2}, 2, 9},
		{spread{4, 1, 2, 3}, 2.5, 4},
		{spread{10, 9, 8, 7, 6, 5, 4, 3, 2, 1}, 5.5, 9},
	} {
		if m, p := c.of.median(), c.of.quantile(0.9); m != c.median || p != c.p90 {
			t.Errorf("of %v the median is %v and p90 %v, want %v and %v", []float64(c.of), m, p, c.median, c.p90)
		}
	}
	if got := (spread{6, 2}).over(spread{3, 4}); !slices.Equal(got, spread{2, 0.5}) {
		t.Errorf("ratios %v", []float64(got))
	}
}

func TestBadFlags(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-runs", "0"}, {"-env", "NOVALUE"}, {"-env", "=x"}, {"-arch", "pdp11"}, {"stray"}} {
		if err := run(t.Context(), args, io.Discard, io.Discard); err == nil {
			t.Errorf("%v: no error", args)
		}
	}
}
