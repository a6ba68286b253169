package ucwa

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
)

// maxDepth bounds the nesting of a document. Real ones have about five levels.
const maxDepth = 64

var byteOrderMark = []byte("\ufeff")

// decode reads a document in the format that its content type names. Its
// errors wrap ErrUnreadable and quote nothing of the body.
func decode(contentType string, body []byte) (*resource, error) {
	body = bytes.TrimSpace(bytes.TrimPrefix(body, byteOrderMark))
	if len(body) == 0 {
		return nil, fmt.Errorf("empty body: %w", ErrUnreadable)
	}
	switch formatOf(contentType) {
	case JSON:
		return decodeJSON(body)
	case XML:
		return decodeXML(body)
	}
	return nil, fmt.Errorf("content type %q is neither JSON nor XML: %w", shorten(contentType), ErrUnreadable)
}

func shorten(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

func decodeJSON(body []byte) (*resource, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, malformed("JSON", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("JSON document is followed by more: %w", ErrUnreadable)
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("JSON document is not an object: %w", ErrUnreadable)
	}
	return jsonResource(object, 0)
}

func malformed(format string, err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return fmt.Errorf("truncated %s document: %w", format, ErrUnreadable)
	}
	if s, ok := errors.AsType[*xml.SyntaxError](err); ok {
		return fmt.Errorf("malformed XML document, line %d: %w", s.Line, ErrUnreadable)
	}
	return fmt.Errorf("malformed %s document: %w", format, ErrUnreadable)
}

func jsonResource(object map[string]any, depth int) (*resource, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("document is nested over %d levels: %w", maxDepth, ErrUnreadable)
	}
	r := newResource()
	for name, v := range object {
		switch name {
		case "_links":
			r.links = jsonLinks(v)
		case "_embedded":
			if err := r.embedJSON(v, depth); err != nil {
				return nil, err
			}
		default:
			r.props[name] = v
		}
	}
	r.rel = r.text("rel")
	r.senders = jsonSenders(object["sender"])
	return r, nil
}

// jsonLinks accepts one link or an array of links for each rel and passes over
// what is neither.
func jsonLinks(v any) map[string][]link {
	links := map[string][]link{}
	for rel, o := range objects(v) {
		href, ok := o["href"].(string)
		if !ok {
			continue
		}
		title, _ := o["title"].(string)
		links[rel] = append(links[rel], link{href: href, title: title})
	}
	return links
}

func (r *resource) embedJSON(v any, depth int) error {
	for rel, o := range objects(v) {
		part, err := jsonResource(o, depth+1)
		if err != nil {
			return err
		}
		r.embedded[rel] = append(r.embedded[rel], part)
	}
	return nil
}

// objects iterates over {"rel": {...}, "rel": [{...}, {...}]}.
func objects(v any) func(yield func(string, map[string]any) bool) {
	return func(yield func(string, map[string]any) bool) {
		group, _ := v.(map[string]any)
		for rel, member := range group {
			list, ok := member.([]any)
			if !ok {
				list = []any{member}
			}
			for _, item := range list {
				if o, ok := item.(map[string]any); ok && !yield(rel, o) {
					return
				}
			}
		}
	}
}

// element is any XML element; resources, inputs and error reasons are all
// written with a handful of element names (UCWA 2.0: Payload Format).
type element struct {
	XMLName  xml.Name
	Attrs    []xml.Attr `xml:",any,attr"`
	Children []element  `xml:",any"`
	Text     string     `xml:",chardata"`
}

func (e *element) attr(name string) string {
	for _, a := range e.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func decodeXML(body []byte) (*resource, error) {
	d := xml.NewDecoder(bytes.NewReader(body))
	var root element
	if err := d.Decode(&root); err != nil {
		return nil, malformed("XML", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("XML document is followed by more: %w", ErrUnreadable)
	}
	switch root.XMLName.Local {
	case "resource", "reason", "events":
		return xmlResource(&root, 0)
	}
	return nil, fmt.Errorf("XML document is a %q, not a resource: %w", shorten(root.XMLName.Local), ErrUnreadable)
}

func xmlResource(e *element, depth int) (*resource, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("document is nested over %d levels: %w", maxDepth, ErrUnreadable)
	}
	r := newResource()
	r.rel = e.attr("rel")
	if href := e.attr("href"); href != "" {
		r.links["self"] = []link{{href: href}}
	}
	for i := range e.Children {
		if err := r.addXML(&e.Children[i], depth); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *resource) addXML(e *element, depth int) error {
	switch e.XMLName.Local {
	case "link":
		rel := e.attr("rel")
		r.links[rel] = append(r.links[rel], link{href: e.attr("href"), title: e.attr("title")})
	case "property":
		r.props[e.attr("name")] = e.Text
	case "propertyList":
		items := make([]any, 0, len(e.Children))
		for i := range e.Children {
			items = append(items, e.Children[i].Text)
		}
		r.props[e.attr("name")] = items
	case "resource":
		part, err := xmlResource(e, depth+1)
		if err != nil {
			return err
		}
		r.embedded[part.rel] = append(r.embedded[part.rel], part)
	case "sender":
		r.senders = append(r.senders, xmlSender(e))
	default: // the members of a reason: code, subcode, message, ...
		r.props[e.XMLName.Local] = e.Text
	}
	return nil
}
