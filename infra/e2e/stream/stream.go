// Package stream gives a table on an emulator without streams a stream, and runs
// a function on it as an event source mapping would.
//
// A [Recorder] stands in front of the emulator and makes a record of each write
// that succeeded. A [Mapping] reads the records in order, filters them, and
// invokes the function with the rules of Lambda for partial failures.
//
// Vendor facts are from the AWS Lambda Developer Guide: "Using Lambda with
// Amazon DynamoDB", "Configuring partial batch response with DynamoDB" and
// "Using event filtering with a DynamoDB event source".
package stream

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"
)

// Record is one change of a table, as a function gets it.
type Record struct {
	EventID        string `json:"eventID"`
	EventName      string `json:"eventName"` // INSERT or MODIFY
	EventVersion   string `json:"eventVersion"`
	EventSource    string `json:"eventSource"`
	EventSourceARN string `json:"eventSourceARN"`
	Region         string `json:"awsRegion"`
	Change         Change `json:"dynamodb"`
}

// Change is what was written. Attributes are in DynamoDB's own JSON.
type Change struct {
	At             float64                    `json:"ApproximateCreationDateTime"` // Unix seconds
	Keys           map[string]json.RawMessage `json:"Keys"`
	NewImage       map[string]json.RawMessage `json:"NewImage"`
	SequenceNumber string                     `json:"SequenceNumber"`
	SizeBytes      int                        `json:"SizeBytes"`
	StreamViewType string                     `json:"StreamViewType"`
}

// Log is a stream of one shard: records in order, kept for good. It is safe for
// concurrent use. Use [NewLog].
type Log struct {
	arn, region string

	mu      sync.Mutex
	records []Record
	seen    map[string]bool // keys
	grown   chan struct{}
}

// NewLog returns an empty stream.
func NewLog(arn, region string) *Log {
	return &Log{arn: arn, region: region, seen: map[string]bool{}, grown: make(chan struct{})}
}

// Append adds the record of an item that was put under the given key.
func (l *Log) Append(key string, item json.RawMessage) error {
	var image map[string]json.RawMessage
	if err := json.Unmarshal(item, &image); err != nil {
		return fmt.Errorf("record of %s: %w", key, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	name := "INSERT"
	if l.seen[key] {
		name = "MODIFY"
	}
	l.seen[key] = true
	n := len(l.records) + 1
	l.records = append(l.records, Record{
		EventID: fmt.Sprintf("%032x", n), EventName: name, EventVersion: "1.1", EventSource: "aws:dynamodb",
		EventSourceARN: l.arn, Region: l.region,
		Change: Change{
			At: float64(time.Now().Unix()), Keys: map[string]json.RawMessage{keyAttribute: image[keyAttribute]}, NewImage: image,
			SequenceNumber: fmt.Sprintf("%021d", n), SizeBytes: len(item), StreamViewType: "NEW_IMAGE",
		},
	})
	close(l.grown)
	l.grown = make(chan struct{})
	return nil
}

// Len is how many records there are.
func (l *Log) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.records)
}

// All returns the records so far, in order.
func (l *Log) All() []Record {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.records)
}

// after returns up to limit records that follow the first n, waiting for one
// until ctx ends.
func (l *Log) after(ctx context.Context, n, limit int) []Record {
	for {
		l.mu.Lock()
		got, grown := l.records[min(n, len(l.records)):], l.grown
		l.mu.Unlock()
		if len(got) > 0 {
			return got[:min(limit, len(got))]
		}
		select {
		case <-ctx.Done():
			return nil
		case <-grown:
		}
	}
}
