package webexsim_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"dialtone/infra/sim/webexsim"
)

func TestDefaultsAreThreeSitesAndACustomer(t *testing.T) {
	t.Parallel()
	r := start(t, webexsim.Config{})
	var names []string
	for _, l := range r.sim.Locations() {
		names = append(names, l.Name)
		listed := phones(t, r.get(availablePath, "locationId", l.ID))
		// 200 usable, 5 inactive, 4 mobile, 3 service, 3 toll-free, 2 reserved, 1 main
		if len(listed) != 218 {
			t.Errorf("%s lists %d numbers, want 218", l.Name, len(listed))
		}
		for _, p := range listed {
			if !strings.HasPrefix(p, l.Prefix) {
				t.Errorf("%s lists %s", l.Name, p)
			}
		}
	}
	if want := []string{"Hamburg", "Manchester", "Birmingham"}; !slices.Equal(names, want) {
		t.Errorf("locations %v, want %v", names, want)
	}
	if n := len(phones(t, r.get(availablePath))); n != 3*218 {
		t.Errorf("without location: %d, want %d", n, 3*218)
	}
	customer := phones(t, r.get(availablePath, "orgId", webexsim.OrgID("Example Customer")))
	if len(customer) != 21 {
		t.Errorf("customer lists %d, want 21", len(customer))
	}
}

func TestSameSeedSameNumbers(t *testing.T) {
	t.Parallel()
	dump := func(seed uint64) string {
		c := small()
		c.Seed = seed
		return string(start(t, c).get(availablePath).want(t, http.StatusOK).body)
	}
	seven := dump(7)
	if again := dump(7); again != seven {
		t.Error("two servers of one seed differ")
	}
	if dump(8) == seven {
		t.Error("servers of two seeds agree")
	}
}

