package logattr

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// mask stands where something was taken out.
const mask = "…"

// Clean returns s without tokens, passwords and phone numbers:
//
//   - what follows "Bearer" or "cwt=", JSON web tokens, passwords in URLs, and the
//     values of fields named like a password, secret or token, in JSON (also
//     quoted inside other text), forms, headers and XML;
//   - nine or more digits, also with up to three separators (blanks, dots, dashes,
//     brackets, slashes, underscores, percent signs) between two of them: the last
//     four stay behind a mark, as in "…0001".
//
// Characters that do not print become blanks, except line breaks and tabs. Of a
// text over 16 KiB the rest is cut.
// Under a key for technical ids the digits of a UUID, or of a word that also has
// letters, such as INC0012345678, stay; tokens and bare numbers still go.
func Clean(s string) string { return maskDigits(maskSecrets(printable(s)), nowhere) }

// cleanID is Clean for the value of a technical id.
func cleanID(s string) string { return maskDigits(maskSecrets(printable(s)), partOfID) }

// maxText is the longest text in bytes that is logged.
const maxText = 16 << 10

func printable(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText-len(mask)], " ") + mask
	}
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return s
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) || r == '\n' || r == '\t' {
			return r
		}
		return ' '
	}, s)
}

const (
	digitsOfNumber = 9 // a run of so many is taken for a phone number
	digitsShown    = 4
	separatorsIn   = 3 // between two digits of one run
)

// maskDigits replaces each run of nine or more digits that keep does not spare.
func maskDigits(s string, keep func(s string, from, to int) bool) string {
	if digits(s) < digitsOfNumber {
		return s
	}
	var b strings.Builder
	done := 0
	for _, r := range runs(s) {
		if keep(s, r.from, r.to) {
			continue
		}
		b.WriteString(s[done:r.from])
		b.WriteString(mask + r.last)
		done = r.to
	}
	if done == 0 {
		return s
	}
	return b.String() + s[done:]
}

// run is s[from:to], which starts and ends with a digit.
type run struct {
	from, to int
	last     string // its last digits, without separators
}

// runs finds the runs of nine or more digits, each as long as it can be.
func runs(s string) []run {
	var found []run
	var seen []rune
	var from, to, gap int
	end := func() {
		if len(seen) >= digitsOfNumber {
			found = append(found, run{from, to, string(seen[len(seen)-digitsShown:])})
		}
		seen = seen[:0]
	}
	for i, r := range s {
		switch {
		case unicode.IsDigit(r):
			if len(seen) == 0 {
				from = i
			}
			seen = append(seen, r)
			to, gap = i+len(string(r)), 0
		case len(seen) == 0:
		case separates(r) && gap < separatorsIn:
			gap++
		default:
			end()
		}
	}
	end()
	return found
}

func separates(r rune) bool {
	return unicode.IsSpace(r) || unicode.Is(unicode.Pd, r) || strings.ContainsRune(".()[]/_%·", r)
}

func nowhere(string, int, int) bool { return false }

// partOfID reports whether the run lies inside one word that is a UUID or has a
// letter.
func partOfID(s string, from, to int) bool {
	from = len(strings.TrimRightFunc(s[:from], inWord))
	to = len(s) - len(strings.TrimLeftFunc(s[to:], inWord))
	word := s[from:to]
	return !strings.ContainsFunc(word, func(r rune) bool { return !inWord(r) }) && (strings.ContainsFunc(word, letter) || uuidShaped(word))
}

func letter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

func inWord(r rune) bool { return letter(r) || r >= '0' && r <= '9' || r == '-' || r == '_' }

func uuidShaped(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i, r := range s {
		dash := i == 8 || i == 13 || i == 18 || i == 23
		if dash != (r == '-') {
			return false
		}
	}
	return true
}

// token is a secret that gives itself away; the first group of its pattern
// stays. Patterns are slow, so only texts with the hint, in lower case, meet them.
type token struct {
	hint    string
	pattern *regexp.Regexp
}

