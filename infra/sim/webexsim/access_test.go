package webexsim_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"dialtone/infra/sim/webexsim"
)

const formType = "application/x-www-form-urlencoded"

type tokenBody struct {
	AccessToken           string `json:"access_token"`
	ExpiresIn             int    `json:"expires_in"`
	RefreshToken          string `json:"refresh_token"`
	RefreshTokenExpiresIn int    `json:"refresh_token_expires_in"`
	TokenType             string `json:"token_type"`
	Scope                 string `json:"scope"`
}

func (r *rig) refresh(token string) reply {
	r.t.Helper()
	d := webexsim.DefaultToken()
	return r.do(http.MethodPost, "/access_token", formType,
		form("grant_type", "refresh_token", "client_id", d.ClientID, "client_secret", d.ClientSecret, "refresh_token", token))
}

func TestRefreshRotates(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	old := webexsim.DefaultToken()
	r.sim.ExpireAccessToken(old.AccessToken)
	r.get(availablePath).want(t, http.StatusUnauthorized)

	first := decode[tokenBody](t, r.refresh(old.RefreshToken))
	if first.TokenType != "Bearer" || first.ExpiresIn != 1209599 || first.RefreshTokenExpiresIn != 7775999 || !strings.Contains(first.Scope, webexsim.ScopeTelephonyRead) {
		t.Errorf("answer %+v", first)
	}
	if first.RefreshToken == old.RefreshToken || first.AccessToken == old.AccessToken {
		t.Error("a token came back unchanged")
	}
	r.refresh(old.RefreshToken).want(t, http.StatusBadRequest)
	second := decode[tokenBody](t, r.refresh(first.RefreshToken))
	for _, token := range []string{first.AccessToken, second.AccessToken} {
		r.token = token
		r.get(availablePath).want(t, http.StatusOK)
	}
}

func TestKeepRefreshToken(t *testing.T) {
	t.Parallel()
	c := small()
	c.KeepRefreshToken = true
	r := start(t, c)
	for range 2 {
		got := decode[tokenBody](t, r.refresh(webexsim.DefaultToken().RefreshToken))
		if got.RefreshToken != webexsim.DefaultToken().RefreshToken {
			t.Errorf("refresh token changed to %s", got.RefreshToken)
		}
	}
}

func TestTokenEndpointRefuses(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	d := webexsim.DefaultToken()
	client := func(rest ...string) string {
		return form(append([]string{"client_id", d.ClientID, "client_secret", d.ClientSecret}, rest...)...)
	}
	for name, tc := range map[string]struct {
		contentType, body string
		want              int
	}{
		"wrong secret":   {formType, form("grant_type", "refresh_token", "client_id", d.ClientID, "client_secret", "x", "refresh_token", d.RefreshToken), 401},
		"unknown client": {formType, form("grant_type", "refresh_token", "client_id", "x", "client_secret", d.ClientSecret, "refresh_token", d.RefreshToken), 401},
		"dead refresh":   {formType, client("grant_type", "refresh_token", "refresh_token", "x"), 400},
		"no grant":       {formType, client("refresh_token", d.RefreshToken), 400},
		"password grant": {formType, client("grant_type", "password"), 400},
		"unknown code":   {formType, client("grant_type", "authorization_code", "code", "x", "redirect_uri", d.RedirectURI), 400},
		"other redirect": {formType, client("grant_type", "authorization_code", "code", d.Code, "redirect_uri", "https://other.example.test/"), 400},
		"malformed":      {formType, "a=%zz", 400},
		"json":           {"application/json", `{"grant_type":"refresh_token"}`, 415},
		"no type":        {"", client("grant_type", "refresh_token", "refresh_token", d.RefreshToken), 415},
	} {
		a := r.do(http.MethodPost, "/access_token", tc.contentType, tc.body)
		if a.status != tc.want {
			t.Errorf("%s: %d, want %d: %s", name, a.status, tc.want, a.body)
		}
	}
	r.sim.RevokeRefreshToken("")
	r.refresh(d.RefreshToken).want(t, http.StatusBadRequest)
	r.get(availablePath).want(t, http.StatusOK) // the access token lives on
}

