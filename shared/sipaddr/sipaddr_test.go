package sipaddr_test

import (
	"testing"

	"dialtone/shared/sipaddr"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		in   string
		want sipaddr.User
	}{
		{"sip:Ada@Contoso.test", "ada@contoso.test"},
		{" ada.l@contoso.test ", "ada.l@contoso.test"},
		{"SIP:ada@contoso.test", "ada@contoso.test"},
		{"", ""},
		{"ada", ""},
		{"@contoso.test", ""},
		{"ada@", ""},
		{"a b@contoso.test", ""},
		{"ada@contoso.test;transport=tls", ""},
		{"ada@@contoso.test", ""},
		{"ada@.test", ""},
		{"ada@a..b", ""},
	} {
		got, err := sipaddr.Parse(c.in)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("Parse(%q) = %q, %v; want %q", c.in, got, err, c.want)
		}
	}
}

func TestParts(t *testing.T) {
	u := sipaddr.User("ada@contoso.test")
	if u.URI() != "sip:ada@contoso.test" || u.Domain() != "contoso.test" || u.LocalPart() != "ada" {
		t.Errorf("parts of %s: %s %s %s", u, u.URI(), u.Domain(), u.LocalPart())
	}
}
