//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"dialtone/events/sample/onboarding"
	"dialtone/infra/local"
	"dialtone/infra/sim/ucwasim"
	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/sqsqueue"
)

const secondPhone = "tel:+14255550199"

// simring is a message about the nth user.
func simring(t *testing.T, typ string, n int, data map[string]any) sent {
	t.Helper()
	all := map[string]any{"user": fmt.Sprintf("user%05d@contoso.test", n)}
	for k, v := range data {
		all[k] = v
	}
	body, err := json.Marshal(map[string]any{"specversion": "1.0", "source": "desk", "id": fmt.Sprint(typ, n), "type": typ, "data": all})
	if err != nil {
		t.Fatal(err)
	}
	c, err := command.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	return sent{c, body}
}

// Second phones ring, and what stood before comes back, on what the template
// says: commands twice on the queue, outcomes on the bus, a user whom policy
// forbids it in the ledger's dead letters.
func TestSimring(t *testing.T) {
	const users, forbidden = 20, 7
	org := onboarding.Organisation{UCWA: onboarding.UCWA{Users: users, Domain: "contoso.test"}}
	sim, parameters := simulate(t, org, local.Latency{})
	before := ucwasim.Forwarding{
		ActiveSetting: "ImmediateForward", Immediate: ucwasim.Destination{Target: "Delegates"}, ActivePeriod: "Workhours",
		Unanswered: ucwasim.Destination{Target: "Contact", Contact: "sip:bob@contoso.test", RingDelay: 25},
	}
	secrets := map[string]string{}
	var messages []sent
	for n := 1; n <= users; n++ {
		enable := simring(t, command.TypeEnableSimRing, n, map[string]any{"target": secondPhone})
		messages = append(messages, enable)
		if n%2 == 0 {
			messages = append(messages, simring(t, command.TypeDisableSimRing, n, nil))
		}
		user := string(enable.command.User)
		secrets[ucwaPrefix+user] = encode(t, map[string]string{"username": user, "password": "pw-" + enable.command.User.LocalPart()})
		if err := sim.Skype.SetForwardingPolicy(user, ucwasim.ForwardingPolicy{Delegates: 1, NoSimultaneousRing: n == forbidden}); err != nil {
			t.Fatal(err)
		}
		if err := sim.Skype.SetForwarding(user, before); err != nil {
			t.Fatal(err)
		}
	}
	w := wish{parameters: parameters, secrets: withWebex(t, secrets)}
	d := deploy(t, newCloud(t, w), w, nil)
	d.sendSimring(t, messages)
	stop := d.start(t)
	got := d.outcomes(t, messages, time.Minute)
	stop()

	for n := 1; n <= users; n++ {
		u, _ := sim.Skype.User(fmt.Sprintf("user%05d@contoso.test", n))
		now := u.Forwarding
		rings := now.ActiveSetting == "SimultaneousRing" && now.SimultaneousRing.Contact == secondPhone
		restored := now.ActiveSetting == before.ActiveSetting && now.Immediate == before.Immediate && now.Unanswered == before.Unanswered && now.ActivePeriod == before.ActivePeriod
		switch {
		case n == forbidden && now.ChangeCount != 0, n%2 == 1 && n != forbidden && (!rings || now.ChangeCount != 1), n%2 == 0 && (!restored || now.ChangeCount != 2):
			t.Errorf("user %d: %+v", n, now)
		case u.Applications.Running+u.Applications.Leaked() > 0:
			t.Errorf("user %d: applications %+v", n, u.Applications)
		}
	}
	f, err := got[messageKey(command.TypeEnableSimRing, forbidden)].Failed()
	letter := letters(t, d.ledger)[messageKey(command.TypeEnableSimRing, forbidden)]
	if err != nil || f.Class != failure.Denied || letter.State != ledger.LetterWaiting || letter.Queue != stackName+"-simring.fifo" {
		t.Errorf("the forbidden one: %+v, %v; letter %+v", f, err, letter)
	}
	d.published(t, got)
	d.discreet(t, "SetSimring")
}

func messageKey(typ string, n int) command.Key {
	return command.Key{Source: "desk", ID: fmt.Sprint(typ, n)}
}

// sendSimring queues messages, every third twice.
func (d *deployment) sendSimring(t *testing.T, messages []sent) {
	t.Helper()
	sender, err := sqsqueue.NewSender(d.sqs, d.queue(t, "SimringQueue").url)
	if err != nil {
		t.Fatal(err)
	}
	var all []sqsqueue.Message
	for i, m := range messages {
		message := sqsqueue.Command(m.command, m.body)
		all = append(all, message)
		if i%3 == 0 {
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
