package ucwa

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"dialtone/shared/contactlist"
	"dialtone/shared/failure"
)

// groupKinds are the rels of groups (UCWA 2.0: myGroups).
func groupKinds() []string {
	return []string{
		"group", "distributionGroup", "defaultGroup", "pinnedGroup",
		"delegatesGroup", "delegatorsGroup", "myOrganizationGroup",
	}
}

// ContactList reads the user's contacts, groups and which contact is in which
// group (UCWA 2.0: myContacts, myGroups, myGroupMemberships): three calls, none
// of them in pages, when the server embeds as documented. It needs no
// subscription. A server that offers no memberships leaves them unknown.
//
// A group is known by its kind and its id, a distribution group by its URI, and
// a kind that a user has once by the kind alone. What is within a distribution
// group is not on the user's own list.
//
// Errors are [*Error]s: denied with [ErrMissingLink] when the server does not
// offer the lists, and without it when the user may not see them; Recreate when
// the application is gone, which was confirmed.
func (a *Application) ContactList(ctx context.Context) (contactlist.List, error) {
	contacts, err := a.collection(ctx, "myContacts", "contact")
	if err != nil {
		return contactlist.List{}, err
	}
	groups, err := a.collection(ctx, "myGroups", groupKinds()...)
	if err != nil {
		return contactlist.List{}, err
	}
	pairs, err := a.collection(ctx, "myGroupMemberships", "myGroupMembership")
	known := err == nil
	if err != nil && !errors.Is(err, ErrMissingLink) {
		return contactlist.List{}, err
	}
	return listOf(contacts, groups, pairs, known), nil
}

// member is a resource of a collection.
type member struct {
	rel string
	doc *resource
}

// collection reads a collection of people with its members of some rels. Each
// rel is embedded or else linked to (UCWA 2.0: myGroups, expand).
func (a *Application) collection(ctx context.Context, name string, rels ...string) ([]member, error) {
	doc, err := a.getPeople(ctx, name)
	if err != nil {
		return nil, err
	}
	var all []member
	for _, rel := range rels {
		for _, part := range doc.embedded[rel] {
			all = append(all, member{rel, part})
		}
		if len(doc.embedded[rel]) > 0 {
			continue
		}
		for _, l := range doc.links[rel] {
			part, err := a.linked(ctx, doc, rel, l)
			if err != nil {
				return nil, err
			}
			all = append(all, member{rel, part})
		}
	}
	return all, nil
}

func (a *Application) linked(ctx context.Context, doc *resource, rel string, l link) (*resource, error) {
	u, err := resolve(doc.base, l.href)
	if err != nil {
		return nil, refused(rel, failure.Denied, fmt.Errorf("link %s: %w", rel, err))
	}
	return a.callBelow(ctx, request{operation: rel, method: http.MethodGet, url: u, yields: true})
}

// listOf joins the three collections. Memberships name contacts and groups by
// their hrefs, which are good for the life of the application only.
func listOf(contacts, groups, pairs []member, known bool) contactlist.List {
	groupIDs := map[string]string{} // by href
	var gs []contactlist.Group
	for _, m := range groups {
		g := groupOf(m)
		groupIDs[m.doc.at("self")] = g.ID
		gs = append(gs, g)
	}
	groupsOf := map[string][]string{} // by href of the contact
	for _, m := range pairs {
		for _, kind := range groupKinds() {
			if id := groupIDs[m.doc.at(kind)]; id != "" {
				contact := m.doc.at("contact")
				groupsOf[contact] = append(groupsOf[contact], id)
			}
		}
	}
	var cs []contactlist.Contact
	for _, m := range contacts {
		cs = append(cs, contactlist.Contact{URI: m.doc.text("uri"), Name: m.doc.text("name"), Groups: groupsOf[m.doc.at("self")]})
	}
	return contactlist.New(cs, gs, known)
}

// groupOf names a group so that it is the same one in every application; one
// without a name of any sort is none.
func groupOf(m member) contactlist.Group {
	g := contactlist.Group{Kind: m.rel, Name: m.doc.text("name")}
	var own string // what tells it from others of its kind
	switch m.rel {
	case "group":
		own = orDefault(m.doc.text("id"), g.Name)
	case "distributionGroup":
		own = orDefault(orDefault(m.doc.text("uri"), m.doc.text("id")), g.Name)
	default:
		g.ID = m.rel
	}
	if own != "" {
		g.ID = m.rel + ":" + own
	}
	return g
}

// at returns where the first link of a rel leads, as a key to compare with;
// empty when it leads nowhere.
func (r *resource) at(rel string) string {
	u, err := r.target(rel)
	if u == nil || err != nil {
		return ""
	}
	return (&url.URL{Scheme: u.Scheme, Host: authority(u), Path: u.Path, RawQuery: u.RawQuery}).String()
}
