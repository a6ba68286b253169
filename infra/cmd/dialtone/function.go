package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"dialtone/infra/local"
)

// functionName is the command that 'run --isolate' starts this program with.
const functionName = "function"

// functionMemory is what a function has on AWS, in MB.
const functionMemory = 256

// isolation makes this program the processes of the functions; nil if it is off.
func isolation(on bool) (*local.Isolation, error) {
	if !on {
		return nil, nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program, to run it for each function: %w", err)
	}
	return &local.Isolation{Binary: self, Args: []string{functionName}, Memory: functionMemory}, nil
}

// functionCommand is one process of a function. It leaves signals to the run
// that started it, which knows whether there is something to finish.
func (t *terminal) functionCommand() *cobra.Command {
	return &cobra.Command{
		Use:    functionName + " NAME",
		Short:  "Be a process of one function, for 'dialtone run --isolate'",
		Hidden: true,
		Args:   exactly("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			signal.Ignore(os.Interrupt, syscall.SIGTERM)
			if err := local.Serve(c.Context(), args[0], os.LookupEnv); err != nil {
				return exitError{exitFailed, errors.New("")} // its log says it, or there is nobody left to hear it
			}
			return nil
		},
	}
}
