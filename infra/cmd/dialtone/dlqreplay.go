package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fatih/color"
	"github.com/spf13/cobra"

	"dialtone/infra/deadletters"
	"dialtone/infra/deployment"
	"dialtone/shared/ledger"
)

func (t *terminal) dlqReplayCommand() *cobra.Command {
	b := bulk{t: t, verb: "replay", done: "replayed", unfitIsFault: true}
	c := &cobra.Command{
		Use:   "replay [[SOURCE] ID]",
		Short: "Send dead letters back to their queue, under the same source and id",
		Long: "Send dead letters back to their queue, one or all that the filters choose. The request keeps its source\n" +
			"and id, so what was done already is not done twice. Stop it with Ctrl-C when you like: what is not\n" +
			"replayed yet stays in the list, and the command to go on with is printed.",
		Example: "  dialtone dlq replay onboarding-7\n  dialtone dlq replay --class unavailable --newer-than 1d --rate 5",
		Args:    keyArgs(0),
		RunE: func(c *cobra.Command, args []string) error {
			return b.run(c.Context(), args, func(w deadletters.Bench) one {
				return func(ctx context.Context, d ledger.DeadLetter) error { return w.Replay(ctx, d, b.reason) }
			})
		},
	}
	b.flags(c)
	c.Flags().StringVar(&b.reason, "reason", "", "why, for the records")
	return c
}

// one is what is done to each dead letter.
type one = func(context.Context, ledger.DeadLetter) error

// bulk does one thing to one or many dead letters.
type bulk struct {
	t            *terminal
	verb, done   string   // such as replay, replayed
	args         []string // that name one dead letter; none: the filters choose
	place        deployment.Place
	filter       letterFlags
	all, dry     bool
	yes          bool
	rate         float64
	reason       string
	began        time.Time
	unfitIsFault bool // what cannot be replayed cannot be worked on
}

func (b *bulk) flags(c *cobra.Command) {
	placeFlags(c, &b.place)
	b.filter.add(c)
	c.Flags().BoolVar(&b.all, "all", false, "all dead letters that wait")
	c.Flags().BoolVar(&b.dry, "dry-run", false, "say which, and do nothing")
	c.Flags().BoolVar(&b.yes, "yes", false, "do not ask before more than one")
	c.Flags().Float64Var(&b.rate, "rate", 20, "at most so many a second")
}

// run chooses, asks, and does it.
func (b *bulk) run(ctx context.Context, args []string, do func(deadletters.Bench) one) error {
	b.began, b.args = time.Now(), args
	filter, err := b.check()
	if err != nil {
		return err
	}
	d, err := deployment.Look(ctx, b.place)
	if ctx.Err() != nil {
		return b.interrupted(b.place.Flags())
	}
	if err != nil {
		return err
	}
	defer d.Close()
	letters, err := b.choose(ctx, d.Ledger, filter)
	if ctx.Err() != nil {
		return b.interrupted(d.Flags())
	}
	if err != nil || len(letters) == 0 {
		return err
	}
	if b.dry {
		return b.plan(letters)
	}
	if len(letters) > 1 && !b.yes {
		if err := b.t.confirm(fmt.Sprintf("%s %s?", b.verb, byClass(letters))); err != nil {
			return err
		}
	}
	return b.work(ctx, letters, do(bench(d)), d.Flags())
}

// interrupted answers an interrupt that came before anything was done.
func (b *bulk) interrupted(flags []string) error {
	b.t.say("interrupted before anything was done; go on with\n  %s", b.again(flags))
	return exitError{exitFailed, fmt.Errorf("nothing was %s", b.done)}
}

func (b *bulk) check() (ledger.DeadLetterFilter, error) {
	filter, err := b.filter.filter(b.began)
	switch chosen := b.filter.given() || b.all; {
	case err != nil:
		return filter, err
	case len(b.args) == 0 && !chosen:
		return filter, exitError{exitUsage, fmt.Errorf("say what to %s: a request's [SOURCE] ID, filters such as --class, or --all", b.verb)}
	case len(b.args) > 0 && chosen:
		return filter, exitError{exitUsage, errors.New("give a request or filters, not both")}
	case b.rate <= 0:
		return filter, exitError{exitUsage, fmt.Errorf("--rate is %g: give a number above 0", b.rate)}
	}
	if filter.To.IsZero() {
		filter.To = b.began // what fails again meanwhile is not done a second time
	}
	return filter, nil
}

