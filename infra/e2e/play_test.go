//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"dialtone/events/sample/onboarding"
	"dialtone/infra/local"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
	"dialtone/shared/sqsqueue"
)

// simulate starts both vendors and returns the parameters that lead to them.
func simulate(t *testing.T, org onboarding.Organisation, l local.Latency) (*local.Simulation, map[string]string) {
	t.Helper()
	sim, err := local.Simulate(org, l)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	return sim, map[string]string{
		"WebexBaseUrl": sim.Settings().WebexBaseURL, "UcwaDiscoveryUrl": sim.Settings().DiscoveryURL,
		"WebexSecretId": webexSecret, "UcwaSecretPrefix": ucwaPrefix, "WebexRate": "1000",
	}
}

// Names of secrets.
const (
	webexSecret = "dialtone/webex"
	ucwaPrefix  = "dialtone/ucwa/"
)

// encode encodes what always can be.
func encode(t *testing.T, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// withWebex adds the secret of the simulated administrator.
func withWebex(t *testing.T, secrets map[string]string) map[string]string {
	t.Helper()
	secrets[webexSecret] = encode(t, map[string]string{"accessToken": webexsim.DefaultToken().AccessToken})
	return secrets
}

// sent is a message that was queued.
type sent struct {
	command command.Command
	body    []byte
}

// send queues messages. again also sends those once more that the queue's
// deduplication would keep out.
func (d *deployment) send(t *testing.T, messages []sent, again func(i int) bool) {
	t.Helper()
	sender, err := sqsqueue.NewSender(d.sqs, d.queue(t, "NumbersQueue").url)
	if err != nil {
		t.Fatal(err)
	}
	var all []sqsqueue.Message
	for i, m := range messages {
		message := sqsqueue.Command(m.command, m.body)
		all = append(all, message)
		if again != nil && again(i) {
			message.DedupID += "-again"
			all = append(all, message)
		}
	}
	for _, r := range sender.Send(t.Context(), all...) {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}

// outcomes waits until every request has its outcome, then until nothing is left
// to do: queues are empty and the stream is read to its end.
func (d *deployment) outcomes(t *testing.T, messages []sent, patience time.Duration) map[command.Key]outcome.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	got := map[command.Key]outcome.Event{}
	eventually(ctx, t, "every request has an outcome", func() (string, bool) {
		for _, m := range messages {
			if _, done := got[m.command.Key]; done {
				continue
			}
			r, _, err := d.ledger.Request(ctx, m.command.Key)
			if err != nil || r.Outcome == nil {
				return encode(t, map[string]any{"done": len(got), "of": len(messages), "request": m.command.Key, "state": r.State, "problem": r.Problem}), false
			}
			got[m.command.Key] = *r.Outcome
		}
		return "", true
	})
	d.quiet(ctx, t)
	return got
}

// quiet waits until nothing is left to do.
func (d *deployment) quiet(ctx context.Context, t *testing.T) {
	t.Helper()
	for _, q := range d.queues {
		eventually(ctx, t, q.id+" is empty", func() (string, bool) {
			n := d.messages(t, q)
			return encode(t, map[string]int{"messages": n}), n == 0
		})
	}
	for _, s := range d.streams {
		eventually(ctx, t, "the stream is read", func() (string, bool) {
			return encode(t, map[string]int{"done": s.Done(), "of": d.streamed.Len()}), s.Done() == d.streamed.Len()
		})
	}
}

// eventually looks until it is so, and says how it stands if it never is.
func eventually(ctx context.Context, t *testing.T, what string, is func() (how string, so bool)) {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		how, so := is()
		if so {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("never came true: %s: %s", what, how)
		case <-tick.C:
		}
	}
}

// published holds the bus against the ledger: every outcome came, whole, always
// under the same id, and nothing else did. It returns how many came more than
// once.
func (d *deployment) published(t *testing.T, want map[command.Key]outcome.Event) (repeats int) {
	t.Helper()
	byID := map[string]outcome.Event{}
	for _, o := range want {
		byID[o.ID] = o
	}
	times := map[string]int{}
	for _, e := range d.bus.heard(t) {
		o, known := byID[e.Detail.ID]
		switch {
		case !known:
			t.Errorf("the bus has an outcome %s that the ledger does not have", e.Detail.ID)
		case e.Source != outcome.Source || e.DetailType != o.Type || encode(t, e.Detail) != encode(t, o):
			t.Errorf("the bus has %s of %s as %s, the ledger has %s", encode(t, e.Detail), e.Source, e.DetailType, encode(t, o))
		}
		times[e.Detail.ID]++
	}
	for key, o := range want {
		switch n := times[o.ID]; {
		case n == 0:
			t.Errorf("the outcome of %s never came over the bus", key)
		case n > 1:
			repeats++
		}
	}
	if len(byID) != len(want) {
		t.Errorf("%d outcomes have %d ids", len(want), len(byID))
	}
	return repeats
}

// letters are the dead letters of the ledger by request.
func letters(t *testing.T, l *ledger.Ledger) map[command.Key]ledger.DeadLetter {
	t.Helper()
	all := map[command.Key]ledger.DeadLetter{}
	for d, err := range l.DeadLetters(t.Context(), time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		all[d.Request] = d
	}
	return all
}

// usersOf returns everybody whom messages are about, once.
func usersOf(messages []sent) []sipaddr.User {
	var all []sipaddr.User
	for _, m := range messages {
		all = append(all, m.command.User)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
