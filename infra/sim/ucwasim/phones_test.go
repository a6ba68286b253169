package ucwasim_test

import (
	"strings"
	"testing"

	"dialtone/infra/sim/ucwasim"
)

func TestPublishANumber(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	phones := href(s.app, at(s.root, "_embedded", "me"), "phones")
	list := at(r.doc(r.want(s.as("GET", phones, ""), 200)), "_embedded", "phone").([]any)
	var types []string
	for _, p := range list {
		types = append(types, at(p, "type").(string))
	}
	if got := strings.Join(types, " "); got != "work mobile home other" {
		t.Fatalf("phones are %s", got)
	}
	work := list[0]
	r.want(s.as("POST", href(s.app, work, "changeNumber"), `{"number":"+1 (425) 555-1234","includeInContactCard":true}`), 204)
	self := href(s.app, work, "self")
	r.want(s.as("GET", self, ""), 200, `"number":"tel:+14255551234"`, `"includeInContactCard":true`)
	r.want(s.as("DELETE", s.app, ""), 204)
	st, _ := r.User(user("01"))
	if st.ChangeCount != 1 || st.Changes[0].New != (ucwasim.Phone{Number: "tel:+14255551234", IncludeInContactCard: true}) {
		t.Errorf("got changes %+v", st.Changes)
	}
	if a := st.Applications; a.Created != 1 || a.Deleted != 1 || a.Running != 0 || a.Leaked() != 0 {
		t.Errorf("got applications %+v", a)
	}
}

func TestChangeNumber(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	const post = "/me/phones/mobile/changeNumber"
	tel := func(stored string) ucwasim.Phone { return ucwasim.Phone{Number: stored} }
	before := ucwasim.Phone{Number: "tel:+4940123456", IncludeInContactCard: false}
	tests := []struct {
		name, query, body, media string
		status                   int
		want                     string // part of an error
		after                    ucwasim.Phone
	}{
		{"json", "", `{"number":"tel:+14255551234"}`, "application/json", 204, "", tel("tel:+14255551234")},
		{"vnd json, charset, byte order mark", "", "\ufeff" + `{"number":"+14255551234"}`, "application/vnd.microsoft.com.ucwa+json; charset=utf-8", 204, "", tel("tel:+14255551234")},
		{"case of names", "", `{"NUMBER":"+14255551234","IncludeInContactCard":true}`, "application/json", 204, "", ucwasim.Phone{Number: "tel:+14255551234", IncludeInContactCard: true}},
		{"null sharing", "", `{"number":"+14255551234","includeInContactCard":null}`, "application/json", 204, "", tel("tel:+14255551234")},
		{"xml", "", xmlInput(`<property name="number">+1 425 555 1234</property><property name="includeInContactCard">True</property>`), "application/xml", 204, "", ucwasim.Phone{Number: "tel:+14255551234", IncludeInContactCard: true}},
		{"vnd xml", "", xmlInput(`<property name="number">+14255551234</property>`), "application/vnd.microsoft.com.ucwa+xml", 204, "", tel("tel:+14255551234")},
		{"query", "?number=tel%3A%2B14255551234&includeInContactCard=true", "", "", 204, "", ucwasim.Phone{Number: "tel:+14255551234", IncludeInContactCard: true}},
		{"query without value", "?number=%2B14255551234&includeInContactCard=", "", "", 204, "", tel("tel:+14255551234")},
		{"query with a bare plus", "?number=+494012345678", "", "", 400, "NormalizationFailed", before},
		{"extension", "", `{"number":"tel:+14255551234;ext=54321"}`, "application/json", 204, "", tel("tel:+14255551234;ext=54321")},
		{"national", "", `{"number":"(425) 555-1234"}`, "application/json", 204, "", tel("tel:+14255551234")},
		{"national with country code", "", `{"number":"1.425.555.1234"}`, "application/json", 204, "", tel("tel:+14255551234")},
		{"absent number deletes", "", "", "", 204, "", tel("")},
		{"null number deletes", "", `{"number":null}`, "application/json", 204, "", tel("")},
		{"empty number deletes", "", `{"number":""}`, "application/json", 204, "", tel("")},
		{"only sharing deletes too", "", `{"includeInContactCard":true}`, "application/json", 204, "", ucwasim.Phone{IncludeInContactCard: true}},
		{"eighty characters", "", `{"number":"+14255551234` + strings.Repeat(" ", 68) + `"}`, "application/json", 204, "", tel("tel:+14255551234")},
		{"eighty-one characters", "", `{"number":"+14255551234` + strings.Repeat(" ", 69) + `"}`, "application/json", 400, "ParameterValidationFailure", before},
		{"letters", "", `{"number":"+1425CALLNOW"}`, "application/json", 400, "NormalizationFailed", before},
		{"short", "", `{"number":"1234"}`, "application/json", 400, "NormalizationFailed", before},
		{"too long for E.164", "", `{"number":"+1234567890123456"}`, "application/json", 400, "NormalizationFailed", before},
		{"zero after plus", "", `{"number":"+0123456789"}`, "application/json", 400, "NormalizationFailed", before},
		{"empty extension", "", `{"number":"+14255551234;ext="}`, "application/json", 400, "NormalizationFailed", before},
		{"number is a number", "", `{"number":14255551234}`, "application/json", 400, "DeserializationFailure", before},
		{"sharing is a string", "", `{"number":"+14255551234","includeInContactCard":"true"}`, "application/json", 400, "DeserializationFailure", before},
		{"sharing is neither", "?includeInContactCard=yes", "", "", 400, "ParameterValidationFailure", before},
		{"twice", "?number=1&number=2", "", "", 400, "ParameterValidationFailure", before},
		{"broken json", "", `{"number":`, "application/json", 400, "DeserializationFailure", before},
		{"xml of another root", "", `<resource xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa"/>`, "application/xml", 400, "DeserializationFailure", before},
		{"xml without namespace", "", `<input/>`, "application/xml", 400, "DeserializationFailure", before},
		{"json as text", "", `{"number":"+14255551234"}`, "text/plain", 415, "UnsupportedMediaType", before},
		{"no media type", "", `{"number":"+14255551234"}`, "", 415, "UnsupportedMediaType", before},
		{"too large", "", `{"x":"` + strings.Repeat("x", 65<<10) + `"}`, "application/json", 413, "EntityTooLarge", before},
	}
	for _, tt := range tests {
		if err := r.SetPhone(user("01"), "mobile", before); err != nil {
			t.Fatal(err)
		}
		got := s.as("POST", post+tt.query, tt.body, "Content-Type", tt.media)
		st, _ := r.User(user("01"))
		after := st.Phones["mobile"].Phone
		if got.status != tt.status || !strings.Contains(got.body, tt.want) || after != tt.after {
			t.Errorf("%s: got %d %s and %+v, want %d %s and %+v", tt.name, got.status, got.body, after, tt.status, tt.want, tt.after)
		}
	}
}

