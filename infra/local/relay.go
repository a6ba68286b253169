package local

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"time"
)

// relay writes the lines of function processes into the log of this one. A line
// that is a record of their log stays one, with its time and level; others, such
// as the last words of a process that dies, become the text of one.
type relay struct{ log *slog.Logger }

// Write takes one line. It never fails.
func (r relay) Write(line []byte) (int, error) {
	ctx := context.Background()
	l, ok := parseLine(line)
	if !ok {
		r.log.WarnContext(ctx, "function wrote", slog.String("line", string(bytes.TrimSpace(line))))
		return len(line), nil
	}
	if r.log.Enabled(ctx, l.level) {
		record := slog.NewRecord(l.time, l.level, l.message, 0)
		record.AddAttrs(l.attrs...)
		_ = r.log.Handler().Handle(ctx, record)
	}
	return len(line), nil
}

// logLine is a line of a function's log, in the names of AWS Lambda.
type logLine struct {
	time    time.Time
	level   slog.Level
	message string
	attrs   []slog.Attr // in their order
}

// parseLine reads a JSON object with a time, a level and a message.
func parseLine(line []byte) (l logLine, ok bool) {
	d := json.NewDecoder(bytes.NewReader(line))
	d.UseNumber()
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return l, false
	}
	known := 0
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return l, false
		}
		var v any
		if err := d.Decode(&v); err != nil {
			return l, false
		}
		if l.head(key.(string), v) {
			known++
			continue
		}
		l.attrs = append(l.attrs, slog.Any(key.(string), v))
	}
	_, err := d.Token()
	return l, err == nil && known == 3
}

// head sets what every line has; it reports whether the key is one of those and
// fits.
func (l *logLine) head(key string, v any) bool {
	s, ok := v.(string)
	if !ok {
		return false
	}
	var err error
	switch key {
	case "timestamp":
		l.time, err = time.Parse(time.RFC3339Nano, s)
	case "level":
		err = l.level.UnmarshalText([]byte(s))
	case "message":
		l.message = s
	default:
		return false
	}
	return err == nil
}

// text returns an attribute that is text; "" if there is none.
func (l logLine) text(key string) string {
	for _, a := range l.attrs {
		if a.Key == key && a.Value.Kind() == slog.KindString {
			return a.Value.String()
		}
	}
	return ""
}
