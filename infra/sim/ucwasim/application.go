package ucwasim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// application is one running application of a user (UCWA 2.0: application).
type application struct {
	id                                      string
	culture, endpointID, userAgent, variety string // variety is the input "type"
	instances                               []string
	lastUsed                                time.Time
	available                               bool // makeMeAvailable was called
	lastActivity                            time.Time
	numbers                                 [len(phoneTypes)]string // as at creation: me is not updated later
	channel                                 *channel                // nil: neither asked for nor needed
	subscription                            *subscription
	gone                                    *failure // why it has ended
}

// ended remembers why an application is gone.
type ended struct {
	id  string
	why *failure
}

func evicted() *failure {
	return fail(http.StatusGone, "Gone", "TooManyApplications", "There are too many applications for this user.")
}

func inactive() *failure {
	return fail(http.StatusGone, "Gone", "InactiveApplicationExpired", "The inactive application has expired.")
}

func lost() *failure {
	return fail(http.StatusNotFound, "NotFound", "ApplicationNotFound", "The application does not exist.")
}

// application returns a running application, or why there is none.
func (u *user) application(id string, now time.Time, c *Config) (*application, *failure) {
	u.settle(now, c)
	for _, a := range u.apps {
		if a.id == id {
			return a, nil
		}
	}
	for _, e := range u.ended {
		if e.id == id {
			return nil, e.why
		}
	}
	return nil, lost()
}

func (u *user) end(a *application, why *failure) {
	u.apps = slices.DeleteFunc(u.apps, func(b *application) bool { return b == a })
	u.ended = append(u.ended, ended{a.id, why})
	u.ended = u.ended[max(0, len(u.ended)-keptEnded):]
	u.drop(a)
	a.gone = why
	a.wake()
}

func (u *user) evict(a *application) {
	u.end(a, evicted())
	u.counts.Evicted++
}

// postApplications creates an application or finds the one of the same tuple
// (UCWA 2.0: applications, Multi-Tab Support).
func postApplications(c *call) {
	want, instance := &application{}, ""
	if !c.readForm(func(f *form) {
		want.culture, want.endpointID = f.text("culture", 100, true), f.text("endpointId", 100, true)
		want.userAgent, want.variety = f.text("userAgent", 100, true), f.oneOf("type", "Browser")
		instance = f.text("instanceId", 100, false)
	}) {
		return
	}
	if bad := c.admits(want); bad != nil {
		c.fail(bad)
		return
	}
	c.user.settle(time.Now(), &c.server.config)
	status, bad := c.attach(want, instance)
	if bad != nil {
		c.fail(bad)
		return
	}
	c.answer(status, c.applicationResource(instance))
}

func (c *call) admits(a *application) *failure {
	u := c.user
	if u.home() != c.pool { // assumed: a pool that does not home the user has no other to name
		return fail(http.StatusGone, "Gone", "CannotRedirect", "The user is homed on another pool.")
	}
	if len(u.AllowedUserAgents) > 0 && !slices.Contains(u.AllowedUserAgents, a.userAgent) {
		return fail(http.StatusGone, "Gone", "UserAgentNotAllowed", "The user agent is not allowed.")
	}
	return nil
}

// attach sets c.app to the application of the wanted tuple. A known or absent
// instance of a running application is 200, everything new 201. The same
// endpointId with another tuple is refused, which is assumed from its having to
// be unique.
func (c *call) attach(want *application, instance string) (int, *failure) {
	u := c.user
	i := slices.IndexFunc(u.apps, func(a *application) bool { return strings.EqualFold(a.endpointID, want.endpointID) })
	if i < 0 {
		c.create(want, instance)
		return http.StatusCreated, nil
	}
	a := u.apps[i]
	if a.culture != want.culture || a.userAgent != want.userAgent || a.variety != want.variety {
		return 0, fail(http.StatusConflict, "Conflict", "AlreadyExists", "The endpointId belongs to another application.")
	}
	a.lastUsed, c.app = time.Now(), a
	if instance == "" || slices.Contains(a.instances, instance) {
		return http.StatusOK, nil
	}
	a.instances = append(a.instances, instance)
	return http.StatusCreated, nil
}

func (c *call) create(a *application, instance string) {
	u, s := c.user, c.server
	for len(u.apps) >= s.config.MaxApplicationsPerUser {
		u.evict(u.apps[0])
	}
	a.id = s.config.Dialect.applicationID(s.config.Seed, s.created.Add(1))
	a.lastUsed = time.Now()
	for i := range u.phones {
		a.numbers[i] = u.phones[i].Number
	}
	if instance != "" {
		a.instances = []string{instance}
	}
	u.apps = append(u.apps, a)
	u.counts.Created++
	c.app = a
}

// applicationResource embeds me and people, so that their links need no further
// request.
func (c *call) applicationResource(instance string) *resource {
	a, d := c.app, c.server.config.Dialect
	r := &resource{rel: "application", href: c.href("")}
	r.add("culture", a.culture)
	r.add("userAgent", a.userAgent)
	r.add("endpointId", a.endpointID)
	r.add("instanceId", instance)
	r.add("type", a.variety)
	r.add("id", a.id)
	r.addETag(d, mix(c.server.config.Seed, uint64(len(a.instances))))
	r.addLink("events", c.eventsHref(1)) // assumed also when it is read again later
	r.embedded = []embedded{{rel: "me", resources: []*resource{c.meResource()}}}
	if !c.user.anonymous {
		r.embedded = append(r.embedded, embedded{rel: "people", resources: []*resource{c.peopleResource()}})
	}
	return r
}

// href is a path below the application, relative to the host.
func (c *call) href(path string) string {
	return c.server.config.Dialect.applications() + "/" + c.app.id + path
}

func getApplication(c *call) {
	c.answer(http.StatusOK, c.applicationResource(""))
}

func deleteApplication(c *call) {
	c.user.unsubscribe(c.app, 0)
	c.user.end(c.app, lost())
	c.user.counts.Deleted++
	c.done()
}