func xmlInput(children string) string {
	return `<?xml version="1.0" encoding="utf-8"?><input xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa">` + children + `</input>`
}

func TestChangeVisibility(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{})
	s := r.signIn(user("01"))
	if err := r.SetPhone(user("01"), "Home", ucwasim.Phone{Number: "tel:+4940123456"}); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{`{"includeInContactCard":true}`, `{"includeInContactCard":true}`, `{}`, ``, `{"includeInContactCard":null}`} {
		r.want(s.as("POST", "/me/phones/home/changeVisibility", body), 204)
		r.want(s.as("GET", "/me/phones/home", ""), 200, `"includeInContactCard":true`, `"number":"tel:+4940123456"`)
	}
	r.want(s.as("POST", "/me/phones/home/changeVisibility", `{"includeInContactCard":1}`), 400, "DeserializationFailure")
	st, _ := r.User(user("01"))
	if len(st.Changes) != 1 || st.Changes[0].Operation != "changeVisibility" || st.Changes[0].Type != "home" || !strings.HasSuffix(s.app, st.Changes[0].Application) {
		t.Errorf("only the first was a visible change, got %+v", st.Changes)
	}
}

func TestADOwnedPhones(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{ADOwnedWork: true, Each: func(n int, u *ucwasim.User) {
		if n == 2 {
			u.ADOwned = []string{"mobile"}
		}
	}})
	s := r.signIn(user("02"))
	for phone, owned := range map[string]bool{"work": true, "mobile": true, "home": false, "other": false} {
		doc := r.doc(s.as("GET", "/me/phones/"+phone, ""))
		if linked := href(s.app, doc, "changeNumber") != "" && href(s.app, doc, "changeVisibility") != ""; linked == owned {
			t.Errorf("%s: links %v", phone, links(doc))
		}
		if phone == "work" && !strings.HasPrefix(at(doc, "number").(string), "tel:+1425") {
			t.Errorf("work has no number: %v", doc)
		}
		for _, change := range []string{"/changeNumber", "/changeVisibility"} {
			got := s.as("POST", "/me/phones/"+phone+change, `{"includeInContactCard":true}`)
			if owned {
				r.want(got, 409, `"code":"Conflict"`, `"subcode":"None"`)
			} else {
				r.want(got, 204)
			}
		}
	}
}

