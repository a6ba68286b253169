package contactlist

import (
	"cmp"
	"slices"
)

// Renamed is a contact or group that has a new name.
type Renamed struct {
	ID   string `json:"id"` // the URI of a contact, the ID of a group
	From string `json:"from"`
	To   string `json:"to"`
}

// Moved is a contact that is in other groups than before.
type Moved struct {
	URI  string   `json:"uri"`
	From []string `json:"from,omitempty"` // IDs of groups, sorted
	To   []string `json:"to,omitempty"`
}

// Changes is what makes one list of another. Each part is in the order of its
// list. The zero value is no change.
type Changes struct {
	AddedContacts   []Contact `json:"addedContacts,omitempty"`
	RemovedContacts []Contact `json:"removedContacts,omitempty"`
	RenamedContacts []Renamed `json:"renamedContacts,omitempty"`
	MovedContacts   []Moved   `json:"movedContacts,omitempty"` // on both lists, in other groups
	AddedGroups     []Group   `json:"addedGroups,omitempty"`
	RemovedGroups   []Group   `json:"removedGroups,omitempty"`
	RenamedGroups   []Renamed `json:"renamedGroups,omitempty"`
}

// None reports whether nothing has changed.
func (c Changes) None() bool {
	return len(c.AddedContacts)+len(c.RemovedContacts)+len(c.RenamedContacts)+len(c.MovedContacts)+
		len(c.AddedGroups)+len(c.RemovedGroups)+len(c.RenamedGroups) == 0
}

// Diff returns what has changed from one canonical list to the other. Contacts
// count as moved only where both lists know their groups. A kind alone never
// changes: it is a part of what a group is.
func Diff(from, to List) Changes {
	var c Changes
	compare(from.Contacts, to.Contacts, func(x Contact) string { return x.URI },
		&c.AddedContacts, &c.RemovedContacts, func(was, is Contact) {
			if was.Name != is.Name {
				c.RenamedContacts = append(c.RenamedContacts, Renamed{is.URI, was.Name, is.Name})
			}
			if from.Memberships && to.Memberships && !slices.Equal(was.Groups, is.Groups) {
				c.MovedContacts = append(c.MovedContacts, Moved{is.URI, was.Groups, is.Groups})
			}
		})
	compare(from.Groups, to.Groups, func(x Group) string { return x.ID },
		&c.AddedGroups, &c.RemovedGroups, func(was, is Group) {
			if was.Name != is.Name {
				c.RenamedGroups = append(c.RenamedGroups, Renamed{is.ID, was.Name, is.Name})
			}
		})
	return c
}

// compare walks two lists that are sorted by the same key side by side.
func compare[T any](from, to []T, key func(T) string, added, removed *[]T, both func(was, is T)) {
	for len(from) > 0 || len(to) > 0 {
		switch order := next(from, to, key); {
		case order < 0:
			*removed, from = append(*removed, from[0]), from[1:]
		case order > 0:
			*added, to = append(*added, to[0]), to[1:]
		default:
			both(from[0], to[0])
			from, to = from[1:], to[1:]
		}
	}
}

// next tells which list the next key is on: the first (-1), the second (1) or
// both.
func next[T any](from, to []T, key func(T) string) int {
	switch {
	case len(to) == 0:
		return -1
	case len(from) == 0:
		return 1
	}
	return cmp.Compare(key(from[0]), key(to[0]))
}
