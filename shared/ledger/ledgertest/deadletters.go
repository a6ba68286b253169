package ledgertest

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

func deadLetterTests() map[string]run {
	return map[string]run{
		"dead-letter-latest-failure-stands": latestFailureStands,
		"dead-letter-replay":                replayLetter,
		"dead-letter-replay-resumed":        replayResumed,
		"dead-letter-replay-races":          replayRaces,
		"dead-letter-fails-during-replay":   failsDuringReplay,
		"dead-letter-mended":                mendLetter,
		"dead-letter-discard":               discardLetter,
		"dead-letter-find":                  findLetters,
	}
}

// fail makes the request of a command fail and buries its message; the dead
// letter that stands is returned.
func (s *subject) fail(t *testing.T, c command.Command, reason string, at time.Time) ledger.DeadLetter {
	t.Helper()
	l, f := s.ledger(), outcome.Failed{Request: c.Key, User: c.User, Class: failure.Denied, Reason: reason}
	must(t, l.Fail(t.Context(), c, outcome.New(outcome.TypeFailed, c.Key, c.User, at, f)))
	r := recorded(t, l, c.Key, ledger.Failed)
	must(t, l.Bury(t.Context(), ledger.DeadLetter{
		Request: c.Key, Type: c.Type, User: c.User, Queue: "numbers.fifo", Body: "body of " + c.Key.ID,
		Failure: f, At: r.Outcome.Time, Tries: r.Tries,
	}))
	return s.letter(t, c.Key)
}

func (s *subject) letter(t *testing.T, key command.Key) ledger.DeadLetter {
	t.Helper()
	d, found, err := s.ledger().DeadLetter(t.Context(), key)
	if err != nil || !found {
		t.Fatalf("dead letter: found %t, %v", found, err)
	}
	return d
}

// found are the dead letters of this test that a filter chooses, eventually.
func (s *subject) found(t *testing.T, f ledger.DeadLetterFilter, want ...string) {
	t.Helper()
	s.eventually(t, func() string {
		var got []string
		letters, err := all(s.ledger().FindDeadLetters(t.Context(), f))
		must(t, err)
		for _, d := range letters {
			if d.Request.Source == s.key("").Source {
				got = append(got, d.Request.ID)
			}
		}
		if !slices.Equal(got, want) {
			return fmt.Sprintf("filter %+v found %q, want %q", f, got, want)
		}
		return ""
	})
}

var operator = ledger.Decision{By: "ann", Reason: "mended"}

func latestFailureStands(t *testing.T, s *subject) {
	l, c, now := s.ledger(), s.assign("1", "ada"), time.Now()
	first := s.fail(t, c, "read-only", now)
	if first.State != ledger.LetterWaiting || !first.At.Equal(now) || first.Body != "body of 1" {
		t.Errorf("dead letter: %+v", first)
	}
	again := first
	again.Body, again.Failure.Reason = "the same again", "another"
	must(t, l.Bury(t.Context(), again))
	again.At = now.Add(-time.Minute) // of an earlier failure, late
	must(t, l.Bury(t.Context(), again))
	if got := s.letter(t, c.Key); !reflect.DeepEqual(got, first) {
		t.Errorf("the failure recorded twice changed\n%+v to\n%+v", first, got)
	}
	must(t, l.Reopen(t.Context(), c.Key, first.At, false))
	second := s.fail(t, c, "still read-only", now.Add(-time.Hour)) // by a clock that is behind
	if !second.At.After(first.At) || second.Failure.Reason != "still read-only" || second.State != ledger.LetterWaiting {
		t.Errorf("after the second failure: %+v", second)
	}
	must(t, l.Bury(t.Context(), first))
	if got := s.letter(t, c.Key); !reflect.DeepEqual(got, second) {
		t.Errorf("the first failure came late and changed\n%+v to\n%+v", second, got)
	}
	s.found(t, ledger.DeadLetterFilter{From: now.Add(-time.Second)}, "1")
}

