package e164_test

import (
	"testing"

	"dialtone/shared/e164"
)

func TestParse(t *testing.T) {
	for in, ok := range map[string]bool{
		"+12056350001": true, "+4940123456": true, "+1234567": true, "+123456789012345": true,
		"": false, "12056350001": false, "+02056350001": false, "+1 205 635": false, "+123456": false,
		"+1234567890123456": false, "tel:+12056350001": false, "+1205635000a": false,
	} {
		if _, err := e164.Parse(in); (err == nil) != ok {
			t.Errorf("Parse(%q) error %v, want ok %v", in, err, ok)
		}
	}
}

func TestFromTel(t *testing.T) {
	for _, c := range []struct {
		in  string
		n   e164.Number
		ext string
		ok  bool
	}{
		{"tel:+14255551234", "+14255551234", "", true},
		{" tel:+1425554321;ext=54321", "+1425554321", "54321", true},
		{"+1 408 526 7209", "+14085267209", "", true},
		{"TEL:+1(425)555-1234", "+14255551234", "", true},
		{"4255551212", "", "", false},
		{"", "", "", false},
	} {
		n, ext, ok := e164.FromTel(c.in)
		if n != c.n || ext != c.ext || ok != c.ok {
			t.Errorf("FromTel(%q) = %q %q %v, want %q %q %v", c.in, n, ext, ok, c.n, c.ext, c.ok)
		}
	}
}

func TestSame(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"tel:+14255551234", "+1 425 555-1234", true},
		{"tel:+14255551234;ext=7", "tel:+14255551234", false},
		{"tel:+14255551234;ext=7", "+14255551234;EXT=7", true},
		{"4255551234", "+14255551234", false},
		{"", "", true},
		{"", "tel:+14255551234", false},
	} {
		if got := e164.Same(c.a, c.b); got != c.want {
			t.Errorf("Same(%q, %q) = %v, want %v", c.a, c.b, got, c.want)
		}
	}
}

func TestMasked(t *testing.T) {
	if got := e164.Number("+12056350001").Masked(); got != "…0001" {
		t.Errorf("Masked = %q", got)
	}
}
