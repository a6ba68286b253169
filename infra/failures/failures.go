// Package failures is the list of every answer that Skype for Business (UCWA)
// and Webex document for the calls dialtone makes, and of what then happens to a
// command: how often the call is made, how its message ends, and what the
// operator reads.
//
// The list is held against the whole system by the tests of this package, and
// infra/docs/failures.md is written from it. Sources are the pages "UCWA 2.0"
// (by resource name) and "Webex: Get Person Primary Available Phone Numbers".
package failures

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/failure"
)

// Section is the answers to one kind of call.
type Section struct {
	Title string
	Text  string // for the reader of the page; one paragraph

	// Commands are the commands that make the call. Every row is the same for each.
	Commands []Command
	Rows     []Row
}

// Row is one answer of a vendor.
type Row struct {
	Call   string       // the simulator's name of it: changeNumber, availableNumbers, ...
	After  int          // how many such calls of the command are answered as usual before
	Answer simkit.Fault // in place of the usual one; its Operation is Call
	Note   string       // tells the answer from others with the same status and code
	Means  string       // what the vendor's page says, in our words

	// Stood is what the user had set about incoming calls before the commands.
	Stood ucwasim.Forwarding

	// Instead is a call that is refused each time, so that Call is made in its
	// place; "": none.
	Instead string

	// Left is what the outcome of a command that is done says was not restored.
	Left string

	Once    End // when the answer comes one time
	Lasting End // when the answer comes each time
	Words   Words
}

// End is what a command comes to when it meets an answer.
type End struct {
	Kind  Kind
	Calls int           // that the vendor gets in the first delivery, of those that the row is about
	Wait  time.Duration // of Waits: the least; the backoff comes on top
}

// Kind of an end.
type Kind string

// The ends of a delivery.
const (
	Done    Kind = "done"    // the command succeeds all the same
	Waits   Kind = "waits"   // the message comes back, as long as it takes
	Refused Kind = "refused" // dead-lettered at first sight
)

func done(calls int) End    { return End{Kind: Done, Calls: calls} }
func waits(calls int) End   { return End{Kind: Waits, Calls: calls} }
func refused(calls int) End { return End{Kind: Refused, Calls: calls} }

// atLeast is the wait that comes before the backoff.
func (e End) atLeast(d time.Duration) End {
	e.Wait = d
	return e
}

// Words are what people read of the failure: in the dead letter, the outcome, and
// on what waits.
type Words struct {
	Class          failure.Class
	Reason, Advice string
}

// Command is what dialtone is asked to do, in one word.
type Command string

// The commands.
const (
	Assign  Command = "assign"
	Release Command = "release"
	Enable  Command = "enable"
	Disable Command = "disable"
)

// Webex reports whether the answer is Webex's.
func (r Row) Webex() bool {
	return slices.Contains([]string{webexsim.OpAvailableNumbers, webexsim.OpNumbers, webexsim.OpAccessToken}, r.Call)
}

// InXML reports whether the answer may also come in XML: UCWA itself gives it.
func (r Row) InXML() bool { return r.Answer.Code != "" && !r.Webex() && r.Call != "token" }

// Name is the answer in one line, such as "409 Conflict/AlreadyExists".
func (r Row) Name() string {
	a := r.Answer
	var parts []string
	if a.Status != 0 {
		parts = append(parts, fmt.Sprint(a.Status))
	}
	code := a.Code
	if a.Subcode != "" {
		code += "/" + a.Subcode
	}
	for _, p := range []string{code, r.Note} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, " ")
}
