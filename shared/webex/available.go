package webex

import (
	"cmp"
	"context"
	"iter"

	"dialtone/shared/e164"
)

// LicenseType is the calling licence of the person who will get a number. It is
// not the display name that a licence list has.
type LicenseType string

// The licence types the operation accepts.
const (
	Professional LicenseType = "Webex Calling Professional"
	Standard     LicenseType = "Webex Calling Standard"
)

func (t LicenseType) known() bool { return t == Professional || t == Standard }

// NumberState says whether a number takes calls. Values other than these two
// are passed on as they are.
type NumberState string

// The documented states. A mobile number becomes active by being assigned.
const (
	Active   NumberState = "ACTIVE"
	Inactive NumberState = "INACTIVE"
)

// TelephonyType is the kind of network a number belongs to. Values other than
// these two are passed on as they are.
type TelephonyType string

// The documented types.
const (
	PSTNNumber   TelephonyType = "PSTN_NUMBER"
	MobileNumber TelephonyType = "MOBILE_NUMBER"
)

// AvailableNumbersOptions narrow the list. The zero value lists all numbers of
// the client's organisation.
//
// Webex says that LocationID and LicenseType have to match the person, or the
// assignment of a listed number may fail.
type AvailableNumbersOptions struct {
	OrgID        string        // empty: Config.OrgID; at most 128 characters
	LocationID   string        // empty: all locations; at most 128 characters, an opaque text longer than the 36 of a UUID
	LicenseType  LicenseType   // empty: any
	PhoneNumbers []e164.Number // only these; empty: all
	Max          int           // entries per page; 0: Webex's default of 2000, which is also the most it gives
	Start        int           // zero-based offset of the first entry
}

// AvailableNumber is a number that nobody has been given.
type AvailableNumber struct {
	PhoneNumber   e164.Number
	State         NumberState
	MainNumber    bool // the location's caller ID; not for people
	ServiceNumber bool // for queues and attendants; not for people
	// Mobile is true when anything says that the number is one: either type
	// field, a mobile network or a routing profile. Webex's own sample has an
	// entry whose two type fields differ.
	Mobile         bool
	TelephonyType  TelephonyType // telephonyType, or includedTelephonyTypes where that is missing
	MobileNetwork  string        // of a mobile number
	RoutingProfile string        // of a mobile number
}

// AvailableNumbersPage is one answer of Webex.
type AvailableNumbersPage struct {
	Numbers    []AvailableNumber // in Webex's order, which is not documented; without those of earlier pages
	Start      int               // offset of the page's first entry
	TrackingID string            // names the answer to Cisco's support
	Unreadable int               // entries left out because they are not understood
}

const (
	availableOperation = "availableNumbers"
	availablePath      = "telephony/config/people/primary/availableNumbers"
)

// AvailableNumbers lists the numbers that can become a person's primary number,
// each once. See [Client.AvailableNumberPages] for the rest.
func (c *Client) AvailableNumbers(ctx context.Context, opts AvailableNumbersOptions) iter.Seq2[AvailableNumber, error] {
	return items(c.available(ctx, opts))
}

// AvailableNumberPages lists the same numbers as [Client.AvailableNumbers] by
// page ("Webex: Get Person Primary Available Phone Numbers", scope
// spark-admin:telephony_config_read).
//
// A page is fetched when the iteration reaches it, so that leaving the loop
// early saves requests. An error, always an *[Error], is the last thing that is
// yielded. The sequence can be ranged over again; that asks Webex again.
//
// The list is a snapshot of a changing set. A number that is missing from a
// list of several pages is not proven to be taken: ask for it in PhoneNumbers.
func (c *Client) AvailableNumberPages(ctx context.Context, opts AvailableNumbersOptions) iter.Seq2[AvailableNumbersPage, error] {
	return func(yield func(AvailableNumbersPage, error) bool) {
		for p, err := range c.available(ctx, opts) {
			page := AvailableNumbersPage{Numbers: p.items, Start: p.start, TrackingID: p.trackingID, Unreadable: p.unreadable}
			if !yield(page, err) {
				return
			}
		}
	}
}

func (c *Client) available(ctx context.Context, opts AvailableNumbersOptions) iter.Seq2[page[AvailableNumber], error] {
	return scan(ctx, c, listing{
		operation: availableOperation, path: availablePath,
		orgID: cmp.Or(opts.OrgID, c.orgID), locationID: opts.LocationID, licenseType: opts.LicenseType,
		numbers: opts.PhoneNumbers, max: opts.Max, start: opts.Start,
	}, availableWire.number)
}

// items flattens pages.
func items[T any](pages iter.Seq2[page[T], error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for p, err := range pages {
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range p.items {
				if !yield(item, nil) {
					return
				}
			}
		}
	}
}

// availableWire is an entry as it is sent.
type availableWire struct {
	PhoneNumber     string      `json:"phoneNumber"`
	State           NumberState `json:"state"`
	IsMainNumber    bool        `json:"isMainNumber"`
	IsServiceNumber bool        `json:"isServiceNumber"`
	telephonyWire
}

func (w availableWire) number() (AvailableNumber, e164.Number, bool) {
	n, ok := phoneNumber(w.PhoneNumber)
	return AvailableNumber{
		PhoneNumber: n, State: w.State, MainNumber: w.IsMainNumber, ServiceNumber: w.IsServiceNumber,
		Mobile: w.mobile(), TelephonyType: w.kind(), MobileNetwork: w.MobileNetwork, RoutingProfile: w.RoutingProfile,
	}, n, ok
}

// phoneNumber reads a number as Webex stores it, which may have blanks. An
// extension would make it another line, so such a value is not a number.
func phoneNumber(s string) (e164.Number, bool) {
	n, ext, ok := e164.FromTel(s)
	return n, ok && ext == ""
}

// telephonyWire is how both endpoints tell mobile numbers from others. The
// published sample of the available numbers has one of the type fields, the
// OpenAPI document both, with different values.
type telephonyWire struct {
	TelephonyType          TelephonyType `json:"telephonyType"`
	IncludedTelephonyTypes oneOrMany     `json:"includedTelephonyTypes"`
	MobileNetwork          string        `json:"mobileNetwork"`
	RoutingProfile         string        `json:"routingProfile"`
}

func (w telephonyWire) kind() TelephonyType {
	if w.TelephonyType == "" && len(w.IncludedTelephonyTypes) > 0 {
		return w.IncludedTelephonyTypes[0]
	}
	return w.TelephonyType
}

// mobile errs on the side of true: a mobile number given to somebody without
// the fitting subscription does not work.
func (w telephonyWire) mobile() bool {
	kind := w.kind()
	for _, t := range w.IncludedTelephonyTypes {
		if t != kind || t == MobileNumber {
			return true
		}
	}
	return kind == MobileNumber || w.MobileNetwork != "" || w.RoutingProfile != ""
}
