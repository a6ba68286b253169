package ledgertest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

// Worker carries out requests for numbers, and requests to take them back, in
// the plainest way that the ledger allows: the sequences of the ledger's package
// comment and of [ledger.Ledger.Recall], with [Phones] in the place of the
// vendors. It gives up at the first error, as a crash would.
type Worker struct {
	Ledger  *ledger.Ledger
	Phones  *Phones
	Numbers []e164.Number // the candidates, tried in this order
	Lease   time.Duration // after it no step is begun
	Rest    time.Duration // of a number that was replaced
	Blind   bool          // tries candidates that others hold, too

	// Around is called with each use of the phones ("look", "publish"), like the
	// around of [Around]. Nil: nothing in between.
	Around func(c Call, do func() error) error
}

// What ends the work of a Worker, apart from errors of the ledger.
var (
	ErrLate      = errors.New("the lease is over")
	errExhausted = errors.New("no number is left")
	errRefused   = errors.New("the number is refused")
	errDenied    = errors.New("the user may not be changed")
)

// Work works on a command whose data is a [command.Assign] or a
// [command.Release]. It returns nil when the request is finished, failed for good
// included.
func (w *Worker) Work(ctx context.Context, c command.Command) error {
	lease, finished, err := w.Ledger.Begin(ctx, c, time.Now().Add(w.Lease))
	if err != nil || finished != nil {
		return err
	}
	j := &job{Worker: w, lease: lease, tried: map[e164.Number]bool{}}
	var done outcome.Event
	switch want := c.Data.(type) {
	case command.Assign:
		j.want = want
		done, err = j.assigned(ctx, c)
	case command.Release:
		j.want = command.Assign{User: want.User, PhoneType: want.PhoneType}
		done, err = j.released(ctx, c)
	}
	switch {
	case errors.Is(err, errExhausted), errors.Is(err, errDenied):
		return j.fail(ctx, c, err)
	case err != nil:
		return err
	}
	return j.step(func() error { return w.Ledger.Finish(ctx, lease, done) })
}

func (j *job) assigned(ctx context.Context, c command.Command) (outcome.Event, error) {
	n, err := j.assign(ctx)
	return outcome.New(outcome.TypeAssigned, c.Key, c.User, time.Now(), outcome.Assigned{
		Request: c.Key, User: c.User, LocationID: j.want.LocationID, PhoneType: j.want.PhoneType, Number: n, Managed: true,
	}), err
}

// job is one command in progress.
type job struct {
	*Worker
	lease  *ledger.Lease
	want   command.Assign // of a release, only user and phone
	person ledger.Person
	known  map[e164.Number]ledger.Number // on the line as it was found
	tried  map[e164.Number]bool
}

// step runs one step if there is time for it.
func (j *job) step(do func() error) error {
	if !time.Now().Before(j.lease.Until()) {
		return ErrLate
	}
	return do()
}

// update runs a step that leads to another view of the person.
func (j *job) update(do func() (ledger.Person, error)) error {
	return j.step(func() (err error) {
		j.person, err = do()
		return err
	})
}

// onNumber runs a step on a number.
func (j *job) onNumber(do func(h ledger.Holder) (ledger.Number, error)) error {
	return j.step(func() error {
		_, err := do(ledger.Holder{
			User: j.want.User, PhoneType: j.want.PhoneType, Request: j.lease.Key(), Fence: j.lease.Fence(),
		})
		return err
	})
}

func (j *job) assign(ctx context.Context) (e164.Number, error) {
	err := j.update(func() (ledger.Person, error) { return j.Ledger.Person(ctx, j.want.User) })
	if err != nil {
		return "", err
	}
	line, found, err := j.standing(ctx)
	if err != nil {
		return "", err
	}
	switch {
	case found && line.State == ledger.LineAssigned && (line.Request == j.lease.Key() || !j.want.Replace):
		return line.Number, nil
	case found && line.Request != j.lease.Key() && !j.want.Replace:
		err := j.update(func() (ledger.Person, error) {
			return j.Ledger.Adopt(ctx, j.person, j.want.PhoneType, j.lease.Key())
		})
		if err != nil {
			return "", err
		}
	}
	for {
		line, err := j.reserve(ctx)
		if err == nil {
			err = j.publish(ctx, line.Number)
		}
		switch {
		case errors.Is(err, errRefused):
			if err := j.park(ctx, line.Number); err != nil {
				return "", err
			}
			continue
		case err != nil:
			return "", err
		}
		return line.Number, j.confirm(ctx, line)
	}
}

// reserve pins and claims: the number pinned already, or the next candidate.
func (j *job) reserve(ctx context.Context) (ledger.Line, error) {
	for {
		line, err := j.pin(ctx)
		if err != nil {
			return line, err
		}
		err = j.onNumber(func(h ledger.Holder) (ledger.Number, error) {
			return j.Ledger.Claim(ctx, line.Number, line.LocationID, h)
		})
		if _, taken := errors.AsType[*ledger.TakenError](err); !taken {
			return line, err
		}
		j.tried[line.Number] = true
	}
}

