package webex

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"iter"

	"dialtone/shared/e164"
)

// NumbersOptions narrow the inventory. The zero value lists all numbers of the
// client's organisation.
type NumbersOptions struct {
	OrgID        string        // empty: Config.OrgID; at most 128 characters
	LocationID   string        // empty: all locations; at most 128 characters
	PhoneNumbers []e164.Number // only these; empty means all, so don't pass an empty selection by accident
	Max          int           // entries per page; 0: Webex's default of 2000
	Start        int           // zero-based offset of the first entry
}

// Number is what the inventory knows about a number, or about an extension
// that has none.
type Number struct {
	PhoneNumber   e164.Number // empty for an entry that is an extension only
	Extension     string
	State         NumberState // empty if not said
	LocationID    string      // empty if not said
	Owner         *Owner      // nil: nobody has it
	MainNumber    bool        // the location's caller ID
	TollFree      bool
	ServiceNumber bool // for queues and attendants
	Reserved      bool // set aside in the inventory
	Mobile        bool // as in AvailableNumber
	TelephonyType TelephonyType
}

// Owner is who or what has a number.
type Owner struct {
	ID        string `json:"id"`
	Type      string `json:"type"` // such as PEOPLE, PLACE, HUNT_GROUP, CALL_QUEUE
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
}

const (
	numbersOperation = "numbers"
	numbersPath      = "telephony/config/numbers"
)

// Numbers lists the inventory, each number once: the cross-check of numbers
// that [Client.AvailableNumbers] gave, for what that list does not say ("Webex:
// Get Phone Numbers for an Organization with Given Criterias", scope
// spark-admin:telephony_config_read). Pages and errors are as there.
//
// A number that was asked for and is not yielded is not known to be free: leave
// it alone.
func (c *Client) Numbers(ctx context.Context, opts NumbersOptions) iter.Seq2[Number, error] {
	return items(scan(ctx, c, listing{
		operation: numbersOperation, path: numbersPath,
		orgID: cmp.Or(opts.OrgID, c.orgID), locationID: opts.LocationID,
		numbers: opts.PhoneNumbers, max: opts.Max, start: opts.Start,
	}, numberWire.number))
}

// numberWire is an entry as it is sent. The endpoint has mainNumber where the
// available numbers have isMainNumber; both are read, and so are both forms of
// the other flags, since a flag that is missed makes a number look free.
type numberWire struct {
	PhoneNumber      string      `json:"phoneNumber"`
	Extension        string      `json:"extension"`
	State            NumberState `json:"state"`
	MainNumber       bool        `json:"mainNumber"`
	IsMainNumber     bool        `json:"isMainNumber"`
	TollFreeNumber   bool        `json:"tollFreeNumber"`
	IsServiceNumber  bool        `json:"isServiceNumber"`
	ServiceNumber    bool        `json:"serviceNumber"`
	IsReservedNumber bool        `json:"isReservedNumber"`
	ReservedNumber   bool        `json:"reservedNumber"`
	Location         struct {
		ID string `json:"id"`
	} `json:"location"`
	Owner *Owner `json:"owner"`
	telephonyWire
}

func (w numberWire) number() (Number, e164.Number, bool) {
	n, ok := phoneNumber(w.PhoneNumber)
	if w.PhoneNumber == "" {
		ok = true // an extension
	}
	if w.Owner != nil && *w.Owner == (Owner{}) {
		w.Owner = nil
	}
	return Number{
		PhoneNumber: n, Extension: w.Extension, State: w.State, LocationID: w.Location.ID, Owner: w.Owner,
		MainNumber: w.MainNumber || w.IsMainNumber, TollFree: w.TollFreeNumber,
		ServiceNumber: w.IsServiceNumber || w.ServiceNumber, Reserved: w.IsReservedNumber || w.ReservedNumber,
		Mobile: w.mobile(), TelephonyType: w.kind(),
	}, n, ok
}

// oneOrMany reads a text or an array of texts: the field's name is a plural, its
// documented value is not.
type oneOrMany []TelephonyType

// UnmarshalJSON implements json.Unmarshaler.
func (o *oneOrMany) UnmarshalJSON(b []byte) error {
	if b = bytes.TrimSpace(b); len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]TelephonyType)(o))
	}
	var one TelephonyType
	if err := json.Unmarshal(b, &one); err != nil {
		return err
	}
	if one != "" {
		*o = oneOrMany{one}
	}
	return nil
}
