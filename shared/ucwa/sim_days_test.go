package ucwa_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/contactlist"
	"dialtone/shared/sipaddr"
	"dialtone/shared/subscription"
	"dialtone/shared/ucwa"
)

// clockwork is a deployment whose days pass in no time: it is reached by pipes,
// within one bubble.
type clockwork struct {
	*ucwasim.Server
	t    *testing.T
	http *http.Client
}

func newClockwork(t *testing.T, c ucwasim.Config) *clockwork {
	t.Helper()
	c.Users, c.Seed, c.DiscoveryURL, c.Each = 1, 1, "http://localhost", someContacts
	c.PoolURLs = []string{"http://localhost"}
	sim, err := ucwasim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	pipes := &pipeListener{conns: make(chan net.Conn), closed: make(chan struct{})}
	server := &http.Server{Handler: sim.Handler(), ReadHeaderTimeout: time.Hour}
	transport := &http.Transport{DialContext: pipes.dial}
	go func() { _ = server.Serve(pipes) }()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		_ = server.Close()
	})
	return &clockwork{sim, t, &http.Client{Transport: transport}}
}

// client is that of a new process.
func (c *clockwork) client() *ucwa.Client {
	c.t.Helper()
	client, err := ucwa.New(ucwa.Config{
		DiscoveryURL: "http://localhost/", HTTP: c.http,
		Tokens: ucwa.NewPasswordGrant(c.http, func(_ context.Context, u sipaddr.User) (ucwa.Credentials, error) {
			return ucwa.Credentials{Username: string(u), Password: "pw-" + u.LocalPart()}, nil
		}),
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return client
}

type pipeListener struct {
	conns  chan net.Conn
	once   sync.Once
	closed chan struct{}
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	mine, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
		return mine, nil
	case <-l.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

// visit is what a process does that keeps a subscription alive: go on where the
// last one stopped, refresh, ask for events.
func (c *clockwork) visit(k ucwa.Kept, in ucwa.SignIn) (ucwa.Kept, ucwa.SignIn, ucwa.Batch, error) {
	app, err := c.client().Resume(k, in)
	if err != nil {
		return k, in, ucwa.Batch{}, err
	}
	s, err := app.RefreshSubscription(c.t.Context(), k.Subscription, 30*time.Minute)
	if err != nil {
		return k, in, ucwa.Batch{}, err
	}
	b, err := app.Poll(c.t.Context(), k.Channel, ucwa.PollOptions{Wait: time.Second})
	if err != nil {
		return k, in, ucwa.Batch{}, err
	}
	return app.Keep(s, b.Next), app.SignIn(), b, nil
}

// begin opens the application and starts the subscription.
func (c *clockwork) begin() (ucwa.Kept, ucwa.SignIn, contactlist.List) {
	c.t.Helper()
	app, err := c.client().Open(c.t.Context(), simUser(1))
	if err != nil {
		c.t.Fatal(err)
	}
	s := subscribe(c.t, app)
	return app.Keep(s, ucwa.Channel{}), app.SignIn(), contactList(c.t, app)
}

// TestKeptAliveForADay: a process for every visit, two calls each, and neither
// application nor subscription is lost, though tokens end on the way.
func TestKeptAliveForADay(t *testing.T) {
	for _, parked := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			c := newClockwork(t, ucwasim.Config{Events: ucwasim.ChannelConfig{ParkAbandoned: parked}, History: 10000})
			var policy subscription.Policy
			k, in, _ := c.begin()
			c.Script().Forget()
			start, visits, told := time.Now(), 0, 0
			for time.Since(start) < 24*time.Hour {
				time.Sleep(time.Until(policy.Next(time.Now(), time.Until(k.Subscription.Expires), float64(visits%10)/10)))
				if visits == 100 {
					if err := c.AddContact(string(simUser(1)), ucwasim.Contact{URI: "sip:ada@contoso.test"}); err != nil {
						t.Fatal(err)
					}
				}
				var b ucwa.Batch
				var err error
				if k, in, b, err = c.visit(k, in); err != nil {
					t.Fatalf("visit %d after %s: %v", visits, time.Since(start), err)
				}
				for _, e := range b.Events {
					if e.Rel == "contact" {
						told++
					}
				}
				if visits++; b.Reset || b.Resynced {
					t.Errorf("visit %d: %+v", visits, b)
				}
			}
			st, _ := c.User(string(simUser(1)))
			if told != 1 || st.Applications.Created != 1 || st.Applications.Leaked() != 0 || st.Subscriptions.Started != 1 || st.Subscriptions.Running != 1 {
				t.Errorf("told %d times, %+v, %+v", told, st.Applications, st.Subscriptions)
			}
			calls := len(c.Script().Requests(simkit.Filter{}))
			if extra := calls - 2*visits; extra != 2 || st.Tokens.Granted != 3 || st.Channel.Replaced != 0 {
				t.Errorf("%d calls in %d visits with %d tokens, %+v", calls, visits, st.Tokens.Granted, st.Channel)
			}
		})
	}
}

