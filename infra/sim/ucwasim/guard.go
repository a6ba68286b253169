package ucwasim

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// ucwaVersion is the build of Skype for Business Server 2015 in X-MS-UcwaVersion.
const ucwaVersion = "6.0.9319.0"

// open lets everybody in.
func open(*call) bool { return true }

// ticketed lets callers in with a web ticket of this pool, and locks their user.
func ticketed(c *call) bool {
	if origin := c.foreignOrigin(); origin {
		c.diagnose(28070, "Service does not allow a cross domain request from this origin.")
		writeHTML(c.w, http.StatusForbidden, "You do not have permission to view this resource.")
		return false
	}
	t, ok := c.server.readTicket(c.r)
	if !ok || !t.expires.After(time.Now()) {
		c.challenge()
		return false
	}
	if t.pool != c.pool {
		c.diagnose(28032, "The web ticket is invalid.")
		writeHTML(c.w, http.StatusInternalServerError, "The page cannot be displayed because an internal server error has occurred.")
		return false
	}
	u := c.server.user(t.user)
	if u == nil {
		c.challenge()
		return false
	}
	u.mu.Lock()
	c.user = u
	u.calls++
	if t.generation != u.generation {
		c.challenge()
		return false
	}
	return true
}

// foreignOrigin reports a header that marks a browser page which is not on the
// list of allowed origins (UCWA 2.0: Configuring a topology).
func (c *call) foreignOrigin() bool {
	for _, name := range []string{"Origin", "X-Ms-Origin", "Referer", "X-Requested-With"} {
		if v := c.r.Header.Get(name); v != "" && !slices.Contains(c.server.config.AllowedOrigins, v) {
			return true
		}
	}
	return false
}

// signedIn is ticketed plus what all of UCWA checks.
func signedIn(c *call) bool {
	c.w.Header().Set("X-MS-Server-Fqdn", c.fqdn())
	c.w.Header().Set("X-MS-UcwaVersion", ucwaVersion)
	if !ticketed(c) {
		return false
	}
	if _, ok := negotiate(c.r.Header.Get("Accept")); !ok {
		c.fail(fail(http.StatusNotAcceptable, "NotAcceptable", "", "No acceptable media type is available."))
		return false
	}
	return c.hasVersion()
}

// hasVersion answers X-MS-RequiresMinResourceVersion (UCWA 2.0: Versioning).
func (c *call) hasVersion() bool {
	v := c.r.Header.Get("X-MS-RequiresMinResourceVersion")
	if v == "" {
		return true
	}
	n, err := strconv.ParseFloat(v, 64)
	switch {
	case err != nil:
		c.fail(fail(http.StatusBadRequest, "BadRequest", "", "The resource version is not a number."))
	case n > c.server.config.MaxResourceVersion:
		c.fail(fail(http.StatusNotFound, "NotFound", "APIVersionNotSupported", "The resource version is not supported."))
	default:
		return true
	}
	return false
}

// inApplication is signedIn plus a running application of the user, which the
// request keeps alive.
func inApplication(c *call) bool {
	if !signedIn(c) {
		return false
	}
	app, gone := c.user.application(c.args["app"], time.Now(), &c.server.config)
	if gone != nil {
		c.fail(gone)
		return false
	}
	app.lastUsed = time.Now()
	c.app = app
	return true
}

// withVoice is inApplication for users who may have phones (UCWA 2.0: phones).
func withVoice(c *call) bool {
	switch {
	case !inApplication(c):
		return false
	case c.user.anonymous:
		c.fail(fail(http.StatusForbidden, "Forbidden", "AnonymousNotAllowed", "An anonymous user has no phones."))
		return false
	case c.user.NoEnterpriseVoice:
		c.fail(fail(http.StatusForbidden, "Forbidden", "None", "The user is not enabled for enterprise voice."))
		return false
	}
	return true
}
