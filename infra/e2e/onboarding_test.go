//go:build e2e

package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"dialtone/events/sample"
	"dialtone/events/sample/onboarding"
	"dialtone/infra/e2e/snapshot"
	"dialtone/infra/local"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/failure"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
)

// scenario is the play of `make run`.
type scenario struct {
	organisation onboarding.Organisation
	expected     onboarding.Expected
	messages     []sent // those that are commands
}

func readScenario(t *testing.T) scenario {
	t.Helper()
	read := func(name string) []byte {
		raw, err := fs.ReadFile(sample.Files(), name)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	var s scenario
	var err error
	if s.organisation, err = onboarding.ParseOrganisation(read(onboarding.OrganisationFile)); err != nil {
		t.Fatal(err)
	}
	if s.expected, err = onboarding.ParseExpected(read(onboarding.ExpectedFile)); err != nil {
		t.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(read(onboarding.PlayFile)), []byte("\n"))
	for i, body := range lines {
		c, err := command.Decode(body)
		bad := slices.ContainsFunc(s.expected.Malformed, func(m onboarding.Malformed) bool { return m.Line == i+1 })
		if bad != (err != nil) {
			t.Errorf("line %d: malformed is %v, and reading it says %v", i+1, bad, err)
		}
		if err == nil {
			s.messages = append(s.messages, sent{c, body})
		}
	}
	if len(lines) != s.expected.Lines {
		t.Errorf("%d lines, want %d", len(lines), s.expected.Lines)
	}
	return s
}

// secrets are those that an administrator of the organisation would keep.
func (s scenario) secrets(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, u := range usersOf(s.messages) {
		all[ucwaPrefix+string(u)] = encode(t, map[string]string{"username": string(u), "password": "pw-" + u.LocalPart()})
	}
	return withWebex(t, all)
}

// The 200 new hires of `make run` end as they should on what the template says,
// with every outcome on the bus; and the ledger has the same in it as after the
// same play on one machine.
func TestOnboarding(t *testing.T) {
	s := readScenario(t)
	sim, parameters := simulate(t, s.organisation, local.Latency{})
	w := wish{parameters: parameters, secrets: s.secrets(t), repeat: 3}
	d := deploy(t, newCloud(t, w), w, nil)
	d.send(t, s.messages, nil)
	stop := d.start(t)
	got := d.outcomes(t, s.messages, 2*time.Minute)
	stop()

	s.ended(t, got)
	s.phones(t, sim, got)
	s.recorded(t, d)
	if d.published(t, got) == 0 {
		t.Error("no outcome came twice, though the stream repeated itself: nothing was proved of stable ids")
	}
	d.discreet(t, "ChangeNumber")
	t.Run("as on one machine", func(t *testing.T) {
		here, err := snapshot.Take(t.Context(), d.ledger, usersOf(s.messages))
		if err != nil {
			t.Fatal(err)
		}
		s.sameAs(t, here, s.embedded(t))
	})
}

// ended holds every outcome against what was expected.
func (s scenario) ended(t *testing.T, got map[command.Key]outcome.Event) {
	t.Helper()
	class, left, exact := map[string]string{}, map[string]int{}, map[string]string{}
	for _, f := range s.expected.Failed {
		class[f.ID] = f.Class
	}
	for _, x := range s.expected.Exhausted {
		left[x.LocationID] = x.Count
	}
	for _, e := range s.expected.Exact {
		exact[e.ID] = e.Number
	}
	for _, m := range s.messages {
		id, site, ended := m.command.Key.ID, m.command.Data.(command.Assign).LocationID, ""
		o := got[m.command.Key]
		if f, err := o.Failed(); err == nil {
			ended = string(f.Class)
		}
		if ended == string(failure.Exhausted) && left[site] > 0 {
			left[site]--
			continue
		}
		if ended != class[id] {
			t.Errorf("%s ended %q, want %q", id, ended, class[id])
		}
		if a, err := o.Assigned(); err == nil && exact[id] != "" && string(a.Number) != exact[id] {
			t.Errorf("%s has another number than the one asked for", id)
		}
	}
	for site, n := range left {
		if n != 0 {
			t.Errorf("%d more of site %s should have gone without", n, site)
		}
	}
}

// phones holds the vendors against the outcomes.
func (s scenario) phones(t *testing.T, sim *local.Simulation, got map[command.Key]outcome.Event) {
	t.Helper()
	owner, assigned := map[e164.Number]sipaddr.User{}, 0
	for _, m := range s.messages {
		a, err := got[m.command.Key].Assigned()
		u, _ := sim.Skype.User(string(m.command.User))
		if err != nil || a.DryRun {
			if u.ChangeCount != 0 {
				t.Errorf("%s was changed without a success", m.command.User)
			}
			continue
		}
		assigned++
		n, _ := sim.Webex.Number(string(a.Number))
		want := m.command.Data.(command.Assign)
		switch {
		case owner[a.Number] != "":
			t.Errorf("%s and %s share a number", owner[a.Number], a.User)
		case !e164.Same(u.Phones[string(want.PhoneType)].Number, string(a.Number)):
			t.Errorf("%s: the phone does not show the number of the outcome", a.User)
		case u.ChangeCount != 1:
			t.Errorf("%s: %d visible changes", a.User, u.ChangeCount)
		case n.Kind != webexsim.KindStandard || n.State != "ACTIVE" || n.LocationID != want.LocationID:
			t.Errorf("%s: the number is %s, %s, of %s", a.User, n.Kind, n.State, n.Location)
		}
		owner[a.Number] = a.User
	}
	if assigned != s.expected.Assigned {
		t.Errorf("%d have a number, want %d", assigned, s.expected.Assigned)
	}
	if leaked := sim.Skype.Totals().Leaked; leaked != 0 {
		t.Errorf("%d applications were left behind", leaked)
	}
}

// recorded wants a dead letter for each failure, body and all.
func (s scenario) recorded(t *testing.T, d *deployment) {
	t.Helper()
	all := letters(t, d.ledger)
	want := len(s.expected.Failed)
	for _, x := range s.expected.Exhausted {
		want += x.Count
	}
	if len(all) != want {
		t.Errorf("%d dead letters, want %d", len(all), want)
	}
	for _, m := range s.messages {
		if letter, found := all[m.command.Key]; found && (letter.Body != string(m.body) || letter.Failure.Reason == "" || letter.Failure.Advice == "") {
			t.Errorf("the dead letter of %s is not whole: %+v", m.command.Key, letter)
		}
	}
}

// discreet looks for what no log line may show. The function that was at work
// must have said something.
func (d *deployment) discreet(t *testing.T, working string) {
	t.Helper()
	for id, f := range d.functions {
		text := f.logs.text()
		if text == "" && id == working {
			t.Errorf("%s logged nothing", id)
		}
		for _, secret := range []string{`\+\d{9}`, `cwt=`, `pw-user`, `Bearer `} {
			if leak := regexp.MustCompile(`.{0,60}` + secret + `.{0,20}`).FindString(text); leak != "" {
				t.Errorf("the log of %s shows %s: %s", id, secret, leak)
			}
		}
	}
}

// embedded plays the scenario on one machine and returns what is in the ledger.
func (s scenario) embedded(t *testing.T) snapshot.Snapshot {
	t.Helper()
	sim, _ := simulate(t, s.organisation, local.Latency{})
	settings := sim.Settings()
	settings.WebexRate = 1000
	stack, err := local.Open(t.Context(), local.Options{Path: filepath.Join(t.TempDir(), "dialtone.db"), Settings: settings})
	if err != nil {
		t.Fatal(err)
	}
	defer stack.Close()
	for _, m := range s.messages {
		if _, err := stack.Send(t.Context(), m.body); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- stack.Run(ctx) }()
	for _, m := range s.messages {
		eventually(ctx, t, "every request has an outcome", func() (string, bool) {
			r, _, err := stack.Ledger.Request(ctx, m.command.Key)
			return fmt.Sprint(m.command.Key, err), r.Outcome != nil
		})
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	got, err := snapshot.Take(t.Context(), stack.Ledger, usersOf(s.messages))
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// sameAs compares two ledgers entry by entry.
func (s scenario) sameAs(t *testing.T, aws, embedded snapshot.Snapshot) {
	t.Helper()
	rules := snapshot.Rules{Alike: s.interchangeable(), Rename: map[string]string{stackName + "-numbers": "numbers"}}
	got, err := aws.Canonical(rules)
	if err != nil {
		t.Fatal(err)
	}
	want, err := embedded.Canonical(rules)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, kind := range slices.Sorted(maps.Keys(want)) {
		total += len(want[kind])
		only := func(a, b []string) []string {
			left := slices.Clone(a)
			for _, e := range b {
				if i := slices.Index(left, e); i >= 0 {
					left = slices.Delete(left, i, i+1)
				}
			}
			return left[:min(3, len(left))]
		}
		if a, b := only(got[kind], want[kind]), only(want[kind], got[kind]); len(a)+len(b) > 0 {
			t.Errorf("%s differ (%d and %d); only on AWS:\n%s\nonly on one machine:\n%s", kind, len(got[kind]), len(want[kind]), strings.Join(a, "\n"), strings.Join(b, "\n"))
		}
	}
	if total < 2*len(s.messages) {
		t.Errorf("only %d entries were compared", total)
	}
}

// interchangeable are the hires of sites with too few numbers, but for those of
// whom it is known how they end.
func (s scenario) interchangeable() map[sipaddr.User]string {
	known := map[string]bool{}
	for _, f := range s.expected.Failed {
		known[f.ID] = true
	}
	for _, e := range s.expected.Exact {
		known[e.ID] = true
	}
	for _, p := range s.expected.Planned {
		known[p.ID] = true
	}
	alike := map[sipaddr.User]string{}
	for _, m := range s.messages {
		for _, x := range s.expected.Exhausted {
			if m.command.Data.(command.Assign).LocationID == x.LocationID && !known[m.command.Key.ID] {
				alike[m.command.User] = "hire of " + x.Site
			}
		}
	}
	return alike
}
