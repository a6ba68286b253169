// Package local is the embedded stack: everything that runs on AWS as queues,
// functions and a table runs here on one durable file, with the same handlers.
// They run in this process or, with [Isolation], each in processes of its own
// that speak the Lambda Runtime API.
package local

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/sync/errgroup"

	"dialtone/infra/local/console"
	"dialtone/infra/local/mapping"
	"dialtone/shared/httpretry"
	"dialtone/shared/ledger"
	"dialtone/shared/sqlitefile"
)

// Options of [Open]. Path and Settings are required.
type Options struct {
	Path     string // data file, made if it is not there
	Settings Settings
	Outcomes string            // file that every outcome is appended to; "": none
	Backoff  httpretry.Backoff // before a failed message is tried again; zero: the handlers' own
	Logger   *slog.Logger      // nil: no log

	// Isolation runs every function in processes of its own. They know nothing of
	// Backoff. nil: all run in this process.
	Isolation *Isolation
}

const (
	// defaultConcurrency is how many users are worked on at a time.
	defaultConcurrency = 10

	// batches is how many batches of one queue are worked on at a time.
	batches = 4
)

// Stack is the embedded stack. It owns its data file: no second one can be
// opened on it, in this process or another.
type Stack struct {
	*Data
	mappings []*mapping.Mapping
	timers   []timer
	isolated []*isolated
	publish  publisher
	log      *slog.Logger
}

// Open opens the data file, takes back what a dead process had in flight, and
// makes the handlers. Nothing is worked on before [Stack.Run].
func Open(ctx context.Context, o Options) (_ *Stack, err error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Isolation != nil {
		if o.Isolation, err = o.Isolation.complete(); err != nil {
			return nil, err
		}
	}
	run := "run-" + rand.Text()[:8]
	data, err := open(ctx, o.Path, sqlitefile.Options{Exclusive: true}, ledger.Options{Owner: run, Exclusive: true})
	if err != nil {
		return nil, err
	}
	s := &Stack{Data: data, log: o.Logger, publish: publisher{data: data, path: o.Outcomes, log: o.Logger}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	back, err := data.Queues.ReturnInFlight(ctx)
	if err != nil {
		return nil, fmt.Errorf("take back messages in flight: %w", err)
	}
	o.Logger.InfoContext(ctx, "stack opened", slog.Int("messages_taken_back", back), slog.Bool("isolated", o.Isolation != nil))
	if o.Isolation != nil {
		return s, s.connectIsolated(ctx, run, o)
	}
	return s, s.connect(ctx, o)
}

// connect makes the handlers in this process.
func (s *Stack) connect(ctx context.Context, o Options) error {
	p := newParts(s.Data, o.Settings, 1, o.Logger)
	p.backoff = o.Backoff
	for _, f := range functions() {
		h, err := f.make(p)
		if err != nil {
			return err
		}
		if err := s.handle(ctx, f, mapping.Config{Handler: h, Timeout: functionTimeout}); err != nil {
			return err
		}
		s.schedule(f, h)
	}
	return nil
}

// connectIsolated starts a process for each function. Every one that cannot
// start is reported.
func (s *Stack) connectIsolated(ctx context.Context, run string, o Options) error {
	var problems []error
	for _, f := range functions() {
		i, err := isolate(ctx, f, s.Data, run, o)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		s.isolated = append(s.isolated, i)
		// The host ends an invocation in time; that its process has to start first
		// does not count.
		c := mapping.Config{Handler: i.handle, Timeout: startTimeout + o.Isolation.Timeout + startPause, Grace: o.Isolation.Timeout}
		problems = append(problems, s.handle(ctx, f, c))
		s.schedule(f, i.Invoke)
	}
	return errors.Join(problems...)
}

// handle maps the queues of a function to its handler, as event source mappings
// do on AWS.
func (s *Stack) handle(ctx context.Context, f function, c mapping.Config) error {
	c.Function, c.MaximumConcurrency, c.Logger = f.name, batches, s.log
	for _, name := range f.queues {
		q, err := s.Queues.Queue(ctx, name)
		if err != nil {
			return err
		}
		c.Source = q
		m, err := mapping.New(c)
		if err != nil {
			return err
		}
		s.mappings = append(s.mappings, m)
	}
	return nil
}

// schedule has the clock invoke a function, if it is to, as EventBridge Scheduler
// does on AWS.
func (s *Stack) schedule(f function, invoke mapping.Handler) {
	if f.every > 0 {
		s.timers = append(s.timers, timer{name: f.name, every: f.every, invoke: invoke, log: s.log})
	}
}

// Run works on messages until ctx ends, then lets what is under way finish, and
// publishes what came of it. It returns early only if the data file fails.
func (s *Stack) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	working, done := context.WithCancel(context.WithoutCancel(ctx))
	g.Go(func() error {
		defer done()
		return s.work(ctx)
	})
	g.Go(func() error { return s.publish.run(working) })
	g.Go(func() error { return s.purge(ctx) })
	return g.Wait()
}

// work runs the mappings and the schedule.
func (s *Stack) work(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, t := range s.timers {
		g.Go(func() error { t.run(ctx); return nil })
	}
	for _, m := range s.mappings {
		g.Go(func() error { return m.Run(ctx) })
	}
	return g.Wait()
}

// Close ends the processes of functions, if there are any, and closes the file.
// Run must have returned.
func (s *Stack) Close() error {
	var problems []error
	for _, i := range s.isolated {
		problems = append(problems, i.Shutdown(context.Background()))
	}
	return errors.Join(append(problems, s.Data.Close())...)
}

// purge deletes finished requests that are past their retention, hourly.
func (s *Stack) purge(ctx context.Context) error {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if _, err := s.Store.Purge(ctx, 10_000); err != nil && ctx.Err() == nil {
			return fmt.Errorf("purge expired items: %w", err)
		}
	}
}

// Console serves the operator's page.
func (s *Stack) Console() http.Handler {
	return console.Handler(console.Config{
		Ledger: s.Ledger, Requests: s.Store.Requests, Numbers: s.Store.Numbers, Queues: s.queueStates, Logger: s.log,
	})
}

func (s *Stack) queueStates(ctx context.Context) ([]console.Queue, error) {
	all, err := s.Queues.List(ctx)
	if err != nil {
		return nil, err
	}
	var states []console.Queue
	for _, q := range all {
		n, err := q.Counts(ctx)
		if err != nil {
			return nil, err
		}
		states = append(states, console.Queue{
			Name: q.Name(), Waiting: n.Visible, InFlight: n.InFlight, Delayed: n.Delayed, OldestSec: n.Oldest.Seconds(),
		})
	}
	return states, nil
}
