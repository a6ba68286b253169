package simkit

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
)

// Fault says which requests go wrong and how. Zero fields match everything and
// do nothing. The first fault of the script that matches, is not used up and
// wins its draw is the only one that acts on a request.
//
// Without Apply and ResetAfter, a fault that answers, hangs or resets does so
// instead of carrying the request out. Latency, Header and Truncate alone leave
// the request to the simulator and touch only its answer.
type Fault struct {
	Name string `json:"name,omitempty"` // label in the history and for removal; empty: the assigned ID

	// Which requests.
	Operation string  `json:"operation,omitempty"` // as the simulator names it, e.g. "changeNumber"; empty: any
	User      string  `json:"user,omitempty"`      // folded before comparing; empty: any, also requests without a user
	After     int     `json:"after,omitempty"`     // let the first n matches pass
	Times     int     `json:"times,omitempty"`     // act at most n times; 0: without end
	Rate      float64 `json:"rate,omitempty"`      // probability of acting on a match, 0 to 1; 0: always

	// How they go wrong. Latency comes first, then Hang, then a reset, then the answer.
	Latency     Duration          `json:"latency,omitempty"`     // added to the general latency
	Hang        bool              `json:"hang,omitempty"`        // never answer; ends when the caller gives up or the fault is removed
	ResetBefore bool              `json:"resetBefore,omitempty"` // TCP reset, request not carried out
	ResetAfter  bool              `json:"resetAfter,omitempty"`  // TCP reset, request carried out
	Apply       bool              `json:"apply,omitempty"`       // carry the request out, then let the fault hide its answer
	Status      int               `json:"status,omitempty"`      // answer with this HTTP status, 100 excluded
	Code        string            `json:"code,omitempty"`        // error code of the answer, in the simulated API's own form; needs Status
	Subcode     string            `json:"subcode,omitempty"`     // the same for a subcode; needs Status
	Header      map[string]string `json:"header,omitempty"`      // set on the answer, the simulator's own included
	Body        string            `json:"body,omitempty"`        // answer exactly this; Status 0: 200
	HTML        bool              `json:"html,omitempty"`        // answer the HTML page of a web server; Status 0: 503
	Truncate    int               `json:"truncate,omitempty"`    // send n bytes of the body, then close; -1: headers only
}

// FaultStatus is a fault of the script and what it has done so far.
type FaultStatus struct {
	ID string `json:"id"`
	Fault
	Matched int `json:"matched"` // requests that fitted Operation and User when the fault was reached
	Fired   int `json:"fired"`   // requests it acted on
}

// replaces reports whether the caller sees an answer that the simulator did not write.
func (f Fault) replaces() bool { return f.Status != 0 || f.Body != "" || f.HTML }

// late reports whether the fault acts after the request has been carried out.
func (f Fault) late() bool { return f.Apply || f.ResetAfter }

// applies reports whether the request is carried out at all.
func (f Fault) applies() bool {
	return f.late() || !f.replaces() && !f.Hang && !f.ResetBefore
}

// idle reports whether acting would change nothing.
func (f Fault) idle() bool {
	return f.Latency == 0 && !f.Hang && !f.ResetBefore && !f.ResetAfter && !f.replaces() &&
		len(f.Header) == 0 && f.Truncate == 0
}

func (f Fault) status() int {
	switch {
	case f.Status != 0:
		return f.Status
	case f.Body != "":
		return http.StatusOK
	default:
		return http.StatusServiceUnavailable
	}
}

// Problem is one thing wrong with a fault or a control request.
type Problem struct {
	Field   string `json:"field"`   // JSON name; empty when the whole body is meant
	Problem string `json:"problem"` // what is wrong with it
	Mend    string `json:"mend"`    // what to send instead
}

// Invalid reports every problem of a refused fault or control request at once.
type Invalid struct {
	Problems []Problem `json:"problems"`
}

// Error joins the problems, each with its mend.
func (e *Invalid) Error() string {
	parts := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		parts[i] = fmt.Sprintf("%s: %s (%s)", p.Field, p.Problem, p.Mend)
	}
	return strings.Join(parts, "; ")
}

// problems checks f against the operations the simulator knows; none means that
// any name is accepted.
func (f Fault) problems(operations []string) []Problem {
	var ps []Problem
	add := func(bad bool, field, problem, mend string) {
		if bad {
			ps = append(ps, Problem{field, problem, mend})
		}
	}
	known := len(operations) == 0 || f.Operation == "" || slices.Contains(operations, f.Operation)
	add(!known, "operation", fmt.Sprintf("%q is not an operation of this simulator", f.Operation),
		"use one of "+strings.Join(operations, ", ")+", or leave it out for any")
	add(!(f.Rate >= 0 && f.Rate <= 1) || math.IsNaN(f.Rate), "rate", fmt.Sprintf("%v is not a probability", f.Rate),
		"use a number from 0 to 1; 0 or none means always")
	add(f.After < 0, "after", "is negative", "use the number of matches to let pass")
	add(f.Times < 0, "times", "is negative", "use how often to act; 0 or none means without end")
	add(f.Latency < 0, "latency", "is negative", `use a duration such as "150ms"`)
	add(f.Truncate < -1, "truncate", "is below -1", "use the number of bytes to send; -1 sends the headers only")
	add(f.Status != 0 && (f.Status < 200 || f.Status > 599), "status", fmt.Sprintf("%d is not a final HTTP status", f.Status),
		"use 200 to 599, or leave it out")
	add(f.Status == 0 && (f.Code != "" || f.Subcode != ""), "status", "is missing although code or subcode is set",
		"add the HTTP status of the error")
	add(f.ResetBefore && (f.ResetAfter || f.Apply), "resetBefore", "contradicts resetAfter and apply", "keep one of them")
	add(f.Hang && (f.ResetBefore || f.ResetAfter), "hang", "never comes to the reset", "keep one of them")
	add(f.idle(), "", "the fault does nothing",
		"add one of latency, hang, resetBefore, resetAfter, status, header, body, html, truncate")
	return ps
}
