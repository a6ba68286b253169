package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Budgets of a function.
const (
	maxRatio  = 2.0       // of its start to the empty one's
	maxZipped = 6_000_000 // bytes of its zip
)

// kept reports whether the function starts and keeps its budgets.
func (f *function) kept() bool {
	return f.fault == nil && f.ratios.median() <= maxRatio && f.zipped <= maxZipped
}

func broken(all []*function) bool {
	return slices.ContainsFunc(all, func(f *function) bool { return !f.kept() })
}

// table writes a row for each function, its columns parted by |, after one with
// the budgets; a figure that could not be taken is "-". What does not build or
// start is explained after an empty line.
func table(w io.Writer, all []*function) error {
	width := len("function")
	for _, f := range all {
		width = max(width, len(f.name))
	}
	var b, faults strings.Builder
	line := func(name string, cells ...string) {
		fmt.Fprintf(&b, "%-*s", width, name)
		for _, c := range cells {
			fmt.Fprintf(&b, " | %11s", c)
		}
		b.WriteString("\n")
	}
	line("function", "start ms", "p90 ms", "over empty", "memory MiB", "binary MB", "zip MB", "ok")
	line("budget", "", "", fmt.Sprintf("<= %.1fx", maxRatio), "", "", fmt.Sprintf("<= %.2f", maxZipped/1e6), "")
	for _, f := range all {
		line(f.name, figure("%.2f", f.starts.median()), figure("%.2f", f.starts.quantile(0.9)), figure("%.2fx", f.ratios.median()),
			figure("%.1f", f.memory.median()), figure("%.2f", float64(f.size)/1e6), figure("%.2f", float64(f.zipped)/1e6), verdict(f))
		if f.fault != nil {
			fmt.Fprintf(&faults, "%s: %v\n", f.name, f.fault)
		}
	}
	if faults.Len() > 0 {
		b.WriteString("\n" + faults.String())
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func verdict(f *function) string {
	if f.kept() {
		return "yes"
	}
	return "NO"
}

func figure(format string, v float64) string {
	if math.IsNaN(v) {
		return "-"
	}
	return fmt.Sprintf(format, v)
}
