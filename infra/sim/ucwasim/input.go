package ucwasim

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
)

// maxBody is the largest request body; the real limit is not published.
const maxBody = 64 << 10

// kind is the type an input arrived with. Queries and XML have only text.
type kind int

const (
	untyped kind = iota // query or XML
	jsonText
	jsonFlag
	jsonNumber
	jsonNull
	jsonList
	jsonOther
)

type input struct {
	kind   kind
	values []string
}

// inputs are the parameters of a POST by folded name: samples mix Message and
// message.
type inputs map[string]input

// readInputs takes the parameters of a POST from the query and from a JSON or XML
// body (UCWA 2.0: Query Parameters, HTTP). A body parameter wins over a query
// parameter of the same name, which is assumed.
func readInputs(r *http.Request) (inputs, *failure) {
	in := readQuery(r)
	return in, in.addBody(r, "input")
}

// readQuery takes the parameters of a GET, which may not be in a body.
func readQuery(r *http.Request) inputs {
	in := inputs{}
	for name, values := range r.URL.Query() {
		in[strings.ToLower(name)] = input{untyped, values}
	}
	return in
}

// addBody adds the properties of a JSON or XML body, if there is one; root is the
// element that an XML body must have.
func (in inputs) addBody(r *http.Request, root string) *failure {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return fail(http.StatusBadRequest, "BadRequest", "", "The request body could not be read.")
	}
	if len(body) > maxBody {
		return fail(http.StatusRequestEntityTooLarge, "EntityTooLarge", "", "The request is too large.")
	}
	if len(body) == 0 {
		return nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	f, ok := served(media)
	if err != nil || !ok || strings.Contains(media, "*") {
		return fail(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "UnsupportedMediaType",
			"The media type of the request body is not supported.")
	}
	decode := in.addJSON
	if f.xml {
		decode = func(body []byte) error { return in.addXML(body, root) }
	}
	if err := decode(bytes.TrimPrefix(body, []byte("\ufeff"))); err != nil {
		return undecodable(err.Error())
	}
	return nil
}

func undecodable(why string) *failure {
	return fail(http.StatusBadRequest, "BadRequest", "DeserializationFailure",
		"The request body could not be deserialized: "+why)
}

func (in inputs) addJSON(body []byte) error {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return err
	}
	if members == nil {
		return errors.New("the body must be an object")
	}
	for name, raw := range members {
		if name == "_links" || name == "_embedded" {
			continue // ignored in input (UCWA 2.0: Payload Format)
		}
		in[strings.ToLower(name)] = jsonInput(raw)
	}
	return nil
}

func jsonInput(raw json.RawMessage) input {
	var text string
	var flag bool
	var number json.Number
	var list []string
	switch {
	case string(raw) == "null":
		return input{kind: jsonNull}
	case json.Unmarshal(raw, &text) == nil:
		return input{jsonText, []string{text}}
	case json.Unmarshal(raw, &flag) == nil:
		return input{jsonFlag, []string{strconv.FormatBool(flag)}}
	case json.Unmarshal(raw, &number) == nil:
		return input{jsonNumber, []string{number.String()}}
	case json.Unmarshal(raw, &list) == nil:
		return input{jsonList, list}
	default:
		return input{kind: jsonOther}
	}
}

// addXML takes the properties of the root alone: what is embedded in a resource
// is ignored in input.
func (in inputs) addXML(body []byte, root string) error {
	var sent struct {
		XMLName    xml.Name
		Properties []struct {
			Name string `xml:"name,attr"`
			Text string `xml:",chardata"`
		} `xml:"property"`
		Lists []struct {
			Name  string   `xml:"name,attr"`
			Items []string `xml:"item"`
		} `xml:"propertyList"`
	}
	if err := xml.Unmarshal(body, &sent); err != nil {
		return err
	}
	if sent.XMLName != (xml.Name{Space: namespace, Local: root}) {
		return fmt.Errorf("the root element must be %s of %s", root, namespace)
	}
	for _, p := range sent.Properties {
		in[strings.ToLower(p.Name)] = input{untyped, []string{p.Text}}
	}
	for _, l := range sent.Lists {
		in[strings.ToLower(l.Name)] = input{untyped, l.Items}
	}
	return nil
}
