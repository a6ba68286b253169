package signin_test

import (
	"strings"
	"testing"

	"dialtone/shared/failure"
	"dialtone/shared/signin"
	"dialtone/shared/ucwa"
)

func TestFromSettingsReportsEverything(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		s    signin.Settings
		want []string
	}{
		{"password by default", signin.Settings{}, []string{"no Secrets given", "no SecretPrefix given", "no Ledger given"}},
		{"password", signin.Settings{Auth: "password", Ledger: newLedger()}, []string{"no Secrets given", "no SecretPrefix given"}},
		{"broker", signin.Settings{Auth: "broker", BrokerURL: "http://broker.contoso.test/"}, []string{"the URL must be https", "no Ledger given"}},
		{"oauth", signin.Settings{Auth: "oauth", Timeout: -1}, []string{"no Secrets given", "no Prefix given", "no Ledger given", "negative Timeout"}},
		{"unknown", signin.Settings{Auth: "kerberos"}, []string{`unknown Auth "kerberos", want password, broker or oauth`, "no Ledger given"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got, err := signin.FromSettings(c.s)
			if err == nil || got != nil {
				t.Fatal("accepted")
			}
			for _, part := range c.want {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%v does not say %q", err, part)
				}
			}
		})
	}
}

// way is one way to sign in, with a server that can be told to refuse.
type way struct {
	server  *endpoint
	tokens  ucwa.TokenSource
	vault   *vault
	ask     ucwa.TokenRequest
	refuse  string // the refusal
	accept  string // the token
	correct func() // what an operator does; nil: nothing can be done here
}

func ways(t *testing.T) map[string]way {
	t.Helper()
	all := map[string]way{}
	for _, auth := range []string{"password", "broker", "oauth"} {
		server := serve(t, reply(500, ""))
		v := consents(server.URL)
		w := way{server: server, vault: v, ask: ask(server.URL), refuse: `{"error":"invalid_grant"}`, accept: `{"access_token":"a","accessToken":"a"}`}
		switch auth {
		case "password":
			v.set("ucwa/"+ada, `{"username":"ada","password":"wrong"}`)
			w.correct = func() { v.set("ucwa/"+ada, `{"username":"ada","password":"right"}`) }
		case "oauth":
			w.correct = func() { v.set("ucwa/"+ada, `{"refreshToken":"anew"}`) }
		}
		var err error
		w.tokens, err = signin.FromSettings(signin.Settings{
			Auth: auth, SecretPrefix: "ucwa/", BrokerURL: server.URL, Secrets: remember(v), Ledger: newLedger(),
		})
		if err != nil {
			t.Fatal(err)
		}
		all[auth] = w
	}
	return all
}

// Refused credentials rest whatever the way, and corrected ones count at once,
// though the old ones are remembered.
func TestRefusedCredentialsRest(t *testing.T) {
	t.Parallel()
	for name, w := range ways(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.server.answers(reply(400, w.refuse))
			for range 3 {
				_, err := w.tokens.Token(t.Context(), w.ask)
				e := ucwa.As(err)
				if f := failure.As(err); (e == nil || e.Class != failure.Denied) && (f == nil || f.Class != failure.Denied) {
					t.Fatalf("refused: %v", err)
				}
			}
			if n := len(w.server.sent()); n != 1 {
				t.Fatalf("refused credentials were sent %d times", n)
			}
			w.server.answers(reply(200, w.accept))
			if w.correct == nil {
				if _, err := w.tokens.Token(t.Context(), w.ask); err == nil || len(w.server.sent()) != 1 {
					t.Errorf("the rest was cut short: %v", err)
				}
				return
			}
			w.correct()
			if got, err := w.tokens.Token(t.Context(), w.ask); err != nil || got.Value != "a" || len(w.server.sent()) != 2 {
				t.Errorf("corrected: %v after %d requests", err, len(w.server.sent()))
			}
		})
	}
}

// A secret that was missing, and remembered as such, counts as soon as it is there.
func TestMissingSecretCountsWhenItComes(t *testing.T) {
	t.Parallel()
	for name, w := range ways(t) {
		if w.correct == nil {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.server.answers(reply(200, w.accept))
			w.vault.mu.Lock()
			delete(w.vault.stored, "ucwa/"+ada)
			w.vault.mu.Unlock()
			if _, err := w.tokens.Token(t.Context(), w.ask); failure.As(err) == nil || len(w.server.sent()) != 0 {
				t.Fatalf("without a secret: %v", err)
			}
			w.correct()
			if got, err := w.tokens.Token(t.Context(), w.ask); err != nil || got.Value != "a" {
				t.Errorf("with one: %v", err)
			}
		})
	}
}

// What passes is not taken for a refusal.
func TestOutageIsNoRefusal(t *testing.T) {
	t.Parallel()
	for name, w := range ways(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.server.answers(reply(503, "", "Retry-After: 1"))
			if _, err := w.tokens.Token(t.Context(), w.ask); err == nil {
				t.Fatal("a token without an answer")
			}
			w.server.answers(reply(200, w.accept))
			if got, err := w.tokens.Token(t.Context(), w.ask); err != nil || got.Value != "a" {
				t.Errorf("after the outage: %v", err)
			}
		})
	}
}

// A refusal that no correction answers keeps what the vendor said.
func TestRefusalKeepsItsReason(t *testing.T) {
	t.Parallel()
	for name, w := range ways(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w.server.answers(reply(200, w.accept))
			if _, err := w.tokens.Token(t.Context(), w.ask); err != nil {
				t.Fatal(err)
			}
			w.server.answers(reply(400, w.refuse))
			_, err := w.tokens.Token(t.Context(), w.ask)
			if e := ucwa.As(err); e == nil || e.Code != "invalid_grant" {
				t.Errorf("refused: %v", err)
			}
		})
	}
}
