package ucwa

import (
	"net/http"
	"net/url"
	"strings"
)

// challenge is how one pool wants its users to sign in.
type challenge struct {
	tokenURL         *url.URL // MsRtcOAuth href; nil when there is none
	grants           []string // nil when the pool did not say
	authorizationURI string   // of a Bearer challenge, for modern authentication
}

// readChallenge finds the challenges of a 401 that answered at base; nil when
// it carried none that is understood (UCWA 2.0: Authentication in UCWA).
func readChallenge(base *url.URL, h http.Header) *challenge {
	var c challenge
	for _, a := range parseChallenges(h.Values("WWW-Authenticate")) {
		switch {
		case a.scheme == "msrtcoauth" && c.tokenURL == nil:
			if u, err := resolve(base, a.params["href"]); err == nil && a.params["href"] != "" {
				c.tokenURL, c.grants = u, grantList(a.params["grant_type"])
			}
		case a.scheme == "bearer" && c.authorizationURI == "":
			c.authorizationURI = a.params["authorization_uri"]
		}
	}
	if c.tokenURL == nil && c.authorizationURI == "" {
		return nil
	}
	return &c
}

func grantList(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return r == ',' || r == ' ' })
}

// authScheme is one challenge of a WWW-Authenticate header; scheme and
// parameter names in lower case.
type authScheme struct {
	scheme string
	params map[string]string
}

// parseChallenges reads any number of headers with any number of challenges
// each. Commas separate challenges and parameters alike, and stand inside
// quoted values; some servers leave the quotes out.
func parseChallenges(values []string) []authScheme {
	var all []authScheme
	for _, v := range values {
		s := scanner{rest: v}
		all = append(all, s.challenges()...)
	}
	return all
}

// scanner takes one header value apart.
type scanner struct{ rest string }

func (s *scanner) challenges() []authScheme {
	var all []authScheme
	bareGrants := false // the last value was an unquoted grant_type
	for s.skip(", \t"); s.rest != ""; s.skip(", \t") {
		name := s.take(", \t=")
		blank := s.skip(" \t")
		switch {
		case strings.HasPrefix(s.rest, "=") && len(all) > 0:
			s.rest = s.rest[1:]
			value, quoted := s.value()
			name = strings.ToLower(name)
			all[len(all)-1].params[name] = value
			bareGrants = name == "grant_type" && !quoted
		case name == "": // a stray = before any scheme
			s.rest = s.rest[1:]
		case bareGrants && (!blank || s.rest == "" || s.rest[0] == ','):
			all[len(all)-1].params["grant_type"] += "," + name
		default:
			all = append(all, authScheme{strings.ToLower(name), map[string]string{}})
			bareGrants = false
		}
	}
	return all
}

// skip drops leading characters of the set and reports whether there were any.
func (s *scanner) skip(set string) bool {
	n := len(s.rest)
	s.rest = strings.TrimLeft(s.rest, set)
	return len(s.rest) < n
}

// take returns everything up to the first character of the set.
func (s *scanner) take(set string) string {
	i := strings.IndexAny(s.rest, set)
	if i < 0 {
		i = len(s.rest)
	}
	v := s.rest[:i]
	s.rest = s.rest[i:]
	return v
}

// value reads a quoted or an unquoted parameter value.
func (s *scanner) value() (v string, quoted bool) {
	s.skip(" \t")
	if !strings.HasPrefix(s.rest, `"`) {
		return s.take(", \t"), false
	}
	var b strings.Builder
	for i := 1; i < len(s.rest); i++ {
		switch c := s.rest[i]; {
		case c == '"':
			s.rest = s.rest[i+1:]
			return b.String(), true
		case c == '\\' && i+1 < len(s.rest):
			i++
			b.WriteByte(s.rest[i])
		default:
			b.WriteByte(c)
		}
	}
	s.rest = ""
	return b.String(), true
}
