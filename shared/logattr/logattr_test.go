package logattr_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"dialtone/shared/e164"
	"dialtone/shared/failure"
	"dialtone/shared/logattr"
	"dialtone/shared/sipaddr"
)

const (
	number = "+12056350001"
	secret = "AAEBHAEFAAxyz.SECRET-9/+="
	uuid   = "12345678-1234-1234-1234-123456789012"
)

func TestClean(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{"nothing to hide", "nothing to hide"},
		{"", ""},
		// phone numbers
		{"number " + number + " is taken", "number +…0001 is taken"},
		{"tel:+12056350001;ext=12", "tel:+…0001;ext=12"},
		{"(205) 635 - 0001", "(…0001"},
		{"205.635.0001, 205-635-0002", "…0001, …0002"},
		{"205\u00a0635\u20110001", "…0001"},
		{"%2B1205%20635%200001", "%2B…0001"},
		{"１２０５６３５０００１", "…０００１"},
		{"12345\x0167890", "…7890"},
		{"12345678", "12345678"},
		{"2026-11-22T19:02:26Z", "2026-11-22T19:02:26Z"},
		{"1234    56789", "1234    56789"},
		{"id " + uuid, "id …9012"},
		// tokens
		{"Authorization: Bearer cwt=" + secret, "Authorization: …"},
		{"sent bearer " + secret + " to pool", "sent bearer … to pool"},
		{"cwt=" + secret + " expired", "cwt=… expired"},
		{"cwt%3D" + secret, "cwt%3D…"},
		{"jwt eyJhbGciOi.eyJzdWIi.c2ln-_x refused", "jwt … refused"},
		{`{"access_token":"` + secret + `","expires_in":3600}`, `{"access_token":"…","expires_in":3600}`},
		{`{"refreshToken" : "a\"b` + secret + `"}`, `{"refreshToken" : "…"}`},
		{`"{\"access_token\":\"` + secret + `\",\"x\":1}"`, `"{\"access_token\":\"…\",\"x\":1}"`},
		{`{"token":{"a":"` + secret + `"}}`, `{"token":…`},
		{"token=" + secret + "&x=1", "token=…&x=1"},
		{"Authorization: Basic " + secret, "Authorization: …"},
		{"Set-Cookie: a=" + secret + "; b=" + secret + "\nVia: x", "Set-Cookie: …\nVia: x"},
		// passwords
		{"grant_type=password&username=ada&password=" + secret, "grant_type=password&username=ada&password=…"},
		{"password: " + secret, "password: …"},
		{"{User:ada Password:" + secret + " Age:3}", "{User:ada Password:… Age:3}"},
		{`Password:"a b ` + secret + `" x`, `Password:"…" x`},
		{"https://ada:" + secret[:14] + "@pool.contoso.test/x", "https://…pool.contoso.test/x"},
		{"<password>" + secret + "</password>", "<password>…</password>"},
		{"pwd=" + secret, "pwd=…"},
		{"clientSecret=" + secret, "clientSecret=…"},
		// what must stay readable
		{"get token: connection reset", "get token: connection reset"},
		{"token is missing", "token is missing"},
		{"secret_id is set", "secret_id is set"},
		{"password", "password"},
		{"a\tb\nc", "a\tb\nc"},
		{strings.Repeat("a", 1<<20), strings.Repeat("a", 16<<10-3) + "…"},
	} {
		got := logattr.Clean(c.in)
		if got != c.want {
			t.Errorf("Clean(%q)\n got %q\nwant %q", c.in, got, c.want)
		}
	}
}

// logged returns the line that one record makes.
func logged(t *testing.T, with func(*slog.Logger)) string {
	t.Helper()
	var b bytes.Buffer
	with(slog.New(logattr.Handler(&b, slog.LevelInfo)))
	if b.Len() > 0 && !json.Valid(b.Bytes()) {
		t.Fatalf("not JSON: %s", &b)
	}
	return b.String()
}

