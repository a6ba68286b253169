package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"dialtone/infra/deployment"
	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/sipaddr"
)

func (t *terminal) statusCommand() *cobra.Command {
	var place deployment.Place
	var asJSON bool
	c := &cobra.Command{
		Use:     "status USER",
		Short:   "Show what is known of a user: lines, and what became of each request",
		Example: "  dialtone status ada@contoso.com",
		Args:    exactly("USER"),
		RunE: func(c *cobra.Command, args []string) error {
			user, err := sipaddr.Parse(args[0])
			if err != nil {
				return exitError{exitUsage, fmt.Errorf("USER %w", err)}
			}
			d, err := deployment.Look(c.Context(), place)
			if err != nil {
				return err
			}
			defer d.Close()
			return t.status(c.Context(), d.Ledger, user, asJSON)
		},
	}
	placeFlags(c, &place)
	jsonFlag(c, &asJSON)
	return c
}

// userStatus is the JSON form of the status command.
type userStatus struct {
	User     sipaddr.User                      `json:"user"`
	Lines    map[command.PhoneType]ledger.Line `json:"lines"`
	Requests []ledger.Request                  `json:"requests"`
}

func (t *terminal) status(ctx context.Context, l *ledger.Ledger, user sipaddr.User, asJSON bool) error {
	p, err := l.Person(ctx, user)
	if err != nil {
		return err
	}
	s := userStatus{User: user, Lines: p.Lines, Requests: []ledger.Request{}}
	for r, err := range l.Requests(ctx, user) {
		if err != nil {
			return err
		}
		s.Requests = append(s.Requests, r)
	}
	if asJSON {
		err = printJSON(t.out, s)
	} else {
		t.printStatus(s)
	}
	if err == nil && len(s.Requests) == 0 && len(s.Lines) == 0 {
		return exitError{exitPartial, fmt.Errorf("%s is not known here: no request named this user", user)}
	}
	return err
}

func (t *terminal) printStatus(s userStatus) {
	lines := newTable(t.out, "phone", "number", "state", "location", "since", "request", "before")
	for _, typ := range slices.Sorted(maps.Keys(s.Lines)) {
		l := s.Lines[typ]
		lines.AppendRow([]any{typ, l.Number, l.State, l.LocationID, when(l.Since), l.Request.ID, l.Original.Number})
	}
	if len(s.Lines) > 0 {
		lines.Render()
		fmt.Fprintln(t.out)
	}
	requests := newTable(t.out, "received", "request", "type", "state", "tries", "what happened")
	for _, r := range s.Requests {
		requests.AppendRow([]any{when(r.Received), r.Key.ID, shortType(r.Type), r.State, r.Attempts, story(r)})
	}
	if len(s.Requests) > 0 {
		requests.Render()
	}
}

// story is one line on how a request ended or why it waits.
func story(r ledger.Request) string {
	if r.Outcome == nil {
		return r.Problem
	}
	if a, err := r.Outcome.Assigned(); err == nil {
		return fmt.Sprintf("%s (%s)", a.Number, a.Verified)
	}
	if f, err := r.Outcome.Failed(); err == nil {
		return fmt.Sprintf("%s: %s. %s", f.Class, f.Reason, f.Advice)
	}
	return r.Outcome.Type
}

// shortType drops what all type names share.
func shortType(s string) string {
	return strings.TrimSuffix(strings.TrimPrefix(s, "dialtone."), ".v1")
}

func (t *terminal) numbersCommand() *cobra.Command {
	var place deployment.Place
	var location, state string
	var asJSON bool
	c := &cobra.Command{
		Use:     "numbers",
		Short:   "Show who has which number, and which numbers rest or are parked",
		Example: "  dialtone numbers --state assigned\n  dialtone numbers --location Y2lzY29... --json",
		Args:    exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			known := []ledger.NumberState{ledger.Free, ledger.Reserved, ledger.Assigned, ledger.Quarantined, ledger.Parked}
			if state != "" && !slices.Contains(known, ledger.NumberState(state)) {
				return exitError{exitUsage, fmt.Errorf("--state %q is not a state: use one of %v", state, known)}
			}
			d, err := deployment.Look(c.Context(), place)
			if err != nil {
				return err
			}
			defer d.Close()
			return t.numbers(c.Context(), d.Ledger, location, ledger.NumberState(state), asJSON)
		},
	}
	placeFlags(c, &place)
	jsonFlag(c, &asJSON)
	c.Flags().StringVar(&location, "location", "", "only this Webex location")
	c.Flags().StringVar(&state, "state", "", "only numbers that are free, reserved, assigned, quarantined or parked")
	c.AddCommand(t.numbersFreeCommand())
	return c
}

func (t *terminal) numbers(ctx context.Context, l *ledger.Ledger, location string, state ledger.NumberState, asJSON bool) error {
	found := []ledger.Number{}
	known := location == ""
	for p, err := range l.Pools(ctx) {
		if err != nil {
			return err
		}
		if location != "" && p.LocationID != location {
			continue
		}
		known = true
		for n, err := range l.Numbers(ctx, p.LocationID) {
			if err != nil {
				return err
			}
			if state == "" || n.State == state {
				found = append(found, n)
			}
		}
	}
	if !known {
		return exitError{exitPartial, fmt.Errorf("location %s is not known here: no request named it", location)}
	}
	if asJSON {
		return printJSON(t.out, found)
	}
	tab := newTable(t.out, "number", "state", "user", "phone", "since", "rests until", "request", "reason")
	for _, n := range found {
		tab.AppendRow([]any{n.Number, n.State, n.User, n.PhoneType, when(n.Since), when(n.RestsUntil), n.Request.ID, n.Reason})
	}
	tab.Render()
	t.say("%d numbers", len(found))
	return nil
}
