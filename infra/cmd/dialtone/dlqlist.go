package main

import (
	"context"
	"encoding/json"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"dialtone/infra/deployment"
	"dialtone/shared/ledger"
)

func (t *terminal) dlqListCommand() *cobra.Command {
	var place deployment.Place
	var f letterFlags
	var asJSON, settled bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the dead letters that wait for a person, oldest first",
		Example: "  dialtone dlq list --class exhausted --newer-than 1d\n" +
			"  dialtone dlq list --json | jq -r .user",
		Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			filter, err := f.filter(time.Now())
			if err != nil {
				return err
			}
			filter.Settled = settled
			d, err := deployment.Look(c.Context(), place)
			if err != nil {
				return err
			}
			defer d.Close()
			return t.dlqList(c.Context(), d.Ledger, filter, asJSON)
		},
	}
	placeFlags(c, &place)
	f.add(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	c.Flags().BoolVar(&settled, "settled", false, "those that were replayed or discarded in the last 90 days, instead")
	return c
}

// listedLetter is the JSON form of a dead letter.
type listedLetter struct {
	ledger.DeadLetter
	LocationID string `json:"locationId,omitempty"`
}

func (t *terminal) dlqList(ctx context.Context, l *ledger.Ledger, f ledger.DeadLetterFilter, asJSON bool) error {
	letters, err := collect(ctx, l, f, nil)
	if err != nil {
		return err
	}
	switch {
	case asJSON:
		e := json.NewEncoder(t.out)
		e.SetEscapeHTML(false)
		for _, d := range letters {
			if err := e.Encode(listedLetter{d, d.Location()}); err != nil {
				return err
			}
		}
	case len(letters) > 0:
		t.printLetters(letters, f.Settled)
	}
	if len(letters) == 0 {
		return t.nothingListed(ctx, l, f)
	}
	t.say("%s", byClass(letters))
	return nil
}

func (t *terminal) printLetters(letters []ledger.DeadLetter, settled bool) {
	head := []any{"#", "failed", "class", "user", "location", "type", "tries", "reason", "request"}
	if settled {
		head = append(head, "now", "by", "why")
	}
	tab := newTable(t.out, head...)
	for i, d := range letters {
		row := []any{
			i + 1, when(d.At), d.Failure.Class, d.User, ending(d.Location(), 16), shortType(d.Type), d.Failure.Attempts,
			text.Snip(d.Failure.Reason, 60, "…"), d.Request.ID,
		}
		if settled {
			row = append(row, d.State, d.Decided.By, d.Decided.Reason)
		}
		tab.AppendRow(row)
	}
	tab.Render()
}

// ending cuts the beginning off an id: those of Webex differ at their end.
func ending(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return "…" + s[len(s)-n:]
}

// nothingListed says why a list is empty, and what there is instead.
func (t *terminal) nothingListed(ctx context.Context, l *ledger.Ledger, f ledger.DeadLetterFilter) error {
	if f == (ledger.DeadLetterFilter{Settled: f.Settled}) {
		if f.Settled {
			t.say("no dead letter was replayed or discarded")
		} else {
			t.say("no dead letters: nothing waits for a person")
		}
		return nil
	}
	others, err := collect(ctx, l, ledger.DeadLetterFilter{Settled: f.Settled}, nil)
	if err != nil {
		return err
	}
	t.say("none is like that. Without the filter: %s", byClass(others))
	return nil
}
