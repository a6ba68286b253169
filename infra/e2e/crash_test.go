//go:build e2e

package e2e_test

import (
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"dialtone/infra/local"
	"dialtone/infra/local/lambdahost"
)

// quick are times under which what was interrupted comes back soon. A message
// whose worker died waits for its visibility timeout, then for the lease.
func quick() map[string]map[string]any {
	return map[string]map[string]any{
		"ChangeNumber":           {"Timeout": 12},
		"NumbersQueue":           {"VisibilityTimeout": 13},
		"ReportFailure":          {"Timeout": 12},
		"NumbersDeadLetterQueue": {"VisibilityTimeout": 13},
	}
}

// working returns the processes of a function that are in an invocation.
func (f *function) working() []lambdahost.Process {
	var busy []lambdahost.Process
	for _, p := range f.host.Processes() {
		if p.RequestID != "" {
			busy = append(busy, p)
		}
	}
	return busy
}

// kill sends SIGKILL to a process in the middle of an invocation, and reports
// whether there was one.
func (f *function) kill(t *testing.T) bool {
	t.Helper()
	busy := f.working()
	if len(busy) == 0 {
		return false
	}
	p, err := os.FindProcess(busy[rand.IntN(len(busy))].PID)
	if err != nil {
		t.Fatal(err)
	}
	return p.Kill() == nil
}

// 500 people, one in twenty reported by a second source and one in twenty sent
// twice over, while bootstraps are killed in the middle of their invocations.
func TestKilledBootstraps(t *testing.T) {
	const people, kills = 500, 24
	org := company(people)
	sim, parameters := simulate(t, org, local.Latency{Min: 10 * time.Millisecond, Max: 60 * time.Millisecond})
	w := wish{parameters: parameters, secrets: companySecrets(t), override: quick()}
	d := deploy(t, newCloud(t, w), w, nil)
	messages := hires(t, org, func(n int) bool { return n%20 == 0 })
	d.send(t, messages, func(i int) bool { return i%20 == 10 })
	stop := d.start(t)
	killed := d.killAtRandom(t, kills)
	got := d.outcomes(t, messages, 4*time.Minute)
	stop()

	t.Logf("%d bootstraps were killed in an invocation", killed)
	if killed < kills {
		t.Errorf("only %d bootstraps were killed in an invocation, want %d", killed, kills)
	}
	fourZeros(t, sim, messages, got)
	if all := letters(t, d.ledger); len(all) != 0 {
		t.Errorf("%d dead letters, want none: %v", len(all), all)
	}
	repeats := d.published(t, got)
	t.Logf("%d requests were resumed after a crash, %d outcomes came over the bus more than once", d.resumed(t, messages), repeats)
	d.discreet(t, "ChangeNumber")
}

// resumed counts requests that lost a worker without a word.
func (d *deployment) resumed(t *testing.T, messages []sent) (n int) {
	t.Helper()
	for _, m := range messages {
		r, _, err := d.ledger.Request(t.Context(), m.command.Key)
		if err != nil {
			t.Fatal(err)
		}
		if r.Lost > 0 {
			n++
		}
	}
	return n
}

// killAtRandom kills so many bootstraps, most of them of change-number, at
// random moments, and returns when it is done.
func (d *deployment) killAtRandom(t *testing.T, kills int) (killed int) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); killed < kills && time.Now().Before(deadline); {
		f := d.functions["ChangeNumber"]
		if killed%4 == 3 && len(d.functions["PublishOutcomes"].working()) > 0 {
			f = d.functions["PublishOutcomes"]
		}
		pause := time.NewTimer(time.Duration(20+rand.IntN(400)) * time.Millisecond)
		<-pause.C
		if f.kill(t) {
			killed++
		}
	}
	return killed
}