func TestConstructors(t *testing.T) {
	t.Parallel()
	line := logged(t, func(l *slog.Logger) {
		l.Info("assigned", logattr.MessageID(uuid), logattr.MessageType("dialtone.number.assign.v1"),
			logattr.RequestSource("urn:hr"), logattr.RequestID("INC0012345678"), logattr.User(sipaddr.User("ada@contoso.test")),
			logattr.Location("Y2lz123456789"), logattr.Number(e164.Number(number)), logattr.TrackingID("ROUTER_"+uuid),
			logattr.System("webex"), logattr.Operation("availableNumbers"), logattr.Status(429), logattr.Attempt(2),
			logattr.Wait(90*time.Second), logattr.Class(failure.Unavailable), logattr.Error(errors.New("away")), logattr.Error(nil),
			logattr.Advice(fmt.Errorf("call: %w", &failure.Error{Advice: "Dial " + number + "."})), logattr.Advice(errors.New("away")))
	})
	var got map[string]any
	if err := json.Unmarshal([]byte(line), &got); err != nil {
		t.Fatal(err)
	}
	delete(got, "timestamp")
	want := map[string]any{
		"level": "INFO", "message": "assigned", "message_id": uuid, "message_type": "dialtone.number.assign.v1",
		"request_source": "urn:hr", "request_id": "INC0012345678", "user": "ada@contoso.test", "location": "Y2lz123456789",
		"number": "…0001", "tracking_id": "ROUTER_" + uuid, "system": "webex", "operation": "availableNumbers",
		"status": 429.0, "attempt": 2.0, "wait": "1m30s", "class": "unavailable", "error": "away", "advice": "Dial +…0001.",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

func TestTechnicalIDs(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		uuid:                            uuid,
		"é" + uuid + "é":                "é" + uuid + "é",
		"é205635000１":                   "é…000１",
		"INC0012345678":                 "INC0012345678",
		"hire-2026-000123456":           "hire-2026-000123456",
		"urn:" + uuid + ":x":            "urn:" + uuid + ":x",
		number:                          "+…0001",
		"tel:+1-205-635-0001":           "tel:+…0001",
		"case 205 635 0001":             "case …0001",
		"Bearer " + secret:              "Bearer …",
		"ROUTER_5FD9B4C8-000123456789A": "ROUTER_5FD9B4C8-000123456789A",
	} {
		line := logged(t, func(l *slog.Logger) { l.Info("x", slog.Group("g", logattr.RequestID(in))) })
		if !strings.Contains(line, `"g":{"request_id":"`+want+`"}`) {
			t.Errorf("request_id %q, want %q in %s", in, want, line)
		}
	}
}

type valuer struct{ v any }

func (v valuer) LogValue() slog.Value { return slog.AnyValue(v.v) }

type explosive struct{}

func (explosive) Error() string                { panic(number) }
func (explosive) MarshalJSON() ([]byte, error) { panic(number) }

type panicValuer struct{}

func (panicValuer) LogValue() slog.Value { panic(number) }

// leak finds what must never be in a log, by rules of its own.
func leak(line string) string {
	if strings.Contains(line, "SECRET") {
		return "SECRET"
	}
	return regexp.MustCompile(`\d(?:[ .\-()/_]{0,3}\d){8,}`).FindString(line)
}

func TestNothingLeaves(t *testing.T) {
	t.Parallel()
	in := number + " Bearer " + secret
	loop := map[string]any{}
	loop["self"] = loop
	type phone struct {
		Number   string
		Raw      int64
		Password string
		Tags     []string
		ByNumber map[string]float64
	}
	for name, with := range map[string]func(*slog.Logger){
		"message":       func(l *slog.Logger) { l.Info(in) },
		"string":        func(l *slog.Logger) { l.Info("x", "a", in) },
		"key":           func(l *slog.Logger) { l.Info("x", in, 1) },
		"int":           func(l *slog.Logger) { l.Info("x", "a", 12056350001) },
		"uint":          func(l *slog.Logger) { l.Info("x", "a", uint64(math.MaxUint64)) },
		"technical int": func(l *slog.Logger) { l.Info("x", "request_id", 12056350001) },
		"float": func(l *slog.Logger) {
			l.Info("x", "a", 12056350001.0, "b", 1.0/3, "c", math.Inf(1), "d", math.NaN(), "e", 1e-300)
		},
		"duration":   func(l *slog.Logger) { l.Info("x", "a", 123456789123456789*time.Nanosecond) },
		"time":       func(l *slog.Logger) { l.Info("x", "a", time.Unix(1, 123456789), "b", time.Unix(1<<50, 0)) },
		"error":      func(l *slog.Logger) { l.Info("x", "a", fmt.Errorf("wrapped: %w", errors.New(in))) },
		"error attr": func(l *slog.Logger) { l.Info("x", logattr.Error(errors.New(in))) },
		"panicking": func(l *slog.Logger) {
			l.Info("x", "a", explosive{}, logattr.Error(explosive{}), "b", []any{explosive{}}, "c", panicValuer{})
		},
		"group":      func(l *slog.Logger) { l.Info("x", slog.Group("g", slog.Group("h", "a", in))) },
		"group name": func(l *slog.Logger) { l.WithGroup(in).Info("x", "a", 1) },
		"with":       func(l *slog.Logger) { l.With("a", in).WithGroup("g").With("b", in).Info("x", "c", in) },
		"valuer": func(l *slog.Logger) {
			l.Info("x", "a", valuer{valuer{in}}, "b", valuer{[]slog.Attr{slog.String("c", in)}})
		},
		"struct": func(l *slog.Logger) {
			l.Info("x", "a", phone{in, 12056350001, "SECRET", []string{in}, map[string]float64{number: 12056350001}})
		},
		"pointer": func(l *slog.Logger) { l.Info("x", "a", &phone{Number: in, Password: "SECRET"}) },
		"bytes": func(l *slog.Logger) {
			l.Info("x", "a", []byte(in), "b", json.RawMessage(`{"n":12056350001,"f":1.23456789012,"pwd":"SECRET"}`))
		},
		"headers": func(l *slog.Logger) {
			l.Info("x", "a", http.Header{"Authorization": {"Basic SECRET"}, "X-Phone": {number}})
		},
		"unmarshalable": func(l *slog.Logger) { l.Info("x", "a", loop, "b", func() {}, "c", map[float64]string{1: in}) },
		"secret key": func(l *slog.Logger) {
			l.Info("x", "client_secret", "SECRET", "X-Token", "SECRET", slog.Group("credentials", "a", "SECRET"))
		},
		"separator JSON": func(l *slog.Logger) {
			l.Info("x", "a", "1234\u202856789", "b", "1234\x0056789", "c", "1234\n56789", "d", "1234\xff\xfe56789")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			line := logged(t, with)
			if line == "" {
				t.Fatal("nothing was logged")
			}
			if found := leak(line); found != "" {
				t.Errorf("%q left in %s", found, line)
			}
		})
	}
}

