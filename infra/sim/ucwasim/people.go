package ucwasim

import (
	"net/http"
	"slices"
	"strings"
)

// peopleEndpoints are the paths of people below an application.
func peopleEndpoints(app string, d Dialect) []endpoint {
	subscription := app + d.subscriptionPath()
	return []endpoint{
		at(app+peoplePath, withPeople, get("people", getPeople)),
		at(app+d.contactsPath(), withContactList, get("myContacts", getContacts)),
		at(app+d.groupsPath(), withContactList, get("myGroups", getGroups)),
		at(app+d.groupsPath()+"/{group}", withContactList, get("group", getGroup)),
		at(app+d.groupsPath()+"/{group}/groupContacts", withContactList, get("groupContacts", getGroupContacts)),
		at(app+d.membershipsPath(), withContactList, get("myGroupMemberships", getMemberships)),
		at(app+d.membershipsPath()+"/{group}/{person}", withContactList, get("myGroupMembership", getMembership)),
		at(subscription, withContactList, get(subscriptionRel, getSubscription)),
		at(subscription+"/"+startRel, withPeople, post(startRel, postStart)),
		at(subscription+"/"+stopRel, withPeople, post(stopRel, postStop)),
		at(app+peoplePath+"/{person}", inApplication, get("contact", getContact)),
	}
}

// withPeople is inApplication for users who have a contact list, which is assumed
// to leave out anonymous ones.
func withPeople(c *call) bool {
	if !inApplication(c) {
		return false
	}
	if c.user.anonymous {
		c.forbid("An anonymous user has no contact list.")
		return false
	}
	return true
}

// withContactList is withPeople for those who may read it.
func withContactList(c *call) bool {
	if !withPeople(c) {
		return false
	}
	if c.user.PeoplePolicy.NoContactList {
		c.forbid("The user does not have sufficient privileges to access the contact list.")
		return false
	}
	return true
}

// peopleResource leads to the contact list and its subscription (UCWA 2.0: people).
func (c *call) peopleResource() *resource {
	d := c.server.config.Dialect
	r := &resource{rel: "people", href: c.href(peoplePath)}
	r.addLink("myContacts", c.href(d.contactsPath()))
	r.addLink("myGroups", c.href(d.groupsPath()))
	r.addLink("myGroupMemberships", c.href(d.membershipsPath()))
	r.addLink(subscriptionRel, c.href(d.subscriptionPath()))
	return r
}

func getPeople(c *call) { c.answer(http.StatusOK, c.peopleResource()) }

// contactResource is a contact of the list or a target of calls, which may have no
// name.
func (c *call) contactResource(uri, name string) *resource {
	d := c.server.config.Dialect
	r := &resource{rel: "contact", href: c.personHref(uri)}
	r.add("uri", uri)
	r.add("name", name)
	r.add("type", contactType(uri))
	r.addETag(d, hash(uri+name))
	return r
}

func contactType(uri string) string {
	if trimScheme(uri) != uri {
		return "Phone"
	}
	return "User"
}

func (c *call) personHref(uri string) string {
	return c.href(peoplePath + "/" + c.server.config.Dialect.personID(uri))
}

func (c *call) contactsOf(rel, href string, all []Contact) *resource {
	e := embedded{rel: "contact", many: true}
	for _, contact := range all {
		contact = contact.withDefaults()
		e.resources = append(e.resources, c.contactResource(contact.URI, contact.Name))
	}
	r := &resource{rel: rel, href: href}
	if len(e.resources) > 0 {
		r.embedded = []embedded{e}
	}
	return r
}

func getContacts(c *call) {
	c.answer(http.StatusOK, c.contactsOf("myContacts", c.href(c.server.config.Dialect.contactsPath()), c.user.Contacts))
}

// getContact answers a person of the contact list, or a person or number that a
// setting of call forwarding names (UCWA 2.0: contact).
func getContact(c *call) {
	if contact, ok := c.listed(); ok {
		c.answer(http.StatusOK, c.contactResource(contact.URI, contact.Name))
		return
	}
	for s := range settings {
		uri := c.user.Forwarding.of(s).Contact
		if uri != "" && c.server.config.Dialect.personID(uri) == c.args["person"] {
			c.answer(http.StatusOK, c.contactResource(uri, ""))
			return
		}
	}
	c.missing("The contact does not exist.")
}

