package lambdahost

import (
	"context"
	"fmt"
	"log/slog"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// process is a running copy of the function. One goroutine at a time owns it:
// an invocation, or the pool it rests in.
type process struct {
	cfg    *Config
	api    *runtimeAPI
	cmd    *exec.Cmd
	output *lines
	begun  time.Time
	exited chan struct{} // closed when it is gone, and its last line is out

	mu   sync.Mutex
	gone bool // its id may belong to another by now
}

// outputDelay is how long the output of a process may be held open by what the
// process left behind.
const outputDelay = 500 * time.Millisecond

// launch starts a process; it has not asked for work yet.
func launch(cfg *Config, emit func([]byte)) (*process, error) {
	api, err := listen(cfg.ARN)
	if err != nil {
		return nil, err
	}
	p := &process{cfg: cfg, api: api, output: &lines{emit: emit}, exited: make(chan struct{})}
	p.cmd = exec.Command(cfg.Binary, cfg.Args...)
	p.cmd.Dir = filepath.Dir(cfg.Binary)
	p.cmd.Env = cfg.environment(api.addr())
	p.cmd.Stdout, p.cmd.Stderr = p.output, p.output
	p.cmd.SysProcAttr = attributes()
	p.cmd.WaitDelay = outputDelay
	begun := make(chan error)
	go p.run(begun)
	if err := <-begun; err != nil {
		api.close()
		return nil, &Error{Type: TypeEntrypoint, Message: err.Error(), Init: true}
	}
	return p, nil
}

// run starts the process and waits for its end. It keeps its thread all the
// while: Linux ends a process with the thread that started it.
func (p *process) run(begun chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	p.begun = time.Now()
	err := p.cmd.Start()
	begun <- err
	if err != nil {
		return
	}
	_ = p.cmd.Wait() // the state says more than the error
	p.mu.Lock()
	p.gone = true
	p.mu.Unlock()
	sweep(p.cmd.Process)
	p.output.end()
	p.api.close()
	close(p.exited)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// signal sends a signal, unless the process is gone.
func (p *process) signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.gone {
		send(p.cmd.Process, sig)
	}
}

func (p *process) alive() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// freeze stops the process until thaw.
func (p *process) freeze() {
	if p.cfg.Freeze {
		p.signal(sigStop)
		awaitStop(p.pid())
	}
}

func (p *process) thaw() {
	if p.cfg.Freeze {
		p.signal(sigContinue)
	}
}

// kill ends the process at once and returns when it is gone.
func (p *process) kill() {
	p.signal(sigKill)
	<-p.exited
}

// terminate asks the process to end, kills it after the grace or when ctx ends,
// and returns when it is gone.
func (p *process) terminate(ctx context.Context) {
	p.signal(sigTerminate)
	p.signal(sigContinue) // a stopped process hears of nothing else
	p.await(ctx)
}

// await lets the process end by itself within the grace and while ctx lasts.
func (p *process) await(ctx context.Context) {
	timer := time.NewTimer(p.cfg.Grace)
	defer timer.Stop()
	select {
	case <-p.exited:
		return
	case <-timer.C:
	case <-ctx.Done():
	}
	p.kill()
}

// initialize waits until the process asks for work. It is gone if that fails.
func (p *process) initialize(ctx context.Context) (time.Duration, error) {
	timer := time.NewTimer(p.cfg.InitTimeout)
	defer timer.Stop()
	select {
	case <-p.api.asked:
		return time.Since(p.begun), nil
	case <-p.exited:
		return 0, p.notStarted(p.reason())
	case e := <-p.api.failed:
		p.await(ctx)
		return 0, p.notStarted(e)
	case <-timer.C:
		p.kill()
		return 0, p.notStarted(timedOut("Init", p.cfg.InitTimeout))
	case <-ctx.Done():
		p.kill()
		return 0, fmt.Errorf("start function: %w", context.Cause(ctx))
	}
}

// reason returns why the process ended before it asked for work: what it said
// itself or, if it said nothing, how it ended.
func (p *process) reason() *Error {
	select {
	case e := <-p.api.failed:
		return e
	default:
		return ended(p.cmd.ProcessState)
	}
}

// notStarted completes the reason why the process, now gone, did not start.
func (p *process) notStarted(e *Error) *Error {
	e.Init, e.FirstLine = true, p.output.firstLine()
	return e
}

// invoke gives the process one event and returns when it has asked for the next
// one or is gone. An answer that was accepted counts, whatever happens later.
func (p *process) invoke(ctx context.Context, inv *invocation) ([]byte, error) {
	timer := time.NewTimer(p.cfg.Timeout)
	defer timer.Stop()
	over := make(chan struct{})
	defer close(over)
	p.api.give(inv)
	var failure error
	select {
	case <-p.api.asked:
	case <-p.exited:
		failure = ended(p.cmd.ProcessState).ofRequest(inv.id)
		p.logEnd("function process ended in an invocation", inv.id)
	case <-timer.C:
		p.kill()
		failure = timedOut("Task", p.cfg.Timeout).ofRequest(inv.id)
		p.logEnd("function timed out and was killed", inv.id)
	case used := <-p.outgrown(over):
		p.kill()
		failure = outgrown(used, p.cfg.Memory).ofRequest(inv.id)
		p.logEnd("function had too much memory and was killed", inv.id)
	case <-ctx.Done():
		p.kill()
		failure = fmt.Errorf("invocation %s was killed: %w", inv.id, context.Cause(ctx))
		p.logEnd("function was killed with its caller", inv.id)
	}
	switch said := p.api.said(); {
	case said == nil:
		return nil, failure
	case said.err != nil:
		return nil, said.err.ofRequest(inv.id)
	default:
		return said.body, nil
	}
}

// outgrown gets the MB that the process has once they are too many. It is not
// looked at any more when over is closed.
func (p *process) outgrown(over <-chan struct{}) <-chan int {
	if !p.cfg.LimitMemory {
		return nil
	}
	found := make(chan int, 1)
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-over:
				return
			case <-tick.C:
			}
			if used := resident(p.pid()); used > p.cfg.Memory {
				found <- used
				return
			}
		}
	}()
	return found
}

func (p *process) logEnd(what, request string) {
	p.cfg.Logger.Warn(what, slog.String("requestId", request), slog.Int("pid", p.pid()),
		slog.String("state", p.cmd.ProcessState.String()))
}
