package changenumber

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/explain"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/logattr"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
)

// maxRounds bounds how often one delivery tries to settle what a change did.
const maxRounds = 4

// publishedPhone is one of a user's phones in Skype for Business, seen through
// an application that is open for this request.
type publishedPhone struct {
	client *ucwa.Client
	user   sipaddr.User
	typ    command.PhoneType
	log    *slog.Logger

	app   *ucwa.Application // nil once closed
	phone ucwa.Phone        // as last read
	found outcome.Phone     // as first read
}

// openPhone signs the user in and reads the phone. It fails with class denied
// if another person was signed in or the user has no such phone.
func openPhone(ctx context.Context, client *ucwa.Client, user sipaddr.User, typ command.PhoneType, log *slog.Logger) (*publishedPhone, error) {
	p := &publishedPhone{client: client, user: user, typ: typ, log: log}
	if err := p.open(ctx); err != nil {
		return nil, err
	}
	p.found = p.now()
	return p, nil
}

// open makes an application and reads the phone through it, once more if the
// way there turns out stale.
func (p *publishedPhone) open(ctx context.Context) error {
	err := p.enter(ctx)
	if reopens(err) {
		err = p.enter(ctx)
	}
	return err
}

// enter makes an application and reads the phone through it. After an error no
// application is open.
func (p *publishedPhone) enter(ctx context.Context) error {
	app, err := p.client.Open(ctx, p.user)
	if err != nil {
		return err
	}
	p.app = app
	if err = app.CheckUser(); err == nil {
		err = p.read(ctx)
	}
	if err != nil {
		p.close(ctx)
	}
	return err
}

func (p *publishedPhone) read(ctx context.Context) error {
	phones, err := p.app.Phones(ctx)
	if err != nil {
		return err
	}
	for _, phone := range phones {
		if string(phone.Type) == string(p.typ) {
			p.phone = phone
			return nil
		}
	}
	return &failure.Error{
		Class:  failure.Denied,
		Reason: fmt.Sprintf("the user has no %s phone in Skype for Business", p.typ),
		Advice: "Ask for another phoneType, or check the user's voice policy.",
	}
}

func (p *publishedPhone) number() string { return p.phone.Number }

// now returns the phone as last read.
func (p *publishedPhone) now() outcome.Phone {
	return outcome.Phone{Type: p.typ, Number: p.phone.Number, IncludeInContactCard: p.phone.IncludeInContactCard}
}

// shows reports whether the phone has the wanted number, and the wanted
// visibility unless card is nil.
func (p *publishedPhone) shows(n e164.Number, card *bool) bool {
	return n != "" && e164.Same(p.phone.Number, string(n)) && (card == nil || *card == p.phone.IncludeInContactCard)
}

// tookNot reports that the pin surely led to nothing: the phone has no number,
// or one that is not the pin's in any form it could be stored in.
func (p *publishedPhone) tookNot(pin ledger.Line) bool {
	switch {
	case p.phone.Number == "":
		return true
	case p.shows(pin.Number, nil):
		return false
	}
	n, _, international := e164.FromTel(p.phone.Number)
	return p.phone.Number == pin.Before.Number || international && n != pin.Number
}

// mayChange fails with class denied if the number is read-only: without a
// changeNumber link it comes from Active Directory (UCWA 2.0: phone).
func (p *publishedPhone) mayChange() error {
	if p.phone.CanChangeNumber() {
		return nil
	}
	return &failure.Error{
		Class:    failure.Denied,
		Reason:   fmt.Sprintf("the %s phone is read-only: its number is set in Active Directory", p.typ),
		Advice:   "Have a directory administrator change the number, or ask for another phoneType.",
		Upstream: &failure.Upstream{System: "ucwa", Operation: "phones"},
	}
}

// publish makes the phone show the number and returns once a read proves it.
func (p *publishedPhone) publish(ctx context.Context, n e164.Number, card *bool) error {
	wanted := ucwa.NumberChange{Number: string(n), IncludeInContactCard: card}
	return p.bring(ctx, wanted, func() bool { return p.shows(n, card) })
}

