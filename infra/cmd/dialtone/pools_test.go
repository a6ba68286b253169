package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dialtone/infra/local"
	"dialtone/infra/sim/simkit"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/numberpool"
	"dialtone/shared/outcome"
)

// poolsRig is a data file with the pool of a simulated Webex that has 30 numbers.
type poolsRig struct {
	t            *testing.T
	webex        *webexsim.Server
	data, config string
	home         string
}

func newPoolsRig(t *testing.T) *poolsRig {
	t.Helper()
	cloud, err := webexsim.New(webexsim.Config{Locations: []webexsim.Location{{Name: "Home", Prefix: "+1205", Numbers: 30}}})
	if err != nil {
		t.Fatal(err)
	}
	api := httptest.NewServer(cloud.Handler())
	t.Cleanup(api.Close)
	dir := t.TempDir()
	r := &poolsRig{
		t: t, webex: cloud, home: cloud.Locations()[0].ID,
		data: filepath.Join(dir, "d.db"), config: filepath.Join(dir, "dialtone.env"),
	}
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(r.config, "WEBEX_BASE_URL="+api.URL+"/v1\nWEBEX_RATE=1000\n")
	if err := os.Mkdir(filepath.Join(dir, "secrets"), 0o700); err != nil {
		t.Fatal(err)
	}
	write(filepath.Join(dir, "secrets", "webex.json"), fmt.Sprintf(`{"accessToken":%q}`, webexsim.DefaultToken().AccessToken))
	return r
}

// ledger changes the ledger of the data file.
func (r *poolsRig) ledger(change func(l *ledger.Ledger) error) {
	r.t.Helper()
	d, err := local.Join(r.t.Context(), r.data)
	if err != nil {
		r.t.Fatal(err)
	}
	defer d.Close()
	if err := change(d.Ledger); err != nil {
		r.t.Fatal(err)
	}
}

// count writes down a check that found this many free numbers.
func (r *poolsRig) count(free int, limits numberpool.Thresholds) {
	r.t.Helper()
	r.ledger(func(l *ledger.Ledger) error {
		t := limits.Tally(time.Now().UTC(), numberpool.Stock{Counts: outcome.PoolCounts{Free: free}})
		_, err := l.Counted(r.t.Context(), ledger.Pool{LocationID: r.home}, command.Standard, t)
		return err
	})
}

// run runs the command and returns what it wrote.
func (r *poolsRig) run(status int, args ...string) (out, said string) {
	r.t.Helper()
	var stdout, stderr bytes.Buffer
	term := &terminal{in: strings.NewReader(""), out: &stdout, err: &stderr}
	if got := term.main(r.t.Context(), append([]string{"pools", "--data", r.data}, args...)); got != status {
		r.t.Fatalf("status %d, want %d\n%s%s", got, status, &stdout, &stderr)
	}
	return stdout.String(), stderr.String()
}

func (r *poolsRig) views(status int, args ...string) []poolView {
	r.t.Helper()
	out, _ := r.run(status, append(args, "--json")...)
	var views []poolView
	if err := json.Unmarshal([]byte(out), &views); err != nil {
		r.t.Fatalf("%v in %s", err, out)
	}
	return views
}

// The ledger's numbers are as they are now, the free ones as they were counted.
func TestPoolsFromTheLedger(t *testing.T) {
	t.Parallel()
	r := newPoolsRig(t)
	r.count(4, numberpool.DefaultThresholds())
	r.ledger(func(l *ledger.Ledger) error {
		_, err := l.Claim(t.Context(), "+12055000001", r.home, ledger.Holder{User: "ada@contoso.test", PhoneType: command.Work, Request: command.Key{Source: "hr", ID: "1"}})
		return err
	})
	views := r.views(0, "--location", r.home)
	if len(views) != 1 || views[0].Counts != (outcome.PoolCounts{Free: 4, Reserved: 1}) || views[0].Level != ledger.LevelLow || views[0].LowSince.IsZero() {
		t.Errorf("views %+v", views)
	}
	out, said := r.run(0)
	if !strings.Contains(out, "Standard") || !strings.Contains(out, "low since ") || !strings.Contains(said, "1 pools, 1 low") {
		t.Errorf("%s%s", out, said)
	}
	if len(r.webex.Calls()) > 0 {
		t.Errorf("webex was asked: %v", r.webex.Calls())
	}
}

// Asked now, Webex's figures count, by the thresholds of the last check. Nothing is
// written down.
func TestPoolsLive(t *testing.T) {
	t.Parallel()
	r := newPoolsRig(t)
	r.count(90, numberpool.Thresholds{Free: 50})
	views := r.views(0, "--live", "--config", r.config)
	if len(views) != 1 || views[0].Counts.Free != 30 || views[0].Level != ledger.LevelLow || !views[0].LowSince.IsZero() {
		t.Errorf("live %+v", views)
	}
	if views := r.views(0); views[0].Counts.Free != 90 || views[0].Level != ledger.LevelEnough {
		t.Errorf("after it: %+v", views)
	}
	if _, err := r.webex.Script().Add(simkit.Fault{Status: 403}); err != nil {
		t.Fatal(err)
	}
	if views := r.views(3, "--live", "--config", r.config); views[0].Problem == "" || views[0].Counts.Free != 90 {
		t.Errorf("refused: %+v", views)
	}
}
