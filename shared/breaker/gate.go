package breaker

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/sony/gobreaker/v2"

	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/logattr"
)

const (
	// recheck is how long the ledger's word on a host is believed. A call that
	// fails, and the end of a pause, have it asked again at once.
	recheck = 5 * time.Second
	// tell bounds the ledger's part in a call, also when the call's own time is up.
	tell = 500 * time.Millisecond
)

// gate is one host as this process sees it.
type gate struct {
	cfg  *Config
	name string        // of the pause
	turn chan struct{} // holds one entry while somebody asks or tells the ledger

	mu       sync.Mutex
	pause    ledger.Pause
	seen     time.Time // when the ledger said so; zero: ask before the next call
	ahead    time.Time // until then somebody is expected to make the probe
	counter  *counter
	personal [sha256.Size]byte // credentials of the last failure that may have been theirs
}

// counter counts failures in a row since calls became free. Calls that were let
// through by an earlier one have no say in the present.
type counter = gobreaker.TwoStepCircuitBreaker[struct{}]

// permit lets one call through: counted, or as the probe.
type permit struct {
	done  func(error)   // tells the counter
	probe *ledger.Pause // nil: not the probe
}

var (
	errFailed = errors.New("failed")
	errSilent = errors.New("says nothing")
)

func newGate(cfg *Config, name string) *gate {
	g := &gate{cfg: cfg, name: name, turn: make(chan struct{}, 1), pause: ledger.Pause{Name: name}}
	g.counter = g.newCounter()
	return g
}

func (g *gate) newCounter() *counter {
	return gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:        g.name,
		Timeout:     shortest,
		ReadyToTrip: func(c gobreaker.Counts) bool { return int(c.ConsecutiveFailures) >= g.cfg.Failures },
		IsExcluded:  func(err error) bool { return errors.Is(err, errSilent) },
	})
}

// admit lets a call through or refuses it. A ledger that does not answer changes
// nothing: what it said last goes on to hold.
func (g *gate) admit(ctx context.Context) (permit, error) {
	if err := ctx.Err(); err != nil {
		return permit{}, err
	}
	p := g.look(ctx)
	if p.Paused() && !time.Now().Before(p.Until) {
		var granted bool
		if p, granted = g.ask(ctx, p); granted {
			return permit{probe: &p}, nil
		}
	}
	if p.Paused() {
		return permit{}, g.refuse(p)
	}
	g.mu.Lock()
	counter := g.counter
	g.mu.Unlock()
	done, err := counter.Allow()
	if err != nil { // tripped this moment, and the pause is being written
		now := time.Now()
		return permit{}, g.refuse(ledger.Pause{Name: g.name, Since: now, Until: now.Add(quiet(0)), Reason: "repeated failures"})
	}
	return permit{done: done}, nil
}

// refusal is why a call would be refused now; nil if it would not. When a probe
// is due, one caller is sent ahead: the work of the others would be in vain.
func (g *gate) refusal(ctx context.Context) *failure.Error {
	p, now := g.look(ctx), time.Now()
	if !p.Paused() {
		return nil
	}
	if !now.Before(p.Until) {
		if g.goesAhead(now, p) {
			return nil
		}
		p.Until = now.Add(time.Second)
	}
	return g.refuse(p)
}

// goesAhead reports whether nobody of this process was sent ahead lately.
func (g *gate) goesAhead(now time.Time, p ledger.Pause) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now.Before(g.ahead) {
		return false
	}
	g.ahead = now.Add(probing(now.Sub(p.Since)))
	return true
}

func (g *gate) refuse(p ledger.Pause) *failure.Error {
	return &failure.Error{
		Class:      failure.Unavailable,
		Reason:     fmt.Sprintf("%s is not called since %s: %s", g.name, p.Since.UTC().Format(time.RFC3339), p.Reason),
		Advice:     "Nothing to do: the request waits on its queue and goes on when the vendor answers again.",
		Upstream:   &failure.Upstream{System: g.cfg.Vendor},
		RetryAfter: comeBack(time.Until(p.Until)),
		Err:        failure.ErrPaused,
	}
}

// look returns the pause as the ledger knows it, or knew it a moment ago.
func (g *gate) look(ctx context.Context) ledger.Pause {
	if p, fresh := g.known(); fresh {
		return p
	}
	ctx, cancel := context.WithTimeout(ctx, tell)
	defer cancel()
	_ = g.exchange(ctx, "read", func(ledger.Pause) (ledger.Pause, error) {
		if p, fresh := g.known(); fresh { // somebody else has asked meanwhile
			return p, nil
		}
		return g.cfg.Ledger.Pause(ctx, g.name)
	})
	p, _ := g.known()
	return p
}

// exchange asks or tells the ledger, when it is this caller's turn, and takes
// note of the answer.
func (g *gate) exchange(ctx context.Context, what string, with func(known ledger.Pause) (ledger.Pause, error)) (err error) {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
		known, _ := g.known()
		var p ledger.Pause
		if p, err = with(known); err == nil {
			g.remember(p)
		}
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		g.cfg.Logger.Log(ctx, grave(what), "pause: "+what+" failed", slog.String("pause", g.name), logattr.Error(err))
	}
	return err
}

