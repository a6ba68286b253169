package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/fatih/color"
	"github.com/spf13/cobra"

	"dialtone/infra/deadletters"
	"dialtone/infra/deployment"
	"dialtone/shared/command"
)

// fixFlags of the fix command.
type fixFlags struct {
	place      deployment.Place
	set, unset []string
	reason     string
	dry        bool
}

func (t *terminal) dlqFixCommand() *cobra.Command {
	var f fixFlags
	c := &cobra.Command{
		Use:   "fix [SOURCE] ID --set FIELD=VALUE",
		Short: "Mend fields of a dead letter, then replay it",
		Long: "Mend fields of a dead letter and send it back to its queue, under the same source and id. The mended\n" +
			"message is checked first; if it is still wrong, nothing is written. VALUE is JSON or a text: true is a\n" +
			"flag, '\"12\"' the text 12. The message as it was received is kept.",
		Example: "  dialtone dlq fix onboarding-7 --set data.locationId=Y2lzY29... --dry-run\n" +
			"  dialtone dlq fix urn:contoso:hr onboarding-7 --unset data.colour",
		Args: keyArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			edits, err := f.edits()
			if err != nil {
				return err
			}
			d, err := deployment.Look(c.Context(), f.place)
			if err != nil {
				return err
			}
			defer d.Close()
			return t.dlqFix(c.Context(), d, args, edits, f)
		},
	}
	placeFlags(c, &f.place)
	c.Flags().StringArrayVar(&f.set, "set", nil, "give a field a value, such as data.locationId=abc; more than once for several")
	c.Flags().StringArrayVar(&f.unset, "unset", nil, "take a field out, such as data.orgId")
	c.Flags().StringVar(&f.reason, "reason", "", "why, for the records")
	c.Flags().BoolVar(&f.dry, "dry-run", false, "show what would change, and do nothing")
	return c
}

func (f fixFlags) edits() ([]deadletters.Edit, error) {
	var all []deadletters.Edit
	var problems []error
	read := func(flag string, list []string, parse func(string) (deadletters.Edit, error)) {
		for _, s := range list {
			e, err := parse(s)
			if err != nil {
				problems = append(problems, fmt.Errorf("%s %w", flag, err))
			}
			all = append(all, e)
		}
	}
	read("--set", f.set, deadletters.ParseSet)
	read("--unset", f.unset, deadletters.ParseUnset)
	if len(all) == 0 {
		problems = append(problems, errors.New("nothing to mend is given: use --set FIELD=VALUE or --unset FIELD; 'dialtone dlq replay' sends it as it is"))
	}
	if len(problems) > 0 {
		return nil, exitError{exitUsage, errors.Join(problems...)}
	}
	return all, nil
}

func (t *terminal) dlqFix(ctx context.Context, d *deployment.Deployment, args []string, edits []deadletters.Edit, f fixFlags) error {
	letter, err := find(ctx, d.Ledger, args)
	if err != nil {
		return err
	}
	mended, changes, err := deadletters.Mend(letter, edits...)
	t.printChanges(changes)
	if err != nil {
		return t.stillWrong(err)
	}
	if f.dry {
		t.say("it would be valid; nothing was done")
		return nil
	}
	if err := bench(d).Replay(ctx, mended, f.reason); err != nil {
		return err
	}
	t.say("mended and replayed; follow it with\n  %s", quoted(append([]string{"dialtone", "status", string(mended.User)}, d.Flags()...)...))
	return nil
}

// stillWrong names every field that is wrong after the edits.
func (t *terminal) stillWrong(err error) error {
	problems, told := errors.AsType[command.Problems](err)
	if !told {
		return err
	}
	for _, p := range problems {
		t.say("%s %s: %s", color.YellowString("%s", p.Field), p.Problem, p.Mend)
	}
	return exitError{exitFailed, errors.New("the message would not be valid; nothing was done")}
}
