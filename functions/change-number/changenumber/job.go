package changenumber

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
)

// job is one request about one of a user's phones, in progress.
type job struct {
	h     *Handler
	lease *ledger.Lease
	key   command.Key
	user  sipaddr.User
	typ   command.PhoneType
	log   *slog.Logger

	person ledger.Person
	phone  *publishedPhone
}

func (j *job) holder() ledger.Holder {
	return ledger.Holder{User: j.user, PhoneType: j.typ, Request: j.key, Fence: j.lease.Fence()}
}

// numbers reads the numbers of a line. What is read before the line is displaced
// or recalled says which claims are to end with it.
func (j *job) numbers(ctx context.Context, line ledger.Line) (map[e164.Number]ledger.Number, error) {
	known := map[e164.Number]ledger.Number{}
	for at := range line.Chain() {
		if _, twice := known[at.Number]; twice {
			continue
		}
		n, _, err := j.h.cfg.Ledger.Number(ctx, at.Number)
		if err != nil {
			return nil, err
		}
		known[at.Number] = n
	}
	return known, nil
}

// rest puts a number of this user to rest, if it is theirs.
func (j *job) rest(ctx context.Context, known ledger.Number, request command.Key) (ledger.Number, error) {
	h := j.holder()
	h.Request = request
	return j.h.cfg.Ledger.Release(ctx, known, h, j.h.restsUntil(known.LocationID))
}

// restsUntil is the end of a rest that begins now.
func (h *Handler) restsUntil(location string) time.Time {
	rest, differs := h.cfg.QuarantineAt[location]
	if !differs {
		rest = h.cfg.Quarantine
	}
	return time.Now().UTC().Add(rest)
}

// resting reports that the number waits for this user, or for its time.
func (j *job) resting(n ledger.Number) bool {
	return n.State == ledger.Quarantined && n.User == j.user && n.PhoneType == j.typ
}

// recalled reports that a recall has come past the phone: what the phone shows
// from then on was done by others.
func recalled(line ledger.Line, known map[e164.Number]ledger.Number) bool {
	for _, n := range known {
		if line.State == ledger.LineReleasing && n.State == ledger.Quarantined && n.Request == line.Request {
			return true
		}
	}
	return false
}

// vacate puts the numbers of a recalled line to rest, takes the line off the
// person and keeps the answer to the request that recalled it, which is
// returned.
func (j *job) vacate(ctx context.Context, line ledger.Line, known map[e164.Number]ledger.Number) (outcome.Released, error) {
	done := j.taken(line, j.phone.now())
	for at := range line.Chain() {
		was, read := known[at.Number]
		if !read {
			return done, ledger.ErrFenced
		}
		n, err := j.rest(ctx, was, line.Request)
		if err != nil {
			return done, err
		}
		if n.Number == line.Number && j.resting(n) {
			done.RestsUntil = n.RestsUntil
		}
	}
	var err error
	j.person, err = j.h.cfg.Ledger.Vacate(ctx, j.person, j.typ, done)
	return done, err
}

// taken is the answer to a release that found and left the phone so.
func (j *job) taken(line ledger.Line, after outcome.Phone) outcome.Released {
	o := outcome.Released{
		Request: line.Request, User: j.user, PhoneType: j.typ, Number: line.Number, LocationID: line.LocationID,
		Before: line.Before, After: after, Verified: outcome.AsFound,
	}
	o.Restored = restored(original(line), after)
	if line.Shown(line.Before.Number) && (o.Restored || after.Number == "") {
		o.Verified = outcome.ReadBack
	}
	return o
}

// finish closes the application while the last writes are made.
func (j *job) finish(ctx context.Context, writes func() error) error {
	_, err := both(func() error { j.phone.close(ctx); return nil }, writes)
	return err
}

// both runs two steps side by side and returns when both have. A panic of either
// is the caller's, who answers for this message alone.
func both(a, b func() error) (errA, errB error) {
	var aside sync.WaitGroup
	var panicked any
	aside.Go(func() {
		defer func() { panicked = recover() }()
		errA = a()
	})
	defer aside.Wait() // also when b panics
	errB = b()
	aside.Wait()
	if panicked != nil {
		panic(panicked)
	}
	return errA, errB
}
