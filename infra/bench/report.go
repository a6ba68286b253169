package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// report is what a run found.
type report struct {
	rows    []row
	figures []string
}

// row is a figure with a budget.
type row struct {
	what     string
	measured float64
	limit    float64
	unit     string // "x" for a ratio
}

func (r row) kept() bool { return r.measured <= r.limit }

func (r *report) row(what string, measured, limit float64, unit string) {
	r.rows = append(r.rows, row{what, measured, limit, unit})
}

// figure adds an exact figure that has no budget of its own.
func (r *report) figure(format string, args ...any) {
	r.figures = append(r.figures, fmt.Sprintf(format, args...))
}

func (r *report) broken() bool {
	return slices.ContainsFunc(r.rows, func(r row) bool { return !r.kept() })
}

// print writes the table, its columns parted by |, and the figures below it.
func (r *report) print(w io.Writer) error {
	var b strings.Builder
	line := func(what, measured, budget, ok string) {
		fmt.Fprintf(&b, "%-62s | %8s | %8s | %s\n", what, measured, budget, ok)
	}
	line("what", "measured", "budget", "ok")
	for _, row := range r.rows {
		ok := "yes"
		if !row.kept() {
			ok = "NO"
		}
		line(row.what, fmt.Sprintf("%.3g%s", row.measured, row.unit), fmt.Sprintf("<= %.3g%s", row.limit, row.unit), ok)
	}
	b.WriteString("\n")
	for _, f := range r.figures {
		b.WriteString(f + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// spread is one figure in several rounds.
type spread []float64

func (s spread) median() float64 {
	sorted := slices.Sorted(slices.Values(s))
	mid := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[mid]
	}
	return (sorted[mid-1] + sorted[mid]) / 2
}

// String gives the least, the median and the greatest.
func (s spread) String() string {
	return fmt.Sprintf("min %.3f  median %.3f  max %.3f", slices.Min(s), s.median(), slices.Max(s))
}

// over returns the ratios of figures taken in the same rounds.
func (s spread) over(other spread) spread {
	ratios := make(spread, len(s))
	for i := range s {
		ratios[i] = s[i] / other[i]
	}
	return ratios
}
