package changenumber_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"dialtone/functions/change-number/changenumber"
	"dialtone/infra/sim/simkit"
)

func TestNewReportsAllThatIsWrong(t *testing.T) {
	_, err := changenumber.New(changenumber.Config{Quarantine: -1, QuarantineAt: map[string]time.Duration{"hamburg": -1}, Concurrency: -1})
	for _, want := range []string{"Ledger", "Webex", "UCWA", "Visibility", "DeadLetters", "Quarantine", "QuarantineAt of hamburg", "Concurrency"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not name %s", err, want)
		}
	}
}

func TestVendorSaysWhenToComeBack(t *testing.T) {
	s := newSite(t, options{})
	s.fault(simkit.Fault{Operation: "changeNumber", Status: 429, Header: map[string]string{"Retry-After": "90"}, Times: 1})
	body := s.assign("1", 1, nil)
	s.comesBack(body)
	if len(s.queue.waits) != 1 || s.queue.waits[0] < 90*time.Second {
		t.Errorf("comes back after %v, asked for 90 s", s.queue.waits)
	}
	s.done(body)
}

// TestPanicCostsOneMessage: the steps that run side by side panic where the
// batch recovers.
func TestPanicCostsOneMessage(t *testing.T) {
	for _, path := range []string{"/availableNumbers", "/phones"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, options{transport: trap(path)})
			back := s.deliver(s.assign("1", 1, nil), `{"specversion":"1.0"}`)
			if len(back) != 1 || len(s.queue.letters) != 1 {
				t.Errorf("%d came back, %d dead letters, want one of each", len(back), len(s.queue.letters))
			}
		})
	}
}

// trap panics at requests whose path ends so.
type trap string

func (p trap) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, string(p)) {
		panic("trapped")
	}
	return http.DefaultTransport.RoundTrip(r)
}
