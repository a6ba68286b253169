package ledgertest

import (
	"slices"
	"testing"

	"dialtone/shared/ledger"
)

func otherTests() map[string]run {
	return map[string]run{
		"session-refusal": refusal,
		"pool-open-twice": openPool,
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
