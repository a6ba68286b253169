package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/user"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"dialtone/infra/deadletters"
	"dialtone/infra/deployment"
	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/sipaddr"
)

func (t *terminal) dlqCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "dlq",
		Short: "Work on what failed: list, show, replay, discard, fix",
		Long: "Work on dead letters: the messages of requests that failed and are not tried again by themselves.\n\n" +
			"Each waits in the ledger, for as long as it takes, until somebody replays it, mended perhaps, or\n" +
			"discards it. A replay keeps the request's source and id: what was done already is not done twice.",
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(t.dlqListCommand(), t.dlqShowCommand(), t.dlqReplayCommand(), t.dlqDiscardCommand(), t.dlqFixCommand())
	return c
}

// letterFlags choose dead letters.
type letterFlags struct {
	class, location, user, typ, older, newer string
}

func (f *letterFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.class, "class", "", "only failures of this class: invalid, denied, conflict, exhausted, unavailable or unknown")
	c.Flags().StringVar(&f.location, "location", "", "only messages that name this Webex location")
	c.Flags().StringVar(&f.user, "user", "", "only messages about this user")
	c.Flags().StringVar(&f.typ, "type", "", "only messages of this type, such as number.assign")
	c.Flags().StringVar(&f.older, "older-than", "", "only failures before this age or time: 90m, 36h, 3d or 2026-11-22T09:00:00Z")
	c.Flags().StringVar(&f.newer, "newer-than", "", "only failures since this age or time")
}

// given reports whether any choice was made.
func (f *letterFlags) given() bool { return *f != letterFlags{} }

// args are the flags as they were given, apart from ages.
func (f *letterFlags) args() (all []string) {
	for _, g := range [][2]string{{"--class", f.class}, {"--location", f.location}, {"--user", f.user}, {"--type", f.typ}} {
		if g[1] != "" {
			all = append(all, g[0], g[1])
		}
	}
	return all
}

// filter reads the flags; ages count from now.
func (f *letterFlags) filter(now time.Time) (ledger.DeadLetterFilter, error) {
	r := ledger.DeadLetterFilter{Class: failure.Class(f.class), LocationID: f.location, Type: fullType(f.typ)}
	if c := r.Class; c != "" && !c.Permanent() && c != failure.Unavailable && c != failure.Unknown {
		return r, exitError{exitUsage, fmt.Errorf("--class %q is not a class: use invalid, denied, conflict, exhausted, unavailable or unknown", f.class)}
	}
	var err error
	if f.user != "" {
		if r.User, err = sipaddr.Parse(f.user); err != nil {
			return r, exitError{exitUsage, fmt.Errorf("--user %w", err)}
		}
	}
	if r.To, err = moment("--older-than", f.older, now); err == nil {
		r.From, err = moment("--newer-than", f.newer, now)
	}
	if err == nil && !r.To.IsZero() && r.To.Before(r.From) {
		err = exitError{exitUsage, fmt.Errorf("--older-than %s is before --newer-than %s: nothing can be both", f.older, f.newer)}
	}
	return r, err
}

// fullType completes what all type names share.
func fullType(s string) string {
	for _, typ := range command.Types() {
		if s == shortType(typ) {
			return typ
		}
	}
	return s
}

// moment reads an age, which may be in days, or a time.
func moment(flag, s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		return at, nil
	}
	age, err := time.ParseDuration(s)
	if days, cut := strings.CutSuffix(s, "d"); cut {
		var n int
		n, err = strconv.Atoi(days)
		age = time.Duration(n) * 24 * time.Hour
	}
	if err != nil || age < 0 {
		return time.Time{}, exitError{exitUsage, fmt.Errorf("%s %q is neither an age nor a time: write 90m, 36h, 3d or 2026-11-22T09:00:00Z", flag, s)}
	}
	return now.Add(-age), nil
}

// keyArgs takes one dead letter: its source and id, or its id alone.
func keyArgs(least int) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= 2 {
			return nil
		}
		return exitError{exitUsage, fmt.Errorf("%s takes one request: [SOURCE] ID, got %d arguments; see '%s --help'", c.Name(), len(args), c.CommandPath())}
	}
}

// find returns the dead letter of a request. An id alone is looked for among
// those that wait, then among those that are settled.
func find(ctx context.Context, l *ledger.Ledger, args []string) (ledger.DeadLetter, error) {
	if len(args) == 1 {
		if source, id, both := strings.Cut(args[0], " "); both { // as status prints it
			args = []string{source, id}
		}
	}
	if len(args) == 2 {
		d, found, err := l.DeadLetter(ctx, command.Key{Source: args[0], ID: args[1]})
		if err == nil && !found {
			err = notFound(strings.Join(args, " "))
		}
		return d, err
	}
	for _, settled := range []bool{false, true} {
		same, err := collect(ctx, l, ledger.DeadLetterFilter{Settled: settled}, func(d ledger.DeadLetter) bool { return d.Request.ID == args[0] })
		switch {
		case err != nil:
			return ledger.DeadLetter{}, err
		case len(same) > 1:
			return same[0], exitError{exitUsage, fmt.Errorf("%d requests have the id %s: give the source as well: %s", len(same), args[0], sources(same))}
		case len(same) == 1:
			return same[0], nil
		}
	}
	return ledger.DeadLetter{}, notFound(args[0])
}

func notFound(what string) error {
	return exitError{exitPartial, fmt.Errorf("there is no dead letter of %s: 'dialtone dlq list' shows those that wait, 'dialtone status USER' what became of a user's requests", what)}
}

func sources(letters []ledger.DeadLetter) string {
	var all []string
	for _, d := range letters {
		all = append(all, d.Request.Source)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// collect reads the dead letters that a filter and a condition choose; nil: any.
func collect(ctx context.Context, l *ledger.Ledger, f ledger.DeadLetterFilter, has func(ledger.DeadLetter) bool) ([]ledger.DeadLetter, error) {
	var all []ledger.DeadLetter
	for d, err := range l.FindDeadLetters(ctx, f) {
		if err != nil {
			return nil, err
		}
		if has == nil || has(d) {
			all = append(all, d)
		}
	}
	return all, nil
}

// byClass tells how many there are, and of which classes.
func byClass(letters []ledger.DeadLetter) string {
	n := map[failure.Class]int{}
	for _, d := range letters {
		n[d.Failure.Class]++
	}
	var parts []string
	for _, c := range []failure.Class{failure.Invalid, failure.Denied, failure.Conflict, failure.Exhausted, failure.Unavailable, failure.Unknown} {
		if n[c] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[c], c))
		}
	}
	if len(parts) == 0 {
		return "no dead letters"
	}
	return count(len(letters), "dead letter") + ": " + strings.Join(parts, ", ")
}

// bench is where the dead letters of a deployment are worked on.
func bench(d *deployment.Deployment) deadletters.Bench {
	return deadletters.Bench{Ledger: d.Ledger, Queues: d, By: operator()}
}

// operator is who works here, as the records will say.
func operator() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return cmp.Or(os.Getenv("USER"), os.Getenv("USERNAME"))
}

// quoted writes a command line that a shell reads back.
func quoted(args ...string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = a
		plain := func(r rune) bool {
			return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:=@,+", r)
		}
		if a == "" || strings.ContainsFunc(a, func(r rune) bool { return !plain(r) }) {
			words[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
