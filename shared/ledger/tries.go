package ledger

import (
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"dialtone/shared/failure"
)

// Try is one time that a request was worked on without coming to an end.
type Try struct {
	Began   time.Time     `json:"began"`
	Ended   time.Time     `json:"ended,omitzero"`  // zero: its process died
	Class   failure.Class `json:"class,omitempty"` // "": none was told
	Problem string        `json:"problem"`
}

// Tries is the history of a request that did not succeed at once. It is bounded,
// since a request can wait through an outage of days: the first try shows how it
// began, the last ones how it stands. The zero value is none.
type Tries struct {
	Kept    []Try `json:"kept"`              // the first and the last nine, oldest first
	LeftOut int   `json:"leftOut,omitempty"` // how many there were between the first and the others
}

const (
	triesKept = 10

	// longestProblem is how many bytes of a problem a try keeps.
	longestProblem = 300
)

// Last returns the latest try; found is false when there is none.
func (t Tries) Last() (last Try, found bool) {
	if len(t.Kept) == 0 {
		return Try{}, false
	}
	return t.Kept[len(t.Kept)-1], true
}

// and returns the history with one more try.
func (t Tries) and(next Try) Tries {
	next.Began, next.Ended = next.Began.UTC(), next.Ended.UTC()
	if next.Class == "" {
		next.Class = classOf(next.Problem)
	}
	next.Problem = cut(next.Problem, longestProblem)
	kept := append(slices.Clone(t.Kept), next)
	if len(kept) > triesKept {
		kept, t.LeftOut = slices.Delete(kept, 1, 2), t.LeftOut+1
	}
	return Tries{Kept: kept, LeftOut: t.LeftOut}
}

// yielded and died are the try that a running request is in the middle of.
func (r Request) yielded(problem string, now time.Time) Tries {
	return r.Tries.and(Try{Began: r.Updated, Ended: now, Problem: problem})
}

func (r Request) died() Tries {
	return r.Tries.and(Try{Began: r.Updated, Class: failure.Unknown, Problem: "the process that worked on it died, or was stopped"})
}

// classOf reads the class that a rendered [failure.Error] begins with.
func classOf(problem string) failure.Class {
	word, _, _ := strings.Cut(problem, ":")
	if c := failure.Class(word); c.Permanent() || c == failure.Unavailable || c == failure.Unknown {
		return c
	}
	return ""
}

// cut shortens s to at most n bytes, between two characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	end := n - len("…")
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
