package changenumber

import (
	"context"
	"time"

	"dialtone/shared/ledger"
)

// standing returns the line to go on from. Pins that led to nothing, and that
// this request has no use for, are given back first; what they displaced stands
// again. A dry run only looks past them.
func (w *work) standing(ctx context.Context) (line ledger.Line, found bool, err error) {
	line, found = w.person.Line(w.want.PhoneType)
	for found && w.leftover(line) {
		if w.want.DryRun {
			if found = line.Previous != nil; found {
				line = *line.Previous
			}
			continue
		}
		given, err := w.giveBack(ctx, line)
		if err != nil || !given {
			return line, found, err
		}
		line, found = w.person.Line(w.want.PhoneType)
	}
	return line, found, nil
}

// leftover reports that a pin led to nothing and leads to nothing wanted: the
// phone shows another number and that is to stay, or the pinned number is not
// of the location, or not the very one, that is asked for now.
func (w *work) leftover(line ledger.Line) bool {
	if line.State != ledger.LinePinned || !w.phone.tookNot(line) {
		return false
	}
	return !w.want.Replace && w.phone.number() != "" ||
		line.LocationID != w.want.LocationID || w.want.Number != "" && line.Number != w.want.Number
}

// giveBack takes a pin off the person. Its number rests first, for it may have
// been seen on the phone for a moment. A pin whose number was confirmed stays:
// the line that it displaced has lost its own.
func (w *work) giveBack(ctx context.Context, pin ledger.Line) (given bool, err error) {
	if pin.Previous == nil || pin.Previous.Number != pin.Number {
		n, _, err := w.h.cfg.Ledger.Number(ctx, pin.Number)
		if err != nil || n.State == ledger.Assigned && n.User == w.want.User {
			return false, err
		}
		if _, err := w.h.cfg.Ledger.Release(ctx, pin.Number, w.holder(), time.Now().Add(w.h.cfg.Quarantine)); err != nil {
			return false, err
		}
	}
	if w.person, err = w.h.cfg.Ledger.Unpin(ctx, w.person, w.want.PhoneType, pin.Request); err != nil {
		return false, err
	}
	if left, found := w.person.Line(w.want.PhoneType); found && left.Number == pin.Number && left.Request == pin.Request {
		return false, ledger.ErrFenced // another worker goes on with it
	}
	return true, nil
}
