package sample_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"path"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dialtone/events/sample"
	"dialtone/events/schema"
	"dialtone/events/schema/validate"
	"dialtone/shared/command"
	"dialtone/shared/outcome"
)

func TestEveryMessageHasSamples(t *testing.T) {
	total := 0
	for _, typ := range append(schema.Commands(), schema.Outcomes()...) {
		n := len(sample.Of(typ))
		if n < 3 {
			t.Errorf("%s has %d samples", typ, n)
		}
		total += n
	}
	files, err := fs.Glob(sample.Files(), "*/*.json")
	if err != nil || len(files) != total {
		t.Errorf("%d files, %v; %d samples of known types", len(files), err, total)
	}
}

func TestNoSamplesOfAnUnknownType(t *testing.T) {
	if s := sample.Of("dialtone.coffee.v1"); len(s) != 0 {
		t.Errorf("samples %v", s)
	}
}

func TestCommandSamples(t *testing.T) {
	for _, typ := range schema.Commands() {
		for _, s := range sample.Of(typ) {
			t.Run(path.Join(typ, s.Name), func(t *testing.T) {
				if p := validate.Command(s.Body); p != nil {
					t.Errorf("schema: %v", p)
				}
				c, err := command.Decode(s.Body)
				if err != nil {
					t.Fatal(err)
				}
				if c.Type != typ {
					t.Errorf("type %s", c.Type)
				}
			})
		}
	}
}

// TestSamplesUseEveryField keeps the samples useful as documentation.
func TestSamplesUseEveryField(t *testing.T) {
	var all command.Assign
	for _, s := range sample.Of(command.TypeAssign) {
		c, err := command.Decode(s.Body)
		if err != nil {
			t.Fatal(err)
		}
		from, to := reflect.ValueOf(c.Data), reflect.ValueOf(&all).Elem()
		for i := range from.NumField() {
			if !from.Field(i).IsZero() {
				to.Field(i).Set(from.Field(i))
			}
		}
	}
	v := reflect.ValueOf(all)
	for i := range v.NumField() {
		if v.Field(i).IsZero() {
			t.Errorf("no sample has %s", v.Type().Field(i).Name)
		}
	}
}

// TestOutcomeSamples decodes each sample and writes it again: no member may be
// lost, added or changed on the way.
func TestOutcomeSamples(t *testing.T) {
	for _, typ := range schema.Outcomes() {
		for _, s := range sample.Of(typ) {
			t.Run(path.Join(typ, s.Name), func(t *testing.T) {
				if p := validate.Outcome(s.Body); p != nil {
					t.Errorf("schema: %v", p)
				}
				var e outcome.Event
				if err := json.Unmarshal(s.Body, &e); err != nil {
					t.Fatal(err)
				}
				again, err := json.Marshal(rewrite(t, e))
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(generic(t, s.Body), generic(t, again)); diff != "" {
					t.Errorf("-sample +written again:\n%s", diff)
				}
			})
		}
	}
}

// rewrite makes the event anew from its typed data.
func rewrite(t *testing.T, e outcome.Event) outcome.Event {
	t.Helper()
	if e.Type == outcome.TypeAssigned {
		d, err := e.Assigned()
		if err != nil {
			t.Fatal(err)
		}
		return outcome.New(e.Type, d.Request, d.User, e.Time, d)
	}
	d, err := e.Failed()
	if err != nil {
		t.Fatal(err)
	}
	return outcome.New(e.Type, d.Request, d.User, e.Time, d)
}

func generic(t *testing.T, raw []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