// pin makes the pin of this request that of this lease, on the next candidate
// if need be.
func (j *job) pin(ctx context.Context) (ledger.Line, error) {
	line, found := j.person.Line(j.want.PhoneType)
	if !found || line.State != ledger.LinePinned || line.Request != j.lease.Key() || j.tried[line.Number] {
		n, err := j.candidate(ctx)
		if err != nil {
			return line, err
		}
		line = ledger.Line{
			Number: n, LocationID: j.want.LocationID, Request: j.lease.Key(),
			Before: outcome.Phone{Type: j.want.PhoneType, Number: string(j.Phones.Shows(j.want.User))},
		}
	}
	line.Fence = j.lease.Fence()
	err := j.update(func() (ledger.Person, error) {
		return j.Ledger.Pin(ctx, j.person, j.want.PhoneType, line, j.want.Replace)
	})
	line, _ = j.person.Line(j.want.PhoneType)
	return line, err
}

// candidate chooses the first number that was not tried and, unless blind, is
// not held.
func (j *job) candidate(ctx context.Context) (n e164.Number, err error) {
	held := map[e164.Number]ledger.NumberState{}
	if !j.Blind {
		err = j.step(func() error {
			held, err = j.Ledger.Held(ctx, j.want.LocationID, "", "", ledger.Holder{User: j.want.User})
			return err
		})
	}
	if err != nil {
		return "", err
	}
	for _, n := range j.Numbers {
		if _, isHeld := held[n]; !isHeld && !j.tried[n] {
			return n, nil
		}
	}
	return "", errExhausted
}

// publish changes the phone, unless it shows the number already, and reads it back.
func (j *job) publish(ctx context.Context, n e164.Number) error {
	var shows e164.Number
	look := func() error {
		return j.vendor("look", func() error { shows = j.Phones.Shows(j.want.User); return nil })
	}
	if err := look(); err != nil || shows == n {
		return err
	}
	change := Change{User: j.want.User, Number: n, Request: j.lease.Key()}
	err := j.vendor("publish", func() error { return j.Phones.publish(change, j.Rest) })
	if err != nil {
		return err
	}
	if err := look(); err != nil || shows == n {
		return err
	}
	return fmt.Errorf("the phone of %s shows another number", j.want.User)
}

func (j *job) vendor(op string, do func() error) error {
	return j.step(func() error {
		if j.Around == nil {
			return do()
		}
		return j.Around(Call{Op: op}, do)
	})
}

func (j *job) park(ctx context.Context, n e164.Number) error {
	j.tried[n] = true
	return j.onNumber(func(h ledger.Holder) (ledger.Number, error) {
		return j.Ledger.Park(ctx, n, j.want.LocationID, h, "refused", time.Time{})
	})
}

func (j *job) confirm(ctx context.Context, line ledger.Line) error {
	err := j.onNumber(func(h ledger.Holder) (ledger.Number, error) { return j.Ledger.Confirm(ctx, line.Number, h) })
	if err != nil {
		return err
	}
	for old := line.Previous; old != nil; old = old.Previous {
		if old.Number == line.Number {
			continue
		}
		if err := j.rest(ctx, old.Number); err != nil {
			return err
		}
	}
	return j.update(func() (ledger.Person, error) {
		return j.Ledger.Settle(ctx, j.person, j.want.PhoneType, j.lease.Key())
	})
}

// fail takes back claim and pin, hands the request back and fails it.
func (j *job) fail(ctx context.Context, c command.Command, cause error) error {
	line, found := j.person.Line(j.want.PhoneType)
	if found && line.State == ledger.LineReleasing && line.Request == c.Key {
		err := j.update(func() (ledger.Person, error) { return j.Ledger.Reinstate(ctx, j.person, j.want.PhoneType) })
		if err != nil {
			return err
		}
	}
	if found && line.State == ledger.LinePinned && line.Request == c.Key {
		err := j.onNumber(func(h ledger.Holder) (ledger.Number, error) { return j.Ledger.Unclaim(ctx, line.Number, h) })
		if err != nil {
			return err
		}
		err = j.update(func() (ledger.Person, error) {
			return j.Ledger.Unpin(ctx, j.person, j.want.PhoneType, c.Key)
		})
		if err != nil {
			return err
		}
	}
	if err := j.step(func() error { return j.Ledger.Yield(ctx, j.lease, cause.Error()) }); err != nil {
		return err
	}
	return j.Ledger.Fail(ctx, c, outcome.New(outcome.TypeFailed, c.Key, c.User, time.Now(), outcome.Failed{
		Request: c.Key, User: c.User, Reason: cause.Error(),
	}))
}
