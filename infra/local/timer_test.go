package local_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/infra/local"
	"dialtone/shared/command"
	"dialtone/shared/outcome"
)

// The clock invokes a minute after the start and then at its interval, whatever
// comes of it.
func TestTimer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		begun, log := time.Now(), &bytes.Buffer{}
		var at []time.Duration
		done := make(chan struct{})
		go func() {
			defer close(done)
			local.RunTimer(ctx, time.Hour, slog.New(slog.NewTextHandler(log, nil)), func(ctx context.Context, _ []byte) ([]byte, error) {
				at = append(at, time.Since(begun))
				if _, limited := ctx.Deadline(); !limited {
					t.Error("an invocation without a deadline")
				}
				switch len(at) {
				case 1:
					return nil, errors.New("out of reach")
				case 2:
					panic("a mistake")
				}
				return nil, nil
			})
		}()
		time.Sleep(150 * time.Minute)
		stop()
		<-done
		if want := []time.Duration{time.Minute, 61 * time.Minute, 121 * time.Minute}; !slices.Equal(at, want) {
			t.Errorf("invoked after %v, want %v", at, want)
		}
		for _, words := range []string{"out of reach", "a mistake"} {
			if !strings.Contains(log.String(), words) {
				t.Errorf("the log lacks %q: %s", words, log)
			}
		}
	})
}

// A location that runs low is an event among the outcomes, once.
func TestLowPoolIsPublished(t *testing.T) {
	t.Parallel()
	sim, err := local.Simulate(organisation(3), local.Latency{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	folder := t.TempDir()
	settings, outcomes := sim.Settings(), filepath.Join(folder, "outcomes.jsonl")
	settings.Thresholds.Free = 100_000
	stack, err := local.Open(t.Context(), local.Options{Path: filepath.Join(folder, "d.db"), Settings: settings, Outcomes: outcomes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Close() })
	home := sim.Webex.Locations()[0].ID
	if err := stack.Ledger.OpenPool(t.Context(), home, "", command.Professional); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := stack.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := stack.Run(ctx); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(outcomes)
	if err != nil {
		t.Fatal(err)
	}
	var e outcome.Event
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatalf("want one line: %v in %s", err, raw)
	}
	if low, err := e.PoolLow(); err != nil || low.LocationID != home || low.Free == 0 {
		t.Errorf("published %s, %v", raw, err)
	}
}
