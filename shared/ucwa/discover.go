package ucwa

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"dialtone/shared/failure"
	"dialtone/shared/sipaddr"
)

// maxHops bounds the documents read in one discovery. Two are usual, five are
// what a split domain with a redirected user takes.
const maxHops = 8

// place returns where the user's applications are created, and whether that
// was remembered.
func (c *Client) place(ctx context.Context, user sipaddr.User) (u *url.URL, kept bool, err error) {
	u, kept, err = c.places.get(ctx, user, func() (*url.URL, error) { return c.locate(ctx, user) })
	return u, kept, typed("discover", err)
}

// locate finds the applications link of the user, from a remembered user link
// if there is one, and anew when that has become stale.
func (c *Client) locate(ctx context.Context, user sipaddr.User) (*url.URL, error) {
	for again := false; ; again = true {
		start, kept, err := c.roots.get(ctx, user.Domain(), func() (*url.URL, error) { return c.findUser(ctx, user) })
		if err != nil {
			return nil, typed("discover", err)
		}
		w := c.newWalk(user)
		apps, err := w.applications(ctx, start)
		if e := As(err); e == nil || !e.stale() || ctx.Err() != nil {
			return apps, err
		}
		c.roots.drop(user.Domain(), func(u *url.URL) bool { return u == start })
		if !kept || again {
			return nil, err
		}
	}
}

// findUser tries the Autodiscover addresses of the user's domain in turn and
// returns the user link of the first that answers (UCWA 2.0: Root URL).
func (c *Client) findUser(ctx context.Context, user sipaddr.User) (*url.URL, error) {
	var failed []error
	candidates := c.candidates(user.Domain())
	for i, root := range candidates {
		w := c.newWalk(user)
		w.once = i < len(candidates)-1
		u, err := w.userLink(ctx, root)
		if err == nil {
			return u, nil
		}
		failed = append(failed, err)
		if ctx.Err() != nil {
			break
		}
	}
	return nil, joinAttempts(failed)
}

// candidates are the Autodiscover addresses, internal before external. Plain
// http is published for certificates that lack the lyncdiscover name.
func (c *Client) candidates(domain string) []*url.URL {
	if c.cfg.DiscoveryURL != "" {
		if u, err := url.Parse(c.cfg.DiscoveryURL); err == nil {
			return []*url.URL{u}
		}
	}
	schemes := []string{"https"}
	if c.cfg.AllowHTTP {
		schemes = append(schemes, "http")
	}
	var all []*url.URL
	for _, scheme := range schemes {
		for _, name := range []string{"lyncdiscoverinternal.", "lyncdiscover."} {
			all = append(all, &url.URL{Scheme: scheme, Host: name + domain, Path: "/"})
		}
	}
	return all
}

// joinAttempts makes one Error of several failed attempts: passing when any of
// them is, with the longest wait that was asked for. An address that is paused
// was not asked: it speaks only where all are, and then the one due first.
func joinAttempts(failed []error) error {
	paused := func(err error) bool { return errors.Is(err, failure.ErrPaused) }
	if asked := slices.DeleteFunc(slices.Clone(failed), paused); len(asked) > 0 {
		failed = asked
	} else {
		return slices.MinFunc(failed, func(a, b error) int { return cmp.Compare(As(a).RetryAfter, As(b).RetryAfter) })
	}
	if len(failed) == 1 {
		return failed[0]
	}
	out := &Error{Operation: "discover", Class: failure.Denied, Err: errors.Join(failed...)}
	for _, err := range failed {
		e := As(err)
		if e != nil && !e.Class.Permanent() {
			out.Class, out.Remedy = failure.Unavailable, Retry
			out.RetryAfter = max(out.RetryAfter, e.RetryAfter)
		}
	}
	return out
}

// walk follows one chain of discovery documents.
type walk struct {
	c       *Client
	user    sipaddr.User
	once    bool            // no repeats: another address can be tried
	visited map[string]bool // by step: a URL, with a token or without
}

func (c *Client) newWalk(user sipaddr.User) *walk {
	return &walk{c: c, user: user, visited: map[string]bool{}}
}

