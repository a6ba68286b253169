package visit_test

import (
	"context"
	"errors"
	"slices"
	"testing"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/failure"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
	"dialtone/shared/visit"
)

const person = "user00001@contoso.test"

// place is a simulated user's home with a visitor who says what happens.
type place struct {
	t     *testing.T
	sim   *ucwasim.Running
	cfg   visit.Config
	reads []error // answers of Read, in turn; then nil
	log   []string
}

func newPlace(t *testing.T) *place {
	t.Helper()
	sim, err := ucwasim.Start(ucwasim.Config{Users: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	p := &place{t: t, sim: sim}
	p.cfg = visit.Config{Client: p.client("user00001"), User: person, Read: func(_ context.Context, app *ucwa.Application) error {
		if app == nil {
			t.Error("reads through no application")
		}
		p.log = append(p.log, "read")
		return p.pop()
	}}
	return p
}

// client signs in as a user, whomever it is asked for.
func (p *place) client(as string) *ucwa.Client {
	p.t.Helper()
	c, err := ucwa.New(ucwa.Config{
		DiscoveryURL: p.sim.DiscoveryURL,
		Tokens: ucwa.NewPasswordGrant(nil, func(context.Context, sipaddr.User) (ucwa.Credentials, error) {
			return ucwa.Credentials{Username: as + "@contoso.test", Password: "pw-" + as}, nil
		}),
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return c
}

func (p *place) pop() (err error) {
	if len(p.reads) > 0 {
		err, p.reads = p.reads[0], p.reads[1:]
	}
	return err
}

func (p *place) open() *visit.Visit {
	p.t.Helper()
	v, err := visit.Open(p.t.Context(), p.cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	return v
}

// applications are created and running ones.
func (p *place) applications() (created, running int) {
	u, _ := p.sim.User(person)
	return u.Applications.Created, u.Applications.Running
}

func fails(c failure.Class, r ucwa.Remedy) error {
	return &ucwa.Error{Operation: "it", Class: c, Remedy: r}
}

func stale(r ucwa.Remedy) error { return fails(failure.Unavailable, r) }

// settle asks for changes that answer so, in turn.
func (p *place) settle(v *visit.Visit, rounds int, answers ...error) error {
	return v.Settle(p.t.Context(), rounds, func() visit.Change {
		if len(answers) == 0 {
			return nil
		}
		return func(_ context.Context, app *ucwa.Application) error {
			if app == nil {
				p.t.Error("changes through no application")
			}
			p.log = append(p.log, "change")
			err := answers[0]
			answers = answers[1:]
			return err
		}
	})
}

func TestOpenAndClose(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	v := p.open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v.Close(ctx) // in its own time
	v.Close(ctx)
	if created, running := p.applications(); created != 1 || running != 0 {
		t.Errorf("%d created, %d left", created, running)
	}
}

func TestWrongPerson(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.cfg.Client = p.client("user00002")
	_, err := visit.Open(t.Context(), p.cfg)
	u, _ := p.sim.User("user00002@contoso.test")
	if !errors.Is(err, ucwa.ErrWrongUser) || len(p.log) > 0 || u.Applications.Running != 0 {
		t.Errorf("%v, %v, %d left", err, p.log, u.Applications.Running)
	}
}

// TestPanicLeavesNothingOpen: whoever recovers need not know of the application.
func TestPanicLeavesNothingOpen(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	p.cfg.Read = func(context.Context, *ucwa.Application) error { panic("boom") }
	defer func() {
		if created, running := p.applications(); recover() == nil || created != 1 || running != 0 {
			t.Errorf("%d created, %d left", created, running)
		}
	}()
	_, _ = visit.Open(t.Context(), p.cfg)
}

func TestOpenOnceMore(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		remedy ucwa.Remedy
		opens  int
	}{
		{ucwa.Recreate, 2},
		{ucwa.Rediscover, 2},
		{ucwa.Refresh, 2},
		{ucwa.Retry, 1},
		{ucwa.None, 1},
	} {
		p := newPlace(t)
		p.reads = []error{stale(c.remedy), stale(c.remedy)}
		_, err := visit.Open(t.Context(), p.cfg)
		if created, running := p.applications(); err == nil || created != c.opens || running != 0 {
			t.Errorf("%s: %v after %d applications, %d left", c.remedy, err, created, running)
		}
		p.reads = p.reads[:0]
		v := p.open()
		v.Close(t.Context())
	}
}

func TestSettle(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answers []error // of the changes
		reads   []error // after the first
		class   failure.Class
		log     []string // after the first read
		created int
	}{
		"nothing to do":        {nil, nil, "", nil, 1},
		"done":                 {[]error{nil, nil}, nil, "", []string{"change", "read", "change", "read"}, 1},
		"settled by reading":   {[]error{fails(failure.Unknown, ucwa.Verify)}, nil, "", []string{"change", "read"}, 1},
		"refused":              {[]error{fails(failure.Denied, ucwa.None)}, nil, failure.Denied, []string{"change"}, 1},
		"later":                {[]error{stale(ucwa.Retry)}, nil, failure.Unavailable, []string{"change"}, 1},
		"gone":                 {[]error{stale(ucwa.Recreate), nil}, nil, "", []string{"change", "read", "change", "read"}, 2},
		"changed meanwhile":    {[]error{stale(ucwa.Refresh), nil}, nil, "", []string{"change", "read", "change", "read"}, 1},
		"moved":                {[]error{stale(ucwa.Rediscover), nil}, nil, "", []string{"change", "read", "change", "read"}, 2},
		"moved and not found":  {[]error{stale(ucwa.Rediscover)}, []error{stale(ucwa.Refresh), stale(ucwa.Refresh)}, "", []string{"change", "read", "read", "read"}, 4},
		"gone after a change":  {[]error{nil}, []error{stale(ucwa.Recreate)}, "", []string{"change", "read", "read"}, 2},
		"not read back":        {[]error{nil}, []error{fails(failure.Denied, ucwa.None)}, failure.Unknown, []string{"change", "read"}, 1},
		"not applied, no read": {[]error{stale(ucwa.Refresh)}, []error{fails(failure.Denied, ucwa.None)}, failure.Denied, []string{"change", "read"}, 1},
		"never shows":          {[]error{nil, nil, nil, nil}, nil, failure.Unknown, []string{"change", "read", "change", "read", "change", "read"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t)
			v := p.open()
			p.log, p.reads = nil, c.reads
			err := p.settle(v, 3, c.answers...)
			if got := classOf(err); got != c.class {
				t.Errorf("%v, want class %q", err, c.class)
			}
			if !slices.Equal(p.log, c.log) {
				t.Errorf("did %v, want %v", p.log, c.log)
			}
			v.Close(t.Context())
			if created, running := p.applications(); created != c.created || running != 0 {
				t.Errorf("%d created, want %d; %d left", created, c.created, running)
			}
		})
	}
}

func classOf(err error) failure.Class {
	if f := failure.As(err); f != nil {
		return f.Class
	}
	if e := ucwa.As(err); e != nil {
		return e.Class
	}
	return ""
}

// TestCloseGivesUp: a server that does not answer costs its time and no more.
func TestCloseGivesUp(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	v := p.open()
	if _, err := p.sim.Script().Add(simkit.Fault{Operation: "deleteApplication", Status: 500}); err != nil {
		t.Fatal(err)
	}
	v.Close(t.Context())
	v.Close(t.Context())
	if n := p.sim.Script().Counts()["deleteApplication"]; n == 0 {
		t.Error("not tried")
	}
}
