package changenumber_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"dialtone/functions/change-number/changenumber"
	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/signin"
	"dialtone/shared/ucwa"
	"dialtone/shared/webex"
)

// inProcess calls the simulators without a network, so that their time is that
// of the test's bubble. It notes when the last call ended.
type inProcess struct {
	hosts map[string]http.Handler

	mu   sync.Mutex
	last time.Time
}

func (p *inProcess) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	defer func() {
		if recover() != nil { // how a simulator drops a caller
			resp, err = nil, context.Cause(r.Context())
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		p.last = time.Now()
	}()
	answer := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	r.Host = r.URL.Host
	p.hosts[r.URL.Host].ServeHTTP(answer, r)
	return answer.Result(), nil
}

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
	h, batch, vendors := slowSite(t, store, faults)
	if _, err := h.Handle(ctx, batch); err != nil {
		t.Fatal(err)
	}
	if left := time.Until(deadline); left < time.Second {
		t.Errorf("%v are left for the reply", left)
	}
	if vendors.last.After(store.lease) {
		t.Errorf("a vendor was called until %v after the end of the lease", vendors.last.Sub(store.lease))
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

func slowSite(t *testing.T, store ledger.Store, faults []simkit.Fault) (*changenumber.Handler, events.SQSEvent, *inProcess) {
	t.Helper()
	skype, err := ucwasim.New(ucwasim.Config{Users: 3})
	if err != nil {
		t.Fatal(err)
	}
	cloud, err := webexsim.New(webexsim.Config{Locations: []webexsim.Location{location("Home", 10)}})
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		if _, err := skype.Script().Add(f); err != nil {
			t.Fatal(err)
		}
	}
	vendors := &inProcess{hosts: map[string]http.Handler{"127.0.0.1:1": skype.Handler(), "127.0.0.1:2": cloud.Handler()}}
	client := &http.Client{Transport: vendors}
	l := ledger.New(store, ledger.Options{})
	secrets := signin.Passwords{Secrets: simSecrets{}, Prefix: "ucwa/"}
	u, err := ucwa.New(ucwa.Config{
		DiscoveryURL: "http://127.0.0.1:1/", HTTP: client,
		Tokens: &signin.Guard{Source: ucwa.NewPasswordGrant(client, secrets.Credentials), Ledger: l, Fingerprint: secrets.Fingerprint},
	})
	if err != nil {
		t.Fatal(err)
	}
	w, err := webex.New(webex.Config{BaseURL: "http://127.0.0.1:2/v1", HTTP: client, Tokens: webex.StaticToken(webexsim.DefaultToken().AccessToken), Rate: 1e6, Burst: 1e6})
	if err != nil {
		t.Fatal(err)
	}
	queue := &queueLog{}
	h, err := changenumber.New(changenumber.Config{Ledger: l, Webex: w, UCWA: u, Visibility: queue, DeadLetters: queue})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, home: cloud.Locations()[0].ID}
	return h, events.SQSEvent{Records: []events.SQSMessage{{MessageId: "1", ReceiptHandle: "1", Body: s.assign("1", 1, nil)}}}, vendors
}
