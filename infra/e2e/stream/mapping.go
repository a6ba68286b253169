package stream

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// Mapping runs a function on the records of a stream, from the first on. It
// never gives a record up: the attempts and ages at which Lambda does are beyond
// what a test waits for.
type Mapping struct {
	Log       *Log
	Filters   []Filter // a record passes if any matches, or if there are none
	BatchSize int      // 1 or more
	Bisect    bool     // a batch whose invocation failed is halved
	// Invoke runs the function: an event as JSON in, a partial batch response out.
	Invoke func(ctx context.Context, event []byte) ([]byte, error)
	// Repeat delivers every so many batches once more after they succeeded, as a
	// stream may. Zero: never.
	Repeat int
	Logger *slog.Logger // required

	done      atomic.Int64 // records read to the end, passed or not
	delivered atomic.Int64
}

// Done is how many records of the stream need nothing more.
func (m *Mapping) Done() int { return int(m.done.Load()) }

// Delivered counts records in invocations that ended, repeats included.
func (m *Mapping) Delivered() int { return int(m.delivered.Load()) }

// pause between tries of a batch that failed.
const pause = 100 * time.Millisecond

// Run delivers until ctx ends. It may be called again after that.
func (m *Mapping) Run(ctx context.Context) {
	for batches := 1; ctx.Err() == nil; batches++ {
		all := m.Log.after(ctx, m.Done(), m.BatchSize)
		passed := m.passing(all)
		m.deliver(ctx, passed)
		if m.Repeat > 0 && batches%m.Repeat == 0 {
			m.deliver(ctx, passed)
		}
		if ctx.Err() == nil {
			m.done.Add(int64(len(all)))
		}
	}
}

func (m *Mapping) passing(all []Record) []Record {
	var passed []Record
	for _, r := range all {
		match := len(m.Filters) == 0
		for _, f := range m.Filters {
			match = match || f.Match(r)
		}
		if match {
			passed = append(passed, r)
		}
	}
	return passed
}

// deliver invokes the function until it has taken all records. One that it
// reports is tried again with all that follow it.
func (m *Mapping) deliver(ctx context.Context, left []Record) {
	for size := len(left); len(left) > 0 && ctx.Err() == nil; {
		batch := left[:min(size, len(left))]
		taken, err := m.invoke(ctx, batch)
		left = left[taken:]
		if taken == len(batch) {
			size = len(left)
			continue
		}
		m.Logger.WarnContext(ctx, "records of the stream come again", slog.Int("taken", taken), slog.Int("of", len(batch)), slog.Any("error", err))
		if size = len(left); m.Bisect && err != nil {
			size = max(1, len(batch)/2)
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

// invoke returns how many records, from the first on, are done with.
func (m *Mapping) invoke(ctx context.Context, batch []Record) (taken int, err error) {
	event, err := json.Marshal(map[string]any{"Records": batch})
	if err != nil {
		return 0, err
	}
	response, err := m.Invoke(ctx, event)
	if err != nil {
		return 0, err
	}
	m.delivered.Add(int64(len(batch)))
	return judge(response, batch)
}

// judge reads a partial batch response: the lowest sequence number reported is
// where the next try begins; one that is not of the batch fails all of it.
func judge(response []byte, batch []Record) (taken int, err error) {
	if len(bytes.TrimSpace(response)) == 0 || string(response) == "null" {
		return len(batch), nil
	}
	var r struct {
		Failures []struct {
			Item *string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(response, &r); err != nil {
		return 0, fmt.Errorf("read partial batch response: %w", err)
	}
	taken = len(batch)
	for _, f := range r.Failures {
		if f.Item == nil || *f.Item == "" {
			return 0, errors.New("read partial batch response: an item has no identifier")
		}
		place := -1
		for i, b := range batch {
			if b.Change.SequenceNumber == *f.Item {
				place = i
			}
		}
		if place < 0 {
			return 0, fmt.Errorf("read partial batch response: %s is not of the batch", *f.Item)
		}
		taken = min(taken, place)
	}
	return taken, nil
}
