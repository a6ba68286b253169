package sample_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"dialtone/events/sample"
	"dialtone/events/schema"
	"dialtone/events/schema/outline"
	"dialtone/events/schema/validate"
	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/outcome"
	"dialtone/shared/sipaddr"
	"dialtone/shared/sqsbatch"
)

func TestEveryMessageHasSamples(t *testing.T) {
	total := 0
	for _, typ := range append(published(), append(schema.Commands(), sample.DeadLetter)...) {
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

// published are the types of what dialtone writes.
func published() []string { return append(schema.Outcomes(), schema.Notices()...) }

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

// TestSamplesUseEveryField keeps the samples useful as documentation: of each
// message, and of each part that messages share, some sample has every field.
func TestSamplesUseEveryField(t *testing.T) {
	objects, _, err := outline.Parts()
	if err != nil {
		t.Fatal(err)
	}
	u := usage{parts: map[string]outline.Object{}, used: map[string]bool{}}
	for _, o := range objects {
		u.parts[o.Name] = o
	}
	for _, typ := range append(schema.Commands(), published()...) {
		m, err := outline.Message(typ)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sample.Of(typ) {
			u.note(m, generic(t, s.Body).(map[string]any)["data"])
		}
		objects = append(objects, m)
	}
	for _, o := range objects {
		for _, f := range o.Fields {
			if !u.used[o.Name+" "+f.Name] {
				t.Errorf("no sample has %s of %s", f.Name, o.Name)
			}
		}
	}
}

// usage is which fields occur in samples, as object and field.
type usage struct {
	parts map[string]outline.Object
	used  map[string]bool
}

func (u usage) note(o outline.Object, v any) {
	if list, ok := v.([]any); ok {
		for _, element := range list {
			u.note(o, element)
		}
	}
	members, _ := v.(map[string]any)
	for _, f := range o.Fields {
		if member, found := members[f.Name]; found {
			u.used[o.Name+" "+f.Name] = true
			u.note(u.parts[f.Form.Part], member)
		}
	}
}

// TestPublishedSamples decodes each sample and writes it again: no member may be
// lost, added or changed on the way.
func TestPublishedSamples(t *testing.T) {
	for _, typ := range published() {
		for _, s := range sample.Of(typ) {
			t.Run(path.Join(typ, s.Name), func(t *testing.T) {
				judge := validate.Outcome
				if slices.Contains(schema.Notices(), typ) {
					judge = validate.Notice
				}
				if p := judge(s.Body); p != nil {
					t.Errorf("schema: %v", p)
				}
				var e outcome.Event
				if err := json.Unmarshal(s.Body, &e); err != nil {
					t.Fatal(err)
				}
				typed, err := rewrite(e)
				if err != nil {
					t.Fatal(err)
				}
				again, err := json.Marshal(typed)
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
func rewrite(e outcome.Event) (outcome.Event, error) {
	answer := func(key command.Key, user sipaddr.User, data any, err error) (outcome.Event, error) {
		return outcome.New(e.Type, key, user, e.Time, data), err
	}
	switch e.Type {
	case outcome.TypeAssigned:
		d, err := e.Assigned()
		return answer(d.Request, d.User, d, err)
	case outcome.TypeReleased:
		d, err := e.Released()
		return answer(d.Request, d.User, d, err)
	case outcome.TypeSimRingEnabled:
		d, err := e.SimRingEnabled()
		return answer(d.Request, d.User, d, err)
	case outcome.TypeSimRingDisabled:
		d, err := e.SimRingDisabled()
		return answer(d.Request, d.User, d, err)
	case outcome.TypeFailed:
		d, err := e.Failed()
		return answer(d.Request, d.User, d, err)
	case outcome.TypeContactsSubscribed:
		d, err := e.ContactsSubscribed()
		return answer(d.Request, d.User, d, err)
	case outcome.TypeContactsUnsubscribed:
		d, err := e.ContactsUnsubscribed()
		return answer(d.Request, d.User, d, err)
	case outcome.TypeContactsRefreshed:
		d, err := e.ContactsRefreshed()
		return answer(d.Request, "", d, err)
	case outcome.TypeContactsChanged:
		d, err := e.ContactsChanged()
		return outcome.NewContactsChanged(d), err
	case outcome.TypePoolLow:
		d, err := e.PoolLow()
		return outcome.NewPoolLow(d), err
	}
	return e, fmt.Errorf("no typed data for %s", e.Type)
}

// TestDeadLetterSamples takes the attributes of a refused message from the
// decoder that refuses it.
func TestDeadLetterSamples(t *testing.T) {
	refused := 0
	for _, s := range sample.Of(sample.DeadLetter) {
		t.Run(s.Name, func(t *testing.T) {
			var d struct {
				Attributes map[string]string
				Body       string
			}
			if err := json.Unmarshal(s.Body, &d); err != nil {
				t.Fatal(err)
			}
			c, err := command.Decode([]byte(d.Body))
			if c.Key.Source != d.Attributes[sqsbatch.AttributeRequestSource] || c.Key.ID != d.Attributes[sqsbatch.AttributeRequestID] {
				t.Errorf("the body has key %s", c.Key)
			}
			f := failure.As(err)
			if f == nil {
				return
			}
			refused++
			if string(f.Class) != d.Attributes[sqsbatch.AttributeClass] || f.Reason != d.Attributes[sqsbatch.AttributeReason] || f.Advice != d.Attributes[sqsbatch.AttributeAdvice] {
				t.Errorf("the decoder says %s: %s (%s)", f.Class, f.Reason, f.Advice)
			}
		})
	}
	if refused == 0 {
		t.Error("no sample is refused by the decoder")
	}
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
