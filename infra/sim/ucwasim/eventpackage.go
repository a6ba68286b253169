package ucwasim

import "net/http"

// eventPackage is the answer to an event request: the link to the next one, and
// events.
type eventPackage struct {
	self   int    // ack of the request
	rel    string // next, resume or resync
	next   int    // ack of the next request
	events []event
}

// latest is the package that is kept until it is acknowledged.
func (ch *channel) latest() eventPackage {
	p := eventPackage{self: ch.ack, rel: "next", next: ch.ack + 1, events: ch.sent}
	if ch.resume {
		p.rel = "resume"
	}
	return p
}

// The JSON form of a package (UCWA 2.0: Event channel details).
type (
	eventsBody struct {
		Links   map[string]eventLink `json:"_links"`
		Senders []eventSender        `json:"sender,omitempty"`
	}
	eventSender struct {
		Rel    string      `json:"rel"`
		Href   string      `json:"href"`
		Events []eventBody `json:"events"`
	}
	eventBody struct {
		Link     eventLink            `json:"link"`
		In       *eventLink           `json:"in,omitempty"`
		Embedded map[string]*resource `json:"_embedded,omitempty"`
		Type     kindOfEvent          `json:"type"`
	}
	eventLink struct {
		Rel   string `json:"rel,omitempty"`
		Href  string `json:"href"`
		Title string `json:"title,omitempty"`
	}
)

func (c *call) answerEvents(p eventPackage) {
	body := eventsBody{Links: map[string]eventLink{
		"self": {Href: c.eventsHref(p.self)}, p.rel: {Href: c.eventsHref(p.next)},
	}}
	for i, e := range p.events {
		if i == 0 || e.rel != p.events[i-1].rel { // the same sender may occur again (UCWA 2.0: events)
			body.Senders = append(body.Senders, eventSender{Rel: "people", Href: c.href(peoplePath)})
		}
		last := &body.Senders[len(body.Senders)-1]
		last.Events = append(last.Events, c.eventBody(e))
	}
	c.w.Header().Set("Cache-Control", "no-cache")
	c.format.write(c.w, http.StatusOK, &body, c.server.config.Dialect)
}

func (c *call) eventBody(e event) eventBody {
	r := c.subject(e)
	b := eventBody{Link: eventLink{e.rel, r.href, e.name}, Type: e.kind}
	if e.rel == "contact" {
		b.In = &eventLink{Rel: "myContacts", Href: c.href(c.server.config.Dialect.contactsPath())}
	}
	if e.kind != deleted && !c.server.config.Events.LeanEvents {
		b.Embedded = map[string]*resource{e.rel: r}
	}
	return b
}

// subject is the resource that an event is about, as it was then.
func (c *call) subject(e event) *resource {
	switch e.rel {
	case "contact":
		return c.contactResource(e.id, e.name)
	case subscriptionRel:
		return c.subscriptionResource(connected)
	default:
		return c.groupResource(Group{e.id, e.name})
	}
}

// node writes every event as an element that is named after its type (UCWA 2.0:
// Event channel details). That the third link is an element in it is assumed.
func (b *eventsBody) node(d Dialect) xmlNode {
	n := element("events", "")
	n.Href = b.Links["self"].Href
	for _, rel := range []string{"next", "resume", "resync"} {
		if l, ok := b.Links[rel]; ok {
			n.Children = append(n.Children, eventLink{Rel: rel, Href: l.Href}.node("link"))
		}
	}
	for _, s := range b.Senders {
		sender := eventLink{Rel: s.Rel, Href: s.Href}.node("sender")
		for _, e := range s.Events {
			sender.Children = append(sender.Children, e.node(d))
		}
		n.Children = append(n.Children, sender)
	}
	return n
}

func (e eventBody) node(d Dialect) xmlNode {
	n := e.Link.node(string(e.Type))
	if e.In != nil {
		n.Children = append(n.Children, e.In.node("in"))
	}
	for _, r := range e.Embedded {
		n.Children = append(n.Children, r.node(d))
	}
	return n
}

func (l eventLink) node(name string) xmlNode {
	n := element(name, "")
	n.Rel, n.Href, n.Title = l.Rel, l.Href, l.Title
	return n
}
