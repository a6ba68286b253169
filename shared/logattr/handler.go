package logattr

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// Handler writes JSON lines to w, cleaned as [Redacting] does. The names of the
// time and the text are those that AWS Lambda's log levels work with: timestamp
// and message.
func Handler(w io.Writer, level slog.Leveler) slog.Handler {
	return Redacting(slog.NewJSONHandler(w, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			switch {
			case len(groups) > 0:
			case a.Key == slog.TimeKey:
				a.Key = "timestamp"
			case a.Key == slog.MessageKey:
				a.Key = "message"
			}
			return a
		},
	}))
}

// Redacting returns a handler that passes records to next with the message and
// every attribute cleaned as [Clean] does, those in groups, errors, LogValuers
// and other values included. Attributes named like a password, secret or token
// lose their value. Times are cut to milliseconds and durations become text,
// because their digits would look like numbers.
func Redacting(next slog.Handler) slog.Handler { return redactor{next} }

type redactor struct{ next slog.Handler }

func (h redactor) Enabled(ctx context.Context, l slog.Level) bool { return h.next.Enabled(ctx, l) }

func (h redactor) Handle(ctx context.Context, r slog.Record) error {
	c := slog.NewRecord(r.Time.Truncate(time.Millisecond), r.Level, Clean(r.Message), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		c.AddAttrs(attr(a))
		return true
	})
	return h.next.Handle(ctx, c)
}

func (h redactor) WithAttrs(attrs []slog.Attr) slog.Handler {
	return redactor{h.next.WithAttrs(cleaned(attrs))}
}

func (h redactor) WithGroup(name string) slog.Handler {
	return redactor{h.next.WithGroup(Clean(name))}
}

func cleaned(attrs []slog.Attr) []slog.Attr {
	c := make([]slog.Attr, len(attrs))
	for i, a := range attrs {
		c[i] = attr(a)
	}
	return c
}

func attr(a slog.Attr) slog.Attr {
	if secret(a.Key) {
		return slog.String(Clean(a.Key), mask)
	}
	return slog.Attr{Key: Clean(a.Key), Value: value(a.Key, a.Value.Resolve())}
}

// secret reports whether the key names a password, secret or token itself, not
// something about one such as secret_id.
func secret(key string) bool {
	k := strings.Map(func(r rune) rune {
		if strings.ContainsRune("_-. ", r) {
			return -1
		}
		return unicode.ToLower(r)
	}, key)
	for _, end := range []string{
		"password", "passwd", "passphrase", "pwd", "secret", "token", "apikey",
		"authorization", "assertion", "cookie", "credential", "credentials",
	} {
		if strings.HasSuffix(k, end) {
			return true
		}
	}
	return false
}

func value(key string, v slog.Value) slog.Value {
	switch v.Kind() {
	case slog.KindBool:
		return v
	case slog.KindGroup:
		return slog.GroupValue(cleaned(v.Group())...)
	case slog.KindInt64, slog.KindUint64:
		if s := v.String(); digits(s) >= digitsOfNumber {
			return slog.StringValue(text(key, s))
		}
		return v
	case slog.KindFloat64:
		return float(v.Float64())
	case slog.KindDuration:
		return slog.StringValue(Clean(v.Duration().Round(time.Microsecond).String()))
	case slog.KindTime:
		return slog.StringValue(Clean(v.Time().Format("2006-01-02T15:04:05.000Z07:00")))
	case slog.KindString:
		return slog.StringValue(text(key, v.String()))
	}
	return other(key, v.Any())
}

func text(key, s string) string {
	if technical(key) {
		return cleanID(s)
	}
	return Clean(s)
}

func digits(s string) int {
	n := 0
	for _, r := range s {
		if unicode.IsDigit(r) {
			n++
		}
	}
	return n
}

// float keeps six significant digits of a float that has too many.
func float(f float64) slog.Value {
	if s := strconv.FormatFloat(f, 'f', -1, 64); digits(s) < digitsOfNumber && !math.IsInf(f, 0) && !math.IsNaN(f) {
		return slog.Float64Value(f)
	}
	return slog.StringValue(strconv.FormatFloat(f, 'g', 6, 64))
}

// other cleans a value of any type by way of its JSON form.
func other(key string, v any) (out slog.Value) {
	defer func() {
		if recover() != nil {
			out = slog.StringValue(fmt.Sprintf("unprintable %T", v))
		}
	}()
	switch v := v.(type) {
	case error:
		return slog.StringValue(textOf(v))
	case []byte:
		return slog.StringValue(fmt.Sprintf("%d bytes", len(v)))
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return slog.StringValue(fmt.Sprintf("unprintable %T", v))
	}
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		return slog.StringValue(fmt.Sprintf("unprintable %T", v))
	}
	return slog.AnyValue(node(key, tree))
}

// textOf returns err's text cleaned, also when err's own method panics, as that
// of a nil pointer does.
func textOf(err error) (s string) {
	defer func() {
		if recover() != nil {
			s = fmt.Sprintf("unprintable %T", err)
		}
	}()
	return Clean(err.Error())
}

// node cleans a decoded JSON value that stands under key.
func node(key string, v any) any {
	if secret(key) {
		return mask
	}
	switch v := v.(type) {
	case string:
		return text(key, v)
	case json.Number:
		return number(key, v)
	case []any:
		c := make([]any, len(v))
		for i, e := range v {
			c[i] = node(key, e)
		}
		return c
	case map[string]any:
		c := make(map[string]any, len(v))
		for k, e := range v {
			c[Clean(k)] = node(k, e)
		}
		return c
	}
	return v
}

func number(key string, n json.Number) any {
	if digits(n.String()) < digitsOfNumber {
		return n
	}
	if f, err := n.Float64(); err == nil && strings.ContainsAny(n.String(), ".eE") {
		return float(f).Any()
	}
	return text(key, n.String())
}
