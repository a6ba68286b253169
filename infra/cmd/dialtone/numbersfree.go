package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"dialtone/infra/deployment"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
)

func (t *terminal) numbersFreeCommand() *cobra.Command {
	var place deployment.Place
	var reason string
	c := &cobra.Command{
		Use:   "free NUMBER --reason WHY",
		Short: "Free a number that is parked until an operator frees it",
		Long: "Free a number that is parked until an operator frees it: whoever needs a number of its location may get\n" +
			"it from then on. Make sure that nobody uses it any more; 'dialtone audit' finds those whom nobody is\n" +
			"seen to use. Who freed it and why stays with the number until it is given to somebody.",
		Example: "  dialtone numbers free +494055500123 --reason 'the fax is gone'",
		Args:    exactly("NUMBER"),
		RunE: func(c *cobra.Command, args []string) error {
			n, err := e164.Parse(args[0])
			if err != nil {
				return exitError{exitUsage, fmt.Errorf("NUMBER %w", err)}
			}
			if reason == "" {
				return exitError{exitUsage, errors.New("--reason is missing: say why, for those who ask later")}
			}
			d, err := deployment.Look(c.Context(), place)
			if err != nil {
				return err
			}
			defer d.Close()
			return t.free(c.Context(), d.Ledger, n, reason)
		},
	}
	placeFlags(c, &place)
	c.Flags().StringVar(&reason, "reason", "", "why it may be handed out again")
	return c
}

func (t *terminal) free(ctx context.Context, l *ledger.Ledger, number e164.Number, reason string) error {
	n, found, err := l.Number(ctx, number)
	switch {
	case err != nil:
		return err
	case !found:
		return fmt.Errorf("%s is not known here: it is free already, or of no location that a request named", number)
	case n.State == ledger.Free:
		return fmt.Errorf("%s is free already", number)
	case n.State == ledger.Parked && !n.ParkedForGood():
		return fmt.Errorf("%s is parked only until %s (%s): it is free then by itself", number, when(n.RestsUntil), n.Reason)
	case n.State != ledger.Parked:
		return fmt.Errorf("%s is %s for %s, not parked: 'dialtone status %s' shows how it stands", number, n.State, n.User, n.User)
	}
	if _, err := l.Unpark(ctx, n, ledger.Decision{By: operator(), Reason: reason}); err != nil {
		return fmt.Errorf("%s has changed just now; look at it with 'dialtone numbers' first: %w", number, err)
	}
	t.say("%s is free; it was parked since %s because: %s", number, when(n.Since), n.Reason)
	return nil
}
