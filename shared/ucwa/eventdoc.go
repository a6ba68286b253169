package ucwa

// sender is a part of an answer of the event channel: what one resource has to
// tell. The same one may occur again, for the order counts (UCWA 2.0: Event
// channel details).
type sender struct {
	rel    string
	events []event
}

// event is what happened to one resource. What the server embeds in it is not
// read: an event need not have it.
type event struct {
	kind string // added, updated, deleted, started, completed
	rel  string
	href string
	in   string // rel of the collection that it was added to or deleted from
}

// jsonSenders passes over what is not an event.
func jsonSenders(v any) []sender {
	var senders []sender
	for _, o := range objectsIn(v) {
		s := sender{rel: textIn(o, "rel")}
		for _, e := range objectsIn(o["events"]) {
			link, _ := e["link"].(map[string]any)
			in, _ := e["in"].(map[string]any)
			s.events = append(s.events, event{
				kind: textIn(e, "type"), rel: textIn(link, "rel"), href: textIn(link, "href"), in: textIn(in, "rel"),
			})
		}
		senders = append(senders, s)
	}
	return senders
}

func objectsIn(v any) []map[string]any {
	items, _ := v.([]any)
	var all []map[string]any
	for _, item := range items {
		if o, ok := item.(map[string]any); ok {
			all = append(all, o)
		}
	}
	return all
}

func textIn(o map[string]any, name string) string {
	s, _ := o[name].(string)
	return s
}

// xmlSender reads one sender; each of its children is an event, named after
// its type.
func xmlSender(e *element) sender {
	s := sender{rel: e.attr("rel")}
	for i := range e.Children {
		child := &e.Children[i]
		ev := event{kind: child.XMLName.Local, rel: child.attr("rel"), href: child.attr("href")}
		for j := range child.Children {
			if in := &child.Children[j]; in.XMLName.Local == "in" {
				ev.in = in.attr("rel")
			}
		}
		s.events = append(s.events, ev)
	}
	return s
}
