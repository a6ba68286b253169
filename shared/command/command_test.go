package command_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"dialtone/shared/command"
	"dialtone/shared/failure"
	"dialtone/shared/sipaddr"
)

const envelope = `"specversion":"1.0","source":"hr","id":"1","type":"dialtone.number.assign.v1"`

func TestDecodeAssign(t *testing.T) {
	c, err := command.Decode([]byte(`{` + envelope + `,"time":"2026-11-22T10:00:00+01:00","myextension":7,
		"data":{"user":"sip:Ada@Contoso.test","locationId":"L1","licenseType":"Webex Calling Standard","orgId":"O",
		"number":"+12056350001","phoneType":"mobile","includeInContactCard":false,"replace":true,"dryRun":true}}`))
	if err != nil {
		t.Fatal(err)
	}
	no := false
	want := command.Assign{
		User: "ada@contoso.test", LocationID: "L1", LicenseType: command.Standard, OrgID: "O",
		Number: "+12056350001", PhoneType: command.Mobile, IncludeInContactCard: &no, Replace: true, DryRun: true,
	}
	got := c.Data.(command.Assign)
	if *got.IncludeInContactCard {
		t.Error("includeInContactCard: true, want false")
	}
	got.IncludeInContactCard = want.IncludeInContactCard
	if got != want {
		t.Errorf("assign %+v, want %+v", got, want)
	}
	if c.Key != (command.Key{Source: "hr", ID: "1"}) || c.User != "ada@contoso.test" {
		t.Errorf("key %v user %s", c.Key, c.User)
	}
	if !c.Time.Equal(time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)) {
		t.Errorf("time %v", c.Time)
	}
}

func TestDecodeDefaults(t *testing.T) {
	c, err := command.Decode([]byte(`{` + envelope + `,"data":{"user":"ada@contoso.test","locationId":"L1"}}`))
	if err != nil {
		t.Fatal(err)
	}
	a := c.Data.(command.Assign)
	if a.LicenseType != command.Professional || a.PhoneType != command.Work || a.IncludeInContactCard != nil || a.Replace || a.DryRun {
		t.Errorf("defaults %+v", a)
	}
}

func TestDecodeOthers(t *testing.T) {
	for name, c := range map[string]struct {
		typ, data string
		want      command.Data
	}{
		"release":             {command.TypeRelease, `{"user":"Ada@contoso.test"}`, command.Release{User: "ada@contoso.test", PhoneType: command.Work}},
		"release, all":        {command.TypeRelease, `{"user":"ada@contoso.test","phoneType":"home","dryRun":true}`, command.Release{User: "ada@contoso.test", PhoneType: command.Home, DryRun: true}},
		"enable":              {command.TypeEnableSimRing, `{"user":"ada@contoso.test","target":"TEL:+49 40 123456"}`, command.EnableSimRing{User: "ada@contoso.test", Target: "tel:+4940123456"}},
		"enable, all":         {command.TypeEnableSimRing, `{"user":"ada@contoso.test","target":"sip:bob@contoso.test","dryRun":true}`, command.EnableSimRing{User: "ada@contoso.test", Target: "sip:bob@contoso.test", DryRun: true}},
		"disable":             {command.TypeDisableSimRing, `{"user":"ada@contoso.test"}`, command.DisableSimRing{User: "ada@contoso.test", Restore: true}},
		"disable, no restore": {command.TypeDisableSimRing, `{"user":"ada@contoso.test","restore":false,"dryRun":true}`, command.DisableSimRing{User: "ada@contoso.test", DryRun: true}},
		"subscribe":           {command.TypeSubscribeContacts, `{"user":"ada@contoso.test"}`, command.SubscribeContacts{User: "ada@contoso.test", DurationMinutes: 30}},
		"subscribe, all":      {command.TypeSubscribeContacts, `{"user":"ada@contoso.test","durationMinutes":60.0}`, command.SubscribeContacts{User: "ada@contoso.test", DurationMinutes: 60}},
		"unsubscribe":         {command.TypeUnsubscribeContacts, `{"user":"ada@contoso.test","durationMinutes":10}`, command.UnsubscribeContacts{User: "ada@contoso.test", DurationMinutes: 10}},
		"refresh": {
			command.TypeRefreshContacts, `{"users":["sip:Ada@contoso.test","bob@contoso.test","ada@contoso.test"]}`,
			command.RefreshContacts{Users: []sipaddr.User{"ada@contoso.test", "bob@contoso.test"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := command.Decode([]byte(`{"specversion":"1.0","source":"hr","id":"1","type":"` + c.typ + `","data":` + c.data + `}`))
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got.Data, c.want) || got.Type != c.typ {
				t.Errorf("%s %+v, want %+v", got.Type, got.Data, c.want)
			}
		})
	}
}

