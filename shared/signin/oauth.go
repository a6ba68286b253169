package signin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/logattr"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
)

// OAuth is a [ucwa.TokenSource] that renews each user's own consent with the
// refresh-token grant (RFC 6749, section 6), for pools with modern
// authentication. A user's secret <Prefix><user> is a JSON object
//
//	{"refreshToken": "...", "clientId": "...", "clientSecret": "...", "tokenUrl": "https://..."}
//
// where all but refreshToken may be left to <Prefix>default, for all users. Two
// more fields say whom the token is for, {resource} standing for scheme and host
// of the pool: "scope", or else "resource", which is {resource} by default.
//
// A refresh token that the server rotates is saved before the access token is
// used, and only one process at a time renews with one secret. A process that
// dies between the two loses the new refresh token; where the server ends the
// old one at once, the user has to consent again.
//
// Make one with [NewOAuth]; safe for concurrent use.
type OAuth struct {
	cfg  OAuthConfig
	http *http.Client

	mu      sync.Mutex
	unsaved map[string]rotation // by name of the secret
}

// OAuthConfig describes an [OAuth].
type OAuthConfig struct {
	Secrets   Vault          // required
	Prefix    string         // of the names of secrets. Required
	Ledger    *ledger.Ledger // keeps the lock for each secret. Required
	AllowHTTP bool           // accepts http token URLs on any host; without it on loopback addresses only
	HTTP      *http.Client   // nil: a client with http.DefaultTransport. Redirects are not followed
	// Timeout bounds one renewal; its save has a quarter more. 0: 8 s.
	Timeout time.Duration
}

// rotation is a refresh token that could not be saved yet, and the one it
// replaces.
type rotation struct{ old, renewed string }

// consent is what a user's secret says, completed from the default.
type consent struct {
	RefreshToken string `json:"refreshToken"`
	ClientID     string `json:"clientId"`
	ClientSecret string `json:"clientSecret"`
	TokenURL     string `json:"tokenUrl"`
	Scope        string `json:"scope"`
	Resource     string `json:"resource"`

	name string // of the secret that holds the refresh token
}

// NewOAuth returns a source. The error reports every problem.
func NewOAuth(cfg OAuthConfig) (*OAuth, error) {
	var problems []error
	if cfg.Secrets == nil {
		problems = append(problems, errors.New("no Secrets given"))
	}
	if cfg.Prefix == "" {
		problems = append(problems, errors.New("no Prefix given"))
	}
	if cfg.Ledger == nil {
		problems = append(problems, errors.New("no Ledger given"))
	}
	if cfg.Timeout < 0 {
		problems = append(problems, fmt.Errorf("negative Timeout %s, want more, or 0 for %s", cfg.Timeout, defaultTimeout))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("oauth config: %w", err)
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = defaultTimeout
	}
	return &OAuth{cfg: cfg, http: direct(cfg.HTTP), unsaved: make(map[string]rotation)}, nil
}

// Token implements [ucwa.TokenSource]. Its errors are [*failure.Error]s, or have
// one in their chain; what the token server refused is a [*ucwa.Error] with its
// code. A renewal that has begun is finished even if its caller gives up: broken
// off, it could lose a rotated refresh token. So it asks for no longer than until
// ctx's deadline, and is not begun when less than a quarter of the timeout is
// left until then.
func (o *OAuth) Token(ctx context.Context, r ucwa.TokenRequest) (ucwa.Token, error) {
	c, err := o.consent(ctx, r.User)
	if err != nil {
		return ucwa.Token{}, err
	}
	lock, err := o.lock(ctx, c.name)
	if err != nil {
		return ucwa.Token{}, err
	}
	defer func() {
		ctx, cancel := o.closing(ctx)
		defer cancel()
		_ = o.cfg.Ledger.Unlock(ctx, lock) // or it ends by itself
	}()
	limit := o.cfg.Timeout
	if end, limited := ctx.Deadline(); limited {
		limit = min(limit, time.Until(end))
	}
	if limit < o.cfg.Timeout/4 {
		return ucwa.Token{}, waiting("too little time is left to renew the user's sign-in", nil)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
	defer cancel()
	forget(o.cfg.Secrets, time.Now(), c.name)
	if c, err = o.consent(ctx, r.User); err != nil {
		return ucwa.Token{}, err
	}
	return o.renew(ctx, c, r.Resource)
}

// closing is time of its own for what must follow a renewal, however long that
// took.
func (o *OAuth) closing(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), o.cfg.Timeout/4)
}

