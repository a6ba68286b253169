package webex_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/failure"
	"dialtone/shared/webex"
)

// simulate starts a simulator, and a client of it that keeps its tokens in v.
func simulate(t *testing.T, sim webexsim.Config, cfg webex.Config) (*webexsim.Server, *webex.Client) {
	t.Helper()
	s, err := webexsim.New(sim)
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Tokens == nil {
		cfg.Tokens = webex.StaticToken(webexsim.DefaultToken().AccessToken)
	}
	cfg.BaseURL = "http://localhost/v1" // so that its links lead to where it is
	c, _ := connect(t, cfg, s.Handler().ServeHTTP)
	return s, c
}

// home are the numbers of the token's organisation in a location, or in all, by
// the simulator's own word.
func home(s *webexsim.Server, location string) map[string]webexsim.Number {
	all := map[string]webexsim.Number{}
	for _, l := range s.Locations() {
		for _, n := range s.Numbers(l.ID) {
			if location == "" || location == l.ID {
				all[n.PhoneNumber] = n
			}
		}
	}
	return all
}

func unassigned(s *webexsim.Server, location string) []string {
	var all []string
	for _, n := range home(s, location) {
		if n.Owner == nil {
			all = append(all, n.PhoneNumber)
		}
	}
	slices.Sort(all)
	return all
}

func TestSimulatorInEveryHabit(t *testing.T) {
	t.Parallel()
	hamburg := webexsim.LocationID("Hamburg")
	for name, sim := range map[string]webexsim.Config{
		"plain":           {},
		"captured":        {Dialect: webexsim.Captured},
		"spaced link":     {Links: webexsim.LinkSpaced},
		"two links":       {Links: webexsim.LinkPair},
		"no link":         {Links: webexsim.LinkOmitted},
		"filters lost":    {Links: webexsim.LinkLossy},
		"foreign link":    {Links: webexsim.LinkForeign},
		"empty last page": {EmptyLastPage: true},
		"clamped":         {PageLimit: 30},
		"504":             {Max504: 60},
		"rate limit":      {Rate: webexsim.Rate{PerSecond: 1, Burst: 2}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var logs bytes.Buffer
			s, c := simulate(t, sim, webex.Config{Logger: slog.New(slog.NewTextHandler(&logs, nil))})
			got, err := collect(c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{LocationID: hamburg, LicenseType: webex.Standard, Max: 100}))
			if foreign := strings.Contains(logs.String(), "configured host"); foreign != (sim.Links == webexsim.LinkForeign) {
				t.Errorf("%s: a link was left aside: %v", name, foreign)
			}
			slices.Sort(got)
			if want := unassigned(s, hamburg); err != nil || !slices.Equal(got, want) {
				t.Errorf("%s: %d numbers %v, want the %d of the location", name, len(got), err, len(want))
			}
		})
	}
}

func TestSimulatorLoopEnds(t *testing.T) {
	t.Parallel()
	s, c := simulate(t, webexsim.Config{Links: webexsim.LinkLoop}, webex.Config{})
	got, err := collect(c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{Max: 10}))
	if err != nil || len(got) != 10 || s.Calls()[webexsim.OpAvailableNumbers] > 2 {
		t.Errorf("%d numbers %v in %d calls, want the first page and an end", len(got), err, s.Calls()[webexsim.OpAvailableNumbers])
	}
}

// TestSimulatorShuffled reads pages that overlap: no number twice, and each
// missing one is found when it is asked for by itself.
func TestSimulatorShuffled(t *testing.T) {
	t.Parallel()
	s, c := simulate(t, webexsim.Config{Order: webexsim.OrderShuffled, Seed: 7}, webex.Config{})
	hamburg := webexsim.LocationID("Hamburg")
	got, err := collect(c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{LocationID: hamburg, Max: 20}))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(got)
	all := unassigned(s, hamburg)
	if len(slices.Compact(slices.Clone(got))) != len(got) || len(got) == len(all) {
		t.Errorf("%d numbers of %d, want some missing and none twice", len(got), len(all))
	}
	missing := slices.DeleteFunc(slices.Clone(all), func(n string) bool { return slices.Contains(got, n) })
	found, err := collect(c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{PhoneNumbers: e164s(missing...)}))
	slices.Sort(found)
	if err != nil || !slices.Equal(found, missing) {
		t.Errorf("%d of the %d missing ones found, %v", len(found), len(missing), err)
	}
}

// TestSimulatorCrossCheck compares what both endpoints say with what is so.
func TestSimulatorCrossCheck(t *testing.T) {
	t.Parallel()
	for _, dialect := range []webexsim.Dialect{webexsim.Generated, webexsim.Captured} {
		s, c := simulate(t, webexsim.Config{Dialect: dialect}, webex.Config{})
		kinds := home(s, "")
		for n, err := range c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			is := kinds[string(n.PhoneNumber)].Kind
			if n.MainNumber != (is == webexsim.KindMain) || n.ServiceNumber != (is == webexsim.KindService) || n.Mobile != (is == webexsim.KindMobile) {
				t.Errorf("available: %+v is %s", n, is)
			}
		}
		count := 0
		for n, err := range c.Numbers(t.Context(), webex.NumbersOptions{}) {
			if err != nil {
				t.Fatal(err)
			}
			is := kinds[string(n.PhoneNumber)]
			if n.MainNumber != (is.Kind == webexsim.KindMain) || n.TollFree != (is.Kind == webexsim.KindTollFree) || n.Reserved != (is.Kind == webexsim.KindReserved) ||
				n.ServiceNumber != (is.Kind == webexsim.KindService) || n.Mobile != (is.Kind == webexsim.KindMobile) || (n.Owner != nil) != (is.Owner != nil) || n.LocationID != is.LocationID {
				t.Errorf("numbers: %+v is %+v", n, is)
			}
			count++
		}
		if count != len(kinds) {
			t.Errorf("%d numbers in the inventory, want %d", count, len(kinds))
		}
	}
}

func TestSimulatorRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, c := simulate(t, webexsim.Config{}, webex.Config{MaxWait: 3 * time.Second})
		fault(t, s, simkit.Fault{Operation: webexsim.OpAvailableNumbers, Status: 429, Header: map[string]string{"Retry-After": "2"}, Times: 1})
		start := time.Now()
		if err := first(t.Context(), c); err != nil || time.Since(start) < 2*time.Second {
			t.Errorf("%v after %v, want success after 2 s", err, time.Since(start))
		}
		fault(t, s, simkit.Fault{Operation: webexsim.OpAvailableNumbers, Status: 429, Header: map[string]string{"Retry-After": "60"}, Times: 1})
		e := asError(t, first(t.Context(), c))
		calls := s.Calls()[webexsim.OpAvailableNumbers]
		if again := asError(t, first(t.Context(), c)); e.RetryAfter != time.Minute || again.RetryAfter != time.Minute || s.Calls()[webexsim.OpAvailableNumbers] != calls {
			t.Errorf("%v, then %v after another call, want RetryAfter of a minute twice for one call", e, again)
		}
	})
}

func fault(t *testing.T, s *webexsim.Server, f simkit.Fault) {
	t.Helper()
	if _, err := s.Script().Add(f); err != nil {
		t.Fatal(err)
	}
}

// TestSimulatorTokenRotation expires the access token under many callers: one
// refresh each time, and the strict simulator kills each refresh token it rotates.
func TestSimulatorTokenRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		token := webexsim.DefaultToken()
		s, err := webexsim.New(webexsim.Config{})
		if err != nil {
			t.Fatal(err)
		}
		v := &vault{stored: webex.Credentials{
			ClientID: token.ClientID, ClientSecret: token.ClientSecret, RefreshToken: token.RefreshToken, AccessToken: token.AccessToken,
		}}
		c, _ := connect(t, webex.Config{Tokens: refresher(t, v, s.Handler().ServeHTTP)}, s.Handler().ServeHTTP)
		for round := range 4 {
			s.ExpireAccessToken("")
			time.Sleep(time.Minute)
			var wg sync.WaitGroup
			for range 8 {
				wg.Go(func() {
					if err := first(t.Context(), c); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			if n := s.Calls()[webexsim.OpAccessToken]; n != round+1 {
				t.Errorf("%d refreshes after %d expiries", n, round+1)
			}
		}
		time.Sleep(time.Minute)
		s.RevokeRefreshToken("")
		s.ExpireAccessToken("")
		for range 5 {
			if e := asError(t, first(t.Context(), c)); e.Class != failure.Denied || e.Status != 401 {
				t.Errorf("%v, want denied", e)
			}
		}
		if n := s.Calls()[webexsim.OpAccessToken]; n != 5 {
			t.Errorf("%d refreshes, want one more for the dead token", n)
		}
	})
}

// TestSimulatorOverRealHTTP adds what only a connection does.
func TestSimulatorOverRealHTTP(t *testing.T) {
	t.Parallel()
	s, err := webexsim.New(webexsim.Config{})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.Handler())
	defer srv.Close()
	fault(t, s, simkit.Fault{Operation: webexsim.OpAvailableNumbers, ResetBefore: true, Times: 1})
	fault(t, s, simkit.Fault{Operation: webexsim.OpAvailableNumbers, Truncate: 100, Times: 1})
	fault(t, s, simkit.Fault{Operation: webexsim.OpAvailableNumbers, HTML: true, Times: 1})
	c, err := webex.New(webex.Config{
		BaseURL: srv.URL + "/v1", HTTP: srv.Client(), Rate: 1e6, Burst: 100, MaxWait: time.Minute,
		Tokens: webex.StaticToken(webexsim.DefaultToken().AccessToken),
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := collect(c.AvailableNumbers(t.Context(), webex.AvailableNumbersOptions{Max: 300}))
	slices.Sort(got)
	if want := unassigned(s, ""); err != nil || !slices.Equal(got, want) {
		t.Errorf("%d numbers %v, want %d", len(got), err, len(want))
	}
}

func Example() {
	sim, err := webexsim.New(webexsim.Config{}) // stands in for webexapis.com
	if err != nil {
		fmt.Println(err)
		return
	}
	srv := httptest.NewServer(sim.Handler())
	defer srv.Close()

	client, err := webex.New(webex.Config{
		BaseURL: srv.URL + "/v1",
		HTTP:    &http.Client{},
		Tokens:  webex.StaticToken(webexsim.DefaultToken().AccessToken),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	options := webex.AvailableNumbersOptions{LocationID: webexsim.LocationID("Hamburg"), LicenseType: webex.Professional, Max: 100}
	for n, err := range client.AvailableNumbers(context.Background(), options) {
		if err != nil {
			fmt.Println(err)
			return
		}
		if n.State == webex.Active && !n.MainNumber && !n.ServiceNumber && !n.Mobile {
			fmt.Println("a candidate ends in", n.PhoneNumber.Masked())
			break // nothing more is fetched
		}
	}
	// Output: a candidate ends in …9000
}
