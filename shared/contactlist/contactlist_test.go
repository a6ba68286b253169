package contactlist_test

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"dialtone/shared/contactlist"
)

type (
	contact = contactlist.Contact
	group   = contactlist.Group
)

func TestNew(t *testing.T) {
	t.Parallel()
	contacts := []contact{
		{URI: " SIP:Bob@Contoso.test", Name: " Bob ", Groups: []string{"g2", " g1 ", "g2", ""}},
		{URI: "sip:ada@contoso.test"},
		{URI: "sip:bob@contoso.test", Name: "Robert", Groups: []string{"g3"}},
		{URI: " ", Name: "nobody"},
	}
	groups := []group{{ID: "g2", Name: "Team"}, {ID: " g1", Kind: "group", Name: " Friends"}, {ID: "g2", Name: "A team"}, {Name: "no id"}}
	want := contactlist.List{
		Contacts: []contact{
			{URI: "sip:ada@contoso.test"},
			{URI: "sip:bob@contoso.test", Name: "Bob", Groups: []string{"g1", "g2", "g3"}},
		},
		Groups:      []group{{ID: "g1", Kind: "group", Name: "Friends"}, {ID: "g2", Name: "A team"}},
		Memberships: true,
	}
	before, _ := json.Marshal(contacts)
	if got := contactlist.New(contacts, groups, true); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
	slices.Reverse(contacts)
	slices.Reverse(groups)
	if got := contactlist.New(contacts, groups, true); !reflect.DeepEqual(got, want) {
		t.Errorf("in another order: %+v\nwant %+v", got, want)
	}
	slices.Reverse(contacts)
	if after, _ := json.Marshal(contacts); string(after) != string(before) {
		t.Errorf("changed what it was given: %s", after)
	}
	if got := contactlist.New(contacts, nil, false); got.Contacts[1].Groups != nil {
		t.Errorf("memberships that are not known: %+v", got)
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	ada, bob := contact{URI: "sip:ada@contoso.test", Name: "Ada"}, contact{URI: "sip:bob@contoso.test", Name: "Bob", Groups: []string{"g1"}}
	moved := contact{URI: bob.URI, Name: "Bob", Groups: []string{"g2"}}
	robert := contact{URI: bob.URI, Name: "Robert", Groups: []string{"g1"}}
	one, two := group{ID: "g1", Kind: "group", Name: "Team"}, group{ID: "g2", Kind: "group", Name: "Friends"}
	list := func(contacts []contact, groups ...group) contactlist.List {
		return contactlist.New(contacts, groups, true)
	}
	for _, c := range []struct {
		what     string
		from, to contactlist.List
		want     contactlist.Changes
	}{
		{"nothing", list([]contact{ada, bob}, one), list([]contact{bob, ada}, one), contactlist.Changes{}},
		{"both empty", contactlist.List{}, contactlist.List{}, contactlist.Changes{}},
		{"added", list([]contact{ada}), list([]contact{ada, bob}), contactlist.Changes{AddedContacts: []contact{bob}}},
		{"the first one", contactlist.List{}, list([]contact{ada}, one), contactlist.Changes{AddedContacts: []contact{ada}, AddedGroups: []group{one}}},
		{"removed", list([]contact{ada, bob}), list([]contact{bob}), contactlist.Changes{RemovedContacts: []contact{ada}}},
		{
			"renamed", list([]contact{bob}, one), list([]contact{robert}, group{ID: "g1", Kind: "group", Name: "Crew"}),
			contactlist.Changes{
				RenamedContacts: []contactlist.Renamed{{ID: bob.URI, From: "Bob", To: "Robert"}},
				RenamedGroups:   []contactlist.Renamed{{ID: "g1", From: "Team", To: "Crew"}},
			},
		},
		{"moved", list([]contact{bob}), list([]contact{moved}), contactlist.Changes{MovedContacts: []contactlist.Moved{{URI: bob.URI, From: []string{"g1"}, To: []string{"g2"}}}}},
		{"moved, not known", list([]contact{bob}), contactlist.New([]contact{moved}, nil, false), contactlist.Changes{}},
		{
			"one for another", list([]contact{ada}, one), list([]contact{bob}, two),
			contactlist.Changes{AddedContacts: []contact{bob}, RemovedContacts: []contact{ada}, AddedGroups: []group{two}, RemovedGroups: []group{one}},
		},
		{"only a letter's case", list([]contact{{URI: "sip:ADA@contoso.test", Name: "Ada"}}), list([]contact{ada}), contactlist.Changes{}},
	} {
		got := contactlist.Diff(c.from, c.to)
		if !reflect.DeepEqual(got, c.want) || got.None() != reflect.DeepEqual(c.want, contactlist.Changes{}) {
			t.Errorf("%s: %+v\nwant %+v", c.what, got, c.want)
		}
	}
}

// anyList draws lists that have much in common.
func anyList(memberships bool) *rapid.Generator[contactlist.List] {
	return rapid.Custom(func(t *rapid.T) contactlist.List {
		id := rapid.StringMatching(`[A-Da-d]`)
		name := rapid.StringMatching(`[xyz]?`)
		contacts := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) contact {
			return contact{URI: id.Draw(t, "uri"), Name: name.Draw(t, "name"), Groups: rapid.SliceOfN(id, 0, 3).Draw(t, "groups")}
		}), 0, 6).Draw(t, "contacts")
		groups := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) group {
			return group{ID: id.Draw(t, "id"), Name: name.Draw(t, "name")}
		}), 0, 6).Draw(t, "groups")
		return contactlist.New(contacts, groups, memberships)
	})
}

