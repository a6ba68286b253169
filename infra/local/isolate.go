package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"dialtone/infra/local/lambdahost"
	"dialtone/infra/local/queue"
	"dialtone/shared/command"
	"dialtone/shared/httpretry"
	"dialtone/shared/ledger"
	"dialtone/shared/logattr"
)

// Isolation says how to start a process for a function.
type Isolation struct {
	// Binary is a program that calls [Serve] with the last of its arguments.
	// Required.
	Binary string

	// Args come before the function's name.
	Args []string

	// Timeout is how long an invocation may take before its process is killed,
	// 15 s to 1 min: handlers start nothing in the last seconds. Zero: 1 min, as
	// on AWS.
	Timeout time.Duration

	// Memory in MB that a process may have before it is killed, on Linux. Zero:
	// any.
	Memory int
}

// complete returns the isolation with its defaults.
func (i Isolation) complete() (*Isolation, error) {
	if i.Timeout == 0 {
		i.Timeout = functionTimeout
	}
	var problems []error
	if i.Timeout < shortestTimeout || i.Timeout > functionTimeout {
		problems = append(problems, fmt.Errorf("timeout is %s, want %s to %s", i.Timeout, shortestTimeout, functionTimeout))
	}
	if i.Memory < 0 {
		problems = append(problems, fmt.Errorf("memory is %d MB, want none or more", i.Memory))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("isolation: %w", err)
	}
	return &i, nil
}

const (
	shortestTimeout = 15 * time.Second

	// startTimeout is how long a process may take until it asks for work.
	startTimeout = 30 * time.Second

	// maxStarts is how often the first process of a function is started.
	maxStarts = 3

	// startPause keeps a function that does not start from being started again
	// and again for every message that waits.
	startPause = 2 * time.Second

	// lastRites is how long taking over from a process that is gone may take.
	lastRites = 10 * time.Second
)

// isolated runs a function in processes of its own. What such a process had
// under way when it died is known here, and goes on without waiting for the
// visibility timeout and the leases of the dead.
type isolated struct {
	*lambdahost.Host
	data    *Data
	run     string         // owner of its leases
	heir    *ledger.Ledger // takes them over
	backoff httpretry.Backoff
	log     *slog.Logger
}

// isolate makes the host of a function and starts its first process, so that one
// that cannot start is known at once.
func isolate(ctx context.Context, f function, d *Data, run string, o Options) (*isolated, error) {
	vars, err := o.Settings.variables()
	if err != nil {
		return nil, err
	}
	p := process{Data: d.File.Path(), Run: run, Processes: webexProcesses()}
	maps.Copy(vars, p.variables())
	passOn(vars, os.LookupEnv)
	vars["AWS_LAMBDA_LOG_FORMAT"], vars["AWS_LAMBDA_LOG_LEVEL"] = "JSON", "INFO"
	if o.Logger.Enabled(ctx, slog.LevelDebug) {
		vars["AWS_LAMBDA_LOG_LEVEL"] = "DEBUG"
	}
	log := o.Logger.With(slog.String("function", f.name))
	host, err := lambdahost.New(lambdahost.Config{
		Binary: o.Isolation.Binary, Args: slices.Concat(o.Isolation.Args, []string{f.name}),
		Name: f.name, Region: "local", Env: vars, Memory: o.Isolation.Memory, LimitMemory: o.Isolation.Memory > 0,
		Timeout: o.Isolation.Timeout, InitTimeout: startTimeout, MaxConcurrency: f.processes(),
		Grace:  time.Millisecond, // a process is asked to end while it rests, and has nothing to finish
		Output: relay{log}, Logger: o.Logger,
	})
	if err != nil {
		return nil, err
	}
	if err := firstProcess(ctx, host); err != nil {
		return nil, errors.Join(fmt.Errorf("function %s cannot start: %w", f.name, startProblem(err)), host.Shutdown(ctx))
	}
	return &isolated{
		Host: host, data: d, run: run, log: log, backoff: httpretry.Backoff{Base: time.Second, Cap: functionTimeout},
		heir: ledger.New(d.Store, ledger.Options{Owner: run + "-heir", Exclusive: true}),
	}, nil
}

