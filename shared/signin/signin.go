// Package signin decides how users are signed in to Skype for Business: where
// their credentials come from, and that refused ones are not tried again.
package signin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"dialtone/shared/failure"
	"dialtone/shared/sipaddr"
	"dialtone/shared/ucwa"
)

// Secrets reads secrets by name. It returns an error that matches
// [ErrNoSecret] for a name that does not exist.
type Secrets interface {
	Secret(ctx context.Context, name string) ([]byte, error)
}

// ErrNoSecret reports that there is no secret of that name.
var ErrNoSecret = errors.New("no such secret")

// Passwords finds users' names and passwords in secrets: <Prefix><user> first,
// then <Prefix>default, in whose username {user} and {localpart} stand for the
// user's address and the part before the @. A secret is a JSON object
// {"username": ..., "password": ...}.
type Passwords struct {
	Secrets Secrets
	Prefix  string
}

// Credentials is a [ucwa.CredentialsFunc]. Its error is a [*failure.Error] of class
// unavailable, matching [ErrNoSecret], where there is no secret, and of class
// denied where the one that there is cannot be used.
func (p Passwords) Credentials(ctx context.Context, user sipaddr.User) (ucwa.Credentials, error) {
	var s struct {
		Username string `json:"username"`
		Password string `json:"password"`
	}
	raw, err := p.find(ctx, user)
	if err != nil {
		return ucwa.Credentials{}, err
	}
	if err := json.Unmarshal(raw, &s); err != nil || s.Username == "" || s.Password == "" {
		return ucwa.Credentials{}, &failure.Error{
			Class: failure.Denied, Reason: "the user's secret is not a JSON object with username and password",
			Advice: `Store the secret as {"username": ..., "password": ...}, then replay the request.`,
		}
	}
	name := strings.NewReplacer("{user}", string(user), "{localpart}", user.LocalPart()).Replace(s.Username)
	return ucwa.Credentials{Username: name, Password: s.Password}, nil
}

// Fingerprint stands for the credentials of a user. It changes when they change,
// but for one time in 65,536; being so short, it does not tell whether a guessed
// password is the right one.
func (p Passwords) Fingerprint(ctx context.Context, user sipaddr.User) (string, error) {
	c, err := p.Credentials(ctx, user)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256([]byte(c.Username + "\x00" + c.Password))
	return hex.EncodeToString(sum[:2]), nil
}

func (p Passwords) find(ctx context.Context, user sipaddr.User) ([]byte, error) {
	for _, name := range []string{p.Prefix + string(user), p.Prefix + "default"} {
		raw, err := p.Secrets.Secret(ctx, name)
		if err == nil {
			return raw, nil
		}
		if !errors.Is(err, ErrNoSecret) {
			return nil, unreadable(err)
		}
	}
	return nil, missing(p.Prefix, user)
}

// unreadable says which variable leads to a secret that could not be read.
func unreadable(err error) error {
	return fmt.Errorf("a secret whose name begins with UCWA_SECRET_PREFIX: %w", err)
}

// missing is the failure of a user for whom there is no secret at all. That is a
// fault of the deployment, not of the request, which waits until it is mended.
func missing(prefix string, user sipaddr.User) error {
	return &failure.Error{
		Class: failure.Unavailable, Reason: fmt.Sprintf("there is neither a secret %s%s nor %sdefault", prefix, user, prefix),
		Advice: fmt.Sprintf("Create %s%s, or %sdefault for all users, or set UCWA_SECRET_PREFIX to what the names of the secrets begin with; the request waits on its queue.",
			prefix, user, prefix),
		Err: ErrNoSecret,
	}
}
