package vendors_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/signin"
	"dialtone/shared/ucwa"
	"dialtone/shared/vendors"
	"dialtone/shared/webex"
)

// network has nobody on it, and takes note of who was looked for.
type network struct {
	mu    sync.Mutex
	asked map[string]int
}

func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked[r.URL.Host]++
	if strings.HasPrefix(r.URL.Host, "busy.") {
		return &http.Response{StatusCode: 429, Header: http.Header{"Retry-After": {"60"}}, Body: io.NopCloser(strings.NewReader(""))}, nil
	}
	if strings.HasPrefix(r.URL.Host, "slow.") {
		if size, _ := strconv.Atoi(r.URL.Query().Get("max")); size == 0 || size > 100 {
			return &http.Response{StatusCode: 504, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(""))}, nil
		}
		header := http.Header{"Content-Type": {"application/json"}}
		return &http.Response{StatusCode: 200, Header: header, Body: io.NopCloser(strings.NewReader(`{"phoneNumbers":[]}`))}, nil
	}
	return nil, errors.New("no route")
}

type vault struct{}

func (vault) Secret(_ context.Context, name string) ([]byte, error) {
	if name == "webex" {
		return []byte(`{"accessToken":"t"}`), nil
	}
	return nil, signin.ErrNoSecret
}

func (vault) Save(context.Context, string, []byte) error { return nil }

func connect(t *testing.T, s vendors.Settings) (vendors.Clients, *network) {
	t.Helper()
	n := &network{asked: map[string]int{}}
	s.WebexSecret, s.WebexRate, s.SecretPrefix = "webex", 1000, "ucwa/"
	c, err := s.Connect(vendors.Surroundings{Ledger: ledger.New(ledgertest.NewMemory(), ledger.Options{}), Secrets: vault{}, Network: n})
	if err != nil {
		t.Fatal(err)
	}
	return c, n
}

func assign() command.Command {
	return command.Command{User: "ada@contoso.test", Data: command.Assign{User: "ada@contoso.test"}}
}

// TestDiscoveryIsPaused: all addresses that could tell where a user is are gone.
// The user's commands are not ready, and cost no calls.
func TestDiscoveryIsPaused(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, n := connect(t, vendors.Settings{})
		if err := c.Ready(t.Context(), assign()); err != nil {
			t.Fatal(err)
		}
		for range 5 {
			_, _ = c.UCWA.Open(t.Context(), "ada@contoso.test")
		}
		before := len(n.asked) + n.asked["lyncdiscover.contoso.test"] + n.asked["lyncdiscoverinternal.contoso.test"]
		_, err := c.UCWA.Open(t.Context(), "ada@contoso.test")
		e := ucwa.As(err)
		if e == nil || e.Class != failure.Unavailable || e.Remedy != ucwa.Retry || e.RetryAfter == 0 || !errors.Is(err, failure.ErrPaused) {
			t.Errorf("open: %#v", err)
		}
		if after := len(n.asked) + n.asked["lyncdiscover.contoso.test"] + n.asked["lyncdiscoverinternal.contoso.test"]; after != before {
			t.Errorf("%d calls to paused hosts", after-before)
		}
		for _, cmd := range []command.Command{assign(), {User: "ada@contoso.test"}} {
			if err := c.Ready(t.Context(), cmd); !errors.Is(err, failure.ErrPaused) {
				t.Errorf("ready: %v", err)
			}
		}
		if err := c.Ready(t.Context(), command.Command{User: "eva@example.test"}); err != nil {
			t.Errorf("a user of another domain: %v", err)
		}
	})
}

// TestWebexNeedsSmallPages: finding out how small takes as many failures as pause
// the host. It goes on from there when the pause ends, instead of once more.
func TestWebexNeedsSmallPages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, n := connect(t, vendors.Settings{WebexBaseURL: "https://slow.webex.test/v1"})
		list := func() error {
			for _, err := range c.Webex.AvailableNumberPages(t.Context(), webex.AvailableNumbersOptions{LocationID: "x"}) {
				return err
			}
			return nil
		}
		if err := list(); !errors.Is(err, failure.ErrPaused) {
			t.Fatalf("%v: the host was not paused, so the test proves nothing", err)
		}
		time.Sleep(10 * time.Second)
		if err := list(); err != nil {
			t.Errorf("after the pause: %v", err)
		}
		if calls := n.asked["slow.webex.test"]; calls != 6 {
			t.Errorf("%d calls, want 6: five too large, one that works", calls)
		}
	})
}

// TestWebexIsThrottled: its Retry-After holds for all, but not for commands that
// do without it.
func TestWebexIsThrottled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, n := connect(t, vendors.Settings{WebexBaseURL: "https://busy.webex.test/v1"})
		list := func() error {
			for _, err := range c.Webex.AvailableNumberPages(t.Context(), webex.AvailableNumbersOptions{LocationID: "x"}) {
				return err
			}
			return nil
		}
		if err := list(); err == nil {
			t.Fatal("no error")
		}
		err := c.Ready(t.Context(), assign())
		if f := failure.As(err); !errors.Is(err, failure.ErrPaused) || f.RetryAfter < 59*time.Second || f.RetryAfter > 75*time.Second {
			t.Errorf("ready: %#v", err)
		}
		if err := c.Ready(t.Context(), command.Command{User: "ada@contoso.test"}); err != nil {
			t.Errorf("a command without Webex: %v", err)
		}
		if n.asked["busy.webex.test"] != 1 {
			t.Errorf("%d calls", n.asked["busy.webex.test"])
		}
	})
}