func TestTokensBelongToOneClient(t *testing.T) {
	t.Parallel()
	c := small()
	first := webexsim.DefaultToken()
	second := webexsim.Token{AccessToken: "a2", RefreshToken: "r2", ClientID: "c2", ClientSecret: "s2", Code: "code2"}
	c.Tokens = []webexsim.Token{first, second}
	r := start(t, c)
	stolen := []string{"client_id", first.ClientID, "client_secret", first.ClientSecret}
	r.do(http.MethodPost, "/access_token", formType, form(append(stolen, "grant_type", "refresh_token", "refresh_token", "r2")...)).want(t, http.StatusBadRequest)
	r.do(http.MethodPost, "/access_token", formType, form(append(stolen, "grant_type", "authorization_code", "code", "code2")...)).want(t, http.StatusBadRequest)
	own := []string{"client_id", "c2", "client_secret", "s2"}
	r.do(http.MethodPost, "/access_token", formType, form(append(own, "grant_type", "refresh_token", "refresh_token", "r2")...)).want(t, http.StatusOK)
}

func TestAuthorizationCodeWorksOnce(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	d := webexsim.DefaultToken()
	body := form("grant_type", "authorization_code", "client_id", d.ClientID, "client_secret", d.ClientSecret,
		"code", d.Code, "redirect_uri", d.RedirectURI)
	r.token = "" // the endpoint needs none
	got := decode[tokenBody](t, r.do(http.MethodPost, "/access_token", formType, body))
	r.do(http.MethodPost, "/access_token", formType, body).want(t, http.StatusBadRequest)
	r.token = got.AccessToken
	r.get(availablePath).want(t, http.StatusOK)
	r.refresh(got.RefreshToken).want(t, http.StatusOK)
}

func TestUnauthorized(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	for _, auth := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Basic " + r.token, r.token} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.http.URL+"/v1"+availablePath, nil)
		if err != nil {
			t.Fatal(err)
		}
		if auth != "" {
			req.Header.Set("Authorization", auth)
		}
		a := r.send(req).want(t, http.StatusUnauthorized)
		var body errorBody
		if err := json.Unmarshal(a.body, &body); err != nil {
			t.Fatal(err)
		}
		if body.Message == "" || len(body.Errors) != 1 || body.Errors[0].Description == "" || body.TrackingID != a.header.Get("TrackingID") {
			t.Errorf("%q: body %s", auth, a.body)
		}
		if strings.Contains(string(a.body), r.token) {
			t.Error("the token is in the body")
		}
	}
	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, r.http.URL+"/v1"+availablePath, nil)
	req.Header.Set("Authorization", "bearer "+r.token)
	r.send(req).want(t, http.StatusOK)
}

func TestScopes(t *testing.T) {
	t.Parallel()
	location := webexsim.LocationID("Hamburg")
	paths := []string{availablePath, numbersPath, "/telephony/config/locations/" + location, "/locations", "/licenses", "/people/me"}
	for scope, allowed := range map[string][]string{
		webexsim.ScopeTelephonyRead: paths[:3],
		webexsim.ScopeLocationsRead: {"/locations"},
		webexsim.ScopeDevicesRead:   {"/locations"},
		webexsim.ScopeLicensesRead:  {"/licenses"},
		webexsim.ScopePeopleRead:    {"/locations", "/people/me"},
		"spark:all":                 nil,
	} {
		c := small()
		c.Tokens = []webexsim.Token{{AccessToken: "narrow", Scopes: []string{scope}}}
		r := start(t, c)
		r.token = "narrow"
		for _, p := range paths {
			want := http.StatusForbidden
			for _, a := range allowed {
				if a == p {
					want = http.StatusOK
				}
			}
			if got := r.get(p).status; got != want {
				t.Errorf("%s on %s: %d, want %d", scope, p, got, want)
			}
		}
	}
}