func TestWithoutEnterpriseVoice(t *testing.T) {
	t.Parallel()
	r := start(t, ucwasim.Config{Each: func(n int, u *ucwasim.User) { u.NoEnterpriseVoice, u.NoPhonesLink = true, n == 2 }})
	s := r.signIn(user("01"))
	for path, method := range map[string]string{
		"/me/phones": "GET", "/me/phones/work": "GET", "/me/phones/work/changeNumber": "POST", "/me/phones/work/changeVisibility": "POST",
	} {
		r.want(s.as(method, path, ""), 403, `"code":"Forbidden"`, `"subcode":"None"`)
	}
	if st, _ := r.User(user("01")); st.EnterpriseVoice || st.ChangeCount != 0 {
		t.Errorf("got %+v", st)
	}
	if rels := links(at(r.signIn(user("02")).root, "_embedded", "me")); strings.Contains(strings.Join(rels, " "), "phones") {
		t.Errorf("policy hides the phones link, got %v", rels)
	}
}

func TestPhoneETag(t *testing.T) {
	t.Parallel()
	for _, d := range []ucwasim.Dialect{ucwasim.Captured, ucwasim.Generated} {
		r := start(t, ucwasim.Config{Dialect: d})
		s := r.signIn(user("01"))
		phones := href(s.app, at(s.root, "_embedded", "me"), "phones")
		work := at(r.doc(s.as("GET", phones, "")), "_embedded", "phone").([]any)[0]
		self := href(s.app, work, "self")
		got := r.want(s.as("GET", self, ""), 200)
		etag := got.header.Get("ETag")
		bare := strings.Trim(etag, `"`)
		if d == ucwasim.Captured && (etag == bare || at(r.doc(got), "etag") != bare || strings.Trim(bare, "0123456789") != "") {
			t.Errorf("captured ETag %s, body %s", etag, got.body)
		}
		if d == ucwasim.Generated && (etag != bare || len(etag) != 36 || at(r.doc(got), "etag") != nil) {
			t.Errorf("generated ETag %s, body %s", etag, got.body)
		}
		for _, h := range []string{etag, bare, `"x", "` + bare + `"`, "W/" + etag, "*"} {
			if got := s.as("GET", self, "", "If-None-Match", h); got.status != 304 || got.body != "" {
				t.Errorf("%s: If-None-Match %s is %d", d, h, got.status)
			}
		}
		r.want(s.as("POST", href(s.app, work, "changeNumber"), `{"number":"+14255551234"}`), 204)
		if changed := r.want(s.as("GET", self, "", "If-None-Match", etag), 200); changed.header.Get("ETag") == etag {
			t.Error("the ETag survived a change")
		}
	}
}

func TestDialPlans(t *testing.T) {
	t.Parallel()
	plans := map[string]*ucwasim.DialPlan{
		"de":   {CountryCode: "49", NationalDigits: 8, TrunkPrefix: "0"},
		"none": {NationalDigits: -1},
		"raw":  {KeepAsSent: true},
	}
	tests := []struct{ plan, sent, stored string }{ // stored empty: refused
		{"de", "040123456", "tel:+4940123456"},
		{"de", "40123456", "tel:+4940123456"},
		{"de", "140123456", ""},
		{"none", "4255551212", ""},
		{"none", "TEL:+1/425/5551212", "tel:+14255551212"},
		{"raw", " 4255551212 ", "4255551212"},
		{"raw", "CALL", ""},
	}
	c := ucwasim.Config{}
	for name, plan := range plans {
		c.Extra = append(c.Extra, ucwasim.User{URI: name + "@contoso.test", Password: "pw-" + name, DialPlan: plan})
	}
	r := start(t, c)
	for _, tt := range tests {
		s := r.signIn(tt.plan + "@contoso.test")
		want := 204
		if tt.stored == "" {
			want = 400
			_ = r.SetPhone(tt.plan+"@contoso.test", "other", ucwasim.Phone{})
		}
		got := s.as("POST", "/me/phones/other/changeNumber", `{"number":"`+tt.sent+`"}`)
		st, _ := r.User(tt.plan + "@contoso.test")
		if stored := st.Phones["other"].Number; got.status != want || stored != tt.stored {
			t.Errorf("%s %q: got %d and %q, want %d and %q", tt.plan, tt.sent, got.status, stored, want, tt.stored)
		}
	}
}
