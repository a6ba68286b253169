package ledgertest

import (
	"context"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

// released takes back what is on the user's phone, as a Worker does.
func (j *job) released(ctx context.Context, c command.Command) (outcome.Event, error) {
	done, err := j.release(ctx)
	return outcome.New(outcome.TypeReleased, c.Key, c.User, time.Now(), done), err
}

func (j *job) release(ctx context.Context) (outcome.Released, error) {
	none := outcome.Released{Request: j.lease.Key(), User: j.want.User, PhoneType: j.want.PhoneType, Verified: outcome.AsFound}
	err := j.update(func() (ledger.Person, error) { return j.Ledger.Person(ctx, j.want.User) })
	if err != nil {
		return none, err
	}
	if done := j.person.Released[j.want.PhoneType]; done.Request == j.lease.Key() {
		return done, nil
	}
	line, found := j.person.Line(j.want.PhoneType)
	if !found {
		return none, nil
	}
	if err := j.readNumbers(ctx, line); err != nil {
		return none, err
	}
	line = ledger.Line{Number: line.Number, LocationID: line.LocationID, Request: j.lease.Key(), Fence: j.lease.Fence()}
	err = j.update(func() (ledger.Person, error) { return j.Ledger.Recall(ctx, j.person, j.want.PhoneType, line) })
	if err != nil {
		return none, err
	}
	line, _ = j.person.Line(j.want.PhoneType)
	if !j.rests(line) {
		if err := j.clear(ctx, line); err != nil {
			return none, err
		}
	}
	return j.vacate(ctx, line)
}

// readNumbers reads the numbers of a line before it is displaced or recalled.
func (j *job) readNumbers(ctx context.Context, line ledger.Line) error {
	j.known = map[e164.Number]ledger.Number{}
	for at := range line.Chain() {
		n, _, err := j.Ledger.Number(ctx, at.Number)
		if err != nil {
			return err
		}
		j.known[at.Number] = n
	}
	return nil
}

// rests reports whether the recall has come past the change of the phone.
func (j *job) rests(recall ledger.Line) bool {
	for _, n := range j.known {
		if n.State == ledger.Quarantined && n.Request == recall.Request {
			return true
		}
	}
	return false
}

// clear takes the numbers of a line off the phone.
func (j *job) clear(ctx context.Context, line ledger.Line) error {
	var shows e164.Number
	err := j.vendor("look", func() error { shows = j.Phones.Shows(j.want.User); return nil })
	if err != nil || !line.Shown(string(shows)) {
		return err
	}
	return j.vendor("publish", func() error {
		return j.Phones.publish(Change{User: j.want.User, Request: j.lease.Key()}, j.Rest)
	})
}

func (j *job) vacate(ctx context.Context, line ledger.Line) (outcome.Released, error) {
	for at := range line.Chain() {
		if err := j.rest(ctx, at.Number); err != nil {
			return outcome.Released{}, err
		}
	}
	done := outcome.Released{
		Request: line.Request, User: j.want.User, PhoneType: j.want.PhoneType,
		Number: line.Number, LocationID: line.LocationID, Verified: outcome.ReadBack,
	}
	return done, j.update(func() (ledger.Person, error) { return j.Ledger.Vacate(ctx, j.person, j.want.PhoneType, done) })
}

// rest puts a number to rest that was on the line as it was found.
func (j *job) rest(ctx context.Context, n e164.Number) error {
	known, found := j.known[n]
	if !found {
		return ledger.ErrFenced
	}
	return j.onNumber(func(h ledger.Holder) (ledger.Number, error) {
		return j.Ledger.Release(ctx, known, h, time.Now().Add(j.Rest))
	})
}

// standing returns the line to go on from. A recall of another request is taken
// back if the phone shows a number of the line that is this user's yet, and
// brought to its end if not.
func (j *job) standing(ctx context.Context) (ledger.Line, bool, error) {
	line, found := j.person.Line(j.want.PhoneType)
	if !found {
		return line, false, nil
	}
	if err := j.readNumbers(ctx, line); err != nil || line.State != ledger.LineReleasing {
		return line, found, err
	}
	var shows e164.Number
	err := j.vendor("look", func() error { shows = j.Phones.Shows(j.want.User); return nil })
	if err != nil {
		return line, found, err
	}
	h := ledger.Holder{User: j.want.User, PhoneType: j.want.PhoneType}
	if n, ours := j.known[shows]; ours && n.HeldBy(h) {
		err = j.update(func() (ledger.Person, error) { return j.Ledger.Reinstate(ctx, j.person, j.want.PhoneType) })
	} else {
		_, err = j.vacate(ctx, line)
	}
	line, found = j.person.Line(j.want.PhoneType)
	if err == nil && found && line.State == ledger.LineReleasing {
		err = ledger.ErrFenced
	}
	return line, found, err
}
