package ucwasim

import (
	"net/http"
	"net/url"
	"strings"
)

const xframePath = "/Autodiscover/XFrame/XFrame.html"

// getFirstRoot answers the address that discovery starts from (UCWA 2.0: Root URL).
func getFirstRoot(c *call) {
	target := c.server.config.RootRedirect
	if target == "" {
		getRoot(c)
		return
	}
	if strings.HasPrefix(target, "/") {
		target = c.base + target
	}
	c.discover(&resource{rel: "root", href: c.base + c.r.URL.RequestURI(), links: []link{{"redirect", target}}})
}

func getRoot(c *call) {
	query := "?originalDomain=" + url.QueryEscape(c.server.config.Domain)
	c.discover(&resource{
		rel: "root", href: c.base + autodiscover + query,
		links: []link{{"user", c.base + autodiscover + "/oauth/user" + query}, {"xframe", c.base + xframePath}},
	})
}

// getUser leads to the applications of the user's home pool (UCWA 2.0: user).
func getUser(c *call) {
	r := &resource{rel: "user", href: c.base + autodiscover + "/user"}
	home := c.server.poolURL(c.user.home(), c.r)
	if c.user.home() != c.pool && c.server.config.SplitByRedirect {
		r.addLink("redirect", home+autodiscover)
		c.discover(r)
		return
	}
	r.addLink("applications", home+c.server.config.Dialect.applications())
	r.addLink("xframe", c.base+xframePath)
	c.discover(r)
}

// discover answers a discovery document, which in captured JSON has only links.
func (c *call) discover(r *resource) {
	r.bare = c.server.config.Dialect == Captured
	c.w.Header().Set("Cache-Control", "no-cache")
	c.answer(http.StatusOK, r)
}

func getXFrame(c *call) {
	writeHTML(c.w, http.StatusOK, "This page serves browsers only.")
}
