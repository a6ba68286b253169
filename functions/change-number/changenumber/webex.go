package changenumber

import (
	"context"
	"iter"
	"slices"
	"time"

	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/webex"
)

// page is one answer of Webex's list, reduced to what may be handed out.
type page struct {
	start    int           // offset of the page in the list
	numbers  []e164.Number // ascending
	tracking string
}

// pages lists the numbers that Webex calls available for the pool's location
// and licence. An exact number is asked for by name: that it is missing from a
// scan of several pages would prove nothing.
func (p *pool) pages(ctx context.Context, start int) iter.Seq2[page, error] {
	o := webex.AvailableNumbersOptions{OrgID: p.key.org, LocationID: p.key.location, LicenseType: webex.LicenseType(p.key.license), Start: start}
	if p.key.exact != "" {
		o.PhoneNumbers = []e164.Number{p.key.exact}
	}
	return func(yield func(page, error) bool) {
		for answer, err := range p.h.cfg.Webex.AvailableNumberPages(ctx, o) {
			usable := make([]e164.Number, 0, len(answer.Numbers))
			for _, n := range answer.Numbers {
				if eligible(n) {
					usable = append(usable, n.PhoneNumber)
				}
			}
			slices.Sort(usable)
			if !yield(page{start: answer.Start, numbers: usable, tracking: answer.TrackingID}, err) || err != nil {
				return
			}
		}
	}
}

// eligible is the policy of what a person may get from the list: no caller ID
// of a location, no service or mobile number, none that is out of service.
func eligible(n webex.AvailableNumber) bool {
	return n.State == webex.Active && !n.MainNumber && !n.ServiceNumber && !n.Mobile
}

// vet asks the inventory about numbers that are to be handed out, in one call,
// and returns those that nobody owns. The list alone does not tell toll-free,
// reserved and owned numbers. A number that must not be used is parked.
func (p *pool) vet(ctx context.Context, h ledger.Holder, numbers ...e164.Number) ([]candidate, error) {
	refused := map[e164.Number]string{}
	for _, n := range numbers {
		refused[n] = "not in the Webex inventory"
	}
	now := time.Now().UTC()
	for n, err := range p.h.cfg.Webex.Numbers(ctx, webex.NumbersOptions{OrgID: p.key.org, PhoneNumbers: numbers}) {
		if err != nil {
			return nil, err
		}
		refused[n.PhoneNumber] = p.obstacle(n)
	}
	var good []candidate
	for _, n := range numbers {
		if refused[n] == "" {
			good = append(good, candidate{number: n, vetted: now})
			continue
		}
		if _, err := p.h.cfg.Ledger.Park(ctx, n, p.key.location, h, refused[n], now.Add(parkedFor)); err != nil {
			return nil, err
		}
	}
	return good, nil
}

// obstacle says why a number of the inventory must not be handed out; "" if it may.
func (p *pool) obstacle(n webex.Number) string {
	switch {
	case n.Owner != nil:
		return "owned in Webex"
	case n.TollFree:
		return "toll-free"
	case n.Reserved:
		return "reserved in Webex"
	case n.MainNumber:
		return "main number of the location"
	case n.ServiceNumber:
		return "service number"
	case n.Mobile:
		return "mobile number"
	case n.LocationID != p.key.location:
		return "belongs to another location"
	case n.State != webex.Active:
		return "not active in Webex"
	}
	return ""
}

// lastPage is the offset of the page that had free numbers the last time.
func (h *Handler) lastPage(k poolKey) int {
	start, known := h.starts.Load(k)
	if !known {
		return 0
	}
	return start.(int)
}

func (h *Handler) foundAt(k poolKey, start int) {
	if k.exact == "" {
		h.starts.Store(k, start)
	}
}

// openPool makes the location known to the ledger, once for the life of the process.
func (h *Handler) openPool(ctx context.Context, location string) error {
	if _, known := h.opened.Load(location); known {
		return nil
	}
	if err := h.cfg.Ledger.OpenPool(ctx, location); err != nil {
		return err
	}
	h.opened.Store(location, true)
	return nil
}
