package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"dialtone/infra/deadletters"
	"dialtone/shared/ledger"
)

func (t *terminal) dlqDiscardCommand() *cobra.Command {
	b := bulk{t: t, verb: "discard", done: "discarded"}
	c := &cobra.Command{
		Use:   "discard [[SOURCE] ID] --reason WHY",
		Short: "Take dead letters off the list without another try",
		Long: "Take dead letters off the list without another try, one or all that the filters choose. Their requests\n" +
			"stay failed and are answered so. Who did it, when and why stays on record for 90 days:\n" +
			"'dialtone dlq list --settled' shows it.",
		Example: "  dialtone dlq discard onboarding-7 --reason 'left before the first day'",
		Args:    keyArgs(0),
		RunE: func(c *cobra.Command, args []string) error {
			if b.reason == "" {
				return exitError{exitUsage, errors.New("--reason is missing: say why, for those who ask later")}
			}
			return b.run(c.Context(), args, func(w deadletters.Bench) one {
				return func(ctx context.Context, d ledger.DeadLetter) error { return w.Discard(ctx, d, b.reason) }
			})
		},
	}
	b.flags(c)
	c.Flags().StringVar(&b.reason, "reason", "", "why nobody has to do anything about them")
	return c
}
