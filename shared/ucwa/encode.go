package ucwa

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"slices"
)

// namespace of every UCWA XML document.
const namespace = "http://schemas.microsoft.com/rtc/2012/03/ucwa"

// payload is what a request carries, in either format.
type payload interface {
	encode(f Format) ([]byte, error)
}

// input is what a POST sends: named values in a fixed order.
// Without fields the body is empty (UCWA 2.0: HTTP).
type input []field

type field struct {
	name  string
	value any // string, bool or int
}

// encode renders the input as the body of a POST.
func (in input) encode(f Format) ([]byte, error) {
	switch {
	case len(in) == 0:
		return nil, nil
	case f == XML:
		return in.xml()
	}
	return in.json()
}

func (in input) json() ([]byte, error) {
	object := make(map[string]any, len(in))
	for _, f := range in {
		object[f.name] = f.value
	}
	return json.Marshal(object)
}

func (in input) xml() ([]byte, error) {
	doc := xmlPayload{XMLName: xml.Name{Local: "input"}}
	for _, f := range in {
		doc.Properties = append(doc.Properties, xmlProperty{f.name, f.value})
	}
	return doc.render()
}

// replacement is what a PUT sends: a whole resource, as it was read but for
// the edits (UCWA 2.0: Payload Format).
type replacement struct {
	rel   string
	props map[string]any
}

func (r replacement) encode(f Format) ([]byte, error) {
	if f == XML {
		return r.xml()
	}
	return json.Marshal(r.props)
}

// xml sorts the properties by name.
func (r replacement) xml() ([]byte, error) {
	doc := xmlPayload{XMLName: xml.Name{Local: "resource"}, Rel: r.rel}
	for _, name := range slices.Sorted(maps.Keys(r.props)) {
		switch v := r.props[name].(type) {
		case nil:
		case string, bool, json.Number:
			doc.Properties = append(doc.Properties, xmlProperty{name, v})
		case []any:
			doc.Lists = append(doc.Lists, xmlList{name, v})
		default:
			return nil, fmt.Errorf("property %s has no form in XML", name)
		}
	}
	return doc.render()
}

// xmlPayload is the root element of what is sent.
type xmlPayload struct {
	XMLName    xml.Name
	Namespace  string        `xml:"xmlns,attr"`
	Rel        string        `xml:"rel,attr,omitempty"`
	Properties []xmlProperty `xml:"property"`
	Lists      []xmlList     `xml:"propertyList"`
}

type xmlProperty struct {
	Name  string `xml:"name,attr"`
	Value any    `xml:",chardata"`
}

type xmlList struct {
	Name  string `xml:"name,attr"`
	Items []any  `xml:"item"`
}

func (p xmlPayload) render() ([]byte, error) {
	p.Namespace = namespace
	var b bytes.Buffer
	b.WriteString(xml.Header)
	err := xml.NewEncoder(&b).Encode(p)
	return b.Bytes(), err
}
