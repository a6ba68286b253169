package changenumber_test

import (
	"fmt"
	"testing"

	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
)

// TestEveryRefusalOfSkype answers each call of an assignment in every way there
// is, once and for good. What is final ends on first sight and leaves no number
// behind; everything else ends well as soon as the trouble is over, with one
// change.
func TestEveryRefusalOfSkype(t *testing.T) {
	answers := []struct {
		fault simkit.Fault
		final bool
	}{
		{simkit.Fault{Status: 400, Code: "BadRequest"}, true},
		{simkit.Fault{Status: 403, Code: "Forbidden"}, true},
		{simkit.Fault{Status: 403, HTML: true}, true},
		{simkit.Fault{Status: 404, Code: "NotFound", Subcode: "ApplicationNotFound"}, false},
		{simkit.Fault{Status: 404, Code: "NotFound"}, false},
		{simkit.Fault{Status: 404, HTML: true}, false},
		{simkit.Fault{Status: 409, Code: "Conflict", Subcode: "None"}, true},
		{simkit.Fault{Status: 409, Code: "Conflict", Subcode: "AnotherOperationPending"}, false},
		{simkit.Fault{Status: 410, Code: "Gone", Subcode: "TooManyApplications"}, false},
		{simkit.Fault{Status: 410, Code: "Gone", Subcode: "UserAgentNotAllowed"}, true},
		{simkit.Fault{Status: 410, Code: "Gone", Subcode: "CannotRedirect"}, false},
		{simkit.Fault{Status: 412, Code: "PreconditionFailed"}, false},
		{simkit.Fault{Status: 429, Code: "TooManyRequests"}, false},
		{simkit.Fault{Status: 500, Code: "ServiceFailure"}, false},
		{simkit.Fault{Status: 502, HTML: true}, false},
		{simkit.Fault{Status: 503, HTML: true}, false},
		{simkit.Fault{Status: 504, Code: "Timeout", Apply: true}, false},
		{simkit.Fault{Body: "<html>200</html>", Apply: true}, false},
		{simkit.Fault{ResetBefore: true}, false},
		{simkit.Fault{ResetAfter: true}, false},
	}
	calls := []simkit.Fault{
		{Operation: "applications"}, {Operation: "phones"}, {Operation: "changeNumber"}, {Operation: "phones", After: 1},
	}
	for _, call := range calls {
		for _, a := range answers {
			for _, times := range []int{1, 0} {
				f := a.fault
				f.Operation, f.After, f.Times = call.Operation, call.After, times
				t.Run(fmt.Sprintf("%s after %d: %d %s%s html %v, %d times", f.Operation, f.After, f.Status, f.Code, f.Subcode, f.HTML, times), func(t *testing.T) {
					t.Parallel()
					refused(t, f, a.final)
				})
			}
		}
	}
}

// TestEveryRefusalOfWebex does the same for the two calls of a batch.
func TestEveryRefusalOfWebex(t *testing.T) {
	for _, operation := range []string{webexsim.OpAvailableNumbers, webexsim.OpNumbers} {
		for status, final := range map[int]bool{
			400: true, 401: false, 403: true, 404: true, 405: true, 409: true, 410: true, 415: true, 423: false, 428: true, 429: false,
			451: true, 500: false, 502: false, 503: false, 504: false,
		} {
			t.Run(fmt.Sprint(operation, status), func(t *testing.T) {
				t.Parallel()
				s := newSite(t, options{skype: ucwasim.Config{Users: 1}, inProcess: true})
				f := simkit.Fault{Operation: operation, Status: status, Header: map[string]string{"Retry-After": "30"}}
				if _, err := s.webex.Script().Add(f); err != nil {
					t.Fatal(err)
				}
				body := s.assign("1", 1, nil)
				s.deliver(body)
				if got := len(s.queue.letters) > 0; got != final {
					t.Fatalf("dead-lettered: %v, want %v; request %+v", got, final, s.request(body))
				}
				s.nothingReserved()
				if u := s.skypeUser(1); u.ChangeCount > 0 || u.Applications.Running > 0 {
					t.Errorf("%d changes, %d applications left open", u.ChangeCount, u.Applications.Running)
				}
				if s.webex.Script().Clear(); !final {
					s.restart() // what Webex asked to wait is over
					s.done(body)
				}
			})
		}
	}
}

func refused(t *testing.T, f simkit.Fault, final bool) {
	s := newSite(t, options{skype: ucwasim.Config{Users: 1}, inProcess: !f.ResetBefore && !f.ResetAfter})
	s.fault(f)
	body := s.assign("1", 1, nil)
	s.deliver(body)
	// one stale answer of a proxy is looked into; a refusal after the change leaves open whether it stands
	settled := final && !(f.HTML && f.Times == 1) && f.After == 0
	if got := len(s.queue.letters) > 0; got != settled {
		t.Fatalf("dead-lettered: %v, want %v; request %+v", got, settled, s.request(body))
	}
	if settled {
		s.nothingReserved()
		return
	}
	s.skype.Script().Clear()
	a := s.done(body)
	u := s.skypeUser(1)
	if u.ChangeCount != 1 || !e164.Same(u.Phones["work"].Number, string(a.Number)) {
		t.Errorf("%d changes, phone %q, outcome %s", u.ChangeCount, u.Phones["work"].Number, a.Number)
	}
	if u.Applications.Running > 0 {
		t.Errorf("%d applications left open", u.Applications.Running)
	}
	for n, err := range s.ledger.Numbers(t.Context(), s.home) {
		if err != nil || n.State == ledger.Reserved || n.State == ledger.Assigned && n.Number != a.Number {
			t.Errorf("a number stays %s (%v)", n.State, err)
		}
	}
}

// nothingReserved checks that no number waits for somebody.
func (s *site) nothingReserved() {
	s.t.Helper()
	for n, err := range s.ledger.Numbers(s.t.Context(), s.home) {
		if err != nil || n.State == ledger.Reserved {
			s.t.Errorf("a number stays %s (%v)", n.State, err)
		}
	}
}
