package signin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/ledger"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
)

// The ways to sign users in: the values of UCWA_AUTH.
const (
	AuthPassword = "password" // [Passwords], with the password grant of the pool
	AuthBroker   = "broker"   // [Broker]
	AuthOAuth    = "oauth"    // [OAuth]
)

// Settings say how users are signed in. The names in capitals are the variables
// that they come from.
type Settings struct {
	Auth         string // UCWA_AUTH. Empty: AuthPassword
	SecretPrefix string // UCWA_SECRET_PREFIX: of the names of secrets. Required but for AuthBroker
	BrokerURL    string // UCWA_BROKER_URL. Required for AuthBroker
	AllowHTTP    bool   // DIALTONE_ALLOW_HTTP: http to hosts other than this machine

	Secrets Vault          // required but for AuthBroker
	Ledger  *ledger.Ledger // remembers refusals, and locks secrets that rotate. Required
	HTTP    *http.Client   // nil: a client with http.DefaultTransport
	Timeout time.Duration  // of one request for a token; 0: 8 s. AuthPassword leaves it to ucwa.Config.CallTimeout
}

// FromSettings returns the source of tokens that the settings describe: behind a
// [Guard], so that refused credentials rest, and with remembered secrets read
// again when they are refused, so that a corrected one counts at once. It makes
// no call. The error reports every problem.
func FromSettings(s Settings) (ucwa.TokenSource, error) {
	source, err := s.source()
	if s.Ledger == nil && s.Auth != AuthOAuth {
		err = errors.Join(err, errors.New("no Ledger given"))
	}
	if err != nil {
		return nil, fmt.Errorf("sign-in settings: %w", err)
	}
	guard := &Guard{Source: source.tokens, Ledger: s.Ledger, Fingerprint: source.fingerprint}
	if s.Secrets == nil || s.Auth == AuthBroker {
		return guard, nil
	}
	return &corrected{next: guard, fingerprint: source.fingerprint, secrets: s.Secrets, prefix: s.SecretPrefix}, nil
}

// source is a way to sign in, without the guard.
type source struct {
	tokens      ucwa.TokenSource
	fingerprint func(context.Context, sipaddr.User) (string, error)
}

func (s Settings) source() (source, error) {
	switch s.Auth {
	case "", AuthPassword:
		return s.password()
	case AuthBroker:
		b, err := NewBroker(BrokerConfig{URL: s.BrokerURL, AllowHTTP: s.AllowHTTP, HTTP: s.HTTP, Timeout: s.Timeout})
		return source{b, s.brokerPrint}, err
	case AuthOAuth:
		o, err := NewOAuth(OAuthConfig{
			Secrets: s.Secrets, Prefix: s.SecretPrefix, Ledger: s.Ledger, AllowHTTP: s.AllowHTTP, HTTP: s.HTTP, Timeout: s.Timeout,
		})
		if err != nil {
			return source{}, err
		}
		return source{o, o.Fingerprint}, nil
	}
	return source{}, fmt.Errorf("unknown Auth %q, want %s, %s or %s", s.Auth, AuthPassword, AuthBroker, AuthOAuth)
}

func (s Settings) password() (source, error) {
	var problems []error
	if s.Secrets == nil {
		problems = append(problems, errors.New("no Secrets given"))
	}
	if s.SecretPrefix == "" {
		problems = append(problems, errors.New("no SecretPrefix given"))
	}
	p := Passwords{Secrets: s.Secrets, Prefix: s.SecretPrefix}
	return source{ucwa.NewPasswordGrant(s.HTTP, p.Credentials), p.Fingerprint}, errors.Join(problems...)
}

// brokerPrint stands for the credentials that a broker uses, which nobody here
// knows: only another broker makes them others.
func (s Settings) brokerPrint(context.Context, sipaddr.User) (string, error) {
	sum := sha256.Sum256([]byte(s.BrokerURL))
	return hex.EncodeToString(sum[:8]), nil
}

// corrected reads a user's secrets again when a sign-in was denied or there were
// none, and signs in once more if they have changed since they were read.
type corrected struct {
	next        *Guard
	fingerprint func(context.Context, sipaddr.User) (string, error)
	secrets     Secrets
	prefix      string
}

// Token implements [ucwa.TokenSource].
func (c *corrected) Token(ctx context.Context, r ucwa.TokenRequest) (ucwa.Token, error) {
	began := time.Now()
	before, _ := c.fingerprint(ctx, r.User) // "" if there are no credentials
	t, err := c.next.Token(ctx, r)
	if !isDenied(err) && !errors.Is(err, ErrNoSecret) || !forget(c.secrets, began, c.prefix+string(r.User), c.prefix+"default") {
		return t, err
	}
	if after, failed := c.fingerprint(ctx, r.User); failed != nil || after == before {
		return t, err
	}
	return c.next.Token(ctx, r)
}

func isDenied(err error) bool {
	if e := ucwa.As(err); e != nil {
		return e.Class == failure.Denied
	}
	f := failure.As(err)
	return f != nil && f.Class == failure.Denied
}
