package onboarding_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"dialtone/events/sample"
	"dialtone/events/sample/onboarding"
	"dialtone/events/schema/validate"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
)

func TestFilesAreWhatTheScriptWrites(t *testing.T) {
	files, err := onboarding.Build()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		if !bytes.Equal(read(t, name), want) {
			t.Errorf("%s is not up to date: run go generate ./events/sample", name)
		}
	}
}

func TestSidecarsAreReadBack(t *testing.T) {
	e, o := expected(t), organisation(t)
	if e.Lines != 200 || o.UCWA.Users != 200 || len(o.Webex.Sites) != 3 {
		t.Errorf("expected %+v\norganisation %+v", e, o)
	}
	for name, raw := range map[string]string{"unknown field": `{"linse":200}`, "cut short": `{"lines":`, "two values": `{} {}`, "empty": ``} {
		if _, err := onboarding.ParseExpected([]byte(raw)); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

// TestEveryLineIsAccountedFor holds the lines against the expected end.
func TestEveryLineIsAccountedFor(t *testing.T) {
	e := expected(t)
	accounted := e.Assigned + len(e.Planned) + len(e.Failed) + len(e.Malformed)
	for _, x := range e.Exhausted {
		accounted += x.Count
	}
	if n := len(lines(t)); n != e.Lines || accounted != e.Lines {
		t.Errorf("%d lines, %d expected, %d accounted for", n, e.Lines, accounted)
	}
	if len(e.Failed) != 4 || len(e.Malformed) != 1 || len(e.Exact) != 2 || len(e.Planned) != 1 {
		t.Errorf("the play has lost a twist: %+v", e)
	}
}

func TestLinesAreCommandsInOrder(t *testing.T) {
	e := expected(t)
	for i, line := range lines(t) {
		found := validate.Command(line)
		if m := e.Malformed[0]; m.Line == i+1 {
			if len(found) != 1 || found[0].Field != m.Field {
				t.Errorf("line %d: %v, want a problem with %s", i+1, found, m.Field)
			}
			continue
		}
		c, err := command.Decode(line)
		if err != nil || found != nil {
			t.Fatalf("line %d: schema %v, decoder %v", i+1, found, err)
		}
		key := command.Key{Source: e.Source, ID: fmt.Sprintf("hire-2026-%04d", i+1)}
		if c.Key != key || string(c.User) != fmt.Sprintf("user%05d@contoso.test", i+1) || c.Time.IsZero() {
			t.Errorf("line %d is %v for %s at %v", i+1, c.Key, c.User, c.Time)
		}
	}
}

// TestPlayIsVaried guards the demonstration: every wish occurs.
func TestPlayIsVaried(t *testing.T) {
	seen := map[string]int{}
	for _, a := range wishes(t) {
		seen[string(a.LicenseType)]++
		seen[string(a.PhoneType)]++
		if card := a.IncludeInContactCard; card != nil {
			seen[fmt.Sprint("card ", *card)]++
		}
	}
	for _, want := range []string{string(command.Standard), "mobile", "other", "card true", "card false"} {
		if seen[want] < 2 {
			t.Errorf("%s: %d times", want, seen[want])
		}
	}
	if seen[string(command.Professional)] < 150 {
		t.Errorf("the default licence %d times", seen[string(command.Professional)])
	}
}

// TestSitesAreTheSimulators plays against the pools that the simulator makes of
// the organisation.
func TestSitesAreTheSimulators(t *testing.T) {
	e, o := expected(t), organisation(t)
	pools := usable(t, o)
	wanted := map[string]int{}
	denied := deniedUsers(e)
	for user, a := range wishes(t) {
		if !a.DryRun && !denied[user] {
			wanted[a.LocationID]++
		}
	}
	for _, s := range o.Webex.Sites {
		have := len(pools[s.ID])
		if have != s.Numbers {
			t.Errorf("%s: %d usable numbers, not %d", s.Name, have, s.Numbers)
		}
		short := max(0, wanted[s.ID]-have)
		if short != shortage(e, s.ID) {
			t.Errorf("%s: %d hires for %d numbers, %d expected to go without", s.Name, wanted[s.ID], have, shortage(e, s.ID))
		}
	}
	if len(wanted) != len(o.Webex.Sites) {
		t.Errorf("hires at %d sites", len(wanted))
	}
}

// TestExactNumbersWait shows that nobody else is handed a number that a later
// hire asks for by name: it is not on the first page, and that page suffices.
func TestExactNumbersWait(t *testing.T) {
	e, o := expected(t), organisation(t)
	pools, first := usable(t, o), map[string][]string{}
	for _, s := range o.Webex.Sites {
		first[s.ID] = firstPage(t, o, s.ID)
	}
	hires := map[string]int{}
	for _, a := range wishes(t) {
		hires[a.LocationID]++
	}
	all := wishes(t)
	for _, x := range e.Exact {
		a := all[x.User]
		if string(a.Number) != x.Number || !slices.Contains(pools[a.LocationID], x.Number) {
			t.Errorf("%s asks for %q, expected to get %q, which is usable there: %t", x.ID, a.Number, x.Number, slices.Contains(pools[a.LocationID], x.Number))
		}
		if slices.Contains(first[a.LocationID], x.Number) {
			t.Errorf("%s: the number is on the first page", x.ID)
		}
		const spare = 30 // candidates that are looked at, but not taken
		if free := len(first[a.LocationID]); free < hires[a.LocationID]+spare {
			t.Errorf("%s: the first page has %d numbers for %d hires", x.ID, free, hires[a.LocationID])
		}
	}
}

func TestTraitsBelongToTheFailures(t *testing.T) {
	o := organisation(t)
	traits := append(slices.Clone(o.UCWA.NoEnterpriseVoice), o.UCWA.ADOwned[0].User)
	for user, password := range o.UCWA.Passwords {
		local, _, _ := strings.Cut(user, "@")
		if password == "pw-"+local {
			t.Errorf("%s has the generated password", user)
		}
		traits = append(traits, user)
	}
	all, denied := wishes(t), deniedUsers(expected(t))
	if len(traits) != len(denied) {
		t.Errorf("%d traits for %d failures", len(traits), len(denied))
	}
	for _, user := range traits {
		if !denied[user] || all[user].PhoneType != command.Work {
			t.Errorf("%s: expected to fail %t, phone %s", user, denied[user], all[user].PhoneType)
		}
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	raw, err := fs.ReadFile(sample.Files(), name)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func expected(t *testing.T) onboarding.Expected {
	t.Helper()
	e, err := onboarding.ParseExpected(read(t, onboarding.ExpectedFile))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func organisation(t *testing.T) onboarding.Organisation {
	t.Helper()
	o, err := onboarding.ParseOrganisation(read(t, onboarding.OrganisationFile))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func lines(t *testing.T) [][]byte {
	t.Helper()
	return slices.Collect(bytes.Lines(read(t, onboarding.PlayFile)))
}

// wishes decodes what each user of the play asks for, without the malformed line.
func wishes(t *testing.T) map[string]command.Assign {
	t.Helper()
	all := map[string]command.Assign{}
	for _, line := range lines(t) {
		if c, err := command.Decode(line); err == nil {
			all[string(c.User)] = c.Data.(command.Assign)
		}
	}
	return all
}

func deniedUsers(e onboarding.Expected) map[string]bool {
	users := map[string]bool{}
	for _, f := range e.Failed {
		users[f.User] = true
	}
	return users
}

func shortage(e onboarding.Expected, site string) int {
	for _, x := range e.Exhausted {
		if x.LocationID == site {
			return x.Count
		}
	}
	return 0
}

// simulator is the cloud of the organisation: the simulator's sites with as
// many numbers as the organisation says.
func simulator(t *testing.T, o onboarding.Organisation) *webexsim.Server {
	t.Helper()
	locations := webexsim.DefaultLocations(0)
	for i := range locations {
		locations[i].Numbers = o.Webex.Sites[i].Numbers
	}
	s, err := webexsim.New(webexsim.Config{Seed: o.Webex.Seed, Locations: locations, PageLimit: o.Webex.PageLimit})
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range s.Locations() {
		if l.ID != o.Webex.Sites[i].ID || l.Name != o.Webex.Sites[i].Name {
			t.Fatalf("site %s is %s in the simulator", o.Webex.Sites[i].Name, l.ID)
		}
	}
	return s
}

// usable lists the numbers that a person can get, by site.
func usable(t *testing.T, o onboarding.Organisation) map[string][]string {
	t.Helper()
	s := simulator(t, o)
	pools := map[string][]string{}
	for _, site := range o.Webex.Sites {
		for _, n := range s.Numbers(site.ID) {
			if ordinary(n) {
				pools[site.ID] = append(pools[site.ID], n.PhoneNumber)
			}
		}
	}
	return pools
}

func ordinary(n webexsim.Number) bool {
	return n.Kind == webexsim.KindStandard && n.State == "ACTIVE" && n.Available
}

// firstPage lists the ordinary numbers on the first page of a site's list.
func firstPage(t *testing.T, o onboarding.Organisation, site string) []string {
	t.Helper()
	var page []string
	listed := 0
	for _, n := range simulator(t, o).Numbers(site) {
		if !n.Available {
			continue
		}
		if listed++; listed > o.Webex.PageLimit {
			break
		}
		if ordinary(n) {
			page = append(page, n.PhoneNumber)
		}
	}
	return page
}
