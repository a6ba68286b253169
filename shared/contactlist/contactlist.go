// Package contactlist holds a user's contact list as one value that can be
// stored, and tells what has changed between two of them.
//
// A list is canonical: made by [New] from the same contacts and groups in any
// order it is the same, and so is its JSON. Contacts are told apart by their
// URI, groups by their ID; a new name for the same one is a renaming.
package contactlist

import (
	"cmp"
	"slices"
	"strings"
)

// Contact is a person or service on a contact list.
type Contact struct {
	URI  string `json:"uri"`            // sip: or tel:, lower case
	Name string `json:"name,omitempty"` // as shown; may be empty
	// Groups are the IDs of the groups that the contact is in, sorted. Empty
	// also where List.Memberships is false.
	Groups []string `json:"groups,omitempty"`
}

// Group is a group of a contact list.
type Group struct {
	ID   string `json:"id"`             // unique on its list
	Kind string `json:"kind,omitempty"` // UCWA's name for it, such as group or distributionGroup
	Name string `json:"name,omitempty"` // as shown; may be empty
}

// List is a user's contact list. The zero value is an empty one. Make one with
// [New]; it is not changed afterwards.
type List struct {
	Contacts []Contact `json:"contacts,omitempty"` // by URI
	Groups   []Group   `json:"groups,omitempty"`   // by ID
	// Memberships: it is known which contact is in which group.
	Memberships bool `json:"memberships,omitempty"`
}

// New returns the canonical list of contacts and groups, which it does not
// change. URIs are folded to lower case, blanks around texts are dropped.
// Contacts without a URI and groups without an ID are left out, for nothing
// tells them apart. Of several with the same URI or ID the least name stays,
// and a contact is in the groups of all of them.
func New(contacts []Contact, groups []Group, memberships bool) List {
	l := List{Memberships: memberships}
	for _, c := range contacts {
		if c.URI = strings.ToLower(strings.TrimSpace(c.URI)); c.URI == "" {
			continue
		}
		c.Name, c.Groups = strings.TrimSpace(c.Name), slices.Clone(c.Groups)
		if !memberships {
			c.Groups = nil
		}
		l.Contacts = append(l.Contacts, c)
	}
	for _, g := range groups {
		if g.ID = strings.TrimSpace(g.ID); g.ID == "" {
			continue
		}
		g.Kind, g.Name = strings.TrimSpace(g.Kind), strings.TrimSpace(g.Name)
		l.Groups = append(l.Groups, g)
	}
	l.settle()
	return l
}

// settle sorts everything and makes one of what is the same.
func (l *List) settle() {
	slices.SortFunc(l.Contacts, func(a, b Contact) int { return cmp.Or(cmp.Compare(a.URI, b.URI), cmp.Compare(a.Name, b.Name)) })
	var kept []Contact
	for _, c := range l.Contacts {
		if n := len(kept); n > 0 && kept[n-1].URI == c.URI {
			kept[n-1].Groups = append(kept[n-1].Groups, c.Groups...)
			continue
		}
		kept = append(kept, c)
	}
	for i := range kept {
		kept[i].Groups = idsOf(kept[i].Groups)
	}
	l.Contacts = kept
	slices.SortFunc(l.Groups, func(a, b Group) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind))
	})
	l.Groups = slices.CompactFunc(l.Groups, func(a, b Group) bool { return a.ID == b.ID })
}

// idsOf returns the IDs trimmed, sorted and once each; nil when there are none.
func idsOf(groups []string) []string {
	var ids []string
	for _, id := range groups {
		if id = strings.TrimSpace(id); id != "" {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}
