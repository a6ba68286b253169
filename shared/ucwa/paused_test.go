package ucwa_test

import (
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
