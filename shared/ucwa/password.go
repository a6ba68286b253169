package ucwa

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"dialtone/shared/failure"
	"dialtone/shared/sipaddr"
)

// Credentials sign one user in. They print as a placeholder.
type Credentials struct {
	// Username is a UPN, a SIP address or DOMAIN\user: which of them a
	// directory takes differs from one to the next.
	Username string
	Password string
}

// String returns a placeholder: a password is a secret.
func (Credentials) String() string { return "credentials(redacted)" }

// GoString returns a placeholder.
func (c Credentials) GoString() string { return c.String() }

// LogValue returns a placeholder.
func (c Credentials) LogValue() slog.Value { return slog.StringValue(c.String()) }

// CredentialsFunc looks up the credentials of a user. It is asked for every
// token, so a changed password counts at once. A failure.Error in the chain of
// its error keeps its class; any other error counts as unavailable.
type CredentialsFunc func(ctx context.Context, user sipaddr.User) (Credentials, error)

// refusalPause is how long credentials that were refused are not tried again:
// repeated tries lock the account in the directory.
const refusalPause = 30 * time.Minute

// PasswordGrant is a [TokenSource] that signs in with the user's own password
// (UCWA 2.0: Authentication in UCWA). Make one with [NewPasswordGrant]; safe
// for concurrent use.
//
// It refuses a pool that does not offer the password grant. Credentials that a
// pool refused are not sent again for 30 minutes; other credentials for the
// same user are.
type PasswordGrant struct {
	http    *http.Client
	lookup  CredentialsFunc
	refused *cache[[sha256.Size]byte, refusal]
}

type refusal struct {
	err   *Error
	until time.Time
}

// NewPasswordGrant returns a PasswordGrant that asks lookup for credentials.
// The HTTP client may be nil; give it the one of [Config] to share connections.
func NewPasswordGrant(hc *http.Client, lookup CredentialsFunc) *PasswordGrant {
	return &PasswordGrant{
		http: plainClient(hc), lookup: lookup,
		refused: newCache[[sha256.Size]byte](1024, func(r refusal) bool { return time.Now().Round(0).Before(r.until) }),
	}
}

// Token implements [TokenSource]. Its errors are [*Error]s of operation
// "token"; ErrGrantNotOffered is in the chain where that is the reason.
func (p *PasswordGrant) Token(ctx context.Context, r TokenRequest) (Token, error) {
	if r.URL == "" || r.GrantTypes != nil && !slices.Contains(r.GrantTypes, "password") {
		return Token{}, refused("token", failure.Denied,
			fmt.Errorf("password, offered are %s: %w", strings.Join(r.GrantTypes, " "), ErrGrantNotOffered))
	}
	cred, err := p.lookup(ctx, r.User)
	if err != nil {
		return Token{}, typed("token", fmt.Errorf("look up credentials: %w", err))
	}
	key := fingerprint(r.User, cred)
	if past, ok := p.refused.peek(key); ok {
		return Token{}, past.err
	}
	t, err := p.signIn(ctx, r.URL, cred)
	if e := As(err); e != nil && e.Code == "invalid_grant" {
		p.refused.put(key, refusal{e, time.Now().Add(refusalPause).Round(0)})
	}
	return t, err
}

// fingerprint tells credentials apart without keeping them.
func fingerprint(user sipaddr.User, c Credentials) [sha256.Size]byte {
	return sha256.Sum256([]byte(string(user) + "\x00" + c.Username + "\x00" + c.Password))
}

func (p *PasswordGrant) signIn(ctx context.Context, endpoint string, cred Credentials) (Token, error) {
	form := url.Values{"grant_type": {"password"}, "username": {cred.Username}, "password": {cred.Password}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return Token{}, refused("token", failure.Denied, fmt.Errorf("token endpoint is not usable: %w", ErrUntrusted))
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded;charset=UTF-8")
	req.Header.Set("Accept", "application/json")
	asked := time.Now()
	rep, err := transmit(p.http, req)
	e := describe("token", req, rep)
	switch {
	case err != nil:
		return Token{}, e.lost(settles, rep.sent, err)
	case rep.status < 200 || rep.status > 299:
		return Token{}, e.judgeToken(rep)
	}
	t, err := readToken(rep, asked)
	if err != nil {
		return Token{}, e.unread(settles, err)
	}
	return t, nil
}

// judgeToken completes an Error for a refusal of a token endpoint.
func (e *Error) judgeToken(rep reply) *Error {
	if res, err := decode(rep.contentType(), rep.body); err == nil {
		e.Code, e.Message = maskDigits(res.text("error")), maskDigits(res.text("error_description"))
	} else {
		e.Err = err
	}
	v := classifyToken(rep.status, e.Code)
	e.Class, e.Remedy = v.class, v.remedy
	return e
}

// readToken reads the success of a token endpoint. Life counts from the time
// of asking, which errs on the early side.
func readToken(rep reply, asked time.Time) (Token, error) {
	if rep.bodyErr != nil {
		return Token{}, rep.bodyErr
	}
	res, err := decode(rep.contentType(), rep.body)
	if err != nil {
		return Token{}, err
	}
	t := Token{Value: res.text("access_token")}
	if !sendable(t.Value) {
		return Token{}, errors.New("answer has no usable access_token")
	}
	const longest = 365 * 24 * 60 * 60 // guards the arithmetic, not a policy
	if s, err := strconv.ParseInt(res.text("expires_in"), 10, 64); err == nil && s > 0 {
		t.Expires = asked.Add(time.Duration(min(s, longest)) * time.Second)
	}
	return t, nil
}
