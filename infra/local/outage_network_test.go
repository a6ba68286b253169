package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"dialtone/infra/sim/webexsim"
	"dialtone/shared/signin"
	"dialtone/shared/sipaddr"
)

// network calls the vendors' handlers by host, unless the host is gone.
type network struct {
	hosts map[string]http.Handler

	mu     sync.Mutex
	gone   *outage     // nil: all is well
	lost   []time.Time // calls to the host that was gone
	spared int         // calls to the others meanwhile
}

func (n *network) cut(o outage) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gone = &o
}

func (n *network) mend() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gone = nil
}

// outageOf notes a call and returns what is wrong with its host; nil if nothing.
func (n *network) outageOf(host string) *outage {
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.gone == nil:
		return nil
	case n.gone.host != host:
		n.spared++
		return nil
	}
	n.lost = append(n.lost, time.Now())
	return n.gone
}

// RoundTrip implements http.RoundTripper. Every answer takes 50 ms.
func (n *network) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if o := n.outageOf(r.URL.Host); o != nil {
		return o.answer(r)
	}
	time.Sleep(50 * time.Millisecond)
	r = r.Clone(r.Context())
	r.Host = r.URL.Host
	if r.Body == nil {
		r.Body = http.NoBody
	}
	answer := httptest.NewRecorder()
	n.hosts[r.Host].ServeHTTP(answer, r)
	return answer.Result(), nil
}

// passwords are those of the simulators' generated users, and Webex's token.
type passwords struct{}

func (passwords) Secret(_ context.Context, name string) ([]byte, error) {
	if name == "webex" {
		return json.Marshal(map[string]string{"accessToken": webexsim.DefaultToken().AccessToken})
	}
	user := sipaddr.User(strings.TrimPrefix(name, "ucwa/"))
	if user.Domain() == "" {
		return nil, signin.ErrNoSecret
	}
	return json.Marshal(map[string]string{"username": string(user), "password": "pw-" + user.LocalPart()})
}

func (passwords) Save(context.Context, string, []byte) error {
	return errors.New("passwords do not change")
}
