package outcome_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"dialtone/shared/contactlist"
	"dialtone/shared/outcome"
)

func TestContactsChangedIsOneEventAChange(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 22, 10, 0, 0, 5, time.FixedZone("", 3600))
	changes := contactlist.Changes{
		AddedContacts:   []contactlist.Contact{{URI: "sip:bob@contoso.test", Name: "Bob"}},
		RemovedContacts: []contactlist.Contact{{URI: "sip:cy@contoso.test"}},
		RenamedContacts: []contactlist.Renamed{{ID: "sip:di@contoso.test", From: "D", To: "Di"}},
		MovedContacts:   []contactlist.Moved{{URI: "sip:di@contoso.test", To: []string{"1"}}},
		AddedGroups:     []contactlist.Group{{ID: "1", Name: "Team"}},
		RemovedGroups:   []contactlist.Group{{ID: "2"}},
		RenamedGroups:   []contactlist.Renamed{{ID: "3", From: "a", To: "b"}},
	}
	c := outcome.ContactsChanged{User: "ada@contoso.test", Seq: 4, Since: at.Add(-time.Hour), At: at}.With(changes)
	e := outcome.NewContactsChanged(c)
	if !strings.HasSuffix(e.ID, "/4/2026-11-22T09:00:00Z") || e.Subject != "ada@contoso.test" || e.Source != "dialtone" {
		t.Errorf("event %+v", e)
	}
	got, err := e.ContactsChanged()
	if err != nil {
		t.Fatal(err)
	}
	c.Since, c.At = c.Since.UTC(), c.At.UTC()
	if diff := cmp.Diff(c, got); diff != "" {
		t.Error(diff)
	}
	if again := outcome.NewContactsChanged(c); again.ID != e.ID {
		t.Errorf("made again it is %s", again.ID)
	}
	for what, other := range map[string]func(*outcome.ContactsChanged){
		"user": func(c *outcome.ContactsChanged) { c.User = "bob@contoso.test" },
		"seq":  func(c *outcome.ContactsChanged) { c.Seq++ },
		"at":   func(c *outcome.ContactsChanged) { c.At = c.At.Add(time.Second) },
	} {
		next := c
		other(&next)
		if outcome.NewContactsChanged(next).ID == e.ID {
			t.Errorf("the event with another %s has the same id", what)
		}
	}
}
