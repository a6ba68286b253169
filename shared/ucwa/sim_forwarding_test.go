package ucwa_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/failure"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
)

// simApp opens a user's application at a simulator and closes it in the end.
func simApp(t *testing.T, sim *ucwasim.Running, f ucwa.Format) *ucwa.Application {
	t.Helper()
	app, err := simClient(t, sim, f).Open(t.Context(), simUser(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = app.Close(context.Background()) })
	return app
}

func readForwarding(t *testing.T, app *ucwa.Application) ucwa.CallForwarding {
	t.Helper()
	cf, err := app.CallForwarding(t.Context())
	if err != nil {
		t.Fatalf("CallForwarding: %v", err)
	}
	return cf
}

// eachSimulator runs a test in both formats and dialects.
func eachSimulator(t *testing.T, c ucwasim.Config, test func(t *testing.T, sim *ucwasim.Running, app *ucwa.Application)) {
	for _, dialect := range []ucwasim.Dialect{ucwasim.Captured, ucwasim.Generated} {
		for _, format := range []ucwa.Format{ucwa.JSON, ucwa.XML} {
			t.Run(fmt.Sprint(dialect, " ", format), func(t *testing.T) {
				t.Parallel()
				c := c
				c.Users, c.Dialect = 1, dialect
				sim := simulate(t, c)
				test(t, sim, simApp(t, sim, format))
			})
		}
	}
}

func everybody(_ int, u *ucwasim.User) {
	u.ForwardingPolicy = ucwasim.ForwardingPolicy{Delegates: 2, TeamMembers: 3}
}

// TestSimulatorRing: a number or person rings besides the user, is found by
// reading back, and forwarding can be turned off.
func TestSimulatorRing(t *testing.T) {
	t.Parallel()
	eachSimulator(t, ucwasim.Config{BareForwardingTargets: true}, func(t *testing.T, sim *ucwasim.Running, app *ucwa.Application) {
		for _, target := range []string{"tel:+4940123456;ext=12", "sip:Bob@contoso.test"} {
			if err := app.RingContact(t.Context(), readForwarding(t, app), target); err != nil {
				t.Fatal(err)
			}
			cf := readForwarding(t, app)
			got, err := app.ForwardContact(t.Context(), cf.Ring)
			if cf.Active != ucwa.SimultaneousRing || cf.Ring.Target != ucwa.ToContact || !ucwa.SameTarget(got, target) || err != nil {
				t.Errorf("%s: %+v, contact %q, %v", target, plainOf(cf), got, err)
			}
		}
		if err := app.TurnOffForwarding(t.Context(), readForwarding(t, app)); err != nil {
			t.Fatal(err)
		}
		cf := readForwarding(t, app)
		if got, err := app.ForwardContact(t.Context(), cf.Ring); cf.Active != ucwa.NotForwarding || got != "" || err != nil {
			t.Errorf("turned off: %+v, contact %q, %v", plainOf(cf), got, err)
		}
		if st, _ := sim.User(string(simUser(1))); st.Forwarding.ChangeCount != 3 {
			t.Errorf("%d changes, want 3", st.Forwarding.ChangeCount)
		}
	})
}

// TestSimulatorActions: every other action ends where its page says.
func TestSimulatorActions(t *testing.T) {
	t.Parallel()
	for _, c := range actions() {
		sim := simulate(t, ucwasim.Config{Users: 1, Each: everybody})
		app := simApp(t, sim, ucwa.JSON)
		if err := c.do(app, t, readForwarding(t, app)); err != nil {
			t.Errorf("%s: %v", c.rel, err)
			continue
		}
		got, want := plainOf(readForwarding(t, app)), afterAction(c.rel)
		got.etags, got.period, got.unanswered = [4]string{}, "", ""
		if got != want {
			t.Errorf("%s: %+v, want %+v", c.rel, got, want)
		}
	}
}

