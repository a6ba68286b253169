//go:build prove

package main_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"dialtone/infra/local"
	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/outcome"
)

const (
	hires = 500
	kills = 20
)

// TestKilledAtRandom kills the real process twenty times while it works on 500
// hires, starts it again each time, and counts: no wrong number, no shared
// number, no visible change beyond one, nothing lost.
func TestKilledAtRandom(t *testing.T) {
	r := newRig(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	keys := r.sendAll()
	busy := 0
	for range kills {
		run := r.start()
		time.Sleep(time.Duration(200+rng.IntN(1300)) * time.Millisecond) // the moment of death is the random input
		before := r.skype.Totals().Changes
		if before > 0 && before < hires {
			busy++
		}
		if err := run.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = run.Wait()
	}
	t.Logf("%d of %d kills hit a process with work in progress; %d changes by then", busy, kills, r.skype.Totals().Changes)
	if busy < kills/4 {
		t.Errorf("only %d kills hit a busy process: the test proves little", busy)
	}
	run := r.start()
	r.waitForAll(keys)
	if err := run.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if err := run.Wait(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	r.check(keys)
}

// rig is a real binary between simulators that outlive it.
type rig struct {
	t      *testing.T
	bin    string
	dir    string
	skype  *ucwasim.Running
	webex  *webexsim.Server
	config string
	output bytes.Buffer
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, dir: t.TempDir(), bin: built(t)}
	const password = "one for all"
	var err error
	latency := 20 * time.Millisecond // so that kills meet calls under way
	r.skype, err = ucwasim.Start(ucwasim.Config{
		Users: hires, MinLatency: latency, MaxLatency: 4 * latency, Each: func(_ int, u *ucwasim.User) { u.Password = password },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.skype.Close() })
	if _, err := r.skype.Script().Add(simkit.Fault{Operation: "changeNumber", ResetAfter: true, Rate: 0.1}); err != nil {
		t.Fatal(err)
	}
	r.webex, err = webexsim.New(webexsim.Config{Locations: webexsim.DefaultLocations(300), MinLatency: latency, MaxLatency: 4 * latency})
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(r.webex.Handler())
	t.Cleanup(api.Close)
	r.write("secrets/webex.json", fmt.Sprintf(`{"accessToken":%q}`, webexsim.DefaultToken().AccessToken))
	r.write("secrets/ucwa/default.json", fmt.Sprintf(`{"username":"{user}","password":%q}`, password))
	r.config = r.write("dialtone.env", fmt.Sprintf("WEBEX_BASE_URL=%s/v1\nUCWA_DISCOVERY_URL=%s\nWEBEX_RATE=100\n", api.URL, r.skype.DiscoveryURL))
	return r
}

func (r *rig) write(name, content string) string {
	r.t.Helper()
	path := filepath.Join(r.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		r.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

func (r *rig) data() string { return filepath.Join(r.dir, "dialtone.db") }

func (r *rig) start(flags ...string) *exec.Cmd {
	r.t.Helper()
	args := []string{"run", "--config", r.config, "--data", r.data(), "--listen", "", "--outcomes", filepath.Join(r.dir, "outcomes.jsonl")}
	c := exec.Command(r.bin, append(args, flags...)...)
	c.Stdout, c.Stderr = &r.output, &r.output
	if err := c.Start(); err != nil {
		r.t.Fatal(err)
	}
	return c
}

// sendAll queues every hire with the send command, one in ten from a second
// source as well.
func (r *rig) sendAll() []command.Key {
	r.t.Helper()
	var lines bytes.Buffer
	var keys []command.Key
	add := func(source string, n int) {
		key := command.Key{Source: source, ID: fmt.Sprint("hire-", n)}
		keys = append(keys, key)
		_ = json.NewEncoder(&lines).Encode(map[string]any{
			"specversion": "1.0", "source": key.Source, "id": key.ID, "type": command.TypeAssign,
			"data": map[string]any{"user": fmt.Sprintf("user%05d@contoso.test", n), "locationId": r.webex.Locations()[n%3].ID},
		})
	}
	for n := 1; n <= hires; n++ {
		add("hr", n)
		if n%10 == 0 {
			add("mirror", n)
		}
	}
	send := exec.Command(r.bin, "send", "--data", r.data(), "-")
	send.Stdin = &lines
	if out, err := send.CombinedOutput(); err != nil {
		r.t.Fatalf("%v\n%s", err, out)
	}
	return keys
}

func (r *rig) waitForAll(keys []command.Key) {
	r.t.Helper()
	d, err := local.Look(r.t.Context(), r.data())
	if err != nil {
		r.t.Fatal(err)
	}
	defer d.Close()
	deadline := time.After(4 * time.Minute)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for left := keys; len(left) > 0; {
		q, _, err := d.Ledger.Request(r.t.Context(), left[0])
		if err != nil {
			r.t.Fatal(err)
		}
		if q.Outcome != nil {
			left = left[1:]
			continue
		}
		select {
		case <-tick.C:
		case <-deadline:
			r.t.Fatalf("%d requests without an end; first %s: %s %s\n%s", len(left), left[0], q.State, q.Problem, r.output.String())
		}
	}
}

func (r *rig) check(keys []command.Key) {
	r.t.Helper()
	d, err := local.Look(r.t.Context(), r.data())
	if err != nil {
		r.t.Fatal(err)
	}
	defer d.Close()
	owner := map[e164.Number]string{}
	for _, key := range keys {
		q, _, err := d.Ledger.Request(r.t.Context(), key)
		if err != nil {
			r.t.Fatal(err)
		}
		a, err := q.Outcome.Assigned()
		if err != nil {
			r.t.Errorf("%s: %s", key, q.Outcome.Data)
			continue
		}
		if o := owner[a.Number]; o != "" && o != string(a.User) {
			r.t.Errorf("%s and %s share a number", o, a.User)
		}
		owner[a.Number] = string(a.User)
		u, _ := r.skype.User(string(a.User))
		if u.ChangeCount != 1 || !e164.Same(u.Phones["work"].Number, string(a.Number)) {
			r.t.Errorf("%s: %d visible changes, shows %q, outcome %q", a.User, u.ChangeCount, u.Phones["work"].Number, a.Number)
		}
		n, _ := r.webex.Number(string(a.Number))
		if n.Kind != webexsim.KindStandard || n.State != "ACTIVE" || n.LocationID != a.LocationID {
			r.t.Errorf("%s: wrong number: %s, %s, of %s", a.User, n.Kind, n.State, n.Location)
		}
	}
	if len(owner) != hires {
		r.t.Errorf("%d numbers for %d people", len(owner), hires)
	}
	r.checkOutcomes(keys)
}

// checkOutcomes reads the published outcomes: each request's is there, and
// repeats carry the same id.
func (r *rig) checkOutcomes(keys []command.Key) {
	r.t.Helper()
	raw, err := os.ReadFile(filepath.Join(r.dir, "outcomes.jsonl"))
	if err != nil {
		r.t.Fatal(err)
	}
	published := map[string]bool{}
	for l := range bytes.Lines(raw) {
		var o outcome.Event
		if json.Unmarshal(l, &o) == nil { // a line torn by a kill is written again
			published[o.ID] = true
		}
	}
	for _, key := range keys {
		if !published[key.Hash()+"/"+outcome.TypeAssigned] {
			r.t.Errorf("%s: outcome not published", key)
		}
	}
}