func (b *bulk) choose(ctx context.Context, l *ledger.Ledger, f ledger.DeadLetterFilter) ([]ledger.DeadLetter, error) {
	if len(b.args) > 0 {
		d, err := find(ctx, l, b.args)
		return []ledger.DeadLetter{d}, err
	}
	letters, err := collect(ctx, l, f, nil)
	if err == nil && len(letters) == 0 {
		if !b.filter.given() {
			f = ledger.DeadLetterFilter{}
		}
		err = b.t.nothingListed(ctx, l, f)
	}
	return letters, err
}

// plan lists what would be done. It fails where that is known not to work.
func (b *bulk) plan(letters []ledger.DeadLetter) error {
	b.t.printLetters(letters, false)
	unfit := 0
	for _, d := range letters {
		if _, err := deadletters.Fit(d); err != nil && b.unfitIsFault {
			unfit++
			b.t.say("%s %v", color.YellowString("%s:", d.Request), err)
		}
	}
	b.t.say("would %s %s; nothing was done", b.verb, byClass(letters))
	if unfit > 0 {
		return exitError{exitPartial, fmt.Errorf("%s cannot be replayed as they are", count(unfit, "dead letter"))}
	}
	return nil
}

func (b *bulk) work(ctx context.Context, letters []ledger.DeadLetter, do one, flags []string) error {
	bar := b.t.progress(len(letters), b.verb)
	r, err := deadletters.Each(ctx, letters, b.rate, do, bar.set)
	bar.end()
	for i, refused := range r.Refused {
		if i == maxRefusals {
			b.t.say("and %d more", len(r.Refused)-i)
			break
		}
		b.t.say("%s %v", color.YellowString("%s:", refused.Letter.Request), refused.Err)
	}
	b.t.say("%d %s, %d refused, %d not reached", r.Done, b.done, len(r.Refused), r.Left)
	if r.Left > 0 {
		b.t.say("go on with\n  %s", b.again(flags))
	}
	switch {
	case err != nil && ctx.Err() == nil:
		return exitError{exitFailed, err}
	case r.Done == 0 && len(letters) > 0:
		return exitError{exitFailed, fmt.Errorf("nothing was %s", b.done)}
	case len(r.Refused) > 0 || r.Left > 0:
		return exitError{exitPartial, fmt.Errorf("%d of %d were not %s", len(r.Refused)+r.Left, len(letters), b.done)}
	}
	return nil
}

// maxRefusals is how many are told one by one.
const maxRefusals = 20

// again is the command that goes on with what is left.
func (b *bulk) again(flags []string) string {
	args := slices.Concat([]string{"dialtone", "dlq", b.verb}, b.args)
	if len(b.args) == 0 {
		args = append(args, b.choice()...)
	}
	if b.reason != "" {
		args = append(args, "--reason", b.reason)
	}
	return quoted(append(args, flags...)...)
}

// choice is what the filters chose, as arguments that choose the same later: of
// what had failed when this command began.
func (b *bulk) choice() []string {
	args := b.filter.args()
	if to, err := moment("", b.filter.older, b.began); err == nil {
		if to.IsZero() {
			to = b.began
		}
		args = append(args, "--older-than", to.UTC().Format(time.RFC3339Nano))
	}
	if from, err := moment("", b.filter.newer, b.began); err == nil && !from.IsZero() {
		args = append(args, "--newer-than", from.UTC().Format(time.RFC3339Nano))
	}
	return append(args, fmt.Sprintf("--rate=%g", b.rate))
}

// confirm asks a person. Who cannot be asked is told of --yes.
func (t *terminal) confirm(question string) error {
	fmt.Fprintf(t.err, "%s [y/N] ", question)
	answer, err := bufio.NewReader(t.in).ReadString('\n')
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer == "y" || answer == "yes" {
		return nil
	}
	fmt.Fprintln(t.err)
	if err != nil && answer == "" {
		return exitError{exitUsage, errors.New("there is nobody to ask: add --yes, or see what it would do with --dry-run")}
	}
	return exitError{exitFailed, errors.New("nothing was done")}
}