// Fingerprint stands for the consent of a user without revealing it. It changes
// when the secret does.
func (o *OAuth) Fingerprint(ctx context.Context, user sipaddr.User) (string, error) {
	c, err := o.consent(ctx, user)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{c.RefreshToken, c.ClientID, c.ClientSecret, c.TokenURL, c.Scope, c.Resource}, "\x00")))
	return hex.EncodeToString(sum[:8]), nil
}

// consent reads the user's secret and completes it.
func (o *OAuth) consent(ctx context.Context, user sipaddr.User) (consent, error) {
	var c consent
	found := false
	for _, name := range []string{o.cfg.Prefix + "default", o.cfg.Prefix + string(user)} { // the user's own comes over the default
		raw, err := o.cfg.Secrets.Secret(ctx, name)
		if errors.Is(err, ErrNoSecret) {
			continue
		}
		if err != nil {
			return consent{}, unreadable(err)
		}
		found = true
		given := c.RefreshToken
		if json.Unmarshal(raw, &c) != nil {
			return consent{}, denied("a secret for the user's sign-in is not a JSON object", `Store the secret as {"refreshToken": ..., "clientId": ..., "tokenUrl": ...}, then replay the request.`)
		}
		if c.RefreshToken != given {
			c.name = name
		}
	}
	switch {
	case !found:
		return consent{}, missing(o.cfg.Prefix, user)
	case c.RefreshToken == "":
		return consent{}, denied("there is no secret with this user's refresh token",
			fmt.Sprintf("Have the user consent, store the refresh token in the secret %s%s, then replay the request.", o.cfg.Prefix, user))
	case c.ClientID == "" || !secure(c.TokenURL, o.cfg.AllowHTTP):
		return consent{}, denied("the secret for the user's sign-in lacks clientId, or its tokenUrl is not an https URL",
			fmt.Sprintf("Add clientId and tokenUrl to the user's secret, or to %sdefault for all users, then replay the request.", o.cfg.Prefix))
	}
	return c, nil
}

func denied(reason, advice string) error {
	return &failure.Error{Class: failure.Denied, Reason: reason, Advice: advice}
}

// waiting is what passes by itself.
func waiting(reason string, cause error) error {
	return &failure.Error{
		Class: failure.Unavailable, Reason: reason, Err: cause,
		Advice: "Nothing to do: the request waits on its queue and is tried again.",
	}
}

// lock waits for whoever renews with the same secret, at most half of the time
// that ctx has left: the rest is for the renewal.
func (o *OAuth) lock(ctx context.Context, name string) (*ledger.Lock, error) {
	patience := time.Now().Add(o.cfg.Timeout)
	if end, ok := ctx.Deadline(); ok {
		patience = time.Now().Add(time.Until(end) / 2)
	}
	for {
		lock, err := o.cfg.Ledger.Lock(ctx, "oauth/"+name, time.Now().Add(2*o.cfg.Timeout))
		held, waits := errors.AsType[*ledger.LockedError](err)
		switch {
		case !waits && err != nil:
			return nil, fmt.Errorf("lock the user's refresh token: %w", err)
		case !waits:
			return lock, nil
		case time.Now().After(patience):
			return nil, &failure.Error{
				Class: failure.Unavailable, Reason: "another process signs the user in at the moment", RetryAfter: max(0, time.Until(held.Until)),
				Advice: "Nothing to do: the request waits on its queue and is tried again.", Err: err,
			}
		}
		if err := pause(ctx); err != nil {
			return nil, err
		}
	}
}

// renew makes the request and saves what was rotated.
func (o *OAuth) renew(ctx context.Context, c consent, resource string) (ucwa.Token, error) {
	stored := c.RefreshToken
	if late, ok := o.late(c); ok {
		c.RefreshToken = late
		if err := o.save(ctx, c, rotation{stored, late}); err != nil {
			return ucwa.Token{}, err
		}
		stored = late
	}
	asked := time.Now()
	t, err := o.exchange(ctx, c, resource)
	if err != nil {
		return ucwa.Token{}, err
	}
	if t.RefreshToken != stored {
		if err := o.save(ctx, c, rotation{stored, t.RefreshToken}); err != nil {
			return ucwa.Token{}, err
		}
	}
	return ucwa.Token{Value: t.AccessToken, Expires: life(asked, json.Number(fmt.Sprint(t.ExpiresIn)))}, nil
}

