package ledgertest

import (
	"testing"

	"dialtone/shared/ledger"
)

func otherTests() map[string]run {
	all := poolTests()
	all["session-refusal"] = refusal
	return all
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
