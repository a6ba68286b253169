// Package e164 holds phone numbers in the international form of ITU-T E.164
// and compares the forms in which Skype for Business and Webex write them.
package e164

import (
	"fmt"
	"strings"
)

// Number is a phone number as + and 7 to 15 digits, such as "+12056350001".
// The zero value is no number. Make one with [Parse] or [FromTel].
type Number string

// Parse accepts exactly the E.164 form. The error says how to mend the value;
// it quotes no digits, so it may be logged.
func Parse(s string) (Number, error) {
	if !wellFormed(s) {
		return "", fmt.Errorf("is not an E.164 number: write + and 7 to 15 digits without blanks, such as +12056350001")
	}
	return Number(s), nil
}

// FromTel reads what a telephony system stores: an optional tel: scheme,
// visual separators and an ;ext= parameter. ok is false when the digits are not
// an international number (an unnormalised national number, for instance).
func FromTel(s string) (n Number, ext string, ok bool) {
	if wellFormed(s) {
		return Number(s), "", true
	}
	body, ext := split(s)
	if !wellFormed(body) {
		return "", ext, false
	}
	return Number(body), ext, true
}

// wellFormed reports whether s is + and 7 to 15 digits, the first not 0.
func wellFormed(s string) bool {
	if len(s) < 8 || len(s) > 16 || s[0] != '+' || s[1] == '0' {
		return false
	}
	for i := 1; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// Same reports whether two stored or sent forms name the same number:
// scheme, case, blanks and separators do not count, an extension does.
func Same(a, b string) bool {
	na, ea := split(a)
	nb, eb := split(b)
	return na == nb && ea == eb
}

// Tel returns the tel: URI of the number.
func (n Number) Tel() string { return "tel:" + string(n) }

// Masked returns the last four digits behind dots, for logs and errors.
func (n Number) Masked() string {
	if len(n) <= 4 {
		return "…"
	}
	return "…" + string(n[len(n)-4:])
}

// split strips the tel: scheme and visual separators (RFC 3966) and returns
// the digits, with a leading + kept, and the extension.
func split(s string) (digits, ext string) {
	s = strings.ToLower(strings.TrimSpace(s))
	s = strings.TrimSpace(strings.TrimPrefix(s, "tel:"))
	body, params, _ := strings.Cut(s, ";")
	for p := range strings.SplitSeq(params, ";") {
		if v, found := strings.CutPrefix(p, "ext="); found {
			ext = visual.Replace(v)
		}
	}
	return visual.Replace(body), ext
}

var visual = strings.NewReplacer(" ", "", "-", "", ".", "", "(", "", ")", "", "\u00a0", "")
