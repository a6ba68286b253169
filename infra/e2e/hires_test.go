//go:build e2e

package e2e_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"dialtone/events/sample/onboarding"
	"dialtone/infra/local"
	"dialtone/infra/sim/webexsim"
	"dialtone/shared/command"
	"dialtone/shared/e164"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
)

// password is that of everybody in [company].
const password = "pw-user-of-the-company"

// company has three sites with enough numbers for all.
func company(people int) onboarding.Organisation {
	org := onboarding.Organisation{UCWA: onboarding.UCWA{Users: people, Domain: "contoso.test", Passwords: map[string]string{}}}
	for _, l := range webexsim.DefaultLocations(people) {
		org.Webex.Sites = append(org.Webex.Sites, onboarding.Site{Name: l.Name, ID: webexsim.LocationID(l.Name), Numbers: l.Numbers})
	}
	for n := 1; n <= people; n++ {
		org.UCWA.Passwords[userOf(n)] = password
	}
	return org
}

func userOf(n int) string { return fmt.Sprintf("user%05d@contoso.test", n) }

// companySecrets has one for all users, as a service account would.
func companySecrets(t *testing.T) map[string]string {
	t.Helper()
	return withWebex(t, map[string]string{ucwaPrefix + "default": encode(t, map[string]string{"username": "{user}", "password": password})})
}

// hires makes a request for each person; the n-th is also reported by another
// source, a request of its own, if mirrored says so.
func hires(t *testing.T, org onboarding.Organisation, mirrored func(n int) bool) []sent {
	t.Helper()
	var all []sent
	for n := 1; n <= org.UCWA.Users; n++ {
		all = append(all, hire(t, "hr", n, org))
		if mirrored != nil && mirrored(n) {
			all = append(all, hire(t, "hr-mirror", n, org))
		}
	}
	return all
}

func hire(t *testing.T, source string, n int, org onboarding.Organisation) sent {
	t.Helper()
	body, err := json.Marshal(map[string]any{
		"specversion": "1.0", "source": source, "id": fmt.Sprint("hire-", n), "type": command.TypeAssign,
		"data": map[string]any{"user": userOf(n), "locationId": org.Webex.Sites[n%3].ID},
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := command.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	return sent{c, body}
}

// fourZeros: no wrong number, no shared number, nobody changed twice, nothing
// lost.
func fourZeros(t *testing.T, sim *local.Simulation, messages []sent, got map[command.Key]outcome.Event) {
	t.Helper()
	owner := map[e164.Number]sipaddr.User{}
	for _, m := range messages {
		o, found := got[m.command.Key]
		if !found {
			t.Errorf("%s is lost", m.command.Key)
			continue
		}
		a, err := o.Assigned()
		if err != nil {
			t.Errorf("%s failed: %s", m.command.Key, o.Data)
			continue
		}
		if other := owner[a.Number]; other != "" && other != a.User {
			t.Errorf("%s and %s share a number", other, a.User)
		}
		owner[a.Number] = a.User
		u, _ := sim.Skype.User(string(a.User))
		n, _ := sim.Webex.Number(string(a.Number))
		switch {
		case !e164.Same(u.Phones["work"].Number, string(a.Number)):
			t.Errorf("%s: the phone shows another number than the outcome", a.User)
		case u.ChangeCount != 1:
			t.Errorf("%s: %d visible changes", a.User, u.ChangeCount)
		case n.Kind != webexsim.KindStandard || n.State != "ACTIVE" || n.LocationID != a.LocationID:
			t.Errorf("%s: the number is %s, %s, of %s", a.User, n.Kind, n.State, n.Location)
		}
	}
	if people := len(usersOf(messages)); len(owner) != people {
		t.Errorf("%d numbers for %d people", len(owner), people)
	}
}