// afterAction is what the actions of the table leave for a user who forwarded
// nothing before.
func afterAction(rel string) plain {
	p := plain{
		active:  ucwa.NotForwarding,
		targets: [3]ucwa.ForwardTarget{ucwa.ToNobody, ucwa.ToNobody, ucwa.ToVoicemail}, delays: [3]int{-1, 0, 20},
	}
	immediate := func(t ucwa.ForwardTarget) plain {
		p.active, p.targets[0] = ucwa.ImmediateForward, t
		return p
	}
	ring := func(t ucwa.ForwardTarget, delay int) plain {
		p.active, p.targets[1], p.delays[1] = ucwa.SimultaneousRing, t, delay
		return p
	}
	switch rel {
	case "simultaneousRingToContact":
		return ring(ucwa.ToContact, 0)
	case "simultaneousRingToTeam":
		return ring(ucwa.ToTeam, 55)
	case "simultaneousRingToDelegates":
		return ring(ucwa.ToDelegates, 0)
	case "immediateForwardToContact":
		return immediate(ucwa.ToContact)
	case "immediateForwardToDelegates":
		return immediate(ucwa.ToDelegates)
	case "immediateForwardToVoicemail":
		return immediate(ucwa.ToVoicemail)
	case "unansweredCallToContact":
		p.targets[2], p.delays[2] = ucwa.ToContact, 5
	case "unansweredCallToVoicemail":
		p.delays[2] = 60
	}
	return p
}

// TestSimulatorUpdate: the settings that no action changes, against versions
// that count.
func TestSimulatorUpdate(t *testing.T) {
	t.Parallel()
	eachSimulator(t, ucwasim.Config{Each: everybody}, func(t *testing.T, _ *ucwasim.Running, app *ucwa.Application) {
		ctx, stale := t.Context(), readForwarding(t, app)
		if err := app.UpdateCallForwarding(ctx, stale, ucwa.ForwardingUpdate{Period: ucwa.WorkHours, Unanswered: ucwa.UnansweredDisabled}); err != nil {
			t.Fatal(err)
		}
		cf := readForwarding(t, app)
		if cf.Period != ucwa.WorkHours || cf.Unanswered != ucwa.UnansweredDisabled || cf.Active != ucwa.NotForwarding {
			t.Errorf("after the update: %+v", plainOf(cf))
		}
		if err := errors.Join(app.UpdateRingDelay(ctx, cf.Ring, 25), app.UpdateRingDelay(ctx, cf.NoAnswer, 35)); err != nil {
			t.Fatal(err)
		}
		if cf = readForwarding(t, app); *cf.Ring.RingDelay != 25 || *cf.NoAnswer.RingDelay != 35 || cf.NoAnswer.Target != ucwa.ToVoicemail {
			t.Errorf("after the delays: %+v", plainOf(cf))
		}
	})
}

// TestSimulatorStaleUpdate: a version that no longer stands changes nothing and
// asks for a fresh look. What an action changes in a part leaves the version
// of the settings alone.
func TestSimulatorStaleUpdate(t *testing.T) {
	t.Parallel()
	for _, format := range []ucwa.Format{ucwa.JSON, ucwa.XML} {
		sim := simulate(t, ucwasim.Config{Users: 1, Each: everybody})
		app, ctx := simApp(t, sim, format), t.Context()
		old := readForwarding(t, app)
		for _, p := range []ucwa.ActivePeriod{ucwa.WorkHours, ucwa.Always} {
			err := app.UpdateCallForwarding(ctx, old, ucwa.ForwardingUpdate{Period: p})
			e := ucwa.As(err)
			if stale := p == ucwa.Always; stale && (e == nil || e.Class != failure.Unavailable || e.Remedy != ucwa.Refresh) || !stale && err != nil {
				t.Errorf("format %d, %s: %v", format, p, err)
			}
		}
		now := readForwarding(t, app)
		if now.Period != ucwa.WorkHours {
			t.Errorf("a stale update was applied: %+v", plainOf(now))
		}
		if err := app.RingTeam(ctx, now, new(10)); err != nil {
			t.Fatal(err)
		}
		if after := readForwarding(t, app); after.Ring.ETag == now.Ring.ETag {
			t.Error("the version of the part does not count its changes")
		}
	}
}