// TestMissedRuns: one run that does not happen costs nothing. Three cost the
// application; it is made again in the next one, and what changed meanwhile is
// found by comparison.
func TestMissedRuns(t *testing.T) {
	for runs := range 4 {
		synctest.Test(t, func(t *testing.T) {
			c := newClockwork(t, ucwasim.Config{})
			var policy subscription.Policy
			k, in, before := c.begin()
			k, in, _, err := c.visit(k, in)
			if err != nil {
				t.Fatal(err)
			}
			if err := c.AddContact(string(simUser(1)), ucwasim.Contact{URI: "sip:ada@contoso.test"}); err != nil {
				t.Fatal(err)
			}
			loss := policy.Missed(runs, subscription.Ceiling)
			time.Sleep(loss.Silence - 2*time.Second) // the visit itself waits a second
			_, _, b, err := c.visit(k, in)
			if e := ucwa.As(err); loss.Application != (e != nil && e.Remedy == ucwa.Recreate) || !loss.Application && (err != nil || len(b.Events) == 0) {
				t.Fatalf("%d runs: %+v, but %v %+v", runs, loss, err, b)
			}
			app, err := c.client().Open(t.Context(), simUser(1))
			if err != nil {
				t.Fatal(err)
			}
			subscribe(t, app)
			if got := contactlist.Diff(before, contactList(t, app)); len(got.AddedContacts) != 1 {
				t.Errorf("%d runs: %+v", runs, got)
			}
			st, _ := c.User(string(simUser(1)))
			if want := map[bool]int{false: 1, true: 2}[loss.Application]; st.Applications.Created != want || st.Subscriptions.Running != 1 {
				t.Errorf("%d runs: %+v %+v", runs, st.Applications, st.Subscriptions)
			}
		})
	}
}

// TestQuietChannel: a request waits for the server's own time, a warning comes
// before the subscription ends, and the other times are the server's to keep.
func TestQuietChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newClockwork(t, ucwasim.Config{})
		app, err := c.client().Open(t.Context(), simUser(1))
		if err != nil {
			t.Fatal(err)
		}
		subscribe(t, app)
		start, at := time.Now(), ucwa.Channel{}
		var waits []string
		for {
			asked := time.Now()
			b, err := app.Poll(t.Context(), at, ucwa.PollOptions{Timeout: 600 * time.Second, Medium: 60 * time.Second})
			if err != nil || len(b.Events) != 0 || b.Pending {
				t.Fatalf("%+v, %v", b, err)
			}
			waits, at = append(waits, time.Since(asked).String()), b.Next
			if b.Expiring {
				break
			}
		}
		if got := strings.Join(waits, " "); got != "10m0s 10m0s 6m0s" {
			t.Errorf("waited %s", got)
		}
		if left := 30*time.Minute - time.Since(start); left != 4*time.Minute {
			t.Errorf("warned %s before the end", left)
		}
		if err := app.Close(t.Context()); err != nil {
			t.Error(fmt.Errorf("close: %w", err))
		}
	})
}
