package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dialtone/events/sample/onboarding"
	"dialtone/infra/audit"
	"dialtone/infra/local"
	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
)

// audited is a data file with people who have numbers, beside two simulated
// vendors, with a settings file that leads to them.
type audited struct {
	*testing.T
	sim          *local.Simulation
	data, config string
}

const auditedHome = "home"

func newAudited(t *testing.T, users int) *audited {
	t.Helper()
	sim, err := local.Simulate(onboarding.Organisation{
		UCWA:  onboarding.UCWA{Users: users, Domain: "contoso.test"},
		Webex: onboarding.Webex{Sites: []onboarding.Site{{Name: "Hamburg", ID: auditedHome, Numbers: users + 10}}},
	}, local.Latency{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	folder := t.TempDir()
	a := &audited{T: t, sim: sim, data: filepath.Join(folder, "d.db"), config: filepath.Join(folder, "dialtone.env")}
	s := sim.Settings()
	a.write(a.config, "WEBEX_RATE=50\nWEBEX_BASE_URL="+s.WebexBaseURL+"\nUCWA_DISCOVERY_URL="+s.DiscoveryURL+"\n")
	a.write(filepath.Join(folder, "secrets", "webex.json"), `{"accessToken":"`+webexsim.DefaultToken().AccessToken+`"}`)
	var lines strings.Builder
	for n := range users {
		user := fmt.Sprintf("user%05d", n+1)
		a.write(filepath.Join(folder, "secrets", "ucwa", user+"@contoso.test.json"), `{"username":"`+user+`@contoso.test","password":"pw-`+user+`"}`)
		fmt.Fprintf(&lines, `{"specversion":"1.0","source":"hr","id":"%d","type":"dialtone.number.assign.v1","data":{"user":"%s@contoso.test","locationId":"home"}}`+"\n", n, user)
	}
	hires := filepath.Join(folder, "hires.jsonl")
	a.write(hires, lines.String())
	if status, _, words := dialtone(t.Context(), "run", "--data", a.data, "--config", a.config, "--play", hires, "--exit"); status != 0 {
		t.Fatalf("status %d: %s", status, words)
	}
	return a
}

func (a *audited) write(path, text string) {
	a.Helper()
	err := os.MkdirAll(filepath.Dir(path), 0o700)
	if err == nil {
		err = os.WriteFile(path, []byte(text), 0o600)
	}
	if err != nil {
		a.Fatal(err)
	}
}

// run audits, quickly unless args say otherwise.
func (a *audited) run(ctx context.Context, args ...string) (status int, out, words string) {
	return dialtone(ctx, slices.Concat([]string{"audit", "--data", a.data, "--config", a.config, "--rate", "1000"}, args)...)
}

// wipe takes the number off a user's phone.
func (a *audited) wipe(user int) {
	a.Helper()
	if err := a.sim.Skype.SetPhone(fmt.Sprintf("user%05d@contoso.test", user), "work", ucwasim.Phone{}); err != nil {
		a.Fatal(err)
	}
}

// TestAudit plays what an operator does: all is well, something drifts apart, it
// is seen in every form, repaired, and all is well again.
func TestAudit(t *testing.T) {
	t.Parallel()
	a := newAudited(t, 3)
	if status, out, words := a.run(t.Context()); status != 0 || out != "" || !strings.Contains(words, "no drift") {
		t.Fatalf("status %d: %s%s", status, out, words)
	}
	a.wipe(2)
	status, out, words := a.run(t.Context())
	if status != exitPartial || !strings.Contains(out, "user00002@contoso.test") || !strings.Contains(words, "1 finding: 1 assigned-but-gone") {
		t.Errorf("table: status %d: %s%s", status, out, words)
	}
	status, out, _ = a.run(t.Context(), "--json")
	var f audit.Finding
	if err := json.Unmarshal([]byte(out), &f); err != nil || status != exitPartial || f.Kind != audit.AssignedButGone || strings.Count(out, "\n") != 1 {
		t.Errorf("JSON: status %d, %v: %s", status, err, out)
	}
	status, out, _ = a.run(t.Context(), "--csv", "--fix", "free-but-owned")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if err != nil || status != exitPartial || len(rows) != 2 || rows[1][2] != string(f.Number) || rows[1][8] != "" {
		t.Errorf("CSV: status %d, %v: %s", status, err, out)
	}
	if status, _, words = a.run(t.Context(), "--fix", "--dry-run"); status != exitPartial || !strings.Contains(words, "would be repaired: assigned-but-gone") {
		t.Errorf("dry run: status %d: %s", status, words)
	}
	status, out, words = a.run(t.Context(), "--fix=assigned-but-gone,free-but-owned")
	if status != exitPartial || !strings.Contains(out, "repaired: publish it again") || !strings.Contains(words, "1 repaired, 0 would be repaired, 0 not repaired, 0 for a person") {
		t.Errorf("repair: status %d: %s%s", status, out, words)
	}
	again := filepath.Join(filepath.Dir(a.data), "again.jsonl")
	a.write(again, `{"specversion":"1.0","source":"hr","id":"last","type":"dialtone.number.assign.v1","data":{"user":"user00002@contoso.test","locationId":"home","dryRun":true}}`)
	if status, _, words := dialtone(t.Context(), "run", "--data", a.data, "--config", a.config, "--play", again, "--exit"); status != 0 {
		t.Fatalf("status %d: %s", status, words)
	}
	if status, out, words := a.run(t.Context()); status != 0 {
		t.Errorf("after the repair: status %d: %s%s", status, out, words)
	}
}

// TestInterruptedAudit stops an audit with Ctrl-C and goes on with the command
// that it prints: in the end it tells what one audit does.
func TestInterruptedAudit(t *testing.T) {
	t.Parallel()
	const users = 40
	a := newAudited(t, users)
	for user := range users / 2 {
		a.wipe(2 * (user + 1))
	}
	_, whole, _ := a.run(t.Context(), "--json")
	if err := a.sim.Skype.Script().SetLatency(20*time.Millisecond, 20*time.Millisecond); err != nil {
		t.Fatal(err)
	}
	a.sim.Skype.Script().Forget()
	ctx, stop := context.WithCancel(t.Context())
	go func() { // stops it when the second chunk of users is under way
		defer stop()
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for t.Context().Err() == nil && len(a.sim.Skype.Script().Requests(simkit.Filter{Operation: "phones"})) < 20 {
			<-tick.C
		}
	}()
	status, part, words := a.run(ctx, "--json")
	_, rest, interrupted := strings.Cut(words, "go on with\n  dialtone ")
	if status != exitFailed || !interrupted || len(part) >= len(whole) || part == "" {
		t.Fatalf("status %d: %s%s", status, part, words)
	}
	line, _, _ := strings.Cut(rest, "\n")
	status, out, words := dialtone(t.Context(), strings.Fields(line)...)
	if status != exitPartial || out != whole || !strings.Contains(words, "going on with the audit") {
		t.Errorf("status %d: %s\nin parts\n%sin one run\n%s", status, words, out, whole)
	}
	if status, _, words := a.run(t.Context(), "--resume"); status != exitFailed || !strings.Contains(words, "no interrupted audit") {
		t.Errorf("nothing to go on with: status %d: %s", status, words)
	}
}

func TestNumbersFree(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "d.db")
	data, err := local.Join(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer data.Close()
	h := ledger.Holder{User: "ada@contoso.test", PhoneType: command.Work, Request: command.Key{Source: "hr", ID: "1"}}
	const resting, parked, assigned e164.Number = "+4940555001", "+4940555002", "+4940555003"
	_, err = data.Ledger.Park(t.Context(), resting, "home", h, "refused", time.Now().Add(time.Hour))
	if err == nil {
		_, err = data.Ledger.Park(t.Context(), parked, "home", h, "used by a fax", time.Time{})
	}
	if err == nil {
		_, err = data.Ledger.Claim(t.Context(), assigned, "home", h)
	}
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		number e164.Number
		status int
		words  string
	}{
		{resting, exitFailed, "parked only until"},
		{assigned, exitFailed, "reserved for ada@contoso.test, not parked"},
		{parked, 0, "it was parked since"},
		{parked, exitFailed, "free already"},
	} {
		status, _, words := dialtone(t.Context(), "numbers", "free", string(c.number), "--reason", "the fax is gone", "--data", path)
		if status != c.status || !strings.Contains(words, c.words) {
			t.Errorf("%s: status %d: %s; want %d: %s", c.number, status, words, c.status, c.words)
		}
	}
	if n, _, err := data.Ledger.Number(t.Context(), parked); err != nil || n.State != ledger.Free || !strings.HasSuffix(n.Reason, ": the fax is gone") {
		t.Errorf("%+v, %v", n, err)
	}
}