func replayLetter(t *testing.T, s *subject) {
	l, c := s.ledger(), s.assign("1", "ada")
	d := s.fail(t, c, "read-only", time.Now())
	started, err := l.StartReplay(t.Context(), d, operator)
	must(t, err)
	if started.State != ledger.LetterReplaying || started.Replays != 1 || started.Body != d.Body || started.Decided.By != "ann" || started.Decided.At.IsZero() {
		t.Errorf("started: %+v", started)
	}
	recorded(t, l, c.Key, ledger.Waiting)
	must(t, l.EndReplay(t.Context(), started))
	ended := s.letter(t, c.Key)
	if ended.State != ledger.LetterReplayed || !ended.Settled() || time.Until(ended.Expires) < 89*24*time.Hour {
		t.Errorf("ended: %+v", ended)
	}
	s.found(t, ledger.DeadLetterFilter{})
	s.found(t, ledger.DeadLetterFilter{Settled: true}, "1")
	if _, err := l.StartReplay(t.Context(), d, operator); !errors.Is(err, ledger.ErrChanged) {
		t.Errorf("replay of what was replayed: %v", err)
	}
	begin(t, l, c, over())
	failed := s.fail(t, c, "again", time.Now())
	if failed.Replays != 1 || failed.State != ledger.LetterWaiting || !failed.Expires.IsZero() || failed.Decided.By != "ann" {
		t.Errorf("failed again: %+v", failed)
	}
	if started, err = l.StartReplay(t.Context(), failed, operator); err != nil || started.Replays != 2 {
		t.Errorf("second replay: %+v, %v", started, err)
	}
}

// replayResumed goes on after an interruption before any step.
func replayResumed(t *testing.T, s *subject) {
	l, c := s.ledger(), s.assign("1", "ada")
	d := s.fail(t, c, "read-only", time.Now())
	started, err := l.StartReplay(t.Context(), d, operator)
	must(t, err)
	for range 2 { // by who saw it before, and by who sees it now
		again, err := l.StartReplay(t.Context(), d, ledger.Decision{By: "bob"})
		if err != nil || !reflect.DeepEqual(again, started) {
			t.Errorf("resumed: %+v, %v; want\n%+v", again, err, started)
		}
		d = s.letter(t, c.Key)
	}
	s.found(t, ledger.DeadLetterFilter{}, "1")
	lease := begin(t, l, c, soon()) // it was sent before the interruption, and is being worked on
	if _, err := l.StartReplay(t.Context(), d, operator); err != nil {
		t.Error(err)
	}
	o := s.assigned(c, s.number(1))
	must(t, l.Finish(t.Context(), lease, o))
	if _, err := l.StartReplay(t.Context(), d, operator); err != nil {
		t.Error(err)
	}
	must(t, l.EndReplay(t.Context(), started))
	must(t, l.EndReplay(t.Context(), started))
	answered(t, l, c, o)
	s.found(t, ledger.DeadLetterFilter{})
}

// replayRaces has several operators replay the same dead letter at once.
func replayRaces(t *testing.T, s *subject) {
	l, c := s.ledger(), s.assign("1", "ada")
	d := s.fail(t, c, "read-only", time.Now())
	s.race(func(int) {
		started, err := l.StartReplay(t.Context(), d, operator)
		if errors.Is(err, ledger.ErrChanged) {
			return // another was through with it already
		}
		if err != nil || started.Replays != 1 {
			t.Errorf("replay %d, %v; all are the first", started.Replays, err)
			return
		}
		if err := l.EndReplay(t.Context(), started); err != nil {
			t.Error(err)
		}
	})
	if d := s.letter(t, c.Key); d.State != ledger.LetterReplayed || d.Replays != 1 {
		t.Errorf("in the end: %+v", d)
	}
}

// failsDuringReplay: the request of a dead letter whose replay was interrupted
// fails again. The resumed replay must not reopen that failure, of which nothing
// is on a queue.
func failsDuringReplay(t *testing.T, s *subject) {
	for _, buried := range []bool{true, false} { // when the operator comes back
		l, c := s.ledger(), s.assign(fmt.Sprint("buried ", buried), "ada")
		d := s.fail(t, c, "read-only", time.Now())
		started, err := l.StartReplay(t.Context(), d, operator)
		must(t, err)
		begin(t, l, c, over())
		if buried {
			s.fail(t, c, "again", time.Now())
			if _, err := l.StartReplay(t.Context(), started, operator); !errors.Is(err, ledger.ErrChanged) {
				t.Errorf("resumed: %v", err)
			}
			must(t, l.EndReplay(t.Context(), started))
		} else {
			must(t, l.Fail(t.Context(), c, s.failed(c)))
			if _, err := l.StartReplay(t.Context(), started, operator); err != nil {
				t.Errorf("resumed: %v", err)
			}
			must(t, l.EndReplay(t.Context(), started))
			recorded(t, l, c.Key, ledger.Failed)
			s.fail(t, c, "again", time.Now())
		}
		recorded(t, l, c.Key, ledger.Failed)
		if d := s.letter(t, c.Key); d.State != ledger.LetterWaiting {
			t.Errorf("in the end: %+v", d)
		}
	}
}

