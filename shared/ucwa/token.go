package ucwa

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/sipaddr"
)

// TokenRequest asks one pool's token endpoint for one user's token.
type TokenRequest struct {
	User sipaddr.User
	// URL is the token endpoint, the href of the MsRtcOAuth challenge; empty
	// when the pool takes modern authentication only. The client has checked
	// that it is https, or plain http that the configuration accepts.
	URL string
	// GrantTypes are the grants that the pool offers, in its own order; nil
	// when it did not say.
	GrantTypes []string
	// AuthorizationURI is where modern authentication starts; empty when the
	// pool does not offer it.
	AuthorizationURI string
	// Resource is the scheme and host that the token is for.
	Resource string
}

// Token is proof of one user's sign-in at one pool. It prints as a placeholder.
type Token struct {
	Value   string    `json:"value"`            // opaque; with its "cwt=" prefix, where it has one
	Expires time.Time `json:"expires,omitzero"` // zero: not known, used until the server refuses it
}

// String returns a placeholder: a token is a secret.
func (t Token) String() string { return "token(redacted)" }

// GoString returns a placeholder.
func (t Token) GoString() string { return t.String() }

// LogValue returns a placeholder.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }

// TokenSource signs users in. It is asked once for each user and token
// endpoint and again when the token nears its end or is refused; it need not
// keep tokens. It must be safe for concurrent use.
//
// An [*Error] or a failure.Error in the chain of its error keeps its class;
// any other error counts as unavailable.
type TokenSource interface {
	Token(ctx context.Context, r TokenRequest) (Token, error)
}

// heldToken is a token with the time from which it is no longer used. Both are
// wall-clock times: a frozen machine must notice that its tokens have aged.
type heldToken struct {
	Token
	renewAt time.Time // zero: when the server refuses it
}

// renewMargin is how long before its end a token is renewed, at most; of a
// short life it is a tenth.
const renewMargin = 2 * time.Minute

func hold(t Token, now time.Time) heldToken {
	if t.Expires.IsZero() {
		return heldToken{Token: t}
	}
	margin := max(0, min(renewMargin, t.Expires.Sub(now)/10))
	return heldToken{t, t.Expires.Add(-margin).Round(0)}
}

func (h heldToken) usable() bool {
	return h.renewAt.IsZero() || time.Now().Round(0).Before(h.renewAt)
}

// tokenKey: a token serves one user at the pool of one token endpoint.
type tokenKey struct {
	user   sipaddr.User
	issuer string
}

// issuer names the pool of a challenge that answered for target.
func (ch *challenge) issuer(target *url.URL) string {
	if ch.tokenURL != nil {
		return authority(ch.tokenURL)
	}
	return authority(target)
}

// call makes a call with the user's token for the pool of its URL, and once
// more with a new one when the server refuses that.
func (c *Client) call(ctx context.Context, user sipaddr.User, r request) (*resource, error) {
	tok, err := c.token(ctx, user, r.url)
	if err != nil {
		return nil, err
	}
	r.token = tok.Value
	res, err := c.exchange(ctx, r)
	e := As(err)
	if e == nil || e.Remedy != Reauthenticate {
		return res, err
	}
	if tok, err = c.renew(ctx, user, r.url, tok, e); err != nil {
		return nil, err
	}
	r.token = tok.Value
	return c.exchange(ctx, r)
}

// token returns the user's token for the pool that serves target.
func (c *Client) token(ctx context.Context, user sipaddr.User, target *url.URL) (heldToken, error) {
	ch, _, err := c.challenges.get(ctx, authority(target), func() (*challenge, error) {
		return c.askChallenge(ctx, user, target)
	})
	if err != nil {
		return heldToken{}, typed("challenge", err)
	}
	tok, _, err := c.tokens.get(ctx, tokenKey{user, ch.issuer(target)}, func() (heldToken, error) {
		return c.obtain(ctx, user, ch, target)
	})
	return tok, typed("token", err)
}

// renew replaces a refused token. The pool is asked anew how to sign in: the
// token may have been good, but of another pool.
func (c *Client) renew(ctx context.Context, user sipaddr.User, target *url.URL, old heldToken, e *Error) (heldToken, error) {
	ch := readChallenge(target, e.header)
	if ch == nil {
		var err error
		if ch, err = c.askChallenge(ctx, user, target); err != nil {
			return heldToken{}, err
		}
	}
	c.challenges.put(authority(target), ch)
	c.tokens.drop(tokenKey{user, ch.issuer(target)}, func(t heldToken) bool { return t.Value == old.Value })
	return c.token(ctx, user, target)
}

// askChallenge finds out how the pool behind target signs users in: by a call
// without a token, there or else at the pool's user resource. A pool that tells
// neither way has its token endpoint where every documented one has it (what
// deployed clients fall back to; UCWA 2.0 does not mention the case).
func (c *Client) askChallenge(ctx context.Context, user sipaddr.User, target *url.URL) (*challenge, error) {
	probes := []*url.URL{target}
	if u, ok := c.roots.peek(user.Domain()); ok {
		there := *u
		there.Scheme, there.Host = target.Scheme, target.Host
		if there.String() != target.String() {
			probes = append(probes, &there)
		}
	}
	for _, u := range probes {
		_, err := c.exchange(ctx, request{operation: "challenge", method: http.MethodGet, url: u})
		e := As(err)
		if e == nil {
			continue // open to everybody: nothing to learn here
		}
		if ch := readChallenge(u, e.header); ch != nil {
			return ch, nil
		}
		if e.Status != http.StatusUnauthorized && e.Status != http.StatusMethodNotAllowed {
			return nil, e
		}
	}
	return &challenge{tokenURL: target.ResolveReference(&url.URL{Path: "/WebTicket/oauthtoken"})}, nil
}

// obtain asks the token source, within the call timeout.
func (c *Client) obtain(ctx context.Context, user sipaddr.User, ch *challenge, target *url.URL) (heldToken, error) {
	r := TokenRequest{
		User: user, GrantTypes: ch.grants, AuthorizationURI: ch.authorizationURI,
		Resource: target.Scheme + "://" + target.Host,
	}
	if ch.tokenURL != nil {
		if err := c.cfg.checkScheme(ch.tokenURL); err != nil {
			return heldToken{}, refused("token", failure.Denied, fmt.Errorf("token endpoint %w", err))
		}
		r.URL = ch.tokenURL.String()
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.CallTimeout)
	defer cancel()
	t, err := c.cfg.Tokens.Token(ctx, r)
	if err != nil {
		return heldToken{}, typed("token", err)
	}
	if !sendable(t.Value) {
		return heldToken{}, typed("token", errors.New("token source returned no usable token"))
	}
	return hold(t, time.Now()), nil
}

// sendable reports whether a token can stand in a header.
func sendable(token string) bool {
	return token != "" && !strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' })
}

// typed makes an *Error of one that is none yet: from a token source, or from
// a context that ended while another caller's load was awaited.
func typed(operation string, err error) error {
	if err == nil || As(err) != nil {
		return err
	}
	e := &Error{Operation: operation, Class: failure.Unavailable, Remedy: Retry, Err: err}
	if f := failure.As(err); f != nil {
		e.Class, e.RetryAfter = f.Class, f.RetryAfter
		if f.Class.Permanent() {
			e.Remedy = None
		}
	}
	return e
}