// TestDiffMakesTheOther: the changes, applied to the one, make the other; and
// turned around they are those of the way back.
func TestDiffMakesTheOther(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		from, to := anyList(true).Draw(t, "from"), anyList(true).Draw(t, "to")
		c := contactlist.Diff(from, to)
		if got := apply(from, c); !reflect.DeepEqual(got, to) {
			t.Fatalf("%+v with %+v is %+v, want %+v", from, c, got, to)
		}
		back := contactlist.Diff(to, from)
		if !reflect.DeepEqual(c.AddedContacts, back.RemovedContacts) || !reflect.DeepEqual(c.AddedGroups, back.RemovedGroups) ||
			len(c.RenamedContacts) != len(back.RenamedContacts) || len(c.MovedContacts) != len(back.MovedContacts) {
			t.Fatalf("there %+v, back %+v", c, back)
		}
		if c.None() != reflect.DeepEqual(from, to) || !contactlist.Diff(to, to).None() {
			t.Fatalf("none: %t", c.None())
		}
	})
}

func apply(l contactlist.List, c contactlist.Changes) contactlist.List {
	contacts := slices.DeleteFunc(slices.Clone(l.Contacts), func(x contact) bool {
		return slices.ContainsFunc(c.RemovedContacts, func(r contact) bool { return r.URI == x.URI })
	})
	groups := slices.DeleteFunc(slices.Clone(l.Groups), func(x group) bool { return slices.Contains(c.RemovedGroups, x) })
	for i := range contacts {
		for _, r := range c.RenamedContacts {
			if r.ID == contacts[i].URI {
				contacts[i].Name = r.To
			}
		}
		for _, m := range c.MovedContacts {
			if m.URI == contacts[i].URI {
				contacts[i].Groups = m.To
			}
		}
	}
	for i := range groups {
		for _, r := range c.RenamedGroups {
			if r.ID == groups[i].ID {
				groups[i].Name = r.To
			}
		}
	}
	return contactlist.New(append(contacts, c.AddedContacts...), append(groups, c.AddedGroups...), l.Memberships)
}

// FuzzStored: a list that was stored is the same list, and whatever was stored
// can be made canonical and compared.
func FuzzStored(f *testing.F) {
	f.Add([]byte(`{"contacts":[{"uri":"sip:ada@contoso.test","name":"Ada","groups":["g1"]}],"groups":[{"id":"g1"}],"memberships":true}`))
	f.Add([]byte(`{"contacts":[{"uri":"b"},{"uri":"A"},{"uri":"a","groups":["","x","x"]}],"groups":[{"id":" "},{"id":"g"},{"id":"g "}]}`))
	f.Fuzz(func(t *testing.T, stored []byte) {
		var raw contactlist.List
		if json.Unmarshal(stored, &raw) != nil {
			return
		}
		l := contactlist.New(raw.Contacts, raw.Groups, raw.Memberships)
		text, err := json.Marshal(l)
		if err != nil {
			t.Fatal(err)
		}
		var again contactlist.List
		if err := json.Unmarshal(text, &again); err != nil || !reflect.DeepEqual(l, again) {
			t.Errorf("%s is %+v, %v", text, again, err)
		}
		if twice := contactlist.New(l.Contacts, l.Groups, l.Memberships); !reflect.DeepEqual(l, twice) {
			t.Errorf("canonical twice: %+v, then %+v", l, twice)
		}
		if !contactlist.Diff(l, again).None() || contactlist.Diff(contactlist.List{}, l).None() != (len(l.Contacts)+len(l.Groups) == 0) {
			t.Errorf("changes of %s", text)
		}
		contactlist.Diff(raw, l) // not canonical: no panic
	})
}

func ExampleDiff() {
	before := contactlist.New([]contact{{URI: "sip:bob@contoso.test", Name: "Bob"}}, nil, false)
	now := contactlist.New([]contact{{URI: "sip:Bob@contoso.test", Name: "Robert"}, {URI: "sip:ada@contoso.test", Name: "Ada"}}, nil, false)
	changes := contactlist.Diff(before, now)
	fmt.Println(changes.AddedContacts, changes.RenamedContacts)
	// Output: [{sip:ada@contoso.test Ada []}] [{sip:bob@contoso.test Bob Robert}]
}
