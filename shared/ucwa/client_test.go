package ucwa_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
)

func find(t *testing.T, phones []ucwa.Phone, kind ucwa.PhoneType) ucwa.Phone {
	t.Helper()
	for _, p := range phones {
		if p.Type == kind {
			return p
		}
	}
	t.Fatalf("no %s phone in %+v", kind, phones)
	return ucwa.Phone{}
}

func read(t *testing.T, app *ucwa.Application, kind ucwa.PhoneType) ucwa.Phone {
	t.Helper()
	phones, err := app.Phones(t.Context())
	if err != nil {
		t.Fatalf("Phones: %v", err)
	}
	return find(t, phones, kind)
}

// TestAssign is the whole job, in both formats and both documented dialects,
// with the calls it may cost.
func TestAssign(t *testing.T) {
	t.Parallel()
	for _, format := range []ucwa.Format{ucwa.JSON, ucwa.XML} {
		for _, generated := range []bool{false, true} {
			for _, absolute := range []bool{false, true} {
				t.Run(fmt.Sprintf("format %d generated %t absolute %t", format, generated, absolute), func(t *testing.T) {
					t.Parallel()
					p := newPool(t)
					p.generated = generated
					if generated {
						p.prefix = "/ucwa/v1"
					}
					if absolute {
						p.appBase = p.URL
					}
					c := p.client(ucwa.Config{Format: format})
					assign(t, p, p.open(c))
					if got, want := p.take(), "root user token user create phones changeNumber phones delete"; got != want {
						t.Errorf("cold calls: %s, want %s", got, want)
					}
					assign(t, p, p.open(c))
					if got, want := p.take(), "create phones changeNumber phones delete"; got != want {
						t.Errorf("warm calls: %s, want %s", got, want)
					}
					if p.inputs[0] != p.inputs[2] || !strings.Contains(p.inputs[0], "endpointId") {
						t.Errorf("applications inputs differ: %s and %s", p.inputs[0], p.inputs[2])
					}
				})
			}
		}
	}
}

