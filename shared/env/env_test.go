package env_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"dialtone/shared/env"
)

func reader(vars map[string]string) *env.Reader {
	return env.New(func(name string) (string, bool) {
		v, ok := vars[name]
		return v, ok
	})
}

func TestReads(t *testing.T) {
	t.Parallel()
	r := reader(map[string]string{
		"S": "text", "URL": "https://webexapis.com/v1", "I": "30", "F": "1.5", "D": "90s", "O": "broker", "B": "true", "EMPTY": "",
	})
	for _, c := range []struct{ got, want any }{
		{r.String("S"), "text"},
		{r.StringOr("S", "other"), "text"},
		{r.StringOr("NONE", "other"), "other"},
		{r.StringOr("EMPTY", "other"), "other"},
		{r.URL("URL"), "https://webexapis.com/v1"},
		{r.URLOr("NONE", ""), ""},
		{r.Int("I", 0, 30), 30},
		{r.IntOr("NONE", 7, 0, 1), 7},
		{r.Float("F", 1.5, 2), 1.5},
		{r.FloatOr("NONE", 0.5, 0, 1), 0.5},
		{r.Duration("D", 0, 90*time.Second), 90 * time.Second},
		{r.DurationOr("NONE", time.Minute, 0, 1), time.Minute},
		{r.OneOf("O", "password", "broker"), "broker"},
		{r.OneOfOr("NONE", "password", "broker"), "password"},
		{r.Bool("B"), true},
		{r.BoolOr("NONE", true), true},
	} {
		if c.got != c.want {
			t.Errorf("got %v, want %v", c.got, c.want)
		}
	}
	if err := r.Err(); err != nil {
		t.Errorf("nothing is wrong, got %v", err)
	}
}

func TestAllProblemsSortedByName(t *testing.T) {
	t.Parallel()
	r := reader(map[string]string{"C": "many", "B": "31", "EMPTY": ""})
	zero := []any{r.Int("C", 0, 30), r.Int("B", 0, 30), r.String("EMPTY"), r.String("A"), r.String("A")}
	if got := fmt.Sprint(zero...); got != fmt.Sprint(0, 0, "", "", "") {
		t.Errorf("bad variables read as %s, want zero values", got)
	}
	const want = `A: is not set: set it
B: "31" is not a whole number from 0 to 30: set one
C: "many" is not a whole number from 0 to 30: set one
EMPTY: is not set: set it`
	err := r.Err()
	if err == nil || err.Error() != want {
		t.Fatalf("got\n%v\nwant\n%s", err, want)
	}
	if p, ok := errors.AsType[env.Problem](err); !ok || p.Name != "A" {
		t.Errorf("first problem is %+v", p)
	}
}

func TestProblems(t *testing.T) {
	t.Parallel()
	str := func(r *env.Reader) { r.String("V") }
	url := func(r *env.Reader) { r.URL("V") }
	float := func(r *env.Reader) { r.Float("V", 0.1, 100) }
	span := func(r *env.Reader) { r.Duration("V", time.Second, time.Hour) }
	boolean := func(r *env.Reader) { r.Bool("V") }
	for _, c := range []struct {
		value string
		read  func(*env.Reader)
		want  string // "": accepted
	}{
		{" padded", str, "remove them"},
		{"line\n", str, "remove them"},
		{"https://host.example.test", url, ""},
		{"http://localhost:8080/x", url, ""},
		{"http://127.8.0.1", url, ""},
		{"http://[::1]:80", url, ""},
		{"http://host.example.test", url, "DIALTONE_ALLOW_HTTP=true"},
		{"http://localhost.example.test", url, "plain http"},
		{"ftp://host", url, "scheme"},
		{"host/path", url, "absolute"},
		{"https:host", url, "absolute"},
		{"https://", url, "absolute"},
		{"https://a b", url, "absolute"},
		{"https://ada:pw@host", url, "user or password"},
		{"https://host/#x", url, "# part"},
		{"0.1", float, ""},
		{"0.09", float, "from 0.1 to 100"},
		{"NaN", float, "not a number"},
		{"100.5", float, "not a number"},
		{"1h", span, ""},
		{"90", span, "with its unit"},
		{"2h", span, "from 1s to 1h0m0s"},
		{"yes", boolean, "set true or false"},
		{"false", boolean, ""},
		{"kerberos", func(r *env.Reader) { r.OneOf("V", "password", "broker") }, "one of password, broker"},
		{fmt.Sprint(math.MaxInt64) + "0", func(r *env.Reader) { r.Int("V", 0, math.MaxInt) }, "whole number"},
	} {
		t.Run(c.value, func(t *testing.T) {
			t.Parallel()
			r := reader(map[string]string{"V": c.value})
			c.read(r)
			err := r.Err()
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.HasPrefix(err.Error(), "V: ") || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want V: ...%s...", err, c.want)
			}
		})
	}
}

func TestHTTPWhenAllowed(t *testing.T) {
	t.Parallel()
	r := reader(map[string]string{"V": "http://host.example.test", env.AllowHTTP: "true"})
	if got := r.URL("V"); got != "http://host.example.test" || r.Err() != nil {
		t.Errorf("got %q, %v", got, r.Err())
	}
	r = reader(map[string]string{"V": "http://host.example.test", "W": "http://host.example.test", env.AllowHTTP: "perhaps"})
	r.URL("V")
	r.URL("W")
	if err := r.Err(); err == nil || strings.Count(err.Error(), env.AllowHTTP+": ") != 1 {
		t.Errorf("a bad %s must be reported once, got %v", env.AllowHTTP, err)
	}
}

func TestWhatMayBeASecretIsNeverQuoted(t *testing.T) {
	t.Parallel()
	const secret = "cwt=AAEBHAEFAAAAAAAFFQAAAHRvcHNlY3JldA"
	r := reader(map[string]string{
		"A": " " + secret, "B": secret, "C": secret, "D": secret, "E": secret, "F": "https://ada:" + secret + "@host", "G": "://" + secret,
	})
	r.String("A")
	r.Int("B", 0, 1)
	r.Duration("C", 0, 1)
	r.Bool("D")
	r.OneOf("E", "x")
	r.URL("F")
	r.URL("G")
	err := r.Err()
	if err == nil || strings.Count(err.Error(), "\n") != 6 || strings.Contains(err.Error(), "AAEB") {
		t.Errorf("got %v, want seven problems without the value", err)
	}
}

func Example() {
	set := map[string]string{"QUARANTINE_DAYS": "thirty"}
	r := env.New(func(name string) (string, bool) { // os.LookupEnv in a program
		v, ok := set[name]
		return v, ok
	})
	r.String("DIALTONE_TABLE")
	r.IntOr("QUARANTINE_DAYS", 30, 0, 3650)
	fmt.Println(r.Err())
	// Output:
	// DIALTONE_TABLE: is not set: set it
	// QUARANTINE_DAYS: "thirty" is not a whole number from 0 to 3650: set one
}
