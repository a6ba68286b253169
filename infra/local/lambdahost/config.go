package lambdahost

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"
)

// Limits of Lambda, in bytes and time ("Lambda quotas": a request of at most
// 6 MB; a function that answers with more fails with the response limit in its
// message, which is 100 bytes higher).
const (
	MaxRequest  = 6_291_456
	MaxResponse = 6_291_556
	maxTimeout  = 15 * time.Minute
)

// Config says which function is run and how. Only Binary is needed.
type Config struct {
	// Binary is the path of the function's executable, "bootstrap" as it is in
	// the zip. Its folder is the function's working directory.
	Binary string

	// Args are arguments of the binary, for one that is more than a function.
	// Default: none, as on Lambda.
	Args []string

	// Env is the function's own environment. Nothing of this process's is passed
	// on but PATH; credentials (AWS_ACCESS_KEY_ID and so on) and endpoints belong
	// in here. What Lambda sets itself is refused.
	Env map[string]string

	// Name of the function. Default: the name of Binary's folder.
	Name string

	// Version of the function. Default: $LATEST.
	Version string

	// Handler is what the function finds in _HANDLER. Default: bootstrap.
	Handler string

	// Region of AWS. Default: us-east-1.
	Region string

	// ARN under which the function is invoked. Default: made of Region, Name and
	// an account of zeros.
	ARN string

	// Memory in MB that the function is told it has. Default: 128.
	Memory int

	// LimitMemory kills a process that is found to have more than Memory resident
	// during an invocation. It is looked for ten times a second, on Linux only.
	// Default: off.
	LimitMemory bool

	// Timeout of an invocation, at most 15 minutes, after which the process is
	// killed. Default: 3 s, as Lambda's.
	Timeout time.Duration

	// InitTimeout is how long a process may take from its start to its first
	// request for work. Default: 10 s, as Lambda's.
	InitTimeout time.Duration

	// Grace is how long a process that is told to end has before it is killed.
	// Default: 2 s.
	Grace time.Duration

	// MaxConcurrency is how many processes there are at most, each with one
	// invocation at a time. More invocations wait for one of them. Default: 1.
	MaxConcurrency int

	// Freeze stops a process between its invocations, as Lambda does, so that a
	// goroutine that outlives its invocation does nothing until the next one. Not
	// on Windows. Default: off.
	Freeze bool

	// Output gets what the functions write to stdout and stderr, in whole lines
	// (of at most 256 KiB), one Write a line, one after the other. A Write that
	// blocks blocks the function; its errors are ignored. Default: each line
	// becomes a record of Logger, without tokens and phone numbers.
	Output io.Writer

	// Logger gets starts that fail and processes that die. Default: discarded.
	Logger *slog.Logger
}

// complete returns the configuration with its defaults; the error names
// everything that is wrong with it.
func (c Config) complete() (Config, error) {
	if problems := c.problems(); len(problems) > 0 {
		return c, fmt.Errorf("lambda host: %w", errors.Join(problems...))
	}
	path, err := filepath.Abs(c.Binary)
	if err != nil {
		return c, fmt.Errorf("lambda host: path of Binary: %w", err)
	}
	c.Binary = path
	fill(&c.Name, filepath.Base(filepath.Dir(path)))
	fill(&c.Version, "$LATEST")
	fill(&c.Handler, "bootstrap")
	fill(&c.Region, "us-east-1")
	fill(&c.ARN, fmt.Sprintf("arn:aws:lambda:%s:000000000000:function:%s", c.Region, c.Name))
	fill(&c.Memory, 128)
	fill(&c.Timeout, 3*time.Second)
	fill(&c.InitTimeout, 10*time.Second)
	fill(&c.Grace, 2*time.Second)
	fill(&c.MaxConcurrency, 1)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Logger = c.Logger.With(slog.String("function", c.Name))
	return c, nil
}

// fill sets a field that has no value.
func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

func (c Config) problems() []error {
	var all []error
	report := func(bad bool, format string, args ...any) {
		if bad {
			all = append(all, fmt.Errorf(format, args...))
		}
	}
	if c.Binary == "" {
		report(true, "Binary is missing: give the path of the function's executable")
	} else if info, err := os.Stat(c.Binary); err != nil {
		report(true, "Binary: build the function first: %w", err)
	} else {
		report(!info.Mode().IsRegular(), "Binary %s is not a file", c.Binary)
	}
	for name, d := range map[string]time.Duration{"Timeout": c.Timeout, "InitTimeout": c.InitTimeout, "Grace": c.Grace} {
		report(d < 0, "%s %v is negative", name, d)
	}
	report(c.Timeout > maxTimeout, "Timeout %v is over %v", c.Timeout, maxTimeout)
	report(c.Memory < 0, "Memory %d is negative", c.Memory)
	report(c.MaxConcurrency < 0, "MaxConcurrency %d is negative", c.MaxConcurrency)
	report(c.Freeze && !canFreeze, "Freeze cannot be had on %s", runtime.GOOS)
	for name := range c.Env {
		report(reserved(name), "Env %s is set by Lambda: use the field of Config, if there is one", name)
	}
	slices.SortFunc(all, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return all
}

// reserved reports whether Lambda sets a variable itself.
func reserved(name string) bool {
	switch name {
	case "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV",
		"AWS_LAMBDA_RUNTIME_API", "AWS_LAMBDA_INITIALIZATION_TYPE",
		"AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
		"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
		"LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR":
		return true
	}
	return false
}
