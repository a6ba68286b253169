// Package e164 holds phone numbers in the international form of ITU-T E.164
// and compares the forms in which Skype for Business and Webex write them.
package e164

import (
	"fmt"
	"regexp"
	"strings"
)

// Number is a phone number as + and 7 to 15 digits, such as "+12056350001".
// The zero value is no number. Make one with [Parse] or [FromTel].
type Number string

var form = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`)

// Parse accepts exactly the E.164 form. The error says how to mend the value;
// it quotes no digits, so it may be logged.
func Parse(s string) (Number, error) {
	if !form.MatchString(s) {
		return "", fmt.Errorf("is not an E.164 number: write + and 7 to 15 digits without blanks, such as +12056350001")
	}
	return Number(s), nil
}

// FromTel reads what a telephony system stores: an optional tel: scheme,
// visual separators and an ;ext= parameter. ok is false when the digits are not
// an international number (an unnormalised national number, for instance).
func FromTel(s string) (n Number, ext string, ok bool) {
	body, ext := split(s)
	if !form.MatchString(body) {
		return "", ext, false
	}
	return Number(body), ext, true
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