func TestHarmlessValuesStay(t *testing.T) {
	t.Parallel()
	line := logged(t, func(l *slog.Logger) {
		l.Info("x", "n", 12345678, "f", 1.5, "b", true, "nil", nil, "s", struct{ Left, Right int }{3, 4}, "list", []string{"a", "b"},
			"t", time.Date(2026, 11, 22, 19, 2, 26, 123456789, time.UTC), "secret_id", "arn:x", "when", slog.LevelWarn, "took", 1234567891*time.Nanosecond)
	})
	for _, want := range []string{
		`"n":12345678`, `"f":1.5`, `"b":true`, `"nil":null`, `"s":{"Left":3,"Right":4}`, `"list":["a","b"]`,
		`"t":"2026-11-22T19:02:26.123Z"`, `"secret_id":"arn:x"`, `"when":"WARN"`, `"took":"1.234568s"`, `"level":"INFO"`,
	} {
		if !strings.Contains(line, want) {
			t.Errorf("%s is not in %s", want, line)
		}
	}
}

func TestLevel(t *testing.T) {
	t.Parallel()
	if line := logged(t, func(l *slog.Logger) { l.Debug("x") }); line != "" {
		t.Errorf("debug line at level info: %s", line)
	}
}

func TestRedactingKeepsTheInnerHandlersContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	var got any
	h := logattr.Redacting(contextHandler{slog.DiscardHandler, func(ctx context.Context) { got = ctx.Value(key{}) }})
	slog.New(h).With("a", 1).InfoContext(context.WithValue(t.Context(), key{}, "here"), "x")
	if got != "here" {
		t.Errorf("inner handler saw %v", got)
	}
}

type contextHandler struct {
	slog.Handler
	see func(context.Context)
}

func (h contextHandler) Enabled(context.Context, slog.Level) bool { return true }
func (h contextHandler) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h contextHandler) Handle(ctx context.Context, _ slog.Record) error {
	h.see(ctx)
	return nil
}

func FuzzClean(f *testing.F) {
	f.Add("call +1 (205) 635-0001 now", "Bearer ", "x")
	f.Add("1234\x0056789", `{\"access_token\":\"`, `\"}`)
	f.Add("%2B1205%20635%200001", "cwt=", "&a=1")
	f.Add("a1b2c3d4e5f6a7b8c9", "password=", " and more")
	f.Fuzz(func(t *testing.T, text, before, after string) {
		clean := logattr.Clean(text)
		if found := leak(clean); found != "" && !strings.Contains(text, "SECRET") {
			t.Errorf("%q left in %q", found, clean)
		}
		if again := logattr.Clean(clean); again != clean {
			t.Errorf("cleaned twice %q becomes %q", clean, again)
		}
		line := logged(t, func(l *slog.Logger) {
			l.Info(text, "a", text, text, 1, "b", []string{text, text}, "c", errors.New(text))
		})
		if found := leak(line); found != "" && !strings.Contains(text, "SECRET") {
			t.Errorf("%q left in %s", found, line)
		}
		for _, field := range []string{"cwt=", "Bearer ", "password=", `"access_token":"`, `{"refreshToken": "`, `\"password\":\"`} {
			if endsInWord(before) {
				continue
			}
			if got := logattr.Clean(before + field + "SECRETsecret" + after); strings.Contains(got, "SECRETsecret") && !strings.Contains(before+after, "SECRET") {
				t.Errorf("after %q, %q leaves %q", before, field, got)
			}
		}
	})
}

// endsInWord reports whether a field name put behind s would be part of a longer
// word, as in "forBearer ".
func endsInWord(s string) bool {
	r := []rune(s)
	return len(r) > 0 && (unicode.IsLetter(r[len(r)-1]) || unicode.IsDigit(r[len(r)-1]) || strings.ContainsRune(`_\`, r[len(r)-1]))
}

func FuzzIDs(f *testing.F) {
	f.Add(uuid)
	f.Add("urn:hr/" + number)
	f.Fuzz(func(t *testing.T, id string) {
		line := logged(t, func(l *slog.Logger) { l.Info("x", logattr.RequestID(id)) })
		for _, word := range regexp.MustCompile(`[A-Za-z0-9_-]+`).FindAllString(line, -1) {
			bare := regexp.MustCompile(`^[\d_-]+$`).MatchString(word)
			if bare && leak(word) != "" && len(word) != len(uuid) {
				t.Errorf("%q left in %s", word, line)
			}
		}
	})
}
