package webex

import (
	"net/http"
	"net/url"
	"strings"
)

// nextLink returns the target of the first Link of h with the relation next.
//
// It reads RFC 8288 leniently, since Webex writes <URL>;rel="next" on some
// endpoints and <URL>; rel="next" on others: blanks may stand or lack anywhere
// between the parts, the relation may be bare or quoted, in any case, or one of
// several, and a comma inside <> or quotes separates nothing.
func nextLink(h http.Header) (target string, ok bool) {
	for _, rest := range h.Values("Link") {
		for {
			_, after, found := strings.Cut(rest, "<")
			if !found {
				break
			}
			target, after, found = strings.Cut(after, ">")
			if !found {
				break
			}
			var params string
			params, rest = cutUnquoted(after, ',')
			if target = strings.TrimSpace(target); target != "" && isNext(params) {
				return target, true
			}
		}
	}
	return "", false
}

// isNext reports whether the parameters of a link name the relation next.
func isNext(params string) bool {
	for params != "" {
		var param string
		param, params = cutUnquoted(params, ';')
		name, value, _ := strings.Cut(param, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "rel") {
			continue
		}
		for rel := range strings.FieldsSeq(strings.Trim(strings.TrimSpace(value), `"'`)) {
			if strings.EqualFold(rel, "next") {
				return true
			}
		}
	}
	return false
}

// cutUnquoted cuts s at the first sep that is not inside double quotes.
func cutUnquoted(s string, sep byte) (before, after string) {
	quoted := false
	for i := range len(s) {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// sameOrigin reports whether a token meant for b may be sent to a.
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && a.User == nil && a.Opaque == "" &&
		strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	if u.Scheme == "https" {
		return "443"
	}
	return "80"
}
