package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/explain"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/signin"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
	"dialtone/shared/visit"
)

// result of one case.
type result struct {
	findings []Finding
	inUse    []e164.Number // parked numbers of other cases that the user's phones show
	signed   bool
	silent   *failure.Error // why the user could not be signed in just now
	err      error
}

// rereads is how often a case is read that somebody works on meanwhile.
const rereads = 3

// examine reads a case and judges it.
func (a *Auditor) examine(ctx context.Context, s *site, c subject) (r result) {
	if c.finding != nil {
		return result{findings: []Finding{*c.finding}}
	}
	for range rereads {
		f, err := a.facts(ctx, s, c)
		if err != nil {
			return result{err: err}
		}
		r = result{findings: f.judge(), inUse: f.parkedInUse(), signed: f.reading != nil, silent: f.silent()}
		if len(r.findings) == 0 {
			return r
		}
		now, err := a.books(ctx, s.locationID, c)
		if err != nil {
			return result{err: err}
		}
		if f.books.same(now) {
			return r
		}
	}
	return r
}

// facts reads all that counts for a case.
func (a *Auditor) facts(ctx context.Context, s *site, c subject) (f facts, err error) {
	f = facts{now: time.Now(), grace: a.cfg.Grace, locationID: s.locationID, webex: s.webex, own: c.numbers, inUse: a.inUse}
	if f.books, err = a.books(ctx, s.locationID, c); err != nil || a.cfg.UCWA == nil || c.user == "" {
		return f, err
	}
	if f.reading, err = a.read(ctx, c.user); err != nil {
		return f, err
	}
	for _, shown := range f.reading.phones {
		x, _, international := e164.FromTel(shown)
		if international {
			err = errors.Join(err, a.look(ctx, f.books, x))
		}
	}
	return f, err
}

// books reads what the ledger says: the person first, then the numbers.
func (a *Auditor) books(ctx context.Context, locationID string, c subject) (books, error) {
	b := books{user: c.user, numbers: map[e164.Number]ledger.Number{}, requests: map[command.Key]ledger.Request{}}
	var err error
	if c.user != "" {
		if b.person, err = a.cfg.Ledger.Person(ctx, c.user); err != nil {
			return b, err
		}
	}
	for _, n := range c.numbers {
		err = errors.Join(err, a.look(ctx, b, n))
	}
	for _, line := range b.person.Lines {
		if line.LocationID == locationID {
			err = errors.Join(err, a.look(ctx, b, line.Number), a.request(ctx, b, line))
		}
	}
	return b, err
}

// look adds a number to the books.
func (a *Auditor) look(ctx context.Context, b books, n e164.Number) error {
	if _, known := b.numbers[n]; known {
		return nil
	}
	known, _, err := a.cfg.Ledger.Number(ctx, n)
	b.numbers[n] = known
	return err
}

// request adds the request that works on a line to the books.
func (a *Auditor) request(ctx context.Context, b books, line ledger.Line) error {
	if line.State == ledger.LineAssigned {
		return nil
	}
	r, _, err := a.cfg.Ledger.Request(ctx, line.Request)
	b.requests[line.Request] = ledger.Request{State: r.State}
	return err
}

// parkedInUse returns the parked numbers that the user's phones show.
func (f facts) parkedInUse() (inUse []e164.Number) {
	for n, known := range f.books.numbers {
		if known.ParkedForGood() && f.shownOn(n) != "" {
			inUse = append(inUse, n)
		}
	}
	return inUse
}

// silent returns why the user could not be signed in just now, nil if that was
// not tried, or is for good.
func (f facts) silent() *failure.Error {
	if f.reading == nil || f.reading.err == nil || f.reading.err.Class.Permanent() || errors.Is(f.reading.err, signin.ErrNoSecret) {
		return nil
	}
	return f.reading.err
}

// few is how many users may fail to be signed in without anybody else who can,
// before that is about Skype for Business and not about them.
const few = 3

// outage returns an error if nobody of many could be signed in just now.
func outage(results []result) error {
	var last *failure.Error
	silent := 0
	for _, r := range results {
		switch {
		case r.signed && r.silent == nil:
			return nil
		case r.silent != nil:
			silent, last = silent+1, r.silent
		}
	}
	if silent < few {
		return nil
	}
	return fmt.Errorf("read phones: none of %d users could be signed in: %w", silent, last)
}

// visiting is how long one user's phones may take to be read.
const visiting = time.Minute

// read signs a user in and reads the phones. Its error is that of ctx.
func (a *Auditor) read(ctx context.Context, user sipaddr.User) (*reading, error) {
	r := &reading{}
	err := a.patiently(ctx, func() error {
		if err := a.users.Wait(ctx); err != nil {
			return err
		}
		return a.visit(ctx, user, r)
	})
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case err != nil:
		return &reading{err: explain.Error(err)}, nil
	}
	return r, nil
}

func (a *Auditor) visit(ctx context.Context, user sipaddr.User, r *reading) error {
	ctx, cancel := context.WithTimeout(ctx, visiting)
	defer cancel()
	v, err := visit.Open(ctx, visit.Config{Client: a.cfg.UCWA, User: user, Logger: a.cfg.Logger, Read: func(ctx context.Context, app *ucwa.Application) error {
		phones, err := app.Phones(ctx)
		r.name, r.phones = app.Me().Name, map[command.PhoneType]string{}
		for _, p := range phones {
			r.phones[command.PhoneType(p.Type)] = p.Number
		}
		return err
	}})
	if err != nil {
		return err
	}
	v.Close(ctx)
	return nil
}

// tries is how often a vendor is asked that cannot answer just now.
const tries = 3

// patiently repeats what a vendor could not answer just now, after the wait that
// it asked for. A secret that is missing does not come by waiting.
func (a *Auditor) patiently(ctx context.Context, do func() error) error {
	for try := 1; ; try++ {
		err := do()
		f := explain.Error(err)
		wait := max(time.Duration(try)*time.Second, f.RetryAfter)
		if err == nil || f.Class != failure.Unavailable || wait > a.cfg.Patience || try == tries || errors.Is(err, signin.ErrNoSecret) {
			return err
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		case <-timer.C:
		}
	}
}
