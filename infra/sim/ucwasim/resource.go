package ucwasim

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

const namespace = "http://schemas.microsoft.com/rtc/2012/03/ucwa"

// resource is a UCWA resource before it is written as JSON or XML (UCWA 2.0:
// Payload Format).
type resource struct {
	rel        string
	href       string
	links      []link
	properties []property
	embedded   []embedded
	bare       bool // discovery documents carry no rel property in JSON
}

type link struct{ rel, href string }

type property struct {
	name  string
	value any // string, bool, int or []string
}

type embedded struct {
	rel       string
	many      bool
	resources []*resource
}

func (r *resource) addLink(rel, href string) {
	r.links = append(r.links, link{rel, href})
}

// add appends a property, or nothing when it is an empty string or list: absent
// means unset.
func (r *resource) add(name string, value any) {
	switch v := value.(type) {
	case string:
		if v == "" {
			return
		}
	case []string:
		if len(v) == 0 {
			return
		}
	}
	r.properties = append(r.properties, property{name, value})
}

// MarshalJSON writes the resource with _links and _embedded.
func (r *resource) MarshalJSON() ([]byte, error) {
	links := map[string]any{"self": map[string]string{"href": r.href}}
	for _, l := range r.links {
		links[l.rel] = map[string]string{"href": l.href}
	}
	out := map[string]any{"_links": links}
	if !r.bare {
		out["rel"] = r.rel
	}
	for _, p := range r.properties {
		out[p.name] = p.value
	}
	if len(r.embedded) > 0 {
		all := map[string]any{}
		for _, e := range r.embedded {
			if all[e.rel] = e.resources; !e.many {
				all[e.rel] = e.resources[0]
			}
		}
		out["_embedded"] = all
	}
	return json.Marshal(out)
}

// xmlNode is an element of the XML form.
type xmlNode struct {
	XMLName  xml.Name
	Rel      string `xml:"rel,attr,omitempty"`
	Name     string `xml:"name,attr,omitempty"`
	Href     string `xml:"href,attr,omitempty"`
	Title    string `xml:"title,attr,omitempty"`
	NS       string `xml:"xmlns,attr,omitempty"`
	Children []xmlNode
	Text     string `xml:",chardata"`
}

func element(name, text string, children ...xmlNode) xmlNode {
	return xmlNode{XMLName: xml.Name{Local: name}, Text: text, Children: children}
}

func (r *resource) node(d Dialect) xmlNode {
	n := element("resource", "")
	n.Rel, n.Href = r.rel, r.href
	for _, l := range r.links {
		c := element("link", "")
		c.Rel, c.Href = l.rel, l.href
		n.Children = append(n.Children, c)
	}
	if d == Generated {
		n.Children = append(n.Children, xmlProperty(d, property{"rel", r.rel}))
	}
	for _, p := range r.properties {
		n.Children = append(n.Children, xmlProperty(d, p))
	}
	for _, e := range r.embedded {
		for _, c := range e.resources {
			n.Children = append(n.Children, c.node(d))
		}
	}
	return n
}

func xmlProperty(d Dialect, p property) xmlNode {
	n := element("property", "")
	switch v := p.value.(type) {
	case string:
		n.Text = v
	case bool:
		n.Text = d.xmlBool(v)
	case int:
		n.Text = strconv.Itoa(v)
	case []string:
		n = element("propertyList", "")
		for _, item := range v {
			n.Children = append(n.Children, element("item", item))
		}
	}
	n.Name = p.name
	return n
}

// failure is a UCWA error (UCWA 2.0: Errors and informational messages).
type failure struct {
	Status     int               `json:"-"`
	Code       string            `json:"code"`
	Subcode    string            `json:"subcode,omitempty"`
	Message    string            `json:"message,omitempty"`
	Parameters []failedParameter `json:"parameters,omitempty"` // inner shape undocumented, assumed
}

type failedParameter struct {
	Name   string `json:"name"`
	Reason string `json:"reason"`
}

func fail(status int, code, subcode, message string) *failure {
	return &failure{Status: status, Code: code, Subcode: subcode, Message: message}
}

func (f *failure) node(Dialect) xmlNode {
	params := element("parameters", "")
	for _, p := range f.Parameters {
		n := element("property", p.Reason)
		n.Name = p.Name
		params.Children = append(params.Children, n)
	}
	n := element("reason", "", element("code", f.Code))
	if f.Subcode != "" {
		n.Children = append(n.Children, element("subcode", f.Subcode))
	}
	n.Children = append(n.Children, element("message", f.Message), element("debugInfo", ""), params)
	return n
}

// format is how an answer is written and under which media type.
type format struct {
	media string
	xml   bool
}

// servedXML is the common media type of XML; events need the vendor's own.
const servedXML = "application/xml"

var servedFormats = [...]format{
	{"application/json", false},
	{"application/vnd.microsoft.com.ucwa+json", false},
	{servedXML, true},
	{"application/vnd.microsoft.com.ucwa+xml", true},
	{"application/vnd.microsoft.ucwa+xml", true}, // as the Versioning page spells it
}

// negotiate picks the best format of an Accept header; JSON without one. False
// means that nothing we serve is acceptable.
func negotiate(accept string) (format, bool) {
	best, bestQ := servedFormats[0], 0.0
	if strings.TrimSpace(accept) == "" {
		return best, true
	}
	for part := range strings.SplitSeq(accept, ",") {
		media, params, err := mime.ParseMediaType(part)
		if err != nil {
			continue
		}
		q := 1.0
		if s, ok := params["q"]; ok {
			if q, err = strconv.ParseFloat(s, 64); err != nil {
				continue
			}
		}
		if f, ok := served(media); ok && q > bestQ {
			best, bestQ = f, q
		}
	}
	return best, bestQ > 0
}

func served(media string) (format, bool) {
	if media == "*/*" || media == "application/*" {
		return servedFormats[0], true
	}
	for _, f := range servedFormats {
		if f.media == media {
			return f, true
		}
	}
	return format{}, false
}

func (f format) write(w http.ResponseWriter, status int, body interface{ node(Dialect) xmlNode }, d Dialect) {
	w.Header().Set("Content-Type", f.media+"; charset=utf-8")
	var out []byte
	var err error
	if f.xml {
		root := body.node(d)
		root.NS = namespace
		out, err = xml.Marshal(root)
		out = append([]byte(`<?xml version="1.0" encoding="utf-8"?>`), out...)
	} else {
		out, err = json.Marshal(body)
	}
	if err != nil {
		panic("ucwasim: encode an answer: " + err.Error()) // every field is ours and encodes
	}
	w.WriteHeader(status)
	_, _ = w.Write(out) // a caller that has gone needs no answer
}

func writeHTML(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(status)
	title := strconv.Itoa(status) + " - " + http.StatusText(status)
	_, _ = io.WriteString(w, "<!DOCTYPE html>\r\n<html><head><title>"+title+"</title></head>\r\n<body><h2>"+title+
		"</h2>\r\n<h3>"+text+"</h3></body></html>\r\n")
}
