//go:build e2e && unix

package e2e_test

import (
	"context"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"dialtone/infra/local"
)

// A bootstrap that hangs in the middle of an invocation is killed at the
// function's timeout, and first the table, then SQS is away for a while: everybody
// still gets one number, and every outcome comes over the bus. Both emulators are
// killed under load and come back with what they had.
func TestHangAndOutage(t *testing.T) {
	const people = 150
	org := company(people)
	sim, parameters := simulate(t, org, local.Latency{Min: 20 * time.Millisecond, Max: 80 * time.Millisecond})
	keep := maven(t)
	w := wish{parameters: parameters, secrets: companySecrets(t), override: quick(), keep: keep}
	d := deploy(t, newCloud(t, w), w, nil)
	messages := hires(t, org, nil)
	d.send(t, messages, nil)
	stop := d.start(t)
	d.hang(t)
	d.outage(t, d.tables, time.Second)
	if keep {
		d.outage(t, d.mq, time.Second)
	}
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
	d.discreet(t, "ChangeNumber")
}

// maven reports whether the emulator of SQS that keeps its messages can be had.
func maven(t *testing.T) bool {
	t.Helper()
	for _, tool := range []string{"java", "javac", "mvn"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Logf("**** NOT RUN: the outage of SQS. This machine has no %s. ****", tool)
			return false
		}
	}
	return true
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

// outage kills an emulator while the function works, and starts it again. What
// was under way ends in errors, of the function or of who polls for it.
func (d *deployment) outage(t *testing.T, e *emulator, length time.Duration) {
	t.Helper()
	before := d.busy(t)
	e.Kill()
	<-time.After(length)
	e.start(t)
	t.Logf("%s was away for more than %s, after %d writes", e.URL(), length, before)
}

// busy waits until the function gets on, with messages left on the queue: else an
// outage proves nothing. It returns how many writes the table has seen.
func (d *deployment) busy(t *testing.T) (writes int) {
	t.Helper()
	before := d.streamed.Len()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	q := d.queue(t, "NumbersQueue")
	eventually(ctx, t, "a bootstrap gets on and messages wait", func() (string, bool) {
		writes = d.streamed.Len()
		return "", writes > before+20 && len(d.functions["ChangeNumber"].working()) > 0 && d.messages(t, q) > 20
	})
	return writes
}
