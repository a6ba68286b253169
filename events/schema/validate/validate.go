// Package validate judges messages by the JSON Schemas of events/schema and
// says in plain words what to mend.
//
// It accepts what [dialtone/shared/command.Decode] accepts; the few deliberate
// differences, all on the strict side, are listed by its tests.
package validate

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"dialtone/events/schema"
)

// MaxBody is the largest message, in bytes. No schema can say it.
const MaxBody = 64 << 10

// Problem is one thing wrong with a message. It quotes no phone number.
type Problem struct {
	Field   string `json:"field"`   // path in the message, such as "data.locationId"; "body" for all of it
	Problem string `json:"problem"` // what is wrong with its value
	Mend    string `json:"mend"`    // what to write instead
}

// String renders the problem on one line.
func (p Problem) String() string { return fmt.Sprintf("%s %s (%s)", p.Field, p.Problem, p.Mend) }

// Command returns everything that is wrong with a message to dialtone, one
// problem a field, the envelope first; nil if nothing is. Safe for concurrent
// use; the first call compiles the schemas (a few milliseconds).
func Command(raw []byte) []Problem { return judge(raw, schema.Commands()) }

// Outcome does the same for an answer of dialtone.
func Outcome(raw []byte) []Problem { return judge(raw, schema.Outcomes()) }

// Notice does the same for an event that dialtone publishes without having been
// asked.
func Notice(raw []byte) []Problem { return judge(raw, schema.Notices()) }

func judge(raw []byte, types []string) []Problem {
	if len(raw) > MaxBody {
		return []Problem{{"body", fmt.Sprintf("has %d bytes", len(raw)), fmt.Sprintf("send at most %d", MaxBody)}}
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return []Problem{{"body", "is not a JSON object: " + syntax(raw), "send one CloudEvents 1.0 JSON object"}}
	}
	body, ok := value.(map[string]any)
	if !ok {
		return []Problem{{"body", "is " + kindOf(value) + ", not a JSON object", "send one CloudEvents 1.0 JSON object"}}
	}
	typ, _ := body["type"].(string)
	if slices.Contains(types, typ) {
		return problems(compiled().of(typ), body)
	}
	found := problems(compiled().of(envelope), body)
	if typ != "" {
		found = append(found, Problem{"type", quoted(typ) + " is not known", "use one of: " + strings.Join(types, ", ")})
	}
	return found
}

func problems(s *jsonschema.Schema, body map[string]any) []Problem {
	e, ok := errors.AsType[*jsonschema.ValidationError](s.Validate(body))
	if !ok {
		return nil
	}
	w := wording{schema: s}
	w.collect(e)
	return w.sorted()
}

var envelope = strings.TrimSuffix(schema.Envelope, ".json")

// schemas are the compiled schemas by message type.
type schemas map[string]*jsonschema.Schema

func (s schemas) of(typ string) *jsonschema.Schema { return s[typ] }

// compiled compiles once. The schemas are part of the program: one that does
// not compile is a defect of the build, found by any test.
var compiled = sync.OnceValue(func() schemas {
	s, err := compile()
	if err != nil {
		panic(err)
	}
	return s
})

func compile() (schemas, error) {
	c := jsonschema.NewCompiler()
	c.RegisterFormat(&jsonschema.Format{Name: "date-time", Validate: rfc3339})
	c.AssertFormat()
	names, err := fs.Glob(schema.Files(), "*.json")
	if err != nil {
		return nil, fmt.Errorf("list schemas: %w", err)
	}
	for _, name := range names {
		if err := add(c, name); err != nil {
			return nil, err
		}
	}
	all := schemas{}
	for _, name := range names {
		if all[strings.TrimSuffix(name, ".json")], err = c.Compile(base + name); err != nil {
			return nil, fmt.Errorf("compile schema %s: %w", name, err)
		}
	}
	return all, nil
}

// base is the $id of the schemas without the file name.
const base = "https://dialtone.example.test/schema/"

func add(c *jsonschema.Compiler, name string) error {
	f, err := schema.Files().Open(name)
	if err != nil {
		return fmt.Errorf("open schema %s: %w", name, err)
	}
	defer f.Close()
	doc, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		return fmt.Errorf("read schema %s: %w", name, err)
	}
	if err := c.AddResource(base+name, doc); err != nil {
		return fmt.Errorf("add schema %s: %w", name, err)
	}
	return nil
}

// rfc3339 reads times exactly as the decoder does.
func rfc3339(v any) error {
	s, ok := v.(string)
	if !ok {
		return nil
	}
	_, err := time.Parse(time.RFC3339, s)
	return err
}
