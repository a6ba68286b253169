// Package env reads variables with their types and reports every missing or bad
// one at once, each with its name, what is wrong and how to mend it.
//
//	r := env.New(os.LookupEnv)
//	cfg := config{
//		Table:      r.String("DIALTONE_TABLE"),
//		Webex:      r.URLOr("WEBEX_BASE_URL", "https://webexapis.com/v1"),
//		Quarantine: r.IntOr("QUARANTINE_DAYS", 30, 0, 3650),
//	}
//	if err := r.Err(); err != nil {
//		return err
//	}
//
// A variable that is set to nothing counts as not set, because deployment
// templates pass empty parameters on. Each kind comes twice: X needs the
// variable, XOr has a fallback, which is not checked. Problems never quote texts
// and URLs, nor a number or word too long to be one: it may be a secret in the
// wrong place.
package env

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// AllowHTTP names the variable that, when true, lets [Reader.URL] accept http to
// hosts other than this machine.
const AllowHTTP = "DIALTONE_ALLOW_HTTP"

// Problem is a variable that cannot be used.
type Problem struct {
	Name string // of the variable
	Text string // what is wrong and the mend
}

// Error renders the problem as "NAME: text".
func (p Problem) Error() string { return p.Name + ": " + p.Text }

// Reader reads variables and collects what is wrong with them. A read that
// fails returns the zero value, so look at [Reader.Err] before using any. Not
// safe for concurrent use.
type Reader struct {
	lookup   func(string) (string, bool)
	problems []Problem
}

// New returns a reader of the variables that lookup knows, such as
// [os.LookupEnv].
func New(lookup func(string) (string, bool)) *Reader { return &Reader{lookup: lookup} }

// Err returns a [Problem] for each bad variable, sorted by name and joined, or
// nil.
func (r *Reader) Err() error {
	sorted := slices.Clone(r.problems)
	slices.SortFunc(sorted, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Text, b.Text))
	})
	var all []error
	for _, p := range slices.Compact(sorted) {
		all = append(all, p)
	}
	return errors.Join(all...)
}

// String reads a text without blanks around it.
func (r *Reader) String(name string) string { return required(r, name, trimmed) }

// StringOr is [Reader.String] with a fallback.
func (r *Reader) StringOr(name, fallback string) string { return optional(r, name, fallback, trimmed) }

// URL reads an absolute https URL without user, password and fragment. http is
// accepted for loopback hosts (localhost, 127.0.0.0/8, ::1), or for all when
// [AllowHTTP] is true. The text is returned as it was set.
func (r *Reader) URL(name string) string { return required(r, name, r.checkURL) }

// URLOr is [Reader.URL] with a fallback, which may be "".
func (r *Reader) URLOr(name, fallback string) string {
	return optional(r, name, fallback, r.checkURL)
}

// Int reads a whole number from lowest to highest.
func (r *Reader) Int(name string, lowest, highest int) int {
	return required(r, name, whole(lowest, highest))
}

// IntOr is [Reader.Int] with a fallback.
func (r *Reader) IntOr(name string, fallback, lowest, highest int) int {
	return optional(r, name, fallback, whole(lowest, highest))
}

// Float reads a number from lowest to highest.
func (r *Reader) Float(name string, lowest, highest float64) float64 {
	return required(r, name, number(lowest, highest))
}

// FloatOr is [Reader.Float] with a fallback.
func (r *Reader) FloatOr(name string, fallback, lowest, highest float64) float64 {
	return optional(r, name, fallback, number(lowest, highest))
}

// Duration reads a time with its unit, such as 90s or 1h30m, from lowest to
// highest.
func (r *Reader) Duration(name string, lowest, highest time.Duration) time.Duration {
	return required(r, name, span(lowest, highest))
}

// DurationOr is [Reader.Duration] with a fallback.
func (r *Reader) DurationOr(name string, fallback, lowest, highest time.Duration) time.Duration {
	return optional(r, name, fallback, span(lowest, highest))
}

// OneOf reads one of the words allowed.
func (r *Reader) OneOf(name string, allowed ...string) string {
	return required(r, name, among(allowed))
}

