package validate_test

import (
	"encoding/json"
	"strings"
	"testing"

	"dialtone/events/schema/validate"
)

const envelope = `"specversion":"1.0","source":"hr","id":"1","type":"dialtone.number.assign.v1"`

func assign(members string) string {
	return `{` + envelope + `,"data":{"user":"ada@contoso.test","locationId":"L1"` + members + `}}`
}

func TestCommandAccepts(t *testing.T) {
	for name, body := range map[string]string{
		"least":      assign(``),
		"everything": assign(`,"licenseType":"Webex Calling Standard","orgId":"O","number":"+12056350001","phoneType":"mobile","includeInContactCard":false,"replace":true,"dryRun":true`),
		"extensions": `{` + envelope + `,"time":"2026-11-22T10:00:00.5+01:00","subject":7,"startdate":1e999,"data":{"user":"SIP:Ada@Contoso.test","locationId":"L1"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			if p := validate.Command([]byte(body)); p != nil {
				t.Errorf("problems %v", p)
			}
		})
	}
}

func TestCommandSaysWhatToMend(t *testing.T) {
	for name, c := range map[string]struct {
		body string
		want []string // one line a problem, in order
	}{
		"empty":         {``, []string{"body is not a JSON object: it ends too early (send one CloudEvents 1.0 JSON object)"}},
		"cut short":     {`{"specversion":"1.0"`, []string{"body is not a JSON object: it ends too early (send one CloudEvents 1.0 JSON object)"}},
		"broken":        {`{specversion:"1.0"}`, []string{"body is not a JSON object: it is broken at byte 2 (send one CloudEvents 1.0 JSON object)"}},
		"two values":    {`{} {}`, []string{"body is not a JSON object: it is broken at byte 4 (send one CloudEvents 1.0 JSON object)"}},
		"array":         {`[1]`, []string{"body is a JSON array, not a JSON object (send one CloudEvents 1.0 JSON object)"}},
		"null":          {`null`, []string{"body is null, not a JSON object (send one CloudEvents 1.0 JSON object)"}},
		"too large":     {`"` + strings.Repeat("x", validate.MaxBody) + `"`, []string{"body has 65538 bytes (send at most 65536)"}},
		"nothing in it": {`{}`, []string{"id is missing (it is required, such as hire-2026-0001)", "source is missing (it is required, such as urn:contoso:hr)", "specversion is missing (it is required)", "type is missing (it is required, such as dialtone.number.assign.v1)"}},
		"unknown type":  {`{"specversion":"1.0","source":"a","id":"b","type":"dialtone.coffee.v1"}`, []string{`type "dialtone.coffee.v1" is not known (use one of: dialtone.number.assign.v1, dialtone.number.release.v1, dialtone.simring.enable.v1, dialtone.simring.disable.v1, dialtone.contacts.subscribe.v1, dialtone.contacts.unsubscribe.v1, dialtone.contacts.refresh.v1)`}},
		"version":       {strings.Replace(assign(``), `"1.0"`, `"0.3"`, 1), []string{`specversion is "0.3" (write "1.0")`}},
		"no data":       {`{` + envelope + `}`, []string{"data is missing (it is required)"}},
		"data null":     {`{` + envelope + `,"data":null}`, []string{"data is null (leave it out or give a JSON object)"}},
		"base64":        {strings.Replace(assign(``), `"data"`, `"data_base64":"e30=","data"`, 1), []string{"data_base64 is not supported (send data as a JSON object)"}},
		"time":          {strings.Replace(assign(``), `"data"`, `"time":"tomorrow","data"`, 1), []string{"time is not an RFC 3339 time (write it like 2026-11-22T09:00:00Z)"}},
		"missing":       {`{` + envelope + `,"data":{"user":"ada@contoso.test"}}`, []string{"data.locationId is missing (it is required)"}},
		"user":          {strings.Replace(assign(``), "ada@contoso.test", "Ada Lovelace", 1), []string{"data.user is not a SIP address or UPN (write it like ada@contoso.test)"}},
		"number":        {assign(`,"number":"0123456789"`), []string{"data.number is not an E.164 number (write it like +12056350001)"}},
		"null field":    {assign(`,"replace":null`), []string{"data.replace is null (leave it out or give true or false)"}},
		"type of field": {assign(`,"dryRun":"yes","orgId":7`), []string{"data.dryRun is a string, not true or false (write true or false)", "data.orgId is a number, not a string (write a string)"}},
		"enum":          {assign(`,"phoneType":"fax"`), []string{`data.phoneType is "fax" (use one of "work", "mobile", "home", "other")`}},
		"phone in enum": {assign(`,"phoneType":"012-345 67 89"`), []string{`data.phoneType is another value (use one of "work", "mobile", "home", "other")`}},
		"empty field":   {assign(`,"orgId":""`), []string{"data.orgId is empty (give a value or leave it out)"}},
		"too long":      {assign(`,"orgId":"` + strings.Repeat("x", 129) + `"`), []string{"data.orgId has 129 characters (give at most 128)"}},
		"misspelt":      {assign(`,"licenceType":"Webex Calling Standard"`), []string{"data.licenceType is not a field of this message (write it as licenseType)"}},
		"case":          {assign(`,"Replace":true`), []string{"data.Replace is not a field of this message (write it as replace)"}},
		"strange":       {assign(`,"colour":"red"`), []string{"data.colour is not a field of this message (remove it or correct its name)"}},
		"envelope first": {
			`{"specversion":"1.0","source":"","id":"1","type":"dialtone.number.assign.v1","data":{"user":"","locationId":7}}`,
			[]string{"source is empty (give a value or leave it out)", "data.locationId is a number, not a string (write a string)", "data.user is empty (give a value or leave it out)"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, p := range validate.Command([]byte(c.body)) {
				got = append(got, p.String())
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

func TestCommandIsNoOutcome(t *testing.T) {
	if p := validate.Outcome([]byte(assign(``))); len(p) != 1 || p[0].Field != "type" {
		t.Errorf("a command as outcome: %v", p)
	}
}

func TestProblemJSON(t *testing.T) {
	raw, err := json.Marshal(validate.Problem{Field: "a", Problem: "b", Mend: "c"})
	if err != nil || string(raw) != `{"field":"a","problem":"b","mend":"c"}` {
		t.Errorf("%s, %v", raw, err)
	}
}
