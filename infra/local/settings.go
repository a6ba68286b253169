package local

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"dialtone/infra/local/secretfile"
	"dialtone/shared/env"
	"dialtone/shared/ledger"
	"dialtone/shared/signin"
	"dialtone/shared/ucwa"
	"dialtone/shared/webex"
)

// Settings say which Webex and which Skype for Business the stack works with.
// The names are those of the variables on AWS.
type Settings struct {
	WebexBaseURL     string
	WebexSecret      string  // name of the secret with Webex credentials
	WebexOrg         string  // "": the token's
	WebexRate        float64 // requests a second
	DiscoveryURL     string  // "": by the user's domain
	UCWASecretPrefix string
	UCWAConcurrency  int // users at a time
	Quarantine       time.Duration
	AllowHTTP        bool
	Secrets          Secrets
}

// Secrets are read by name; Webex's are written back when its token rotates.
type Secrets interface {
	signin.Secrets
	// Save replaces a secret, completely or not at all.
	Save(ctx context.Context, name string, data []byte) error
}

// ReadSettings reads a file of NAME=value lines; what lookup knows goes before
// it. The error names every variable that is missing or bad, with the mend.
func ReadSettings(path string, lookup func(string) (string, bool)) (Settings, error) {
	lines, err := readVariables(path)
	if err != nil {
		return Settings{}, err
	}
	r := env.New(func(name string) (string, bool) {
		if v, found := lookup(name); found {
			return v, true
		}
		v, found := lines[name]
		return v, found
	})
	s := Settings{
		WebexBaseURL:     r.URLOr("WEBEX_BASE_URL", ""),
		WebexSecret:      r.StringOr("WEBEX_SECRET_ID", "webex"),
		WebexOrg:         r.StringOr("WEBEX_ORG_ID", ""),
		WebexRate:        r.FloatOr("WEBEX_RATE", 1.5, 0.01, 1000),
		DiscoveryURL:     r.URLOr("UCWA_DISCOVERY_URL", ""),
		UCWASecretPrefix: r.StringOr("UCWA_SECRET_PREFIX", "ucwa/"),
		UCWAConcurrency:  r.IntOr("UCWA_CONCURRENCY", defaultConcurrency, 1, 1000),
		Quarantine:       time.Duration(r.IntOr("QUARANTINE_DAYS", 30, 0, 3650)) * 24 * time.Hour,
		AllowHTTP:        r.BoolOr(env.AllowHTTP, false),
	}
	r.OneOfOr("UCWA_AUTH", "password", "password")
	s.Secrets = secretfile.Folder(r.StringOr("SECRETS_DIR", filepath.Join(filepath.Dir(path), "secrets")))
	if err := r.Err(); err != nil {
		return Settings{}, fmt.Errorf("settings of %s:\n%w", path, err)
	}
	return s, nil
}

// readVariables reads NAME=value lines; blank lines and those that start with #
// do not count, and quotes around a value are taken off.
func readVariables(path string) (map[string]string, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	vars := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(raw))
	for n := 1; lines.Scan(); n++ {
		text := strings.TrimSpace(lines.Text())
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		name, value, found := strings.Cut(text, "=")
		if name = strings.TrimSpace(name); !found || name == "" || strings.ContainsAny(name, " \t") {
			return nil, fmt.Errorf("settings of %s: line %d is not NAME=value: give a variable and its value, or start the line with #", path, n)
		}
		vars[name] = unquote(strings.TrimSpace(value))
	}
	return vars, lines.Err()
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// vendors makes the clients of both vendors.
func (s Settings) vendors(l *ledger.Ledger, o Options) (*webex.Client, *ucwa.Client, error) {
	client := &http.Client{Transport: transport()}
	tokens, err := webex.NewRefresher(webex.RefresherConfig{
		BaseURL: s.WebexBaseURL, AllowHTTP: s.AllowHTTP, HTTP: client, Logger: o.Logger,
		Secrets: webexSecret{s.Secrets, s.WebexSecret},
	})
	if err != nil {
		return nil, nil, err
	}
	cloud, err := webex.New(webex.Config{
		BaseURL: s.WebexBaseURL, OrgID: s.WebexOrg, HTTP: client, Tokens: tokens,
		Rate: s.WebexRate, AllowHTTP: s.AllowHTTP, Logger: o.Logger,
	})
	if err != nil {
		return nil, nil, err
	}
	passwords := signin.Passwords{Secrets: s.Secrets, Prefix: s.UCWASecretPrefix}
	skype, err := ucwa.New(ucwa.Config{
		DiscoveryURL: s.DiscoveryURL, HTTP: client, AllowHTTP: s.AllowHTTP, Logger: o.Logger,
		Tokens: &signin.Guard{
			Source: ucwa.NewPasswordGrant(client, passwords.Credentials), Ledger: l, Fingerprint: passwords.Fingerprint,
		},
	})
	return cloud, skype, err
}

// transport keeps as many connections as users are worked on at a time; the
// default keeps two and would open a new one for most calls.
func transport() *http.Transport {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	return t
}

// webexSecret keeps Webex's credentials in one secret.
type webexSecret struct {
	secrets Secrets
	name    string
}

func (w webexSecret) Load(ctx context.Context) (webex.Credentials, error) {
	var c webex.Credentials
	raw, err := w.secrets.Secret(ctx, w.name)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(raw, &c); err != nil {
		return c, fmt.Errorf("secret %q is not the JSON object of Webex credentials: %w", w.name, err)
	}
	return c, nil
}

func (w webexSecret) Save(ctx context.Context, c webex.Credentials) error {
	raw, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return err
	}
	return w.secrets.Save(ctx, w.name, raw)
}
