package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/fatih/color"

	"dialtone/infra/audit"
)

// auditRun is an audit on its way.
type auditRun struct {
	t       *terminal
	journal *audit.Journal
	mender  audit.Mender
	out     findingWriter
	bar     progress // of the location under way
}

// findingWriter is a form in which findings are printed.
type findingWriter interface {
	write(f audit.Finding) error
	end() error // of the audit; not called where it was interrupted
}

// all goes through the cases from where the journal stands. What was found before
// is told first, so that the whole is the same as without an interrupt.
func (r *auditRun) all(ctx context.Context, a *audit.Auditor) error {
	for _, f := range r.journal.Findings {
		if err := r.out.write(f); err != nil {
			return err
		}
	}
	location := ""
	defer func() { r.bar.end() }()
	for step, err := range a.Run(ctx, r.journal.At) {
		if err != nil {
			return err
		}
		if step.At.LocationID != location {
			location = step.At.LocationID
			r.bar.end()
			r.bar = r.t.progress(step.Total, "auditing "+location)
		}
		if err := r.one(ctx, step); err != nil {
			return err
		}
		r.bar.set(step.Done)
	}
	return r.out.end()
}

// one repairs, keeps and prints what came of a case.
func (r *auditRun) one(ctx context.Context, step audit.Step) error {
	for i, f := range step.Findings {
		step.Findings[i] = r.mender.Mend(ctx, f)
		r.tell(step.Findings[i])
	}
	if err := r.journal.Note(step.At, step.Findings); err != nil {
		return err
	}
	for _, f := range step.Findings {
		if err := r.out.write(f); err != nil {
			return err
		}
	}
	return nil
}

// tell says what became of a repair, at once.
func (r *auditRun) tell(f audit.Finding) {
	if f.Result != "" && r.bar.bar != nil {
		_ = r.bar.bar.Clear()
	}
	switch f.Result {
	case audit.NotRepaired:
		r.t.say("%s %s %s: %s: %s", color.YellowString(string(f.Result)+":"), f.Kind, f.Number, f.Repair, f.Cause)
	case audit.Repaired, audit.WouldRepair:
		r.t.say("%s %s %s: %s", color.GreenString(string(f.Result)+":"), f.Kind, f.Number, f.Repair)
	}
}

// verdict sums up by kind and by result.
func (r *auditRun) verdict() error {
	kinds, results := map[audit.Kind]int{}, map[audit.Result]int{}
	for _, f := range r.journal.Findings {
		kinds[f.Kind]++
		results[f.Result]++
	}
	total := len(r.journal.Findings)
	if total == 0 {
		r.t.say("no drift: all sides agree")
		return nil
	}
	var parts []string
	for _, k := range audit.Kinds() {
		if kinds[k] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", kinds[k], k))
		}
	}
	r.t.say("%s: %s", count(total, "finding"), strings.Join(parts, ", "))
	if results[""] < total {
		r.t.say("%d repaired, %d would be repaired, %d not repaired, %d for a person to decide",
			results[audit.Repaired], results[audit.WouldRepair], results[audit.NotRepaired], results[""])
	}
	return exitError{exitPartial, nil}
}

// findings returns the form that the flags ask for.
func (t *terminal) findings(f auditFlags) (findingWriter, error) {
	switch {
	case f.asJSON:
		e := json.NewEncoder(t.out)
		e.SetEscapeHTML(false)
		return jsonFindings{e}, nil
	case f.asCSV:
		w := csvFindings{csv.NewWriter(t.out)}
		return w, w.row("kind", "location", "number", "user", "phone", "problem", "mend", "repair", "result", "cause")
	}
	return &tableFindings{w: t.out}, nil
}

// jsonFindings are JSON lines.
type jsonFindings struct{ *json.Encoder }

func (w jsonFindings) write(f audit.Finding) error { return w.Encode(f) }
func (w jsonFindings) end() error                  { return nil }

// csvFindings are rows of RFC 4180.
type csvFindings struct{ *csv.Writer }

func (w csvFindings) write(f audit.Finding) error {
	return w.row(string(f.Kind), f.LocationID, string(f.Number), string(f.User), string(f.PhoneType),
		f.Problem, f.Mend, string(f.Repair), string(f.Result), f.Cause)
}

func (w csvFindings) end() error { return nil }

func (w csvFindings) row(fields ...string) error {
	for i, s := range fields {
		if strings.HasPrefix(s, "=") || strings.HasPrefix(s, "@") {
			fields[i] = "'" + s // a spreadsheet would run it; numbers begin with a plus and are ours
		}
	}
	err := w.Write(fields)
	w.Flush()
	if err == nil {
		err = w.Error()
	}
	return err
}

// tableFindings is a table by location, whose columns need to know all rows.
type tableFindings struct {
	w   io.Writer
	all []audit.Finding
}

func (w *tableFindings) write(f audit.Finding) error {
	w.all = append(w.all, f)
	return nil
}

func (w *tableFindings) end() error {
	if len(w.all) == 0 {
		return nil
	}
	tab := newTable(w.w, "kind", "number", "user", "location", "problem", "what to do")
	for _, f := range w.all {
		mend := f.Mend
		if f.Result != "" {
			mend = fmt.Sprintf("%s: %s", f.Result, f.Repair)
		}
		tab.AppendRow([]any{f.Kind, f.Number, f.User, f.LocationID, f.Problem, mend})
	}
	tab.Render()
	return nil
}
