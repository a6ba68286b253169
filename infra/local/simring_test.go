package local_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"dialtone/infra/local"
	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/command"
	"dialtone/shared/httpretry"
	"dialtone/shared/outcome"
)

func simring(typ string, n int, data map[string]any) []byte {
	all := map[string]any{"user": fmt.Sprintf("user%05d@contoso.test", n)}
	for k, v := range data {
		all[k] = v
	}
	body, _ := json.Marshal(map[string]any{"specversion": "1.0", "source": "desk", "id": fmt.Sprint(typ, n), "type": typ, "data": all})
	return body
}

// TestSimring plays second phones against a Skype for Business that loses
// answers, while the same people get numbers: whoever has both disabled and
// enabled is as before, whoever policy forbids it has a dead letter.
func TestSimring(t *testing.T) {
	const people, forbidden = 12, 5
	org := organisation(people)
	sim, err := local.Simulate(org, local.Latency{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	settings := sim.Settings()
	settings.WebexRate = 1000
	stack, err := local.Open(t.Context(), local.Options{
		Path: filepath.Join(t.TempDir(), "dialtone.db"), Settings: settings, Backoff: httpretry.Backoff{Base: 20 * time.Millisecond, Cap: 200 * time.Millisecond},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Close() })
	for _, o := range []string{"simultaneousRingToContact", "immediateForwardToDelegates"} {
		if _, err := sim.Skype.Script().Add(simkit.Fault{Operation: o, ResetAfter: true, Rate: 0.3}); err != nil {
			t.Fatal(err)
		}
	}
	before := ucwasim.Forwarding{ActiveSetting: "ImmediateForward", Immediate: ucwasim.Destination{Target: "Delegates"}, ActivePeriod: "Workhours"}
	var keys []command.Key
	for n := 1; n <= people; n++ {
		user := fmt.Sprintf("user%05d@contoso.test", n)
		if err := sim.Skype.SetForwardingPolicy(user, ucwasim.ForwardingPolicy{Delegates: 1, NoSimultaneousRing: n == forbidden}); err != nil {
			t.Fatal(err)
		}
		if err := sim.Skype.SetForwarding(user, before); err != nil {
			t.Fatal(err)
		}
		bodies := [][]byte{
			hire(fmt.Sprint("hire-", n), n, org.Webex.Sites[0].ID),
			simring(command.TypeEnableSimRing, n, map[string]any{"target": "tel:+14255550199"}),
		}
		if n%2 == 0 {
			bodies = append(bodies, simring(command.TypeDisableSimRing, n, nil))
		}
		for _, b := range bodies {
			c, err := command.Decode(b)
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, c.Key)
			send(t, stack, b)
		}
	}
	runUntilDone(t, stack, keys)
	for n := 1; n <= people; n++ {
		u, _ := sim.Skype.User(fmt.Sprintf("user%05d@contoso.test", n))
		want, changes := "SimultaneousRing", 1
		switch {
		case n == forbidden:
			want, changes = "ImmediateForward", 0
		case n%2 == 0:
			want, changes = "ImmediateForward", 2
		}
		if f := u.Forwarding; f.ActiveSetting != want || f.ChangeCount != changes || f.ActivePeriod != "Workhours" {
			t.Errorf("user %d: %+v", n, f)
		}
		if u.ChangeCount != 1 || u.Applications.Evicted > 0 {
			t.Errorf("user %d: %d changes of phones, applications %+v", n, u.ChangeCount, u.Applications)
		}
	}
	d, found, err := stack.Ledger.DeadLetter(t.Context(), command.Key{Source: "desk", ID: fmt.Sprint(command.TypeEnableSimRing, forbidden)})
	if err != nil || !found || d.Queue != local.SimRingQueue || d.Failure.Class != "denied" {
		t.Errorf("dead letter %+v, %t, %v", d, found, err)
	}
	if r, _, _ := stack.Ledger.Request(t.Context(), keys[1]); r.Outcome.Type != outcome.TypeSimRingEnabled {
		t.Errorf("%+v", r)
	}
}
