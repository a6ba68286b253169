package schedulerefresh

import (
	"context"
	"errors"
	"fmt"
	"math/bits"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/sqsqueue"
)

const (
	// overlap is for how long beyond the next run it is read who is due, since a
	// schedule can be late by some seconds.
	overlap = 30 * time.Second

	// stretch is by how much the last user of an order may be early, so that
	// orders are full also where few are enrolled.
	stretch = 10 * time.Second

	// skew is by how much the clocks of those who write due times, and of
	// those who read them, may differ, with the second by which a list may lag.
	skew = 5 * time.Second

	// batch is how many orders are sent in one call.
	batch = 10
)

// run is one run of the schedule.
type run struct {
	*Handler
	start, through time.Time    // who is due until through is handed out
	last           ledger.Sweep // how far the run before has come
	saved          ledger.Sweep // what stands in the ledger

	order   order     // is being filled
	slot    time.Time // the earliest delivery of the next order
	sending []order   // full
	reached string    // place of the last who was sent; "": nobody was
	done    bool      // everybody was looked at

	users, orders, repeats int
	late                   time.Duration // of the user who was due the longest
	refused                error         // an order that the queue will never take
}

// begin starts a run after the last one. Deliveries that the last one has planned
// come first.
func (h *Handler) begin(last ledger.Sweep, now time.Time) *run {
	r := &run{Handler: h, start: now, through: now.Add(h.cfg.Period + overlap), last: last, saved: last, slot: now}
	if last.Slot.After(now) {
		r.slot = last.Slot
	}
	return r
}

// errFull ends a run that has handed out as much as may be until the next one.
var errFull = errors.New("full")

// work hands out everybody who is due, as far as that goes.
func (r *run) work(ctx context.Context) error {
	for c, err := range r.due(ctx) {
		if err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if !r.wanted(c) {
			continue
		}
		if err := r.add(ctx, c); err != nil {
			return r.full(ctx, err)
		}
	}
	r.pack()
	if err := r.send(ctx); err != nil {
		return err
	}
	r.done = true
	return nil
}

// full sends what is packed when no more fits.
func (r *run) full(ctx context.Context, err error) error {
	if !errors.Is(err, errFull) {
		return err
	}
	return r.send(ctx)
}

// wanted reports whether a user who is due is to be handed out: nobody did so
// far, or it has led to nothing for too long.
func (r *run) wanted(c ledger.Contacts) bool {
	if c.Place() > r.last.At || c.DueSet.After(r.last.Start.Add(-skew)) {
		return true
	}
	again := worries(r.start.Sub(c.Due), r.cfg.Patience) > worries(r.last.Start.Sub(c.Due), r.cfg.Patience)
	if again {
		r.repeats++
	}
	return again
}

// worries counts how often a user who is overdue by a time was worried about:
// first after the patience, then each time that the time has doubled.
func worries(overdue, patience time.Duration) int {
	return bits.Len64(uint64(max(0, overdue) / patience))
}

// add puts a user into an order. It returns errFull, and has not, when the order
// could not be delivered before the next run.
func (r *run) add(ctx context.Context, c ledger.Contacts) error {
	if r.order.closed(c) {
		r.pack()
		if len(r.sending) == batch {
			if err := r.send(ctx); err != nil {
				return err
			}
		}
	}
	if len(r.order.users) == 0 {
		if r.slot.After(r.start.Add(r.cfg.Period)) {
			return errFull
		}
		r.order.at = later(r.slot, c.Due)
	}
	r.order.users = append(r.order.users, c.User)
	r.order.place = c.Place()
	r.late = max(r.late, r.start.Sub(c.Due))
	return nil
}

// pack makes the order one to be sent. The next one is delivered when the rate
// allows.
func (r *run) pack() {
	n := len(r.order.users)
	if n == 0 {
		return
	}
	r.slot = r.order.at.Add(time.Duration(n) * time.Second / time.Duration(r.cfg.UsersPerSecond))
	r.sending = append(r.sending, r.order)
	r.order = order{}
}

// send sends the orders that are packed and writes down how far that goes. An
// order that the queue will never take is left out: its users are overdue then,
// and ordered again in other company.
func (r *run) send(ctx context.Context) error {
	orders := r.sending
	r.sending = nil
	messages := make([]sqsqueue.Message, len(orders))
	for i, o := range orders {
		m, err := o.message(r.start)
		if err != nil {
			return err
		}
		messages[i] = m
	}
	if len(messages) == 0 {
		return nil
	}
	for i, result := range r.cfg.Queue.Send(ctx, messages...) {
		e, ok := errors.AsType[*sqsqueue.EntryError](result.Err)
		switch {
		case result.Err == nil:
			r.orders, r.users = r.orders+1, r.users+len(orders[i].users)
		case ok && e.SenderFault:
			r.refused = e
		default:
			return fmt.Errorf("send order: %w", result.Err)
		}
		r.reached = orders[i].place
	}
	if r.reached <= r.last.At {
		return nil // those between there and the last place were handed out
	}
	return r.save(ctx, ledger.Sweep{Start: r.start, At: r.reached, Slot: r.slot})
}

// close writes down how far the run has come, in the time that was kept for it.
func (r *run) close(ctx context.Context) error {
	next := ledger.Sweep{Start: r.start, At: r.reached, Slot: r.slot}
	if r.done {
		next.At, next.Slot = max(ledger.PlaceAfter(r.through), r.last.At), time.Time{}
	}
	if next.At == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, lastWord)
	defer cancel()
	return r.save(ctx, next)
}

func (r *run) save(ctx context.Context, next ledger.Sweep) error {
	saved, err := r.cfg.Ledger.SaveSweep(ctx, r.saved, next)
	if err != nil {
		return err
	}
	r.saved = saved
	return nil
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// closed reports whether a user belongs into the next order.
func (o order) closed(c ledger.Contacts) bool {
	return len(o.users) == command.MaxRefresh || len(o.users) > 0 && c.Due.After(o.at.Add(stretch))
}
