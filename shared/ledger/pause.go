package ledger

import (
	"context"
	"crypto/rand"
	"iter"
	"time"
)

// KindPause is the kind of [Pause] items.
const KindPause Kind = "pause"

// pauseKept is how long a pause that is over is remembered, so that its fence
// does not start again while a late verdict is under way.
const pauseKept = 30 * 24 * time.Hour

// Pause says that nobody calls something, such as one pool of a vendor, before a
// time, in whatever process. It lasts until a call that was let through as a
// probe succeeds. The zero value is no pause.
type Pause struct {
	Name    string    `json:"name"`             // of what is not called
	Since   time.Time `json:"since,omitzero"`   // zero: calls are free
	Until   time.Time `json:"until,omitzero"`   // no call before it; then one, the probe
	Probes  int       `json:"probes,omitempty"` // let through since
	Reason  string    `json:"reason,omitempty"` // what was found last, without secrets
	Fence   int64     `json:"fence"`            // counts the pauses and probes of the name
	Holder  string    `json:"holder,omitempty"` // random; tells probes of the same moment apart
	Expires time.Time `json:"expires,omitzero"` // of the record of a pause that is over

	version int64 // it was read at
}

// Paused reports whether calls are not free: refused, or due for a probe.
func (p Pause) Paused() bool { return !p.Since.IsZero() }

func pauseKey(name string) Key { return Key{KindPause, name} }

func (p Pause) item() Item {
	item := Item{Key: pauseKey(p.Name), Expires: p.Expires}
	if p.Paused() {
		item.Index, item.Sort = "pauses", p.Name
	}
	return item
}

// Pause reads how it stands with the calls of a name.
func (l *Ledger) Pause(ctx context.Context, name string) (Pause, error) {
	r, err := read[Pause](ctx, l, pauseKey(name))
	return versioned(r, name), err
}

// Pauses yields what is paused, by name.
func (l *Ledger) Pauses(ctx context.Context) iter.Seq2[Pause, error] {
	return list[Pause](ctx, l, "pauses", "", "")
}

// Suspend pauses calls until the given time. A pause that stands is prolonged,
// never cut short: it keeps its beginning and its probes. known is the pause of
// that name as the caller last saw it; what stands afterwards is returned.
func (l *Ledger) Suspend(ctx context.Context, known Pause, until time.Time, reason string) (Pause, error) {
	return l.changePause(ctx, known, func(p Pause) (Pause, error) {
		return p.suspended(known.Name, wall(until), reason, wall(time.Now()))
	})
}

// Probe asks for the one call that may be made when a pause is over. If it is the
// caller's, nobody else gets it before the given time, by which [Ledger.Resume]
// or [Ledger.Prolong] should have told how it went. What stands is returned in
// either case.
func (l *Ledger) Probe(ctx context.Context, known Pause, until time.Time) (p Pause, granted bool, err error) {
	holder := rand.Text()
	p, err = l.changePause(ctx, known, func(p Pause) (Pause, error) {
		return p.probed(holder, wall(until), time.Now())
	})
	return p, p.Holder == holder, err
}

// Resume ends a pause after its probe succeeded. If the probe was somebody else's
// meanwhile, or the pause was suspended for longer, it stands as they left it.
func (l *Ledger) Resume(ctx context.Context, probe Pause) (Pause, error) {
	return l.changePause(ctx, probe, func(p Pause) (Pause, error) {
		return p.resumed(probe, wall(time.Now()))
	})
}

// Prolong puts the next probe off after one that failed, or makes room for another
// at once. If the probe was somebody else's meanwhile, or the pause was suspended
// for longer, it stands as they left it.
func (l *Ledger) Prolong(ctx context.Context, probe Pause, until time.Time, reason string) (Pause, error) {
	return l.changePause(ctx, probe, func(p Pause) (Pause, error) {
		return p.prolonged(probe, wall(until), reason)
	})
}

func (l *Ledger) changePause(ctx context.Context, known Pause, step func(Pause) (Pause, error)) (Pause, error) {
	r, err := change(ctx, l, pauseKey(known.Name), record[Pause]{known.version, known}, step)
	return versioned(r, known.Name), err
}

// wall drops the monotonic clock: it stands still while a function is frozen, and
// no other process has it.
func wall(t time.Time) time.Time { return t.UTC().Round(0) }

// versioned returns the pause with what a later write needs.
func versioned(r record[Pause], name string) Pause {
	p := r.state
	p.Name, p.version = name, r.version
	return p
}

func (p Pause) suspended(name string, until time.Time, reason string, now time.Time) (Pause, error) {
	if !p.Paused() {
		return Pause{Name: name, Since: now, Until: until, Reason: reason, Fence: p.Fence + 1}, nil
	}
	if !until.After(p.Until) {
		return p, errUnchanged
	}
	p.Until, p.Reason = until, reason
	return p, nil
}

func (p Pause) probed(holder string, until, now time.Time) (Pause, error) {
	if !p.Paused() || now.Before(p.Until) {
		return p, errUnchanged
	}
	p.Until, p.Holder = until, holder
	p.Probes++
	p.Fence++
	return p, nil
}

// beyond reports that a probe has no say in the pause: it is over, another's, or
// was prolonged since, as by somebody whom the vendor asked to wait.
func (p Pause) beyond(probe Pause) bool {
	return !p.Paused() || p.Fence != probe.Fence || p.Until.After(probe.Until)
}

func (p Pause) resumed(probe Pause, now time.Time) (Pause, error) {
	if p.beyond(probe) {
		return p, errUnchanged
	}
	return Pause{Name: p.Name, Fence: p.Fence, Expires: now.Add(pauseKept)}, nil
}

func (p Pause) prolonged(probe Pause, until time.Time, reason string) (Pause, error) {
	if p.beyond(probe) {
		return p, errUnchanged
	}
	p.Until, p.Reason = until, reason
	return p, nil
}