func TestPartnerReachesItsCustomersOnly(t *testing.T) {
	t.Parallel()
	north, south := webexsim.Org{Name: "North"}, webexsim.Org{Name: "South"}
	north.Locations = []webexsim.Location{{Name: "Oslo", Prefix: "+472", Numbers: 3}}
	south.Locations = []webexsim.Location{{Name: "Rome", Prefix: "+3906", Numbers: 5}}
	c := small()
	c.Customers = []webexsim.Org{north, south}
	c.Tokens = []webexsim.Token{
		{AccessToken: "partner"},
		{AccessToken: "half", Customers: []string{webexsim.OrgID("South")}},
		{AccessToken: "own", Customers: []string{}},
		{AccessToken: "north", OrgID: webexsim.OrgID("North")},
	}
	r := start(t, c)
	for _, tc := range []struct {
		token, org string
		want       int // listed numbers; 0: 403
	}{
		{"partner", "", 15},
		{"partner", webexsim.OrgID("Contoso"), 15},
		{"partner", webexsim.OrgID("North"), 4},
		{"partner", webexsim.OrgID("South"), 6},
		{"half", webexsim.OrgID("South"), 6},
		{"half", webexsim.OrgID("North"), 0},
		{"own", "", 15},
		{"own", webexsim.OrgID("South"), 0},
		{"north", "", 4},
		{"north", webexsim.OrgID("Contoso"), 0},
	} {
		r.token = tc.token
		var query []string
		if tc.org != "" {
			query = []string{"orgId", tc.org}
		}
		a := r.get(availablePath, query...)
		if tc.want == 0 {
			a.want(t, http.StatusForbidden)
		} else if got := len(phones(t, a)); got != tc.want {
			t.Errorf("%s on %q: %d numbers, want %d", tc.token, tc.org, got, tc.want)
		}
	}
	// A location of another organisation does not exist here.
	r.token = "partner"
	r.get(availablePath, "orgId", webexsim.OrgID("North"), "locationId", webexsim.LocationID("Rome")).want(t, http.StatusNotFound)
}

func TestLocationAdministrator(t *testing.T) {
	t.Parallel()
	c := webexsim.Config{Locations: []webexsim.Location{site("Hamburg", "+4940"), site("Manchester", "+44161")}}
	c.Tokens = []webexsim.Token{{AccessToken: "local", Locations: []string{webexsim.LocationID("Manchester")}}}
	r := start(t, c)
	r.token = "local"
	for _, p := range phones(t, r.get(availablePath)) {
		if !strings.HasPrefix(p, "+44161") {
			t.Errorf("sees %s", p)
		}
	}
	if got := decode[inventoryBody](t, r.get(numbersPath, "details", "true")).Count["total"]; got != 19 {
		t.Errorf("counts %d numbers, want 19", got)
	}
	r.get(availablePath, "locationId", webexsim.LocationID("Hamburg")).want(t, http.StatusNotFound)
	r.get("/telephony/config/locations/"+webexsim.LocationID("Hamburg")).want(t, http.StatusNotFound)
	if got := string(r.get("/locations").body); strings.Contains(got, "Hamburg") || !strings.Contains(got, "Manchester") {
		t.Errorf("locations %s", got)
	}
}

func TestTrackingID(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	for given, echoed := range map[string]bool{
		"SIMPLE_1": true, "": false, "two words": false, strings.Repeat("x", 129): false,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.http.URL+"/v1/nowhere", nil)
		if err != nil {
			t.Fatal(err)
		}
		if given != "" {
			req.Header.Set("TrackingID", given)
		}
		got := r.send(req).want(t, http.StatusNotFound).header.Get("TrackingID")
		if (got == given) != echoed || !echoed && !strings.HasPrefix(got, "ROUTER_") {
			t.Errorf("sent %q, got %q", given, got)
		}
	}
}

