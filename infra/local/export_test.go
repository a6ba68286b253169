package local

import (
	"io"
	"log/slog"
	"maps"
	"slices"

	"dialtone/infra/local/lambdahost"
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

// Relay is a writer for lines of functions.
func Relay(log *slog.Logger) io.Writer { return relay{log} }