// userLink follows body redirects from a root document to the one that links
// to "user". A redirect target that wants a token is the user resource itself.
func (w *walk) userLink(ctx context.Context, root *url.URL) (*url.URL, error) {
	for u := root; ; {
		doc, err := w.read(ctx, u, "anonymous", w.c.exchange)
		if e := As(err); e != nil && e.Status == http.StatusUnauthorized {
			return u, nil
		}
		if err != nil {
			return nil, err
		}
		next, err := w.redirect(doc)
		if err != nil {
			return nil, err
		}
		if next == nil {
			return w.link(doc, "user")
		}
		u = next
	}
}

// applications reads the user resource with a token and follows it to where
// the user is homed: a redirect leads to another root, and that to a user
// resource which wants its own token (UCWA 2.0: user, redirect).
func (w *walk) applications(ctx context.Context, user *url.URL) (*url.URL, error) {
	authorized := func(ctx context.Context, r request) (*resource, error) { return w.c.call(ctx, w.user, r) }
	for u := user; ; {
		doc, err := w.read(ctx, u, "signed in", authorized)
		if err != nil {
			return nil, err
		}
		next, err := w.redirect(doc)
		if err != nil {
			return nil, err
		}
		if next == nil {
			return w.link(doc, "applications")
		}
		if u, err = w.userLink(ctx, next); err != nil {
			return nil, err
		}
	}
}

func (w *walk) link(doc *resource, rel string) (*url.URL, error) {
	u, err := doc.target(rel)
	switch {
	case err != nil:
		return nil, refused("discover", failure.Denied, err)
	case u == nil:
		return nil, missing("discover", "document at "+doc.base.Host, rel)
	}
	return u, nil
}

// redirect returns where a document sends the client instead; nil when it does
// not. A redirect that did not come over https must stay within the user's
// domain or lead to a trusted one (UCWA 2.0: Root URL).
func (w *walk) redirect(doc *resource) (*url.URL, error) {
	u, err := doc.target("redirect")
	switch {
	case err != nil:
		return nil, refused("discover", failure.Denied, err)
	case u == nil:
		return nil, nil
	case doc.base.Scheme != "https" && !w.trusts(doc.base, u):
		return nil, refused("discover", failure.Denied, fmt.Errorf("redirect from %s to %s: %w", doc.base.Host, u.Host, ErrUntrusted))
	}
	return u, nil
}

// fetch makes one discovery call, with a token or without.
type fetch func(context.Context, request) (*resource, error)

// read gets one document and follows HTTP redirects on the way, which may not
// leave the domain.
func (w *walk) read(ctx context.Context, u *url.URL, leg string, do fetch) (*resource, error) {
	for {
		if err := w.enter(leg + " " + u.String()); err != nil {
			return nil, err
		}
		doc, err := do(ctx, request{operation: "discover", method: http.MethodGet, url: u, yields: true, once: w.once})
		e := As(err)
		if e == nil || e.Status < 300 || e.Status > 399 || e.header.Get("Location") == "" {
			return doc, err
		}
		next, err := resolve(u, e.header.Get("Location"))
		if err != nil || !w.trusts(u, next) {
			return nil, refused("discover", failure.Denied, fmt.Errorf("HTTP redirect from %s to another domain: %w", u.Host, ErrUntrusted))
		}
		u = next
	}
}

// enter refuses a step that was made before, and one too many.
func (w *walk) enter(step string) error {
	if w.visited[step] || len(w.visited) >= maxHops {
		return &Error{
			Operation: "discover", Class: failure.Unavailable, Remedy: Retry,
			Err: errors.New("redirects do not come to an end"),
		}
	}
	w.visited[step] = true
	return nil
}

// trusts reports whether a redirect may lead from one URL to another.
func (w *walk) trusts(from, to *url.URL) bool {
	host := strings.ToLower(to.Hostname())
	if strings.EqualFold(from.Hostname(), host) || below(host, w.user.Domain()) || loopback(from) && loopback(to) {
		return true
	}
	for _, d := range w.c.cfg.TrustedDomains {
		if below(host, strings.Trim(strings.ToLower(d), ". ")) {
			return true
		}
	}
	return false
}

// below reports whether host is domain or in it.
func below(host, domain string) bool {
	return host == domain || strings.HasSuffix(host, "."+domain)
}
