package changenumber_test

import (
	"context"
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/infra/sim/simkit"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
)

// TestSlowVendorsDoNotCostTheReply: whatever hangs, the reply is there before
// the invocation is cut off, and no vendor is called after the lease.
func TestSlowVendorsDoNotCostTheReply(t *testing.T) {
	hang := func(operations ...string) (all []simkit.Fault) {
		for _, o := range operations {
			all = append(all, simkit.Fault{Operation: o, Hang: true})
		}
		return all
	}
	late := func(d time.Duration) simkit.Fault {
		return simkit.Fault{Operation: "changeNumber", Latency: simkit.Duration(d), Status: 503}
	}
	for name, c := range map[string]struct {
		faults     []simkit.Fault
		slowLedger bool
	}{
		"discovery":         {hang("root"), false},
		"token":             {hang("token"), false},
		"application":       {hang("applications"), false},
		"phones":            {hang("phones"), false},
		"change":            {hang("changeNumber"), false},
		"phones and delete": {hang("phones", "deleteApplication"), false},
		"change and delete": {hang("changeNumber", "deleteApplication"), false},
		"delete":            {hang("deleteApplication"), false},
		"vendor and ledger": {hang("phones", "deleteApplication"), true},
		"ledger at last":    {[]simkit.Fault{late(9 * time.Second), {Operation: "phones", Latency: simkit.Duration(8 * time.Second)}}, true},
		"many slow answers": {[]simkit.Fault{
			{Operation: "changeNumber", Latency: simkit.Duration(3 * time.Second), Status: 504},
			{Operation: "phones", Latency: simkit.Duration(2 * time.Second)},
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { slowly(t, c.faults, c.slowLedger) })
		})
	}
}

func slowly(t *testing.T, faults []simkit.Fault, slowLedger bool) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	deadline, _ := ctx.Deadline()
	store := &slowStore{Store: ledgertest.NewMemory()}
	if slowLedger {
		store.from = deadline.Add(-5 * time.Second)
	}
	site := newSite(t, options{inProcess: true, store: store})
	for _, f := range faults {
		site.fault(f)
	}
	batch := events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", ReceiptHandle: "1", Body: site.assign("1", 1, nil)}}}
	if _, err := site.handler.Handle(ctx, batch); err != nil {
		t.Fatal(err)
	}
	if left := time.Until(deadline); left < time.Second {
		t.Errorf("%v are left for the reply", left)
	}
	if last := site.transport.(*inProcess).last; last.After(store.lease) {
		t.Errorf("a vendor was called until %v after the end of the lease", last.Sub(store.lease))
	}
}

// slowStore does not answer from a time on, and notes the lease that was given.
type slowStore struct {
	ledger.Store
	from time.Time // zero: always answers

	lease time.Time
}

func (s *slowStore) wait(ctx context.Context) error {
	if s.from.IsZero() || time.Now().Before(s.from) {
		return nil
	}
	<-ctx.Done()
	return ctx.Err()
}

func (s *slowStore) Get(ctx context.Context, k ledger.Key) (ledger.Item, error) {
	if err := s.wait(ctx); err != nil {
		return ledger.Item{}, err
	}
	return s.Store.Get(ctx, k)
}

func (s *slowStore) Put(ctx context.Context, i ledger.Item) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	var r ledger.Request
	if i.Key.Kind == ledger.KindRequest && json.Unmarshal(i.Data, &r) == nil && r.State == ledger.Running {
		s.lease = r.LeaseUntil
	}
	return s.Store.Put(ctx, i)
}
