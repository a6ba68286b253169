package ucwasim

import (
	"net/http"
	"time"
)

// meResource is the user as at the creation of the application. Before
// makeMeAvailable it offers that link, afterwards reportMyActivity (UCWA 2.0: Me
// dashboard, as captured).
func (c *call) meResource() *resource {
	u := c.user
	r := &resource{rel: "me", href: c.href("/me")}
	r.add("name", u.Name)
	r.add("uri", "sip:"+u.URI)
	if u.anonymous {
		return r
	}
	r.add("emailAddresses", u.EmailAddresses)
	r.add("title", u.Title)
	r.add("department", u.Department)
	r.add("company", u.Company)
	r.add("officeLocation", u.OfficeLocation)
	for i, t := range phoneTypes {
		r.add(t+"PhoneNumber", c.app.numbers[i])
	}
	if c.app.available {
		r.addLink("reportMyActivity", c.href("/me/reportMyActivity"))
	} else {
		r.addLink("makeMeAvailable", c.href("/me/makeMeAvailable"))
	}
	if !u.NoPhonesLink {
		r.addLink("phones", c.href("/me/phones"))
	}
	if !u.NoForwardingLink {
		r.addLink("callForwardingSettings", c.href(forwardingPath))
	}
	return r
}

func getMe(c *call) { c.answer(http.StatusOK, c.meResource()) }

func (c *call) refuseAnonymous() bool {
	if c.user.anonymous {
		c.fail(fail(http.StatusForbidden, "Forbidden", "AnonymousNotAllowed", "An anonymous user cannot do this."))
	}
	return c.user.anonymous
}

// postMakeMeAvailable starts presence and with it the activity timer (UCWA 2.0:
// makeMeAvailable).
func postMakeMeAvailable(c *call) {
	if c.refuseAnonymous() {
		return
	}
	if !c.readForm(func(f *form) {
		f.oneOf("signInAs", "Online", "Busy", "DoNotDisturb", "BeRightBack", "Away", "Offwork")
		f.oneOf("audioPreference", "PhoneAudio", "VoipAudio")
		f.list("supportedMessageFormats", "Plain", "Html")
	}) {
		return
	}
	if c.app.available {
		c.fail(fail(http.StatusConflict, "Conflict", "AlreadyExists", "The user is available already."))
		return
	}
	c.app.available, c.app.lastActivity = true, time.Now()
	c.app.wake()
	c.done()
}

func postReportMyActivity(c *call) {
	if c.refuseAnonymous() {
		return
	}
	if !c.app.available {
		c.fail(fail(http.StatusConflict, "Conflict", "MakeMeAvailableRequired", "makeMeAvailable must be called first."))
		return
	}
	c.app.lastActivity = time.Now()
	c.done()
}