// TestSimulatorForwardingRefusals: what policy takes away has no link; what a
// user lacks is denied with its subcode, whichever status carries it.
func TestSimulatorForwardingRefusals(t *testing.T) {
	t.Parallel()
	for _, status := range []int{403, 409} {
		sim := simulate(t, ucwasim.Config{Users: 1, UnconfiguredStatus: status})
		app, ctx := simApp(t, sim, ucwa.JSON), t.Context()
		cf := readForwarding(t, app)
		for err, subcode := range map[error]string{
			app.RingTeam(ctx, cf, nil): ucwa.NoTeamMembersConfigured, app.RingDelegates(ctx, cf, nil): ucwa.NoDelegatesConfigured,
			app.ForwardToDelegates(ctx, cf): ucwa.NoDelegatesConfigured,
		} {
			if e := ucwa.As(err); e == nil || e.Status != status || e.Subcode != subcode || e.Class != failure.Denied || e.Remedy != ucwa.None {
				t.Errorf("%v, want %d %s, denied", err, status, subcode)
			}
		}
		if err := sim.SetForwardingPolicy(string(simUser(1)), ucwasim.ForwardingPolicy{NoSimultaneousRing: true}); err != nil {
			t.Fatal(err)
		}
		if cf = readForwarding(t, app); cf.CanRingContact() || !errors.Is(app.RingContact(ctx, cf, mobile), ucwa.ErrMissingLink) {
			t.Error("ringing is offered against the policy")
		}
		if err := sim.SetEnterpriseVoice(string(simUser(1)), false); err != nil {
			t.Fatal(err)
		}
		_, err := app.CallForwarding(ctx)
		if e := ucwa.As(err); e == nil || e.Class != failure.Denied || e.Remedy != ucwa.None {
			t.Errorf("without enterprise voice: %v", err)
		}
	}
}

// ring is what a careful caller does: look, change what is not yet so, look
// again.
func ring(ctx context.Context, c *ucwa.Client, user sipaddr.User, target string) (err error) {
	app, err := c.Open(ctx, user)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Close(ctx)) }()
	for range 2 {
		cf, err := app.CallForwarding(ctx)
		if err != nil {
			return err
		}
		uri, err := app.ForwardContact(ctx, cf.Ring)
		if err != nil {
			return err
		}
		if cf.Active == ucwa.SimultaneousRing && ucwa.SameTarget(uri, target) {
			return nil
		}
		if err := app.RingContact(ctx, cf, target); err != nil {
			return err
		}
	}
	return errors.New("the target is not there")
}

// TestSimulatorRingFaults: with a caller that goes by class and remedy, nobody
// is changed twice and nobody goes without, whatever the network does.
func TestSimulatorRingFaults(t *testing.T) {
	t.Parallel()
	const users = 30
	sim := simulate(t, ucwasim.Config{Users: users})
	_, err := sim.Script().Add(
		simkit.Fault{Operation: "simultaneousRingToContact", ResetAfter: true, Rate: 0.2},
		simkit.Fault{Operation: "simultaneousRingToContact", Status: 500, Apply: true, HTML: true, Rate: 0.1},
		simkit.Fault{Operation: "simultaneousRingToContact", ResetBefore: true, Rate: 0.1},
		simkit.Fault{Operation: "simultaneousRingToContact", Status: 504, Code: "Timeout", Apply: true, Rate: 0.1},
		simkit.Fault{Operation: "callForwardingSettings", Truncate: 60, Rate: 0.2},
		simkit.Fault{Operation: "contact", Status: 503, HTML: true, Rate: 0.1},
	)
	if err != nil {
		t.Fatal(err)
	}
	client := simClient(t, sim, ucwa.JSON)
	var wg sync.WaitGroup
	for n := 1; n <= users; n++ {
		wg.Go(func() {
			for try := 0; ; try++ {
				err := ring(t.Context(), client, simUser(n), fmt.Sprintf("tel:+1425555%04d", n))
				if err == nil {
					return
				}
				if e := ucwa.As(err); e == nil || e.Class.Permanent() || try == 60 {
					t.Errorf("user %d, try %d: %v", n, try, err)
					return
				}
			}
		})
	}
	wg.Wait()
	for n := 1; n <= users; n++ {
		st, _ := sim.User(string(simUser(n)))
		if got := st.Forwarding.SimultaneousRing.Contact; got != fmt.Sprintf("tel:+1425555%04d", n) || st.Forwarding.ChangeCount != 1 {
			t.Errorf("user %d: %q after %d changes", n, got, st.Forwarding.ChangeCount)
		}
	}
}
