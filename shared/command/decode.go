package command

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/logattr"
	"dialtone/shared/sipaddr"
)

// Decode reads one message body. It always returns a command with a Key, so
// that what cannot be read can still be answered for; on error that Key is the
// only part to rely on, with User where the body names a valid one.
//
// The error is a [*failure.Error] of class invalid whose cause is a [Problems].
func Decode(body []byte) (Command, error) {
	c := Command{Key: Unreadable(body)}
	if len(body) > MaxBody {
		return c, refuse(Problems{{Field: "body", Problem: fmt.Sprintf("has %d bytes", len(body)), Mend: fmt.Sprintf("send at most %d", MaxBody)}})
	}
	f, problems := readObject("", body)
	if problems != nil {
		return c, refuse(problems)
	}
	data := c.envelope(f)
	d, problems := readObject("data.", data)
	if problems == nil {
		c.data(d)
		problems = d.end()
	}
	if problems = append(f.problems, problems...); len(problems) > 0 {
		return c, refuse(problems)
	}
	return c, nil
}

// envelope reads the CloudEvents attributes and returns the raw data.
// Unknown attributes are extensions and are let through (CloudEvents 1.0, 3.3).
func (c *Command) envelope(f *fields) json.RawMessage {
	if v := f.text("specversion", true); v != "" && v != "1.0" {
		f.add("specversion", fmt.Sprintf("is %q", v), `send CloudEvents "1.0"`)
	}
	key := Key{Source: f.limited("source", 256), ID: f.limited("id", 256)}
	if key.Source != "" && key.ID != "" {
		c.Key = key
	}
	c.Type = f.text("type", true)
	if t := f.text("time", false); t != "" {
		at, err := time.Parse(time.RFC3339, t)
		if err != nil {
			f.add("time", "is not an RFC 3339 time", "write it like 2026-11-22T09:00:00Z")
		}
		c.Time = at.UTC()
	}
	if _, found := f.raw["data_base64"]; found {
		f.add("data_base64", "is not supported", "send data as a JSON object")
	}
	data, found := f.raw["data"]
	if !found && c.Type != "" {
		f.add("data", "is missing", "add the data object of "+c.Type)
	}
	return data
}

func (c *Command) data(f *fields) {
	if c.Type == TypeRefreshContacts {
		c.Data = RefreshContacts{Users: f.users("users", MaxRefresh)}
		return
	}
	c.User = f.user("user")
	switch c.Type {
	case TypeAssign:
		c.Data = readAssign(f, c.User)
	case TypeRelease:
		c.Data = Release{User: c.User, PhoneType: f.phoneType(), DryRun: f.isSet("dryRun")}
	case TypeEnableSimRing:
		c.Data = EnableSimRing{User: c.User, Target: f.target("target"), DryRun: f.isSet("dryRun")}
	case TypeDisableSimRing:
		c.Data = DisableSimRing{User: c.User, Restore: f.unlessUnset("restore"), DryRun: f.isSet("dryRun")}
	case TypeSubscribeContacts:
		c.Data = SubscribeContacts{User: c.User, DurationMinutes: f.minutes("durationMinutes", 10, 60, DefaultDurationMinutes)}
	case TypeUnsubscribeContacts:
		c.Data = UnsubscribeContacts{User: c.User, DurationMinutes: f.minutes("durationMinutes", 10, 60, DefaultDurationMinutes)}
	case "":
		f.skipUnknown = true // the missing type is reported; its fields cannot be judged
	default:
		f.skipUnknown = true
		f.problems = append(f.problems, Problem{Field: "type", Problem: fmt.Sprintf("%q is not known", c.Type), Mend: "use one of: " + strings.Join(Types(), ", ")})
	}
}

func readAssign(f *fields, user sipaddr.User) Assign {
	return Assign{
		User:                 user,
		LocationID:           f.limited("locationId", 128),
		LicenseType:          oneOf(f, "licenseType", Professional, Standard),
		OrgID:                f.optional("orgId", 128),
		Number:               f.number("number"),
		PhoneType:            f.phoneType(),
		IncludeInContactCard: f.flag("includeInContactCard"),
		Replace:              f.isSet("replace"),
		DryRun:               f.isSet("dryRun"),
	}
}

func refuse(p Problems) error {
	return &failure.Error{
		Class:  failure.Invalid,
		Reason: "the message is not a valid command: " + logattr.Clean(p.Error()), // whatever stands in the wrong field
		Advice: "Correct the fields named in the reason and send the message again.",
		Err:    p,
	}
}

// readObject opens a JSON object; prefix goes before its field names in problems.
func readObject(prefix string, raw []byte) (*fields, Problems) {
	f := &fields{prefix: prefix}
	name := "body"
	if prefix != "" {
		name = "data"
		if raw == nil {
			return f, nil
		}
	}
	if bytes.Equal(bytes.TrimSpace(raw), []byte("null")) {
		return f, Problems{{Field: name, Problem: "is null", Mend: "send a JSON object"}}
	}
	if err := json.Unmarshal(raw, &f.raw); err != nil {
		return f, Problems{{Field: name, Problem: "is not a JSON object: " + jsonProblem(err), Mend: "send one CloudEvents 1.0 JSON object"}}
	}
	return f, nil
}
