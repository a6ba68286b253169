package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dialtone/infra/deadletters"
	"dialtone/infra/deployment"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
)

func (t *terminal) dlqShowCommand() *cobra.Command {
	var place deployment.Place
	var f letterFlags
	var asJSON, body bool
	c := &cobra.Command{
		Use:   "show [SOURCE] ID | NUMBER",
		Short: "Show all of a dead letter: message, answers, tries, and what to do",
		Long: "Show all that is known of a dead letter: the message, why it failed, what the vendor answered, every\n" +
			"try, what a person should do, and the command that replays it. NUMBER is its place in 'dialtone dlq list'\n" +
			"with the same filters.",
		Example: "  dialtone dlq show onboarding-7\n  dialtone dlq show 3 --class denied\n  dialtone dlq show onboarding-7 --body > event.json",
		Args:    keyArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			filter, err := f.filter(time.Now())
			if err != nil {
				return err
			}
			d, err := deployment.Look(c.Context(), place)
			if err != nil {
				return err
			}
			defer d.Close()
			letter, err := findNumbered(c.Context(), d.Ledger, filter, args)
			if err != nil {
				return err
			}
			return t.dlqShow(letter, d.Flags(), asJSON, body)
		},
	}
	placeFlags(c, &place)
	f.add(c)
	jsonFlag(c, &asJSON)
	c.Flags().BoolVar(&body, "body", false, "print the message alone, byte for byte")
	return c
}

// findNumbered also takes the place in the list. An id that looks like one goes
// before it.
func findNumbered(ctx context.Context, l *ledger.Ledger, f ledger.DeadLetterFilter, args []string) (ledger.DeadLetter, error) {
	d, err := find(ctx, l, args)
	n, notNumber := strconv.Atoi(args[0])
	if e, partial := errors.AsType[exitError](err); len(args) > 1 || notNumber != nil || !partial || e.status != exitPartial {
		return d, err
	}
	i := 0
	for d, err := range l.FindDeadLetters(ctx, f) {
		if i++; err != nil || i == n {
			return d, err
		}
	}
	return d, exitError{exitPartial, fmt.Errorf("there is no number %d in the list, which has %s: see 'dialtone dlq list'", n, count(i, "dead letter"))}
}

func (t *terminal) dlqShow(d ledger.DeadLetter, flags []string, asJSON, body bool) error {
	switch {
	case body:
		_, err := io.WriteString(t.out, d.Body)
		return err
	case asJSON:
		return printJSON(t.out, listedLetter{d, d.Location()})
	}
	t.printFacts(d)
	t.printTries(d.Tries)
	if changes := deadletters.Mended(d); len(changes) > 0 {
		fmt.Fprintln(t.out, "\nmended since it was received")
		t.printChanges(changes)
	}
	fmt.Fprintf(t.out, "\nmessage\n%s\n", indented(d.Body))
	t.printNext(d, flags)
	return nil
}

// printFacts prints what is known, one fact a line; what is not known is left out.
func (t *terminal) printFacts(d ledger.DeadLetter) {
	up := failure.Upstream{}
	if d.Failure.Upstream != nil {
		up = *d.Failure.Upstream
	}
	answer := strings.Join(slices.DeleteFunc([]string{up.System, up.Operation, number(up.Status), up.Code, up.Subcode}, func(s string) bool { return s == "" }), " ")
	for _, fact := range [][2]string{
		{"request", d.Request.String()},
		{"type", d.Type},
		{"user", string(d.User)},
		{"location", d.Location()},
		{"queue", d.Queue},
		{"failed", when(d.At)},
		{"class", string(d.Failure.Class)},
		{"reason", d.Failure.Reason},
		{"answer", answer},
		{"tracking id", up.TrackingID},
		{"diagnostics", up.Diagnostics},
		{"attempts", number(d.Failure.Attempts)},
		{"replays", number(d.Replays)},
		{"state", string(cmp.Or(d.State, ledger.LetterWaiting))},
		{"decided", decided(d.Decided)},
		{"what to do", d.Failure.Advice},
	} {
		if fact[1] != "" {
			fmt.Fprintf(t.out, "%-12s %s\n", fact[0], fact[1])
		}
	}
}

// number is "" for 0.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func decided(by ledger.Decision) string {
	if by.At.IsZero() {
		return ""
	}
	s := fmt.Sprintf("%s by %s", when(by.At), cmp.Or(by.By, "somebody"))
	if by.Reason != "" {
		s += ": " + by.Reason
	}
	return s
}

func (t *terminal) printTries(tries ledger.Tries) {
	if len(tries.Kept) == 0 {
		return
	}
	fmt.Fprintln(t.out, "\ntries")
	tab := newTable(t.out, "#", "began", "took", "class", "problem")
	for i, try := range tries.Kept {
		took, n := "", i+1
		if !try.Ended.IsZero() {
			took = try.Ended.Sub(try.Began).Round(time.Millisecond).String()
		}
		if i > 0 {
			n += tries.LeftOut
		}
		tab.AppendRow([]any{n, when(try.Began), took, try.Class, try.Problem})
		if i == 0 && tries.LeftOut > 0 {
			tab.AppendRow([]any{"…", "", "", "", fmt.Sprintf("%d more", tries.LeftOut)})
		}
	}
	tab.Render()
}

func (t *terminal) printChanges(changes []deadletters.Change) {
	for _, c := range changes {
		if c.Before != "" {
			fmt.Fprintf(t.out, "- %s: %s\n", c.Field, c.Before)
		}
		if c.After != "" {
			fmt.Fprintf(t.out, "+ %s: %s\n", c.Field, c.After)
		}
	}
}

// printNext says which command does what a person may want next.
func (t *terminal) printNext(d ledger.DeadLetter, flags []string) {
	line := func(verb string, more ...string) string {
		return quoted(slices.Concat([]string{"dialtone", "dlq", verb, d.Request.Source, d.Request.ID}, more, flags)...)
	}
	_, err := deadletters.Fit(d)
	switch {
	case d.Settled():
		return
	case d.State == ledger.LetterReplaying:
		fmt.Fprintf(t.out, "\nits replay was interrupted; go on with\n  %s\n", line("replay"))
		return
	case err == nil:
		fmt.Fprintf(t.out, "\nreplay it\n  %s\n", line("replay"))
	default:
		fmt.Fprintf(t.out, "\nit cannot be replayed as it is\n  %v\n", err)
	}
	if !d.Cut {
		fmt.Fprintf(t.out, "mend a field and replay it\n  %s\n", line("fix", "--set", "data.FIELD=VALUE"))
	}
	fmt.Fprintf(t.out, "discard it\n  %s\n", line("discard", "--reason", "WHY"))
}

// indented makes JSON readable; anything else stays as it is.
func indented(body string) string {
	var b bytes.Buffer
	if json.Indent(&b, []byte(body), "", "  ") != nil {
		return body
	}
	return b.String()
}