// exchange is the refresh-token grant. The library's own way to it can name
// neither a scope nor a resource, so it goes by way of the library's code
// exchange; the empty code that comes along counts as left out (RFC 6749,
// section 3.2). Client and secret go into the form, in one try: the library's
// guessing would send a refused token twice.
func (o *OAuth) exchange(ctx context.Context, c consent, resource string) (*oauth2.Token, error) {
	conf := oauth2.Config{
		ClientID: c.ClientID, ClientSecret: c.ClientSecret,
		Endpoint: oauth2.Endpoint{TokenURL: c.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
	}
	fill := strings.NewReplacer("{resource}", resource)
	target := oauth2.SetAuthURLParam("resource", fill.Replace(orDefault(c.Resource, "{resource}")))
	if c.Scope != "" {
		target = oauth2.SetAuthURLParam("scope", fill.Replace(c.Scope))
	}
	t, err := conf.Exchange(context.WithValue(ctx, oauth2.HTTPClient, o.http), "",
		oauth2.SetAuthURLParam("grant_type", "refresh_token"), oauth2.SetAuthURLParam("refresh_token", c.RefreshToken), target)
	if err != nil {
		return nil, refused(err)
	}
	return t, nil
}

// refused makes the typed error of a failed exchange. The library's own would
// quote the answer.
func refused(err error) error {
	r := refusal{system: "oauth", err: withoutURL(err)}
	if e, ok := errors.AsType[*oauth2.RetrieveError](err); ok {
		r = refusal{
			system: "oauth", status: e.Response.StatusCode, code: code(e.ErrorCode),
			message: logattr.Clean(e.ErrorDescription), retryAfter: retryAfter(e.Response.Header),
		}
		if r.status < 300 && r.code != "" {
			r.status = http.StatusBadRequest // an error under a false flag
		}
	}
	switch {
	case r.code == "invalid_grant":
		return r.error(words{
			"the user's consent has ended or was withdrawn",
			"Have the user consent again, store the new refresh token in the user's secret, then replay the request.",
		})
	case r.class().Permanent():
		return r.error(words{
			"the token server refuses to renew the user's sign-in",
			"Check clientId, clientSecret, tokenUrl and scope in the secrets against the app's registration, then replay the request.",
		})
	}
	return r.error(words{
		"the token server cannot answer now; nothing was changed",
		"Nothing to do: the request waits on its queue and is tried again.",
	})
}

// late returns a refresh token that was rotated but not saved, if the secret
// still holds the one before it.
func (o *OAuth) late(c consent) (string, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	r, ok := o.unsaved[c.name]
	if ok && r.old != c.RefreshToken {
		delete(o.unsaved, c.name) // the secret has another one by now
		ok = false
	}
	return r.renewed, ok
}

// save puts a rotated refresh token into its secret; until that works it is kept
// for the next try, since it may be the only one that is still good.
func (o *OAuth) save(ctx context.Context, c consent, r rotation) error {
	ctx, cancel := o.closing(ctx)
	defer cancel()
	o.keep(c.name, r)
	if err := o.replace(ctx, c.name, r); err != nil {
		return waiting("the user's renewed sign-in could not be saved", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.unsaved, c.name)
	return nil
}

// keep remembers a rotation under the refresh token that the secret holds.
func (o *OAuth) keep(name string, r rotation) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.unsaved[name] = r
}

// replace changes the refresh token in a secret and nothing else; and not that of
// a new consent, which somebody may have stored meanwhile.
func (o *OAuth) replace(ctx context.Context, name string, r rotation) error {
	forget(o.cfg.Secrets, time.Now(), name)
	raw, err := o.cfg.Secrets.Secret(ctx, name)
	if err != nil {
		return err
	}
	var stored consent
	fields := map[string]json.RawMessage{}
	if json.Unmarshal(raw, &fields) != nil || json.Unmarshal(raw, &stored) != nil {
		return errors.New("the secret is not a JSON object")
	}
	if stored.RefreshToken != r.old {
		return nil
	}
	if fields["refreshToken"], err = json.Marshal(r.renewed); err != nil {
		return err
	}
	data, err := json.Marshal(fields)
	if err != nil {
		return err
	}
	return o.cfg.Secrets.Save(ctx, name, data)
}

func orDefault(s, def string) string {
	if s == "" {
		return def
	}
	return s
}

// pause waits about a quarter of a second.
func pause(ctx context.Context) error {
	const about = 250 * time.Millisecond
	timer := time.NewTimer(about/2 + rand.N(about))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
