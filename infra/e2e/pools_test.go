//go:build e2e

package e2e_test

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"dialtone/infra/e2e/rendered"
	"dialtone/infra/local"
	"dialtone/shared/command"
	"dialtone/shared/outcome"
)

// scheduled is what a schedule sends that names no input (EventBridge Scheduler
// User Guide: the default payload of a Lambda target).
const scheduled = `{"version":"0","detail-type":"Scheduled Event","source":"aws.scheduler","detail":"{}"}`

// The schedule invokes its function, twice: the location of a hire is counted, its
// fall below the threshold comes over the bus once, and operators see it by the
// name of the stack.
func TestScheduledCheckOfPools(t *testing.T) {
	org := company(2)
	_, parameters := simulate(t, org, local.Latency{})
	parameters["PoolLow"] = "100000"
	w := wish{parameters: parameters, secrets: companySecrets(t), override: quick()}
	d := deploy(t, newCloud(t, w), w, nil)
	m := hire(t, "hr", 1, org)
	d.send(t, []sent{m}, nil)
	stop := d.start(t)
	d.outcomes(t, []sent{m}, time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 2 {
		d.tick(ctx, t, "CheckPoolsSchedule")
		d.quiet(ctx, t)
	}
	stop()

	home := m.command.Data.(command.Assign).LocationID
	var told []outcome.PoolLow
	for _, e := range d.bus.heard(t) {
		if e.DetailType == outcome.TypePoolLow {
			var low outcome.PoolLow
			if err := json.Unmarshal(e.Detail.Data, &low); err != nil {
				t.Fatal(err)
			}
			told = append(told, low)
		}
	}
	if len(told) != 1 || told[0].LocationID != home || told[0].Counts.Assigned != 1 || told[0].Free == 0 || told[0].Threshold != 100_000 {
		t.Errorf("told %+v, want once of %s", told, home)
	}
	if log := d.functions["CheckPools"].logs.text(); strings.Count(log, `"webex token works"`) != 2 || strings.Count(log, `"pool is low"`) != 2 {
		t.Errorf("log of the function:\n%s", log)
	}
	tool := d.operator(t, parameters)
	for _, more := range [][]string{nil, {"--live"}} {
		var pools []struct {
			LocationID string
			Level      string
			Counts     outcome.PoolCounts
		}
		out, _ := tool.run(t, append([]string{"pools", "--json"}, more...)...)
		if err := json.Unmarshal([]byte(out), &pools); err != nil || len(pools) != 1 || pools[0].LocationID != home || pools[0].Level != "low" || pools[0].Counts != told[0].Counts {
			t.Errorf("pools %v: %s, %v; want the counts of %+v", more, out, err, told)
		}
	}
}

// tick invokes what a schedule of the template names, as it would.
func (d *deployment) tick(ctx context.Context, t *testing.T, schedule string) {
	t.Helper()
	target := properties[rendered.Schedule](t, d.cloud, schedule).Target
	name, _, aliased := strings.Cut(target.Arn, ":")
	if !aliased {
		t.Errorf("%s invokes %s, no alias", schedule, target.Arn)
	}
	if _, err := d.named(t, name).host.Invoke(ctx, []byte(cmp.Or(target.Input, scheduled))); err != nil {
		t.Fatal(err)
	}
}
