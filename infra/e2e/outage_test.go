//go:build e2e && unix

package e2e_test

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"dialtone/infra/local"
)

// A bootstrap that hangs in the middle of an invocation is killed at the
// function's timeout, and the table is away for a while: everybody still gets
// one number, and every outcome comes over the bus.
//
// It is the table's emulator that is killed and comes back with what it had.
// That of SQS keeps nothing, so it cannot be restarted here.
func TestHangAndOutage(t *testing.T) {
	const people = 150
	org := company(people)
	sim, parameters := simulate(t, org, local.Latency{Min: 20 * time.Millisecond, Max: 80 * time.Millisecond})
	w := wish{parameters: parameters, secrets: companySecrets(t), override: quick(), keep: true}
	d := deploy(t, newCloud(t, w), w, nil)
	messages := hires(t, org, nil)
	d.send(t, messages, nil)
	stop := d.start(t)
	d.hang(t)
	d.outage(t, time.Second)
	got := d.outcomes(t, messages, 3*time.Minute)
	stop()

	if log := d.log.text(); !strings.Contains(log, "Sandbox.Timedout") {
		t.Error("no invocation ran into the function's timeout")
	}
	t.Logf("%d requests were resumed after a crash", d.resumed(t, messages))
	fourZeros(t, sim, messages, got)
	if all := letters(t, d.ledger); len(all) != 0 {
		t.Errorf("%d dead letters, want none: %v", len(all), all)
	}
	d.published(t, got)
	d.discreet(t)
}

// hang stops a process in the middle of an invocation for good.
func (d *deployment) hang(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	eventually(ctx, t, "a bootstrap works", func() (string, bool) {
		busy := d.functions["ChangeNumber"].working()
		return "", len(busy) > 0 && d.streamed.Len() > 50 && syscall.Kill(busy[0].PID, syscall.SIGSTOP) == nil
	})
}

// outage kills the table's emulator under load and starts it again.
func (d *deployment) outage(t *testing.T, length time.Duration) {
	t.Helper()
	before := d.streamed.Len()
	d.dynalite.Kill()
	<-time.After(length)
	if d.functions["ChangeNumber"].working() == nil {
		t.Error("nobody worked while the table was away: the outage proves nothing")
	}
	d.startDynalite(t)
	t.Logf("the table was away for %s, after %d writes", length, before)
}
