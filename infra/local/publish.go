package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"dialtone/shared/ledger"
	"dialtone/shared/ledger/sqlite"
	"dialtone/shared/logattr"
	"dialtone/shared/outcome"
)

// cursor names the place up to which outcomes were published.
const cursor = "outcomes"

// publisher carries outcomes from the ledger's change feed to a file: the bus
// of the embedded stack. Each is written at least once; its id tells repeats.
type publisher struct {
	data *Data
	path string // "": outcomes are counted as published, and go nowhere
	log  *slog.Logger
}

// run publishes until ctx ends, and once more what was there by then.
func (p publisher) run(ctx context.Context) error {
	for {
		changed, done := p.data.File.Watch(sqlite.Topic)
		err := p.drain(context.WithoutCancel(ctx))
		if err == nil {
			select {
			case <-ctx.Done():
				done()
				return p.drain(context.WithoutCancel(ctx))
			case <-changed:
			}
		}
		done()
		if err != nil {
			return fmt.Errorf("publish outcomes: %w", err)
		}
	}
}

// drain publishes everything since the cursor.
func (p publisher) drain(ctx context.Context) error {
	for {
		after, err := p.data.Store.Cursor(ctx, cursor)
		if err != nil {
			return err
		}
		changes, err := p.data.Store.Changes(ctx, after, 256)
		if err != nil || len(changes) == 0 {
			return err
		}
		if err := p.write(changes); err != nil {
			return err
		}
		if err := p.data.Store.SaveCursor(ctx, cursor, changes[len(changes)-1].Seq); err != nil {
			return err
		}
	}
}

// write appends the outcomes among the changes, durably.
func (p publisher) write(changes []sqlite.Change) (err error) {
	if p.path == "" {
		return nil
	}
	f, err := os.OpenFile(p.path, os.O_APPEND|os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := endLine(f); err != nil {
		return err
	}
	e := json.NewEncoder(f)
	for _, c := range changes {
		o, err := outcomeOf(c.Item)
		if err != nil {
			p.log.Error("unreadable item in the ledger", logattr.Error(err))
			continue
		}
		if o == nil {
			continue
		}
		if err := e.Encode(o); err != nil {
			return err
		}
	}
	return f.Sync()
}

// endLine ends the line that a killed process left torn, so that what follows
// is readable.
func endLine(f *os.File) error {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err != nil || last[0] == '\n' {
		return err
	}
	_, err = f.WriteString("\n")
	return err
}

// outcomeOf returns the outcome that an item carries, or the event of a notice, nil
// if none.
func outcomeOf(item ledger.Item) (*outcome.Event, error) {
	switch item.Key.Kind {
	case ledger.KindRequest:
		var r ledger.Request
		err := json.Unmarshal(item.Data, &r)
		return r.Outcome, err
	case ledger.KindNotice:
		var n ledger.Notice
		err := json.Unmarshal(item.Data, &n)
		return &n.Event, err
	}
	return nil, nil
}