func mendLetter(t *testing.T, s *subject) {
	l, c := s.ledger(), s.assign("1", "ada")
	must(t, l.Yield(t.Context(), begin(t, l, c, soon()), "invalid: no such location"))
	d := s.fail(t, c, "no such location", time.Now())
	mended := d
	mended.Body, mended.User = "mended", s.user("eva")
	started, err := l.StartReplay(t.Context(), mended, operator)
	must(t, err)
	if !started.Fixed || started.Body != "mended" || started.Original != d.Body || started.User != s.user("eva") {
		t.Errorf("started: %+v", started)
	}
	if _, err := l.StartReplay(t.Context(), d, operator); !errors.Is(err, ledger.ErrReplaying) {
		t.Errorf("replay of the old body: %v", err)
	}
	if err := l.Discard(t.Context(), started, operator); !errors.Is(err, ledger.ErrReplaying) {
		t.Errorf("discard while it is replayed: %v", err)
	}
	must(t, l.EndReplay(t.Context(), started))
	other := s.assign("1", "eva", func(a *command.Assign) { a.Replace = true })
	must(t, l.Yield(t.Context(), begin(t, l, other, soon()), "denied: read-only"))
	failed := s.fail(t, other, "read-only", time.Now())
	if failed.Original != d.Body || failed.Fixed {
		t.Errorf("failed again: %+v", failed)
	}
	if _, err = l.StartReplay(t.Context(), failed, operator); err != nil {
		t.Error(err)
	}
	if _, _, err := l.Begin(t.Context(), c, soon()); !errors.Is(err, ledger.ErrMismatch) {
		t.Errorf("the message from before it was mended: %v", err)
	}
}

func discardLetter(t *testing.T, s *subject) {
	l, c := s.ledger(), s.assign("1", "ada")
	if err := l.Discard(t.Context(), ledger.DeadLetter{Request: c.Key}, operator); !errors.Is(err, ledger.ErrChanged) {
		t.Errorf("discard of nothing: %v", err)
	}
	d := s.fail(t, c, "read-only", time.Now())
	must(t, l.Discard(t.Context(), d, ledger.Decision{By: "ann", Reason: "left the company"}))
	got := s.letter(t, c.Key)
	if got.State != ledger.LetterDiscarded || got.Decided.By != "ann" || got.Decided.Reason != "left the company" || got.Decided.At.IsZero() || got.Expires.IsZero() {
		t.Errorf("discarded: %+v", got)
	}
	r := recorded(t, l, c.Key, ledger.Failed)
	answered(t, l, c, *r.Outcome)
	for what, err := range map[string]error{
		"discard again": l.Discard(t.Context(), d, operator),
		"replay":        second(l.StartReplay(t.Context(), d, operator)),
	} {
		if !errors.Is(err, ledger.ErrChanged) {
			t.Errorf("%s: %v", what, err)
		}
	}
	s.found(t, ledger.DeadLetterFilter{})
	s.found(t, ledger.DeadLetterFilter{Settled: true}, "1")
}

func second(_ ledger.DeadLetter, err error) error { return err }

func findLetters(t *testing.T, s *subject) {
	l, now := s.ledger(), time.Now().UTC()
	for i, id := range []string{"a", "b", "c", "d"} {
		d := ledger.DeadLetter{
			Request: s.key(id), Type: command.TypeAssign, User: s.user("ada"), At: now.Add(time.Duration(i) * time.Second),
			Body: fmt.Sprintf(`{"data":{"locationId":"site %d"}}`, i/2), Failure: outcome.Failed{Class: failure.Denied},
		}
		switch id {
		case "b":
			d.User, d.Failure.Class = s.user("eva"), failure.Invalid
		case "c":
			d.Type = command.TypeRelease
		case "d":
			d.Body = "not JSON"
		}
		must(t, l.Bury(t.Context(), d))
	}
	at := func(sec int) time.Time { return now.Add(time.Duration(sec) * time.Second) }
	for _, c := range []struct {
		filter ledger.DeadLetterFilter
		want   []string
	}{
		{ledger.DeadLetterFilter{}, []string{"a", "b", "c", "d"}},
		{ledger.DeadLetterFilter{From: at(1), To: at(2)}, []string{"b", "c"}},
		{ledger.DeadLetterFilter{To: at(0)}, []string{"a"}},
		{ledger.DeadLetterFilter{From: at(2).Add(1)}, []string{"d"}},
		{ledger.DeadLetterFilter{From: at(2), To: at(1)}, nil},
		{ledger.DeadLetterFilter{Class: failure.Invalid}, []string{"b"}},
		{ledger.DeadLetterFilter{User: s.user("ada"), Type: command.TypeAssign}, []string{"a", "d"}},
		{ledger.DeadLetterFilter{LocationID: "site 0"}, []string{"a", "b"}},
		{ledger.DeadLetterFilter{Settled: true}, nil},
	} {
		s.found(t, c.filter, c.want...)
	}
}

