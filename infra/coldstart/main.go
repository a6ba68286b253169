// Coldstart measures what a function on Lambda costs before its first event,
// and prints it beside its budget:
//
//	go run ./infra/coldstart [-runs N] [-strict]
//
// Every function of the tree is built for this machine as it is for Lambda,
// started behind a Lambda Runtime API, and timed from just before its process
// starts to its first request for work. An empty function, which has nothing but
// the runtime client, is built and started in the same way and in turns with the
// others, each round in another order; what counts is the median of the ratios
// to it in the same round. Machines differ, and Lambda adds the download, its
// virtual machine and a smaller share of a processor: the ratio is what carries
// over.
//
//   - Memory is what is resident at that first request.
//   - Sizes are of the binary for -arch and of the zip with it alone, at the best
//     compression; MB are millions of bytes.
//
// The functions get an environment in which all their variables are set and no
// service can be reached: they have to start without calling one. Why a function
// does not build or start is said below the table.
//
// With -strict the exit status is 1 when a budget is broken.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"strings"
	"syscall"
)

// settings are the choices of a run.
type settings struct {
	runs   int    // of each function, after one that does not count
	arch   string // of the binaries whose size is taken
	tree   string // folder of the functions, below the module's
	strict bool
	env    map[string]string
}

// errBroken reports that a budget was not kept.
var errBroken = errors.New("a budget is broken")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "coldstart: error:", err)
		os.Exit(1)
	}
}

// run is the program.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	s, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "coldstart-*")
	if err != nil {
		return fmt.Errorf("make a folder for the binaries: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	functions, err := build(ctx, s, dir, stderr)
	if err != nil {
		return err
	}
	if err := measure(ctx, s, functions, stderr); err != nil {
		return err
	}
	if err := table(stdout, functions); err != nil {
		return err
	}
	if s.strict && broken(functions) {
		return errBroken
	}
	return nil
}

func parse(args []string, stderr io.Writer) (settings, error) {
	s := settings{env: variables()}
	f := flag.NewFlagSet("coldstart", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&s.runs, "runs", 40, "starts of each function that count")
	f.StringVar(&s.arch, "arch", "arm64", "architecture of the binaries whose size is taken; they are for Linux")
	f.StringVar(&s.tree, "functions", "functions", "folder of the functions")
	f.BoolVar(&s.strict, "strict", false, "exit with 1 when a budget is broken")
	f.Func("env", "`NAME=value` for the functions, over what they get anyway; may be repeated", func(v string) error {
		name, value, found := strings.Cut(v, "=")
		if !found || name == "" {
			return errors.New("want NAME=value")
		}
		s.env[name] = value
		return nil
	})
	if err := f.Parse(args); err != nil {
		return s, err
	}
	if f.NArg() > 0 {
		return s, fmt.Errorf("%q is not understood: give flags only", f.Args())
	}
	if s.runs < 1 {
		return s, fmt.Errorf("-runs %d is not a number of starts: use 1 or more", s.runs)
	}
	return s, nil
}

// variables are the environment of every function: all variables that any of
// them reads, and an endpoint where nothing listens.
func variables() map[string]string {
	vars := map[string]string{
		"AWS_ACCESS_KEY_ID":     "AKIDEXAMPLE",
		"AWS_SECRET_ACCESS_KEY": "example",
		"AWS_ENDPOINT_URL":      "http://127.0.0.1:9",
		"DIALTONE_TABLE":        "dialtone",
		"DIALTONE_BUS":          "dialtone",
		"WEBEX_SECRET_ID":       "dialtone/webex",
		"WEBHOOK_SECRET_ID":     "dialtone/webhooks",
		"UCWA_AUTH":             "password",
		"UCWA_SECRET_PREFIX":    "dialtone/ucwa/",
		"GOMAXPROCS":            fmt.Sprint(min(runtime.NumCPU(), 2)), // Lambda has two up to 3 GB
	}
	for _, queue := range []string{"numbers", "simring", "contacts"} {
		url := "https://sqs.us-east-1.amazonaws.com/000000000000/" + queue
		name := strings.ToUpper(queue)
		vars[name+"_QUEUE_URL"] = url
		vars[name+"_DEAD_LETTER_QUEUE_URL"] = url + "-dead-letter"
	}
	return vars
}
