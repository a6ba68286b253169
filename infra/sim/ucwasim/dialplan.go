package ucwasim

import "strings"

// DialPlan says which numbers a user may store and in what form. Numbers with a
// plus are always understood: + and 7 to 15 digits, not starting with 0. A
// "tel:" scheme, blanks, dots, dashes, parentheses and slashes are taken off,
// and ";ext=" with digits is kept. The zero value also understands North American
// national numbers.
type DialPlan struct {
	CountryCode    string // put before national numbers; empty: 1
	NationalDigits int    // length of a national number; 0: 10; -1: none is understood
	TrunkPrefix    string // dialled before a national number and dropped, such as 0 or 1; empty: none, but the country code itself is understood
	// KeepAsSent stores what was sent, trimmed, once it proved to be a number:
	// captured traffic shows such a number too.
	KeepAsSent bool
}

const (
	minE164, maxE164 = 7, 15
	separators       = " .-()/\u00a0"
)

func (p DialPlan) withDefaults() DialPlan {
	setDefault(&p.CountryCode, "1")
	setDefault(&p.NationalDigits, 10)
	return p
}

// normalise returns the stored form of a number that is not empty, or false when
// the plan does not understand it.
func (p DialPlan) normalise(sent string) (string, bool) {
	sent = strings.TrimSpace(sent)
	number, ext, hasExt := strings.Cut(trimScheme(sent), ";ext=")
	if hasExt && (ext == "" || !allDigits(ext)) {
		return "", false
	}
	digits, ok := p.international(strings.Map(dropSeparator, number))
	if !ok {
		return "", false
	}
	if p.KeepAsSent {
		return sent, true
	}
	if hasExt {
		return "tel:+" + digits + ";ext=" + ext, true
	}
	return "tel:+" + digits, true
}

// international returns country code and national number without the plus.
func (p DialPlan) international(number string) (string, bool) {
	if digits, plus := strings.CutPrefix(number, "+"); plus {
		ok := allDigits(digits) && len(digits) >= minE164 && len(digits) <= maxE164 && digits[0] != '0'
		return digits, ok
	}
	if !allDigits(number) || p.NationalDigits < 0 {
		return "", false
	}
	prefix := p.TrunkPrefix
	if prefix == "" {
		prefix = p.CountryCode
	}
	switch len(number) {
	case p.NationalDigits:
		return p.CountryCode + number, true
	case p.NationalDigits + len(prefix):
		national, ok := strings.CutPrefix(number, prefix)
		return p.CountryCode + national, ok
	default:
		return "", false
	}
}

func trimScheme(s string) string {
	if len(s) >= 4 && strings.EqualFold(s[:4], "tel:") {
		return s[4:]
	}
	return s
}

func dropSeparator(r rune) rune {
	if strings.ContainsRune(separators, r) {
		return -1
	}
	return r
}

func allDigits(s string) bool {
	return strings.Trim(s, "0123456789") == ""
}
