package webexsim_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"

	"dialtone/infra/sim/webexsim"
)

// control is a second listener for the control API of a rig.
func (r *rig) control() *rig {
	r.t.Helper()
	srv := httptest.NewServer(r.sim.Control())
	r.t.Cleanup(srv.Close)
	return &rig{t: r.t, sim: r.sim, http: srv}
}

func TestControlPlaysTheForeignAdministrator(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	c := r.control()
	phone := r.usable(1)[0]
	at := c.http.URL + "/numbers/" + url.PathEscape(phone)

	n := decode[webexsim.Number](t, c.do("POST", at+"/assign", "", `{"firstName":"Ada","lastName":"Lovelace"}`))
	if n.Owner == nil || n.Owner.FirstName != "Ada" || n.Available {
		t.Errorf("assigned: %+v", n)
	}
	c.do("POST", at+"/assign", "", "").want(t, http.StatusConflict)
	n = decode[webexsim.Number](t, c.do("POST", at+"/free", "", ""))
	if !n.Blocked || n.Available {
		t.Errorf("freed: %+v", n)
	}
	if n = decode[webexsim.Number](t, c.do("GET", at, "", "")); n.PhoneNumber != phone || n.LocationID != webexsim.LocationID("Hamburg") {
		t.Errorf("shown: %+v", n)
	}
	c.do("GET", c.http.URL+"/numbers/+490", "", "").want(t, http.StatusNotFound)
	c.do("POST", c.http.URL+"/numbers/+490/free", "", "").want(t, http.StatusNotFound)
	all := decode[[]webexsim.Number](t, c.do("GET", c.http.URL+"/numbers?locationId="+webexsim.LocationID("Hamburg"), "", ""))
	if len(all) != 19 {
		t.Errorf("%d numbers, want 19", len(all))
	}
	decode[map[string]int](t, c.do("POST", c.http.URL+"/take", "", `{"count":1}`))
	if got := r.owners(r.usable(1)); got != 1 {
		t.Errorf("armed taking did not act")
	}
}

func TestControlRefusesWithAMend(t *testing.T) {
	t.Parallel()
	c := start(t, small()).control()
	for path, body := range map[string]string{
		"/take":                `{"count":-1}`,
		"/tokens/expire":       `{"tokens":"x"}`,
		"/tokens/revoke":       `[`,
		"/numbers/+490/assign": `{"name":"x"}`,
		"/faults":              `{"operation":"x","status":500}`,
	} {
		a := c.do("POST", c.http.URL+path, "", body).want(t, http.StatusBadRequest)
		var problems struct {
			Problems []struct{ Problem, Mend string }
		}
		if err := json.Unmarshal(a.body, &problems); err != nil || len(problems.Problems) == 0 || problems.Problems[0].Mend == "" {
			t.Errorf("%s: %s", path, a.body)
		}
	}
}

func TestControlTokens(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	c := r.control()
	d := webexsim.DefaultToken()
	if got := decode[map[string]int](t, c.do("POST", c.http.URL+"/tokens/expire", "", `{"token":"other"}`)); got["expired"] != 0 {
		t.Errorf("expired %v", got)
	}
	decode[map[string]int](t, c.do("POST", c.http.URL+"/tokens/expire", "", `{"token":"`+d.AccessToken+`"}`))
	r.get(availablePath).want(t, http.StatusUnauthorized)
	decode[map[string]int](t, c.do("POST", c.http.URL+"/tokens/revoke", "", `{}`))
	r.refresh(d.RefreshToken).want(t, http.StatusBadRequest)
}

func TestControlState(t *testing.T) {
	t.Parallel()
	r := start(t, small())
	if err := r.sim.Free(r.ownedNumber()); err != nil {
		t.Fatal(err)
	}
	c := r.control()
	state := decode[struct {
		Orgs []struct {
			Name      string
			Locations []struct {
				ID                                 string
				Numbers, Available, Blocked, Owned int
				Kinds                              map[string]int
			}
		}
	}](t, c.do("GET", c.http.URL+"/state", "", ""))
	l := state.Orgs[0].Locations[0]
	if l.Numbers != 19 || l.Available != 15 || l.Blocked != 1 || l.Owned != 3 || l.Kinds["standard"] != 12 || l.Kinds["mobile"] != 3 {
		t.Errorf("state %+v", l)
	}
}

func (r *rig) ownedNumber() string {
	r.t.Helper()
	for _, n := range r.sim.Numbers("") {
		if n.Owner != nil {
			return n.PhoneNumber
		}
	}
	r.t.Fatal("no number is owned")
	return ""
}

// Every curl line of the README does what the README says, in its order, against
// one simulator with the defaults of the command that the README starts.
func TestREADMECommandsWork(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, webexsim.Config{})
	c := r.control()
	vars := strings.NewReplacer("$API", r.http.URL+"/v1", "$CONTROL", c.http.URL, "$TOKEN", r.token,
		"%2B${NUMBER#+}", url.QueryEscape(r.usable(1)[0]), "$NUMBER", r.usable(1)[0],
		"$LOCATION", webexsim.LocationID("Hamburg"), "$ORG", webexsim.OrgID("Example Customer"))
	ran := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "curl ") {
			continue
		}
		command, comment, _ := strings.Cut(line, "  # ")
		req := parseCurl(t, vars.Replace(command))
		want := "200"
		if first, _, _ := strings.Cut(strings.TrimSpace(comment), ":"); len(first) == 3 {
			want = first
		}
		a := r.send(req)
		got := strconv.Itoa(a.status)
		if a.err != nil {
			got = "cut"
		}
		if got != want {
			t.Errorf("%sgot %s, want %s: %s", line, got, want, a.body)
		}
		ran++
	}
	if ran < 20 {
		t.Errorf("only %d curl lines found", ran)
	}
}

// parseCurl understands the options that the README uses.
func parseCurl(t *testing.T, command string) *http.Request {
	t.Helper()
	words := shellWords(command)[1:]
	method, target, body := http.MethodGet, "", []string{}
	header := http.Header{}
	for i := 0; i < len(words); i++ {
		switch w := words[i]; w {
		case "-s", "-i", "-sS":
		case "-X":
			i++
			method = words[i]
		case "-H":
			i++
			name, value, _ := strings.Cut(words[i], ": ")
			header.Add(name, value)
		case "-d":
			i++
			method = http.MethodPost
			body = append(body, words[i])
			if header.Get("Content-Type") == "" {
				header.Set("Content-Type", formType)
			}
		default:
			if strings.HasPrefix(w, "-") || target != "" {
				t.Fatalf("%s: cannot interpret %s", command, w)
			}
			target = w
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), method, target, strings.NewReader(strings.Join(body, "&")))
	if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	req.Header = header
	return req
}

// shellWords splits at blanks outside of quotes.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	quote := rune(0)
	for _, c := range strings.TrimSpace(line) + " " {
		switch {
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '\'' || c == '"'):
			quote = c
		case quote == 0 && c == ' ':
			if word.Len() > 0 {
				words = append(words, word.String())
			}
			word.Reset()
		default:
			word.WriteRune(c)
		}
	}
	return words
}
