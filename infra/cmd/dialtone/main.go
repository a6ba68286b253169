// Command dialtone runs the product on one machine and is the operator's tool:
//
//	dialtone run        the embedded stack: queues, handlers, console
//	dialtone send       put commands on the queue
//	dialtone status     what is known of a user
//	dialtone numbers    who has which number
//	dialtone pools      what each location has left, and for how long
//	dialtone audit      where ledger, Webex and phones drift apart
//	dialtone dlq        what failed: list, show, replay, discard, fix
//	dialtone sim        a simulator of one vendor, alone
//
// Data goes to standard output, words for people to standard error. Exit
// status: 0 all well, 1 it did not work, 2 the call was wrong, 3 it worked in
// part (some lines were refused, a user is not known, a run ended other than
// expected, drift was found).
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/fatih/color"
	"github.com/spf13/cobra"
	"golang.org/x/term"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	t := &terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr, live: term.IsTerminal(int(os.Stderr.Fd()))}
	os.Exit(t.main(ctx, os.Args[1:]))
}

// terminal is where a command reads from and writes to.
type terminal struct {
	in       io.Reader
	out, err io.Writer
	live     bool // err is a screen: progress bars may redraw
}

// Exit statuses beyond 0.
const (
	exitFailed  = 1
	exitUsage   = 2
	exitPartial = 3
)

// exitError ends the program with a status of its own. An empty message prints
// nothing: the command has said it all.
type exitError struct {
	status int
	error
}

func (t *terminal) main(ctx context.Context, args []string) int {
	root := t.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	status := exitFailed
	if e, ok := errors.AsType[exitError](err); ok {
		status = e.status
		err = e.error
	}
	if err != nil && err.Error() != "" {
		fmt.Fprintf(t.err, "%s %v\n", color.RedString("dialtone: error:"), err)
	}
	return status
}

func (t *terminal) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "dialtone",
		Short:         "Gives people their phone on day one, and keeps it right",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetIn(t.in)
	root.SetOut(t.out)
	root.SetErr(t.err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return exitError{exitUsage, fmt.Errorf("%w; see '%s --help'", err, c.CommandPath())}
	})
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(t.runCommand(), t.sendCommand(), t.statusCommand(), t.numbersCommand(), t.poolsCommand(), t.auditCommand(), t.dlqCommand(), t.simCommand(), t.functionCommand())
	return root
}

// exactly is cobra's ExactArgs with an error that says what is missing.
func exactly(names ...string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) == len(names) {
			return nil
		}
		return exitError{exitUsage, fmt.Errorf("%s takes %d argument(s) %v, got %d; see '%s --help'", c.Name(), len(names), names, len(args), c.CommandPath())}
	}
}
