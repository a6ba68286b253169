package ucwa

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/sipaddr"
)

// Kept is all that is needed to go on with an application in another process:
// no call is made to take it up. It has no secrets and can be kept as JSON; its
// JSON has some 1.2 kB. See [Application.Keep] and [Client.Resume].
type Kept struct {
	User         sipaddr.User      `json:"user"`
	Applications string            `json:"applications"` // where it was created: the pool
	Application  string            `json:"application"`  // where it is
	Me           string            `json:"me"`           // URI of who signed in
	People       map[string]string `json:"people"`       // where contacts and groups are, by rel; nil: not read
	Subscription Subscription      `json:"subscription"`
	Channel      Channel           `json:"channel"`
}

// Keep returns what a later [Client.Resume] needs, with the subscription and the
// place in the event channel that stand now. The application stays; do not
// close it.
func (a *Application) Keep(s Subscription, ch Channel) Kept {
	docs := a.known.Load()
	k := Kept{
		User: a.user, Applications: a.place.String(), Application: a.self.String(),
		Me: docs.me.text("uri"), Subscription: s, Channel: ch,
	}
	if u, err := docs.events(); ch.Next == "" && err == nil {
		k.Channel = Channel{Next: u.String(), Fresh: true} // the beginning, without a call to find it
	}
	if docs.people == nil {
		return k
	}
	k.People = map[string]string{}
	for _, rel := range []string{contactsSubscription, "myContacts", "myGroups", "myGroupMemberships"} {
		if u, err := docs.people.target(rel); err == nil && u != nil {
			k.People[rel] = u.String()
		}
	}
	return k
}

// SignIn is how a user is signed in at the pool of an application, with the
// token: it is a secret, to be encrypted wherever it is kept. It prints as a
// placeholder; its JSON is complete. The zero value is none.
type SignIn struct {
	Host             string   `json:"host"` // of the pool that takes the token
	TokenURL         string   `json:"tokenUrl,omitempty"`
	GrantTypes       []string `json:"grantTypes,omitempty"` // nil: the pool did not say
	AuthorizationURI string   `json:"authorizationUri,omitempty"`
	Token            Token    `json:"token"`
}

// String returns a placeholder: a token is a secret.
func (SignIn) String() string { return "sign-in(redacted)" }

// GoString returns a placeholder.
func (s SignIn) GoString() string { return s.String() }

// LogValue returns a placeholder.
func (s SignIn) LogValue() slog.Value { return slog.StringValue(s.String()) }

// SignIn returns how the user is signed in at the pool of the application now,
// which a call may have renewed; zero when that is not known any more. The
// application outlives its tokens (UCWA 2.0: Me dashboard).
func (a *Application) SignIn() SignIn {
	c := a.client
	ch, ok := c.challenges.peek(authority(a.self))
	if !ok {
		return SignIn{}
	}
	held, ok := c.tokens.peek(tokenKey{a.user, ch.issuer(a.self)})
	if !ok {
		return SignIn{}
	}
	s := SignIn{Host: authority(a.self), GrantTypes: ch.grants, AuthorizationURI: ch.authorizationURI, Token: held.Token}
	if ch.tokenURL != nil {
		s.TokenURL = ch.tokenURL.String()
	}
	return s
}

// Resume takes up an application that was kept, without a call. With the sign-in
// that was kept the next call is one of the application's own; without it, or
// when its token has ended, the user is signed in again.
//
// The application may be gone, as the first call tells. [Client.Open] then makes
// a new one: the subscription and the place in the channel went with the old
// one. The error, with remedy Recreate, means that k is none that was kept.
func (c *Client) Resume(k Kept, s SignIn) (*Application, error) {
	var problems []error
	parse := func(name, href string) *url.URL {
		u, err := url.Parse(href)
		if err == nil {
			u, err = resolve(u, "")
		}
		if err == nil {
			err = c.cfg.checkScheme(u)
		}
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
		return u
	}
	a := &Application{client: c, user: k.User, place: parse("applications", k.Applications), self: parse("application", k.Application)}
	if _, err := sipaddr.Parse(string(k.User)); err != nil {
		problems = append(problems, fmt.Errorf("user %w", err))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, &Error{Operation: "resume", Class: failure.Unavailable, Remedy: Recreate, Err: fmt.Errorf("kept application: %w", err)}
	}
	a.known.Store(&documents{me: k.me(), people: k.people(a.self)})
	if _, known := c.places.peek(a.user); !known {
		c.places.put(a.user, a.place)
	}
	c.restore(a, s)
	return a, nil
}

func (k Kept) me() *resource {
	me := newResource()
	me.props["uri"] = k.Me
	return me
}

// people is nil when the links were not known.
func (k Kept) people(base *url.URL) *resource {
	if k.People == nil {
		return nil
	}
	people := newResource()
	people.base = base
	for rel, href := range k.People {
		people.links[rel] = []link{{href: href}}
	}
	return people
}

// restore remembers a sign-in for the application's pool, unless a newer one is
// known or it is of another.
func (c *Client) restore(a *Application, s SignIn) {
	host := authority(a.self)
	if s.Host != host || !sendable(s.Token.Value) {
		return
	}
	ch, known := c.challenges.peek(host)
	if !known {
		ch = &challenge{grants: s.GrantTypes, authorizationURI: s.AuthorizationURI}
		if s.TokenURL != "" {
			u, err := resolve(a.self, s.TokenURL)
			if err != nil || c.cfg.checkScheme(u) != nil {
				return
			}
			ch.tokenURL = u
		}
		c.challenges.put(host, ch)
	}
	key, held := tokenKey{a.user, ch.issuer(a.self)}, hold(s.Token, time.Now())
	if _, newer := c.tokens.peek(key); !newer && held.usable() {
		c.tokens.put(key, held)
	}
}
