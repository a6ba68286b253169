package local_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dialtone/functions/change-number/changenumber"
	"dialtone/infra/local"
	"dialtone/infra/local/mapping"
	"dialtone/infra/local/queue"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/sqlite"
	"dialtone/shared/sqlitefile"
	"dialtone/shared/sqsbatch"
	"dialtone/shared/vendors"
)

const (
	skypeHost, webexHost = "127.0.0.1:1", "127.0.0.1:2"

	processes = 2

	// tripping is how many calls it may take to find out: five in a row in each
	// process, if neither hears of the other's, and what is under way beside them.
	tripping = processes * (5 + pollers - 1)

	// aside is how many calls the other vendor may get for each that is in vain:
	// one message in each process is sent ahead to a probe.
	aside = 4 * processes
)

// TestOutage: a vendor is gone for minutes in the middle of commands, which two
// processes work on; `make prove` sends 1000, and ten minutes it is there. Nothing is lost, nothing is dead-lettered, the
// vendor gets one call for each probe, and within one probe interval of its
// recovery everybody who waited has a number.
func TestOutage(t *testing.T) {
	noAnswer := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	for name, o := range map[string]outage{
		"Skype for Business refuses connections": {host: skypeHost, pause: "ucwa/" + skypeHost, answer: func(*http.Request) (*http.Response, error) {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}
		}},
		"Skype for Business does not answer": {host: skypeHost, pause: "ucwa/" + skypeHost, answer: noAnswer, slow: true},
		"Webex is unavailable": {host: webexHost, pause: "webex/" + webexHost, answer: func(*http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusServiceUnavailable, Body: io.NopCloser(strings.NewReader("<html>")), Header: http.Header{}}, nil
		}},
		"Webex does not answer": {host: webexHost, pause: "webex/" + webexHost, answer: noAnswer, slow: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if o.slow && commands < 1000 {
				t.Skip("make prove plays it")
			}
			synctest.Test(t, o.play)
		})
	}
}

// outage is a host that is gone for a while.
type outage struct {
	host, pause string
	answer      func(*http.Request) (*http.Response, error)
	slow        bool // takes long to play
}

func (o outage) play(t *testing.T) {
	w := newWorld(t, commands)
	stop := w.work(t)
	began := time.Now()
	var keys []command.Key
	var last ledger.Pause
	for n := 1; n <= commands; n++ {
		switch time.Since(began) {
		case outageBegins:
			w.network.cut(o)
		case outageBegins + outageLasts:
			last = w.pause(t, o.pause)
			w.network.mend()
		}
		keys = append(keys, w.send(t, n))
		time.Sleep(commandsLast / commands)
	}
	stop()
	w.check(t, keys)
	o.checkCalls(t, w, last)
	o.checkRecovery(t, w, keys, last, began.Add(outageBegins+outageLasts))
}

// checkCalls holds the calls of the time of the outage against its probes.
func (o outage) checkCalls(t *testing.T, w *world, p ledger.Pause) {
	t.Helper()
	if !p.Paused() {
		t.Fatal("the host was not paused at the end of the outage")
	}
	calls := len(w.network.lost)
	t.Logf("%d calls to the vendor, %d of them probes; %d to the other meanwhile", calls, p.Probes, w.network.spared)
	if calls > p.Probes+tripping {
		t.Errorf("%d calls for %d probes, and %d at most to find out", calls, p.Probes, tripping)
	}
	if most := aside * (p.Probes + tripping); w.network.spared > most {
		t.Errorf("%d calls to the vendor that is well, want %d at most", w.network.spared, most)
	}
	if most := outageLasts/4 + time.Second; w.longest > most {
		t.Errorf("a message was put back for %s, want %s at most", w.longest, most)
	}
	if pending := w.pause(t, o.pause); pending.Paused() {
		t.Errorf("still paused at the end: %+v", pending)
	}
}

