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
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxBody is the largest request body; the real limit is not published.
const maxBody = 64 << 10

// kind is the type an input arrived with. Queries and XML have only text.
type kind int

const (
	untyped kind = iota // query or XML
	jsonText
	jsonFlag
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

// readInputs takes parameters from the query and from a JSON or XML body (UCWA
// 2.0: Query Parameters, HTTP). A body parameter wins over a query parameter of
// the same name, which is assumed.
func readInputs(r *http.Request) (inputs, *failure) {
	in := inputs{}
	for name, values := range r.URL.Query() {
		in[strings.ToLower(name)] = input{untyped, values}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, fail(http.StatusBadRequest, "BadRequest", "", "The request body could not be read.")
	}
	if len(body) > maxBody {
		return nil, fail(http.StatusRequestEntityTooLarge, "EntityTooLarge", "", "The request is too large.")
	}
	if len(body) == 0 {
		return in, nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	f, ok := served(media)
	if err != nil || !ok || strings.Contains(media, "*") {
		return nil, fail(http.StatusUnsupportedMediaType, "UnsupportedMediaType", "UnsupportedMediaType",
			"The media type of the request body is not supported.")
	}
	decode := in.addJSON
	if f.xml {
		decode = in.addXML
	}
	if err := decode(bytes.TrimPrefix(body, []byte("\ufeff"))); err != nil {
		return nil, undecodable(err.Error())
	}
	return in, nil
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
	var list []string
	switch {
	case string(raw) == "null":
		return input{kind: jsonNull}
	case json.Unmarshal(raw, &text) == nil:
		return input{jsonText, []string{text}}
	case json.Unmarshal(raw, &flag) == nil:
		return input{jsonFlag, []string{strconv.FormatBool(flag)}}
	case json.Unmarshal(raw, &list) == nil:
		return input{jsonList, list}
	default:
		return input{kind: jsonOther}
	}
}

func (in inputs) addXML(body []byte) error {
	var root struct {
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
	if err := xml.Unmarshal(body, &root); err != nil {
		return err
	}
	if root.XMLName != (xml.Name{Space: namespace, Local: "input"}) {
		return fmt.Errorf("the root element must be input of %s", namespace)
	}
	for _, p := range root.Properties {
		in[strings.ToLower(p.Name)] = input{untyped, []string{p.Text}}
	}
	for _, l := range root.Lists {
		in[strings.ToLower(l.Name)] = input{untyped, l.Items}
	}
	return nil
}

// form reads typed parameters and gathers what is wrong with them.
type form struct {
	in        inputs
	wrong     []failedParameter
	wrongType []string
}

func (f *form) invalid(name, reason string) {
	f.wrong = append(f.wrong, failedParameter{name, reason})
}

// text reads a string of at most limit characters. Absent, null and empty are
// the same, and an error only if the parameter is required.
func (f *form) text(name string, limit int, required bool) string {
	v := f.single(name, jsonText)
	switch n := utf8.RuneCountInString(v); {
	case n > limit:
		f.invalid(name, fmt.Sprintf("The maximum length is %d characters.", limit))
	case n == 0 && required:
		f.invalid(name, "The parameter is required and must not be empty.")
	}
	return v
}

// flag reads a nullable boolean; empty counts as null.
func (f *form) flag(name string) *bool {
	v := strings.ToLower(strings.TrimSpace(f.single(name, jsonFlag)))
	switch v {
	case "true", "false":
		b := v == "true"
		return &b
	case "":
	default:
		f.invalid(name, "The value must be true or false.")
	}
	return nil
}

// oneOf reads a string of a documented enumeration, folded.
func (f *form) oneOf(name string, allowed ...string) string {
	v := f.single(name, jsonText)
	if v != "" && !slices.ContainsFunc(allowed, func(a string) bool { return strings.EqualFold(a, v) }) {
		f.invalid(name, "The value must be one of "+strings.Join(allowed, ", ")+".")
	}
	return v
}

// list checks a list of strings of a documented enumeration.
func (f *form) list(name string, allowed ...string) {
	in := f.in[strings.ToLower(name)]
	if in.kind != untyped && in.kind != jsonList && in.kind != jsonNull {
		f.wrongType = append(f.wrongType, name)
	}
	for _, v := range in.values {
		if !slices.Contains(allowed, v) {
			f.invalid(name, "The values must be of "+strings.Join(allowed, ", ")+".")
		}
	}
}

func (f *form) single(name string, want kind) string {
	in := f.in[strings.ToLower(name)]
	if in.kind != untyped && in.kind != want && in.kind != jsonNull {
		f.wrongType = append(f.wrongType, name)
		return ""
	}
	switch len(in.values) {
	case 0:
		return ""
	case 1:
		return in.values[0]
	default:
		f.invalid(name, "The parameter must be given once.")
		return ""
	}
}

// failure is what the parameters deserve: nil when all is well.
func (f *form) failure() *failure {
	if len(f.wrongType) > 0 {
		return undecodable("wrong type of " + strings.Join(f.wrongType, ", "))
	}
	if len(f.wrong) == 0 {
		return nil
	}
	e := fail(http.StatusBadRequest, "BadRequest", "ParameterValidationFailure", "A parameter is missing or invalid.")
	e.Parameters = f.wrong
	return e
}

// readForm reads the inputs of a request, or answers why not.
func (c *call) readForm(read func(*form)) bool {
	in, bad := readInputs(c.r)
	if bad == nil {
		f := &form{in: in}
		read(f)
		bad = f.failure()
	}
	if bad != nil {
		c.fail(bad)
	}
	return bad == nil
}
