package changenumber

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
	"dialtone/shared/visit"
)

// maxRounds bounds how often one delivery tries to settle what a change did.
const maxRounds = 4

// publishedPhone is one of a user's phones in Skype for Business, seen through
// an application that is open for this request.
type publishedPhone struct {
	typ   command.PhoneType
	visit *visit.Visit
	phone ucwa.Phone    // as last read
	found outcome.Phone // as first read
}

// openPhone signs the user in and reads the phone. It fails with class denied
// if another person was signed in or the user has no such phone.
func openPhone(ctx context.Context, client *ucwa.Client, user sipaddr.User, typ command.PhoneType, log *slog.Logger) (*publishedPhone, error) {
	p := &publishedPhone{typ: typ}
	var err error
	if p.visit, err = visit.Open(ctx, visit.Config{Client: client, User: user, Read: p.read, Logger: log}); err != nil {
		return nil, err
	}
	p.found = p.now()
	return p, nil
}

// close deletes the application, if one is open.
func (p *publishedPhone) close(ctx context.Context) { p.visit.Close(ctx) }

func (p *publishedPhone) read(ctx context.Context, app *ucwa.Application) error {
	phones, err := app.Phones(ctx)
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

// bring changes the phone until a read proves that all is done. Doing it again
// sets the same, so nobody sees a second change.
//
// An error of a permanent class means that no change of this call is in effect.
func (p *publishedPhone) bring(ctx context.Context, wanted ucwa.NumberChange, done func() bool) error {
	return p.visit.Settle(ctx, maxRounds, func() visit.Change {
		if done() {
			return nil
		}
		return func(ctx context.Context, app *ucwa.Application) error {
			if err := p.mayChange(); err != nil {
				return err
			}
			return app.ChangeNumber(ctx, p.phone, wanted)
		}
	})
}

// numberRefused reports that this number, not this user, is the trouble.
func numberRefused(err error) bool {
	e, ok := errors.AsType[*ucwa.Error](err)
	return ok && e.Subcode == ucwa.NormalizationFailed
}

// parkedFor is how long a number rests that a vendor refused.
const parkedFor = 24 * time.Hour
