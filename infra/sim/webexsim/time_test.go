package webexsim_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/infra/sim/webexsim"
)

// call asks without a network, so that the clock of a synctest bubble governs.
func call(t *testing.T, sim *webexsim.Server, token, path string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1"+path, nil)
	req.Header.Set("Authorization", "Bearer "+token)
	rec := httptest.NewRecorder()
	sim.Handler().ServeHTTP(rec, req)
	return rec
}

func newSim(t *testing.T, c webexsim.Config) *webexsim.Server {
	t.Helper()
	sim, err := webexsim.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return sim
}

func TestAccessTokenExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := newSim(t, small())
		token := webexsim.DefaultToken().AccessToken
		time.Sleep(14*24*time.Hour - time.Second)
		if got := call(t, sim, token, availablePath).Code; got != http.StatusOK {
			t.Errorf("just before 14 days: %d", got)
		}
		time.Sleep(time.Second)
		if got := call(t, sim, token, availablePath).Code; got != http.StatusUnauthorized {
			t.Errorf("after 14 days: %d", got)
		}
	})
}

func TestRefreshTokenLifeIsRenewed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := small()
		c.KeepRefreshToken = true
		sim := newSim(t, c)
		d := webexsim.DefaultToken()
		refresh := func() int {
			req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/access_token?"+
				form("ignored", "1"), nil)
			req.Header.Set("Content-Type", formType)
			req.PostForm = map[string][]string{
				"grant_type": {"refresh_token"}, "client_id": {d.ClientID}, "client_secret": {d.ClientSecret}, "refresh_token": {d.RefreshToken},
			}
			req.Form = req.PostForm
			rec := httptest.NewRecorder()
			sim.Handler().ServeHTTP(rec, req)
			return rec.Code
		}
		for _, step := range []struct {
			wait time.Duration
			want int
		}{
			{89 * 24 * time.Hour, http.StatusOK},
			{89 * 24 * time.Hour, http.StatusOK},
			{90 * 24 * time.Hour, http.StatusBadRequest},
		} {
			time.Sleep(step.wait)
			if got := refresh(); got != step.want {
				t.Errorf("after %v: %d, want %d", step.wait, got, step.want)
			}
		}
	})
}

func TestFreedNumberStaysBlocked(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := small()
		c.ReleaseDelay = 5 * time.Second
		sim := newSim(t, c)
		phone := ""
		for _, n := range sim.Numbers(webexsim.LocationID("Hamburg")) {
			if n.Owner != nil {
				phone = n.PhoneNumber
			}
		}
		if err := sim.Free(phone); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5*time.Second - time.Nanosecond)
		if n, _ := sim.Number(phone); !n.Blocked || n.Available || n.Owner == nil {
			t.Errorf("just freed: %+v", n)
		}
		if err := sim.Assign(phone, webexsim.Owner{FirstName: "Ada"}); err == nil {
			t.Error("assigned while blocked")
		}
		time.Sleep(time.Nanosecond)
		if n, _ := sim.Number(phone); n.Blocked || !n.Available || n.Owner != nil {
			t.Errorf("after the delay: %+v", n)
		}
		if err := sim.Assign(phone, webexsim.Owner{FirstName: "Ada"}); err != nil {
			t.Errorf("after the delay: %v", err)
		}
	})
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := small()
		c.Rate = webexsim.Rate{PerSecond: 0.5, Burst: 3}
		c.Tokens = []webexsim.Token{{AccessToken: "a"}, {AccessToken: "b"}}
		sim := newSim(t, c)
		for i := range 3 {
			if got := call(t, sim, "a", availablePath).Code; got != http.StatusOK {
				t.Fatalf("call %d of the burst: %d", i, got)
			}
		}
		refused := call(t, sim, "a", numbersPath)
		if refused.Code != http.StatusTooManyRequests || refused.Header().Get("Retry-After") != "2" {
			t.Errorf("fourth call: %d, Retry-After %q, want 429 and 2", refused.Code, refused.Header().Get("Retry-After"))
		}
		for _, other := range []struct{ token, path string }{
			{"b", availablePath},
			{"a", availablePath + "?" + form("orgId", webexsim.OrgID("Example Customer"))},
		} {
			if got := call(t, sim, other.token, other.path).Code; got != http.StatusOK {
				t.Errorf("another bucket (%s): %d", other.token, got)
			}
		}
		time.Sleep(2 * time.Second)
		if got := call(t, sim, "a", availablePath).Code; got != http.StatusOK {
			t.Errorf("after Retry-After: %d", got)
		}
	})
}

func TestFixedRetryAfter(t *testing.T) {
	t.Parallel()
	c := small()
	c.Rate = webexsim.Rate{PerSecond: 1, RetryAfter: 5 * time.Second}
	sim := newSim(t, c)
	token := webexsim.DefaultToken().AccessToken
	call(t, sim, token, availablePath)
	if got := call(t, sim, token, availablePath).Header().Get("Retry-After"); got != "5" {
		t.Errorf("Retry-After %q, want 5", got)
	}
}
