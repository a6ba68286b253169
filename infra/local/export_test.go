package local

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"slices"
	"time"

	"dialtone/infra/local/lambdahost"
	"dialtone/infra/local/mapping"
	"dialtone/shared/env"
)

// Processes returns the function processes that run now, by function.
func (s *Stack) Processes(function string) []lambdahost.Process {
	for i, f := range functions() {
		if f.name == function {
			return s.isolated[i].Processes()
		}
	}
	return nil
}

// Names are the functions' names, in the order of the list.
func Names() []string {
	var names []string
	for _, f := range functions() {
		names = append(names, f.name)
	}
	return names
}

// MappedQueues are the queues that some function handles, sorted.
func MappedQueues() []string {
	names := map[string]bool{}
	for _, f := range functions() {
		for _, q := range f.queues {
			names[q] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Sent returns the settings as they arrive in another process.
func (s Settings) Sent() (Settings, error) {
	vars, err := s.variables()
	if err != nil {
		return Settings{}, err
	}
	r := env.New(func(name string) (string, bool) { v, found := vars[name]; return v, found })
	return readSettings(r, "nowhere"), r.Err()
}

// RunTimer runs the clock of a function until ctx ends.
func RunTimer(ctx context.Context, every time.Duration, log *slog.Logger, invoke mapping.Handler) {
	timer{name: "test", every: every, invoke: invoke, log: log}.run(ctx)
}

// Tick invokes what the clock does, once.
func (s *Stack) Tick(ctx context.Context) error {
	var problems []error
	for _, t := range s.timers {
		problems = append(problems, t.once(ctx))
	}
	return errors.Join(problems...)
}

// Relay is a writer for lines of functions.
func Relay(log *slog.Logger) io.Writer { return relay{log} }