// OneOfOr is [Reader.OneOf] with a fallback.
func (r *Reader) OneOfOr(name, fallback string, allowed ...string) string {
	return optional(r, name, fallback, among(allowed))
}

// Bool reads true or false.
func (r *Reader) Bool(name string) bool { return required(r, name, yes) }

// BoolOr is [Reader.Bool] with a fallback.
func (r *Reader) BoolOr(name string, fallback bool) bool { return optional(r, name, fallback, yes) }

// parser turns a set value into what it means, or says what is wrong with it.
type parser[T any] func(value string) (v T, problem string)

func required[T any](r *Reader, name string, parse parser[T]) T {
	var none T
	if v, set := r.value(name); set {
		return parsed(r, name, v, parse)
	}
	r.add(name, "is not set: set it")
	return none
}

func optional[T any](r *Reader, name string, fallback T, parse parser[T]) T {
	if v, set := r.value(name); set {
		return parsed(r, name, v, parse)
	}
	return fallback
}

func parsed[T any](r *Reader, name, value string, parse parser[T]) T {
	v, problem := parse(value)
	if problem != "" {
		var none T
		r.add(name, problem)
		return none
	}
	return v
}

func (r *Reader) value(name string) (string, bool) {
	v, _ := r.lookup(name)
	return v, v != ""
}

func (r *Reader) add(name, text string) { r.problems = append(r.problems, Problem{name, text}) }

func trimmed(v string) (string, string) {
	if strings.TrimSpace(v) != v {
		return "", "has blanks or line breaks around it: remove them"
	}
	return v, ""
}

func (r *Reader) checkURL(v string) (string, string) {
	u, err := url.Parse(v)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return "", "is not an absolute URL: write https://host/path" // never quoted: it may hold a password
	case u.User != nil:
		return "", "has a user or password in the URL: remove it and put credentials in the secret"
	case u.Fragment != "":
		return "", "has a # part: remove it"
	case u.Scheme == "https", u.Scheme == "http" && (loopback(u.Hostname()) || r.BoolOr(AllowHTTP, false)):
		return v, ""
	case u.Scheme == "http":
		return "", "uses plain http: use https, or set " + AllowHTTP + "=true for a test system"
	}
	return "", "has a scheme other than https: write https://host/path"
}

func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

func whole(lowest, highest int) parser[int] {
	return func(v string) (int, string) {
		n, err := strconv.Atoi(v)
		if err != nil || n < lowest || n > highest {
			return 0, fmt.Sprintf("%s is not a whole number from %d to %d: set one", quote(v), lowest, highest)
		}
		return n, ""
	}
}

func number(lowest, highest float64) parser[float64] {
	return func(v string) (float64, string) {
		f, err := strconv.ParseFloat(v, 64)
		if err != nil || math.IsNaN(f) || f < lowest || f > highest {
			return 0, fmt.Sprintf("%s is not a number from %g to %g: set one", quote(v), lowest, highest)
		}
		return f, ""
	}
}

func span(lowest, highest time.Duration) parser[time.Duration] {
	return func(v string) (time.Duration, string) {
		d, err := time.ParseDuration(v)
		if err != nil || d < lowest || d > highest {
			return 0, fmt.Sprintf("%s is not a time from %s to %s: set one with its unit, such as %s", quote(v), lowest, highest, lowest)
		}
		return d, ""
	}
}

func among(allowed []string) parser[string] {
	return func(v string) (string, string) {
		if slices.Contains(allowed, v) {
			return v, ""
		}
		return "", fmt.Sprintf("%s is not known: set one of %s", quote(v), strings.Join(allowed, ", "))
	}
}

func yes(v string) (bool, string) {
	switch v {
	case "true":
		return true, ""
	case "false":
		return false, ""
	}
	return false, quote(v) + " is not a truth value: set true or false"
}

// quote shows a bad value when it is short enough for a number or a word.
func quote(v string) string {
	const most = 24
	if len(v) > most {
		return fmt.Sprintf("the value of %d characters", len(v))
	}
	return strconv.Quote(v)
}
