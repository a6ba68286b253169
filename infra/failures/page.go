package failures

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"
)

// File is where the page of [Page] is kept, from the root of the tree.
const File = "infra/docs/failures.md"

const intro = `# What goes wrong, and what then

Every answer that Skype for Business (UCWA) and Webex document for the calls that dialtone makes. Look up the status and
code of the upstream answer in a failed outcome, a dead letter or the log; what to do about a reason is
[below](#what-to-do). Written from the list in infra/failures, which
tests hold against the whole system: do not edit it here, run ` + "`go generate ./infra/failures/generate`" + `.

How to read it:

| once, lasting | an answer that comes one time, and one that comes each time |
|---|---|
| goes on | the command succeeds at once, by another call |
| waits | the message stays on its queue and comes back: after the time that is named, if any, and a random part of 5 s on top, which doubles with each try up to 1 h. There is no limit but the 11 days after which it is dead-lettered as ` + "`unavailable`" + ` |
| refused | dead-lettered at first sight, with class, reason and advice; the user's phone and call forwarding are as they were, and no number is held |
| calls | how many of the calls of the section's kind the vendor gets in the first delivery, for one user of a system that is well otherwise |

Five failed calls in a row to a host pause it for everybody: its messages wait until one probe succeeds
([adr 8](adr/0008-breaker.md)). Whatever waits succeeds when the vendor is well again, and whatever was refused when it is
replayed after the cause was removed; nobody's phone is changed twice. UCWA's answers are understood in JSON and XML alike.
`

// Page renders the list for operators.
func Page() []byte {
	var b bytes.Buffer
	b.WriteString(intro)
	for _, s := range Sections() {
		s.render(&b)
	}
	renderAdvice(&b)
	renderUnmet(&b)
	return b.Bytes()
}

func (s Section) render(b *bytes.Buffer) {
	fmt.Fprintf(b, "\n## %s\n\n%s Commands: %s.\n", s.Title, s.Text, s.commands())
	call := ""
	for i, r := range s.Rows {
		if i == 0 || r.place() != call {
			call = r.place()
			fmt.Fprintf(b, "\n`%s`%s:\n\n| answer | the vendor means | once | lasting | class and reason |\n|---|---|---|---|---|\n", r.Call, r.later())
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s |\n", r.Name(), r.Means, r.Once, r.Lasting, r.read())
	}
}

func (s Section) commands() string {
	var names []string
	for _, c := range s.Commands {
		names = append(names, string(c))
	}
	return strings.Join(names, ", ")
}

func (r Row) place() string { return r.Call + r.later() }

// later says which of several calls of a kind a row is about.
func (r Row) later() string {
	if r.After == 0 {
		return ""
	}
	return ", from the second call on"
}

// String renders the end for a table.
func (e End) String() string {
	n := fmt.Sprintf("%d calls", e.Calls)
	if e.Calls == 1 {
		n = "1 call"
	}
	switch {
	case e.Kind == Done:
		return "goes on, " + n
	case e.Kind == Waits && e.Wait > 0:
		return "waits " + span(e.Wait) + ", " + n
	}
	return string(e.Kind) + ", " + n
}

func span(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimSuffix(d.String(), "0s"), "m0") // 2m, 30s
}

// read is what the operator reads; of a command that is done, in its outcome.
func (r Row) read() string {
	if r.Left != "" {
		return "outcome: " + cell(r.Left)
	}
	return r.Words.read()
}

func (w Words) read() string {
	if w.Class == "" {
		return ""
	}
	return cell(fmt.Sprintf("`%s`: %s", w.Class, w.Reason))
}

// renderAdvice lists each reason once, with what to do.
func renderAdvice(b *bytes.Buffer) {
	b.WriteString("\n## What to do\n\n| class and reason | advice |\n|---|---|\n")
	var lines []string
	for _, s := range Sections() {
		for _, r := range s.Rows {
			if r.Words.Reason != "" {
				lines = append(lines, fmt.Sprintf("| %s | %s |\n", r.Words.read(), cell(r.Words.Advice)))
			}
		}
	}
	slices.Sort(lines)
	b.WriteString(strings.Join(slices.Compact(lines), ""))
}

// cell makes text fit for a table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;").Replace(s)
}

func renderUnmet(b *bytes.Buffer) {
	b.WriteString("\n## Answers that no command meets\n\nThe calls are not made, so there is nothing to do about them yet.\n\n| call | answers | why |\n|---|---|---|\n")
	for _, u := range Unmet() {
		fmt.Fprintf(b, "| %s | %s | %s |\n", u.Call, strings.Join(u.Answers, "<br>"), u.Why)
	}
}
