// Package asyncapi writes events/asyncapi.yaml: the queues and the bus of
// dialtone with all messages on them, as an AsyncAPI 3.1 document for tools
// that show such documents or make clients from them.
//
// Payloads refer to the files of events/schema; titles and descriptions are
// taken from them, examples from events/sample.
package asyncapi

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"dialtone/events/sample"
	"dialtone/events/schema"
	"dialtone/events/schema/outline"
)

// version of the specification that the document follows.
const version = "3.1.0"

// File is the path of the document below events.
const File = "asyncapi.yaml"

// Build returns the document, byte for byte the same every time.
func Build() ([]byte, error) {
	all, err := messages()
	if err != nil {
		return nil, fmt.Errorf("write asyncapi: %w", err)
	}
	d := document{
		AsyncAPI: version,
		Info: info{
			Title: "dialtone", Version: "1",
			Description: "Commands come in by queues, what has become of them goes out on a bus. Every message is a CloudEvents 1.0 JSON object in structured mode; source and id together identify a request, and a request that comes again is answered as before.",
			License:     license{"MIT"},
		},
		DefaultContentType: "application/cloudevents+json",
		Servers:            servers(),
		Channels:           channels(),
		Operations:         operations(),
		Components:         components{Messages: all},
	}
	var b bytes.Buffer
	b.WriteString("# Made by go generate ./events/generate from events/schema and events/sample. Do not edit.\n")
	e := yaml.NewEncoder(&b)
	e.SetIndent(2)
	if err := e.Encode(d); err != nil {
		return nil, fmt.Errorf("write asyncapi: %w", err)
	}
	return b.Bytes(), e.Close()
}

func messages() (map[string]message, error) {
	all := map[string]message{}
	for _, typ := range slices.Concat(schema.Commands(), schema.Outcomes(), schema.Notices()) {
		o, err := outline.Message(typ)
		if err != nil {
			return nil, err
		}
		examples, err := examplesOf(typ)
		if err != nil {
			return nil, err
		}
		all[typ] = message{
			Name: typ, Title: o.Title, Description: o.Description, Payload: payload(typ + ".json"), Examples: examples,
			CorrelationID: correlationOf(typ),
		}
	}
	var err error
	all[deadLetter], err = deadLetters()
	return all, err
}

func correlationOf(typ string) *correlation {
	switch {
	case slices.Contains(schema.Commands(), typ):
		return &correlation{"id of the request, unique within source. The answer repeats both in data.request.", "$message.payload#/id"}
	case slices.Contains(schema.Outcomes(), typ):
		return &correlation{"id of the request that is answered; its source stands beside it.", "$message.payload#/data/request/id"}
	}
	return nil
}

// payload refers to a schema file.
func payload(file string) formatted {
	return formatted{"application/schema+json;version=draft-2020-12", reference{"./schema/" + file}}
}

// deadLetter is the key of the message that a dead letter is, whatever its body.
const deadLetter = "deadLetter"

func deadLetters() (message, error) {
	o, err := outline.File(schema.DeadLetter)
	if err != nil {
		return message{}, err
	}
	headers := payload(schema.DeadLetter)
	m := message{
		Name: deadLetter, Title: "A message that was given up", ContentType: "text/plain",
		Description: o.Description,
		Headers:     &headers, Payload: text{"string", "The body as it was received: nearly always a command, but what cannot be read need not even be JSON."},
	}
	for _, s := range sample.Of(sample.DeadLetter) {
		n, err := tree(s.Body)
		if err != nil {
			return message{}, fmt.Errorf("sample %s: %w", s.Name, err)
		}
		m.Examples = append(m.Examples, example{Name: s.Name, Headers: member(n, "attributes"), Payload: member(n, "body")})
	}
	return m, nil
}

func examplesOf(typ string) ([]example, error) {
	var all []example
	for _, s := range sample.Of(typ) {
		n, err := tree(s.Body)
		if err != nil {
			return nil, fmt.Errorf("sample %s of %s: %w", s.Name, typ, err)
		}
		all = append(all, example{Name: s.Name, Payload: n})
	}
	return all, nil
}

// tree reads JSON as the YAML that it also is, in the order of its members and
// in the style of a YAML file.
func tree(raw []byte) (*yaml.Node, error) {
	var n yaml.Node
	if err := yaml.Unmarshal(raw, &n); err != nil {
		return nil, err
	}
	plain(&n)
	return n.Content[0], nil
}

// plain drops brackets and quotes. Texts keep their tag, so that those which
// look like something else are quoted again.
func plain(n *yaml.Node) {
	n.Style = 0
	if n.Tag == "!!str" && strings.HasPrefix(n.Value, "{") {
		n.Style = yaml.SingleQuotedStyle
	}
	for _, c := range n.Content {
		plain(c)
	}
}

func member(n *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == name {
			return n.Content[i+1]
		}
	}
	return nil
}
