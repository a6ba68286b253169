package signin_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"dialtone/shared/failure"
	"dialtone/shared/signin"
	"dialtone/shared/ucwa"
)

// store is a secret store by name; a text that starts with "error:" is an error.
type store map[string]string

func (s store) Secret(_ context.Context, name string) ([]byte, error) {
	text, ok := s[name]
	if !ok {
		return nil, fmt.Errorf("%w: %s", signin.ErrNoSecret, name)
	}
	if what, broken := strings.CutPrefix(text, "error:"); broken {
		return nil, errors.New(what)
	}
	return []byte(text), nil
}

func TestPasswords(t *testing.T) {
	t.Parallel()
	const own, rest = "ucwa/" + ada, "ucwa/default"
	for name, c := range map[string]struct {
		secrets store
		want    ucwa.Credentials
		class   failure.Class // of the failure; "": none, or an error that passes
		words   string        // in the error
	}{
		"own secret":             {store{own: `{"username":"a","password":"p"}`, rest: `{"username":"b","password":"q"}`}, ucwa.Credentials{Username: "a", Password: "p"}, "", ""},
		"default as it is":       {store{rest: `{"username":"svc","password":"q"}`}, ucwa.Credentials{Username: "svc", Password: "q"}, "", ""},
		"default for the user":   {store{rest: `{"username":"{user}","password":"q"}`}, ucwa.Credentials{Username: ada, Password: "q"}, "", ""},
		"default for the domain": {store{rest: `{"username":"CONTOSO\\{localpart}","password":"{user}"}`}, ucwa.Credentials{Username: `CONTOSO\ada`, Password: "{user}"}, "", ""},
		"none":                   {store{}, ucwa.Credentials{}, failure.Unavailable, own},
		"not JSON":               {store{own: `s3cret`, rest: `{"username":"b","password":"q"}`}, ucwa.Credentials{}, failure.Denied, "not a JSON object"},
		"null":                   {store{own: `null`}, ucwa.Credentials{}, failure.Denied, "not a JSON object"},
		"no username":            {store{own: `{"password":"s3cret"}`}, ucwa.Credentials{}, failure.Denied, "not a JSON object"},
		"no password":            {store{own: `{"username":"a"}`}, ucwa.Credentials{}, failure.Denied, "not a JSON object"},
		"store down":             {store{own: `error:no answer`, rest: `{"username":"b","password":"q"}`}, ucwa.Credentials{}, "", "no answer"},
		"store down for default": {store{rest: `error:no answer`}, ucwa.Credentials{}, "", "no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := signin.Passwords{Secrets: c.secrets, Prefix: "ucwa/"}
			got, err := p.Credentials(t.Context(), ada)
			if got != c.want || (err == nil) != (c.words == "") {
				t.Fatalf("got %q %q, %v", got.Username, got.Password, err)
			}
			if err == nil {
				return
			}
			text, class := err.Error(), failure.Class("")
			if f := failure.As(err); f != nil {
				text, class = text+f.Advice, f.Class
			}
			if class != c.class || !strings.Contains(text, c.words) || strings.Contains(text, "s3cret") {
				t.Errorf("class %q: %s", class, text)
			}
			if _, err := p.Fingerprint(t.Context(), ada); err == nil {
				t.Error("a fingerprint of nothing")
			}
		})
	}
}

// A secret that is missing is a fault of the deployment: the message waits, and
// whoever reads the log learns the variable, the names and the mend.
func TestMissingSecretsAreToldByName(t *testing.T) {
	t.Parallel()
	for name, credentials := range map[string]func() error{
		"password": func() error {
			_, err := signin.Passwords{Secrets: store{}, Prefix: "ucwa/"}.Credentials(t.Context(), ada)
			return err
		},
		"oauth": func() error {
			_, err := oauth(t, newVault(nil), newLedger()).Token(t.Context(), ask(""))
			return err
		},
	} {
		err := credentials()
		f := failure.As(err)
		if f == nil || f.Class != failure.Unavailable || !errors.Is(err, signin.ErrNoSecret) {
			t.Errorf("%s: %v, want unavailable for want of a secret", name, err)
			continue
		}
		for _, part := range []string{"ucwa/" + ada, "ucwa/default", "UCWA_SECRET_PREFIX", "reate"} {
			if !strings.Contains(err.Error()+" "+f.Advice, part) {
				t.Errorf("%s: %v: %s: does not say %q", name, err, f.Advice, part)
			}
		}
	}
}

func TestFingerprint(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, text := range []string{
		`{"username":"a","password":"p"}`, `{"username":"a","password":"q"}`, `{"username":"b","password":"p"}`, `{"username":"ap","password":"x"}`,
	} {
		p := signin.Passwords{Secrets: store{"ucwa/default": text}, Prefix: "ucwa/"}
		first, err := p.Fingerprint(t.Context(), ada)
		again, err2 := p.Fingerprint(t.Context(), ada)
		if err != nil || err2 != nil || first != again {
			t.Fatalf("%q, %q, %v, %v", first, again, err, err2)
		}
		if other, same := seen[first]; same {
			t.Errorf("%s and %s have one fingerprint", text, other)
		}
		seen[first] = text
		if len(first) > 4 {
			t.Errorf("a fingerprint of %d digits lets a guessed password be checked", len(first))
		}
	}
}
