package ucwa

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"

	"dialtone/shared/sipaddr"
)

// Sizes of the caches: least recently used entries go first. A token has some
// 3 kB, so the largest cache holds some 25 MB.
const (
	maxUsers   = 8192
	maxDomains = 256
	maxHosts   = 256
)

// Client opens UCWA applications. Make one with [New] and use it for all users:
// it keeps what they share. Safe for concurrent use; it starts no goroutines.
type Client struct {
	cfg        Config
	roots      *cache[string, *url.URL]       // domain -> user link
	challenges *cache[string, *challenge]     // host -> how to sign in there
	tokens     *cache[tokenKey, heldToken]    // user and pool -> token
	places     *cache[sipaddr.User, *url.URL] // user -> applications link
}

// New returns a client. It makes no call; its error lists every problem of the
// configuration.
func New(cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	if err := cfg.validate(); err != nil {
		return nil, fmt.Errorf("ucwa configuration: %w", err)
	}
	return &Client{
		cfg:        cfg,
		roots:      newCache[string, *url.URL](maxDomains, nil),
		challenges: newCache[string, *challenge](maxHosts, nil),
		tokens:     newCache[tokenKey](maxUsers, heldToken.usable),
		places:     newCache[sipaddr.User, *url.URL](maxUsers, nil),
	}, nil
}

// Open discovers where the user is homed, signs the user in and creates the
// user's application, or takes up the one that this service left running.
// One process at a time should hold a user's application.
//
// When a remembered location turns out stale it is looked up again, once.
// Check [Application.CheckUser] before anything is changed, and close the
// application after use: a user may have few at a time, and the server makes
// room by ending another one, perhaps on the user's phone.
func (c *Client) Open(ctx context.Context, user sipaddr.User) (*Application, error) {
	for again := false; ; again = true {
		place, kept, err := c.place(ctx, user)
		if err != nil {
			return nil, err
		}
		app, err := c.create(ctx, user, place)
		if stale := c.forgetIfStale(ctx, user, place, err); !stale || !kept || again {
			return app, err
		}
	}
}

// Next returns where Open would make its first call for a user now: at the user's
// pool if that is known, or else at any one of the addresses that tell.
func (c *Client) Next(user sipaddr.User) []*url.URL {
	if place, ok := c.places.peek(user); ok {
		return []*url.URL{place}
	}
	if root, ok := c.roots.peek(user.Domain()); ok {
		return []*url.URL{root}
	}
	return c.candidates(user.Domain())
}

// forgetIfStale drops the user's location when err is a reason to, and reports
// whether it did.
func (c *Client) forgetIfStale(ctx context.Context, user sipaddr.User, place *url.URL, err error) bool {
	e := As(err)
	if e == nil || !e.stale() || ctx.Err() != nil {
		return false
	}
	c.places.drop(user, func(u *url.URL) bool { return u == place })
	return true
}

// endpointID names this service's endpoint of a user, the same in every process
// and at every time, so that a new start takes up the application that a crash
// left instead of adding one (UCWA 2.0: Multi-Tab Support).
func (c *Client) endpointID(user sipaddr.User) string {
	sum := sha256.Sum256([]byte(c.cfg.Service + "\x00" + string(user)))
	return hex.EncodeToString(sum[:16])
}
