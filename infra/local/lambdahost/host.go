// Package lambdahost runs a function's real binary, as Lambda would, on this
// machine: it starts the bootstrap as a process of its own, speaks the Lambda
// Runtime API to it, and kills it where Lambda would.
//
// A [Host] keeps a pool of processes. Each has one invocation at a time, is kept
// for the next one after it has answered, and may be frozen in between. A
// process that ends, is killed or takes too long fails the invocation it has and
// no other; the next invocation starts a new one.
//
//	h, err := lambdahost.New(lambdahost.Config{Binary: "build/change-number/bootstrap", Env: vars})
//	if err != nil {
//		return err
//	}
//	defer h.Shutdown(context.Background())
//	answer, err := h.Invoke(ctx, event)
//
// Where it differs from Lambda: an invocation returns when the function has
// asked for its next event, not when its answer is in; a start that fails is not
// tried again in the same invocation; the processor share is not limited, and
// memory only on demand; with too many invocations at a time the later ones wait instead of
// being throttled; the function is killed when its caller gives up.
package lambdahost

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"dialtone/shared/logattr"
)

// Host runs a function. It is safe for concurrent use.
type Host struct {
	cfg  Config
	emit func(line []byte)

	// A process is in warm, or in the hands of a call; each one that is not
	// there leaves a token in vacant. Together they are MaxConcurrency.
	warm   chan *process
	vacant chan struct{}

	closing chan struct{} // closed by Shutdown
	closed  chan struct{} // closed when all is over
	life    context.Context
	end     context.CancelCauseFunc // of life: kills what runs
	once    sync.Once

	mu       sync.Mutex
	live     map[*process]struct{}
	lastInit string // kind of the failure to start that was logged last
}

// Invocation is one event for the function.
type Invocation struct {
	// Payload is the event, JSON of at most MaxRequest bytes.
	Payload []byte

	// RequestID names the invocation. Default: a new one.
	RequestID string

	// TraceID is the X-Ray trace header. Default: a new trace, not sampled.
	TraceID string

	// ClientContext and Identity are JSON that mobile clients send along; nil:
	// none.
	ClientContext json.RawMessage
	Identity      json.RawMessage
}

// Init is a process that was started ahead of need.
type Init struct {
	PID      int
	Duration time.Duration // from just before the start to the first request for work
}

// Process is a running copy of the function.
type Process struct {
	PID       int
	RequestID string // of the invocation it works on; "" for none
}

// New checks the configuration and returns a host without processes. The error
// names everything that is wrong. Call Shutdown when done.
func New(cfg Config) (*Host, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	h := &Host{
		cfg:     cfg,
		emit:    sink(cfg.Output, cfg.Logger),
		warm:    make(chan *process, cfg.MaxConcurrency),
		vacant:  make(chan struct{}, cfg.MaxConcurrency),
		closing: make(chan struct{}),
		closed:  make(chan struct{}),
		live:    map[*process]struct{}{},
	}
	h.life, h.end = context.WithCancelCause(context.Background())
	for range cfg.MaxConcurrency {
		h.vacant <- struct{}{}
	}
	return h, nil
}

// Invoke runs the function on an event, JSON of at most MaxRequest bytes, and
// returns its answer as it came. It waits for a process when all are busy.
//
// A failure of the function, its timeout, its crash or its failure to start is
// an [*Error]. When ctx ends, the process is killed and the error wraps the
// cause; the function is told the earlier of its own deadline and that of ctx.
// After Shutdown the error is [ErrClosed].
func (h *Host) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return h.Do(ctx, Invocation{Payload: payload})
}

// Do is Invoke with more than a payload.
func (h *Host) Do(ctx context.Context, inv Invocation) ([]byte, error) {
	if err := inv.check(); err != nil {
		return nil, err
	}
	ctx, release := h.bound(ctx)
	defer release()
	p, err := h.take(ctx)
	if err != nil {
		return nil, err
	}
	defer h.put(p)
	return p.invoke(ctx, h.dress(ctx, inv))
}

func (inv Invocation) check() error {
	if n := len(inv.Payload); n > MaxRequest {
		return fmt.Errorf("invoke: payload of %d bytes is over the limit of %d", n, MaxRequest)
	}
	if !json.Valid(inv.Payload) {
		return errors.New("invoke: payload is not JSON")
	}
	for _, extra := range []json.RawMessage{inv.ClientContext, inv.Identity} {
		if len(extra) > 0 && !json.Valid(extra) {
			return errors.New("invoke: client context or identity is not JSON")
		}
	}
	return nil
}

// dress gives an event what the function sees of its invocation.
func (h *Host) dress(ctx context.Context, inv Invocation) *invocation {
	now := time.Now()
	deadline := now.Add(h.cfg.Timeout)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	fill(&inv.TraceID, fmt.Sprintf("Root=1-%08x-%s;Parent=%s;Sampled=0", now.Unix(), hexID(24), hexID(16)))
	fill(&inv.RequestID, uuid.NewString())
	return &invocation{Invocation: inv, id: inv.RequestID, deadline: deadline}
}

