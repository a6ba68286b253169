package simkit

import (
	"encoding/json"
	"reflect"
	"time"
)

// Duration is a time.Duration that reads and writes itself in JSON as a string
// such as "150ms" or "1m30s". The zero value is "0s".
type Duration time.Duration

// String returns the form used in JSON.
func (d Duration) String() string { return time.Duration(d).String() }

// MarshalJSON writes the quoted string form.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// UnmarshalJSON accepts what time.ParseDuration accepts, as a JSON string. A
// bare number is refused, because its unit would be a guess.
func (d *Duration) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return unreadable(b)
	}
	v, err := time.ParseDuration(s)
	if err != nil {
		return unreadable(b)
	}
	*d = Duration(v)
	return nil
}

// unreadable is of the one type to which encoding/json adds the field's name.
func unreadable(b []byte) error {
	return &json.UnmarshalTypeError{Value: string(b), Type: reflect.TypeFor[Duration]()}
}