// grave is how loud a failure of the ledger is told. Of one that cannot be read
// the request itself speaks, with what to do about it: that shall come first.
func grave(what string) slog.Level {
	if what == "read" {
		return slog.LevelDebug
	}
	return slog.LevelWarn
}

// known returns what the ledger said last, and whether that is to be believed.
func (g *gate) known() (p ledger.Pause, fresh bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	over := g.pause.Paused() && g.seen.Before(g.pause.Until) && !now.Before(g.pause.Until)
	return g.pause, !over && now.Before(g.seen.Add(recheck))
}

// remember takes note of what the ledger said. Calls that were paused since are
// counted anew. Round drops the monotonic clock, which stands still while a
// function is frozen.
func (g *gate) remember(p ledger.Pause) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.pause.Fence != p.Fence || g.pause.Paused() && !p.Paused() {
		g.counter = g.newCounter()
	}
	g.pause, g.seen = p, time.Now().Round(0)
}

// ask wants to be the probe. What is not known to be granted is not.
func (g *gate) ask(ctx context.Context, p ledger.Pause) (_ ledger.Pause, granted bool) {
	ctx, cancel := context.WithTimeout(ctx, tell)
	defer cancel()
	start := time.Now()
	age := start.Sub(p.Since)
	err := g.exchange(ctx, "probe", func(ledger.Pause) (stands ledger.Pause, err error) {
		stands, granted, err = g.cfg.Ledger.Probe(ctx, p, start.Add(probing(age)))
		return stands, err
	})
	if err != nil {
		p.Until = start.Add(quiet(age))
		return p, false
	}
	p, _ = g.known()
	return p, granted
}

// settle takes in how a call went.
func (g *gate) settle(req *http.Request, pass permit, v verdict) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(req.Context()), tell)
	defer cancel()
	if pass.probe != nil {
		g.probed(ctx, *pass.probe, v)
		return
	}
	switch tripped := g.counted(req, pass, v); {
	case v.hold > 0 && !g.cfg.PerUser:
		g.suspend(ctx, time.Now().Add(v.hold), v.reason+" with Retry-After")
	case tripped:
		g.suspend(ctx, time.Now().Add(max(quiet(0), v.hold)), v.reason)
	}
}

// counted tells the counter and reports whether that was one failure too many.
func (g *gate) counted(req *http.Request, pass permit, v verdict) (tripped bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v.sign == failed {
		g.seen = time.Time{} // others may have found out before
	}
	credentials := sha256.Sum256([]byte(req.Header.Get("Authorization")))
	switch {
	case v.sign == alive:
		pass.done(nil)
	case v.sign == silent, v.personal && credentials == g.personal:
		pass.done(errSilent)
	default:
		pass.done(errFailed)
	}
	if v.personal {
		g.personal = credentials
	}
	if g.counter.State() == gobreaker.StateClosed {
		return false
	}
	g.counter = g.newCounter() // so that one call reports it, and the ledger has the say
	return true
}

// suspend pauses the host for everybody, or, if the ledger does not answer, for
// this process.
func (g *gate) suspend(ctx context.Context, until time.Time, reason string) {
	err := g.exchange(ctx, "suspend", func(known ledger.Pause) (ledger.Pause, error) {
		return g.cfg.Ledger.Suspend(ctx, known, until, reason)
	})
	p, _ := g.known()
	if err != nil {
		p.Until, p.Reason = until, reason
		if !p.Paused() {
			p.Since = time.Now()
		}
		g.remember(p)
	}
	g.cfg.Logger.WarnContext(ctx, "calls paused", slog.String("pause", g.name),
		logattr.Wait(time.Until(p.Until)), slog.String("reason", p.Reason))
}

// probed tells the ledger how the probe went; if that fails, the probe's time
// runs out by itself. A probe that says nothing makes room for another at once.
func (g *gate) probed(ctx context.Context, probe ledger.Pause, v verdict) {
	now := time.Now()
	age := now.Sub(probe.Since)
	err := g.exchange(ctx, "verdict", func(ledger.Pause) (ledger.Pause, error) {
		switch v.sign {
		case alive:
			return g.cfg.Ledger.Resume(ctx, probe)
		case silent:
			return g.cfg.Ledger.Prolong(ctx, probe, now, probe.Reason)
		}
		return g.cfg.Ledger.Prolong(ctx, probe, now.Add(max(quiet(age), v.hold)), v.reason)
	})
	if err != nil {
		return
	}
	switch p, _ := g.known(); {
	case p.Paused():
		g.cfg.Logger.WarnContext(ctx, "calls still paused", slog.String("pause", g.name),
			logattr.Wait(time.Until(p.Until)), slog.String("reason", p.Reason), slog.Int("probes", p.Probes))
	default:
		g.cfg.Logger.InfoContext(ctx, "calls free again", slog.String("pause", g.name),
			slog.Duration("outage", age), slog.Int("probes", probe.Probes))
	}
}