// firstProcess starts a process ahead of need. One that ends without a word was
// ended by somebody else, such as an operator or a kernel short of memory: that
// tells nothing of the function, so another one is tried.
func firstProcess(ctx context.Context, host *lambdahost.Host) error {
	for n := 1; ; n++ {
		_, err := host.Provision(ctx)
		e, ok := errors.AsType[*lambdahost.Error](err)
		if !ok || n == maxStarts || e.Type != lambdahost.TypeExit || e.FirstLine != "" {
			return err
		}
	}
}

// passOn adds the variables that Go programs need of the machine they are on: the
// way out, whom to trust, where to put temporary files.
func passOn(vars map[string]string, lookup func(string) (string, bool)) {
	for _, name := range []string{
		"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
		"SSL_CERT_FILE", "SSL_CERT_DIR", "TMPDIR", "GODEBUG", "GOCOVERDIR",
	} {
		if v, found := lookup(name); found {
			vars[name] = v
		}
	}
}

// startProblem is what a process said itself about why it does not start, which
// tells more than how it ended.
func startProblem(err error) error {
	e, ok := errors.AsType[*lambdahost.Error](err)
	if !ok {
		return err
	}
	l, ok := parseLine([]byte(e.FirstLine))
	if !ok {
		return err
	}
	if reason := l.text(logattr.KeyError); reason != "" {
		return errors.New(reason)
	}
	return err
}

// handle has a process handle a batch. If that fails, the messages come back
// soon, the later the more often they were received.
func (i *isolated) handle(ctx context.Context, event []byte) ([]byte, error) {
	inv := lambdahost.Invocation{Payload: event}
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		inv.RequestID = lc.AwsRequestID
	}
	answer, err := i.Do(ctx, inv)
	if err == nil {
		return answer, nil
	}
	e, _ := errors.AsType[*lambdahost.Error](err)
	invoked := e == nil || !e.Init
	if err := i.bringBack(ctx, event, invoked); err != nil {
		// They come back by themselves when their visibility timeout ends.
		i.log.WarnContext(ctx, "messages not brought back", slog.String("requestId", inv.RequestID), logattr.Error(err))
	}
	if !invoked {
		pause(ctx, startPause)
	}
	return nil, err
}

// bringBack ends the leases of a batch that nobody works on any more, and makes
// its messages visible.
func (i *isolated) bringBack(ctx context.Context, event []byte, invoked bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastRites)
	defer cancel()
	var e events.SQSEvent
	if err := json.Unmarshal(event, &e); err != nil {
		return fmt.Errorf("decode SQS event: %w", err)
	}
	var problems []error
	var entries []queue.Visibility
	for _, m := range e.Records {
		if invoked {
			problems = append(problems, i.inherit(ctx, m.Body))
		}
		n, _ := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
		entries = append(entries, queue.Visibility{Receipt: m.ReceiptHandle, Timeout: i.backoff.Delay(n)})
	}
	q, err := i.data.Queues.ByARN(ctx, e.Records[0].EventSourceARN)
	if err != nil {
		return err
	}
	outcomes, err := q.ChangeVisibilityBatch(ctx, entries)
	return errors.Join(append(append(problems, err), outcomes...)...)
}

// inherit ends the lease that a process left behind on the request of a message.
// The message is still hidden, so nobody else works on the request.
func (i *isolated) inherit(ctx context.Context, body string) error {
	c, err := command.Decode([]byte(body))
	if err != nil {
		return nil // no command, no request
	}
	r, _, err := i.data.Ledger.Request(ctx, c.Key)
	if err != nil || r.State != ledger.Running || r.Owner != i.run {
		return err
	}
	lease, _, err := i.heir.Begin(ctx, c, time.Now().Add(lastRites))
	if err != nil || lease == nil {
		return err
	}
	return i.heir.Yield(ctx, lease, "the process that worked on it ended; it is tried again")
}

// pause waits, at most until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
