package audit

import (
	"context"
	"slices"

	"dialtone/shared/e164"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/webex"
)

// inventory lists a location's numbers in Webex, and looks for those that the
// ledger has assigned and the list does not have: a number that is missing from a
// list of several pages is not proven to be gone.
func (a *Auditor) inventory(ctx context.Context, p ledger.Pool, known map[e164.Number]ledger.Number) (*inventory, error) {
	var w *inventory
	err := a.patiently(ctx, func() (err error) {
		w, err = a.list(ctx, p)
		return err
	})
	if err != nil {
		return nil, err
	}
	var missing []e164.Number
	for _, n := range known {
		if _, listed := w.numbers[n.Number]; !listed && n.State == ledger.Assigned {
			missing = append(missing, n.Number)
		}
	}
	if len(w.numbers) == 0 && len(missing) > 0 {
		return nil, &failure.Error{Class: failure.Invalid, Reason: "it lists none at all"}
	}
	slices.Sort(missing)
	return w, a.search(ctx, w, p.OrgID, missing)
}

// list asks for the inventory of a location, and which of those that somebody
// owns are offered as available all the same.
func (a *Auditor) list(ctx context.Context, p ledger.Pool) (*inventory, error) {
	w := &inventory{numbers: map[e164.Number]webex.Number{}, offered: map[e164.Number]bool{}, absent: map[e164.Number]bool{}}
	for n, err := range a.cfg.Webex.Numbers(ctx, webex.NumbersOptions{OrgID: p.OrgID, LocationID: p.LocationID}) {
		if err != nil {
			return nil, err
		}
		if n.PhoneNumber != "" {
			w.numbers[n.PhoneNumber] = n
		}
	}
	for n, err := range a.cfg.Webex.AvailableNumbers(ctx, webex.AvailableNumbersOptions{OrgID: p.OrgID, LocationID: p.LocationID}) {
		if err != nil {
			return nil, err
		}
		if w.owned(n.PhoneNumber) {
			w.offered[n.PhoneNumber] = true
		}
	}
	return w, nil
}

// batch is how many numbers are asked for by name in one call: short enough for
// a URL.
const batch = 50

// search asks for numbers by name, and notes those that Webex does not have. A
// number that is there goes along: where it does not come back, the list of names
// was taken for a single one, as the documented type of the filter has it.
func (a *Auditor) search(ctx context.Context, w *inventory, org string, missing []e164.Number) error {
	var control e164.Number
	for control = range w.numbers {
		break
	}
	for some := range slices.Chunk(missing, batch) {
		found, err := a.named(ctx, org, append([]e164.Number{control}, some...))
		if err != nil {
			return err
		}
		_, answered := found[control]
		for _, n := range some {
			entry, there := found[n]
			if !there && !answered {
				if found, err = a.named(ctx, org, []e164.Number{n}); err != nil {
					return err
				}
				entry, there = found[n]
			}
			if there {
				w.numbers[n] = entry
			} else {
				w.absent[n] = true
			}
		}
	}
	return nil
}

func (a *Auditor) named(ctx context.Context, org string, numbers []e164.Number) (found map[e164.Number]webex.Number, err error) {
	err = a.patiently(ctx, func() error {
		found = map[e164.Number]webex.Number{}
		for n, err := range a.cfg.Webex.Numbers(ctx, webex.NumbersOptions{OrgID: org, PhoneNumbers: numbers}) {
			if err != nil {
				return err
			}
			found[n.PhoneNumber] = n
		}
		return nil
	})
	return found, err
}
