package local

import (
	"bufio"
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"dialtone/functions/check-pools/checkpools"
	"dialtone/infra/local/secretfile"
	"dialtone/shared/env"
	"dialtone/shared/numberpool"
	"dialtone/shared/signin"
	"dialtone/shared/vendors"
)

// Settings say which Webex and which Skype for Business the stack works with.
// The names are those of the variables on AWS.
type Settings struct {
	vendors.Settings
	UCWAConcurrency int // users at a time
	Quarantine      time.Duration
	QuarantineAt    map[string]time.Duration // by location ID, where it differs
	Thresholds      numberpool.Thresholds    // at which a location runs low
	Secrets         signin.Vault
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
	s := readSettings(r, filepath.Join(filepath.Dir(path), "secrets"))
	if err := r.Err(); err != nil {
		return Settings{}, fmt.Errorf("settings of %s:\n%w", path, err)
	}
	return s, nil
}

// readSettings reads the settings; problems are left with the reader.
func readSettings(r *env.Reader, secrets string) Settings {
	s := Settings{
		Settings:        vendors.Read(r),
		UCWAConcurrency: r.IntOr("UCWA_CONCURRENCY", defaultConcurrency, 1, 1000),
		Quarantine:      r.DaysOr("QUARANTINE_DAYS", 30, 1, 3650),
		QuarantineAt:    r.DaysByID("QUARANTINE_DAYS_BY_LOCATION", 1, 3650),
		Thresholds:      checkpools.ReadThresholds(r),
		Secrets:         secretfile.Folder(r.StringOr("SECRETS_DIR", secrets)),
	}
	if r.BoolOr(simulated, false) {
		s.Secrets = simulatedSecrets{}
	}
	return s
}

// simulated is the variable that says that the secrets are those of the
// simulated vendors. It is no setting for people.
const simulated = "DIALTONE_SIMULATED"

// variables returns what [readSettings] makes the same settings of, in another
// process. What has no value is left out.
func (s Settings) variables() (map[string]string, error) {
	vars := map[string]string{
		"WEBEX_BASE_URL": s.WebexBaseURL, "WEBEX_SECRET_ID": s.WebexSecret, "WEBEX_ORG_ID": s.WebexOrg,
		"WEBEX_RATE":         strconv.FormatFloat(s.WebexRate, 'g', -1, 64),
		"UCWA_DISCOVERY_URL": s.DiscoveryURL, "UCWA_AUTH": s.Auth, "UCWA_SECRET_PREFIX": s.SecretPrefix,
		"UCWA_BROKER_URL": s.BrokerURL, env.AllowHTTP: strconv.FormatBool(s.AllowHTTP),
		"UCWA_CONCURRENCY":            strconv.Itoa(s.UCWAConcurrency),
		"QUARANTINE_DAYS":             strconv.Itoa(int(s.Quarantine / (24 * time.Hour))),
		"QUARANTINE_DAYS_BY_LOCATION": env.FormatDays(s.QuarantineAt),
	}
	switch v := s.Secrets.(type) {
	case secretfile.Folder:
		folder, err := filepath.Abs(string(v))
		if err != nil {
			return nil, fmt.Errorf("folder of secrets: %w", err)
		}
		vars["SECRETS_DIR"] = folder
	case simulatedSecrets:
		vars[simulated] = "true"
	default:
		return nil, fmt.Errorf("secrets of a %T cannot be had in another process: give a folder", s.Secrets)
	}
	maps.DeleteFunc(vars, func(_, v string) bool { return v == "" || v == "0" })
	vars["POOL_LOW"], vars["POOL_LOW_DAYS"] = strconv.Itoa(s.Thresholds.Free), strconv.Itoa(s.Thresholds.Days) // zero has a meaning
	return vars, nil
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