func assign(t *testing.T, p *pool, app *ucwa.Application) {
	t.Helper()
	yes := true
	if err := app.CheckUser(); err != nil {
		t.Error(err)
	}
	if me := app.Me(); me.Name != "Ada Lovelace" || strings.Join(me.EmailAddresses, " ") != "ada@contoso.test al@contoso.test" {
		t.Errorf("Me = %+v", me)
	}
	mobile := read(t, app, ucwa.Mobile)
	if err := app.ChangeNumber(t.Context(), mobile, ucwa.NumberChange{Number: "+12056350001", IncludeInContactCard: &yes}); err != nil {
		t.Fatalf("ChangeNumber: %v", err)
	}
	if got := read(t, app, ucwa.Mobile); got.Number != "tel:+12056350001" || !got.IncludeInContactCard {
		t.Errorf("after the change: %+v", got)
	}
	if err := app.Close(t.Context()); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func TestPhones(t *testing.T) {
	t.Parallel()
	for _, format := range []ucwa.Format{ucwa.JSON, ucwa.XML} {
		for _, generated := range []bool{false, true} {
			p := newPool(t)
			p.generated = generated
			app := p.open(p.client(ucwa.Config{Format: format}))
			phones, err := app.Phones(t.Context())
			if err != nil || len(phones) != 4 {
				t.Fatalf("Phones: %v, %v", phones, err)
			}
			for _, want := range []struct {
				kind   ucwa.PhoneType
				number string
				shared bool
				can    bool
			}{
				{ucwa.Work, "tel:+14255551234;ext=34", true, false},
				{ucwa.Mobile, "", false, true},
				{ucwa.Home, "4255551212", false, true},
				{ucwa.Other, "tel:+14255550000", true, true},
			} {
				got := find(t, phones, want.kind)
				if got.Number != want.number || got.IncludeInContactCard != want.shared ||
					got.CanChangeNumber() != want.can || got.CanChangeVisibility() != want.can {
					t.Errorf("format %d generated %t: %+v, want %+v", format, generated, got, want)
				}
			}
			one, err := app.Phone(t.Context(), find(t, phones, ucwa.Home))
			etag := map[bool]string{false: "42", true: "3109609770"}[generated] // of the body, else of the header
			if err != nil || one.Number != "4255551212" || one.ETag != etag || !one.CanChangeNumber() {
				t.Errorf("Phone: %+v, %v", one, err)
			}
		}
	}
}

func TestChangeNumberInputs(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	for _, c := range []struct {
		change    ucwa.NumberChange
		json, xml string // xml without the envelope
	}{
		{ucwa.NumberChange{}, "", ""},
		{ucwa.NumberChange{IncludeInContactCard: &no}, `{"includeInContactCard":false}`, `<property name="includeInContactCard">false</property>`},
		{ucwa.NumberChange{Number: "+12056350001"}, `{"number":"tel:+12056350001"}`, `<property name="number">tel:+12056350001</property>`},
		{
			ucwa.NumberChange{Number: "tel:+1205;ext=7", IncludeInContactCard: &yes},
			`{"includeInContactCard":true,"number":"tel:+1205;ext=7"}`,
			`<property name="number">tel:+1205;ext=7</property><property name="includeInContactCard">true</property>`,
		},
		{ucwa.NumberChange{Number: "4255551212"}, `{"number":"4255551212"}`, `<property name="number">4255551212</property>`},
		{ucwa.NumberChange{Number: `"<&`}, `{"number":"\"\u003c\u0026"}`, `<property name="number">&#34;&lt;&amp;</property>`},
	} {
		for format, want := range map[ucwa.Format]string{ucwa.JSON: c.json, ucwa.XML: c.xml} {
			p := newPool(t)
			app := p.open(p.client(ucwa.Config{Format: format}))
			if err := app.ChangeNumber(t.Context(), read(t, app, ucwa.Other), c.change); err != nil {
				t.Errorf("%+v: %v", c.change, err)
				continue
			}
			got := p.inputs[len(p.inputs)-1]
			if format == ucwa.XML && want != "" {
				want = `<?xml version="1.0" encoding="UTF-8"?>` + "\n" + `<input xmlns="http://schemas.microsoft.com/rtc/2012/03/ucwa">` + want + `</input>`
			}
			if got != want {
				t.Errorf("%+v sent %s, want %s", c.change, got, want)
			}
		}
	}
}

func TestChangeVisibility(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	app := p.open(p.client(ucwa.Config{}))
	no := false
	if err := app.ChangeVisibility(t.Context(), read(t, app, ucwa.Other), &no); err != nil {
		t.Fatal(err)
	}
	if got := read(t, app, ucwa.Other); got.IncludeInContactCard || got.Number != "tel:+14255550000" {
		t.Errorf("after the change: %+v", got)
	}
	if err := app.ChangeVisibility(t.Context(), read(t, app, ucwa.Other), nil); err != nil || p.inputs[len(p.inputs)-1] != "" {
		t.Errorf("nil visibility: %v, sent %q", err, p.inputs[len(p.inputs)-1])
	}
}

// TestRefusedWithoutACall: what cannot be done is found out without a request.
func TestRefusedWithoutACall(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	app := p.open(p.client(ucwa.Config{}))
	work, mobile := read(t, app, ucwa.Work), read(t, app, ucwa.Mobile)
	p.take()
	for name, c := range map[string]struct {
		err   error
		class failure.Class
		is    error
	}{
		"directory-owned":  {app.ChangeNumber(t.Context(), work, ucwa.NumberChange{Number: "+12056350001"}), failure.Denied, ucwa.ErrMissingLink},
		"fixed visibility": {app.ChangeVisibility(t.Context(), work, nil), failure.Denied, ucwa.ErrMissingLink},
		"phone of nobody":  {app.ChangeNumber(t.Context(), ucwa.Phone{}, ucwa.NumberChange{}), failure.Denied, ucwa.ErrMissingLink},
		"too long":         {app.ChangeNumber(t.Context(), mobile, ucwa.NumberChange{Number: strings.Repeat("1", 81)}), failure.Invalid, nil},
		"blank":            {app.ChangeNumber(t.Context(), mobile, ucwa.NumberChange{Number: "  "}), failure.Invalid, nil},
		"control":          {app.ChangeNumber(t.Context(), mobile, ucwa.NumberChange{Number: "12\x003"}), failure.Invalid, nil},
	} {
		e := ucwa.As(c.err)
		if e == nil || e.Class != c.class || e.Remedy != ucwa.None || c.is != nil && !errors.Is(c.err, c.is) {
			t.Errorf("%s: %v, want %s", name, c.err, c.class)
		}
	}
	if calls := p.take(); calls != "" {
		t.Errorf("calls %s, want none", calls)
	}
}

func TestCheckUser(t *testing.T) {
	t.Parallel()
	for uri, ok := range map[string]bool{"sip:Ada@Contoso.test": true, "sip:bob@contoso.test": false, "": false} {
		p := newPool(t)
		p.meURI = uri
		err := p.open(p.client(ucwa.Config{})).CheckUser()
		if (err == nil) != ok {
			t.Errorf("me is %q: %v", uri, err)
		}
		if e := ucwa.As(err); !ok && (e == nil || e.Class != failure.Denied || !errors.Is(err, ucwa.ErrWrongUser)) {
			t.Errorf("me is %q: %v, want denied, wrong user", uri, err)
		}
	}
}

func TestClose(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		answer http.HandlerFunc
		ok     bool
	}{
		{"204", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, true},
		{"not found", func(w http.ResponseWriter, r *http.Request) { reason(w, r, 404, "NotFound", "ApplicationNotFound") }, true},
		{"evicted", func(w http.ResponseWriter, r *http.Request) { reason(w, r, 410, "Gone", "TooManyApplications") }, true},
		{"expired", func(w http.ResponseWriter, r *http.Request) {
			reason(w, r, 410, "Gone", "InactiveApplicationExpired")
		}, true},
		{"no backup pool", func(w http.ResponseWriter, r *http.Request) { reason(w, r, 410, "Gone", "CannotRedirect") }, false},
		{"page", func(w http.ResponseWriter, _ *http.Request) { page(w, 404) }, false},
		{"forbidden", func(w http.ResponseWriter, r *http.Request) { reason(w, r, 403, "Forbidden", "None") }, false},
	} {
		p := newPool(t)
		app := p.open(p.client(ucwa.Config{}))
		p.times("delete", 100, c.answer)
		if err := app.Close(t.Context()); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.name, err)
		}
		if _ = app.Close(t.Context()); c.ok && p.count("delete") != 1 {
			t.Errorf("%s: %d calls, want 1: it was closed", c.name, p.count("delete"))
		}
	}
}

