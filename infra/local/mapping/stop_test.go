package mapping_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/infra/local/mapping"
	"dialtone/infra/local/queue"
)

func TestStopLetsInvocationsFinish(t *testing.T) {
	inBubble(t, "q", func(b *bench) {
		b.send("a")
		b.start(mapping.Config{MaximumConcurrency: 1, Grace: 10 * time.Second}, func(ctx context.Context, _ []string) ([]string, error) {
			time.Sleep(8 * time.Second)
			return nil, ctx.Err()
		})
		time.Sleep(time.Second)
		b.send("late")
		began := time.Now()
		b.wantStop()
		if took := time.Since(began); took != 7*time.Second {
			b.t.Errorf("stopped after %s", took)
		}
		b.wantCounts(1, 0) // "late" was not touched
	})
}

func TestStopHandsBackWhatItCuts(t *testing.T) {
	inBubble(t, "q", func(b *bench) {
		b.send("a", "b")
		m := b.start(mapping.Config{MaximumConcurrency: 1, Grace: 3 * time.Second}, func(ctx context.Context, _ []string) ([]string, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		time.Sleep(time.Second)
		began := time.Now()
		b.wantStop()
		if took := time.Since(began); took != 3*time.Second {
			b.t.Errorf("stopped after %s", took)
		}
		b.wantCounts(2, 0)
		if c := m.Counts(); c.Returned != 2 || c.InFlight != 0 {
			b.t.Errorf("counts %+v", c)
		}
	})
}

func TestStopHandsBackAnOpenWindow(t *testing.T) {
	inBubble(t, "q", func(b *bench) {
		b.send("a")
		b.start(mapping.Config{MaximumConcurrency: 1, Window: time.Minute}, func(context.Context, []string) ([]string, error) {
			b.t.Error("invoked after the stop")
			return nil, nil
		})
		time.Sleep(time.Second)
		b.wantCounts(0, 1)
		b.wantStop()
		b.wantCounts(1, 0)
	})
}

func TestStopReportsWhatDoesNotReturn(t *testing.T) {
	inBubble(t, "q", func(b *bench) {
		b.send("a")
		release := make(chan struct{})
		b.start(mapping.Config{MaximumConcurrency: 1, Grace: -1}, func(context.Context, []string) ([]string, error) {
			<-release
			return nil, nil
		})
		time.Sleep(time.Second)
		if err := b.stop(); err == nil || !strings.Contains(err.Error(), "1 messages did not return") {
			b.t.Errorf("got %v", err)
		}
		close(release)
		synctest.Wait()
	})
}

// flaky fails its first calls.
type flaky struct {
	*queue.Queue
	receives, deletes int
	failed            []time.Time
}

func (f *flaky) Receive(ctx context.Context, o queue.ReceiveOptions) ([]queue.Received, error) {
	if f.receives--; f.receives >= 0 {
		f.failed = append(f.failed, time.Now())
		return nil, errors.New("receive: disk on fire")
	}
	return f.Queue.Receive(ctx, o)
}

func (f *flaky) DeleteBatch(ctx context.Context, receipts []string) ([]error, error) {
	if f.deletes--; f.deletes >= 0 {
		return nil, errors.New("delete: disk on fire")
	}
	return f.Queue.DeleteBatch(ctx, receipts)
}

func TestReceiveErrorsSlowThePoller(t *testing.T) {
	inBubble(t, "q", func(b *bench) {
		b.send("a")
		source := &flaky{Queue: b.queue, receives: 4}
		b.start(mapping.Config{Source: source, MaximumConcurrency: 1}, func(context.Context, []string) ([]string, error) { return nil, nil })
		time.Sleep(time.Minute)
		b.wantStop()
		b.wantCounts(0, 0)
		var pauses []time.Duration
		for i, at := range source.failed[1:] {
			pauses = append(pauses, at.Sub(source.failed[i]))
		}
		if got := fmt.Sprint(pauses); got != "[100ms 200ms 400ms]" {
			b.t.Errorf("pauses %s", got)
		}
	})
}

func TestDeleteIsTriedAgain(t *testing.T) {
	inBubble(t, "q", func(b *bench) {
		b.send("a")
		source := &flaky{Queue: b.queue, deletes: 2}
		m := b.start(mapping.Config{Source: source, MaximumConcurrency: 1}, func(context.Context, []string) ([]string, error) { return nil, nil })
		time.Sleep(10 * time.Second)
		b.wantCounts(0, 0)
		source.deletes = 3
		b.send("b")
		time.Sleep(10 * time.Second)
		b.wantCounts(0, 1) // given up, it comes again
		time.Sleep(time.Minute)
		b.wantCounts(0, 0)
		b.wantStop()
		if c := m.Counts(); c.Succeeded != 2 || c.Failed != 1 {
			b.t.Errorf("counts %+v", c)
		}
	})
}
