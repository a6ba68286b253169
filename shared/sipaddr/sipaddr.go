// Package sipaddr holds the one form in which dialtone writes a person:
// user@domain, lower case, without the sip: scheme.
package sipaddr

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// User is a normalised SIP address or UPN, such as "ada@contoso.test".
// The zero value is no user. Make one with [Parse].
type User string

// Parse normalises a SIP address ("sip:Ada@Contoso.test") or a UPN to a User.
// The error says what is wrong and how to mend it.
func Parse(s string) (User, error) {
	v := strings.ToLower(strings.TrimSpace(s))
	v = strings.TrimPrefix(v, "sip:")
	local, domain, found := strings.Cut(v, "@")
	switch {
	case v == "":
		return "", fmt.Errorf("is empty: give the SIP address or UPN, such as ada@contoso.com")
	case !found || local == "" || domain == "":
		return "", fmt.Errorf("%q is not user@domain: give the SIP address or UPN, such as ada@contoso.com", s)
	case utf8.RuneCountInString(v) > 254:
		return "", fmt.Errorf("has %d characters: a SIP address has at most 254", utf8.RuneCountInString(v))
	case strings.ContainsFunc(v, notInAddress) || strings.Contains(domain, "@"):
		return "", fmt.Errorf("%q has a character that no SIP address has: give user@domain alone", s)
	case strings.HasPrefix(domain, ".") || strings.HasSuffix(domain, ".") || strings.Contains(domain, ".."):
		return "", fmt.Errorf("%q has no valid domain after the @", s)
	}
	return User(v), nil
}

func notInAddress(r rune) bool {
	return r <= ' ' || strings.ContainsRune("<>\"'/\\;?#,", r)
}

// URI returns the address with its scheme: sip:user@domain.
func (u User) URI() string { return "sip:" + string(u) }

// Domain returns the part after the @.
func (u User) Domain() string {
	_, d, _ := strings.Cut(string(u), "@")
	return d
}

// LocalPart returns the part before the @.
func (u User) LocalPart() string {
	l, _, _ := strings.Cut(string(u), "@")
	return l
}
