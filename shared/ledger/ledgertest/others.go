package ledgertest

import (
	"slices"
	"testing"
	"time"

	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
)

func otherTests() map[string]run {
	return map[string]run{
		"session-refusal":   refusal,
		"pool-open-twice":   openPool,
		"dead-letter-stays": deadLetterStays,
	}
}

func refusal(t *testing.T, s *subject) {
	l, user, until := s.ledger(), s.user("ada"), soon()
	refused := func(secret string) (ledger.Refusal, bool) {
		t.Helper()
		r, found, err := l.Refused(t.Context(), user, secret)
		must(t, err)
		return r, found
	}
	if _, found := refused("one"); found {
		t.Error("refused from the start")
	}
	want := ledger.Refusal{Until: until, Fingerprint: "one", Reason: "invalid_grant"}
	for range 2 {
		must(t, l.Refuse(t.Context(), user, want))
	}
	if r, found := refused("one"); !found || !r.Until.Equal(until) || r.Reason != want.Reason {
		t.Errorf("refusal: %t, %+v", found, r)
	}
	if _, found := refused("two"); found {
		t.Error("refused with another secret")
	}
	want.Fingerprint = "two"
	must(t, l.Refuse(t.Context(), user, want))
	if _, found := refused("one"); found {
		t.Error("refused though another secret was refused since")
	}
}

func openPool(t *testing.T, s *subject) {
	l := s.ledger()
	s.race(func(int) {
		if err := l.OpenPool(t.Context(), s.location()); err != nil {
			t.Errorf("open pool: %v", err)
		}
	})
	s.eventually(t, func() string {
		pools, err := all(l.Pools(t.Context()))
		must(t, err)
		if !slices.ContainsFunc(pools, func(p ledger.Pool) bool { return p.LocationID == s.location() }) {
			return "the pool is not listed"
		}
		return ""
	})
}

func deadLetterStays(t *testing.T, s *subject) {
	l, now := s.ledger(), time.Now()
	letter := ledger.DeadLetter{
		Request: s.key("1"), User: s.user("ada"), Queue: "numbers", Body: "", At: now, // an empty message is one, too
		Failure: outcome.Failed{Request: s.key("1"), Reason: "refused"},
	}
	must(t, l.Bury(t.Context(), letter))
	letter.Body, letter.At = "second", now.Add(time.Minute)
	must(t, l.Bury(t.Context(), letter))
	s.eventually(t, func() string {
		letters, err := all(l.DeadLetters(t.Context(), now.Add(-time.Second)))
		must(t, err)
		letters = slices.DeleteFunc(letters, func(d ledger.DeadLetter) bool { return d.Request != s.key("1") })
		if len(letters) != 1 || letters[0].Body != "" || !letters[0].At.Equal(now) {
			return "the first record of the message is not what stands"
		}
		return ""
	})
}