// putBack makes the phone show what it showed before and returns once a read
// proves that the numbers of the line are gone.
func (p *publishedPhone) putBack(ctx context.Context, before outcome.Phone, line ledger.Line) error {
	wanted := ucwa.NumberChange{Number: before.Number, IncludeInContactCard: &before.IncludeInContactCard}
	return p.bring(ctx, wanted, func() bool { return !line.Shown(p.number()) })
}

// bring changes the phone until a read proves that all is done. A change whose
// outcome is unknown is settled by reading, never by guessing; doing it again
// sets the same, so nobody sees a second change.
//
// An error of a permanent class means that no change of this call is in effect.
func (p *publishedPhone) bring(ctx context.Context, wanted ucwa.NumberChange, done func() bool) error {
	var last error
	for range maxRounds {
		if done() {
			return nil
		}
		if err := p.mayChange(); err != nil {
			return err
		}
		last = p.change(ctx, wanted)
		if last != nil && !settles(last) {
			return last
		}
		if err := p.reread(ctx, last); err != nil {
			return err
		}
	}
	if done() {
		return nil
	}
	return &failure.Error{
		Class:  failure.Unknown,
		Reason: "Skype for Business does not show the change after it was made",
		Advice: triedAgain, Err: last,
	}
}

const triedAgain = "Nothing to do: the request is tried again and reads the phone first."

// change asks for the change, once more if the way there turns out stale.
func (p *publishedPhone) change(ctx context.Context, wanted ucwa.NumberChange) error {
	err := p.app.ChangeNumber(ctx, p.phone, wanted)
	if remedy(err) != ucwa.Rediscover {
		return err
	}
	p.close(ctx)
	if err := p.open(ctx); err != nil {
		return err
	}
	return p.app.ChangeNumber(ctx, p.phone, wanted)
}

// reread reads the phone after a change, through a new application if the old
// one is gone. As long as the change was not read back it may stand, so even a
// refusal that is final by itself leaves its outcome unknown.
func (p *publishedPhone) reread(ctx context.Context, change error) error {
	err := change
	if remedy(change) != ucwa.Recreate {
		err = p.read(ctx)
	}
	if reopens(err) {
		p.close(ctx)
		err = p.open(ctx)
	}
	if err == nil || remedy(change) == ucwa.Recreate || remedy(change) == ucwa.Refresh {
		return err // those changes were not applied
	}
	f := explain.Error(err)
	return &failure.Error{
		Class:  failure.Unknown,
		Reason: "the change may have been applied, but the phone could not be read after it",
		Advice: triedAgain, Upstream: f.Upstream, RetryAfter: f.RetryAfter, Err: err,
	}
}

// close deletes the application, if one is open.
func (p *publishedPhone) close(ctx context.Context) {
	if p.app == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), closing)
	defer cancel()
	if err := p.app.Close(ctx); err != nil {
		p.log.WarnContext(ctx, "application not deleted", logattr.Error(err))
	}
	p.app = nil
}

// settles reports that reading the phone is the way on from a failed change.
func settles(err error) bool {
	switch remedy(err) {
	case ucwa.Verify, ucwa.Recreate, ucwa.Refresh:
		return true
	}
	return false
}

// reopens reports that a new application is the way on from an error: the old
// one is gone, or the links to it lead nowhere.
func reopens(err error) bool {
	switch remedy(err) {
	case ucwa.Recreate, ucwa.Rediscover, ucwa.Refresh:
		return true
	}
	return false
}

// remedy returns what the client advises to do about an error.
func remedy(err error) ucwa.Remedy {
	if e, ok := errors.AsType[*ucwa.Error](err); ok {
		return e.Remedy
	}
	return ucwa.None
}

// numberRefused reports that this number, not this user, is the trouble.
func numberRefused(err error) bool {
	e, ok := errors.AsType[*ucwa.Error](err)
	return ok && e.Subcode == ucwa.NormalizationFailed
}

// parkedFor is how long a number rests that a vendor refused.
const parkedFor = 24 * time.Hour
