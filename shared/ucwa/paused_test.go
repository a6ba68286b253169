package ucwa_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/ucwa"
)

// TestPaused: a transport that refuses a call sent nothing, whatever the call,
// and what is known of the user's location stays known.
func TestPaused(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	s := &switching{now: http.DefaultTransport}
	c := p.client(ucwa.Config{HTTP: &http.Client{Transport: s}})
	app := p.open(c)
	mobile := read(t, app, ucwa.Mobile)
	p.take()
	s.now = opaque{&failure.Error{Class: failure.Unavailable, Reason: "not called", RetryAfter: 90 * time.Second, Err: failure.ErrPaused}}
	_, phonesErr := app.Phones(t.Context())
	_, openErr := c.Open(t.Context(), ada)
	for name, err := range map[string]error{
		"change": app.ChangeNumber(t.Context(), mobile, ucwa.NumberChange{Number: "+12056350001"}),
		"phones": phonesErr, "open": openErr, "close": app.Close(t.Context()),
	} {
		e := ucwa.As(err)
		if e == nil || e.Class != failure.Unavailable || e.Remedy != ucwa.Retry || e.RetryAfter != 90*time.Second || !errors.Is(err, failure.ErrPaused) {
			t.Errorf("%s: %#v, want unavailable, retry after 90 s", name, e)
		}
	}
	s.now = http.DefaultTransport
	if next := c.Next(ada); len(next) != 1 || next[0].Path == "/" {
		t.Errorf("the next call goes to %v, want the user's pool", next)
	}
	p.open(c)
	if calls := p.take(); calls != "create" {
		t.Errorf("opening made the calls %q, want no discovery", calls)
	}
}

// TestPausedAddresses: of addresses that are all paused the one due first says
// when to come back; one that was asked speaks before any that was not.
func TestPausedAddresses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		waits map[string]time.Duration // by host; 0: it is asked, in vain
		want  time.Duration
	}{
		"all paused":   {map[string]time.Duration{"lyncdiscoverinternal.contoso.test": time.Hour, "lyncdiscover.contoso.test": time.Minute}, time.Minute},
		"first paused": {map[string]time.Duration{"lyncdiscoverinternal.contoso.test": time.Hour, "lyncdiscover.contoso.test": 0}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, err := ucwa.New(ucwa.Config{Tokens: &source{}, HTTP: &http.Client{Transport: waiting(c.waits)}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) // no time for a second try
			defer cancel()
			_, err = client.Open(ctx, ada)
			e := ucwa.As(err)
			if e == nil || e.Class != failure.Unavailable || e.Remedy != ucwa.Retry || e.RetryAfter != c.want {
				t.Errorf("%#v, want retry after %s", e, c.want)
			}
			if f := failure.As(err); c.want == 0 && f != nil {
				t.Errorf("an address that was not asked speaks: %v", f)
			}
		})
	}
}

type waiting map[string]time.Duration

func (w waiting) RoundTrip(r *http.Request) (*http.Response, error) {
	if wait := w[r.URL.Host]; wait > 0 {
		return nil, &failure.Error{Class: failure.Unavailable, Reason: "not called", RetryAfter: wait, Err: failure.ErrPaused}
	}
	return nil, errors.New("no such host")
}