var tokens = sync.OnceValue(func() []token {
	return []token{
		{"bearer", regexp.MustCompile(`(?i)(\b(?:bearer(?:\s|%20|\+)+)+)[^\s"'\\,;<>]+`)},
		{"cwt", regexp.MustCompile(`(?i)((?:cwt(?:=|%3d))+)[^\s"'\\,;<>&]*`)},
		{"eyj", regexp.MustCompile(`()\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)*`)}, // JSON web token
		{"@", regexp.MustCompile(`(://)[^/\s@"']*:[^/\s@"']*@`)},          // user and password of a URL
	}
})

// fields matches the name of a secret field and what stands between it and its
// value. Words that also occur in plain sentences ("refresh token: timeout")
// count only in the form of a field.
var fields = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)` +
		`(?:pass(?:word|wd|phrase)|pwd|client[_-]?secret|(?:access|refresh|id|auth|bearer|web)[_-]?token` +
		`|api[_-]?key|assertion|authorization|cookie)\\*["']?\s*(?:=>|[:=>]|%3[ad])\s*` +
		`|(?:token|secret)(?:\\*["']\s*[:=]\s*|(?:=|%3d)\s*|:\b)`)
})

// fieldHints are parts of every name that fields matches, in lower case.
func fieldHints() []string {
	return []string{"pass", "pwd", "secret", "token", "key", "assertion", "authorization", "cookie"}
}

func maskSecrets(s string) string {
	lower := strings.ToLower(s)
	for _, t := range tokens() {
		if strings.Contains(lower, t.hint) {
			s = t.pattern.ReplaceAllString(s, "${1}"+mask)
		}
	}
	if !slices.ContainsFunc(fieldHints(), func(h string) bool { return strings.Contains(lower, h) }) {
		return s
	}
	var b strings.Builder
	done := 0
	for at := 0; ; {
		f := fields().FindStringIndex(s[at:])
		if f == nil {
			return b.String() + s[done:]
		}
		name, rest := s[at+f[0]:at+f[1]], s[at+f[1]:]
		at += f[1] // not behind the value: what looks like one may hold the next name
		open, length := valueOf(name, rest)
		from, to := max(at+open, done), at+open+length
		if from < to {
			b.WriteString(s[done:from] + mask)
			done = to
		}
	}
}

// valueOf measures the value at the start of s: the quote that opens it, which
// stays, and the length of what must go. When in doubt it takes too much.
func valueOf(field, s string) (open, length int) {
	slashes := len(s) - len(strings.TrimLeft(s, `\`))
	rest := s[slashes:]
	if rest != "" && (rest[0] == '"' || rest[0] == '\'') {
		return slashes + 1, quoted(rest[1:], rest[0], slashes)
	}
	if s != "" && (s[0] == '{' || s[0] == '[') {
		return 0, len(s)
	}
	stop := " \t\n&\"'"
	switch {
	case strings.HasPrefix(strings.ToLower(field), "cookie"):
		stop = "\n\"'"
	case strings.HasSuffix(field, ">"):
		stop += "<"
	}
	n := word(s, stop)
	if scheme(s[:n]) && n < len(s) && s[n] == ' ' {
		n += 1 + word(s[n+1:], stop)
	}
	return 0, n
}

// quoted returns the length of a quoted value after its opening quote, which
// stood behind so many backslashes: it ends at a quote behind no more of them.
func quoted(s string, quote byte, slashes int) int {
	behind := 0
	for i := range len(s) {
		switch {
		case s[i] == '\\':
			behind++
			continue
		case s[i] == quote && behind <= slashes:
			return i - behind
		}
		behind = 0
	}
	return len(s)
}

func word(s, stop string) int {
	if i := strings.IndexAny(s, stop); i >= 0 {
		return i
	}
	return len(s)
}

// scheme reports whether the word announces a second one in an Authorization
// header.
func scheme(s string) bool {
	return strings.EqualFold(s, "basic") || strings.EqualFold(s, "bearer") || strings.EqualFold(s, "negotiate") || strings.EqualFold(s, "ntlm")
}