// listed is the contact of the path if it is in the contact list.
func (c *call) listed() (Contact, bool) {
	for _, contact := range c.user.Contacts {
		if c.server.config.Dialect.personID(contact.URI) == c.args["person"] {
			return contact.withDefaults(), true
		}
	}
	return Contact{}, false
}

func (c *call) missing(why string) {
	c.fail(fail(http.StatusNotFound, "NotFound", "", why))
}

// groupResource is a group of the user, or one that everybody has (UCWA 2.0: group,
// defaultGroup, pinnedGroup).
func (c *call) groupResource(g Group) *resource {
	r := &resource{rel: g.rel(), href: c.groupHref(g)}
	r.add("id", g.ID)
	r.add("name", g.Name)
	r.addETag(c.server.config.Dialect, hash(g.ID+g.Name))
	r.addLink("groupContacts", c.groupHref(g)+"/groupContacts")
	return r
}

func (c *call) groupHref(g Group) string {
	return c.href(c.server.config.Dialect.groupsPath() + "/" + g.ID)
}

func getGroups(c *call) {
	own := embedded{rel: "group", many: true}
	for _, g := range c.user.Groups {
		own.resources = append(own.resources, c.groupResource(g))
	}
	r := &resource{rel: "myGroups", href: c.href(c.server.config.Dialect.groupsPath())}
	for _, g := range []Group{defaultGroup(), pinnedGroup()} {
		r.embedded = append(r.embedded, embedded{rel: g.rel(), resources: []*resource{c.groupResource(g)}})
	}
	if len(own.resources) > 0 {
		r.embedded = append(r.embedded, own)
	}
	c.answer(http.StatusOK, r)
}

func getGroup(c *call) {
	if g, ok := c.pathGroup(); ok {
		c.answer(http.StatusOK, c.groupResource(g))
	}
}

func getGroupContacts(c *call) {
	if g, ok := c.pathGroup(); ok {
		c.answer(http.StatusOK, c.contactsOf("groupContacts", c.groupHref(g)+"/groupContacts", c.user.members(g.ID)))
	}
}

// pathGroup is the group of the path, or answers 404.
func (c *call) pathGroup() (Group, bool) {
	g, ok := c.user.group(c.args["group"])
	if !ok {
		c.missing("The group does not exist.")
	}
	return g, ok
}

// membershipResource says that a contact is in a group (UCWA 2.0:
// myGroupMembership).
func (c *call) membershipResource(contact Contact, g Group) *resource {
	d := c.server.config.Dialect
	r := &resource{rel: "myGroupMembership", href: c.href(d.membershipsPath() + "/" + g.ID + "/" + d.personID(contact.URI))}
	r.addLink("contact", c.personHref(contact.URI))
	r.addLink(g.rel(), c.groupHref(g))
	return r
}

func getMemberships(c *call) {
	all := embedded{rel: "myGroupMembership", many: true}
	for _, contact := range c.user.Contacts {
		for _, id := range contact.groups() {
			if g, ok := c.user.group(id); ok {
				all.resources = append(all.resources, c.membershipResource(contact, g))
			}
		}
	}
	r := &resource{rel: "myGroupMemberships", href: c.href(c.server.config.Dialect.membershipsPath())}
	if len(all.resources) > 0 {
		r.embedded = []embedded{all}
	}
	c.answer(http.StatusOK, r)
}

func getMembership(c *call) {
	contact, listed := c.listed()
	g, ok := c.user.group(c.args["group"])
	if !listed || !ok || !slices.Contains(contact.groups(), g.ID) {
		c.missing("The membership does not exist.")
		return
	}
	c.answer(http.StatusOK, c.membershipResource(contact, g))
}

const peoplePath = "/people"

// The captured paths are shorter than the relations (UCWA 2.0: Create an
// application).

func (d Dialect) contactsPath() string     { return d.listPath("Contacts") }
func (d Dialect) groupsPath() string       { return d.listPath("Groups") }
func (d Dialect) membershipsPath() string  { return d.listPath("GroupMemberships") }
func (d Dialect) subscriptionPath() string { return d.listPath("ContactsAndGroupsSubscription") }

func (d Dialect) listPath(name string) string {
	if d == Generated {
		return peoplePath + "/my" + name
	}
	return peoplePath + "/" + strings.ToLower(name[:1]) + name[1:]
}
