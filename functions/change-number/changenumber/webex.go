package changenumber

import (
	"context"
	"iter"
	"slices"
	"time"

	"dialtone/shared/e164"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/numberpool"
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
			usable := numberpool.Eligible(answer.Numbers)
			slices.Sort(usable)
			if !yield(page{start: answer.Start, numbers: usable, tracking: answer.TrackingID}, err) || err != nil {
				return
			}
		}
	}
}

// vet asks the inventory about numbers that are to be handed out and returns
// those that nobody owns. The list alone does not tell toll-free, reserved and
// owned numbers. A number that must not be used is parked; one that the
// inventory does not show is left alone.
func (p *pool) vet(ctx context.Context, h ledger.Holder, numbers ...e164.Number) ([]candidate, error) {
	now := time.Now().UTC()
	known, err := p.inventory(ctx, numbers)
	if err != nil {
		return nil, err
	}
	var good []candidate
	for _, n := range numbers {
		entry, found := known[n]
		switch reason := p.obstacle(entry); {
		case !found:
		case reason == "":
			good = append(good, candidate{number: n, vetted: now})
		default:
			if err := p.park(ctx, n, h, reason); err != nil {
				return nil, err
			}
		}
	}
	return good, nil
}

// park sets a number aside for a day. A dry run leaves it to be found again.
func (p *pool) park(ctx context.Context, n e164.Number, h ledger.Holder, reason string) error {
	if p.key.dry {
		return nil
	}
	_, err := p.h.cfg.Ledger.Park(ctx, n, p.key.location, h, reason, time.Now().Add(parkedFor))
	return err
}

// inventory returns what Webex knows of the numbers. One call asks for all. If
// it shows none of several it may have taken their list for a single number, as
// the documented type of the filter has it: then each is asked for by itself,
// until as many are known as the batch wants.
func (p *pool) inventory(ctx context.Context, numbers []e164.Number) (map[e164.Number]webex.Number, error) {
	known := map[e164.Number]webex.Number{}
	ask := func(some ...e164.Number) error {
		for n, err := range p.h.cfg.Webex.Numbers(ctx, webex.NumbersOptions{OrgID: p.key.org, PhoneNumbers: some}) {
			if err != nil {
				return err
			}
			known[n.PhoneNumber] = n
		}
		return nil
	}
	err := ask(numbers...)
	if len(known) > 0 || len(numbers) == 1 {
		return known, err
	}
	for _, n := range numbers {
		if err != nil || len(known) >= p.want {
			return known, err
		}
		err = ask(n)
	}
	if err == nil && len(known) == 0 {
		err = unlisted()
	}
	return known, err
}

// unlisted keeps requests on their queue: that Webex shows none of its free
// numbers in its inventory is no property of a request or of a number.
func unlisted() error {
	return &failure.Error{
		Class:  failure.Unavailable,
		Reason: "Webex lists numbers as available that its inventory does not show",
		Advice: "Check that orgId and the Webex token belong to the organisation of the location; requests wait on their queue meanwhile.",
	}
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
	start, known := h.starts.Load(k.site)
	if !known || k.exact != "" {
		return 0
	}
	return start.(int)
}

func (h *Handler) foundAt(k poolKey, start int) {
	if k.exact == "" {
		h.starts.Store(k.site, start)
	}
}

// opened makes a location that has numbers known to the ledger, and what licence
// they are wanted for, once for the life of the process.
func (p *pool) opened(ctx context.Context, page page) error {
	if p.key.dry || len(page.numbers) == 0 {
		return nil
	}
	if _, known := p.h.opened.Load(p.key.site); known {
		return nil
	}
	if err := p.h.cfg.Ledger.OpenPool(ctx, p.key.location, p.key.org, p.key.license); err != nil {
		return err
	}
	p.h.opened.Store(p.key.site, true)
	return nil
}
