// Package ringtarget holds where a call may be sent besides the user's own
// phones: a phone number or a person, in the two forms that Skype for Business
// takes, and compares the forms in which it gives them back.
package ringtarget

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"dialtone/shared/e164"
	"dialtone/shared/sipaddr"
)

// MaxLength is the longest target that is taken, in characters, with its
// scheme (UCWA 2.0: simultaneousRingToContact).
const MaxLength = 80

// Target is a canonical target: "tel:+4940123456", "tel:+4940123456;ext=12" or
// "sip:ada@contoso.test", lower case, without visual separators. The zero
// value is no target. Make one with [Parse].
type Target string

// IsPhone reports whether the target is a phone number and not a person.
func (t Target) IsPhone() bool { return strings.HasPrefix(string(t), "tel:") }

// Parse makes a target canonical. A number needs its scheme and the
// international form; blanks, dots, dashes and parentheses in it are dropped,
// and ;ext= is the only parameter. A person is sip:user@domain and nothing
// more. The error says what is wrong and how to write it, without the name of
// the field; it quotes nothing of s and has no run of digits, so it may be logged.
func Parse(s string) (Target, error) {
	s = strings.TrimSpace(s)
	if n := utf8.RuneCountInString(s); n > MaxLength {
		return "", fmt.Errorf("has %d characters: at most %d, tel: or sip: included", n, MaxLength)
	}
	v := strings.ToLower(s)
	switch {
	case v == "":
		return "", fmt.Errorf("is empty: %s", howToWrite)
	case strings.HasPrefix(v, "tel:"):
		return parseTel(v)
	case strings.HasPrefix(v, "sip:"):
		return parseSIP(v)
	}
	return "", fmt.Errorf("does not begin with tel: or sip:; %s", howToWrite)
}

const howToWrite = "write a number as tel:+49-40-123456 (with ;ext=12 for an extension), a person as sip:ada@contoso.test"

func parseTel(s string) (Target, error) {
	body, params, hasParams := strings.Cut(s, ";")
	number, _, ok := e164.FromTel(body)
	if !ok {
		return "", errors.New("is not an international number: write tel:+ and 7 to 15 digits, country code first, such as tel:+49-40-123456")
	}
	if !hasParams {
		return Target(number.Tel()), nil
	}
	ext, found := strings.CutPrefix(params, "ext=")
	if !found || ext == "" || strings.ContainsFunc(ext, notDigit) {
		return "", errors.New("has something after the number that is not an extension: write ;ext= and digits, such as tel:+49-40-123456;ext=12, or nothing")
	}
	return Target(number.Tel() + ";ext=" + ext), nil
}

func notDigit(r rune) bool { return r < '0' || r > '9' }

func parseSIP(s string) (Target, error) {
	body := strings.TrimPrefix(s, "sip:")
	user, err := sipaddr.Parse(body)
	if err != nil || strings.ContainsFunc(body, notInTarget) {
		return "", errors.New("is not the SIP address of a person: write sip:user@domain without port or parameters, such as sip:ada@contoso.test")
	}
	return Target(user.URI()), nil
}

// notInTarget refuses ports and passwords, and what a URI writes escaped.
func notInTarget(r rune) bool { return r == ':' || r <= ' ' || r >= 0x7f }

// Same reports whether two written forms name the same target: scheme, case,
// blanks and visual separators do not count, an extension does. A SIP URI with
// user=phone is the number in it (RFC 3261, 19.1.6); other URI parameters do
// not count. The forms need not be canonical or valid: a server may keep one
// that [Parse] refuses. No target is the same as no target.
func Same(a, b string) bool {
	a, aPhone := plain(a)
	b, bPhone := plain(b)
	switch {
	case aPhone != bPhone:
		return false
	case aPhone:
		return e164.Same(a, b)
	}
	return a == b
}

// plain strips what does not count and reports whether s is a phone number.
func plain(s string) (body string, phone bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	body = strings.TrimSpace(strings.TrimPrefix(strings.TrimPrefix(s, "sips:"), "sip:"))
	at := strings.LastIndexByte(body, '@')
	if at < 0 {
		return s, true
	}
	domain, params, _ := strings.Cut(body[at+1:], ";")
	for p := range strings.SplitSeq(params, ";") {
		if strings.TrimSpace(p) == "user=phone" {
			return body[:at], true
		}
	}
	return body[:at+1] + strings.TrimSpace(domain), false
}
