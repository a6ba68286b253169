package ucwa

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"sync/atomic"

	"dialtone/shared/failure"
	"dialtone/shared/sipaddr"
)

// Application is one user's running application and the way to everything that
// is the user's. Its links are good for its own life only. Safe for concurrent
// use.
//
// When the server has ended it, any operation fails with [Recreate]; when it
// was evicted in favour of another application of the user, with [Retry].
type Application struct {
	client *Client
	user   sipaddr.User
	place  *url.URL // where it was created
	self   *url.URL
	known  atomic.Pointer[documents]
	closed atomic.Bool
}

// documents are what an application showed of itself when it was last read.
type documents struct {
	application *resource // nil: one that was kept and not read since
	me          *resource // of a kept one only its uri
	people      *resource // nil: not read yet
}

// create makes the application or takes up the running one: the same user
// agent, culture and endpointId are the same application (UCWA 2.0:
// applications, Multi-Tab Support).
func (c *Client) create(ctx context.Context, user sipaddr.User, place *url.URL) (*Application, error) {
	const operation = "createApplication"
	doc, err := c.call(ctx, user, request{
		operation: operation, method: http.MethodPost, url: place, effect: settles, yields: true,
		input: input{{"culture", c.cfg.Culture}, {"endpointId", c.endpointID(user)}, {"userAgent", c.cfg.UserAgent}},
	})
	if err != nil {
		return nil, err
	}
	a := &Application{client: c, user: user, place: place}
	if a.self, err = follow(operation, doc, "application", "self"); err != nil {
		return nil, err
	}
	return a, a.learn(ctx, doc)
}

// learn takes over what the application shows of itself.
func (a *Application) learn(ctx context.Context, doc *resource) error {
	docs := &documents{application: doc, me: doc.only("me"), people: doc.only("people")}
	if docs.me == nil {
		var err error
		if docs.me, err = a.get(ctx, "me", doc, "application"); err != nil {
			return err
		}
	}
	a.known.Store(docs)
	return nil
}

// Confirm asks the server whether the application is still there and reads its
// links anew (UCWA 2.0: application). It fails with [Recreate] only when it is
// gone.
//
// Operations on contacts and events do this themselves before they fail with
// Recreate: what hangs on an application can be gone by itself and answers just
// the same (UCWA 2.0: presenceSubscription).
func (a *Application) Confirm(ctx context.Context) error {
	doc, err := a.call(ctx, request{operation: "application", method: http.MethodGet, url: a.self, yields: true})
	if err != nil {
		return err
	}
	return a.learn(ctx, doc)
}

// whole returns the documents of the application. A kept one is read first.
func (a *Application) whole(ctx context.Context) (*documents, error) {
	if docs := a.known.Load(); docs.application != nil {
		return docs, nil
	}
	if err := a.Confirm(ctx); err != nil {
		return nil, err
	}
	return a.known.Load(), nil
}

// Me is the signed-in user, as of the creation of the application: the server
// does not update it (UCWA 2.0: me). Absent values are empty.
type Me struct {
	URI            string // sip:user@domain
	Name           string
	Company        string
	Department     string
	Title          string
	OfficeLocation string
	EmailAddresses []string
}

// Me returns the signed-in user without a call. Read phone numbers from
// [Application.Phones]. Of an application that [Client.Resume] took up only the
// URI is known before [Application.Confirm].
func (a *Application) Me() Me { return meOf(a.known.Load().me) }

func meOf(doc *resource) Me {
	return Me{
		URI: doc.text("uri"), Name: doc.text("name"), Company: doc.text("company"),
		Department: doc.text("department"), Title: doc.text("title"),
		OfficeLocation: doc.text("officeLocation"), EmailAddresses: doc.list("emailAddresses"),
	}
}

// CheckUser returns a denied [*Error] with [ErrWrongUser] unless the server
// says that the one who signed in is the user that the application was opened
// for. Credentials of a shared account would otherwise edit the wrong person.
func (a *Application) CheckUser() error {
	if me, err := sipaddr.Parse(a.known.Load().me.text("uri")); err == nil && me == a.user {
		return nil
	}
	return refused("me", failure.Denied, fmt.Errorf("wanted %s: %w", a.user, ErrWrongUser))
}

// Close ends the application on the server (UCWA 2.0: application). An
// application that is already gone counts as closed, and so does one that was
// closed before. Give it a context that is still alive.
func (a *Application) Close(ctx context.Context) error {
	if a.closed.Load() {
		return nil
	}
	_, err := a.call(ctx, request{operation: "deleteApplication", method: http.MethodDelete, url: a.self, effect: settles})
	if err != nil && !gone(err) {
		return err
	}
	a.closed.Store(true)
	return nil
}

// gone reports whether UCWA itself says that a resource is no more.
func gone(err error) bool {
	e := As(err)
	return e != nil && (e.Status == http.StatusNotFound || e.Status == http.StatusGone) && e.Remedy != Rediscover
}

// call makes a call as the user and drops what has turned out stale.
func (a *Application) call(ctx context.Context, r request) (*resource, error) {
	res, err := a.client.call(ctx, a.user, r)
	a.client.forgetIfStale(ctx, a.user, a.place, err)
	return res, err
}

// callBelow is call for what hangs on the application: only one that the server
// confirms to be gone is to be created anew.
func (a *Application) callBelow(ctx context.Context, r request) (*resource, error) {
	res, err := a.call(ctx, r)
	e := As(err)
	if e == nil || e.Subcode != ApplicationNotFound {
		return res, err
	}
	switch there := a.Confirm(ctx); {
	case there == nil:
		return nil, e.as(e.Class, Refresh)
	case As(there) == nil || As(there).Remedy != Recreate:
		return nil, there // nobody knows
	}
	return nil, e
}

// getMine reads the resource that rel of the signed-in user leads to.
func (a *Application) getMine(ctx context.Context, rel string) (*resource, error) {
	docs, err := a.whole(ctx)
	if err != nil {
		return nil, err
	}
	return a.get(ctx, rel, docs.me, "me")
}

// get reads the resource that rel of doc, called name in errors, leads to; rel
// is also the name of the operation.
func (a *Application) get(ctx context.Context, rel string, doc *resource, name string) (*resource, error) {
	u, err := follow(rel, doc, name, rel)
	if err != nil {
		return nil, err
	}
	return a.call(ctx, request{operation: rel, method: http.MethodGet, url: u, yields: true})
}

// follow returns where rel of doc, called name in errors, leads; a missing link
// is a denied *Error.
func follow(operation string, doc *resource, name, rel string) (*url.URL, error) {
	u, err := doc.target(rel)
	switch {
	case err != nil:
		return nil, refused(operation, failure.Denied, err)
	case u == nil:
		return nil, missing(operation, name, rel)
	}
	return u, nil
}

// part is the document behind a typed view and what errors call it. Without a
// document it offers nothing.
type part struct {
	name string
	doc  *resource
}

func (p part) offers(rel string) bool { return p.doc != nil && len(p.doc.links[rel]) > 0 }

func (p part) follow(operation, rel string) (*url.URL, error) {
	if p.doc == nil {
		return nil, missing(operation, orDefault(p.name, "a resource that was not read"), rel)
	}
	return follow(operation, p.doc, p.name, rel)
}

// post does what a link of a part offers; it may change the user, so it is
// sent at most once. The link's rel is also the name of the operation.
func (a *Application) post(ctx context.Context, p part, rel string, in input) error {
	u, err := p.follow(rel, rel)
	if err != nil {
		return err
	}
	_, err = a.call(ctx, request{operation: rel, method: http.MethodPost, url: u, input: in, effect: changes})
	return err
}