func TestDecodeRefuses(t *testing.T) {
	data := func(members string) string {
		return `{` + envelope + `,"data":{"user":"ada@contoso.test","locationId":"L1"` + members + `}}`
	}
	contacts := func(what, data string) string {
		return `{"specversion":"1.0","source":"a","id":"b","type":"dialtone.contacts.` + what + `.v1","data":` + data + `}`
	}
	for name, c := range map[string]struct {
		body  string
		words []string // all must be in the reason
	}{
		"empty":             {``, []string{"body", "not a JSON object"}},
		"not an object":     {`[1]`, []string{"body", "JSON array"}},
		"null":              {`null`, []string{"body is null"}},
		"cut short":         {`{"specversion":"1.0"`, []string{"body", "not a JSON object"}},
		"empty object":      {`{}`, []string{"specversion is missing", "source is missing", "id is missing", "type is missing"}},
		"other version":     {`{"specversion":"0.3","source":"a","id":"b","type":"dialtone.number.assign.v1","data":{}}`, []string{`specversion is "0.3"`, "data.user is missing"}},
		"unknown type":      {`{"specversion":"1.0","source":"a","id":"b","type":"dialtone.coffee.v1","data":{"user":"a@b.test"}}`, []string{`type "dialtone.coffee.v1" is not known`, "dialtone.number.assign.v1"}},
		"no data":           {`{` + envelope + `}`, []string{"data is missing"}},
		"data null":         {`{` + envelope + `,"data":null}`, []string{"data is null"}},
		"data text":         {`{` + envelope + `,"data":"x"}`, []string{"data is not a JSON object"}},
		"base64":            {`{` + envelope + `,"data_base64":"e30="}`, []string{"data_base64", "data is missing"}},
		"bad time":          {`{` + envelope + `,"time":"yesterday","data":{"user":"ada@contoso.test","locationId":"L1"}}`, []string{"time is not an RFC 3339"}},
		"unknown field":     {data(`,"colour":"red"`), []string{"data.colour is not a field"}},
		"case counts":       {data(`,"Replace":true`), []string{"data.Replace is not a field"}},
		"several":           {data(`,"replace":"yes","phoneType":"fax"`), []string{"data.replace is not true or false", `data.phoneType is "fax"`}},
		"bad number":        {data(`,"number":"0123456789"`), []string{"data.number is not an E.164 number"}},
		"bad licence":       {data(`,"licenseType":"Standard"`), []string{`data.licenseType is "Standard"`, "Webex Calling Standard"}},
		"null field":        {data(`,"number":null`), []string{"data.number is null"}},
		"empty location":    {`{` + envelope + `,"data":{"user":"ada@contoso.test","locationId":""}}`, []string{"data.locationId is empty"}},
		"number for text":   {`{` + envelope + `,"data":{"user":7,"locationId":"L1"}}`, []string{"data.user is not a string"}},
		"not a user":        {`{` + envelope + `,"data":{"user":"ada","locationId":"L1"}}`, []string{"data.user", "not user@domain"}},
		"location too long": {`{` + envelope + `,"data":{"user":"ada@contoso.test","locationId":"` + strings.Repeat("x", 129) + `"}}`, []string{"data.locationId has 129"}},
		"no target":         {`{"specversion":"1.0","source":"a","id":"b","type":"dialtone.simring.enable.v1","data":{"user":"a@b.test"}}`, []string{"data.target is missing"}},
		"bad target":        {`{"specversion":"1.0","source":"a","id":"b","type":"dialtone.simring.enable.v1","data":{"user":"a@b.test","target":"0123456789"}}`, []string{"data.target does not begin with tel: or sip:"}},
		"not of release":    {`{"specversion":"1.0","source":"a","id":"b","type":"dialtone.number.release.v1","data":{"user":"a@b.test","locationId":"L1"}}`, []string{"data.locationId is not a field"}},
		"too short":         {contacts("subscribe", `{"user":"a@b.test","durationMinutes":9}`), []string{"data.durationMinutes is out of range (give 10 to 60)"}},
		"too long":          {contacts("unsubscribe", `{"user":"a@b.test","durationMinutes":61}`), []string{"data.durationMinutes is out of range"}},
		"half a minute":     {contacts("subscribe", `{"user":"a@b.test","durationMinutes":10.5}`), []string{"data.durationMinutes is not a whole number"}},
		"minutes as text":   {contacts("subscribe", `{"user":"a@b.test","durationMinutes":"30"}`), []string{"data.durationMinutes is not a whole number"}},
		"no users":          {contacts("refresh", `{}`), []string{"data.users is missing"}},
		"nobody":            {contacts("refresh", `{"users":[]}`), []string{"data.users is empty"}},
		"one for many":      {contacts("refresh", `{"users":"a@b.test"}`), []string{"data.users is not a list"}},
		"bad users":         {contacts("refresh", `{"users":["a@b.test","bob",7,null,""]}`), []string{"data.users.1", "data.users.2 is not a string", "data.users.3 is null", "data.users.4 is empty"}},
		"too many users":    {contacts("refresh", `{"users":["a@b"`+strings.Repeat(`,"a@b"`, 100)+`]}`), []string{"data.users has 101 entries (give at most 100)"}},
		"user of refresh":   {contacts("refresh", `{"users":["a@b"],"user":"a@b"}`), []string{"data.user is not a field"}},
		"too large":         {`{"x":"` + strings.Repeat("x", command.MaxBody) + `"}`, []string{"body has", "at most 65536"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := command.Decode([]byte(c.body))
			f := failure.As(err)
			if f == nil || f.Class != failure.Invalid {
				t.Fatalf("error %v, want class invalid", err)
			}
			for _, w := range c.words {
				if !strings.Contains(f.Reason, w) {
					t.Errorf("reason %q lacks %q", f.Reason, w)
				}
			}
			if _, ok := errors.AsType[command.Problems](err); !ok {
				t.Errorf("error %T has no Problems", err)
			}
			if got.Key == (command.Key{}) {
				t.Error("no key")
			}
			if strings.Contains(f.Reason, "0123456789") {
				t.Error("the reason quotes a phone number")
			}
		})
	}
}

