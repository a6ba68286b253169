package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"golang.org/x/sync/errgroup"

	"dialtone/functions/change-number/changenumber"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/ledger"
	"dialtone/shared/ledger/ledgertest"
	"dialtone/shared/ledger/sqlite"
	"dialtone/shared/sipaddr"
	"dialtone/shared/sqlitefile"
	"dialtone/shared/sqsbatch"
	"dialtone/shared/vendors"
)

// bench is one run: the simulators, the clients of both vendors that all
// handlers share, and the report. Its measurements run one after the other.
type bench struct {
	settings
	report
	sims   *simulators
	folder string // of the store files
	files  []*sqlitefile.File
	taken  int // users that were handed out

	clients vendors.Clients
}

// directory is how many users Skype for Business has: more than a run takes.
const directory = 50_000

func newBench(ctx context.Context, s settings) (*bench, error) {
	folder, err := os.MkdirTemp("", "dialtone-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{settings: s, folder: folder}
	if b.sims, err = startSimulators(ctx, directory, s.numbers); err == nil {
		err = b.connect(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, b.close())
	}
	return b, nil
}

func (b *bench) close() error {
	var errs []error
	for _, f := range b.files {
		errs = append(errs, f.Close())
	}
	if b.sims != nil {
		errs = append(errs, b.sims.close())
	}
	return errors.Join(append(errs, os.RemoveAll(b.folder))...)
}

// connect makes the clients of both vendors as a deployment does, breaker
// included. They have a store of their own: what they read of it, a pause now
// and then, belongs to no message.
func (b *bench) connect(ctx context.Context) error {
	store, err := b.newStore(ctx)
	if err != nil {
		return err
	}
	b.clients, err = vendors.Settings{
		WebexBaseURL: b.sims.Webex, WebexSecret: "webex", WebexRate: 1e6,
		DiscoveryURL: b.sims.Discovery, SecretPrefix: "ucwa/",
	}.Connect(vendors.Surroundings{Ledger: ledger.New(store, ledger.Options{}), Secrets: generated{}})
	return err
}

// generated has the passwords of the simulator's generated users, and Webex's token.
type generated struct{}

// Secret implements [signin.Vault].
func (generated) Secret(_ context.Context, name string) ([]byte, error) {
	if name == "webex" {
		return json.Marshal(map[string]string{"accessToken": webexsim.DefaultToken().AccessToken})
	}
	user := sipaddr.User(strings.TrimPrefix(name, "ucwa/"))
	return json.Marshal(map[string]string{"username": string(user), "password": password(user)})
}

// Save implements [signin.Vault].
func (generated) Save(context.Context, string, []byte) error {
	return errors.New("generated secrets do not change")
}

func password(u sipaddr.User) string { return "pw-" + u.LocalPart() }

// newStore returns an empty store of the kind that the settings name.
func (b *bench) newStore(ctx context.Context) (ledger.Store, error) {
	if b.store == "memory" {
		return ledgertest.NewMemory(), nil
	}
	path := filepath.Join(b.folder, strconv.Itoa(len(b.files))+".db")
	file, err := sqlitefile.Open(ctx, path, sqlitefile.Options{})
	if err != nil {
		return nil, err
	}
	b.files = append(b.files, file)
	return sqlite.New(ctx, file)
}

// newHandler returns the real handler on a store.
func (b *bench) newHandler(store ledger.Store) (*changenumber.Handler, error) {
	return changenumber.New(changenumber.Config{
		Ledger: ledger.New(store, ledger.Options{}), Webex: b.clients.Webex, UCWA: b.clients.UCWA, Ready: b.clients.Ready,
		Visibility: noQueue{}, DeadLetters: noQueue{}, Concurrency: batchSize,
	})
}

// noQueue refuses everything: no message of a benchmark may fail.
type noQueue struct{}

// ChangeMessageVisibility implements [sqsbatch.Visibility].
func (noQueue) ChangeMessageVisibility(context.Context, string, string, time.Duration) error {
	return errors.New("there is no queue")
}

// SendDeadLetter implements [sqsbatch.DeadLetters].
func (noQueue) SendDeadLetter(context.Context, sqsbatch.DeadLetter) error {
	return errors.New("there is no dead-letter queue")
}

// newUsers returns users who were not handed out before.
func (b *bench) newUsers(n int) []sipaddr.User {
	users := make([]sipaddr.User, n)
	for i := range users {
		b.taken++
		users[i] = sipaddr.User(fmt.Sprintf("user%05d@contoso.test", b.taken))
	}
	return users
}

// signIn lets the client discover and sign in the users.
func (b *bench) signIn(ctx context.Context, users []sipaddr.User) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(batchSize)
	for _, u := range users {
		g.Go(func() error {
			app, err := b.clients.UCWA.Open(ctx, u)
			if err != nil {
				return fmt.Errorf("sign in %s: %w", u, err)
			}
			return app.Close(ctx)
		})
	}
	return g.Wait()
}

// signedIn returns new users whom the client has signed in.
func (b *bench) signedIn(ctx context.Context, n int) ([]sipaddr.User, error) {
	users := b.newUsers(n)
	return users, b.signIn(ctx, users)
}

// batches makes the events that ask for a number of the site for each user, at
// most size in one.
func batches(site string, users []sipaddr.User, size int) ([]events.SQSEvent, error) {
	var all []events.SQSEvent
	for i, u := range users {
		body, err := json.Marshal(map[string]any{
			"specversion": "1.0", "source": "bench", "id": "for-" + string(u), "type": command.TypeAssign,
			"data": map[string]string{"user": string(u), "locationId": webexsim.LocationID(site)},
		})
		if err != nil {
			return nil, err
		}
		if i%size == 0 {
			all = append(all, events.SQSEvent{})
		}
		e := &all[len(all)-1]
		e.Records = append(e.Records, events.SQSMessage{
			MessageId: strconv.Itoa(i), ReceiptHandle: strconv.Itoa(i), Body: string(body),
			EventSourceARN: "arn:aws:sqs:local:0:numbers.fifo",
			Attributes:     map[string]string{"ApproximateReceiveCount": "1", "MessageGroupId": string(u)},
		})
	}
	return all, nil
}

// deliver hands over batches, one after the other; every message must succeed.
func deliver(ctx context.Context, h *changenumber.Handler, all []events.SQSEvent) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	for _, e := range all {
		reply, err := h.Handle(ctx, e)
		if err != nil {
			return err
		}
		if n := len(reply.BatchItemFailures); n > 0 {
			return fmt.Errorf("%d of %d messages came back", n, len(e.Records))
		}
	}
	return nil
}

// cost is what something took of this process.
type cost struct {
	cpu       time.Duration
	wall      time.Duration
	allocated uint64 // bytes
}

// costOf runs do after the garbage of what was before is gone.
func costOf(do func() error) (cost, error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	start := time.Now()
	used, err := cpuTime()
	if err != nil {
		return cost{}, err
	}
	if err := do(); err != nil {
		return cost{}, err
	}
	now, err := cpuTime()
	c := cost{cpu: now - used, wall: time.Since(start)}
	runtime.ReadMemStats(&after)
	c.allocated = after.TotalAlloc - before.TotalAlloc
	return c, err
}
