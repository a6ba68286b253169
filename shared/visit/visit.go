// Package visit holds a user's Skype for Business application open for one
// request: it is opened for the right person, opened again where the way there
// turned out stale, changed step by step with a reading after each, and always
// closed.
//
// A change whose outcome is unknown is settled by reading, never by guessing.
package visit

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"dialtone/shared/explain"
	"dialtone/shared/failure"
	"dialtone/shared/logattr"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
)

// Closing is how long the user's application may take to be deleted, also when
// the time of the visit is up: one that stays open counts against the user's own
// devices.
const Closing = 2 * time.Second

// Config of [Open]. All fields but Logger are required.
type Config struct {
	Client *ucwa.Client
	User   sipaddr.User

	// Read reads what the visit is about; what it finds is its own business. It is
	// called when the application is opened, anew at each reopening, and after
	// each change.
	Read func(ctx context.Context, app *ucwa.Application) error

	Logger *slog.Logger // nil: no log
}

// Visit is a user's application, open for one request. It is not safe for
// concurrent use, but that Close may run beside anything that does not use it.
type Visit struct {
	cfg Config
	app *ucwa.Application // nil once closed
}

// Open signs the user in, opens the application and reads, once more if the way
// there turns out stale. It fails with class denied if another person was signed
// in. After an error nothing is open.
func Open(ctx context.Context, cfg Config) (*Visit, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	v := &Visit{cfg: cfg}
	if err := v.open(ctx); err != nil {
		return nil, err
	}
	return v, nil
}

func (v *Visit) open(ctx context.Context) error {
	err := v.enter(ctx)
	if reopens(err) {
		err = v.enter(ctx)
	}
	return err
}

func (v *Visit) enter(ctx context.Context) (err error) {
	if v.app, err = v.cfg.Client.Open(ctx, v.cfg.User); err != nil {
		v.app = nil
		return err
	}
	entered := false
	defer func() {
		if !entered { // also after a panic
			v.Close(ctx)
		}
	}()
	if err = v.app.CheckUser(); err == nil {
		err = v.cfg.Read(ctx, v.app)
	}
	entered = err == nil
	return err
}

// Close deletes the application, if one is open, also when ctx has ended. One
// that cannot be deleted is logged: the server ends it by itself.
func (v *Visit) Close(ctx context.Context) {
	if v.app == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), Closing)
	defer cancel()
	if err := v.app.Close(ctx); err != nil {
		v.cfg.Logger.WarnContext(ctx, "application not deleted", logattr.Error(err))
	}
	v.app = nil
}

// Change is one call that changes something, by the links that were read last.
type Change func(ctx context.Context, app *ucwa.Application) error

// Settle makes the changes that next asks for, one at a time with a reading
// after each, until it asks for none. next decides by what was read last; asked
// for the same again, it must be sure that nobody sees a second change. After so
// many rounds the outcome is unknown.
//
// An error of a permanent class means that no change of this round is in effect.
func (v *Visit) Settle(ctx context.Context, rounds int, next func() Change) error {
	var last error
	for range rounds {
		change := next()
		if change == nil {
			return nil
		}
		last = v.change(ctx, change)
		if last != nil && !settles(last) {
			return last
		}
		if err := v.reread(ctx, last); err != nil {
			return err
		}
	}
	if next() == nil {
		return nil
	}
	return &failure.Error{
		Class:  failure.Unknown,
		Reason: "Skype for Business does not show the change after it was made",
		Advice: triedAgain, Err: last,
	}
}

const triedAgain = "Nothing to do: the request is tried again and reads first."

// change makes the call, once more if the way there turns out stale.
func (v *Visit) change(ctx context.Context, change Change) error {
	err := change(ctx, v.app)
	if remedy(err) != ucwa.Rediscover {
		return err
	}
	v.Close(ctx)
	if err := v.open(ctx); err != nil {
		return err
	}
	return change(ctx, v.app)
}

// reread reads after a change, through a new application if the old one is
// gone. As long as the change was not read back it may stand, so even a refusal
// that is final by itself leaves its outcome unknown.
func (v *Visit) reread(ctx context.Context, change error) error {
	err := change
	if remedy(change) != ucwa.Recreate && v.app != nil {
		err = v.cfg.Read(ctx, v.app)
	}
	if v.app == nil || reopens(err) {
		v.Close(ctx)
		err = v.open(ctx)
	}
	if err == nil || remedy(change) == ucwa.Recreate || remedy(change) == ucwa.Refresh {
		return err // those changes were not applied
	}
	f := explain.Error(err)
	return &failure.Error{
		Class:  failure.Unknown,
		Reason: "the change may have been applied, but could not be read back",
		Advice: triedAgain, Upstream: f.Upstream, RetryAfter: f.RetryAfter, Err: err,
	}
}

// settles reports that reading is the way on from a failed change.
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
