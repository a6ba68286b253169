package main

import (
	"context"
	"fmt"
	"slices"
	"time"

	"dialtone/infra/local"
	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

// play is a file of messages on its way through the stack.
type play struct {
	t     *terminal
	stack *local.Stack
	sim   *local.Simulation // nil: real systems
	file  string
	lines []line

	started time.Time
	sent    int
	known   int
	ends    []end
}

// end is a message with how it ended.
type end struct {
	line    int
	command command.Command
	request ledger.Request
}

// send queues the good lines before anything is worked on, so that batches are
// as full as they will get, and reports the bad ones.
func (p *play) send(ctx context.Context) error {
	p.started = time.Now()
	for _, l := range p.lines {
		if len(l.Problems) > 0 {
			p.t.reportLine(l)
			continue
		}
		fresh, err := p.stack.Send(ctx, l.body)
		if err != nil {
			return fmt.Errorf("line %d: %w", l.Number, err)
		}
		if fresh {
			p.sent++
		} else {
			p.known++
		}
	}
	return nil
}

// watch waits for the end of every message, then prints the summary. It fails
// with exitPartial if anything ended other than it should.
func (p *play) watch(ctx context.Context) error {
	if err := p.wait(ctx); err != nil {
		return err
	}
	return p.summary()
}

func (p *play) wait(ctx context.Context) error {
	var pending []end
	for _, l := range p.lines {
		if len(l.Problems) == 0 {
			c, err := command.Decode(l.body)
			if err != nil {
				return fmt.Errorf("line %d: %w", l.Number, err)
			}
			pending = append(pending, end{line: l.Number, command: c})
		}
	}
	total := len(pending)
	bar := p.t.progress(total, "working")
	defer bar.end()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		var err error
		if pending, err = p.collect(ctx, pending); err != nil {
			return err
		}
		bar.set(total - len(pending))
		if len(pending) == 0 {
			slices.SortFunc(p.ends, func(a, b end) int { return a.line - b.line })
			return nil
		}
		select {
		case <-ctx.Done():
			return exitError{exitPartial, fmt.Errorf("stopped with %s still queued; run again to go on", count(len(pending), "message"))}
		case <-tick.C:
		}
	}
}

// collect moves what has ended from pending to the ends.
func (p *play) collect(ctx context.Context, pending []end) ([]end, error) {
	var rest []end
	for _, e := range pending {
		r, _, err := p.stack.Ledger.Request(ctx, e.command.Key)
		if err != nil && ctx.Err() == nil {
			return nil, err
		}
		if r.Outcome == nil {
			rest = append(rest, e)
			continue
		}
		e.request = r
		p.ends = append(p.ends, e)
	}
	return rest, nil
}

// hire returns what an end asked for, if that was a number.
func (e end) hire() (a command.Assign, is bool) {
	a, is = e.command.Data.(command.Assign)
	return a, is
}

// assigned returns the success of an end, nil for a failure.
func (e end) assigned() *outcome.Assigned {
	a, err := e.request.Outcome.Assigned()
	if err != nil {
		return nil
	}
	return &a
}