func triesTests() map[string]run {
	return map[string]run{
		"tries-kept":             triesKept,
		"tries-cost-nothing":     triesCostNothing,
		"tries-of-the-dead":      triesOfTheDead,
		"tries-outlive-a-replay": triesOutliveReplay,
	}
}

func triesKept(t *testing.T, s *subject) {
	l, c, began := s.ledger(), s.assign("1", "ada"), time.Now()
	for i := range 14 {
		must(t, l.Yield(t.Context(), begin(t, l, c, soon()), fmt.Sprint("unavailable: ", i)))
	}
	tries := recorded(t, l, c.Key, ledger.Waiting).Tries
	var got []string
	for i, try := range tries.Kept {
		got = append(got, try.Problem)
		if try.Class != failure.Unavailable || try.Began.Before(began.Add(-time.Second)) || try.Ended.Before(try.Began) || i > 0 && try.Began.Before(tries.Kept[i-1].Ended) {
			t.Errorf("try %d: %+v", i, try)
		}
	}
	want := []string{"unavailable: 0"}
	for i := 5; i < 14; i++ {
		want = append(want, fmt.Sprint("unavailable: ", i))
	}
	if !slices.Equal(got, want) || tries.LeftOut != 4 {
		t.Errorf("tries %q, %d left out; want %q, 4", got, tries.LeftOut, want)
	}
	if last, found := tries.Last(); !found || last.Problem != "unavailable: 13" {
		t.Errorf("last: %+v, %t", last, found)
	}
}

// triesCostNothing: what succeeds at once has no history, and is as big as it was.
func triesCostNothing(t *testing.T, s *subject) {
	l, c := s.ledger(), s.assign("1", "ada")
	must(t, l.Finish(t.Context(), begin(t, l, c, soon()), s.assigned(c, s.number(1))))
	item, err := s.store.Get(t.Context(), ledger.Key{Kind: ledger.KindRequest, ID: c.Key.Hash()})
	must(t, err)
	var fields map[string]json.RawMessage
	must(t, json.Unmarshal(item.Data, &fields))
	for _, name := range []string{"tries", "failedAt"} {
		if raw, found := fields[name]; found {
			t.Errorf("%s is %s", name, raw)
		}
	}
	if item.Version != 2 {
		t.Errorf("%d writes, want 2", item.Version)
	}
}

func triesOfTheDead(t *testing.T, s *subject) {
	l, c := s.ledger(), s.assign("1", "ada")
	begin(t, l, c, over())
	begin(t, l, c, over())
	must(t, l.Fail(t.Context(), c, s.failed(c)))
	tries := recorded(t, l, c.Key, ledger.Failed).Tries
	if len(tries.Kept) != 2 {
		t.Fatalf("tries %+v, want the two whose process died", tries)
	}
	for _, try := range tries.Kept {
		if try.Class != failure.Unknown || try.Problem == "" || !try.Ended.IsZero() || try.Began.IsZero() {
			t.Errorf("try %+v", try)
		}
	}
}

func triesOutliveReplay(t *testing.T, s *subject) {
	l, c := s.ledger(), s.assign("1", "ada")
	must(t, l.Yield(t.Context(), begin(t, l, c, soon()), "no class"))
	d := s.fail(t, c, "refused", time.Now())
	_, err := l.StartReplay(t.Context(), d, operator)
	must(t, err)
	must(t, l.Yield(t.Context(), begin(t, l, c, soon()), "denied: refused"))
	got := s.fail(t, c, "refused", time.Now()).Tries.Kept
	if len(got) != 2 || got[0].Class != "" || got[1].Class != failure.Denied {
		t.Errorf("tries %+v", got)
	}
}
