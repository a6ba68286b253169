package deadletters

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"dialtone/shared/ledger"
)

// Edit changes one field of a message.
type Edit struct {
	Field string          // such as "data.locationId"
	Value json.RawMessage // nil: the field is taken out
}

// ParseSet reads FIELD=VALUE. A value that is JSON stands for itself (true, 30,
// "30"), any other is a text.
func ParseSet(s string) (Edit, error) {
	field, value, found := strings.Cut(s, "=")
	if !found {
		return Edit{}, fmt.Errorf("%q is not FIELD=VALUE, such as data.locationId=abc", s)
	}
	e, err := ParseUnset(field)
	if err != nil {
		return e, err
	}
	if e.Value = json.RawMessage(value); !json.Valid(e.Value) {
		e.Value, err = marshal(value)
	}
	return e, err
}

// ParseUnset reads the name of a field to take out.
func ParseUnset(field string) (Edit, error) {
	name, data := strings.CutPrefix(field, "data.")
	switch {
	case field == "source" || field == "id":
		return Edit{}, fmt.Errorf("%s stays as it is: it is part of the request's key. A new request is sent with `dialtone send`", field)
	case data && name != "" && !strings.Contains(name, "."), field == "type", field == "time", field == "specversion":
		return Edit{Field: field}, nil
	}
	return Edit{}, fmt.Errorf("%q is no field that can be mended: write data.NAME, or type, time, specversion", field)
}

// Change is a field as it was and as it is; "" where it is not there.
type Change struct{ Field, Before, After string }

// Mend edits the message of a dead letter. What comes back can be replayed; it is
// a command of the same request. Errors: an [*UnfitError] if it is none, or that
// the edits change nothing.
func Mend(d ledger.DeadLetter, edits ...Edit) (ledger.DeadLetter, []Change, error) {
	if d.Cut {
		_, err := Fit(d)
		return d, nil, err
	}
	before, err := fields(d.Body)
	if err != nil {
		return d, nil, &UnfitError{Reason: "the message has no fields that could be mended: have its sender send it anew, and discard it", Err: err}
	}
	after := maps.Clone(before)
	for _, e := range edits {
		if e.Value == nil {
			delete(after, e.Field)
		} else {
			after[e.Field] = e.Value
		}
	}
	changes := differences(before, after)
	if len(changes) == 0 {
		return d, nil, errors.New("the message is like that already: nothing to mend")
	}
	if d.Body, err = body(after); err != nil {
		return d, changes, err
	}
	c, err := Fit(d)
	d.Type, d.User = c.Type, c.User
	return d, changes, err
}

// Mended returns what was changed in a dead letter since it was received.
func Mended(d ledger.DeadLetter) []Change {
	before, err1 := fields(d.Original)
	after, err2 := fields(d.Body)
	if err1 != nil || err2 != nil {
		return nil
	}
	return differences(before, after)
}

// differences lists what differs between the fields of two messages, by name.
func differences(before, after map[string]json.RawMessage) []Change {
	var all []Change
	names := slices.Concat(slices.Collect(maps.Keys(before)), slices.Collect(maps.Keys(after)))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if c := (Change{name, compact(before[name]), compact(after[name])}); c.Before != c.After {
			all = append(all, c)
		}
	}
	return all
}

// fields takes a message apart: its attributes, and "data." with each field of its data.
func fields(message string) (map[string]json.RawMessage, error) {
	var all, data map[string]json.RawMessage
	if err := json.Unmarshal([]byte(message), &all); err != nil {
		return nil, err
	}
	if all == nil {
		return nil, errors.New("the message is null")
	}
	if raw, found := all["data"]; found && json.Unmarshal(raw, &data) == nil {
		delete(all, "data")
		for name, v := range data {
			all["data."+name] = v
		}
	}
	return all, nil
}

// body puts a message together.
func body(fields map[string]json.RawMessage) (string, error) {
	all, data := map[string]json.RawMessage{}, map[string]json.RawMessage{}
	for name, v := range fields {
		if field, found := strings.CutPrefix(name, "data."); found {
			data[field] = v
		} else {
			all[name] = v
		}
	}
	if _, other := all["data"]; !other || len(data) > 0 {
		raw, err := marshal(data)
		if err != nil {
			return "", err
		}
		all["data"] = raw
	}
	raw, err := marshal(all)
	return string(raw), err
}

// marshal is json.Marshal that leaves <, > and & readable.
func marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) != nil {
		return string(raw)
	}
	return b.String()
}
