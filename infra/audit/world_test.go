package audit_test

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"dialtone/events/sample/onboarding"
	"dialtone/infra/audit"
	"dialtone/infra/local"
	"dialtone/infra/sim/ucwasim"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/ledger"
	"dialtone/shared/sipaddr"
	"dialtone/shared/vendors"
)

// home is the location of all users of a world.
const home = "Y2lzY29zcGFyazovL3VzL0xPQ0FUSU9OL2hvbWU"

// world is an embedded stack between two simulated vendors.
type world struct {
	*testing.T
	sim     *local.Simulation
	stack   *local.Stack
	clients vendors.Clients
	sent    int // commands
}

// newWorld is one in which the first few users have a number.
func newWorld(t *testing.T, users int, adjust ...func(*local.Settings)) *world {
	t.Helper()
	sim, err := local.Simulate(onboarding.Organisation{
		UCWA:  onboarding.UCWA{Users: 200, Domain: "contoso.test"},
		Webex: onboarding.Webex{Sites: []onboarding.Site{{Name: "Hamburg", ID: home, Numbers: 100}}},
	}, local.Latency{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = sim.Close() })
	s := sim.Settings()
	for _, a := range adjust {
		a(&s)
	}
	stack, err := local.Open(t.Context(), local.Options{Path: filepath.Join(t.TempDir(), "d.db"), Settings: s})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = stack.Close() })
	w := &world{T: t, sim: sim, stack: stack}
	w.clients, err = s.Connect(vendors.Surroundings{Ledger: stack.Ledger, Secrets: s.Secrets, Service: "audit"})
	if err != nil {
		t.Fatal(err)
	}
	for n := range users {
		w.send(command.TypeAssign, user(n+1))
	}
	w.work()
	return w
}

func user(n int) sipaddr.User { return sipaddr.User(fmt.Sprintf("user%05d@contoso.test", n)) }

// send puts a command on the queue.
func (w *world) send(typ string, u sipaddr.User) {
	w.Helper()
	w.sent++
	more := ""
	if typ == command.TypeAssign {
		more = `,"replace":true,"locationId":"` + home + `"`
	}
	body := fmt.Sprintf(`{"specversion":"1.0","source":"test","id":"%d","type":%q,"data":{"user":%q%s}}`, w.sent, typ, u, more)
	if _, err := w.stack.Send(w.Context(), []byte(body)); err != nil {
		w.Fatal(err)
	}
}

// work lets the stack work until its queue is empty.
func (w *world) work() {
	w.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	w.workWhile(func() { <-tick.C })
}

// workWhile does something again and again while the stack works.
func (w *world) workWhile(do func()) {
	w.Helper()
	ctx, stop := context.WithCancel(w.Context())
	defer stop()
	stopped := make(chan error, 1)
	go func() { stopped <- w.stack.Run(ctx) }()
	for waiting := 1; waiting > 0; do() {
		q, err := w.stack.Queues.Queue(w.Context(), local.NumbersQueue)
		w.check(err)
		n, err := q.Counts(w.Context())
		w.check(err)
		waiting = n.Visible + n.InFlight + n.Delayed
	}
	stop()
	if err := <-stopped; err != nil {
		w.Fatal(err)
	}
}

// numberOf returns the number that the ledger has assigned to a user's work phone.
func (w *world) numberOf(u sipaddr.User) e164.Number {
	w.Helper()
	p, err := w.stack.Ledger.Person(w.Context(), u)
	if err != nil {
		w.Fatal(err)
	}
	line, found := p.Line(command.Work)
	if !found || line.State != ledger.LineAssigned {
		w.Fatalf("%s has no number: %+v", u, p)
	}
	return line.Number
}

// phone sets a phone as an administrator would.
func (w *world) phone(u sipaddr.User, typ, number string) {
	w.Helper()
	w.check(w.sim.Skype.SetPhone(string(u), typ, ucwasim.Phone{Number: number}))
}

// own gives a number to somebody in Webex.
func (w *world) own(n e164.Number, first, last string) {
	w.Helper()
	w.check(w.sim.Webex.Assign(string(n), webexsim.Owner{FirstName: first, LastName: last}))
}

func (w *world) check(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// spare returns free numbers of the location that the ledger never saw.
func (w *world) spare(n int) (numbers []e164.Number) {
	w.Helper()
	for _, listed := range w.sim.Webex.Numbers(home) {
		number := e164.Number(listed.PhoneNumber)
		_, known, err := w.stack.Ledger.Number(w.Context(), number)
		w.check(err)
		if len(numbers) < n && !known && listed.Kind == webexsim.KindStandard && listed.Owner == nil && listed.State == "ACTIVE" {
			numbers = append(numbers, number)
		}
	}
	return numbers
}

// config is a quick audit with phones, for which nothing is too young.
func (w *world) config() audit.Config {
	return audit.Config{Ledger: w.stack.Ledger, Webex: w.clients.Webex, UCWA: w.clients.UCWA, Rate: 1000, Grace: 1}
}

// audit runs an audit, and mends what m says, if it says anything.
func (w *world) audit(cfg audit.Config, m audit.Mender) []audit.Finding {
	w.Helper()
	a, err := audit.New(cfg)
	w.check(err)
	m.Ledger, m.Queue, m.Audit = w.stack.Ledger, w.stack, "test"
	var found []audit.Finding
	for step, err := range a.Run(w.Context(), audit.Position{}) {
		w.check(err)
		for _, f := range step.Findings {
			found = append(found, m.Mend(w.Context(), f))
		}
	}
	return found
}

// brief names findings by kind, number and user, sorted.
func brief(found []audit.Finding) string {
	var lines []string
	for _, f := range found {
		lines = append(lines, fmt.Sprintln(f.Kind, f.Number, f.User))
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

// changes counts what each user saw change.
func (w *world) changes() map[string]int {
	n := map[string]int{}
	for _, u := range w.sim.Skype.Users() {
		n[u.User] = u.ChangeCount
	}
	return n
}

// results counts findings by what became of them.
func results(found []audit.Finding) map[audit.Result]int {
	n := map[audit.Result]int{}
	for _, f := range found {
		n[f.Result]++
	}
	maps.DeleteFunc(n, func(r audit.Result, _ int) bool { return r == "" })
	return n
}