func TestKeyHashSeparatesParts(t *testing.T) {
	a, b := command.Key{Source: "ab", ID: "c"}, command.Key{Source: "a", ID: "bc"}
	if a.Hash() == b.Hash() {
		t.Error("different keys share a hash")
	}
	if len(a.Hash()) != 64 {
		t.Errorf("hash of %d digits", len(a.Hash()))
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{` + envelope + `,"data":{"user":"ada@contoso.test","locationId":"L1"}}`))
	f.Add([]byte(`{"data":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := command.Decode(body)
		if c.Key == (command.Key{}) {
			t.Fatal("no key")
		}
		if err == nil && (c.Data == nil || (c.User == "") != (c.Type == command.TypeRefreshContacts) || c.Type == "") {
			t.Fatalf("accepted without a part: %+v", c)
		}
	})
}

// A number or a password in the wrong field must not get into outcomes and logs
// by way of the reason.
func TestReasonQuotesNoSecret(t *testing.T) {
	for _, body := range []string{
		`{"specversion":"1.0","source":"hr","id":"1","type":"dialtone.number.assign.v1","data":{"user":"+4940123456789"}}`,
		`{"specversion":"1.0","source":"hr","id":"1","type":"dialtone.number.assign.v1","data":{"licenseType":"+49 40 1234 56789"}}`,
		`{"specversion":"1.0","source":"hr","id":"1","type":"dialtone.number.assign.v1","data":{"+4940123456789":1}}`,
		`{"specversion":"1.0","source":"hr","id":"1","type":"Bearer 4940123456789","data":{}}`,
	} {
		_, err := command.Decode([]byte(body))
		f := failure.As(err)
		if f == nil || strings.Contains(strings.ReplaceAll(f.Reason, " ", ""), "123456789") {
			t.Errorf("%s: %v", body, f)
		}
	}
}
