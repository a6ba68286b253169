package outcome

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"dialtone/shared/command"
)

// TypePoolLow is the type of a notice that a pool runs low. It answers no
// request.
const TypePoolLow = "dialtone.pool.low.v1"

// PoolLow is the data of [TypePoolLow]: the numbers of a location that fit a
// licence, at the moment when the free ones fell to the threshold.
type PoolLow struct {
	LocationID  string              `json:"locationId"`
	LicenseType command.LicenseType `json:"licenseType"`
	Free        int                 `json:"free"`      // numbers that could be handed out
	Threshold   int                 `json:"threshold"` // the pool is low at or below it
	Counts      PoolCounts          `json:"counts"`
	DaysLeft    *float64            `json:"daysLeft,omitempty"` // at the pace of the last 30 days; nil: nothing was assigned in them
	At          time.Time           `json:"at"`                 // of the crossing, UTC; part of the event's id
}

// PoolCounts are the numbers of a pool by state. Free ones are those of the
// licence, as the list that Webex gives for it; all others are counted by
// location, whatever their licence. The zero value is an empty pool.
type PoolCounts struct {
	Free        int `json:"free"`
	Reserved    int `json:"reserved"`
	Assigned    int `json:"assigned"`
	Quarantined int `json:"quarantined"`
	Parked      int `json:"parked"`
}

// NewPoolLow makes the event for one crossing of a threshold. Its ID depends on
// the location, the licence and the second of the crossing alone: make it again
// with the same At, and consumers see a repeat. A DaysLeft that is no finite
// number is left out.
func NewPoolLow(p PoolLow) Event {
	p.At = p.At.UTC()
	if p.DaysLeft != nil && (math.IsNaN(*p.DaysLeft) || math.IsInf(*p.DaysLeft, 0)) {
		p.DaysLeft = nil
	}
	raw, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("outcome %s: %v", TypePoolLow, err)) // a year beyond 9999
	}
	return Event{
		SpecVersion: "1.0", ID: p.id(), Source: Source, Type: TypePoolLow,
		Time: p.At, Subject: p.LocationID, DataContentType: "application/json", Data: raw,
	}
}

func (p PoolLow) id() string {
	location := sha256.Sum256([]byte(p.LocationID))
	return hex.EncodeToString(location[:]) + "/" + string(p.LicenseType) + "/" + p.At.Format(time.RFC3339)
}

// PoolLow decodes the data of a [TypePoolLow] event.
func (e Event) PoolLow() (PoolLow, error) { return decode[PoolLow](e, TypePoolLow) }