func TestMeLinkedInsteadOfEmbedded(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	p.set(func(op string, _ int, w http.ResponseWriter, r *http.Request) bool {
		switch op {
		case "create":
			p.write(w, r, 201, doc{rel: "application", href: p.app(""), links: [][2]string{{"me", p.app("/me")}}})
		case "me":
			p.write(w, r, 200, doc{rel: "me", href: p.app("/me"), props: []prop{{"uri", ada.URI()}}, links: [][2]string{{"phones", p.app("/me/phones")}}})
		case "phones":
			p.write(w, r, 200, doc{rel: "phones", href: p.app("/me/phones"), links: [][2]string{{"phone", p.app("/me/phones/home")}}})
		default:
			return false
		}
		return true
	})
	app := p.open(p.client(ucwa.Config{}))
	if got := read(t, app, ucwa.Home); got.Number != "4255551212" || app.CheckUser() != nil {
		t.Errorf("linked phone: %+v", got)
	}
}

func TestMissingLinks(t *testing.T) {
	t.Parallel()
	bare := func(rel string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprintf(w, `{"rel":%q,"_links":{"self":{"href":"/x"}},"_embedded":{"me":{"uri":%q}}}`, rel, ada.URI())
		}
	}
	for op, answer := range map[string]http.HandlerFunc{
		"root": bare("root"), "create": bare("application"),
		"user": func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") == "" {
				w.Header().Set("WWW-Authenticate", "MsRtcOAuth href=/WebTicket/oauthtoken,grant_type=password")
				page(w, 401)
				return
			}
			bare("user")(w, r)
		},
	} {
		p := newPool(t)
		p.times(op, 100, answer)
		app, err := p.client(ucwa.Config{}).Open(t.Context(), ada)
		if err == nil {
			_, err = app.Phones(t.Context())
		}
		e := ucwa.As(err)
		if e == nil || e.Class != failure.Denied || !errors.Is(err, ucwa.ErrMissingLink) {
			t.Errorf("bare %s: %v, want a missing link", op, err)
		}
	}
}

