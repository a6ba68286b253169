package ucwasim_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dialtone/infra/sim/ucwasim"
)

// TestThousandsWaitAtOnce keeps 2,000 event requests waiting over real HTTP, and
// tells every one of them of one contact.
func TestThousandsWaitAtOnce(t *testing.T) {
	t.Parallel()
	const users, workers = 2000, 32
	r := start(t, ucwasim.Config{Users: users, History: 10})
	r.client.Transport.(*http.Transport).MaxIdleConnsPerHost = workers
	r.client.Timeout = time.Minute
	address := func(n int) string { return fmt.Sprintf("user%05d@contoso.test", n+1) }
	sessions := make([]*session, users)
	spread(workers, users, func(n int) {
		local, _, _ := strings.Cut(address(n), "@")
		token := r.doc(r.token(r.tokenURL(), address(n), "pw-"+local))["access_token"]
		s := &session{rig: r, bearer: fmt.Sprint("Bearer ", token), apps: strings.TrimSuffix(r.DiscoveryURL, "/") + applications}
		s.create("e")
		r.want(s.as("POST", startPath, `{"duration":30}`), 201)
		sessions[n] = s
	})
	var told sync.WaitGroup
	for n, s := range sessions {
		told.Go(func() {
			got := s.as("GET", href(s.app, s.root, "events"), "")
			if want := fmt.Sprintf("sip:friend-of-%d@contoso.test", n); got.status != 200 || strings.Count(got.body, want) != 1 {
				t.Errorf("user %d got %d %s", n, got.status, got.body)
			}
		})
	}
	spread(workers, users, func(n int) {
		if err := r.AddContact(address(n), ucwasim.Contact{URI: fmt.Sprintf("sip:friend-of-%d@contoso.test", n)}); err != nil {
			t.Error(err)
		}
	})
	told.Wait()
	got := r.Totals()
	if got.Subscriptions != (ucwasim.SubscriptionCounts{Started: users, Running: users}) {
		t.Errorf("got %+v", got.Subscriptions)
	}
	if got.Channel != (ucwasim.ChannelCounts{Polls: users, Packages: users, Events: 2 * users}) {
		t.Errorf("got %+v", got.Channel)
	}
	if got.Leaked != 0 || got.Calls != 3*users {
		t.Errorf("got %+v", got)
	}
}

// spread does work for 0 to n-1 by some workers.
func spread(workers, n int, work func(int)) {
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n; i += workers {
				work(i)
			}
		})
	}
	wg.Wait()
}
