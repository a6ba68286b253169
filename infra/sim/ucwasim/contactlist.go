package ucwasim

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"dialtone/infra/sim/simkit"
)

// Contact is an entry of a user's contact list (UCWA 2.0: contact). A contact is
// in one group, and may be pinned: real lists can have it in several.
type Contact struct {
	URI    string `json:"uri"`              // sip: or tel:, compared without letter case
	Name   string `json:"name"`             // empty: the URI without its scheme and domain
	Group  string `json:"group,omitempty"`  // ID; empty: the default group
	Pinned bool   `json:"pinned,omitempty"` // in the pinned group too
}

// Group is a user's own group of contacts (UCWA 2.0: group). The default and the
// pinned group, which everybody has, are not among them.
type Group struct {
	ID   string `json:"id"` // lower-case letters, digits and hyphens
	Name string `json:"name"`
}

// PeoplePolicy is what administrators have taken away from a user (UCWA 2.0:
// myContactsAndGroupsSubscription and its operations). Each flag answers 403 None.
// The zero value allows everything.
type PeoplePolicy struct {
	NoContactList        bool `json:"noContactList"`        // no GET of the subscription, contacts and groups
	NoPendingContacts    bool `json:"noPendingContacts"`    // no GET of the subscription
	ReadOnlyContactList  bool `json:"readOnlyContactList"`  // no start, refresh and stop
	NoDelegates          bool `json:"noDelegates"`          // the same
	NoDistributionGroups bool `json:"noDistributionGroups"` // the same
}

// The groups that everybody has. Their ids and names are assumed.
const (
	defaultGroupID = "default" // of contacts without a group
	pinnedGroupID  = "pinned"
	maxGroupID     = 256 // characters (UCWA 2.0: subscribeToGroupPresence)
)

var groupID = regexp.MustCompile(`^[a-z0-9-]+$`)

func defaultGroup() Group { return Group{defaultGroupID, "Other Contacts"} }
func pinnedGroup() Group  { return Group{pinnedGroupID, "Favorites"} }

// common reports whether everybody has the group.
func (g Group) common() bool { return g.ID == defaultGroupID || g.ID == pinnedGroupID }

func (g Group) rel() string {
	switch g.ID {
	case defaultGroupID:
		return "defaultGroup"
	case pinnedGroupID:
		return "pinnedGroup"
	default:
		return "group"
	}
}

// withDefaults gives a contact the name that it lacks.
func (c Contact) withDefaults() Contact {
	if c.Name == "" {
		_, rest, _ := strings.Cut(c.URI, ":")
		c.Name, _, _ = strings.Cut(rest, "@")
	}
	return c
}

func (c Contact) is(uri string) bool { return strings.EqualFold(c.URI, uri) }

func (c Contact) problem(groups []Group) error {
	if !callable(c.URI) {
		return invalid("uri", fmt.Sprintf("%q is no sip: or tel: URI", c.URI), "use such as sip:ada@contoso.test")
	}
	if c.Group != "" && groupIndex(groups, c.Group) < 0 {
		return noGroup("group", c.Group)
	}
	return nil
}

func (g Group) problem() error {
	switch n := utf8.RuneCountInString(g.ID); {
	case !groupID.MatchString(g.ID) || n > maxGroupID || g.common():
		return invalid("id", fmt.Sprintf("%q cannot be the id of a group", g.ID),
			fmt.Sprintf("use up to %d lower-case letters, digits and hyphens, but not %s and %s", maxGroupID, defaultGroupID, pinnedGroupID))
	case g.Name == "":
		return invalid("name", "is missing", "name the group")
	}
	return nil
}

// checkContactList reports everything that is wrong with a list.
func checkContactList(contacts []Contact, groups []Group) error {
	var errs []error
	for i, g := range groups {
		if err := g.problem(); err != nil {
			errs = append(errs, fmt.Errorf("field Groups[%d]: %w", i, err))
		}
		if groupIndex(groups, g.ID) != i {
			errs = append(errs, fmt.Errorf("field Groups[%d]: id %q occurs twice", i, g.ID))
		}
	}
	for i, c := range contacts {
		if err := c.problem(groups); err != nil {
			errs = append(errs, fmt.Errorf("field Contacts[%d]: %w", i, err))
		}
		if contactIndex(contacts, c.URI) != i {
			errs = append(errs, fmt.Errorf("field Contacts[%d]: uri %q occurs twice", i, c.URI))
		}
	}
	return errors.Join(errs...)
}

func contactIndex(all []Contact, uri string) int {
	return slices.IndexFunc(all, func(c Contact) bool { return c.is(uri) })
}

func groupIndex(all []Group, id string) int {
	return slices.IndexFunc(all, func(g Group) bool { return g.ID == id })
}

func invalid(field, problem, mend string) error {
	return &simkit.Invalid{Problems: []simkit.Problem{{Field: field, Problem: problem, Mend: mend}}}
}

func noContact(uri string) error {
	return invalid("uri", fmt.Sprintf("%q is not in the contact list", uri), "GET /users/{user} lists the contacts")
}

