package ledger_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
)

func TestUnpark(t *testing.T) {
	t.Parallel()
	const n = "+494055501"
	l := ledger.New(ledgertest.NewMemory(), ledger.Options{})
	ada := ledger.Holder{User: "ada@contoso.test", PhoneType: command.Work, Request: command.Key{Source: "hr", ID: "1"}}
	by := ledger.Decision{By: "eva", Reason: "the phone is gone"}
	unpark := func(known ledger.Number) (ledger.Number, error) { return l.Unpark(t.Context(), known, by) }

	parked, err := l.Park(t.Context(), n, "home", ada, "refused", time.Now().Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unpark(parked); !isTaken(err, ledger.Parked) {
		t.Errorf("parked for a time: %v", err)
	}
	forGood, err := l.Park(t.Context(), n, "home", ada, "used elsewhere", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := unpark(parked); !errors.Is(err, ledger.ErrChanged) {
		t.Errorf("parked again since it was looked at: %v", err)
	}
	freed, err := unpark(forGood)
	if err != nil || freed.State != ledger.Free || !strings.Contains(freed.Reason, "eva: the phone is gone") || freed.LocationID != "home" {
		t.Fatalf("freed %+v, %v", freed, err)
	}
	if _, err := unpark(forGood); !errors.Is(err, ledger.ErrChanged) {
		t.Errorf("freed twice: %v", err)
	}
	claimed, err := l.Claim(t.Context(), n, "home", ada)
	if err != nil || claimed.Reason != "" {
		t.Errorf("claimed %+v, %v", claimed, err)
	}
	if _, err := unpark(claimed); !isTaken(err, ledger.Reserved) {
		t.Errorf("reserved: %v", err)
	}
}

func isTaken(err error, state ledger.NumberState) bool {
	taken, ok := errors.AsType[*ledger.TakenError](err)
	return ok && taken.State == state
}
