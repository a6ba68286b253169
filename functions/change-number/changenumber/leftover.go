package changenumber

import (
	"context"

	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

// standing returns the line to go on from. Pins that led to nothing, and that
// this request has no use for, are given back first, and a release that never
// ended is undone or brought to its end; what stood before stands again. A dry
// run only looks past them.
func (w *work) standing(ctx context.Context) (line ledger.Line, found bool, err error) {
	line, found = w.person.Line(w.typ)
	for found {
		var passed bool
		switch {
		case w.want.DryRun:
			line, found, passed, err = w.lookPast(ctx, line)
		case line.State == ledger.LineReleasing:
			passed, err = true, w.endRelease(ctx, line)
			line, found = w.person.Line(w.typ)
		case w.leftover(line):
			passed, err = w.giveBack(ctx, line)
			line, found = w.person.Line(w.typ)
		}
		if err != nil || !passed {
			return line, found, err
		}
	}
	return line, found, nil
}

// lookPast returns what stands under a line that is in the way of this request.
func (w *work) lookPast(ctx context.Context, line ledger.Line) (under ledger.Line, found, passed bool, err error) {
	releasing := line.State == ledger.LineReleasing
	if !releasing && !w.leftover(line) {
		return line, true, false, nil
	}
	undone := true
	if releasing {
		known, err := w.numbers(ctx, line)
		if err != nil {
			return line, true, false, err
		}
		undone = w.undoes(line, known)
	}
	switch {
	case !undone: // as if the release had ended
		w.person.Released = map[command.PhoneType]outcome.Released{w.typ: w.taken(line, w.phone.now())}
		return ledger.Line{}, false, true, nil
	case line.Previous == nil:
		return ledger.Line{}, false, true, nil
	}
	return *line.Previous, true, true, nil
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
		if err != nil || n.State == ledger.Assigned && n.User == w.user {
			return false, err
		}
		if _, err := w.rest(ctx, n, w.key); err != nil {
			return false, err
		}
	}
	if w.person, err = w.h.cfg.Ledger.Unpin(ctx, w.person, w.typ, pin.Request); err != nil {
		return false, err
	}
	if left, found := w.person.Line(w.typ); found && left.Number == pin.Number && left.Request == pin.Request {
		return false, ledger.ErrFenced // another worker goes on with it
	}
	return true, nil
}

// endRelease deals with a release of another request that came to no end. While
// the phone shows a number that is still the user's, nothing was taken away: the
// line stands again. Otherwise the release is brought to its end in its own name,
// so that it finds its answer if it comes back.
func (w *work) endRelease(ctx context.Context, line ledger.Line) error {
	known, err := w.numbers(ctx, line)
	if err != nil {
		return err
	}
	if w.undoes(line, known) {
		w.person, err = w.h.cfg.Ledger.Reinstate(ctx, w.person, w.typ)
	} else {
		_, err = w.vacate(ctx, line, known)
	}
	if now, found := w.person.Line(w.typ); err == nil && found && now.State == ledger.LineReleasing {
		return ledger.ErrFenced // another worker goes on with it
	}
	return err
}

// undoes reports that a release is to be undone: the phone shows a number of the
// line that is the user's yet.
func (w *work) undoes(line ledger.Line, known map[e164.Number]ledger.Number) bool {
	for n, is := range known {
		if w.phone.shows(n, nil) && is.HeldBy(w.holder()) {
			return true
		}
	}
	return false
}