func noGroup(field, id string) error {
	return invalid(field, fmt.Sprintf("%q is not a group of the user", id), "GET /users/{user} lists the groups; leave it empty for the default group")
}

// group is the group with an id, also one that everybody has; empty: the default.
func (u *user) group(id string) (Group, bool) {
	switch id {
	case "", defaultGroupID:
		return defaultGroup(), true
	case pinnedGroupID:
		return pinnedGroup(), true
	}
	i := groupIndex(u.Groups, id)
	if i < 0 {
		return Group{}, false
	}
	return u.Groups[i], true
}

// members are the contacts of a group.
func (u *user) members(id string) []Contact {
	var all []Contact
	for _, c := range u.Contacts {
		if slices.Contains(c.groups(), id) {
			all = append(all, c.withDefaults())
		}
	}
	return all
}

// groups are the ids of the groups that a contact is in.
func (c Contact) groups() []string {
	ids := []string{c.Group}
	if c.Group == "" {
		ids[0] = defaultGroupID
	}
	if c.Pinned {
		ids = append(ids, pinnedGroupID)
	}
	return ids
}

// The changes below replace the slices instead of writing to them: they may be
// those of the configuration, shared by many users.

func (u *user) addContact(c Contact) error {
	if err := c.problem(u.Groups); err != nil {
		return err
	}
	if contactIndex(u.Contacts, c.URI) >= 0 {
		return invalid("uri", fmt.Sprintf("%q is in the contact list already", c.URI), "remove it first, or rename or move it")
	}
	c = c.withDefaults()
	u.Contacts = append(slices.Clip(u.Contacts), c)
	u.notify(contactEvent(added, c))
	u.membersChanged(c.groups()...)
	return nil
}

func (u *user) removeContact(uri string) error {
	i := contactIndex(u.Contacts, uri)
	if i < 0 {
		return noContact(uri)
	}
	c := u.Contacts[i].withDefaults()
	u.Contacts = slices.Delete(slices.Clone(u.Contacts), i, i+1)
	u.notify(contactEvent(deleted, c))
	u.membersChanged(c.groups()...)
	return nil
}

// renameContact tells nobody unless updates is set: the pages know contacts as
// added and deleted only.
func (u *user) renameContact(uri, name string, updates bool) error {
	i := contactIndex(u.Contacts, uri)
	if i < 0 {
		return noContact(uri)
	}
	u.Contacts = slices.Clone(u.Contacts)
	u.Contacts[i].Name = name
	if updates {
		u.notify(contactEvent(updated, u.Contacts[i].withDefaults()))
	}
	return nil
}

func (u *user) moveContact(uri, group string) error {
	i := contactIndex(u.Contacts, uri)
	if i < 0 {
		return noContact(uri)
	}
	if group != "" && groupIndex(u.Groups, group) < 0 {
		return noGroup("group", group)
	}
	from := u.Contacts[i].Group
	if from == group {
		return nil
	}
	u.Contacts = slices.Clone(u.Contacts)
	u.Contacts[i].Group = group
	u.membersChanged(from, group)
	return nil
}

func (u *user) pinContact(uri string, pinned bool) error {
	i := contactIndex(u.Contacts, uri)
	if i < 0 {
		return noContact(uri)
	}
	if u.Contacts[i].Pinned != pinned {
		u.Contacts = slices.Clone(u.Contacts)
		u.Contacts[i].Pinned = pinned
		u.membersChanged(pinnedGroupID)
	}
	return nil
}

func (u *user) addGroup(g Group) error {
	if err := g.problem(); err != nil {
		return err
	}
	if groupIndex(u.Groups, g.ID) >= 0 {
		return invalid("id", fmt.Sprintf("the user has a group %q already", g.ID), "use another id, or rename the group")
	}
	u.Groups = append(slices.Clip(u.Groups), g)
	u.notify(groupEvent(added, g))
	return nil
}

func (u *user) renameGroup(g Group) error {
	if err := g.problem(); err != nil {
		return err
	}
	i := groupIndex(u.Groups, g.ID)
	if i < 0 {
		return noGroup("id", g.ID)
	}
	u.Groups = slices.Clone(u.Groups)
	u.Groups[i] = g
	u.notify(groupEvent(updated, g))
	return nil
}

// removeGroup leaves the members in the default group.
func (u *user) removeGroup(id string) error {
	i := groupIndex(u.Groups, id)
	if i < 0 {
		return noGroup("id", id)
	}
	g := u.Groups[i]
	u.Groups = slices.Delete(slices.Clone(u.Groups), i, i+1)
	moved := false
	u.Contacts = slices.Clone(u.Contacts)
	for i := range u.Contacts {
		if u.Contacts[i].Group == id {
			u.Contacts[i].Group, moved = "", true
		}
	}
	u.notify(groupEvent(deleted, g))
	if moved {
		u.membersChanged(defaultGroupID)
	}
	return nil
}

// membersChanged tells that groups have other members, which is assumed to update
// them.
func (u *user) membersChanged(ids ...string) {
	for _, id := range ids {
		if g, ok := u.group(id); ok {
			u.notify(groupEvent(updated, g))
		}
	}
}
