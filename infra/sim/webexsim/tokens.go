package webexsim

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// grant is one consent with what it allows; it never changes.
type grant struct {
	Token
	org       *org
	customers []*org
	scopes    map[string]bool
}

// reaches returns the organisation an id names, or nil when the grant has
// nothing to do with it.
func (g *grant) reaches(orgID string) *org {
	if g.org.ID == orgID {
		return g.org
	}
	for _, o := range g.customers {
		if o.ID == orgID {
			return o
		}
	}
	return nil
}

// sees reports whether a location administrator may see the location; all
// others see every one.
func (g *grant) sees(locationID string) bool {
	return g.Locations == nil || slices.Contains(g.Locations, locationID)
}

// issued is a token of either kind in the hands of a client.
type issued struct {
	grant   *grant
	expires time.Time
}

// tokenStore knows every token ever issued that is not dead.
type tokenStore struct {
	mu      sync.Mutex
	seed    uint64
	serial  int
	keep    bool
	access  map[string]issued
	refresh map[string]issued
	codes   map[string]*grant
	clients map[string]string // client id -> secret
}

// pair is what the token endpoint returns. "Webex: Integrations" names the
// fields; lifetimes are in seconds.
type pair struct {
	AccessToken           string `json:"access_token"`
	ExpiresIn             int    `json:"expires_in"`
	RefreshToken          string `json:"refresh_token"`
	RefreshTokenExpiresIn int    `json:"refresh_token_expires_in"`
	TokenType             string `json:"token_type"`
	Scope                 string `json:"scope,omitempty"`
}

var (
	errClient  = errors.New("unknown client id or wrong client secret")
	errRefresh = errors.New("the refresh token is unknown, expired or revoked")
	errCode    = errors.New("the authorization code is unknown or was used before, or the redirect_uri differs")
)

func newTokenStore(c Config, inv *inventory, now time.Time) (*tokenStore, error) {
	ts := &tokenStore{
		seed: c.Seed, keep: c.KeepRefreshToken,
		access: map[string]issued{}, refresh: map[string]issued{}, codes: map[string]*grant{}, clients: map[string]string{},
	}
	var problems []error
	for _, t := range c.Tokens {
		g, err := newGrant(t, c.OrgID, inv)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		ts.admit(g, now)
	}
	return ts, errors.Join(problems...)
}

func newGrant(t Token, home string, inv *inventory) (*grant, error) {
	t = t.completed(home)
	g := &grant{Token: t, org: inv.org(t.OrgID), scopes: map[string]bool{}}
	if g.org == nil {
		return nil, fmt.Errorf("Token: organisation %q is not configured", t.OrgID)
	}
	for _, s := range t.Scopes {
		g.scopes[s] = true
	}
	if t.Customers == nil && t.OrgID == home {
		g.customers = inv.orgs[1:]
		return g, nil
	}
	for _, id := range t.Customers {
		o := inv.org(id)
		if o == nil {
			return nil, fmt.Errorf("Token: customer %q is not configured", id)
		}
		g.customers = append(g.customers, o)
	}
	return g, nil
}

func (t Token) completed(home string) Token {
	if t.OrgID == "" {
		t.OrgID = home
	}
	if t.Scopes == nil {
		t.Scopes = DefaultScopes()
	}
	if t.Email == "" {
		t.Email = "admin@contoso.test"
	}
	if t.AccessLifetime == 0 {
		t.AccessLifetime = defaultAccessLifetime
	}
	if t.RefreshLifetime == 0 {
		t.RefreshLifetime = defaultRefreshLifetime
	}
	return t
}

func (ts *tokenStore) admit(g *grant, now time.Time) {
	ts.access[g.AccessToken] = issued{g, now.Add(g.AccessLifetime)}
	if g.ClientID != "" {
		ts.clients[g.ClientID] = g.ClientSecret
	}
	if g.RefreshToken != "" {
		ts.refresh[g.RefreshToken] = issued{g, now.Add(g.RefreshLifetime)}
	}
	if g.Code != "" {
		ts.codes[g.Code] = g
	}
}

// holder returns the grant behind an access token, nil when it is not valid.
func (ts *tokenStore) holder(access string, now time.Time) *grant {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	t, ok := ts.access[access]
	if !ok || !now.Before(t.expires) {
		return nil
	}
	return t.grant
}

// renew is the refresh_token grant. The access tokens issued before stay valid
// until they expire by themselves.
func (ts *tokenStore) renew(clientID, secret, refresh string, now time.Time) (pair, error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if !ts.knows(clientID, secret) {
		return pair{}, errClient
	}
	t, ok := ts.refresh[refresh]
	if !ok || !now.Before(t.expires) || t.grant.ClientID != clientID {
		return pair{}, errRefresh
	}
	if ts.keep {
		return ts.issue(t.grant, refresh, now), nil
	}
	delete(ts.refresh, refresh)
	return ts.issue(t.grant, ts.secret("refresh"), now), nil
}

// redeem is the authorization_code grant.
func (ts *tokenStore) redeem(clientID, secret, code, redirectURI string, now time.Time) (pair, error) {
	ts.mu.Lock()
	defer ts.mu.Unlock()
	if !ts.knows(clientID, secret) {
		return pair{}, errClient
	}
	g := ts.codes[code]
	if g == nil || g.ClientID != clientID || g.RedirectURI != redirectURI {
		return pair{}, errCode
	}
	delete(ts.codes, code)
	return ts.issue(g, ts.secret("refresh"), now), nil
}

func (ts *tokenStore) knows(clientID, secret string) bool {
	want, ok := ts.clients[clientID]
	return ok && want == secret
}

// issue records a pair. Its expires_in is one second short of the lifetime, as
// observed now and then, so that a client cannot rely on the round figure.
func (ts *tokenStore) issue(g *grant, refresh string, now time.Time) pair {
	access := ts.secret("access")
	ts.access[access] = issued{g, now.Add(g.AccessLifetime)}
	ts.refresh[refresh] = issued{g, now.Add(g.RefreshLifetime)}
	return pair{
		AccessToken: access, ExpiresIn: max(int(g.AccessLifetime/time.Second)-1, 0),
		RefreshToken: refresh, RefreshTokenExpiresIn: max(int(g.RefreshLifetime/time.Second)-1, 0),
		TokenType: "Bearer", Scope: strings.Join(g.Scopes, " "),
	}
}

func (ts *tokenStore) secret(kind string) string {
	ts.serial++
	sum := sha256.Sum256(fmt.Appendf(nil, "%d/%s/%d", ts.seed, kind, ts.serial))
	return hex.EncodeToString(sum[:])
}

// forget removes one token, or all with an empty name, and says how many.
func forget(tokens map[string]issued, name string) int {
	before := len(tokens)
	if name == "" {
		clear(tokens)
	}
	delete(tokens, name)
	return before - len(tokens)
}

// ExpireAccessToken ends the life of one access token, or of all with an empty
// name, and returns how many it ended. Clients get 401 and can still refresh.
func (s *Server) ExpireAccessToken(name string) int {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	return forget(s.tokens.access, name)
}

// RevokeRefreshToken kills one refresh token, or all with an empty name, and
// returns how many it killed. Access tokens live on until they expire.
func (s *Server) RevokeRefreshToken(name string) int {
	s.tokens.mu.Lock()
	defer s.tokens.mu.Unlock()
	return forget(s.tokens.refresh, name)
}
