// Bench measures what one assigned number costs and prints it beside its
// budget:
//
//	go run ./infra/bench [-quick] [-strict] [-store sqlite|memory]
//
// Everything is measured in one run against simulators of both vendors that
// run in a process of their own, so that only the work of this one counts.
// Machines differ and are busy at times; therefore costs are ratios of two
// things measured in turns, and of several rounds the median counts.
//
//   - UCWA calls per assign and Webex calls per batch are requests that the
//     simulators received for batches of ten users who were signed in before:
//     discovery and tokens, which are kept for hours, are not among them.
//   - CPU per assign is user plus system time of this process while the real
//     handler works through batches of ten, over that of a bare loop which
//     sends the same requests and makes the same ledger reads and writes of
//     the same bytes, with as many users at a time, but decides nothing: it
//     decodes only the fields it uses, encodes no items, checks no answer and
//     retries nothing. The parts of AWS (the runtime, its SDK) and log lines
//     are in neither. The share of Webex grows with the numbers of the
//     location, which are listed once a batch: see -numbers.
//   - Reserve attempts are the pins and the claims that were written or lost,
//     whichever are more, for each user who got a number, with many workers on
//     one pool, each with a batch of one. Their vendors answer at once, so they
//     meet more often than real ones.
//   - A batch of ten is timed against a batch of one, at a latency that makes
//     everything else small. The one is the critical path: what its calls need
//     one after the other.
//   - Growth compares ledgers of many and of few people and numbers, most of
//     them at other locations, by ledger operations and by CPU per assign (not
//     with -store memory, which searches all it has).
//   - A crowded location has more numbers than Webex lists on a page, and all of
//     the first page are given away.
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
	"syscall"
	"time"
)

// settings are the sizes of a run.
type settings struct {
	store    string        // sqlite or memory
	rounds   int           // of each side of a comparison
	users    int           // of each side in a round, in batches of batchSize
	numbers  int           // at each location
	workers  int           // that reserve at the same time
	reserves int           // users they work for
	people   int           // in the large ledger; the small one has a hundredth
	latency  time.Duration // of every answer while batches are timed
	strict   bool
	profile  string // file for a CPU profile of the handler; "": none
}

// batchSize is how many messages one invocation gets at most.
const batchSize = 10

// errBroken reports that a budget was not kept.
var errBroken = errors.New("a budget is broken")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "bench: error:", err)
		os.Exit(1)
	}
}

// run is the program; args that start with the word simulators make it the
// simulators' process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) > 0 && args[0] == simulatorsCommand {
		return serveSimulators(args[1:], os.Stdin, stdout)
	}
	s, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	r, err := measure(ctx, s, stderr)
	if err != nil {
		return err
	}
	if err := r.print(stdout); err != nil {
		return err
	}
	if s.strict && r.broken() {
		return errBroken
	}
	return nil
}

func parse(args []string, stderr io.Writer) (settings, error) {
	var s settings
	var quick bool
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&s.store, "store", "sqlite", "where the ledger is kept: sqlite (a temporary file) or memory")
	f.IntVar(&s.rounds, "rounds", 7, "rounds of each comparison")
	f.IntVar(&s.users, "users", 80, "users of each side in a round")
	f.IntVar(&s.numbers, "numbers", 1000, "free numbers at each location")
	f.BoolVar(&quick, "quick", false, "tiny sizes: shows that it works, in seconds")
	f.BoolVar(&s.strict, "strict", false, "exit with 1 when a budget is broken")
	f.StringVar(&s.profile, "profile", "", "write a CPU profile of the handler to this file")
	if err := f.Parse(args); err != nil {
		return s, err
	}
	s.workers, s.reserves, s.people, s.latency = 64, 640, 100_000, 100*time.Millisecond
	if quick {
		s.rounds, s.users, s.numbers = 2, batchSize, 200
		s.workers, s.reserves, s.people, s.latency = 8, 32, 1000, 20*time.Millisecond
	}
	return s, s.check()
}

// check names every bad setting at once.
func (s settings) check() error {
	var problems []error
	report := func(bad bool, format string, args ...any) {
		if bad {
			problems = append(problems, fmt.Errorf(format, args...))
		}
	}
	report(s.store != "sqlite" && s.store != "memory", "-store %q is not known: use sqlite or memory", s.store)
	report(s.rounds < 1, "-rounds %d is not a number of rounds: use 1 or more", s.rounds)
	report(s.users < batchSize || s.users%batchSize != 0, "-users %d does not fill batches: use a multiple of %d", s.users, batchSize)
	report(s.numbers < s.reserves, "-numbers %d is too few for %d users: use more", s.numbers, s.reserves)
	need := (s.rounds + 2) * s.users * 5 / 4 // a warm-up and perhaps a profile besides; some numbers stay free
	report(s.numbers < need, "-numbers %d is too few for -rounds %d of -users %d: use %d or more", s.numbers, s.rounds, s.users, need)
	return errors.Join(problems...)
}

// measure takes all measurements of a run, one after the other.
func measure(ctx context.Context, s settings, progress io.Writer) (*report, error) {
	b, err := newBench(ctx, s)
	if err != nil {
		return nil, err
	}
	defer b.close()
	for _, step := range []struct {
		what string
		do   func(context.Context) error
	}{
		{"calls and CPU per assign", b.compareCPU},
		{"reserve attempts", b.countAttempts},
		{"wall time of a batch", b.timeBatches},
		{"growth of the ledger", b.compareLedgers},
		{"a crowded location", b.crowd},
	} {
		start := time.Now()
		fmt.Fprintf(progress, "%s ...", step.what)
		err := step.do(ctx)
		fmt.Fprintf(progress, " %.1f s\n", time.Since(start).Seconds())
		if err != nil {
			return nil, fmt.Errorf("%s: %w", step.what, err)
		}
	}
	return &b.report, nil
}