func TestListShowsEveryKindButOwned(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	body := decode[availableBody](t, r.get(availablePath))
	var main, service, mobile, inactive int
	for _, n := range body.PhoneNumbers {
		if n.IsMainNumber == nil || n.IsServiceNumber == nil {
			t.Fatalf("%s lacks a boolean", n.PhoneNumber)
		}
		main += b2i(*n.IsMainNumber)
		service += b2i(*n.IsServiceNumber)
		mobile += b2i(n.MobileNetwork != "")
		inactive += b2i(n.State == "INACTIVE")
		if got, _ := r.sim.Number(n.PhoneNumber); got.Owner != nil {
			t.Errorf("%s is owned and listed", n.PhoneNumber)
		}
	}
	if len(body.PhoneNumbers) != 15 || main != 1 || service != 1 || mobile != 3 || inactive != 2+2 {
		t.Errorf("listed %d, main %d, service %d, mobile %d, inactive %d", len(body.PhoneNumbers), main, service, mobile, inactive)
	}
	for _, forbidden := range []string{"owner", "location", "extension", "tollFreeNumber"} {
		if strings.Contains(string(r.get(availablePath).body), `"`+forbidden+`"`) {
			t.Errorf("entries carry %s", forbidden)
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestHideSpecial(t *testing.T) {
	t.Parallel()
	c := small()
	c.HideSpecial = true
	if n := len(phones(t, start(t, c).get(availablePath))); n != 12 {
		t.Errorf("listed %d, want 12", n)
	}
}

func TestPhoneNumberFilter(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	all := phones(t, r.get(availablePath))
	two := []string{all[2], all[5]}
	owned := ""
	for _, n := range r.sim.Numbers("") {
		if n.Owner != nil {
			owned = n.PhoneNumber
		}
	}
	for name, tc := range map[string]struct {
		query string
		want  []string
	}{
		"comma list":        {form("phoneNumber", all[5]+","+all[2]), two},
		"repeated":          {form("phoneNumber", all[5], "phoneNumber", all[2]), two},
		"both":              {form("phoneNumber", all[5]+","+all[5], "phoneNumber", all[2]), two},
		"owned":             {form("phoneNumber", owned), []string{}},
		"unknown":           {form("phoneNumber", "+4999999999"), []string{}},
		"plus not escaped":  {"phoneNumber=" + all[2], []string{}},
		"other location":    {form("phoneNumber", all[2], "locationId", webexsim.LocationID("Hamburg")), two[:1]},
		"number of another": {form("phoneNumber", all[2], "orgId", webexsim.OrgID("Example Customer")), []string{}},
		"empty":             {"phoneNumber=", []string{}},
	} {
		if got := phones(t, r.do(http.MethodGet, availablePath+"?"+tc.query, "", "")); !slices.Equal(got, tc.want) {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
}

func TestQueryIsChecked(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	home := webexsim.LocationID("Hamburg")
	for _, tc := range []struct {
		query string
		want  int
	}{
		{"max=-1", 400},
		{"max=ten", 400},
		{"max=2.5", 400},
		{"max=", 400},
		{"max=null", 400},
		{"start=-1", 400},
		{"start=x", 400},
		{"max=0", 200},
		{"max=99999999999999999999", 200},
		{"start=99999999999999999999", 200},
		{"licenseType=Webex+Calling+Professional", 200},
		{"licenseType=Webex%20Calling%20Standard", 200},
		{"licenseType=VAR_STANDARD", 200},
		{"licenseType=VAR_BASIC", 200},
		{"licenseType=Webex+Calling+-+Professional", 400},
		{"licenseType=webex+calling+standard", 400},
		{"licenseType=", 400},
		{"locationId=", 400},
		{"locationId=" + home, 200},
		{"locationId=" + strings.Repeat("x", 128), 404},
		{"locationId=" + strings.Repeat("x", 129), 400},
		{"locationId=" + webexsim.LocationID("Bristol"), 404},
		{"orgId=", 400},
		{"orgId=" + strings.Repeat("x", 129), 400},
		{"orgId=nobody", 403},
		{"orgId=" + webexsim.OrgID("Contoso"), 200},
		{"q=%zz", 400},
		{"unknown=1", 200},
	} {
		got := r.do(http.MethodGet, availablePath+"?"+tc.query, "", "")
		if got.status != tc.want {
			t.Errorf("%s: %d, want %d: %s", tc.query, got.status, tc.want, got.body)
		}
	}
}

func TestUnknownLocationEmpty(t *testing.T) {
	t.Parallel()
	c := small()
	c.UnknownLocationEmpty = true
	a := start(t, c).get(availablePath, "locationId", "nowhere").want(t, http.StatusOK)
	if got := strings.TrimSpace(string(a.body)); got != `{"phoneNumbers":[]}` {
		t.Errorf("body %s", got)
	}
}

func TestDialects(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		dialect                     webexsim.Dialect
		missing, differing, onlyNew bool
	}{
		{webexsim.Generated, false, true, true},
		{webexsim.Captured, true, true, true},
	} {
		c := small()
		c.Dialect = tc.dialect
		var missing, differing, onlyNew bool
		for _, n := range decode[availableBody](t, start(t, c).get(availablePath)).PhoneNumbers {
			missing = missing || n.TelephonyType == "" && n.IncludedTelephonyTypes != ""
			differing = differing || n.TelephonyType == "PSTN_NUMBER" && n.IncludedTelephonyTypes == "MOBILE_NUMBER" && n.MobileNetwork != ""
			onlyNew = onlyNew || n.TelephonyType != "" && n.IncludedTelephonyTypes == ""
			if n.TelephonyType == "" && n.IncludedTelephonyTypes == "" {
				t.Errorf("%s: %s has no type at all", tc.dialect, n.PhoneNumber)
			}
		}
		if missing != tc.missing || differing != tc.differing || onlyNew != tc.onlyNew {
			t.Errorf("%s: missing %v, differing %v, telephonyType alone %v", tc.dialect, missing, differing, onlyNew)
		}
	}
}

func TestHundredThousandNumbers(t *testing.T) {
	t.Parallel()
	r := start(t, webexsim.Config{Locations: []webexsim.Location{
		{Name: "Hamburg", Prefix: "+4940", Numbers: 99_000, Owned: 999},
	}})
	seen := map[string]bool{}
	for start, want := range map[string]int{"0": 2000, "50000": 2000, "98000": 1001} {
		a := r.get(availablePath, "start", start)
		list := phones(t, a)
		for _, p := range list {
			seen[p] = true
		}
		if len(list) != want || (nextLink(a) == "") != (want < 2000) {
			t.Errorf("from %s: %d numbers, Link %q", start, len(list), a.header.Get("Link"))
		}
	}
	if len(seen) != 5001 {
		t.Errorf("%d distinct numbers, want 5001", len(seen))
	}
}

// walk follows next links and returns how many pages it saw.
func (r *rig) walk(path string, visit func(reply)) int {
	r.t.Helper()
	for pages := 1; ; pages++ {
		a := r.do(http.MethodGet, path, "", "").want(r.t, http.StatusOK)
		visit(a)
		next := nextLink(a)
		if next == "" {
			return pages
		}
		path = next
	}
}

// nextLink reads the header as its styles have in common.
func nextLink(a reply) string {
	for _, link := range strings.Split(a.header.Get("Link"), ", ") {
		if target, ok := strings.CutSuffix(strings.ReplaceAll(link, " ", ""), `>;rel="next"`); ok {
			return strings.TrimPrefix(target, "<")
		}
	}
	return ""
}

func TestPagesCoverTheList(t *testing.T) {
	t.Parallel()
	for _, style := range []webexsim.LinkStyle{webexsim.LinkCompact, webexsim.LinkSpaced, webexsim.LinkPair} {
		c := small()
		c.Links = style
		r := start(t, c)
		all := phones(t, r.get(availablePath))
		if !slices.IsSorted(all) {
			t.Error("not ascending")
		}
		var got []string
		pages := r.walk(availablePath+"?max=4&licenseType=Webex+Calling+Standard&locationId="+webexsim.LocationID("Hamburg"),
			func(a reply) {
				got = append(got, phones(t, a)...)
				if next := nextLink(a); next != "" && !strings.Contains(next, "licenseType=Webex+Calling+Standard") {
					t.Errorf("%s: filter lost in %s", style, next)
				}
			})
		if !slices.Equal(got, all) || pages != 4 {
			t.Errorf("%s: %d pages, %v", style, pages, got)
		}
	}
}

func TestLinkForms(t *testing.T) {
	t.Parallel()
	for style, want := range map[webexsim.LinkStyle]string{
		webexsim.LinkCompact: `<BASE?max=4&start=4>;rel="next"`,
		webexsim.LinkSpaced:  `<BASE?max=4&start=4>; rel="next"`,
		webexsim.LinkPair:    `<BASE?max=4&start=0>; rel="first", <BASE?max=4&start=4>; rel="next"`,
		webexsim.LinkOmitted: ``,
		webexsim.LinkLoop:    `<BASE?max=4&start=0>;rel="next"`,
		webexsim.LinkForeign: `<http://elsewhere.example.test/v1` + availablePath + `?max=4&start=4>;rel="next"`,
	} {
		c := small()
		c.Links = style
		r := start(t, c)
		want = strings.ReplaceAll(want, "BASE", r.http.URL+"/v1"+availablePath)
		if got := r.get(availablePath, "max", "4").header.Get("Link"); got != want {
			t.Errorf("%s: %s, want %s", style, got, want)
		}
	}
	c := small()
	c.Links = webexsim.LinkLossy
	if next := nextLink(start(t, c).get(availablePath, "max", "4", "licenseType", "VAR_BASIC")); strings.Contains(next, "licenseType") {
		t.Errorf("lossy link keeps the filter: %s", next)
	}
}

func TestPageSizes(t *testing.T) {
	t.Parallel()
	c := small()
	c.PageLimit = 6
	r := start(t, c)
	for query, want := range map[string]int{
		"": 6, "max=0": 6, "max=7": 6, "max=1000000": 6, "max=5": 5, "max=1": 1,
		"start=13": 2, "start=15": 0, "start=99999": 0, "start=14&max=1": 1,
	} {
		a := r.do(http.MethodGet, availablePath+"?"+query, "", "")
		if got := len(phones(t, a)); got != want {
			t.Errorf("%s: %d entries, want %d", query, got, want)
		}
	}
	if next := nextLink(r.get(availablePath, "start", "14", "max", "1")); next != "" {
		t.Errorf("last page links to %s", next)
	}
}

func TestEmptyLastPage(t *testing.T) {
	t.Parallel()
	c := small()
	c.EmptyLastPage = true
	r := start(t, c)
	a := r.get(availablePath)
	u, err := url.Parse(nextLink(a))
	if err != nil || u.Query().Get("start") != "2000" {
		t.Fatalf("last page: Link %q", a.header.Get("Link"))
	}
	empty := r.do(http.MethodGet, u.String(), "", "")
	if len(phones(t, empty)) != 0 || nextLink(empty) == "" {
		t.Errorf("page after the last: %s, Link %q", empty.body, empty.header.Get("Link"))
	}
}

func TestGatewayTimeoutAboveMax(t *testing.T) {
	t.Parallel()
	c := small()
	c.Max504 = 500
	r := start(t, c)
	for query, want := range map[string]int{"": 504, "max=0": 504, "max=501": 504, "max=2000": 504, "max=500": 200, "max=50": 200} {
		if got := r.do(http.MethodGet, availablePath+"?"+query, "", ""); got.status != want {
			t.Errorf("%q: %d, want %d", query, got.status, want)
		}
	}
}

func TestShuffledOrder(t *testing.T) {
	t.Parallel()
	c := small()
	c.Order = webexsim.OrderShuffled
	r := start(t, c)
	first, second := phones(t, r.get(availablePath)), phones(t, r.get(availablePath))
	if slices.Equal(first, second) {
		t.Error("two requests agree")
	}
	slices.Sort(first)
	slices.Sort(second)
	if !slices.Equal(first, second) || len(first) != 15 {
		t.Errorf("shuffling changed the set: %v, %v", first, second)
	}
}

// Test data elsewhere may name numbers of the default sites, so what is generated
// for a seed must not shift.
func TestGenerationIsStable(t *testing.T) {
	t.Parallel()
	r := start(t, webexsim.Config{})
	for phone, want := range map[string]webexsim.Kind{
		"+494066969000": webexsim.KindStandard, "+494066969165": webexsim.KindMain, "+494066969217": webexsim.KindStandard,
		"+441614960000": webexsim.KindStandard, "+441614960174": webexsim.KindMain, "+441614960217": webexsim.KindStandard,
		"+12055550100": webexsim.KindStandard, "+12055550317": webexsim.KindMain,
	} {
		if n, known := r.sim.Number(phone); !known || n.Kind != want || n.Owner != nil {
			t.Errorf("%s: %+v, want %s without an owner", phone, n, want)
		}
	}
	if _, known := r.sim.Number("+12055550328"); known {
		t.Error("Birmingham has a 229th number")
	}
}