func TestPathsAndMethods(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	for _, tc := range []struct {
		method, path string
		want         int
	}{
		{"GET", "/nowhere", 404},
		{"GET", availablePath + "/more", 404},
		{"GET", "/telephony/config/locations/", 404},
		{"GET", "/telephony/config/locations/a/b", 404},
		{"GET", r.http.URL + availablePath, 404}, // without /v1
		{"POST", availablePath, 405},
		{"DELETE", numbersPath, 405},
		{"GET", "/access_token", 405},
	} {
		a := r.do(tc.method, tc.path, "", "")
		if a.status != tc.want || a.header.Get("TrackingID") == "" || !json.Valid(a.body) {
			t.Errorf("%s %s: %d %s", tc.method, tc.path, a.status, a.body)
		}
		if tc.want == 405 && a.header.Get("Allow") == "" {
			t.Errorf("%s %s: no Allow", tc.method, tc.path)
		}
	}
}

func TestOrganisationReads(t *testing.T) {
	t.Parallel()
	c := webexsim.Config{Locations: []webexsim.Location{site("Hamburg", "+4940"), site("Hamburg Hafen", "+494199"), {Name: "Archive", NoCalling: true}}}
	r := start(t, c)
	type located struct {
		Items []struct {
			ID, Name, OrgID string
			Address         struct{ Country string }
		}
	}
	if got := decode[located](t, r.get("/locations")).Items; len(got) != 3 || got[0].OrgID != webexsim.OrgID("Contoso") || got[0].Address.Country != "US" {
		t.Errorf("locations %+v", got)
	}
	if got := decode[located](t, r.get("/locations", "name", "hAMburg")).Items; len(got) != 2 {
		t.Errorf("name is not a contains: %+v", got)
	}
	page := r.get("/locations", "max", "2")
	if got := decode[located](t, r.do("GET", nextLink(page), "", "")).Items; len(got) != 1 || got[0].Name != "Archive" {
		t.Errorf("second page %+v", got)
	}
	if got := decode[located](t, r.get("/locations", "id", webexsim.LocationID("Archive"))).Items; len(got) != 1 {
		t.Errorf("by id %+v", got)
	}
	calling := decode[struct {
		CallingLineID struct{ PhoneNumber string }
		RoutingPrefix string
	}](t, r.get("/telephony/config/locations/"+webexsim.LocationID("Hamburg")))
	if calling.CallingLineID.PhoneNumber != r.sim.Locations()[0].Main || calling.RoutingPrefix == "" {
		t.Errorf("calling settings %+v", calling)
	}
	r.get("/telephony/config/locations/"+webexsim.LocationID("Archive")).want(t, http.StatusNotFound)

	licences := decode[struct {
		Items []struct {
			ID, Name                  string
			TotalUnits, ConsumedUnits int
		}
	}](t, r.get("/licenses"))
	if len(licences.Items) != 3 || licences.Items[0].Name != "Webex Calling - Professional" || licences.Items[0].TotalUnits == 0 {
		t.Errorf("licences %+v", licences)
	}
	me := decode[struct{ OrgID string }](t, r.get("/people/me", "orgId", webexsim.OrgID("Example Customer")))
	if me.OrgID != webexsim.OrgID("Contoso") {
		t.Errorf("me.orgId %s: not the token's own", me.OrgID)
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	_, err := webexsim.New(webexsim.Config{
		Order: "random", Dialect: "x", Links: "y", PageLimit: -1, Max504: -1, MinLatency: time.Second,
		Rate:      webexsim.Rate{PerSecond: -1},
		Tokens:    []webexsim.Token{{RefreshToken: "r"}, {AccessToken: "a", Customers: []string{"none"}}, {AccessToken: "b", OrgID: "none"}},
		Locations: []webexsim.Location{{}, {Name: "A", Numbers: -1}, {Name: "B", Prefix: "49"}, {Name: "C", Prefix: "+49", Numbers: 1000, Digits: 2}, {Name: "D", NoCalling: true, Numbers: 1}, {Name: "E", Prefix: "+49", Main: "x"}, {Name: "F"}, {Name: "F"}},
		Customers: []webexsim.Org{{}},
	})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, part := range []string{
		"Order", "Dialect", "Links", "PageLimit", "Max504", "latenc", "Rate", "AccessToken", "ClientID",
		`customer "none"`, `organisation "none"`, "no Name", "count is negative", "Prefix", "1000 numbers", "without calling", "Main", "its ID is in use", "Org has no Name",
	} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is not reported in:\n%v", part, err)
		}
	}
}