// bound ends ctx with the host.
func (h *Host) bound(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(h.life, func() { cancel(context.Cause(h.life)) })
	return ctx, func() {
		stop()
		cancel(nil)
	}
}

// take returns a process that waits for work: a warm one, or a new one if there
// is none and room for it.
func (h *Host) take(ctx context.Context) (*process, error) {
	if err := h.refusal(ctx); err != nil {
		return nil, err
	}
	select {
	case p := <-h.warm:
		return h.reuse(ctx, p)
	default:
	}
	select {
	case p := <-h.warm:
		return h.reuse(ctx, p)
	case <-h.vacant:
		p, _, err := h.start(ctx)
		return p, err
	case <-h.closing:
		return nil, ErrClosed
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a function process: %w", context.Cause(ctx))
	}
}

// refusal says why the caller gets no process at all; nil if it may have one.
func (h *Host) refusal(ctx context.Context) error {
	select {
	case <-h.closing:
		return ErrClosed
	default:
	}
	if ctx.Err() != nil {
		return fmt.Errorf("invoke: %w", context.Cause(ctx))
	}
	return nil
}

// reuse wakes a warm process, or replaces it if it has died.
func (h *Host) reuse(ctx context.Context, p *process) (*process, error) {
	if p.alive() {
		p.thaw()
		return p, nil
	}
	p.logEnd("function process ended while idle", "")
	h.forget(p)
	p, _, err := h.start(ctx)
	return p, err
}

// start makes a new process in a vacancy that the caller has taken, and returns
// how long it took to ask for work. On failure the place is vacant again.
func (h *Host) start(ctx context.Context) (*process, time.Duration, error) {
	p, err := launch(&h.cfg, h.emit)
	var took time.Duration
	if err == nil {
		h.remember(p)
		took, err = p.initialize(ctx)
	}
	h.report(err)
	if err != nil {
		if p != nil {
			h.forget(p)
		}
		h.vacant <- struct{}{}
		return nil, 0, err
	}
	return p, took, nil
}

// report logs why the function does not start, once until it does or the reason
// changes.
func (h *Host) report(err error) {
	e, failed := errors.AsType[*Error](err)
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err == nil:
		h.lastInit = ""
	case failed && h.lastInit != e.Type+e.Message: // the first line has a time in it
		h.lastInit = e.Type + e.Message
		h.cfg.Logger.Error("function does not start", slog.String("type", e.Type),
			slog.String(logattr.KeyError, logattr.Clean(e.Message)), slog.String("first_line", logattr.Clean(e.FirstLine)))
	}
}

// put gives a process back that the caller has used.
func (h *Host) put(p *process) {
	if !p.alive() {
		h.forget(p)
		h.vacant <- struct{}{}
		return
	}
	p.freeze()
	h.warm <- p
}

func (h *Host) remember(p *process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.live[p] = struct{}{}
}

func (h *Host) forget(p *process) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.live, p)
}

// Provision starts one more process, ahead of need, and leaves it waiting for
// work. It fails when there are MaxConcurrency of them, and as Invoke does when
// the process does not start.
func (h *Host) Provision(ctx context.Context) (Init, error) {
	ctx, release := h.bound(ctx)
	defer release()
	if err := h.refusal(ctx); err != nil {
		return Init{}, err
	}
	select {
	case <-h.vacant:
	default:
		return Init{}, fmt.Errorf("provision: all %d processes are started", h.cfg.MaxConcurrency)
	}
	p, took, err := h.start(ctx)
	if err != nil {
		return Init{}, err
	}
	defer h.put(p)
	return Init{PID: p.pid(), Duration: took}, nil
}

// Processes returns the processes that run now, in no order: for whoever wants
// to look at them, or kill one.
func (h *Host) Processes() []Process {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []Process
	for p := range h.live {
		if p.alive() {
			all = append(all, Process{PID: p.pid(), RequestID: p.api.request()})
		}
	}
	return all
}

// Shutdown refuses new invocations, waits for those that run, and ends all
// processes: asked first, killed after the grace. When ctx ends, what still runs
// is killed. No process is left when it returns; the error says that some had to
// be killed with their invocation. It may be called again.
func (h *Host) Shutdown(ctx context.Context) error {
	h.once.Do(func() {
		close(h.closing)
		go h.drain()
	})
	select {
	case <-h.closed:
		return nil
	case <-ctx.Done():
	}
	h.end(ErrClosed)
	<-h.closed
	return fmt.Errorf("shut down lambda host: %w", context.Cause(ctx))
}

// drain takes every process out of use and ends it.
func (h *Host) drain() {
	var ending sync.WaitGroup
	for range h.cfg.MaxConcurrency {
		select {
		case <-h.vacant:
		case p := <-h.warm:
			ending.Go(func() {
				p.terminate(h.life)
				h.forget(p)
			})
		}
	}
	ending.Wait()
	h.end(ErrClosed) // nothing is left to kill
	close(h.closed)
}
