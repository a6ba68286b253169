package ucwa

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
)

// namespace of every UCWA XML document.
const namespace = "http://schemas.microsoft.com/rtc/2012/03/ucwa"

// input is what a POST sends: named strings and booleans in a fixed order.
// Without fields the body is empty (UCWA 2.0: HTTP).
type input []field

type field struct {
	name  string
	value any // string or bool
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
	type property struct {
		Name  string `xml:"name,attr"`
		Value any    `xml:",chardata"`
	}
	doc := struct {
		XMLName    xml.Name   `xml:"input"`
		Namespace  string     `xml:"xmlns,attr"`
		Properties []property `xml:"property"`
	}{Namespace: namespace}
	for _, f := range in {
		doc.Properties = append(doc.Properties, property{f.name, f.value})
	}
	var b bytes.Buffer
	b.WriteString(xml.Header)
	err := xml.NewEncoder(&b).Encode(doc)
	return b.Bytes(), err
}