// TestManyUsers: what users share is asked once, what is theirs once each.
func TestManyUsers(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	c := p.client(ucwa.Config{})
	var wg sync.WaitGroup
	for i := range 60 {
		wg.Go(func() {
			app, err := c.Open(t.Context(), sipaddr.User(fmt.Sprintf("user%d@contoso.test", i%20)))
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := app.Phones(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for op, want := range map[string]int{"root": 1, "token": 20, "user": 21, "create": 60, "phones": 60} {
		if got := p.count(op); got != want {
			t.Errorf("%d calls of %s, want %d", got, op, want)
		}
	}
}

// TestNoCookies: a cookie of one user must not ride on another's request.
func TestNoCookies(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	p.set(func(_ string, _ int, w http.ResponseWriter, r *http.Request) bool {
		http.SetCookie(w, &http.Cookie{Name: "cwt_ucwa", Value: "ada", Path: "/"})
		if len(r.Cookies()) > 0 || r.Header.Get("Origin")+r.Header.Get("Referer") != "" {
			t.Errorf("%s carries %v", r.URL.Path, r.Header)
		}
		return false
	})
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := p.client(ucwa.Config{HTTP: &http.Client{Jar: jar}})
	p.open(c)
	p.open(c)
}

func TestNewReportsEverything(t *testing.T) {
	t.Parallel()
	_, err := ucwa.New(ucwa.Config{
		DiscoveryURL: "http://discover.contoso.test/", Service: strings.Repeat("s", 101), UserAgent: strings.Repeat("u", 101),
		Culture: strings.Repeat("c", 101), Format: 7, CallTimeout: -time.Second, TrustedDomains: []string{"https://contoso.test"},
	})
	for _, name := range []string{"Tokens", "DiscoveryURL", "Service", "UserAgent", "Culture", "Format", "CallTimeout", "TrustedDomains"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v: does not name %s", err, name)
		}
	}
	if _, err := ucwa.New(ucwa.Config{Tokens: ucwa.NewPasswordGrant(nil, password(""))}); err != nil {
		t.Errorf("defaults: %v", err)
	}
}

// TestQuiet: neither errors nor logs show tokens, passwords or numbers.
func TestQuiet(t *testing.T) {
	t.Parallel()
	p := newPool(t)
	logger, logged := debugLog()
	app := p.open(p.client(ucwa.Config{Logger: logger}))
	mobile := read(t, app, ucwa.Mobile)
	p.times("changeNumber", 1, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Ms-diagnostics", `24001;source="fe1.contoso.test";reason="Cannot normalize +12056350001"`)
		reason(w, r, 400, "BadRequest", "NormalizationFailed")
	})
	err := app.ChangeNumber(t.Context(), mobile, ucwa.NumberChange{Number: "+12056350001"})
	e := ucwa.As(err)
	if e == nil || e.Subcode != ucwa.NormalizationFailed || e.Upstream().Diagnostics == "" || e.Message == "" {
		t.Fatalf("ChangeNumber: %v", err)
	}
	text := err.Error() + fmt.Sprintf("%+v", e.Upstream()) + logged.String() + fmt.Sprintf("%v %+v", ucwa.Credentials{Password: "secret"}, ucwa.Token{Value: "cwt=x"})
	if m := regexp.MustCompile(`[0-9]{9}|cwt=|secret`).FindString(text); m != "" {
		t.Errorf("%q shows in %s", m, text)
	}
	if strings.Count(logged.String(), "ucwa call") != 6 || !strings.Contains(logged.String(), "operation=changeNumber method=POST") {
		t.Errorf("log is not a line a call:\n%s", logged)
	}
}
