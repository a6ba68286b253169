package ucwa_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/e164"
	"dialtone/shared/failure"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
)

func simulate(t *testing.T, c ucwasim.Config) *ucwasim.Running {
	t.Helper()
	c.Seed = 1
	sim, err := ucwasim.Start(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	return sim
}

func simClient(t *testing.T, sim *ucwasim.Running, f ucwa.Format) *ucwa.Client {
	t.Helper()
	c, err := ucwa.New(ucwa.Config{
		DiscoveryURL: sim.DiscoveryURL, Format: f, CallTimeout: 5 * time.Second,
		Tokens: ucwa.NewPasswordGrant(nil, func(_ context.Context, u sipaddr.User) (ucwa.Credentials, error) {
			return ucwa.Credentials{Username: string(u), Password: "pw-" + u.LocalPart()}, nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func simUser(n int) sipaddr.User { return sipaddr.User(fmt.Sprintf("user%05d@contoso.test", n)) }

// publish is what a careful caller does: sign in as the right person, look,
// change what is not yet so, look again.
func publish(ctx context.Context, c *ucwa.Client, user sipaddr.User, number e164.Number) (err error) {
	app, err := c.Open(ctx, user)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.Close(ctx)) }()
	if err := app.CheckUser(); err != nil {
		return err
	}
	for range 2 {
		phones, err := app.Phones(ctx)
		if err != nil {
			return err
		}
		for _, p := range phones {
			if p.Type != ucwa.Mobile {
				continue
			}
			if e164.Same(p.Number, number.Tel()) {
				return nil
			}
			if err := app.ChangeNumber(ctx, p, ucwa.NumberChange{Number: number.Tel()}); err != nil {
				return err
			}
		}
	}
	return errors.New("the number is not there")
}

// TestSimulator runs the client against an independent reading of UCWA, in
// both formats and dialects, on one pool and on two.
func TestSimulator(t *testing.T) {
	t.Parallel()
	topologies := map[string]ucwasim.Config{
		"one pool": {},
		"two pools by link": {Pools: 2, Each: func(n int, u *ucwasim.User) {
			u.Pool = 1 + n%2
		}},
		"two pools by redirect": {Pools: 2, SplitByRedirect: true, Each: func(n int, u *ucwasim.User) {
			u.Pool = 1 + n%2
		}},
		"two pools, silent challenge": {Pools: 2, NoApplicationsChallenge: true, Each: func(n int, u *ucwasim.User) {
			u.Pool = 1 + n%2
		}},
		"root redirect": {RootRedirect: "/Autodiscover/AutodiscoverService.svc/root"},
	}
	for name, cfg := range topologies {
		for _, dialect := range []ucwasim.Dialect{ucwasim.Captured, ucwasim.Generated} {
			for _, format := range []ucwa.Format{ucwa.JSON, ucwa.XML} {
				t.Run(fmt.Sprintf("%s %s %d", name, dialect, format), func(t *testing.T) {
					t.Parallel()
					cfg := cfg
					cfg.Users, cfg.Dialect, cfg.ADOwnedWork = 4, dialect, true
					sim := simulate(t, cfg)
					client := simClient(t, sim, format)
					for round := range 2 {
						for n := 1; n <= 4; n++ {
							number := e164.Number(fmt.Sprintf("+1425555%d%03d", round, n))
							if err := publish(t.Context(), client, simUser(n), number); err != nil {
								t.Fatalf("round %d user %d: %v", round, n, err)
							}
							st, _ := sim.User(string(simUser(n)))
							if got := st.Phones["mobile"].Number; got != number.Tel() || st.ChangeCount != round+1 || st.Applications.Running != 0 {
								t.Errorf("round %d user %d: %s, %+v", round, n, got, st)
							}
						}
					}
					if s := sim.Totals(); s.Leaked != 0 || s.Tokens.Refused != 0 || s.Tokens.Granted > 8 {
						t.Errorf("totals %+v", s)
					}
				})
			}
		}
	}
}

// TestSimulatorWarmCalls pins the budget of an assign.
func TestSimulatorWarmCalls(t *testing.T) {
	t.Parallel()
	sim := simulate(t, ucwasim.Config{Users: 1})
	client := simClient(t, sim, ucwa.JSON)
	for i, want := range []int{9, 5} {
		sim.Script().Forget()
		if err := publish(t.Context(), client, simUser(1), e164.Number(fmt.Sprintf("+1425555000%d", i))); err != nil {
			t.Fatal(err)
		}
		if got := len(sim.Script().Requests(simkit.Filter{})); got != want {
			t.Errorf("round %d: %d calls, want %d", i, got, want)
		}
	}
}

// TestSimulatorRefusals: who cannot be served is told so for good.
func TestSimulatorRefusals(t *testing.T) {
	t.Parallel()
	sim := simulate(t, ucwasim.Config{Extra: []ucwasim.User{
		{URI: "voiceless@contoso.test", Password: "pw-voiceless", NoEnterpriseVoice: true},
		{URI: "owned@contoso.test", Password: "pw-owned", ADOwned: []string{"mobile"}},
		{URI: "linkless@contoso.test", Password: "pw-linkless", NoPhonesLink: true},
		{URI: "wrong@contoso.test", Password: "other"},
		{URI: "agent@contoso.test", Password: "pw-agent", AllowedUserAgents: []string{"other"}},
	}})
	client := simClient(t, sim, ucwa.JSON)
	for user, is := range map[sipaddr.User]error{
		"voiceless@contoso.test": nil, "owned@contoso.test": ucwa.ErrMissingLink, "linkless@contoso.test": ucwa.ErrMissingLink,
		"wrong@contoso.test": nil, "agent@contoso.test": nil,
	} {
		err := publish(t.Context(), client, user, "+14255550100")
		if e := ucwa.As(err); e == nil || e.Class != failure.Denied || is != nil && !errors.Is(err, is) {
			t.Errorf("%s: %v, want denied", user, err)
		}
	}
	if s := sim.Totals(); s.Changes != 0 || s.Applications.Running != 0 {
		t.Errorf("totals %+v", s)
	}
}

// TestSimulatorLosesTheApplication: an evicted application says so, and a
// token that ended early is replaced on the way.
func TestSimulatorLosesTheApplication(t *testing.T) {
	t.Parallel()
	sim := simulate(t, ucwasim.Config{Users: 1})
	client := simClient(t, sim, ucwa.JSON)
	app, err := client.Open(t.Context(), simUser(1))
	if err != nil {
		t.Fatal(err)
	}
	if err := sim.ExpireTokens(string(simUser(1))); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Phones(t.Context()); err != nil {
		t.Errorf("after the token ended: %v", err)
	}
	if err := sim.Evict(string(simUser(1))); err != nil {
		t.Fatal(err)
	}
	_, err = app.Phones(t.Context())
	if e := ucwa.As(err); e == nil || e.Class != failure.Unavailable || e.Subcode != ucwa.TooManyApplications || e.Remedy != ucwa.Retry {
		t.Errorf("after eviction: %v", err)
	}
	if err := app.Close(t.Context()); err != nil {
		t.Errorf("Close: %v", err)
	}
}

// TestSimulatorFaults: with a caller that goes by class and remedy, no user is
// changed twice and none goes without, whatever the network does.
func TestSimulatorFaults(t *testing.T) {
	t.Parallel()
	const users = 40
	sim := simulate(t, ucwasim.Config{Users: users, Pools: 2, Each: func(n int, u *ucwasim.User) { u.Pool = 1 + n%2 }})
	_, err := sim.Script().Add(
		simkit.Fault{Operation: "changeNumber", ResetAfter: true, Rate: 0.2},
		simkit.Fault{Operation: "changeNumber", Status: 500, Apply: true, HTML: true, Rate: 0.1},
		simkit.Fault{Operation: "changeNumber", ResetBefore: true, Rate: 0.1},
		simkit.Fault{Operation: "changeNumber", Status: 500, HTML: true, Rate: 0.1, Header: map[string]string{"X-Ms-diagnostics": `28032;source="x";reason="y"`}},
		simkit.Fault{Operation: "phones", Truncate: 60, Rate: 0.2},
		simkit.Fault{Operation: "phones", Status: 429, Code: "TooManyRequests", Header: map[string]string{"Retry-After": "0"}, Rate: 0.1},
		simkit.Fault{Operation: "applications", Status: 503, HTML: true, Rate: 0.2},
		simkit.Fault{Operation: "applications", ResetAfter: true, Rate: 0.1},
		simkit.Fault{Operation: "token", Status: 503, HTML: true, Rate: 0.1},
		simkit.Fault{Operation: "deleteApplication", ResetAfter: true, Rate: 0.2},
		simkit.Fault{Operation: "user", Truncate: -1, Rate: 0.1},
	)
	if err != nil {
		t.Fatal(err)
	}
	client := simClient(t, sim, ucwa.JSON)
	var wg sync.WaitGroup
	for n := 1; n <= users; n++ {
		wg.Go(func() {
			number := e164.Number(fmt.Sprintf("+1425555%04d", n))
			for try := 0; ; try++ {
				err := publish(t.Context(), client, simUser(n), number)
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
		if got := st.Phones["mobile"].Number; !strings.HasSuffix(got, fmt.Sprintf("%04d", n)) || st.ChangeCount != 1 {
			t.Errorf("user %d: %q after %d changes", n, got, st.ChangeCount)
		}
		if st.Applications.Leaked() != 0 || st.Applications.Running != 0 {
			t.Errorf("user %d left applications behind: %+v", n, st.Applications)
		}
	}
}
