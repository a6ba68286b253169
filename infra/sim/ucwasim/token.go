package ucwasim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	tokenPath = "/WebTicket/oauthtoken"

	grantPassword  = "password"
	grantWindows   = "urn:microsoft.rtc:windows"
	grantPassive   = "urn:microsoft.rtc:passive"
	grantAnonymous = "urn:microsoft.rtc:anonmeeting"

	anonymousTicket = time.Hour
)

var allGrants = [...]string{grantWindows, grantAnonymous, grantPassive, grantPassword}

// challenge answers 401 with the two headers of a 2015 pool (UCWA 2.0:
// Authentication in UCWA).
func (c *call) challenge() {
	s := c.server
	if !(s.config.NoApplicationsChallenge && strings.EqualFold(c.r.URL.Path, s.config.Dialect.applications())) {
		c.w.Header().Add("WWW-Authenticate", fmt.Sprintf(
			`Bearer trusted_issuers="00000002-0000-0ff1-ce00-000000000000@%s", client_id="00000004-0000-0ff1-ce00-000000000000"`, s.config.Domain))
		c.w.Header().Add("WWW-Authenticate", fmt.Sprintf(`MsRtcOAuth href=%s,grant_type="%s"`,
			s.config.Dialect.quoted(c.base+tokenPath), strings.Join(s.config.Grants, ",")))
	}
	writeHTML(c.w, http.StatusUnauthorized, "You do not have permission to view this directory or page using the credentials that you supplied.")
}

// postToken issues a web ticket of the pool that was asked.
func postToken(c *call) {
	in, ok := c.tokenForm()
	if !ok {
		c.refuseToken("invalid_request")
		return
	}
	grant := in.Get("grant_type")
	switch {
	case grant == "":
		c.refuseToken("invalid_request")
	case !slices.Contains(c.server.config.Grants, grant):
		c.diagnose(28029, "The authentication type is not allowed.")
		c.refuseToken("unsupported_grant_type")
	case in.Has("scope") && in.Get("scope") != "all":
		c.refuseToken("invalid_scope")
	case grant == grantPassword:
		c.passwordGrant(in)
	case grant == grantWindows:
		c.windowsGrant(in)
	case grant == grantAnonymous:
		c.anonymousGrant(in)
	default:
		c.diagnose(28020, "No valid security token.")
		writeToken(c.w, http.StatusBadRequest, map[string]string{
			"error": "invalid_grant", "ms_rtc_passiveauthuri": c.base + "/PassiveAuth/PassiveAuth.aspx",
		})
	}
}

// tokenForm returns the fields if the body is a form in which none occurs twice.
func (c *call) tokenForm() (url.Values, bool) {
	media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" || c.r.ParseForm() != nil {
		return nil, false
	}
	for _, values := range c.r.PostForm {
		if len(values) > 1 {
			return nil, false
		}
	}
	return c.r.PostForm, true
}

func (c *call) passwordGrant(in url.Values) {
	name, password := in.Get("username"), in.Get("password")
	if name == "" || password == "" {
		c.refuseToken("invalid_request")
		return
	}
	upn := c.server.config.RequireDomainUsername && !strings.Contains(name, `\`)
	c.signIn(c.server.address(name), password, upn)
}

// windowsGrant stands in for NTLM and Kerberos: a Negotiate token is taken for
// the base64 of "user:password".
func (c *call) windowsGrant(in url.Values) {
	if in.Has("username") || in.Has("password") {
		c.refuseToken("invalid_request")
		return
	}
	scheme, token, _ := strings.Cut(c.r.Header.Get("Authorization"), " ")
	b, err := base64.StdEncoding.DecodeString(token)
	if !strings.EqualFold(scheme, "Negotiate") || err != nil {
		c.w.Header().Add("WWW-Authenticate", "Negotiate")
		c.w.Header().Add("WWW-Authenticate", "NTLM")
		writeHTML(c.w, http.StatusUnauthorized, "Access is denied due to invalid credentials.")
		return
	}
	name, password, _ := strings.Cut(string(b), ":")
	c.signIn(c.server.address(name), password, false)
}

func (c *call) signIn(address, password string, refused bool) {
	u := c.server.user(address)
	if u == nil || u.anonymous {
		c.refuseToken("invalid_grant")
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.tokens.Requests++
	if refused || !u.checkPassword(password, c.server.config.LockoutThreshold) {
		u.tokens.Refused++
		c.refuseToken("invalid_grant")
		return
	}
	u.tokens.Granted++
	c.grant(ticket{user: address, generation: u.generation}, c.server.config.TokenLifetime)
}

func (c *call) anonymousGrant(in url.Values) {
	renewal := in.Get("ms_rtc_renew") != ""
	if in.Get("ms_rtc_conferenceuri") == "" || in.Get("password") == "" && !renewal {
		c.refuseToken("invalid_request")
		return
	}
	if !strings.Contains(in.Get("ms_rtc_conferenceuri"), ";gruu;opaque=app:conf:focus:id:") {
		c.refuseToken("invalid_grant")
		return
	}
	c.grant(ticket{user: c.server.anonymousAddress()}, anonymousTicket)
}

func (c *call) grant(t ticket, lifetime time.Duration) {
	t.pool, t.expires = c.pool, time.Now().Add(lifetime)
	c.w.Header().Set("Cache-Control", "no-store")
	writeToken(c.w, http.StatusOK, map[string]any{
		"access_token":         c.server.writeTicket(t),
		"token_type":           "Bearer",
		"expires_in":           int(lifetime / time.Second),
		"ms_rtc_identityscope": "local",
	})
}

func (c *call) refuseToken(code string) {
	writeToken(c.w, http.StatusBadRequest, map[string]string{"error": code})
}

func writeToken(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // strings and numbers encode; a lost caller needs no answer
}
