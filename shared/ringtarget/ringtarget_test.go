package ringtarget_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"dialtone/shared/ringtarget"
)

func TestParse(t *testing.T) {
	long := "sip:" + strings.Repeat("a", 63) + "@contoso.test" // 80 characters
	for _, c := range []struct {
		in   string
		want ringtarget.Target
	}{
		{"tel:+4940123456", "tel:+4940123456"},
		{" TEL:+49 (40) 123-456 ", "tel:+4940123456"},
		{"tel:+49.40.123456;ext=12", "tel:+4940123456;ext=12"},
		{"TEL:+4940123456;EXT=12", "tel:+4940123456;ext=12"},
		{"sip:Ada@Contoso.Test", "sip:ada@contoso.test"},
		{"SIP:ada.l@contoso.test", "sip:ada.l@contoso.test"},
		{long, ringtarget.Target(long)},
	} {
		got, err := ringtarget.Parse(c.in)
		if got != c.want || err != nil {
			t.Errorf("Parse(%q) = %q, %v; want %q", c.in, got, err, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for in, says := range map[string]string{
		"":                                   "is empty",
		" \t":                                "is empty",
		"+4940123456":                        "does not begin with tel: or sip:",
		"ada@contoso.test":                   "does not begin with tel: or sip:",
		"sips:ada@contoso.test":              "does not begin with tel: or sip:",
		"mailto:ada@contoso.test":            "does not begin with tel: or sip:",
		"tel:":                               "international",
		"tel:0401234567":                     "international",
		"tel:+49":                            "international",
		"tel:+0401234567":                    "international",
		"tel:+49401234567890123":             "international",
		"tel:tel:+4940123456":                "international",
		"tel:+4940123456x":                   "international",
		"tel:+4940123456;ext=":               "extension",
		"tel:+4940123456;":                   "extension",
		"tel:+4940123456;ext=1a":             "extension",
		"tel:+4940123456;ext=1;ext=2":        "extension",
		"tel:+4940123456;phone-context=x":    "extension",
		"sip:":                               "SIP address",
		"sip:ada":                            "SIP address",
		"sip:@contoso.test":                  "SIP address",
		"sip:ada@":                           "SIP address",
		"sip:sip:ada@contoso.test":           "SIP address",
		"sip: ada@contoso.test":              "SIP address",
		"sip:ada@contoso.test:5061":          "SIP address",
		"sip:ada:pw@contoso.test":            "SIP address",
		"sip:ada@contoso.test;user=phone":    "SIP address",
		"sip:ada@contoso..test":              "SIP address",
		"sip:ädä@contoso.test":               "SIP address",
		"sip:ada\x00@contoso.test":           "SIP address",
		"sip:a\xff@contoso.test":             "SIP address",
		"tel:+4940123456;ext=" + nines(61):   "has 81 characters: at most 80",
		"sip:" + nines(64) + "@contoso.test": "has 81 characters: at most 80",
	} {
		got, err := ringtarget.Parse(in)
		if err == nil || got != "" || !strings.Contains(err.Error(), says) || longRun(err.Error()) {
			t.Errorf("Parse(%q) = %q, %v; want an error that says %q", in, got, err, says)
		}
	}
}

func nines(n int) string { return strings.Repeat("9", n) }

func TestIsPhone(t *testing.T) {
	for target, want := range map[ringtarget.Target]bool{
		"tel:+4940123456": true, "sip:ada@contoso.test": false, "": false,
	} {
		if target.IsPhone() != want {
			t.Errorf("IsPhone(%q) = %v", target, !want)
		}
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"tel:+4940123456", "tel:+4940123456", true},
		{"tel:+4940123456", " TEL:+49 (40) 123-456", true},
		{"tel:+4940123456", "+4940123456", true},
		{"tel:+4940123456;ext=12", "tel:+49-40-123456;EXT=1-2", true},
		{"tel:+4940123456;ext=12", "tel:+4940123456", false},
		{"tel:+4940123456;ext=12", "tel:+4940123456;ext=13", false},
		{"tel:+4940123456", "tel:+4940123457", false},
		{"tel:+4940123456", "tel:4940123456", false}, // not normalised: another number, for all we know
		{"sip:ada@contoso.test", "SIP:Ada@Contoso.TEST ", true},
		{"sip:ada@contoso.test", "ada@contoso.test", true},
		{"sip:ada@contoso.test", "sips:ada@contoso.test", true},
		{"sip:ada@contoso.test", "sip:ada@contoso.test;transport=tls", true},
		{"sip:ada@contoso.test", "sip:bob@contoso.test", false},
		{"sip:ada@contoso.test", "sip:ada@example.test", false},
		{"sip:ada-l@contoso.test", "sip:adal@contoso.test", false}, // a dash is no separator in a name
		{"sip:a.da@contoso.test", "sip:ada@contoso.test", false},
		{"tel:+4940123456", "sip:+4940123456@contoso.test;user=phone", true},
		{"tel:+4940123456;ext=12", "sip:+4940123456;ext=12@contoso.test;user=phone", true},
		{"tel:+4940123456", "sip:+4940123456;ext=12@contoso.test;user=phone", false},
		{"tel:+4940123456", "sip:+4940123456@contoso.test", false}, // a person of that name
		{"tel:+4940123456", "sip:ada@contoso.test", false},
		{"", "", true},
		{"", "tel:+4940123456", false},
		{"", "sip:ada@contoso.test", false},
	} {
		if got := ringtarget.Same(c.a, c.b); got != c.want {
			t.Errorf("Same(%q, %q) = %v", c.a, c.b, got)
		}
		if got := ringtarget.Same(c.b, c.a); got != c.want {
			t.Errorf("Same(%q, %q) = %v", c.b, c.a, got)
		}
	}
}

// A parsed target is canonical: parsing it again changes nothing, it is the
// same as what was written, and it keeps the limits. A refusal quotes nothing.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"tel:+4940123456;ext=12", "TEL:+49 (40) 123-456", "sip:Ada@Contoso.test", "sip:1234567890@contoso.test",
		"tel:+49401234567890123;ext=1", "1234567890", "sip:K@contoso.test", "tel:+4940123456;ext=1;ext=2", "tel:;ext=1@x",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ringtarget.Parse(s)
		if err != nil {
			if longRun(err.Error()) {
				t.Fatalf("the error has a run of digits that a log must not have: %v", err)
			}
			return
		}
		if again, err := ringtarget.Parse(string(got)); again != got || err != nil {
			t.Fatalf("Parse(%q) = %q, %v: not canonical", got, again, err)
		}
		if !ringtarget.Same(s, string(got)) {
			t.Fatalf("%q is not the same as its canonical form %q", s, got)
		}
		if n := utf8.RuneCountInString(string(got)); n > ringtarget.MaxLength {
			t.Fatalf("%q has %d characters", got, n)
		}
		if got.IsPhone() != strings.HasPrefix(string(got), "tel:+") {
			t.Fatalf("%q: phone %v", got, got.IsPhone())
		}
	})
}

// longRun reports nine or more digits in a row.
func longRun(s string) bool {
	for run := range strings.FieldsFuncSeq(s, func(r rune) bool { return r < '0' || r > '9' }) {
		if len(run) >= 9 {
			return true
		}
	}
	return false
}

// Same is an equivalence on whatever a server may send.
func FuzzSame(f *testing.F) {
	f.Add("tel:+4940123456;ext=12", "+4940123456;ext=12", "sip:+4940123456;ext=12@x;user=phone")
	f.Add("sip:ada@contoso.test", "ADA@contoso.test;x", "sips:ada@contoso.test")
	f.Add("", " ", "tel:")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if !ringtarget.Same(a, a) {
			t.Fatalf("%q is not the same as itself", a)
		}
		if ringtarget.Same(a, b) != ringtarget.Same(b, a) {
			t.Fatalf("%q and %q: order counts", a, b)
		}
		if ringtarget.Same(a, b) && ringtarget.Same(b, c) && !ringtarget.Same(a, c) {
			t.Fatalf("%q, %q, %q: not transitive", a, b, c)
		}
	})
}