// checkRecovery wants every command of the time of the outage done within one
// probe interval of its end; a queue counts in whole seconds, and what the ledger
// said of the host is believed for five of them.
func (o outage) checkRecovery(t *testing.T, w *world, keys []command.Key, p ledger.Pause, recovery time.Time) {
	t.Helper()
	due := recovery.Add(recovery.Sub(p.Since)/4 + 7*time.Second)
	var latest time.Time
	for i, key := range keys {
		r, _, err := w.data.Ledger.Request(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if sent := time.Duration(i) * (commandsLast / commands); sent < outageBegins+outageLasts && r.Outcome.Time.After(latest) {
			latest = r.Outcome.Time
		}
	}
	t.Logf("the last of those who waited was done %s after the recovery, want %s", latest.Sub(recovery), due.Sub(recovery))
	if latest.After(due) {
		t.Errorf("the last of those who waited was done %s after the recovery, want %s at most", latest.Sub(recovery), due.Sub(recovery))
	}
}

// world is a data file, both vendors, and handlers that are processes of their
// own but for the network, which calls the vendors directly: it is in the bubble.
type world struct {
	data    *local.Data
	sim     *local.Simulation
	network *network
	users   int

	mu      sync.Mutex
	longest time.Duration // that a message was put back for
}

func newWorld(t *testing.T, users int) *world {
	t.Helper()
	org := organisation(users)
	var locations []webexsim.Location
	for _, l := range webexsim.DefaultLocations(users) {
		l.ID = webexsim.LocationID(l.Name)
		locations = append(locations, l)
	}
	cloud, err := webexsim.New(webexsim.Config{Locations: locations})
	if err != nil {
		t.Fatal(err)
	}
	skype, err := ucwasim.New(ucwasim.Config{Users: org.UCWA.Users, Domain: org.UCWA.Domain})
	if err != nil {
		t.Fatal(err)
	}
	return &world{
		data: openIdle(t), users: users, network: &network{hosts: map[string]http.Handler{skypeHost: skype.Handler(), webexHost: cloud.Handler()}},
		sim: &local.Simulation{Skype: &ucwasim.Running{Server: skype}, Webex: cloud},
	}
}

// openIdle opens a data file that is not looked at ten times a second for what
// other programs write: there is none, and the test's hours are all too many.
func openIdle(t *testing.T) *local.Data {
	t.Helper()
	path := filepath.Join(t.TempDir(), "dialtone.db")
	made, err := local.Join(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	if err := made.Close(); err != nil {
		t.Fatal(err)
	}
	d := &local.Data{}
	if d.File, err = sqlitefile.Open(t.Context(), path, sqlitefile.Options{Poll: time.Hour}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	if d.Store, err = sqlite.New(t.Context(), d.File); err != nil {
		t.Fatal(err)
	}
	d.Ledger = ledger.New(d.Store, ledger.Options{})
	if d.Queues, err = queue.Open(t.Context(), d.File); err != nil {
		t.Fatal(err)
	}
	return d
}

// work starts processes; stop waits for what they have under way.
func (w *world) work(t *testing.T) (stop func()) {
	t.Helper()
	q, err := w.data.Queues.Queue(t.Context(), local.NumbersQueue)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	for range processes {
		m, err := mapping.New(mapping.Config{
			Source: q, Handler: mapping.Events(w.handler(t).Handle), Function: "change-number", Timeout: time.Minute,
			BatchSize: 1, MaximumConcurrency: pollers, // of a batch, all would wait for one that holds a mutex: a bubble's clock stands then
		})
		if err != nil {
			t.Fatal(err)
		}
		running.Go(func() {
			if err := m.Run(ctx); err != nil {
				t.Error(err)
			}
			c := m.Counts()
			t.Logf("received %d, succeeded %d", c.Received, c.Succeeded)
		})
	}
	return func() {
		cancel()
		running.Wait()
	}
}

func (w *world) handler(t *testing.T) *changenumber.Handler {
	t.Helper()
	clients, err := vendors.Settings{
		WebexBaseURL: "http://" + webexHost + "/v1", WebexSecret: "webex", WebexRate: 1000,
		DiscoveryURL: "http://" + skypeHost + "/", SecretPrefix: "ucwa/",
	}.Connect(vendors.Surroundings{Ledger: w.data.Ledger, Secrets: passwords{}, Network: w.network})
	if err != nil {
		t.Fatal(err)
	}
	h, err := changenumber.New(changenumber.Config{
		Ledger: w.data.Ledger, Webex: clients.Webex, UCWA: clients.UCWA, Ready: clients.Ready,
		Visibility: w, DeadLetters: w,
	})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func (w *world) send(t *testing.T, n int) command.Key {
	t.Helper()
	sites := webexsim.DefaultLocations(1)
	body := hire(fmt.Sprint("hire-", n), n, webexsim.LocationID(sites[n%len(sites)].Name))
	if _, err := w.data.Send(t.Context(), body); err != nil {
		t.Fatal(err)
	}
	c, err := command.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	return c.Key
}

func (w *world) pause(t *testing.T, name string) ledger.Pause {
	t.Helper()
	p, err := w.data.Ledger.Pause(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// check wants nothing lost, nothing dead-lettered, and everybody with a number
// of their own after one change.
func (w *world) check(t *testing.T, keys []command.Key) {
	t.Helper()
	for _, name := range []string{local.NumbersQueue, local.NumbersDeadLetters} {
		q, err := w.data.Queues.Queue(t.Context(), name)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := q.Counts(t.Context()); err != nil || n.Visible+n.InFlight+n.Delayed > 0 {
			t.Errorf("%s has %+v, %v", name, n, err)
		}
	}
	for _, key := range keys {
		if r, _, err := w.data.Ledger.Request(t.Context(), key); err != nil || r.Outcome == nil {
			t.Fatalf("%s is %q, %v", key, r.State, err)
		}
	}
	checkHires(t, w.data.Ledger, w.sim, organisation(w.users), keys)
}

// ChangeMessageVisibility implements [sqsbatch.Visibility].
func (w *world) ChangeMessageVisibility(ctx context.Context, arn, receipt string, d time.Duration) error {
	w.mu.Lock()
	w.longest = max(w.longest, d)
	w.mu.Unlock()
	q, err := w.data.Queues.ByARN(ctx, arn)
	if err != nil {
		return err
	}
	return q.ChangeVisibility(ctx, receipt, d)
}

// SendDeadLetter implements [sqsbatch.DeadLetters].
func (w *world) SendDeadLetter(ctx context.Context, d sqsbatch.DeadLetter) error {
	q, err := w.data.Queues.Queue(ctx, local.NumbersDeadLetters)
	if err != nil {
		return err
	}
	_, err = q.Send(ctx, queue.Outgoing{Body: d.Body, Group: d.Group, DedupID: d.DedupID})
	return err
}
