package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime/pprof"
	"slices"
	"time"

	"dialtone/functions/change-number/changenumber"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/sipaddr"
)

const (
	budgetUCWA  = 6   // calls per assign
	budgetWebex = 2   // calls per batch
	budgetCPU   = 1.5 // over the bare loop's

	// fair and chance are how far the bare loop's calls and operations may be
	// from the handler's before comparing them means nothing: a share, and a few
	// more lists where the place at which the handler looks is drawn badly.
	fair   = 0.1
	chance = 3
)

// side is one of the two that are compared.
type side struct {
	name  string
	round func(ctx context.Context) (cost, error)
	meter *meter

	cpu, wall, allocated spread // per message: milliseconds, milliseconds, kibibytes
	calls                calls
	operations           operations
}

// compareCPU lets the handler and the bare loop work in turns.
func (b *bench) compareCPU(ctx context.Context) error {
	real, handler, err := b.handlerSide(ctx)
	if err != nil {
		return err
	}
	bare, err := b.loopSide(ctx)
	if err != nil {
		return err
	}
	for round := range b.rounds + 1 {
		for _, s := range []*side{real, bare} {
			if err := b.take(ctx, s, round > 0); err != nil { // the first round warms up
				return fmt.Errorf("%s: %w", s.name, err)
			}
		}
	}
	if err := b.fair(real, bare); err != nil {
		return err
	}
	b.compared(real, bare)
	return b.profiled(ctx, handler)
}

// take measures one round of a side.
func (b *bench) take(ctx context.Context, s *side, counts bool) error {
	before, err := b.sims.calls(ctx)
	if err != nil {
		return err
	}
	asked := s.meter.count()
	c, err := s.round(ctx)
	if err != nil || !counts {
		return err
	}
	after, err := b.sims.calls(ctx)
	n := float64(b.users)
	s.cpu = append(s.cpu, ms(c.cpu)/n)
	s.wall = append(s.wall, ms(c.wall)/n)
	s.allocated = append(s.allocated, float64(c.allocated)/1024/n)
	s.calls = s.calls.plus(after.since(before))
	s.operations = s.operations.plus(s.meter.count().since(asked))
	return err
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func (b *bench) handlerSide(ctx context.Context) (*side, *changenumber.Handler, error) {
	store, err := b.newStore(ctx)
	if err != nil {
		return nil, nil, err
	}
	m := &meter{Store: store}
	h, err := b.newHandler(m)
	if err != nil {
		return nil, nil, err
	}
	users, err := b.signedIn(ctx, b.users*(b.rounds+1))
	return &side{name: "handler", meter: m, round: func(ctx context.Context) (cost, error) {
		var now []sipaddr.User
		now, users = users[:b.users], users[b.users:]
		all, err := batches(siteHandler, now, batchSize)
		if err != nil {
			return cost{}, err
		}
		return costOf(func() error { return deliver(ctx, h, all) })
	}}, h, err
}

func (b *bench) loopSide(ctx context.Context) (*side, error) {
	store, err := b.newStore(ctx)
	if err != nil {
		return nil, err
	}
	written, err := b.recordedScript(ctx)
	if err != nil {
		return nil, err
	}
	m := &meter{Store: store}
	users := b.newUsers(b.users * (b.rounds + 1))
	l := &loop{
		http: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 64, IdleConnTimeout: time.Minute}}, store: m, webex: b.sims.Webex,
		location: webexsim.LocationID(siteLoop), script: written,
		access: map[sipaddr.User]access{}, order: rand.Perm(b.numbers),
	}
	err = l.signIn(ctx, b.sims.Discovery, users)
	return &side{name: "bare loop", meter: m, round: func(ctx context.Context) (cost, error) {
		var now []sipaddr.User
		now, users = users[:b.users], users[b.users:]
		return costOf(func() error {
			for batch := range slices.Chunk(now, batchSize) {
				if err := l.batch(ctx, batch); err != nil {
					return err
				}
			}
			return nil
		})
	}}, err
}

// recordedScript lets the handler do one message on a ledger of its own and
// takes note of what it does there. The message before it opens the pool.
func (b *bench) recordedScript(ctx context.Context) (script, error) {
	store, err := b.newStore(ctx)
	if err != nil {
		return script{}, err
	}
	r := &recorder{Store: store}
	h, err := b.newHandler(r)
	if err != nil {
		return script{}, err
	}
	for range 2 {
		r.steps, r.lists = nil, 0
		users, err := b.signedIn(ctx, 1)
		if err != nil {
			return script{}, err
		}
		all, err := batches(siteLoop, users, 1)
		if err != nil {
			return script{}, err
		}
		if err := deliver(ctx, h, all); err != nil {
			return script{}, err
		}
	}
	return newScript(r)
}

// fair fails when the two sides did not do the same.
func (b *bench) fair(real, bare *side) error {
	for _, c := range []struct {
		what       string
		real, bare int64
	}{
		{"UCWA calls", int64(real.calls.ucwa), int64(bare.calls.ucwa)},
		{"Webex calls", int64(real.calls.webex), int64(bare.calls.webex)},
		{"ledger reads", real.operations.gets, bare.operations.gets},
		{"ledger writes", real.operations.puts, bare.operations.puts},
		{"ledger lists", real.operations.lists, bare.operations.lists},
	} {
		if math.Abs(float64(c.real-c.bare)) > fair*float64(c.real)+chance {
			return fmt.Errorf("%s: the handler made %d and the bare loop %d, bring the loop up to date", c.what, c.real, c.bare)
		}
	}
	return nil
}

func (b *bench) compared(real, bare *side) {
	assigns := float64(b.rounds * b.users)
	ratio := real.cpu.over(bare.cpu)
	b.row("UCWA calls per assign, signed in before", float64(real.calls.ucwa)/assigns, budgetUCWA, "")
	b.row("Webex calls per batch of 10", float64(real.calls.webex)/assigns*batchSize, budgetWebex, "")
	b.row("CPU per assign over the bare loop's", ratio.median(), budgetCPU, "x")
	b.figure("CPU per assign, %d rounds of %d users in batches of %d, %s store, %d numbers listed:", b.rounds, b.users, batchSize, b.store, b.numbers)
	for _, s := range []*side{real, bare} {
		b.figure("  %-9s  CPU ms: %s;  wall ms: %s;  allocated KiB: %.1f", s.name, s.cpu, s.wall, s.allocated.median())
		o := s.operations
		b.figure("  %-9s  per assign: UCWA calls %.2f, Webex calls %.2f, ledger reads %.2f, writes %.2f, lists %.2f, items listed %.2f", s.name,
			float64(s.calls.ucwa)/assigns, float64(s.calls.webex)/assigns,
			float64(o.gets)/assigns, float64(o.puts)/assigns, float64(o.lists)/assigns, float64(o.listed)/assigns)
	}
	b.figure("  ratio by round: %s", ratio)
}

// profiled writes a CPU profile of the handler on as many users as a round
// has, if one is wanted. They join those of the rounds.
func (b *bench) profiled(ctx context.Context, h *changenumber.Handler) error {
	if b.profile == "" {
		return nil
	}
	users, err := b.signedIn(ctx, b.users)
	if err != nil {
		return err
	}
	all, err := batches(siteHandler, users, batchSize)
	if err != nil {
		return err
	}
	f, err := os.Create(b.profile)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := pprof.StartCPUProfile(f); err != nil {
		return err
	}
	defer pprof.StopCPUProfile()
	return deliver(ctx, h, all)
}
