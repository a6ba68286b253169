package setsimring

import (
	"context"
	"errors"
	"net/http"

	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/ucwa"
	"dialtone/shared/visit"
	"dialtone/shared/worker"
)

// job is one request about a user's call forwarding, in progress.
type job struct {
	worker.Job
	ledger *ledger.Ledger
	client *ucwa.Client

	record ledger.SimRing
	visit  *visit.Visit
	offer  ucwa.CallForwarding // as last read, with its links
	now    outcome.Forwarding  // the same without
	found  outcome.Forwarding  // as first read
}

func (h *Handler) job(j worker.Job) job {
	return job{Job: j, ledger: h.cfg.Ledger, client: h.cfg.UCWA}
}

// load reads what the ledger knows of the user.
func (j *job) load(ctx context.Context) (err error) {
	j.record, err = j.ledger.SimRing(ctx, j.Command.User)
	return err
}

// open signs the user in and reads call forwarding. Close the visit after use.
func (j *job) open(ctx context.Context) (err error) {
	j.visit, err = visit.Open(ctx, visit.Config{Client: j.client, User: j.Command.User, Read: j.read, Logger: j.Log})
	j.found = j.now
	return err
}

// mark is what a write ahead says of this request.
func (j *job) mark() ledger.SimRing {
	return ledger.SimRing{Request: j.Command.Key, Fence: j.Lease.Fence(), Before: j.found}
}

// read reads call forwarding, with the contacts behind its targets.
func (j *job) read(ctx context.Context, app *ucwa.Application) error {
	cf, err := app.CallForwarding(ctx)
	if err != nil {
		return err
	}
	now := outcome.Forwarding{Active: string(cf.Active), Period: string(cf.Period), Unanswered: string(cf.Unanswered)}
	for _, way := range []struct {
		from ucwa.Forward
		into *outcome.ForwardTarget
	}{{cf.Immediate, &now.Immediate}, {cf.Ring, &now.Ring}, {cf.NoAnswer, &now.NoAnswer}} {
		uri, err := app.ForwardContact(ctx, way.from)
		if err != nil && !notShown(err) {
			return err
		}
		*way.into = outcome.ForwardTarget{Target: string(way.from.Target), URI: uri, RingDelaySeconds: way.from.RingDelay}
	}
	j.offer, j.now = cf, now
	return nil
}

// notShown reports that the server does not show the user a contact, by a missing
// link or a 403. That is an answer: the rest of the settings is as good.
func notShown(err error) bool {
	e := ucwa.As(err)
	return errors.Is(err, ucwa.ErrMissingLink) || e != nil && e.Status == http.StatusForbidden && e.Remedy == ucwa.None
}
