package main

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dialtone/infra/local"
	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

// buryMany fills a data file with dead letters and returns its path.
func buryMany(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "d.db")
	data, err := local.Join(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	var done sync.WaitGroup
	const writers = 64 // share commits
	for w := range writers {
		done.Go(func() {
			for i := w; i < n; i += writers {
				if err := buryOne(t.Context(), data.Ledger, i); err != nil {
					t.Error(err)
				}
			}
		})
	}
	done.Wait()
	return path
}

func buryOne(ctx context.Context, l *ledger.Ledger, i int) error {
	body := fmt.Sprintf(`{"specversion":"1.0","source":"hr","id":"%d","type":"dialtone.number.assign.v1","data":{"user":"user%05d@contoso.test","locationId":"site-%d"}}`, i, i, i%3)
	c, err := command.Decode([]byte(body))
	if err != nil {
		return err
	}
	class := []failure.Class{failure.Denied, failure.Exhausted}[i%2]
	event := outcome.Failure(c, &failure.Error{Class: class, Reason: "refused", Advice: "Ask somebody."}, 1, time.Now())
	if err := l.Fail(ctx, c, event); err != nil {
		return err
	}
	f, err := event.Failed()
	if err != nil {
		return err
	}
	return l.Bury(ctx, ledger.DeadLetter{Request: c.Key, Type: c.Type, User: c.User, Queue: "numbers.fifo", Body: body, Failure: f, At: event.Time})
}

// dialtone runs a command as a person would, until ctx ends.
func dialtone(ctx context.Context, args ...string) (status int, out, words string) {
	var stdout, stderr bytes.Buffer
	t := &terminal{in: strings.NewReader(""), out: &stdout, err: &stderr}
	status = t.main(ctx, args)
	return status, stdout.String(), stderr.String()
}

// TestInterruptedReplay stops a replay of many with Ctrl-C, again and again, and
// goes on each time with the command that it prints: in the end every message is
// on the queue once.
func TestInterruptedReplay(t *testing.T) {
	t.Parallel()
	const letters = 60
	path := buryMany(t, letters)
	args := []string{"dlq", "replay", "--class", "denied", "--data", path}
	stops := 0
	for {
		ctx, stop := context.WithCancel(t.Context())
		timer := time.AfterFunc(time.Duration(stops+1)*40*time.Millisecond, stop)
		status, _, words := dialtone(ctx, append(args, "--yes", "--rate", "200")...)
		timer.Stop()
		stop()
		_, rest, interrupted := strings.Cut(words, "go on with\n  dialtone ")
		if !interrupted {
			if status != 0 {
				t.Fatalf("status %d: %s", status, words)
			}
			break
		}
		if stops++; status == 0 {
			t.Fatalf("interrupted, and status 0: %s", words)
		}
		line, _, _ := strings.Cut(rest, "\n")
		args = strings.Fields(line)
	}
	if stops == 0 {
		t.Error("never interrupted: the test proves nothing")
	}
	data, err := local.Look(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	q, err := data.Queues.Queue(t.Context(), local.NumbersQueue)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := q.Counts(t.Context()); err != nil || n.Visible != letters/2 {
		t.Errorf("%d messages on the queue after %d interrupts, %v; want %d", n.Visible, stops, err, letters/2)
	}
	if _, _, words := dialtone(t.Context(), "dlq", "list", "--data", path); !strings.Contains(words, fmt.Sprint(letters/2, " dead letters: ", letters/2, " exhausted")) {
		t.Errorf("left: %s", words)
	}
}

// TestInterruptOfOne: who replays or discards one dead letter and stops it is told
// how to go on with that one, not with all.
func TestInterruptOfOne(t *testing.T) {
	t.Parallel()
	path := buryMany(t, 3)
	for verb, more := range map[string][]string{"replay": nil, "discard": {"--reason", "left"}} {
		for at, interrupt := range map[string]func(b *bulk) error{
			"first": func(b *bulk) error { return b.interrupted(b.place.Flags()) },
			"on the way": func(b *bulk) error {
				ctx, stop := context.WithCancel(t.Context())
				stop()
				return b.work(ctx, make([]ledger.DeadLetter, 1), nil, b.place.Flags())
			},
		} {
			var words bytes.Buffer
			b := &bulk{t: &terminal{out: &words, err: &words}, verb: verb, rate: 5, began: time.Now(), args: []string{"hr", "1"}}
			b.place.Data = path
			if more != nil {
				b.reason = more[1]
			}
			if err := interrupt(b); err == nil {
				t.Errorf("%s, %s: no error", verb, at)
			}
			_, rest, _ := strings.Cut(words.String(), "go on with\n  dialtone ")
			args := strings.Fields(rest)
			want := slices.Concat([]string{"dlq", verb, "hr", "1"}, more, []string{"--data", path})
			if !slices.Equal(args, want) {
				t.Errorf("%s, %s: told %q, want %q", verb, at, args, want)
			}
		}
	}
}

// TestInterruptKeepsTheRate: what goes on goes on no faster than it was asked to.
func TestInterruptKeepsTheRate(t *testing.T) {
	t.Parallel()
	b := &bulk{verb: "replay", rate: 0.5, all: true, began: time.Now()}
	if got := b.again(nil); !strings.Contains(got, " --rate=0.5") {
		t.Errorf("told %s", got)
	}
}

func TestMoment(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	for s, want := range map[string]time.Time{
		"": {}, "90m": now.Add(-90 * time.Minute), "3d": now.Add(-72 * time.Hour), "0d": now, "2026-11-20T00:00:00Z": time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := moment("--older-than", s, now); err != nil || !got.Equal(want) {
			t.Errorf("%q is %s, %v; want %s", s, got, err, want)
		}
	}
	for _, s := range []string{"d", "1.5d", "-3h", "-1d", "3", "yesterday"} {
		if got, err := moment("--older-than", s, now); err == nil {
			t.Errorf("%q is %s", s, got)
		}
	}
}

func TestQuoted(t *testing.T) {
	t.Parallel()
	if got, want := quoted("dialtone", "urn:hr", "o'neill 7", "", "$HOME", "a=b"), `dialtone urn:hr 'o'\''neill 7' '' '$HOME' a=b`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
