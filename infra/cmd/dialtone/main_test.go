package main

import (
	"context"
	"os"
	"os/signal"
	"strings"
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
	testscript.Run(t, testscript.Params{Dir: "testdata", RequireExplicitExec: true, Cmds: map[string]func(*testscript.TestScript, bool, []string){"inprocess": inProcess}})
}

// inProcess is the dialtone command without a process of its own, for scripts with
// many of them; `exec dialtone` is the real one.
func inProcess(ts *testscript.TestScript, fails bool, args []string) {
	for i, arg := range args[1:] {
		if flag := args[i]; flag == "--data" || flag == "--play" {
			args[i+1] = ts.MkAbs(arg)
		}
	}
	t := &terminal{in: strings.NewReader(""), out: ts.Stdout(), err: ts.Stderr()}
	if status := t.main(context.Background(), args); (status != 0) != fails {
		ts.Fatalf("dialtone %s: exit status %d", strings.Join(args, " "), status)
	}
}
