package ledger_test

import (
	"testing"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
)

// TestFingerprintOutlivesVersions pins what requests under way were begun with:
// were it another one after an update, each would be refused as a message that
// uses the key of another.
func TestFingerprintOutlivesVersions(t *testing.T) {
	c, err := command.Decode([]byte(`{"specversion":"1.0","source":"hr","id":"1","type":"dialtone.number.assign.v1","data":{"user":"ada@contoso.test","locationId":"home"}}`))
	if err != nil {
		t.Fatal(err)
	}
	l := ledger.New(ledgertest.NewMemory(), ledger.Options{})
	if _, _, err := l.Begin(t.Context(), c, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	const want = "f0478034aabcf236028174b21fae542e"
	if r, _, err := l.Request(t.Context(), c.Key); err != nil || r.Fingerprint != want {
		t.Errorf("fingerprint %s, %v; want %s", r.Fingerprint, err, want)
	}
}
