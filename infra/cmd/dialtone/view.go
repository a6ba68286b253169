package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"dialtone/infra/deployment"
)

// printJSON writes v as indented JSON.
func printJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// newTable is a plain table; colours and boxes are left to people's terminals.
func newTable(w io.Writer, head ...any) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	if len(head) > 0 {
		t.AppendHeader(head)
	}
	return t
}

// progress shows how far long work has come, on a terminal only.
type progress struct{ bar *progressbar.ProgressBar }

func (t *terminal) progress(total int, what string) progress {
	if !t.live || total == 0 {
		return progress{}
	}
	return progress{progressbar.NewOptions(total,
		progressbar.OptionSetWriter(t.err), progressbar.OptionSetDescription(what),
		progressbar.OptionShowCount(), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())}
}

func (p progress) set(n int) {
	if p.bar != nil {
		_ = p.bar.Set(n)
	}
}

func (p progress) end() {
	if p.bar != nil {
		_ = p.bar.Finish()
	}
}

// say writes a line for people.
func (t *terminal) say(format string, args ...any) {
	fmt.Fprintf(t.err, format+"\n", args...)
}

// dataFlag adds the flag that names the data file.
func dataFlag(c *cobra.Command, path *string) {
	c.Flags().StringVar(path, "data", "data/dialtone.db", "data file of the embedded stack")
}

// placeFlags add the flags that name a deployment.
func placeFlags(c *cobra.Command, p *deployment.Place) {
	dataFlag(c, &p.Data)
	c.Flags().StringVar(&p.Stack, "stack", "", "name of a stack on AWS, instead of a data file")
	c.Flags().StringVar(&p.Region, "region", "", "AWS region of the stack; empty: as the AWS configuration says")
	c.PreRunE = func(c *cobra.Command, _ []string) error {
		switch {
		case p.Stack != "" && c.Flags().Changed("data"):
			return exitError{exitUsage, errors.New("--data and --stack name two deployments: give one of them")}
		case p.Region != "" && p.Stack == "":
			return exitError{exitUsage, errors.New("--region goes with --stack: say which stack of the region is meant")}
		}
		return nil
	}
}

// jsonFlag adds the flag for machine-readable output.
func jsonFlag(c *cobra.Command, on *bool) {
	c.Flags().BoolVar(on, "json", false, "print JSON")
}

// when writes a time as people read it, in their own zone.
func when(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}
