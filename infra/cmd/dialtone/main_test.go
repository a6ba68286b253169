package main

import (
	"context"
	"os"
	"os/signal"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain makes the test binary the dialtone command for the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"dialtone": func() {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
		defer stop()
		t := &terminal{in: os.Stdin, out: os.Stdout, err: os.Stderr}
		os.Exit(t.main(ctx, os.Args[1:]))
	}})
}

func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true})
}
